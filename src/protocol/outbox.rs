//! Frames that wait to be sent.
//!
//! Frames are encoded at once into one contiguous buffer; whoever drives the connection writes
//! [`Outbox::pending`] to the transport and says with [`Outbox::advance`] how much was taken. All
//! replies of one turn so leave with one system call.

use super::close::{CloseCode, MAX_CONTROL_PAYLOAD, fit_reason};
use super::deflate::{Deflater, RSV1};
use super::frame::{FrameHeader, Opcode};
use super::masking::{MaskingKey, MaskingKeys, apply_mask};
use super::message::Stash;

/// With this much waiting, a pong is no longer queued: the latest is remembered instead.
///
/// RFC 6455, 5.5.3: an endpoint that "has not yet sent Pong frame(s) in response to previous Ping
/// frame(s) [...] MAY elect to send a Pong frame for only the most recently processed Ping frame."
/// So a peer that sends pings and does not read cannot make us hoard pongs.
pub const PONG_BACKLOG: usize = 16 * 1024;

/// Why a frame was not queued. The mistake is on our side, or the peer reads too slowly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// A Close frame has been sent: no message may follow it (RFC 6455, 5.5.1).
    Closed,
    /// The payload of a control frame is at most 125 bytes (RFC 6455, 5.5).
    ControlFrameTooLong,
    /// As much is waiting as the limit allows; the message was not taken.
    Full,
}

/// The frames of one connection that are not yet with the transport.
pub struct Outbox {
    bytes: Vec<u8>,
    /// So many of `bytes`, from the start, are with the transport already.
    advanced: usize,
    limit: usize,
    /// What a server's connection seldom has, in one pointer: most of them are idle.
    rare: Option<Box<Rare>>,
    /// Compresses messages, if permessage-deflate was agreed on.
    deflater: Option<Box<Deflater>>,
    close_sent: bool,
    close_code: Option<CloseCode>,
    /// How many of the bytes to send were queued after the Close frame: pongs, which are not queued
    /// beyond [`PONG_BACKLOG`], so that two bytes can count them.
    behind_close: u16,
    /// Whether the storage of `bytes` is lent, see [`Outbox::lend`].
    lent: bool,
}

#[derive(Default)]
struct Rare {
    /// A client masks its frames, and this makes the keys; a server has none.
    masking_keys: Option<Box<dyn MaskingKeys>>,
    owed_pong: Option<OwedPong>,
}

/// The payload of the latest ping that could not be answered yet.
type OwedPong = Stash<MAX_CONTROL_PAYLOAD>;

impl Outbox {
    /// An empty outbox. While `limit` bytes or more are waiting it takes no further message, so it
    /// never holds more than `limit` plus one message plus a few control frames.
    pub(super) fn new(limit: usize, masking_keys: Option<Box<dyn MaskingKeys>>) -> Self {
        Self {
            bytes: Vec::new(),
            advanced: 0,
            limit,
            rare: masking_keys
                .map(|keys| Box::new(Rare { masking_keys: Some(keys), owed_pong: None })),
            deflater: None,
            close_sent: false,
            close_code: None,
            behind_close: 0,
            lent: false,
        }
    }

    /// From now on messages are compressed.
    pub(super) fn compress_with(&mut self, deflater: Deflater) {
        self.deflater = Some(Box::new(deflater));
    }

    /// No message will follow: what compresses them can go.
    pub(super) fn stop_compressing(&mut self) {
        self.deflater = None;
    }

    /// The connection has ended: nothing more is queued, whether a Close frame was or not.
    pub(super) fn refuse_more(&mut self) {
        self.close_sent = true;
        // 5.5.2: a ping is answered "unless it already received a Close frame".
        let _ = self.take_owed_pong();
    }

    /// Queues what precedes the first frame: the server's answer to the handshake.
    pub fn preface(&mut self, response: &[u8]) {
        self.bytes.extend_from_slice(response);
    }

    /// Queues a text message.
    pub fn text(&mut self, text: &str) -> Result<(), SendError> {
        self.message(Opcode::Text, text.as_bytes())
    }

    /// Queues a binary message.
    pub fn binary(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.message(Opcode::Binary, payload)
    }

    /// Queues a message in fragments, one frame for each part, uncompressed. Parts of a text may end
    /// inside a character (RFC 6455, 5.6), but all of them together must be UTF-8, which is the
    /// caller's part.
    pub fn fragments<P: AsRef<[u8]>>(
        &mut self,
        opcode: Opcode,
        parts: &[P],
    ) -> Result<(), SendError> {
        if !self.close_sent && self.pending().len() >= self.limit {
            return Err(SendError::Full);
        }
        for (index, part) in parts.iter().enumerate() {
            // 5.4: "An unfragmented message consists of a single frame with the FIN bit set"; else
            // the first has the message's opcode, the last has FIN.
            let opcode = if index == 0 { opcode } else { Opcode::Continuation };
            let fin = index.saturating_add(1) == parts.len();
            self.frame(FrameHeader { fin, ..FrameHeader::new(opcode, 0) }, part.as_ref())?;
        }
        Ok(())
    }

