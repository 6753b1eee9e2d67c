//! From the loops to the thread that prints: a queue that never makes a loop wait.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use wigwag::trace::dissect::Item;
use wigwag::trace::render::Renderer;

/// How many entries may wait, and how many bytes they may take, near enough.
const ENTRIES: usize = 4096;
const BYTES: usize = 16 * 1024 * 1024;

/// What an entry takes besides its bytes, and how often those are in it: as they are, unmasked, and
/// in fields as hexadecimal.
const ENTRY: usize = 4096;
const COPIES: usize = 8;

/// How long the last entries may take when the server ends.
const LAST: Duration = Duration::from_secs(1);

/// After so long without an entry it is told how many were left out.
const LULL: Duration = Duration::from_millis(500);

/// An entry of the trace.
pub(super) enum Shown {
    Item { time: SystemTime, number: u64, item: Box<Item> },
    Line { time: SystemTime, number: u64, line: String },
}

impl Shown {
    fn cost(&self) -> usize {
        let bytes = match self {
            Self::Item { item, .. } => item.bytes.0.len(),
            Self::Line { line, .. } => line.len(),
        };
        ENTRY.saturating_add(bytes.saturating_mul(COPIES))
    }
}

/// The end that the loops put entries into.
pub(super) struct Queue {
    /// Each with how many were left out before it.
    entries: SyncSender<(u64, Shown)>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// What the entries in the queue take.
    bytes: AtomicUsize,
    /// How many entries are in the queue or being printed.
    waiting: AtomicUsize,
    /// How many entries did not fit, since one did.
    left_out: AtomicU64,
    /// Nobody reads any more.
    closed: AtomicBool,
}

impl Queue {
    /// Starts the thread that prints.
    pub(super) fn start(renderer: Renderer) -> io::Result<Self> {
        let (entries, received) = sync_channel(ENTRIES);
        let shared = Arc::new(Shared::default());
        let printer = Arc::clone(&shared);
        let run = move || {
            if write_all(&renderer, &received, &printer).is_err() {
                printer.closed.store(true, Ordering::Relaxed);
            }
        };
        thread::Builder::new().name("trace".into()).spawn(run)?;
        Ok(Self { entries, shared })
    }

    /// Whether nobody reads any more.
    pub(super) fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Relaxed)
    }

    /// Takes an entry, or counts it as left out. Never waits.
    pub(super) fn put(&self, shown: Shown) {
        let cost = shown.cost();
        let shared = &self.shared;
        shared.waiting.fetch_add(1, Ordering::Release);
        let fits = shared.bytes.fetch_add(cost, Ordering::Relaxed).saturating_add(cost) <= BYTES;
        let left_out = shared.left_out.swap(0, Ordering::Relaxed);
        if fits && self.entries.try_send((left_out, shown)).is_ok() {
            return;
        }
        shared.bytes.fetch_sub(cost, Ordering::Relaxed);
        shared.waiting.fetch_sub(1, Ordering::Release);
        shared.left_out.fetch_add(left_out.saturating_add(1), Ordering::Relaxed);
    }

    /// Waits until all is printed, or the time for that is over.
    pub(super) fn end(&self) {
        let until = Instant::now() + LAST;
        while self.shared.waiting.load(Ordering::Acquire) > 0
            && !self.is_closed()
            && Instant::now() < until
        {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Prints entries until there are no more to come, or nobody reads them.
fn write_all(
    renderer: &Renderer,
    entries: &Receiver<(u64, Shown)>,
    shared: &Shared,
) -> io::Result<()> {
    loop {
        let (left_out, shown) = match entries.recv_timeout(LULL) {
            Ok((left_out, shown)) => (left_out, Some(shown)),
            Err(RecvTimeoutError::Timeout) => (shared.left_out.swap(0, Ordering::Relaxed), None),
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        let mut text = String::new();
        if left_out > 0 {
            text = format!("... {left_out} left out: they came faster than they can be shown\n");
        }
        if let Some(shown) = &shown {
            shared.bytes.fetch_sub(shown.cost(), Ordering::Relaxed);
            text.push_str(&super::print(renderer, shown));
        }
        // Not held for longer than one entry: others print here too.
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()?;
        if shown.is_some() {
            shared.waiting.fetch_sub(1, Ordering::Release);
        }
    }
}
