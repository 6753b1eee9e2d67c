//! One budget for all bytes that are queued in the process.
//!
//! Each connection has its own limits, but a thousand connections at their limits are a lot of
//! memory. So there is one sum over all of them, and steps at which the server defends itself. Each
//! step ends by itself when the sum has fallen.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes queued in the whole process, in outboxes and unfinished messages.
#[derive(Debug)]
pub(super) struct Budget {
    limit: usize,
    used: AtomicUsize,
}

/// What the server does at the present sum. Each step includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pressure {
    /// Nothing special.
    None,
    /// From half of the budget: no newcomers, they are answered with 503.
    RefuseNewcomers,
    /// From three quarters: the connection with the largest queue is closed, again and again.
    CloseLargest,
    /// At the limit: nothing is accepted from the kernel.
    StopAccepting,
}

impl Budget {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit: limit.max(4), used: AtomicUsize::new(0) }
    }

    /// A connection that held `before` bytes now holds `after`.
    pub(super) fn account(&self, before: usize, after: usize) {
        // The sum is advisory: no other memory hangs on its order.
        if after > before {
            self.used.fetch_add(after - before, Ordering::Relaxed);
        } else if before > after {
            self.used.fetch_sub(before - after, Ordering::Relaxed);
        }
    }

    /// The sum.
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    pub(super) fn pressure(&self) -> Pressure {
        match self.used() {
            used if used >= self.limit => Pressure::StopAccepting,
            used if used >= self.limit / 4 * 3 => Pressure::CloseLargest,
            used if used >= self.limit / 2 => Pressure::RefuseNewcomers,
            _ => Pressure::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_come_with_the_sum_and_go_with_it() {
        let budget = Budget::new(1000);
        let at = |before, after| {
            budget.account(before, after);
            budget.pressure()
        };
        assert_eq!(at(0, 499), Pressure::None);
        assert_eq!(at(499, 500), Pressure::RefuseNewcomers);
        assert_eq!(at(500, 750), Pressure::CloseLargest);
        assert_eq!(at(750, 1000), Pressure::StopAccepting);
        assert_eq!(at(1000, 600), Pressure::RefuseNewcomers);
        assert_eq!(at(600, 0), Pressure::None);
    }
}
