//! What went over the wire of one connection: the last of it, as far as there is room.

use std::collections::VecDeque;

use super::track::Track;
use crate::trace::dissect::Side;

/// What is read at once is recorded in pieces of this size, so that what is old can go piece by
/// piece.
const PIECE: usize = 8 * 1024;

/// The most pieces: a peer that sends single bytes must not take more memory for when they came
/// than for what they were.
const PIECES: usize = 2048;

/// The most bytes of a head that are kept. The server takes no longer ones by default.
const HEAD: usize = 8 * 1024;

/// Both directions of a connection.
#[derive(Debug, Default)]
pub(super) struct Tape {
    bytes: VecDeque<u8>,
    pieces: VecDeque<Piece>,
    /// How many pieces have gone.
    gone: u64,
    /// How many bytes have come.
    total: u64,
    client: Direction,
    server: Direction,
}

#[derive(Debug, Default)]
struct Direction {
    track: Track,
    /// The head of the handshake, which is kept for as long as the connection is.
    head: Vec<u8>,
    /// When it began to come.
    head_at: u64,
    length: u64,
}

/// Some bytes that were read or written at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Who sent them.
    pub(super) from: Side,
    /// When, in microseconds.
    pub(super) at: u64,
    /// How many bytes `from` had sent before.
    pub(super) offset: u64,
    /// How many bytes both ends had sent before.
    start: u64,
    /// How many bytes they are.
    pub(super) length: usize,
    /// Where in them one can start to read, if one has missed what was before.
    pub(super) fresh: Option<usize>,
}

/// Where a reader of a tape is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The piece, counted from the first one ever.
    piece: u64,
    /// So many bytes of it have been read.
    within: usize,
}

/// What a reader gets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// Some bytes of this piece, those from the given one on.
    Bytes(Piece, usize, Vec<u8>),
    /// What would be next has gone. The cursor is at the first piece that is left.
    Gap,
    /// Nothing more has come yet.
    End,
}

impl Tape {
    /// Records bytes, and lets go of the oldest pieces if there would be more than `limit` bytes.
    pub(super) fn push(&mut self, from: Side, bytes: &[u8], at: u64, limit: usize) {
        for bytes in bytes.chunks(PIECE) {
            while self.pieces.len() >= PIECES || self.bytes.len() + bytes.len() > limit {
                let Some(piece) = self.pieces.pop_front() else { break };
                self.bytes.drain(..piece.length.min(self.bytes.len()));
                self.gone += 1;
            }
            let direction = match from {
                Side::Client => &mut self.client,
                Side::Server => &mut self.server,
            };
            if direction.track.is_in_head() {
                if direction.head.is_empty() {
                    direction.head_at = at;
                }
                let room = HEAD.saturating_sub(direction.head.len()).min(bytes.len());
                direction.head.extend_from_slice(bytes.get(..room).unwrap_or_default());
                if let Some(end) = memchr::memmem::find(&direction.head, b"\r\n\r\n") {
                    direction.head.truncate(end + 4);
                }
            }
            let fresh = direction.track.push(bytes);
            let (offset, length) = (direction.length, bytes.len());
            direction.length += length as u64;
            self.pieces.push_back(Piece { from, at, offset, start: self.total, length, fresh });
            self.bytes.extend(bytes);
            self.total += length as u64;
        }
    }

    /// How many bytes this end has sent.
    pub(super) fn length(&self, from: Side) -> u64 {
        self.direction(from).length
    }

    /// How many frames this end has begun to send.
    pub(super) fn frames(&self, from: Side) -> u64 {
        self.direction(from).track.frames
    }

    /// The head with which this end began, and when it began to come.
    pub(super) fn head(&self, from: Side) -> (&[u8], u64) {
        let direction = self.direction(from);
        (&direction.head, direction.head_at)
    }

