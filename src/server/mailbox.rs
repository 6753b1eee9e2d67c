//! What one loop has for the peers of another.

use std::sync::{Mutex, PoisonError};

use mio::Waker;

use crate::apps::{Effect, Message, PeerId};
use crate::protocol::CloseCode;

/// The most bytes that may wait in a mailbox. A loop that lags so far behind cannot be waited for
/// (two loops would wait for each other), so those whom a message no longer reaches are closed: they
/// must not believe that they missed nothing.
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
    waker: Waker,
}

#[derive(Default)]
struct Queue {
    list: Vec<Mail>,
    bytes: usize,
}

impl Mailbox {
    pub(super) fn new(waker: Waker) -> Self {
        Self { mail: Mutex::default(), waker }
    }

    /// Wakes the loop, whatever is in its mailbox.
    pub(super) fn wake(&self) {
        // This fails only if the loop is gone, and then there is nobody to tell.
        let _ = self.waker.wake();
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
        let size = mail.size();
        if queue.bytes.saturating_add(size) > LIMIT {
            let lost = mail.recipients().to_vec();
            queue.list.extend(lost.into_iter().map(|peer| {
                Mail::Close(peer, CloseCode::TRY_AGAIN_LATER, "the server is overloaded".into())
            }));
        } else {
            queue.bytes = queue.bytes.saturating_add(size);
            queue.list.push(mail);
        }
        let first = queue.list.len() == 1;
        drop(queue);
        if first {
            self.wake();
        }
    }

    /// Takes everything out.
    pub(super) fn take(&self) -> Vec<Mail> {
        let mut queue = self.mail.lock().unwrap_or_else(PoisonError::into_inner);
        queue.bytes = 0;
        std::mem::take(&mut queue.list)
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
