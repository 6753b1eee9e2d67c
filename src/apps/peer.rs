//! The name of a connection.

use std::fmt;

/// Names one connection, and never another one, as long as the server runs: its slot in the table
/// of its loop is used again, but with another generation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId {
    loop_index: u16,
    slot: u32,
    generation: u32,
}

impl PeerId {
    /// The peer in a slot of a loop's table.
    pub const fn new(loop_index: u16, slot: u32, generation: u32) -> Self {
        Self { loop_index, slot, generation }
    }

    /// Which event loop serves the peer, from 0.
    pub const fn loop_index(self) -> u16 {
        self.loop_index
    }

    /// The peer's slot in that loop's table.
    pub const fn slot(self) -> u32 {
        self.slot
    }

    /// How often that slot had been given away before.
    pub const fn generation(self) -> u32 {
        self.generation
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.loop_index, self.slot, self.generation)
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{self}")
    }
}