    /// Queues bytes as they are, whatever the peer will think of them.
    pub fn raw(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        if self.close_sent {
            return Err(SendError::Closed);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Queues a ping; the peer will answer it with a pong that carries the same payload.
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.control(Opcode::Ping, payload)
    }

    /// Queues a pong that answers no ping, a heartbeat in one direction: RFC 6455, 5.5.3.
    pub fn pong(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.control(Opcode::Pong, payload)
    }

    /// Queues a Close frame. The reason is cut, between two characters, to what the frame can hold.
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), SendError> {
        let reason = fit_reason(reason);
        let mut payload = Stash::<MAX_CONTROL_PAYLOAD>::EMPTY;
        payload.push(&code.get().to_be_bytes());
        payload.push(reason.as_bytes());
        self.close_with(payload.bytes())?;
        self.close_code = Some(code);
        Ok(())
    }

    /// Queues a Close frame without a code, which the peer will report as 1005.
    pub fn close_without_code(&mut self) -> Result<(), SendError> {
        self.close_with(b"")
    }

    /// Whether a Close frame was queued: then nothing more can be, but for answers to pings.
    pub fn is_closed(&self) -> bool {
        self.close_sent
    }

    /// The code of the Close frame that was queued, if there is one and it had a code.
    pub fn close_code(&self) -> Option<CloseCode> {
        self.close_code
    }

    /// Whether a Close frame was queued and is with the transport.
    pub(super) fn is_close_gone(&self) -> bool {
        self.close_sent && self.pending().len() <= self.behind_close.into()
    }

    /// The bytes to send.
    pub fn pending(&self) -> &[u8] {
        self.bytes.get(self.advanced..).unwrap_or_default()
    }

    /// The transport took the first `count` bytes of [`Outbox::pending`].
    pub fn advance(&mut self, count: usize) {
        self.advanced = self.advanced.saturating_add(count).min(self.bytes.len());
        let waiting = u16::try_from(self.pending().len()).unwrap_or(u16::MAX);
        self.behind_close = self.behind_close.min(waiting);
        if self.pending().len() < PONG_BACKLOG
            && let Some(owed) = self.take_owed_pong()
        {
            self.append_pong(owed.bytes());
        }
        if self.pending().is_empty() {
            self.advanced = 0;
            self.bytes.clear();
            if !self.lent {
                // An idle connection owns no buffer.
                self.bytes = Vec::new();
            }
        }
    }

    /// Lends storage to an outbox that has none, so that a turn of a busy loop need not allocate.
    /// Gives it back if the outbox has storage already.
    pub fn lend(&mut self, storage: Vec<u8>) -> Option<Vec<u8>> {
        if self.bytes.capacity() > 0 {
            return Some(storage);
        }
        self.bytes = storage;
        self.bytes.clear();
        self.lent = true;
        None
    }

    /// Takes lent storage back, if there was some. What is still pending moves to a buffer of its
    /// own size.
    pub fn reclaim(&mut self) -> Option<Vec<u8>> {
        if !self.lent {
            return None;
        }
        self.lent = false;
        let remaining = self.pending().to_vec();
        self.advanced = 0;
        Some(std::mem::replace(&mut self.bytes, remaining))
    }

    /// How many bytes of memory wait here, or are kept for what waits.
    pub fn held(&self) -> usize {
        self.bytes.capacity()
    }

    /// Answers a ping, or remembers it if much is waiting.
    ///
    /// Our own Close frame is no reason not to: 5.5.1 says that no more *data* frames may follow
    /// it, and 5.5.2 that a ping is answered until the *peer's* was received.
    pub(super) fn answer_ping(&mut self, payload: &[u8]) {
        if self.pending().len() < PONG_BACKLOG {
            return self.append_pong(payload);
        }
        let mut owed = OwedPong::EMPTY;
        owed.push(payload);
        self.rare.get_or_insert_default().owed_pong = Some(owed);
    }

    fn append_pong(&mut self, payload: &[u8]) {
        let before = self.pending().len();
        self.append(FrameHeader::new(Opcode::Pong, 0), payload);
        if self.close_sent {
            let added = self.pending().len().saturating_sub(before);
            self.behind_close = self.behind_close.saturating_add(added as u16);
        }
    }

    /// Takes the owed pong, and gives back the memory that a server's connection had for it.
    fn take_owed_pong(&mut self) -> Option<OwedPong> {
        let rare = self.rare.as_mut()?;
        let owed = rare.owed_pong.take();
        if rare.masking_keys.is_none() {
            self.rare = None;
        }
        owed
    }

