//! What the server counts about itself, for `/metrics`.
//!
//! Each loop has [`Counters`] of its own and is the only one that writes to them: counting is an
//! addition to memory that no other processor touches, without a lock, a locked instruction, or a
//! label to look up. Whoever asks for `/metrics` adds the loops up ([`exposition`]).
//!
//! To count one more thing, add a line to a family in [`counts!`], and say
//! `counters.count(Count::ThatThing)` where it happens.
//!
//! No label has a value that a peer could choose: that would be a table without a limit.

pub(super) mod exposition;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::apps::Figure;
use crate::protocol::{CloseCode, Closure, EndedBy, Violation};

/// Families of counters: name, label, help, and what is counted with the label's value. A family
/// without label has one count.
macro_rules! counts {
    ($($name:literal, $label:literal, $help:literal { $($count:ident = $value:literal,)+ })+) => {
        /// Something that is counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Count { $($($count,)+)+ }

        /// How many there are.
        const COUNTS: usize = [$($(Count::$count,)+)+].len();

        const FAMILIES: &[Family] = &[$(Family {
            name: $name,
            label: $label,
            help: $help,
            counts: &[$((Count::$count, $value),)+],
        },)+];
    };
}

counts! {
    "wigwag_connections_accepted_total", "kind", "TCP connections that were accepted." {
        AcceptedPublic = "public",
        AcceptedAdmin = "admin",
    }
    "wigwag_connections_closed_total", "kind", "TCP connections that are gone." {
        ClosedPublic = "public",
        ClosedAdmin = "admin",
    }
    "wigwag_messages_received_total", "", "Whole messages that peers sent." {
        MessagesReceived = "",
    }
    "wigwag_messages_sent_total", "", "Messages that were queued for peers, by each recipient." {
        MessagesSent = "",
    }
    "wigwag_received_bytes_total", "", "Bytes that were read from connections, of any kind." {
        BytesReceived = "",
    }
    "wigwag_sent_bytes_total", "", "Bytes that were written to connections, of any kind." {
        BytesSent = "",
    }
    "wigwag_control_frames_received_total", "opcode", "Control frames that peers sent." {
        Pings = "ping",
        Pongs = "pong",
        Closes = "close",
    }
    "wigwag_limits_hit_total", "limit", "How often a limit was reached, by which limit." {
        MessageRefused = "message_rate",
        MessageExpelled = "message_rate_twice",
        NewcomerRefused = "queued_newcomer",
        LargestDropped = "queued_largest",
        AcceptingPaused = "accepting",
        OutOfDescriptors = "descriptors",
        AdminRefused = "admin_connections",
        AddressRefused = "address",
    }
    "wigwag_deadlines_hit_total", "deadline", "How often time was up, by what for." {
        HandshakeDeadline = "handshake",
        ApplicationDeadline = "application",
        ReassemblyDeadline = "reassembly",
        PongDeadline = "pong",
        CloseDeadline = "close",
        StallDeadline = "stall",
        LingerDeadline = "linger",
    }
    "wigwag_application_panics_total", "", "Panics in applications; each ended one connection." {
        ApplicationPanic = "",
    }
}

/// Counters with one name.
struct Family {
    name: &'static str,
    /// Empty if there is only one counter.
    label: &'static str,
    help: &'static str,
    counts: &'static [(Count, &'static str)],
}

/// The HTTP statuses that this server sends. Another is counted as 0: `other`.
const STATUSES: [u16; 15] =
    [101, 200, 301, 400, 403, 404, 405, 408, 426, 429, 431, 500, 503, 505, 0];

/// The upper bounds of the turn time histogram, in nanoseconds.
const TURN_BOUNDS: [u64; 14] = [
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    100_000_000,
    250_000_000,
    1_000_000_000,
];

/// Codes by themselves are 1000 to 1015; behind them the ranges that RFC 6455, 7.4.2 tells apart.
/// A peer chooses the code, and so would choose the label's value.
const OWN_CODES: usize = 16;
const CODES: usize = OWN_CODES + 4;
const ENDS: usize = 5;

/// A number that one thread writes and others may read.
#[derive(Debug, Default)]
struct Tally(AtomicU64);

