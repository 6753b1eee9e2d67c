//! Frames become messages: RFC 6455, section 5.4.
//!
//! A message that lies whole in one read never comes here: it is unmasked and delivered where it
//! lies. What is cut, by its sender into fragments or by the network into reads, is gathered in one
//! contiguous buffer. A fragment leaves nothing behind but its bytes, so a million tiny ones cost
//! no more than one large one.

use std::time::Instant;

use super::close::MAX_CONTROL_PAYLOAD;
use super::deflate::RSV1;
use super::frame::{FrameHeader, MAX_HEADER, Opcode};
use super::utf8::Utf8Stream;
use super::violation::Violation;

/// A message that has begun to arrive.
pub(super) struct Message {
    payload: Payload,
    /// Whether RSV1 was set on its first frame: RFC 7692, 6.
    pub(super) compressed: bool,
    /// When its first bytes came.
    pub(super) started: Instant,
    empty_fragments: u32,
}

enum Payload {
    /// The text so far, and what is left of an unfinished character.
    Text(String, Utf8Stream),
    Binary(Vec<u8>),
}

/// The payload of a whole message.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whole<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

impl Message {
    /// A message that begins with this frame: text, or else binary.
    pub(super) fn new(first: &FrameHeader, now: Instant) -> Self {
        let payload = match first.opcode {
            Opcode::Text => Payload::Text(String::new(), Utf8Stream::default()),
            _ => Payload::Binary(Vec::new()),
        };
        Self { payload, compressed: first.reserved & RSV1 != 0, started: now, empty_fragments: 0 }
    }

    /// How many bytes it has so far.
    pub(super) fn len(&self) -> usize {
        match &self.payload {
            Payload::Text(text, stream) => text.len().saturating_add(stream.carried_len()),
            Payload::Binary(payload) => payload.len(),
        }
    }

    /// Bytes of memory held.
    pub(super) fn held(&self) -> usize {
        match &self.payload {
            Payload::Text(text, _) => text.capacity(),
            Payload::Binary(payload) => payload.capacity(),
        }
    }

    /// Takes some more payload, unmasked.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), Violation> {
        match &mut self.payload {
            // 8.1: "When an endpoint is to interpret a byte stream as UTF-8 but finds that the byte
            // stream is not, in fact, a valid UTF-8 stream, that endpoint MUST _Fail the WebSocket
            // Connection_."
            Payload::Text(text, stream) => {
                stream.push(piece, text).map_err(|_| Violation::InvalidUtf8InText)
            }
            Payload::Binary(payload) => {
                payload.extend_from_slice(piece);
                Ok(())
            }
        }
    }

    /// Takes what a piece inflated to, if the message stays within the limit.
    pub(super) fn push_up_to(&mut self, limit: usize, inflated: &[u8]) -> Result<(), Violation> {
        let room = limit.saturating_sub(self.len());
        let Some((fits, _)) = inflated.split_at_checked(room) else {
            return self.push(inflated);
        };
        // What fits is judged first, as it would be if it had come alone.
        self.push(fits)?;
        if fits.len() < inflated.len() {
            return Err(Violation::MessageTooBig);
        }
        Ok(())
    }

    /// A frame of this message has ended.
    pub(super) fn end_frame(&mut self, header: &FrameHeader, limit: u32) -> Result<(), Violation> {
        if header.fin {
            return match &self.payload {
                Payload::Text(_, stream) if !stream.is_complete() => {
                    Err(Violation::InvalidUtf8InText)
                }
                _ => Ok(()),
            };
        }
        // Empty fragments are legal, but a message of nothing else makes us work for no progress.
        if header.payload_length > 0 {
            self.empty_fragments = 0;
            return Ok(());
        }
        self.empty_fragments = self.empty_fragments.saturating_add(1);
        if self.empty_fragments > limit {
            return Err(Violation::TooManyEmptyFragments);
        }
        Ok(())
    }

    pub(super) fn whole(&self) -> Whole<'_> {
        match &self.payload {
            Payload::Text(text, _) => Whole::Text(text),
            Payload::Binary(payload) => Whole::Binary(payload),
        }
    }
}

/// A few bytes, kept in place.
pub(super) struct Stash<const N: usize> {
    bytes: [u8; N],
    length: u8,
}

impl<const N: usize> Stash<N> {
    pub(super) const EMPTY: Self = Self { bytes: [0; N], length: 0 };

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length.into()).unwrap_or_default()
    }

    /// Appends as much of `more` as there is room for, and tells how much that was.
    pub(super) fn push(&mut self, more: &[u8]) -> usize {
        let room = self.bytes.get_mut(self.length.into()..).unwrap_or_default();
        let taken = room.len().min(more.len());
        for (to, from) in room.iter_mut().zip(more) {
            *to = *from;
        }
        self.length = self.length.saturating_add(taken as u8);
        taken
    }

    pub(super) fn clear(&mut self) {
        self.length = 0;
    }
}

/// A frame whose payload is still arriving.
#[derive(Clone, Copy)]
pub(super) struct PartialFrame {
    pub(super) header: FrameHeader,
    /// So many bytes of its payload have arrived.
    pub(super) received: u64,
}

/// All that a connection keeps between two reads. An idle connection has none of it.
pub(super) struct Unfinished {
    /// The start of a header.
    pub(super) header: Stash<MAX_HEADER>,
    pub(super) frame: Option<PartialFrame>,
    /// The payload so far of a control frame: it may arrive in the middle of a message.
    pub(super) control: Stash<MAX_CONTROL_PAYLOAD>,
    pub(super) message: Option<Message>,
    /// Whether what `control` or `message` holds was delivered by the last call and can go.
    pub(super) control_delivered: bool,
    pub(super) message_delivered: bool,
}

impl Unfinished {
    pub(super) fn new() -> Self {
        Self {
            header: Stash::EMPTY,
            frame: None,
            control: Stash::EMPTY,
            message: None,
            control_delivered: false,
            message_delivered: false,
        }
    }

    /// Drops what was delivered.
    pub(super) fn forget_delivered(&mut self) {
        if std::mem::take(&mut self.control_delivered) {
            self.control.clear();
        }
        if std::mem::take(&mut self.message_delivered) {
            self.message = None;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.header.bytes().is_empty()
            && self.frame.is_none()
            && self.control.bytes().is_empty()
            && self.message.is_none()
    }
}
