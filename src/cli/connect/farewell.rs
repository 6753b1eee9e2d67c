//! When it is time to leave, after the last line.
//!
//! Nobody says how many answers are still to come. So a ping follows the last line: a server that
//! does one thing after the other has answered all before it sends the pong. One that answers pings
//! at once, beside its application, is given until it falls silent.

use std::time::{Duration, Instant};

use wigwag::protocol::Event;

/// The ping that follows the last line.
pub(super) const LAST_PING: &[u8] = b"that was all";

/// So long nothing at all may come before the pong, and so long anything may come behind it.
const LONG: Duration = Duration::from_secs(5);

/// After the pong, so long a silence is the end.
const SHORT: Duration = Duration::from_millis(200);

/// When to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    /// There may be more lines.
    Never,
    /// Then, whatever comes.
    At(Instant),
    /// The pong is awaited.
    AfterPong(Instant),
    /// It has come; silence is awaited.
    AfterSilence { silence: Instant, at_most: Instant },
}

impl Farewell {
    /// There are no more lines. Whoever did not say how long to wait sends the ping now.
    pub(super) fn after_the_last_line(wait: Option<Duration>, now: Instant) -> Self {
        match wait {
            Some(wait) => Self::At(later(now, wait)),
            None => Self::AfterPong(later(now, LONG)),
        }
    }

    pub(super) fn time(self) -> Option<Instant> {
        match self {
            Self::Never => None,
            Self::At(time) | Self::AfterPong(time) => Some(time),
            Self::AfterSilence { silence, at_most } => Some(silence.min(at_most)),
        }
    }

    /// Something came. True: it is the pong that was awaited, and nothing to show.
    pub(super) fn hear(&mut self, event: &Event<'_>, now: Instant) -> bool {
        match self {
            Self::Never | Self::At(_) => {}
            Self::AfterPong(_) if *event == Event::Pong(LAST_PING) => {
                let (silence, at_most) = (later(now, SHORT), later(now, LONG));
                *self = Self::AfterSilence { silence, at_most };
                return true;
            }
            Self::AfterPong(time) => *time = later(now, LONG),
            Self::AfterSilence { silence, .. } => *silence = later(now, SHORT),
        }
        false
    }
}

fn later(now: Instant, time: Duration) -> Instant {
    now.checked_add(time).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pong_is_followed_by_a_silence_which_answers_put_off() {
        let start = Instant::now();
        let mut farewell = Farewell::after_the_last_line(None, start);
        assert_eq!(farewell.time(), Some(start + LONG));
        let answered = start + LONG / 2;
        assert!(!farewell.hear(&Event::Text("an answer"), answered));
        assert!(!farewell.hear(&Event::Pong(b"another"), answered));
        assert_eq!(farewell.time(), Some(answered + LONG));
        assert!(farewell.hear(&Event::Pong(LAST_PING), answered));
        assert_eq!(farewell.time(), Some(answered + SHORT));
        assert!(!farewell.hear(&Event::Text("late"), answered + SHORT / 2));
        assert_eq!(farewell.time(), Some(answered + SHORT / 2 + SHORT));
        assert!(!farewell.hear(&Event::Text("without end"), answered + LONG));
        assert_eq!(farewell.time(), Some(answered + LONG));
    }

    #[test]
    fn a_time_that_was_asked_for_is_kept() {
        let start = Instant::now();
        let mut farewell = Farewell::after_the_last_line(Some(LONG), start);
        assert!(!farewell.hear(&Event::Pong(LAST_PING), start + SHORT));
        assert_eq!(farewell.time(), Some(start + LONG));
    }
}
