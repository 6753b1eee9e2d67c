//! The tap: records what goes over the wire, and nothing else. It is called for every read and
//! every write of the server, so whatever takes time is left to who looks at the records.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::tape::Tape;
use crate::apps::PeerId;
use crate::protocol::deflate::DeflateParameters;
use crate::protocol::{Closure, EndedBy, Limits, State};
use crate::server::{Tap, Upgrade};
use crate::trace::dissect::{Side, Stage};

/// How much is recorded.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// The most connections, open or closed. The one that was closed first is forgotten first; if
    /// all are open, those that come are not recorded.
    pub connections: usize,
    /// The most bytes of each connection, heads of handshakes not counted. The oldest go first.
    pub bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { connections: 256, bytes: 64 * 1024 }
    }
}

/// Records connections. See the head of [this folder](super).
pub struct Recorder {
    bounds: Bounds,
    /// One for each loop of the server: no loop waits for another one here, but each for the
    /// inspector while that reads a batch of its items.
    shelves: Vec<Mutex<Shelf>>,
    /// How many connections of each loop are recorded.
    room: usize,
    numbers: AtomicU64,
    unrecorded: AtomicU64,
    start: Instant,
    since_epoch: Duration,
}

/// The records of one loop.
#[derive(Default)]
struct Shelf {
    /// By slot.
    live: Vec<Option<Box<Record>>>,
    count: usize,
    closed: VecDeque<Box<Record>>,
}

/// What is known of one connection.
pub(super) struct Record {
    pub(super) number: u64,
    peer: PeerId,
    address: SocketAddr,
    opened: u64,
    pub(super) agreed: Option<Agreed>,
    state: Stage,
    closure: Option<Closure>,
    closed: Option<u64>,
    pub(super) tape: Tape,
    /// Counts what happens, so that who looks sees whether anything has.
    version: u64,
}

/// What the handshake led to.
#[derive(Clone, Debug)]
pub(super) struct Agreed {
    pub(super) limits: Limits,
    pub(super) deflate: Option<DeflateParameters>,
}

/// One line about a connection, for the list of them. Times are milliseconds since the server
/// started.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Summary {
    pub(super) number: u64,
    peer: String,
    address: String,
    path: String,
    state: Stage,
    opened: f64,
    closed: Option<f64>,
    /// Bytes from the client.
    received: u64,
    /// Bytes to the client.
    sent: u64,
    frames_received: u64,
    frames_sent: u64,
    upgraded: bool,
    deflate: bool,
    ending: Option<String>,
    code: Option<u16>,
    clean: Option<bool>,
    violation: Option<String>,
    /// Whether its oldest bytes have gone already.
    truncated: bool,
}

impl Recorder {
    /// A recorder for a server of so many loops, which is started at `start`, `since_epoch` after
    /// the beginning of 1970.
    pub fn new(bounds: Bounds, loops: u16, start: Instant, since_epoch: Duration) -> Self {
        let loops = usize::from(loops.max(1));
        Self {
            room: (bounds.connections / loops).max(1),
            bounds,
            shelves: (0..loops).map(|_| Mutex::default()).collect(),
            numbers: AtomicU64::new(0),
            unrecorded: AtomicU64::new(0),
            start,
            since_epoch,
        }
    }

    pub(super) fn start(&self) -> Instant {
        self.start
    }

    /// Microseconds from 1970 to the start.
    pub(super) fn epoch(&self) -> u64 {
        u64::try_from(self.since_epoch.as_micros()).unwrap_or(0)
    }

    /// How many connections were not recorded, because there was no room.
    pub(super) fn unrecorded(&self) -> u64 {
        self.unrecorded.load(Ordering::Relaxed)
    }

    /// Looks at each record that is worth to be shown, the oldest of each loop last.
    pub(super) fn for_each(&self, mut look: impl FnMut(&Record)) {
        for shelf in &self.shelves {
            let shelf = lock(shelf);
            let records = shelf.live.iter().flatten().chain(&shelf.closed);
            records.filter(|record| record.is_worth_showing()).for_each(|record| look(record));
        }
    }

    /// Looks at one record.
    pub(super) fn with<R>(&self, number: u64, look: impl FnOnce(&Record) -> R) -> Option<R> {
        for shelf in &self.shelves {
            let shelf = lock(shelf);
            let mut records = shelf.live.iter().flatten().chain(&shelf.closed);
            if let Some(record) = records.find(|record| record.number == number) {
                return Some(look(record));
            }
        }
        None
    }

    fn micros(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.start);
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }

    fn shelf(&self, peer: PeerId) -> Option<MutexGuard<'_, Shelf>> {
        self.shelves.get(usize::from(peer.loop_index())).map(lock)
    }

    fn change(&self, peer: PeerId, change: impl FnOnce(&mut Record)) {
        if let Some(mut shelf) = self.shelf(peer)
            && let Some(record) = shelf.find(peer)
        {
            record.version += 1;
            change(record);
        }
    }
}

fn lock(shelf: &Mutex<Shelf>) -> MutexGuard<'_, Shelf> {
    // Nothing is half done wherever a panic could happen.
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shelf {
    fn find(&mut self, peer: PeerId) -> Option<&mut Record> {
        let record = self.live.get_mut(peer.slot() as usize)?.as_deref_mut();
        record.filter(|record| record.peer == peer)
    }

    fn take(&mut self, peer: PeerId) -> Option<Box<Record>> {
        let slot = self.live.get_mut(peer.slot() as usize)?;
        let record = slot.take_if(|record| record.peer == peer)?;
        self.count -= 1;
        Some(record)
    }
}

