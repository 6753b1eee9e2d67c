//! permessage-deflate: RFC 7692, section 7, apart from its negotiation.
//!
//! A compressed message has RSV1 set on its first frame. Its payload is a DEFLATE stream that ends
//! with an empty block, of which the last four bytes, `00 00 ff ff`, are left out (7.2.1); whoever
//! receives it appends them again (7.2.2). With *context takeover* each side's stream goes on from
//! message to message, so that a message can refer to what the ones before it said; without, each
//! message starts anew.
//!
//! DEFLATE itself is the work of a library. What is ours: which state is kept, for how long, and
//! where the output stops.
//!
//! # Memory
//!
//! A DEFLATE state is large: some 47 KB to inflate, 181 KB to deflate. So a connection has none
//! before its first compressed message. Without context takeover it has none between messages
//! either: states come from a [`DeflatePool`] that all connections of a loop share, and go back to
//! it. When a connection has ended, or will send no more messages, its states go at once.
//!
//! # What it deliberately does not do
//!
//! - A peer may end a message with a block that has BFINAL set (7.2.3.4), which ends the DEFLATE
//!   stream. The library's window is empty after that, also with context takeover. A peer that
//!   makes such blocks with zlib starts with an empty window as well, so nothing is lost; one that
//!   refers back past the end of its stream is told [`Violation::InvalidCompressedData`].
//! - We never send such blocks, nor more than one frame for a message.
//! - The peer is not asked to use a smaller window: a state of ours reads every window, and one
//!   size fits the pool.

use std::sync::{Arc, Mutex, PoisonError};

use zlib_rs::{Deflate, DeflateConfig, DeflateFlush, Inflate, InflateFlush, Status};

use super::masking::Role;
use super::violation::Violation;

/// RSV1, which marks the first frame of a compressed message: RFC 7692, 6.
pub const RSV1: u8 = 0x40;

/// What is left out at the end of each compressed message: RFC 7692, 7.2.1.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The smallest and the largest window, as powers of two: RFC 7692, 7.1.2.
pub const WINDOW_BITS: std::ops::RangeInclusive<u8> = 8..=15;

/// The compression level. On offers of some 1.9 KB, level 1 leaves 59 % of their size where level 6
/// leaves 47 %, in a third of the time; with context takeover 26 % where level 6 leaves 22 %, in an
/// eighth of the time. Time is what a server has least of.
const LEVEL: i32 = 1;

/// The window of a state that belongs to one connection, and zlib's `memLevel` for it: 181 KB where
/// 15 and 8 take 380 KB. Messages of a few kilobytes hardly grow by it.
const TAKEOVER_WINDOW_BITS: u8 = 13;
const TAKEOVER_MEM_LEVEL: i32 = 5;

/// How much is inflated at a time. A bomb is stopped at the limit, and this much more is the most
/// that ever exists of it.
const PIECE: usize = 8192;

/// After so many compressed bytes, again and again, a message's ratio is judged.
const JUDGED_EVERY: usize = 256;

/// A message that inflates to no more than this is not held against its ratio: the limit on its
/// size is protection enough, and a megabyte of spaces is no attack.
const RATIO_FREE: usize = 1024 * 1024;

/// How many idle states of each kind a pool keeps.
const POOLED: usize = 4;

/// What the state of an inflater takes in memory, near enough: a window of 32 KiB, and tables.
const INFLATER_SIZE: usize = 48 * 1024;

/// What a mount allows, and a connection is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateOptions {
    /// Whether to compress, and with what memory.
    pub mode: DeflateMode,
    /// Messages of fewer bytes are sent uncompressed: they would hardly shrink.
    pub threshold: usize,
    /// A message that inflates to more than so many times its size is a bomb. (DEFLATE cannot do
    /// better than 1032 to 1.)
    pub max_ratio: u32,
}

impl Default for DeflateOptions {
    fn default() -> Self {
        Self { mode: DeflateMode::Off, threshold: 128, max_ratio: 512 }
    }
}

/// Whether a mount compresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeflateMode {
    /// Not at all: the extension is declined.
    #[default]
    Off,
    /// Without context takeover, so that states are shared by all connections.
    Shared,
    /// With context takeover where the client allows it: better compression for small messages that
    /// are alike, at the price of a state for each connection and direction.
    Takeover,
}

/// The parameters that both sides agreed on: RFC 7692, 7.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateParameters {
    /// The server compresses each message anew.
    pub server_no_context_takeover: bool,
    /// The client compresses each message anew.
    pub client_no_context_takeover: bool,
    /// The server looks back at most 2 to this power bytes.
    pub server_max_window_bits: u8,
    /// The client looks back at most 2 to this power bytes.
    pub client_max_window_bits: u8,
}

impl Default for DeflateParameters {
    fn default() -> Self {
        Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: *WINDOW_BITS.end(),
            client_max_window_bits: *WINDOW_BITS.end(),
        }
    }
}

