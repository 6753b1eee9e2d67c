//! Loops without sockets and without a clock: the same work, driven by hand.
//!
//! All that the server does above its sockets is done here too: request heads, WebSockets,
//! applications, deadlines, limits, the budget, and the mail between loops. Whoever drives it brings
//! the byte streams and says what time it is, so that a simulation can be repeated exactly: see
//! `tests/simulation`. What is left out is what needs an operating system: listening, accepting,
//! and waiting in `poll`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::config::Config;
use super::furnish;
use super::hub::{Hub, Readiness};
use super::mailbox::Mailbox;
use super::site::Shared;
use super::table::Key;
use super::transport::Transport;
use crate::apps::PeerId;

/// One event loop of a server, detached from the operating system.
///
/// What `poll` is to a real loop, its driver is to this one. It calls [`turn`](Self::turn) when it
/// has said that something is [`ready`](Self::ready), when [`must_run`](Self::must_run) says so, and
/// when [`next_deadline`](Self::next_deadline) has come.
pub struct DetachedLoop<T> {
    index: u16,
    hub: Hub<T>,
    shared: Arc<Shared>,
}

impl<T: Transport> DetachedLoop<T> {
    /// The loops of one server. What `config` says of listening is not used.
    pub fn group(config: Config, now: Instant) -> Vec<Self> {
        let loops = config.loops.max(1);
        let mailboxes = (0..loops).map(|_| Mailbox::detached()).collect();
        let (shared, applications) = furnish(config, mailboxes);
        let indexed = (0..).zip(applications);
        indexed
            .map(|(index, applications)| {
                let hub = Hub::new(index, Arc::clone(&shared), applications, now);
                Self { index, hub, shared: Arc::clone(&shared) }
            })
            .collect()
    }

    /// Whether one more connection may be accepted: there are fewer than
    /// [`connections`](super::ServerLimits::connections), and the budget is not used up.
    pub fn has_room(&self) -> bool {
        self.shared.has_room(0)
    }

    /// Takes in a connection. It is run in the next turn.
    pub fn insert(&mut self, transport: T, address: SocketAddr, now: Instant) -> PeerId {
        let key = self.hub.insert(transport, address, now);
        PeerId::new(self.index, key.slot, key.generation)
    }

    /// Notes that a transport is ready. One whose connection is gone is ignored.
    pub fn ready(&mut self, peer: PeerId, readiness: Readiness) {
        if peer.loop_index() == self.index {
            let key = Key { slot: peer.slot(), generation: peer.generation() };
            self.hub.ready(key, readiness);
        }
    }

    /// Whether a turn is due though nothing was said to be ready: there is work left from the last
    /// one, or another loop has mail. The latter is told once.
    pub fn must_run(&self) -> bool {
        let mailbox = self.shared.mailboxes.get(usize::from(self.index));
        let woken = mailbox.is_some_and(Mailbox::take_wake);
        woken || self.hub.must_not_wait()
    }

    /// When the next turn is due at the latest.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.hub.next_deadline()
    }

    /// One turn.
    pub fn turn(&mut self, now: Instant) {
        self.hub.turn(now);
    }

    /// Begins to end: each peer is sent a Close frame with 1001, newcomers are refused.
    pub fn drain(&mut self, now: Instant) {
        self.hub.drain(now);
    }

    /// Drops every connection, as a server does when the time to drain is over.
    pub fn end(&mut self, now: Instant) {
        self.hub.end(now);
    }

    /// How many connections this loop has.
    pub fn len(&self) -> usize {
        self.hub.len()
    }

    /// Whether this loop has no connection.
    pub fn is_empty(&self) -> bool {
        self.hub.is_empty()
    }

    /// How many connections all loops of the server have.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// How many bytes all loops of the server hold in queues and unfinished messages.
    pub fn queued(&self) -> usize {
        self.shared.budget.used()
    }
}
