//! What we inflate is what a library inflates in one go, however it arrives; what we compress it
//! inflates back; and no more comes of a message than its limit allows.
//!
//! Input: one byte of circumstances (context takeover, fragments, the limit, the window), the size
//! of each read, the size of each fragment, then messages: a byte of length, and so many bytes.
//! They are taken for compressed ones that arrive, and then for plain ones to be sent.

use std::sync::Arc;
use std::time::Instant;

use wigwag::protocol::deflate::{DeflateMode, DeflateOptions, DeflateParameters, RSV1};
use wigwag::protocol::frame::Expected;
use wigwag::protocol::{Connection, FrameHeader, Limits, Opcode, Role, Violation};
use wigwag::trace::script::Seen;
use zlib_rs::{Inflate, InflateFlush, Status};

/// RFC 7692, 7.2.2: what is appended to each compressed message.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// An empty block with BFINAL set, so that a library says whether a stream was complete before it.
const FINAL: [u8; 5] = [1, 0, 0, 0xff, 0xff];

/// What a library makes of a raw DEFLATE stream.
pub struct Inflated {
    /// What came out, of a wrong stream what came out before that was found.
    pub output: Vec<u8>,
    /// So many bytes of the stream were read.
    pub consumed: usize,
    /// Whether that was up to the end of a block with BFINAL set.
    pub ended: bool,
}

/// Inflates a stream in one go.
pub type Library = fn(&[u8]) -> Inflated;

pub fn check(data: &[u8], libraries: &[Library]) {
    let [flags, read_size, fragment_size, data @ ..] = data else {
        return;
    };
    let case = Case {
        takeover: flags & 1 == 0,
        fragment: if flags & 2 == 0 { usize::MAX } else { usize::from(*fragment_size).max(1) },
        // A frame is never longer than the limit: only what comes of it is.
        limit: if flags & 4 == 0 { 1 << 16 } else { 256 },
        window_bits: 8 + (flags >> 3) % 8,
        read: usize::from(*read_size).max(1),
    };
    let messages = messages(data);
    case.inflate(&messages, libraries);
    case.deflate(&messages, libraries);
}

fn messages(mut data: &[u8]) -> Vec<&[u8]> {
    let mut messages = Vec::new();
    while let Some((&length, rest)) = data.split_first() {
        let (message, rest) = rest.split_at(usize::from(length).min(rest.len()));
        messages.push(message);
        data = rest;
    }
    messages
}

struct Case {
    takeover: bool,
    fragment: usize,
    limit: usize,
    window_bits: u8,
    read: usize,
}

impl Case {
    fn open(&self, role: Role, now: Instant) -> Connection {
        let limits = Limits { max_message: self.limit, outbox: usize::MAX, ..Limits::default() };
        let limits = Arc::new(limits);
        let mut connection = match role {
            Role::Server => Connection::server(limits, now),
            Role::Client => Connection::client(limits, now, Box::new(|| [1, 2, 3, 4])),
        };
        let agreed = DeflateParameters {
            server_no_context_takeover: !self.takeover,
            client_no_context_takeover: !self.takeover,
            server_max_window_bits: self.window_bits,
            client_max_window_bits: self.window_bits,
        };
        let options =
            DeflateOptions { mode: DeflateMode::Takeover, threshold: 0, max_ratio: u32::MAX };
        connection.use_deflate(&agreed, &options, &Arc::default());
        connection
    }

    fn receive(&self, connection: &mut Connection, mut bytes: Vec<u8>, now: Instant) -> Vec<Seen> {
        let mut seen = Vec::new();
        for mut read in bytes.chunks_mut(self.read) {
            while let Some((event, _)) = connection.receive(now, &mut read) {
                seen.push(event.into());
            }
            assert!(connection.held() <= 2 * self.limit + 128 * 1024);
        }
        seen
    }

    fn inflate(&self, messages: &[&[u8]], libraries: &[Library]) {
        let now = Instant::now();
        let mut connection = self.open(Role::Server, now);
        let mut streams = vec![Vec::new(); libraries.len()];
        for message in messages {
            let seen = self.receive(&mut connection, self.frames(message), now);
            let [seen] = &seen[..] else { panic!("{seen:?}") };
            for (index, (library, stream)) in libraries.iter().zip(&mut streams).enumerate() {
                if !self.takeover {
                    stream.clear();
                }
                let expected = self.expected(stream, message, *library);
                // What is wrong with a stream only our own library must find as we do. (Others let
                // pass some codes that zlib does not: RFC 1951 leaves that to them.)
                if index == 0 || matches!(seen, Seen::Binary(_)) {
                    assert_eq!(seen, &expected);
                }
            }
            if matches!(seen, Seen::Violation(_)) {
                return;
            }
        }
    }

