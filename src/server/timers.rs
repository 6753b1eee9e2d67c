//! Deadlines, checked lazily.
//!
//! A connection that is active moves its deadline with every read. Moving an entry of a heap that
//! often would cost more than the reads do, so the entry stays where it is; when its time comes,
//! the connection is asked what its deadline is *now* and the entry is put back if that is later.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use super::table::Key;

/// A point in time, in nanoseconds since the loop began, and one: half the size of an [`Instant`],
/// of which every idle connection would keep several. There is room for five centuries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tick(NonZeroU64);

/// The deadlines of one loop: at most one live entry for each connection.
pub(super) struct Timers {
    epoch: Instant,
    heap: BinaryHeap<Reverse<(Tick, usize)>>,
}

/// The heap is swept once more than this many entries are dead, and more than are alive.
const DEAD_ENTRIES: usize = 1024;

impl Timers {
    /// No deadlines; none of those to come is before `epoch`.
    pub(super) fn new(epoch: Instant) -> Self {
        Self { epoch, heap: BinaryHeap::new() }
    }

    pub(super) fn tick(&self, due: Instant) -> Tick {
        let nanoseconds = due.saturating_duration_since(self.epoch).as_nanos();
        let nanoseconds = u64::try_from(nanoseconds).unwrap_or(u64::MAX - 1);
        Tick(NonZeroU64::MIN.saturating_add(nanoseconds))
    }

    pub(super) fn instant(&self, tick: Tick) -> Instant {
        let since = Duration::from_nanos(tick.0.get() - 1);
        // Beyond what an `Instant` can say is as good as never; a day from the start will do.
        self.epoch.checked_add(since).unwrap_or(self.epoch + Duration::from_secs(86_400))
    }

    /// Sees to it that `key` comes up at `due` or before. `armed` is the time of the connection's
    /// live entry, which is kept with the connection.
    pub(super) fn arm(&mut self, key: Key, due: Option<Instant>, armed: &mut Option<Tick>) {
        let Some(due) = due.map(|due| self.tick(due)) else { return };
        if armed.is_none_or(|armed| due < armed) {
            *armed = Some(due);
            self.heap.push(Reverse((due, key.pack())));
        }
    }

    /// When the next entry comes up.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((due, _))| self.instant(*due))
    }

    /// An entry that is due, with the time for which it was made. It may be dead: then that time is
    /// not the one its connection is armed for.
    pub(super) fn pop(&mut self, now: Instant) -> Option<(Tick, Key)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse((due, key))| (due, Key::unpack(key)))
    }

    /// Drops dead entries when there are too many, so that a rush of short connections leaves no
    /// trace.
    pub(super) fn sweep(&mut self, alive: usize, mut is_alive: impl FnMut(Tick, Key) -> bool) {
        if self.heap.len() > alive.saturating_mul(2).saturating_add(DEAD_ENTRIES) {
            self.heap.retain(|Reverse((due, key))| is_alive(*due, Key::unpack(*key)));
            self.heap.shrink_to(alive.saturating_mul(2));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(slot: u32) -> Key {
        Key { slot, generation: 0 }
    }

    #[test]
    fn entries_come_up_in_order_and_a_later_deadline_makes_no_entry() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let (mut timers, mut first, mut second) = (Timers::new(start), None, None);
        timers.arm(key(1), Some(at(20)), &mut first);
        timers.arm(key(1), Some(at(30)), &mut first);
        timers.arm(key(2), Some(at(10)), &mut second);
        timers.arm(key(2), None, &mut second);
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.pop(at(9)), None);
        assert_eq!(timers.pop(at(25)), Some((second.unwrap(), key(2))));
        assert_eq!(timers.pop(at(25)), Some((first.unwrap(), key(1))));
        assert_eq!(timers.pop(at(25)), None);
    }

    #[test]
    fn dead_entries_are_swept() {
        let now = Instant::now();
        let mut timers = Timers::new(now);
        for slot in 0..10_000 {
            timers.arm(key(slot), Some(now), &mut None);
            timers.sweep(1, |_, key| key.slot == 0);
        }
        assert!(timers.heap.len() < 2_000);
        assert_eq!(timers.pop(now).map(|(_, key)| key), Some(key(0)));
    }
}
