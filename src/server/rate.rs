//! Token buckets: how many of something may come at once, and how many each second.
//!
//! A bucket is kept as one point in time: until when its owner has used up its share. Who is new,
//! or has been quiet for long, has a full bucket and needs no entry anywhere.

use std::time::{Duration, Instant};

/// A token bucket: so many messages, or connections, at once, and so many each second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Each second, in the long run.
    pub per_second: u32,
    /// At once.
    pub burst: u32,
}

/// Whether a message may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Pass,
    /// Too fast: it is dropped and the sender is told.
    Refuse,
    /// Far too fast, although it was told.
    Expel,
}

impl Rate {
    /// The time that pays for one.
    fn interval(self) -> Duration {
        Duration::from_secs(1) / self.per_second.max(1)
    }

    /// How far ahead of its time an owner may be.
    fn tolerance(self) -> Duration {
        self.interval() * self.burst
    }

    fn next(self, paid_until: Option<Instant>, now: Instant) -> Instant {
        let from = paid_until.map_or(now, |paid_until| paid_until.max(now));
        from.checked_add(self.interval()).unwrap_or(from)
    }

    /// Takes one from a bucket that somebody alone owns, a connection. Refused ones count too, so
    /// an owner that goes on is further and further ahead, and is expelled when it is two bursts
    /// ahead.
    pub(super) fn judge(self, paid_until: &mut Option<Instant>, now: Instant) -> Admission {
        let until = self.next(*paid_until, now);
        *paid_until = Some(until);
        let ahead = until.saturating_duration_since(now);
        if ahead <= self.tolerance() {
            Admission::Pass
        } else if ahead <= self.tolerance() * 2 {
            Admission::Refuse
        } else {
            Admission::Expel
        }
    }

    /// Takes one from a bucket that many share, if there is one left. A refusal costs nothing, so
    /// that one who goes on does not keep the bucket empty for the others.
    pub(super) fn take(self, paid_until: &mut Option<Instant>, now: Instant) -> bool {
        let until = self.next(*paid_until, now);
        let passes = until.saturating_duration_since(now) <= self.tolerance();
        if passes {
            *paid_until = Some(until);
        }
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 3 };

    #[test]
    fn a_burst_passes_and_then_so_many_each_second() {
        let now = Instant::now();
        let at = |ms| now + Duration::from_millis(ms);
        let mut paid_until = None;
        let mut take = |time| RATE.take(&mut paid_until, time);
        assert_eq!([0; 5].map(|time| take(at(time))), [true, true, true, false, false]);
        assert!(!take(at(99)), "refusals cost nothing, and give nothing");
        assert!(take(at(100)));
        assert!(!take(at(100)));
        // However long it is quiet, no more than a burst is saved up.
        assert_eq!([60_000; 4].map(|time| take(at(time))), [true, true, true, false]);
    }

    #[test]
    fn who_goes_on_is_refused_and_then_expelled() {
        use Admission::{Expel, Pass, Refuse};
        let now = Instant::now();
        let mut paid_until = None;
        let seen = [(); 8].map(|()| RATE.judge(&mut paid_until, now));
        assert_eq!(seen, [Pass, Pass, Pass, Refuse, Refuse, Refuse, Expel, Expel]);
    }
}