    /// The frames of a message that is compressed already.
    fn frames(&self, mut message: &[u8]) -> Vec<u8> {
        let (mut bytes, mut opcode, mut reserved) = (Vec::new(), Opcode::Binary, RSV1);
        loop {
            let (piece, rest) = message.split_at(self.fragment.min(message.len()));
            message = rest;
            let fin = rest.is_empty();
            // A mask of zeros changes nothing.
            let masking_key = Some([0; 4]);
            let header = FrameHeader {
                fin,
                reserved,
                masking_key,
                ..FrameHeader::new(opcode, piece.len() as u64)
            };
            header.encode(&mut bytes);
            bytes.extend_from_slice(piece);
            (opcode, reserved) = (Opcode::Continuation, 0);
            if fin {
                return bytes;
            }
        }
    }

    /// What RFC 7692 wants of a message, by a library that sees the stream whole. `stream` is what
    /// came before, and grows.
    fn expected(&self, stream: &mut Vec<u8>, mut message: &[u8], library: Library) -> Seen {
        let mut output = Vec::new();
        // zlib makes no byte of an empty message after another.
        while !message.is_empty() {
            let before = match stream.is_empty() {
                true => 0,
                false => library(stream).output.len(),
            };
            let start = stream.len();
            stream.extend_from_slice(message);
            let inflated = library(stream);
            output.extend_from_slice(&inflated.output[before..]);
            if output.len() > self.limit {
                return Seen::Violation(Violation::MessageTooBig);
            }
            if inflated.ended {
                // 7.2.3.4: a block with BFINAL set; what follows is a new stream.
                message = &message[inflated.consumed - start..];
                stream.clear();
                continue;
            }
            let complete = library(&[stream, &TAIL[..], &FINAL[..]].concat());
            stream.extend_from_slice(&TAIL);
            // The tail ends the last block and says nothing; it may set BFINAL's block to its end.
            let ends = [stream.len(), stream.len() + FINAL.len()];
            let silent = complete.output.len() == inflated.output.len();
            if !(complete.ended && ends.contains(&complete.consumed) && silent) {
                return Seen::Violation(Violation::InvalidCompressedData);
            }
            if complete.consumed == stream.len() {
                stream.clear();
            }
            break;
        }
        Seen::Binary(output)
    }

    fn deflate(&self, messages: &[&[u8]], libraries: &[Library]) {
        let now = Instant::now();
        for role in [Role::Server, Role::Client] {
            let (mut sender, mut reader) = match role {
                Role::Server => (self.open(role, now), self.open(Role::Client, now)),
                Role::Client => (self.open(role, now), self.open(Role::Server, now)),
            };
            let mut stream = Vec::new();
            for message in messages {
                assert_eq!(sender.outbox(now).binary(message), Ok(()));
                let bytes = sender.pending_output().to_vec();
                sender.advance_output(bytes.len());
                if let Some(payload) = compressed_payload(&bytes, role) {
                    if !self.takeover {
                        stream.clear();
                    }
                    let before = stream.len();
                    stream.extend(payload);
                    stream.extend(TAIL);
                    for library in libraries {
                        let output = library(&stream).output;
                        let earlier =
                            if before == 0 { 0 } else { library(&stream[..before]).output.len() };
                        assert_eq!(&output[earlier..], *message);
                    }
                }
                let seen = self.receive(&mut reader, bytes, now);
                assert_eq!(seen, [Seen::Binary(message.to_vec())]);
            }
        }
    }
}

/// The payload of a frame, unmasked, if it is compressed.
fn compressed_payload(bytes: &[u8], sender: Role) -> Option<Vec<u8>> {
    let expected = Expected {
        role: if sender == Role::Client { Role::Server } else { Role::Client },
        in_message: false,
        extension_bits: RSV1,
        room: u64::MAX,
        compressed_room: u64::MAX,
    };
    let (header, size) = FrameHeader::parse(bytes, &expected).expect("right").expect("whole");
    let key = header.masking_key.unwrap_or_default();
    let payload = bytes[size..].iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
    (header.reserved == RSV1).then(|| payload.collect())
}

/// The library that wigwag uses, in plain use.
pub fn zlib(stream: &[u8]) -> Inflated {
    let mut state = Inflate::new(false, 15);
    let mut output = vec![0; 4096];
    loop {
        let (consumed, length) = (state.total_in() as usize, state.total_out() as usize);
        let status =
            state.decompress(&stream[consumed..], &mut output[length..], InflateFlush::NoFlush);
        let (consumed, length) = (state.total_in() as usize, state.total_out() as usize);
        let ended = matches!(status, Ok(Status::StreamEnd));
        if ended || status.is_err() || length < output.len() {
            output.truncate(length);
            return Inflated { output, consumed, ended };
        }
        output.resize(2 * length, 0);
    }
}
