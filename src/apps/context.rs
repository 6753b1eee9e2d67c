//! What an application can do: answer, send to others, close, wait.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use super::PeerId;
use crate::protocol::{CloseCode, Outbox, SendError};

/// A message of either kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
}

/// The peer that a call is about, and the means to answer it and to reach others.
///
/// What is sent to the peer itself goes straight to its outbox. What is sent to others is gathered
/// in [`Effects`] and delivered by the server after the call.
pub struct Context<'a> {
    peer: PeerId,
    address: SocketAddr,
    outbox: Option<&'a mut Outbox>,
    effects: &'a mut Effects,
}

impl<'a> Context<'a> {
    /// A context for one call. Without an outbox, replies are gathered with the other effects: so
    /// they are while a peer has not opened yet, when it is gone, and in an application's tests.
    pub fn new(
        peer: PeerId,
        address: SocketAddr,
        outbox: Option<&'a mut Outbox>,
        effects: &'a mut Effects,
    ) -> Self {
        Self { peer, address, outbox, effects }
    }

    /// The peer that this call is about.
    pub fn peer(&self) -> PeerId {
        self.peer
    }

    /// Where the peer connects from.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends a message to the peer that this call is about. A peer that reads so slowly that its
    /// outbox is full is closed with 1013; to one that is closing nothing is sent.
    pub fn reply(&mut self, message: Message<'_>) {
        let Some(outbox) = self.outbox.as_mut() else {
            return self.effects.send([self.peer], message);
        };
        let sent = match message {
            Message::Text(text) => outbox.text(text),
            Message::Binary(payload) => outbox.binary(payload),
        };
        match sent {
            Ok(()) => self.effects.replies = self.effects.replies.wrapping_add(1),
            Err(SendError::Full) => {
                let _ = outbox.close(CloseCode::TRY_AGAIN_LATER, "you read too slowly");
            }
            Err(_) => {}
        }
    }

    /// Sends a message to any peer. It is not an error if that peer is gone.
    pub fn send(&mut self, to: PeerId, message: Message<'_>) {
        if to == self.peer {
            return self.reply(message);
        }
        self.effects.send([to], message);
    }

    /// Sends one message to many peers.
    pub fn send_to_all(&mut self, to: impl IntoIterator<Item = PeerId>, message: Message<'_>) {
        let own = self.peer;
        let mut to_itself = false;
        self.effects.send(
            to.into_iter().filter(|&to| {
                to_itself |= to == own;
                to != own
            }),
            message,
        );
        if to_itself {
            self.reply(message);
        }
    }

    /// Begins the closing handshake with the peer that this call is about.
    pub fn close(&mut self, code: CloseCode, reason: &str) {
        match self.outbox.as_mut() {
            // An error says that a Close frame was sent before: the first one counts.
            Some(outbox) => drop(outbox.close(code, reason)),
            None => self.effects.close(self.peer, code, reason),
        }
    }

    /// Begins the closing handshake with any peer.
    pub fn close_peer(&mut self, peer: PeerId, code: CloseCode, reason: &str) {
        if peer == self.peer {
            return self.close(code, reason);
        }
        self.effects.close(peer, code, reason);
    }

    /// Asks for [`Application::timeout`](super::Application::timeout) to be called for this peer
    /// after some time; `None` withdraws that. Each peer has one such time.
    pub fn set_timeout(&mut self, after: Option<Duration>) {
        self.effects.list.push(Stored::Timeout { peer: self.peer, after });
    }
}

/// What is to be done for peers other than the one a call is about; the server does it after the
/// call. The buffers keep their capacity, so that a relayed message allocates nothing.
#[derive(Debug, Default)]
pub struct Effects {
    list: Vec<Stored>,
    recipients: Vec<PeerId>,
    text: String,
    binary: Vec<u8>,
    /// How many messages were queued as replies, past this list.
    replies: u64,
}

#[derive(Debug)]
enum Stored {
    Text { to: Range<usize>, text: Range<usize> },
    Binary { to: Range<usize>, payload: Range<usize> },
    Close { peer: PeerId, code: CloseCode, reason: Range<usize> },
    Timeout { peer: PeerId, after: Option<Duration> },
}

/// One thing to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect<'a> {
    /// Send a message to each of these peers.
    Send {
        /// To whom; never empty.
        to: &'a [PeerId],
        /// What.
        message: Message<'a>,
    },
    /// Begin the closing handshake with a peer.
    Close {
        /// With whom.
        peer: PeerId,
        /// The close code.
        code: CloseCode,
        /// The reason.
        reason: &'a str,
    },
    /// Set or withdraw the timeout of a peer.
    Timeout {
        /// Whose.
        peer: PeerId,
        /// After what time from now; `None`: not at all.
        after: Option<Duration>,
    },
}

impl Effects {
    /// How much capacity is kept between calls; what one huge message needed more is given back.
    const KEPT: usize = 64 * 1024;

    /// The effects, in the order in which they were asked for.
    pub fn iter(&self) -> impl Iterator<Item = Effect<'_>> {
        self.list.iter().filter_map(|stored| {
            Some(match stored {
                Stored::Text { to, text } => Effect::Send {
                    to: self.recipients.get(to.clone())?,
                    message: Message::Text(self.text.get(text.clone())?),
                },
                Stored::Binary { to, payload } => Effect::Send {
                    to: self.recipients.get(to.clone())?,
                    message: Message::Binary(self.binary.get(payload.clone())?),
                },
                Stored::Close { peer, code, reason } => Effect::Close {
                    peer: *peer,
                    code: *code,
                    reason: self.text.get(reason.clone())?,
                },
                Stored::Timeout { peer, after } => Effect::Timeout { peer: *peer, after: *after },
            })
        })
    }

    /// How many replies went straight to outboxes since this was last asked.
    pub fn take_replies(&mut self) -> u64 {
        std::mem::take(&mut self.replies)
    }

    /// Whether there is nothing to be done.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.list.clear();
        self.recipients.clear();
        self.text.clear();
        self.binary.clear();
        self.text.shrink_to(Self::KEPT);
        self.binary.shrink_to(Self::KEPT);
        self.recipients.shrink_to(Self::KEPT);
        self.list.shrink_to(Self::KEPT);
    }

    fn send(&mut self, to: impl IntoIterator<Item = PeerId>, message: Message<'_>) {
        let first = self.recipients.len();
        self.recipients.extend(to);
        let to = first..self.recipients.len();
        if to.is_empty() {
            return;
        }
        let stored = match message {
            Message::Text(text) => Stored::Text { to, text: self.store_text(text) },
            Message::Binary(payload) => {
                let start = self.binary.len();
                self.binary.extend_from_slice(payload);
                Stored::Binary { to, payload: start..self.binary.len() }
            }
        };
        self.list.push(stored);
    }

    fn close(&mut self, peer: PeerId, code: CloseCode, reason: &str) {
        let reason = self.store_text(reason);
        self.list.push(Stored::Close { peer, code, reason });
    }

    fn store_text(&mut self, text: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(text);
        start..self.text.len()
    }
}
