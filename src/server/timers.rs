//! Deadlines, checked lazily.
//!
//! A connection that is active moves its deadline with every read. Moving an entry of a heap that
//! often would cost more than the reads do, so the entry stays where it is; when its time comes,
//! the connection is asked what its deadline is *now* and the entry is put back if that is later.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use super::table::Key;

/// The deadlines of one loop: at most one live entry for each connection.
#[derive(Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, usize)>>,
}

/// The heap is swept once more than this many entries are dead, and more than are alive.
const DEAD_ENTRIES: usize = 1024;

impl Timers {
    /// Sees to it that `key` comes up at `due` or before. `armed` is the time of the connection's
    /// live entry, which is kept with the connection.
    pub(super) fn arm(&mut self, key: Key, due: Option<Instant>, armed: &mut Option<Instant>) {
        let Some(due) = due else { return };
        if armed.is_none_or(|armed| due < armed) {
            *armed = Some(due);
            self.heap.push(Reverse((due, key.pack())));
        }
    }

    /// When the next entry comes up.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((due, _))| *due)
    }

    /// An entry that is due, with the time for which it was made. It may be dead: then that time is
    /// not the one its connection is armed for.
    pub(super) fn pop(&mut self, now: Instant) -> Option<(Instant, Key)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse((due, key))| (due, Key::unpack(key)))
    }

    /// Drops dead entries when there are too many, so that a rush of short connections leaves no
    /// trace.
    pub(super) fn sweep(&mut self, alive: usize, mut is_alive: impl FnMut(Instant, Key) -> bool) {
        if self.heap.len() > alive.saturating_mul(2).saturating_add(DEAD_ENTRIES) {
            self.heap.retain(|Reverse((due, key))| is_alive(*due, Key::unpack(*key)));
            self.heap.shrink_to(alive.saturating_mul(2));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn key(slot: u32) -> Key {
        Key { slot, generation: 0 }
    }

    #[test]
    fn entries_come_up_in_order_and_a_later_deadline_makes_no_entry() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let (mut timers, mut first, mut second) = (Timers::default(), None, None);
        timers.arm(key(1), Some(at(20)), &mut first);
        timers.arm(key(1), Some(at(30)), &mut first);
        timers.arm(key(2), Some(at(10)), &mut second);
        timers.arm(key(2), None, &mut second);
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.pop(at(9)), None);
        assert_eq!(timers.pop(at(25)), Some((at(10), key(2))));
        assert_eq!(timers.pop(at(25)), Some((at(20), key(1))));
        assert_eq!(timers.pop(at(25)), None);
    }

    #[test]
    fn dead_entries_are_swept() {
        let now = Instant::now();
        let mut timers = Timers::default();
        for slot in 0..10_000 {
            timers.arm(key(slot), Some(now), &mut None);
            timers.sweep(1, |_, key| key.slot == 0);
        }
        assert!(timers.heap.len() < 2_000);
        assert_eq!(timers.pop(now), Some((now, key(0))));
    }
}
