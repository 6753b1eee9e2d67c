//! What all loops share: what is where, the limits, the budget, the way to each other.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::budget::{Budget, Pressure};
use super::config::{ServerLimits, Www};
use super::mailbox::Mailbox;
use super::metrics::Metrics;
use super::mount::MountInfo;
use super::tap::Taps;
use super::visitors::Visitors;
use crate::transports::Channels;

/// What is at which path, and who may come.
pub(super) struct Site {
    pub(super) mounts: Vec<MountInfo>,
    pub(super) subprotocols: Vec<String>,
    pub(super) origins: Option<Vec<String>>,
    pub(super) www: Www,
    /// Whether the inspector's page is served.
    pub(super) inspector: bool,
    /// The mount whose bytes count for the channels of the page that compares transports.
    pub(super) counted: Option<u16>,
}

/// What all loops share.
pub(super) struct Shared {
    pub(super) site: Site,
    pub(super) limits: ServerLimits,
    pub(super) budget: Budget,
    /// The mailbox of each loop, by its index.
    pub(super) mailboxes: Vec<Mailbox>,
    /// How many connections all loops have.
    pub(super) connections: AtomicUsize,
    pub(super) visitors: Visitors,
    /// How many connections have DEFLATE states of their own.
    pub(super) takeovers: AtomicUsize,
    /// What the loops count.
    pub(super) metrics: Metrics,
    /// How many loops have somebody whom an end of the server would interrupt.
    pub(super) busy_loops: AtomicUsize,
    /// The channels of the page that compares transports.
    pub(super) channels: Channels,
    /// Who looks on.
    pub(super) taps: Taps,
}

impl Shared {
    pub(super) fn new(site: Site, limits: ServerLimits, mailboxes: Vec<Mailbox>) -> Self {
        let budget = Budget::new(limits.queued);
        let metrics = Metrics::new(mailboxes.len().max(1));
        let busy_loops = AtomicUsize::new(mailboxes.len());
        let visitors = Visitors::new(limits.address.clone());
        Self {
            site,
            limits,
            visitors,
            takeovers: AtomicUsize::new(0),
            budget,
            mailboxes,
            connections: AtomicUsize::new(0),
            metrics,
            busy_loops,
            channels: Channels::default(),
            taps: Taps::default(),
        }
    }

    /// A loop, busy until now, is no longer: if it was the last one, all are woken to end.
    pub(super) fn loop_is_idle(&self) {
        if self.busy_loops.fetch_sub(1, Ordering::Relaxed) == 1 {
            for mailbox in &self.mailboxes {
                mailbox.wake();
            }
        }
    }

    /// Whether a connection may be accepted, with room for `more` after it.
    pub(super) fn has_room(&self, more: usize) -> bool {
        self.connections.load(Ordering::Relaxed).saturating_add(more) < self.limits.connections
            && self.budget.pressure() < Pressure::StopAccepting
    }
}

impl Site {
    /// Whether the bytes of a mount's connections are counted.
    pub(super) fn counts(&self, mount: u16) -> bool {
        self.counted == Some(mount)
    }

    /// The index of the mount at `path`.
    pub(super) fn mount(&self, path: &str) -> Option<usize> {
        self.mounts.iter().position(|mount| mount.paths.iter().any(|at| at == path))
    }
}
