//! Looking on: what goes over the wire, as it stands there, for whoever wants to show it.
//!
//! A [`Tap`] is told of each connection's beginning and end, and of every byte in between: what was
//! read before it is unmasked, and what the kernel has taken of what was to be written. The trace
//! of `wigwag serve --trace` and the inspector are taps. [`Config::taps`](super::Config::taps)
//! attaches them.
//!
//! For each connection this is the order of calls:
//!
//! ```text
//! opened  (received | sent)*  upgraded  (received | sent)*  state  (received | sent)*  ended  (received | sent)*  closed
//! ```
//!
//! Of which `opened` and `closed` always come, `upgraded` if the connection becomes a WebSocket, and
//! `state` and `ended` if it was one. The response to a handshake is `sent` after `upgraded`.
//!
//! # What it costs
//!
//! Without a tap, one branch for each read and for each write, on a byte that lies in the session.
//! A tap that does not want a connection, at its beginning or when its path is known, says so, and
//! then that connection costs no more either.
//!
//! # What a tap promises
//!
//! It is called on the loop's thread, between reading and answering, and by all loops at once. So
//! it must never block, never panic, and bound what it keeps: whatever it does, every peer of that
//! loop waits for. What is slow (a terminal, a disk, a browser) belongs behind a queue that drops.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::apps::PeerId;
use crate::protocol::deflate::DeflateParameters;
use crate::protocol::{Closure, Limits, State};

/// Looks on. See the head of [this module](self) for the order of calls and for what is expected of
/// an implementation.
///
/// A tap may be told of connections that it has not wanted, if another tap wants them.
pub trait Tap: Send + Sync {
    /// A connection was accepted. Whether to be told of it.
    fn opened(&self, peer: PeerId, address: SocketAddr, now: Instant) -> bool;

    /// These bytes were read from it. Masked payloads are still masked.
    fn received(&self, peer: PeerId, bytes: &[u8], now: Instant);

    /// These bytes were written to it.
    fn sent(&self, peer: PeerId, bytes: &[u8], now: Instant);

    /// Its request was received and is a handshake: what is sent next is the response that says so.
    /// Whether to be told of what follows.
    fn upgraded(&self, peer: PeerId, upgrade: &Upgrade<'_>, now: Instant) -> bool;

    /// It is not open any more: a Close frame was received or is to be sent, a rule was broken, or
    /// the transport has ended.
    fn state(&self, peer: PeerId, state: State, now: Instant);

    /// How the WebSocket ended. What still arrives is discarded.
    fn ended(&self, peer: PeerId, closure: &Closure, now: Instant);

    /// The transport is gone. The name `peer` is never used again.
    fn closed(&self, peer: PeerId, now: Instant);
}

/// What was agreed on.
#[derive(Clone, Copy, Debug)]
pub struct Upgrade<'a> {
    /// The first path of the mount that was asked for. (The path in the request may be another of
    /// the same mount.)
    pub mount: &'a str,
    /// The limits by which the peer's frames are judged.
    pub limits: &'a Limits,
    /// The parameters of permessage-deflate, if it was agreed to.
    pub deflate: Option<DeflateParameters>,
}

/// All taps of a server.
#[derive(Default)]
pub(super) struct Taps(Vec<Arc<dyn Tap>>);

impl Taps {
    pub(super) fn new(taps: Vec<Arc<dyn Tap>>) -> Self {
        Self(taps)
    }

    /// Whether any tap wants to be told of the connection.
    pub(super) fn opened(&self, peer: PeerId, address: SocketAddr, now: Instant) -> bool {
        let wanting = self.0.iter().filter(|tap| tap.opened(peer, address, now));
        // Each is asked, whatever the others want.
        wanting.count() > 0
    }

    pub(super) fn received(&self, peer: PeerId, bytes: &[u8], now: Instant) {
        self.0.iter().for_each(|tap| tap.received(peer, bytes, now));
    }

    pub(super) fn sent(&self, peer: PeerId, bytes: &[u8], now: Instant) {
        self.0.iter().for_each(|tap| tap.sent(peer, bytes, now));
    }

    pub(super) fn upgraded(&self, peer: PeerId, upgrade: &Upgrade<'_>, now: Instant) -> bool {
        let wanting = self.0.iter().filter(|tap| tap.upgraded(peer, upgrade, now));
        wanting.count() > 0
    }

    pub(super) fn state(&self, peer: PeerId, state: State, now: Instant) {
        self.0.iter().for_each(|tap| tap.state(peer, state, now));
    }

    pub(super) fn ended(&self, peer: PeerId, closure: &Closure, now: Instant) {
        self.0.iter().for_each(|tap| tap.ended(peer, closure, now));
    }

    pub(super) fn closed(&self, peer: PeerId, now: Instant) {
        self.0.iter().for_each(|tap| tap.closed(peer, now));
    }
}
