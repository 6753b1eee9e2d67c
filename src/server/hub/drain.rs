//! The end of the server: every peer is told, one after the other.
//!
//! Peers that are all told at once all come back at once, to whoever takes over. So the Close
//! frames are spread over a window, evenly.

use std::time::{Duration, Instant};

use super::super::session::{Mark, Phase};
use super::super::table::Key;
use super::super::transport::Transport;
use super::Hub;
use crate::protocol::CloseCode;

/// So few come back that it is no rush, and nobody at a terminal should have to wait for them.
const AT_ONCE: usize = 64;

/// A drain that has begun.
pub(super) struct Drain {
    began: Instant,
    spread: Duration,
    /// Whoever was there when it began, and how many of them have been told.
    keys: Vec<Key>,
    told: usize,
}

impl Drain {
    /// When the next one is to be told.
    pub(super) fn next(&self) -> Option<Instant> {
        if self.told == self.keys.len() {
            return None;
        }
        // The last one is told at the end of the window.
        let place = (self.told + 1).saturating_sub(AT_ONCE);
        let places = self.keys.len().saturating_sub(AT_ONCE).max(1);
        let part = place as f64 / places as f64;
        // A time beyond what can be told never comes, and the end of the drain is before it.
        self.began.checked_add(self.spread.mul_f64(part))
    }
}

impl<T: Transport> Hub<T> {
    /// Begins to end: every peer is told, newcomers are refused.
    pub(in super::super) fn drain(&mut self, now: Instant) {
        let limits = &self.peers.shared.limits;
        let spread = limits.drain_spread.min(limits.drain);
        let mut keys = Vec::new();
        for key in self.peers.sessions.keys() {
            match self.peers.sessions.get_mut(key).map(|session| &session.phase) {
                // Who has asked for something is still answered.
                Some(Phase::Head(head)) if head.bytes.is_empty() => self.peers.remove(key, now),
                Some(Phase::Open(_)) => keys.push(key),
                // It may be held open for as long as its peer likes.
                Some(Phase::Exchange(_)) => self.peers.remove(key, now),
                _ => {}
            }
        }
        self.drain = Some(Drain { began: now, spread, keys, told: 0 });
        self.say_goodbye(now);
        self.settle_touched(now);
    }

    /// Tells those whose turn it is that the server is going away.
    pub(super) fn say_goodbye(&mut self, now: Instant) {
        let Some(drain) = &mut self.drain else {
            return;
        };
        while drain.next().is_some_and(|due| due <= now)
            && let Some(&key) = drain.keys.get(drain.told)
        {
            drain.told += 1;
            self.peers.close(key, CloseCode::GOING_AWAY, "the server is going away", now);
        }
    }

    /// Whether nobody is left whom an end would interrupt: there may be some who have connected and
    /// said nothing.
    pub(in super::super) fn is_idle(&self) -> bool {
        let is_silent = |phase: &Phase| matches!(phase, Phase::Head(head) if head.bytes.is_empty());
        let mut sessions = self.peers.sessions.iter();
        sessions.all(|(_, session)| session.marks.has(Mark::Admin) || is_silent(&session.phase))
    }
}