impl Tap for Recorder {
    fn opened(&self, peer: PeerId, address: SocketAddr, now: Instant) -> bool {
        let Some(mut shelf) = self.shelf(peer) else { return false };
        if shelf.count + shelf.closed.len() >= self.room && shelf.closed.pop_front().is_none() {
            self.unrecorded.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        let slot = peer.slot() as usize;
        if shelf.live.len() <= slot {
            shelf.live.resize_with(slot + 1, || None);
        }
        let record = Record {
            number: self.numbers.fetch_add(1, Ordering::Relaxed) + 1,
            peer,
            address,
            opened: self.micros(now),
            agreed: None,
            state: Stage::Connecting,
            closure: None,
            closed: None,
            tape: Tape::default(),
            version: 1,
        };
        if let Some(place) = shelf.live.get_mut(slot) {
            *place = Some(Box::new(record));
            shelf.count += 1;
        }
        true
    }

    fn received(&self, peer: PeerId, bytes: &[u8], now: Instant) {
        let at = self.micros(now);
        self.change(peer, |record| {
            record.tape.push(Side::Client, bytes, at, self.bounds.bytes);
        });
    }

    fn sent(&self, peer: PeerId, bytes: &[u8], now: Instant) {
        let at = self.micros(now);
        self.change(peer, |record| {
            record.tape.push(Side::Server, bytes, at, self.bounds.bytes);
        });
    }

    fn upgraded(&self, peer: PeerId, upgrade: &Upgrade<'_>, _: Instant) -> bool {
        // Who watched this one would see that somebody watches, and so on for ever.
        if [super::FEED, super::LAB].contains(&upgrade.mount) {
            if let Some(mut shelf) = self.shelf(peer) {
                shelf.take(peer);
            }
            return false;
        }
        let agreed = Agreed { limits: upgrade.limits.clone(), deflate: upgrade.deflate };
        let mut wanted = false;
        self.change(peer, |record| {
            record.agreed = Some(agreed);
            record.state = Stage::Open;
            wanted = true;
        });
        wanted
    }

    fn state(&self, peer: PeerId, state: State, _: Instant) {
        self.change(peer, |record| record.state = state.into());
    }

    fn ended(&self, peer: PeerId, closure: &Closure, _: Instant) {
        self.change(peer, |record| record.closure = Some(*closure));
    }

    fn closed(&self, peer: PeerId, now: Instant) {
        let at = self.micros(now);
        let Some(mut shelf) = self.shelf(peer) else { return };
        if let Some(mut record) = shelf.take(peer).filter(|record| record.is_worth_showing()) {
            record.closed = Some(at);
            record.state = Stage::Closed;
            record.version += 1;
            shelf.closed.push_back(record);
        }
    }
}

impl Record {
    /// Whether it is a WebSocket, or wanted to be one. Else it is somebody who loads a page, and
    /// that may well be the inspector's.
    fn is_worth_showing(&self) -> bool {
        let (head, _) = self.tape.head(Side::Client);
        let names_key = || head.to_ascii_lowercase().windows(KEY.len()).any(|part| part == KEY);
        self.agreed.is_some() || names_key()
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// When it was accepted, in microseconds.
    pub(super) fn opened(&self) -> u64 {
        self.opened
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn summary(&self) -> Summary {
        let violation = match self.closure.map(|closure| closure.by) {
            Some(EndedBy::Violation(violation)) => Some(format!("{violation:?}")),
            _ => None,
        };
        let (head, _) = self.tape.head(Side::Client);
        Summary {
            number: self.number,
            peer: self.peer.to_string(),
            address: self.address.to_string(),
            path: target_of(head),
            state: self.state,
            opened: millis(self.opened),
            closed: self.closed.map(millis),
            received: self.tape.length(Side::Client),
            sent: self.tape.length(Side::Server),
            frames_received: self.tape.frames(Side::Client),
            frames_sent: self.tape.frames(Side::Server),
            upgraded: self.agreed.is_some(),
            deflate: self.agreed.as_ref().is_some_and(|agreed| agreed.deflate.is_some()),
            ending: self.closure.map(|closure| ending(&closure)),
            code: self.closure.and_then(|closure| closure.code).map(|code| code.get()),
            clean: self.closure.map(|closure| closure.clean),
            violation,
            truncated: !self.tape.is_whole(),
        }
    }
}

const KEY: &[u8] = b"sec-websocket-";

/// What the first line of a request asks for.
fn target_of(head: &[u8]) -> String {
    let line = head.split(|&byte| byte == b'\r').next().unwrap_or_default();
    let target = line.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
    String::from_utf8_lossy(target).chars().take(256).collect()
}

pub(super) fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

fn ending(closure: &Closure) -> String {
    match closure.by {
        EndedBy::Peer => "closed by the client".into(),
        EndedBy::Local => "closed by the server".into(),
        EndedBy::Violation(violation) => violation.rule().sentence.into(),
        EndedBy::Transport => "cut off, without a Close frame".into(),
        EndedBy::Silence => "given up: no answer to a ping".into(),
    }
}