/// Idle DEFLATE states. They all have the largest window, which reads whatever was compressed with
/// a smaller one.
#[derive(Default)]
pub struct DeflatePool {
    inflaters: Mutex<Vec<Inflate>>,
    deflaters: Mutex<Vec<Deflate>>,
}

impl DeflatePool {
    fn inflater(&self) -> Box<Inflate> {
        let mut idle = self.inflaters.lock().unwrap_or_else(PoisonError::into_inner);
        Box::new(idle.pop().unwrap_or_else(|| Inflate::new(false, *WINDOW_BITS.end())))
    }

    // States come back in their boxes: one that is taken by value, and dropped because the pool is
    // full, is freed while the compiler may believe that nobody else touches it. Miri objects.
    #[expect(clippy::boxed_local, reason = "see above")]
    fn return_inflater(&self, mut inflater: Box<Inflate>) {
        let mut idle = self.inflaters.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < POOLED {
            inflater.reset(false);
            idle.push(*inflater);
        }
    }

    fn deflater(&self, window_bits: u8) -> Box<Deflate> {
        if window_bits == *WINDOW_BITS.end() {
            let mut idle = self.deflaters.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(deflater) = idle.pop() {
                return Box::new(deflater);
            }
        }
        new_deflater(window_bits, DeflateConfig::default().mem_level)
    }

    #[expect(clippy::boxed_local, reason = "as for inflaters")]
    fn return_deflater(&self, mut deflater: Box<Deflate>, window_bits: u8) {
        let mut idle = self.deflaters.lock().unwrap_or_else(PoisonError::into_inner);
        if window_bits == *WINDOW_BITS.end() && idle.len() < POOLED {
            deflater.reset();
            idle.push(*deflater);
        }
    }
}

fn new_deflater(window_bits: u8, mem_level: i32) -> Box<Deflate> {
    // The library has no window of 2^8 for a raw stream. Its window of 2^9 serves: it never looks
    // further back than the window less 262 bytes, which is 250 here, so a receiver with 2^8 = 256
    // bytes finds all that is referred to.
    let mut config = DeflateConfig::new(LEVEL);
    config.window_bits = i32::from(window_bits.max(9)).saturating_neg();
    config.mem_level = mem_level;
    Box::new(Deflate::new_with_config(config))
}

/// One end's receiving half.
pub(super) struct Inflater {
    state: Option<Box<Inflate>>,
    pool: Arc<DeflatePool>,
    takeover: bool,
    max_ratio: usize,
    /// Of the message that is being inflated: its compressed bytes, and what they gave.
    compressed: usize,
    inflated: usize,
}

impl Inflater {
    pub(super) fn new(
        role: Role,
        agreed: &DeflateParameters,
        options: &DeflateOptions,
        pool: Arc<DeflatePool>,
    ) -> Self {
        let anew = match role {
            Role::Server => agreed.client_no_context_takeover,
            Role::Client => agreed.server_no_context_takeover,
        };
        let max_ratio = usize::try_from(options.max_ratio).unwrap_or(usize::MAX);
        Self { state: None, pool, takeover: !anew, max_ratio, compressed: 0, inflated: 0 }
    }

    /// Takes a piece of a message, and hands what comes of it to `sink`, some at a time.
    ///
    /// How a message was cut into pieces makes no difference: what comes first in it is judged
    /// first, be it by the sink, by the ratio or by DEFLATE.
    pub(super) fn push(
        &mut self,
        mut piece: &[u8],
        sink: &mut impl FnMut(&[u8]) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        while !piece.is_empty() {
            let until_judged = JUDGED_EVERY.saturating_sub(self.compressed % JUDGED_EVERY);
            let taken = piece.len().min(until_judged);
            let (block, rest) = piece.split_at_checked(taken).unwrap_or((piece, &[]));
            piece = rest;
            self.inflate(block, sink)?;
            self.compressed = self.compressed.saturating_add(block.len());
            let most = self.compressed.saturating_mul(self.max_ratio);
            let judged = self.compressed.is_multiple_of(JUDGED_EVERY);
            if judged && self.inflated > most.max(RATIO_FREE) {
                return Err(Violation::CompressionRatioTooHigh);
            }
        }
        Ok(())
    }

    /// Ends a message.
    pub(super) fn finish(&mut self) -> Result<(), Violation> {
        let compressed = std::mem::take(&mut self.compressed);
        self.inflated = 0;
        let Some(state) = &mut self.state else {
            return Ok(());
        };
        // A message without a byte is not DEFLATE; but zlib makes it of an empty message that comes
        // after another, because a second flush has nothing to add. Nor is there anything to end
        // where the last byte was the end of a block with BFINAL set.
        if compressed > 0 && state.total_in() > 0 {
            // 7.2.2: "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload of the
            // message." The library is asked to stop where a block ends, and is offered a fifth
            // byte: if it takes that, or has something to say, then the message was cut short.
            let [a, b, c, d] = TAIL;
            let step = Step::take(state, &[a, b, c, d, 0], &mut [0], InflateFlush::Block);
            step.status?;
            if (step.consumed, step.produced) != (TAIL.len(), 0) {
                return Err(Violation::InvalidCompressedData);
            }
        }
        if !self.takeover
            && let Some(state) = self.state.take()
        {
            self.pool.return_inflater(state);
        }
        Ok(())
    }

