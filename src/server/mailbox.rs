//! What one loop has for the peers of another.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use mio::Waker;

use crate::apps::{Effect, Message, PeerId};
use crate::protocol::CloseCode;

/// While so many bytes wait in a mailbox, nothing is added. A loop that lags so far behind cannot
/// be waited for (two loops would wait for each other), so those whom a message no longer reaches
/// are closed: they must not believe that they missed nothing.
const LIMIT: usize = 8 * 1024 * 1024;

/// One thing for the peers of a loop.
#[derive(Debug)]
pub(super) enum Mail {
    Text(Vec<PeerId>, Box<str>),
    Binary(Vec<PeerId>, Box<[u8]>),
    Close(PeerId, CloseCode, Box<str>),
}

/// A loop's mailbox. Others put in; the loop takes out all at once.
pub(super) struct Mailbox {
    mail: Mutex<Queue>,
    bell: Bell,
}

/// How a loop learns that it is wanted.
enum Bell {
    /// Its `poll` returns.
    Poll(Waker),
    /// Whoever drives it looks here.
    Flag(AtomicBool),
}

#[derive(Default)]
struct Queue {
    list: Vec<Mail>,
    bytes: usize,
    /// Those whom something did not reach. A set: it cannot outgrow the loop's peers.
    missed: BTreeSet<PeerId>,
}

impl Mailbox {
    pub(super) fn new(waker: Waker) -> Self {
        Self { mail: Mutex::default(), bell: Bell::Poll(waker) }
    }

    /// The mailbox of a loop that no `poll` waits for.
    pub(super) fn detached() -> Self {
        Self { mail: Mutex::default(), bell: Bell::Flag(AtomicBool::new(false)) }
    }

    /// Whether a detached loop was woken since this was last asked.
    pub(super) fn take_wake(&self) -> bool {
        matches!(&self.bell, Bell::Flag(flag) if flag.swap(false, Ordering::Relaxed))
    }

    /// Wakes the loop, whatever is in its mailbox.
    pub(super) fn wake(&self) {
        match &self.bell {
            // This fails only if the loop is gone, and then there is nobody to tell.
            Bell::Poll(waker) => drop(waker.wake()),
            Bell::Flag(flag) => flag.store(true, Ordering::Relaxed),
        }
    }

    /// Puts in what `effect` has for the peers of loop `index`.
    pub(super) fn put(&self, index: u16, effect: Effect<'_>) {
        let mail = match effect {
            Effect::Send { to, message } => {
                let to = to.iter().copied().filter(|peer| peer.loop_index() == index).collect();
                match message {
                    Message::Text(text) => Mail::Text(to, text.into()),
                    Message::Binary(payload) => Mail::Binary(to, payload.into()),
                }
            }
            Effect::Close { peer, code, reason } => Mail::Close(peer, code, reason.into()),
            // A timeout is always that of the peer a call is about, so it never travels.
            Effect::Timeout { .. } => return,
        };
        let mut queue = self.mail.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever filled it has woken the loop, and it takes out all at once.
        let first = queue.list.is_empty();
        if queue.bytes < LIMIT {
            queue.bytes = queue.bytes.saturating_add(mail.size());
            queue.list.push(mail);
        } else {
            queue.missed.extend(mail.recipients());
        }
        drop(queue);
        if first {
            self.wake();
        }
    }

    /// Takes everything out. Those who missed something come first, so that nothing reaches them
    /// from behind the gap.
    pub(super) fn take(&self) -> Vec<Mail> {
        let mut queue = self.mail.lock().unwrap_or_else(PoisonError::into_inner);
        let Queue { list, missed, .. } = std::mem::take(&mut *queue);
        drop(queue);
        if missed.is_empty() {
            return list;
        }
        let close = |peer| {
            let reason = "the server is overloaded";
            Mail::Close(peer, CloseCode::TRY_AGAIN_LATER, reason.into())
        };
        missed.into_iter().map(close).chain(list).collect()
    }
}

impl Mail {
    fn size(&self) -> usize {
        let content = match self {
            Self::Text(_, text) => text.len(),
            Self::Binary(_, payload) => payload.len(),
            Self::Close(_, _, reason) => reason.len(),
        };
        content.saturating_add(size_of_val(self.recipients())).saturating_add(size_of::<Self>())
    }

    fn recipients(&self) -> &[PeerId] {
        match self {
            Self::Text(to, _) | Self::Binary(to, _) => to,
            Self::Close(peer, _, _) => std::slice::from_ref(peer),
        }
    }

    /// The mail as an effect, to be delivered like one that was asked for on this loop.
    pub(super) fn as_effect(&self) -> Effect<'_> {
        match self {
            Self::Text(to, text) => Effect::Send { to, message: Message::Text(text) },
            Self::Binary(to, payload) => Effect::Send { to, message: Message::Binary(payload) },
            Self::Close(peer, code, reason) => Effect::Close { peer: *peer, code: *code, reason },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mio::{Events, Poll, Token};

    use super::*;

    /// A mailbox, and the poll that its waker wakes.
    fn mailbox() -> (Mailbox, Poll) {
        let poll = Poll::new().unwrap();
        let waker = Waker::new(poll.registry(), Token(0)).unwrap();
        (Mailbox::new(waker), poll)
    }

    fn woken(poll: &mut Poll) -> bool {
        let mut events = Events::with_capacity(8);
        poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
        !events.is_empty()
    }

    fn peers(count: u32) -> Vec<PeerId> {
        (0..count).map(|slot| PeerId::new(1, slot, 0)).collect()
    }

    fn send<'a>(to: &'a [PeerId], payload: &'a [u8]) -> Effect<'a> {
        let message = Message::Binary(payload);
        Effect::Send { to, message }
    }

    #[test]
    fn what_is_put_in_wakes_the_loop_once_and_comes_out_once() {
        let (mailbox, mut poll) = mailbox();
        let to = peers(2);
        assert!(!woken(&mut poll));
        for _ in 0..3 {
            mailbox.put(1, send(&to, b"x"));
        }
        assert!(woken(&mut poll));
        assert_eq!(mailbox.take().len(), 3);
        assert_eq!(mailbox.take().len(), 0);
        mailbox.put(1, send(&to, b"x"));
        assert!(woken(&mut poll), "again, after it was empty");
    }

    #[test]
    fn it_is_only_for_the_peers_of_its_loop() {
        let (mailbox, _poll) = mailbox();
        let to = [PeerId::new(0, 0, 0), PeerId::new(1, 7, 0), PeerId::new(2, 0, 0)];
        mailbox.put(1, send(&to, b"x"));
        assert_eq!(mailbox.take()[0].recipients(), [to[1]]);
    }

    #[test]
    fn a_message_larger_than_the_limit_passes() {
        let (mailbox, mut poll) = mailbox();
        mailbox.put(1, send(&peers(3), &vec![0; LIMIT + 1]));
        assert!(woken(&mut poll));
        assert!(matches!(&mailbox.take()[..], [Mail::Binary(to, _)] if to.len() == 3));
    }

    #[test]
    fn who_misses_something_is_closed_and_nothing_grows() {
        let (mailbox, _poll) = mailbox();
        let (some, all) = (peers(2), peers(3));
        mailbox.put(1, send(&all, &vec![0; LIMIT]));
        for _ in 0..10_000 {
            mailbox.put(1, send(&some, b"x"));
        }
        let mail = mailbox.take();
        let [Mail::Close(first, ..), Mail::Close(second, ..), Mail::Binary(..)] = &mail[..] else {
            panic!("{} pieces of mail", mail.len());
        };
        assert_eq!([*first, *second], some[..]);
    }
}