    fn next_masking_key(&mut self) -> Option<MaskingKey> {
        Some(self.rare.as_mut()?.masking_keys.as_mut()?.next_key())
    }

    fn message(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        if !self.close_sent && self.pending().len() >= self.limit {
            return Err(SendError::Full);
        }
        if self.close_sent {
            return Err(SendError::Closed);
        }
        let compressed = self.deflater.as_mut().and_then(|deflater| deflater.deflate(payload));
        match compressed {
            Some(compressed) => {
                let header = FrameHeader { reserved: RSV1, ..FrameHeader::new(opcode, 0) };
                self.frame(header, &compressed)
            }
            None => self.frame(FrameHeader::new(opcode, 0), payload),
        }
    }

    fn control(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        if payload.len() > MAX_CONTROL_PAYLOAD {
            return Err(SendError::ControlFrameTooLong);
        }
        self.frame(FrameHeader::new(opcode, 0), payload)
    }

    fn close_with(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.control(Opcode::Close, payload)?;
        self.close_sent = true;
        self.stop_compressing();
        Ok(())
    }

    /// Queues a frame. Its length and its masking key are filled in.
    fn frame(&mut self, header: FrameHeader, payload: &[u8]) -> Result<(), SendError> {
        if self.close_sent {
            return Err(SendError::Closed);
        }
        self.append(header, payload);
        Ok(())
    }