    fn direction(&self, from: Side) -> &Direction {
        match from {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    /// Whether nothing has gone yet.
    pub(super) fn is_whole(&self) -> bool {
        self.gone == 0
    }

    /// Reads on, at most so many bytes.
    pub(super) fn read(&self, cursor: &mut Cursor, most: usize) -> Read {
        if cursor.piece < self.gone {
            *cursor = Cursor { piece: self.gone, within: 0 };
            return Read::Gap;
        }
        let index = usize::try_from(cursor.piece - self.gone).unwrap_or(usize::MAX);
        let Some(&piece) = self.pieces.get(index) else { return Read::End };
        let first = self.total.saturating_sub(self.bytes.len() as u64);
        let before = usize::try_from(piece.start.saturating_sub(first)).unwrap_or(0);
        let within = cursor.within;
        let count = piece.length.saturating_sub(within).min(most);
        let bytes = self.bytes.iter().skip(before + within).take(count).copied().collect();
        cursor.within += count;
        if cursor.within >= piece.length {
            *cursor = Cursor { piece: cursor.piece + 1, within: 0 };
        }
        Read::Bytes(piece, within, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(tape: &Tape, cursor: &mut Cursor) -> Vec<Read> {
        let mut reads = Vec::new();
        loop {
            match tape.read(cursor, 100_000) {
                Read::End => return reads,
                read => reads.push(read),
            }
        }
    }

    #[test]
    fn what_was_recorded_is_read_in_order_and_in_any_portion() {
        let mut tape = Tape::default();
        tape.push(Side::Client, b"abc", 1, 1000);
        tape.push(Side::Server, b"de", 2, 1000);
        let mut cursor = Cursor::default();
        let mut seen = Vec::new();
        while let Read::Bytes(piece, within, bytes) = tape.read(&mut cursor, 2) {
            seen.push((piece.from, piece.at, within, bytes));
        }
        let expected = [
            (Side::Client, 1, 0, b"ab".to_vec()),
            (Side::Client, 1, 2, b"c".to_vec()),
            (Side::Server, 2, 0, b"de".to_vec()),
        ];
        assert_eq!(seen, expected);
        assert_eq!(tape.read(&mut cursor, 2), Read::End);
        tape.push(Side::Client, b"f", 3, 1000);
        assert!(matches!(tape.read(&mut cursor, 2), Read::Bytes(piece, 0, _) if piece.offset == 3));
    }

    #[test]
    fn memory_is_bounded_in_bytes_and_in_pieces_and_a_late_reader_is_told_of_the_gap() {
        let mut tape = Tape::default();
        let mut late = Cursor::default();
        for round in 0..10_000_u64 {
            tape.push(Side::Client, b"x", round, 1000);
            assert!(tape.bytes.len() <= 1000 && tape.pieces.len() <= PIECES);
        }
        assert_eq!(tape.read(&mut late, 1), Read::Gap);
        assert_eq!(all(&tape, &mut late).len(), 1000);
        assert_eq!((tape.length(Side::Client), tape.is_whole()), (10_000, false));

        let mut tape = Tape::default();
        for _ in 0..10_000 {
            tape.push(Side::Client, b"x", 0, 1 << 20);
        }
        assert_eq!(tape.pieces.len(), PIECES);
        // Far more than there is room for, in one read: the end of it is what is kept.
        tape.push(Side::Server, &[7; 100_000], 0, 20_000);
        assert!(tape.bytes.len() <= 20_000 && tape.bytes.len() > 10_000);
        assert_eq!(tape.length(Side::Server), 100_000);
    }

    #[test]
    fn heads_are_kept_when_all_else_has_gone() {
        let mut tape = Tape::default();
        tape.push(Side::Client, b"GET / HTTP/1.1\r\n\r\n", 5, 100);
        for _ in 0..100 {
            tape.push(Side::Client, b"\x82\x7e\x00\x10................", 6, 100);
        }
        assert!(!tape.is_whole());
        assert_eq!(tape.head(Side::Client), (&b"GET / HTTP/1.1\r\n\r\n"[..], 5));
    }
}