impl Tally {
    fn add(&self, more: u64) {
        // Not `fetch_add`: with one writer there is nothing to lose, and an instruction that locks
        // the memory bus takes ten times as long.
        self.0.store(self.get().wrapping_add(more), Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one loop has counted. Aligned so that no other loop's memory is in the same cache line (or
/// in the next, which processors fetch along).
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Counters {
    counts: [Tally; COUNTS],
    /// By the place of the status in [`STATUSES`].
    handshakes: [Tally; STATUSES.len()],
    responses: [Tally; STATUSES.len()],
    /// By who ended it, and the code.
    closes: [[Tally; CODES]; ENDS],
    violations: [Tally; Violation::ALL.len()],
    /// The last is for what is above all bounds.
    turns: [Tally; TURN_BOUNDS.len() + 1],
    turn_nanoseconds: Tally,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            counts: std::array::from_fn(|_| Tally::default()),
            handshakes: Default::default(),
            responses: Default::default(),
            closes: std::array::from_fn(|_| Default::default()),
            violations: Default::default(),
            turns: Default::default(),
            turn_nanoseconds: Tally::default(),
        }
    }
}

impl Counters {
    /// It happened once more.
    pub(super) fn count(&self, what: Count) {
        self.add(what, 1);
    }

    /// It happened so many times more.
    pub(super) fn add(&self, what: Count, more: u64) {
        if let Some(tally) = self.counts.get(what as usize) {
            tally.add(more);
        }
    }

    fn get(&self, what: Count) -> u64 {
        self.counts.get(what as usize).map_or(0, Tally::get)
    }

    /// A request was answered: one for a WebSocket, or one for a page.
    pub(super) fn answered(&self, status: u16, handshake: bool) {
        let tallies = if handshake { &self.handshakes } else { &self.responses };
        let place = STATUSES.iter().position(|&known| known == status);
        if let Some(tally) = tallies.get(place.unwrap_or(STATUSES.len() - 1)) {
            tally.add(1);
        }
    }

    /// A WebSocket has ended. Said once for each.
    pub(super) fn ended(&self, closure: &Closure) {
        let by = match closure.by {
            EndedBy::Peer => 0,
            EndedBy::Local => 1,
            EndedBy::Violation(violation) => {
                if let Some(tally) = self.violations.get(violation as usize) {
                    tally.add(1);
                }
                2
            }
            EndedBy::Transport => 3,
            EndedBy::Silence => 4,
        };
        let code = match closure.code.map(CloseCode::get) {
            Some(code @ 1000..=1015) => usize::from(code - 1000),
            Some(0..=2999) => OWN_CODES,
            Some(3000..=3999) => OWN_CODES + 1,
            Some(4000..) => OWN_CODES + 2,
            None => OWN_CODES + 3,
        };
        if let Some(tally) = self.closes.get(by).and_then(|codes| codes.get(code)) {
            tally.add(1);
        }
    }

    /// A turn of the loop took so long.
    pub(super) fn turn_took(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        // Nearly all turns are among the first few.
        let place = TURN_BOUNDS.iter().position(|&bound| nanoseconds <= bound);
        if let Some(tally) = self.turns.get(place.unwrap_or(TURN_BOUNDS.len())) {
            tally.add(1);
        }
        self.turn_nanoseconds.add(nanoseconds);
    }
}

/// What all loops have counted, and what is known besides.
#[derive(Debug)]
pub(super) struct Metrics {
    loops: Vec<Arc<Counters>>,
    /// What applications count, each with the path that it is mounted at.
    pub(super) figures: Vec<(String, Arc<[Figure]>)>,
    started: SystemTime,
}

impl Metrics {
    pub(super) fn new(loops: usize) -> Self {
        let loops = (0..loops).map(|_| Arc::default()).collect();
        Self { loops, figures: Vec::new(), started: SystemTime::now() }
    }

    /// The counters of a loop.
    pub(super) fn of_loop(&self, index: u16) -> Arc<Counters> {
        self.loops.get(usize::from(index)).map_or_else(Arc::default, Arc::clone)
    }

    /// A loop wrote so many bytes.
    pub(super) fn sent(&self, index: u16, bytes: usize) {
        if let Some(counters) = self.loops.get(usize::from(index)) {
            counters.add(Count::BytesSent, bytes as u64);
        }
    }

    /// The sum over all loops.
    fn sum(&self, read: impl Fn(&Counters) -> u64) -> u64 {
        self.loops.iter().map(|counters| read(counters)).sum()
    }
}