    fn append(&mut self, header: FrameHeader, payload: &[u8]) {
        // What is gone is dropped once it is the larger part: no more bytes are ever moved than were
        // sent.
        if self.advanced > 0 && self.advanced >= self.pending().len() {
            self.bytes.drain(..self.advanced);
            self.advanced = 0;
        }
        let masking_key = self.next_masking_key();
        let header = FrameHeader { masking_key, payload_length: payload.len() as u64, ..header };
        header.encode(&mut self.bytes);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(payload);
        if let Some(key) = masking_key {
            apply_mask(self.bytes.get_mut(start..).unwrap_or_default(), key, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox() -> Outbox {
        Outbox::new(64 * 1024, None)
    }

    #[test]
    fn frames_leave_in_order_whatever_the_transport_takes() {
        let mut outbox = outbox();
        let mut sent = Vec::new();
        for number in 0..100_u32 {
            outbox.text(&number.to_string()).unwrap();
            let take = (number as usize * 7) % 5;
            let take = take.min(outbox.pending().len());
            sent.extend_from_slice(&outbox.pending()[..take]);
            outbox.advance(take);
        }
        sent.extend_from_slice(outbox.pending());
        let mut expected = Vec::new();
        for number in 0..100_u32 {
            let text = number.to_string();
            expected.extend_from_slice(&[0x81, text.len() as u8]);
            expected.extend_from_slice(text.as_bytes());
        }
        assert_eq!(sent, expected);
    }

    #[test]
    fn a_steady_backlog_does_not_make_the_buffer_grow() {
        let mut outbox = outbox();
        outbox.binary(&[0; 1000]).unwrap();
        for _ in 0..10_000 {
            outbox.binary(&[0; 1000]).unwrap();
            outbox.advance(1004);
            assert!(outbox.held() >= outbox.pending().len());
        }
        assert!(outbox.held() < 8192, "{}", outbox.held());
    }

    #[test]
    fn frames_follow_the_answer_to_the_handshake() {
        let mut outbox = outbox();
        outbox.preface(b"HTTP/1.1 101 \r\n\r\n");
        outbox.pong(b"here").unwrap();
        assert_eq!(outbox.pending(), b"HTTP/1.1 101 \r\n\r\n\x8a\x04here");
    }

    #[test]
    fn nothing_follows_a_close_frame() {
        let mut outbox = outbox();
        outbox.close(CloseCode::NORMAL, "bye").unwrap();
        assert_eq!(outbox.pending(), b"\x88\x05\x03\xe8bye");
        assert_eq!(outbox.text("x"), Err(SendError::Closed));
        assert_eq!(outbox.ping(b""), Err(SendError::Closed));
        assert_eq!(outbox.close(CloseCode::NORMAL, ""), Err(SendError::Closed));
        assert_eq!(outbox.pending(), b"\x88\x05\x03\xe8bye");
    }

    #[test]
    fn a_pong_follows_our_close_frame_but_never_that_of_the_peer() {
        let mut outbox = outbox();
        outbox.close(CloseCode::NORMAL, "").unwrap();
        outbox.answer_ping(b"1");
        outbox.answer_ping(b"2");
        assert_eq!(outbox.pending(), b"\x88\x02\x03\xe8\x8a\x011\x8a\x012");
        outbox.advance(3);
        assert!(!outbox.is_close_gone());
        outbox.advance(1);
        assert!(outbox.is_close_gone());
        outbox.advance(5);
        outbox.answer_ping(b"3");
        assert_eq!(outbox.pending(), b"2\x8a\x013");
        for number in 0..100_000_u32 {
            outbox.answer_ping(&number.to_be_bytes());
        }
        assert!(outbox.pending().len() < PONG_BACKLOG + 6);
        // The peer's Close frame has come.
        outbox.refuse_more();
        outbox.advance(outbox.pending().len());
        assert_eq!(outbox.pending(), b"");
    }

    #[test]
    fn a_full_outbox_takes_no_message_but_a_close_frame() {
        let mut outbox = Outbox::new(10, None);
        outbox.text("0123456789").unwrap();
        assert_eq!(outbox.text("x"), Err(SendError::Full));
        outbox.close(CloseCode::TRY_AGAIN_LATER, "").unwrap();
        assert_eq!(outbox.text("x"), Err(SendError::Closed));
    }

    #[test]
    fn a_message_in_fragments_is_one_frame_for_each_part() {
        let mut outbox = outbox();
        outbox.fragments(Opcode::Text, &["one", "", "three"]).unwrap();
        outbox.fragments(Opcode::Binary, &[b"all"]).unwrap();
        assert_eq!(outbox.pending(), b"\x01\x03one\x00\x00\x80\x05three\x82\x03all");
    }

    #[test]
    fn raw_bytes_go_out_as_they_are_and_fragments_are_refused_like_messages() {
        let mut outbox = Outbox::new(10, None);
        outbox.raw(b"0123456789").unwrap();
        assert_eq!(outbox.pending(), b"0123456789");
        assert_eq!(outbox.fragments(Opcode::Text, &["x"]), Err(SendError::Full));
        outbox.close(CloseCode::NORMAL, "").unwrap();
        assert_eq!(outbox.fragments(Opcode::Text, &["x"]), Err(SendError::Closed));
        assert_eq!(outbox.raw(b"x"), Err(SendError::Closed));
        assert_eq!(outbox.pending(), b"0123456789\x88\x02\x03\xe8");
    }

    #[test]
    fn a_control_frame_holds_125_bytes() {
        let mut outbox = outbox();
        assert_eq!(outbox.ping(&[0; 126]), Err(SendError::ControlFrameTooLong));
        assert_eq!(outbox.ping(&[0; 125]), Ok(()));
    }

    #[test]
    fn under_a_backlog_only_the_latest_ping_is_answered() {
        let mut outbox = outbox();
        outbox.binary(&[0; PONG_BACKLOG]).unwrap();
        let before = outbox.pending().len();
        for number in 0..1000_u16 {
            outbox.answer_ping(&number.to_be_bytes());
        }
        assert_eq!(outbox.pending().len(), before);
        outbox.advance(before);
        assert_eq!(outbox.pending(), [0x8a, 2, 3, 231]); // 999
    }

    #[test]
    fn with_less_than_16_kib_waiting_every_ping_is_answered() {
        for (waiting, answered) in [(16 * 1024 - 1, true), (16 * 1024, false)] {
            let mut outbox = outbox();
            outbox.binary(&vec![0; waiting - 4]).unwrap();
            assert_eq!(outbox.pending().len(), waiting);
            outbox.answer_ping(b"?");
            assert_eq!(outbox.pending().len() > waiting, answered);
            // The answer that is owed is queued as soon as less is waiting.
            outbox.advance(1);
            assert!(outbox.pending().ends_with(b"\x8a\x01?"));
        }
        let mut outbox = outbox();
        outbox.binary(&[0; 16 * 1024 - 3]).unwrap();
        outbox.answer_ping(b"?");
        outbox.advance(1);
        assert_eq!(outbox.pending().len(), 16 * 1024, "as much as ever");
        outbox.advance(1);
        assert!(outbox.pending().ends_with(b"\x8a\x01?"));
    }

    #[test]
    fn an_emptied_outbox_owns_no_buffer() {
        let mut outbox = outbox();
        outbox.text("hello").unwrap();
        outbox.advance(7);
        assert_eq!(outbox.held(), 0);
    }

    #[test]
    fn lent_storage_comes_back_and_the_remainder_stays() {
        let mut outbox = outbox();
        assert!(outbox.lend(Vec::with_capacity(4096)).is_none());
        outbox.text("hello").unwrap();
        outbox.advance(3);
        let storage = outbox.reclaim().unwrap();
        assert!(storage.capacity() >= 4096);
        assert_eq!(outbox.pending(), b"ello");
        assert!(outbox.held() < 100);
        assert!(outbox.reclaim().is_none());
        assert!(outbox.lend(storage).is_some(), "it has storage of its own");
    }
}