    /// How many bytes are taken from the pool until the message is complete. What context takeover
    /// keeps is not counted: it was agreed to, and does not go away by itself.
    pub(super) fn borrowed(&self) -> usize {
        if self.takeover || self.state.is_none() { 0 } else { INFLATER_SIZE }
    }

    fn inflate(
        &mut self,
        mut input: &[u8],
        sink: &mut impl FnMut(&[u8]) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        let state = self.state.get_or_insert_with(|| self.pool.inflater());
        let mut output = [0; PIECE];
        loop {
            let step = Step::take(state, input, &mut output, InflateFlush::SyncFlush);
            input = input.get(step.consumed..).unwrap_or_default();
            self.inflated = self.inflated.saturating_add(step.produced);
            // Also if the library has found an error: this came before it.
            sink(output.get(..step.produced).unwrap_or_default())?;
            if step.status? == Status::StreamEnd {
                // 7.2.3.4: a block with BFINAL set ends the stream, but not the message. What
                // follows is a new stream, with an empty window: see the head of this module.
                state.reset(false);
                if input.is_empty() {
                    return Ok(());
                }
            } else if step.produced < output.len() {
                // There was room left, so all that could be inflated has been.
                return input.is_empty().then_some(()).ok_or(Violation::InvalidCompressedData);
            }
        }
    }
}

/// What one call of the library did.
struct Step {
    consumed: usize,
    produced: usize,
    status: Result<Status, Violation>,
}

impl Step {
    fn take(state: &mut Inflate, input: &[u8], output: &mut [u8], flush: InflateFlush) -> Self {
        let (total_in, total_out) = (state.total_in(), state.total_out());
        let status = state.decompress(input, output, flush);
        Self {
            consumed: state.total_in().saturating_sub(total_in) as usize,
            produced: state.total_out().saturating_sub(total_out) as usize,
            status: status.map_err(|_| Violation::InvalidCompressedData),
        }
    }
}

/// One end's sending half.
pub(super) struct Deflater {
    state: Option<Box<Deflate>>,
    pool: Arc<DeflatePool>,
    takeover: bool,
    window_bits: u8,
    threshold: usize,
}

impl Deflater {
    pub(super) fn new(
        role: Role,
        agreed: &DeflateParameters,
        options: &DeflateOptions,
        pool: Arc<DeflatePool>,
    ) -> Self {
        let (anew, window_bits) = match role {
            Role::Server => (agreed.server_no_context_takeover, agreed.server_max_window_bits),
            Role::Client => (agreed.client_no_context_takeover, agreed.client_max_window_bits),
        };
        let threshold = options.threshold;
        Self { state: None, pool, takeover: !anew, window_bits, threshold }
    }

    /// Compresses a message. `None`: it is better sent as it is.
    pub(super) fn deflate(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        if payload.len() < self.threshold.max(1) {
            return None;
        }
        let mut state = self.state.take().unwrap_or_else(|| {
            if self.takeover {
                new_deflater(self.window_bits.min(TAKEOVER_WINDOW_BITS), TAKEOVER_MEM_LEVEL)
            } else {
                self.pool.deflater(self.window_bits)
            }
        });
        // A state that failed is not kept. A new one refers to nothing before it, so the peer need
        // not know.
        let output = deflate_message(&mut state, payload)?;
        if self.takeover {
            self.state = Some(state);
            // The peer must see all that went through the stream, also if it did not shrink.
            return Some(output);
        }
        self.pool.return_deflater(state, self.window_bits);
        (output.len() < payload.len()).then_some(output)
    }
}

/// A message as a DEFLATE stream, without its tail. `None` if the library fails, which it does only
/// on a state that is broken.
fn deflate_message(state: &mut Deflate, mut payload: &[u8]) -> Option<Vec<u8>> {
    // Incompressible data grows by five bytes for each block, and the flush adds some.
    let mut output = vec![0; payload.len().saturating_add(64)];
    let mut length = 0;
    loop {
        let (total_in, total_out) = (state.total_in(), state.total_out());
        let room = output.get_mut(length..).unwrap_or_default();
        let available = room.len();
        state.compress(payload, room, DeflateFlush::SyncFlush).ok()?;
        let consumed = state.total_in().saturating_sub(total_in) as usize;
        let produced = state.total_out().saturating_sub(total_out) as usize;
        payload = payload.get(consumed..).unwrap_or_default();
        length = length.saturating_add(produced);
        // The flush is complete only when it did not fill all of the room.
        if produced < available {
            break;
        }
        output.resize(output.len().saturating_mul(2), 0);
    }
    output.truncate(length);
    // 7.2.1: "Remove 4 octets (that are 0x00 0x00 0xff 0xff) from the tail end."
    if output.ends_with(&TAIL) {
        output.truncate(length.saturating_sub(TAIL.len()));
    }
    Some(output)
}

#[cfg(test)]
mod tests;
