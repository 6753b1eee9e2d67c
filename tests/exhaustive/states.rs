//! The same first two bytes in every state of a connection: what its driver is told, and when.

use std::sync::Arc;
use std::time::Instant;

use wigwag::protocol::deflate::{DeflateOptions, DeflateParameters};
use wigwag::protocol::frame::Expected;
use wigwag::protocol::{CloseCode, Connection, EndedBy, FrameHeader, Limits, Opcode, Role};
use wigwag::protocol::{State, Violation};
use wigwag::trace::script::Seen;

use super::headers::{KEY, RSV1, Verdict, each_header, verdict};

/// Over what 16 bits can say, so that every form of length can be right.
const MAX_MESSAGE: usize = 70_000;

/// A message that has begun: its first fragment has arrived, and says "x".
#[derive(Clone, Copy, Debug, PartialEq)]
enum Begun {
    Nothing,
    Text,
    Binary,
    CompressedText,
    CompressedBinary,
}

impl Begun {
    fn is_compressed(self) -> bool {
        matches!(self, Self::CompressedText | Self::CompressedBinary)
    }

    /// The first byte of the fragment, and its payload.
    fn fragment(self) -> Option<(u8, &'static [u8])> {
        // DEFLATE: a block that is stored, its length, the same inverted, and one byte; then the
        // first byte of the empty block at the end, of which RFC 7692, 7.2.1, removes the others.
        const STORED: &[u8] = b"\x00\x01\x00\xfe\xffx\x00";
        match self {
            Self::Nothing => None,
            Self::Text => Some((1, b"x")),
            Self::Binary => Some((2, b"x")),
            Self::CompressedText => Some((RSV1 | 1, STORED)),
            Self::CompressedBinary => Some((RSV1 | 2, STORED)),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Situation {
    role: Role,
    compression: bool,
    begun: Begun,
    /// Our Close frame has been sent, after all else.
    closing: bool,
}

impl Situation {
    /// All in which input is still judged.
    fn all(role: Role) -> Vec<Self> {
        let mut all = Vec::new();
        for closing in [false, true] {
            for compression in [false, true] {
                for begun in [
                    Begun::Nothing,
                    Begun::Text,
                    Begun::Binary,
                    Begun::CompressedText,
                    Begun::CompressedBinary,
                ] {
                    if compression || !begun.is_compressed() {
                        all.push(Self { role, compression, begun, closing });
                    }
                }
            }
        }
        all
    }

    fn connection(self, limits: &Arc<Limits>, now: Instant) -> Connection {
        let mut connection = connection(self.role, limits, now);
        if self.compression {
            let agreed = DeflateParameters::default();
            connection.use_deflate(&agreed, &DeflateOptions::default(), &Arc::default());
        }
        if let Some((first, payload)) = self.begun.fragment() {
            assert_eq!(read(&mut connection, now, &frame(self.role, first, payload)), []);
        }
        if self.closing {
            let closed = connection.outbox(now).close(CloseCode::GOING_AWAY, "");
            assert_eq!(closed, Ok(()));
            connection.advance_output(usize::MAX);
        }
        connection
    }

    fn expected(self) -> Expected {
        let room = MAX_MESSAGE as u64 - u64::from(self.begun != Begun::Nothing);
        // What cannot be compressed grows a little, and has to fit all the same.
        let compressed_room = room + room / 8 + 64;
        Expected {
            role: self.role,
            in_message: self.begun != Begun::Nothing,
            extension_bits: if self.compression { RSV1 } else { 0 },
            room: if self.begun.is_compressed() { compressed_room } else { room },
            compressed_room,
        }
    }

    /// What is told of a frame that begins with this header, when its payload of `'a'` is complete.
    fn told(self, header: &FrameHeader, payload: &[u8]) -> Option<Seen> {
        let delivered = match header.opcode {
            // Told in every state: the peer's Close frame is what we wait for.
            Opcode::Close => {
                return Some(match payload.len() {
                    0 => Seen::Close(None),
                    // 5.5.1: "the first two bytes of the body MUST be a 2-byte unsigned integer"
                    1 => Seen::Violation(Violation::CloseBodyOfOneByte),
                    // "aa" is 24929, above all ranges of 7.4.2.
                    _ => Seen::Violation(Violation::InvalidCloseCode),
                });
            }
            Opcode::Ping => Seen::Ping(payload.to_vec()),
            Opcode::Pong => Seen::Pong(payload.to_vec()),
            _ if !header.fin => return None,
            _ => {
                let before: &[u8] = if self.begun == Begun::Nothing { b"" } else { b"x" };
                let message = [before, payload].concat();
                let begun_as_text = matches!(self.begun, Begun::Text | Begun::CompressedText);
                if header.opcode == Opcode::Text || begun_as_text {
                    Seen::Text(String::from_utf8(message).expect("letters"))
                } else {
                    Seen::Binary(message)
                }
            }
        };
        (!self.closing).then_some(delivered)
    }
}

fn limits() -> Arc<Limits> {
    Arc::new(Limits { max_message: MAX_MESSAGE, ..Limits::default() })
}

fn connection(role: Role, limits: &Arc<Limits>, now: Instant) -> Connection {
    let limits = Arc::clone(limits);
    match role {
        Role::Server => Connection::server(limits, now),
        Role::Client => Connection::client(limits, now, Box::new(|| KEY)),
    }
}

/// A short frame as an end of this role receives it.
fn frame(role: Role, first: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u8;
    match role {
        Role::Server => [&[first, 0x80 | length], &KEY[..], &masked(payload)].concat(),
        Role::Client => [&[first, length], payload].concat(),
    }
}

fn masked(payload: &[u8]) -> Vec<u8> {
    payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
}

/// One read: all that is told of it.
fn read(connection: &mut Connection, now: Instant, bytes: &[u8]) -> Vec<Seen> {
    let mut bytes = bytes.to_vec();
    let mut input = &mut bytes[..];
    let mut seen = Vec::new();
    while let Some((event, _)) = connection.receive(now, &mut input) {
        seen.push(event.into());
    }
    seen
}

/// Judges headers in one situation.
struct Judge {
    situation: Situation,
    expected: Expected,
    limits: Arc<Limits>,
    now: Instant,
    /// The latest first byte that was wrong by itself.
    wrong_first: Option<u8>,
}

impl Judge {
    fn judge(&mut self, header: &[u8]) {
        match verdict(header, &self.expected) {
            Verdict::Broken(at, by) => self.broken(header, at, &by),
            Verdict::Right(read) => self.right(header, &read),
        }
    }

    fn connection(&self) -> Connection {
        self.situation.connection(&self.limits, self.now)
    }

    /// One of these is told, of the whole header in one read and of each byte in its own.
    fn broken(&mut self, header: &[u8], at: usize, by: &[Violation]) {
        let mut connection = self.connection();
        let violation = match read(&mut connection, self.now, header)[..] {
            [Seen::Violation(violation)] if by.contains(&violation) => violation,
            ref seen => panic!("{header:x?} in {:?}: {seen:?}, not {by:?}", self.situation),
        };
        self.assert_failed(&mut connection, violation);
        // The first byte alone is the same, whatever the second would be.
        if at == 1 && self.wrong_first == Some(header[0]) {
            return;
        }
        self.wrong_first = (at == 1).then_some(header[0]);
        let mut connection = self.connection();
        for byte in header[..at - 1].chunks(1) {
            let seen = read(&mut connection, self.now, byte);
            assert_eq!(seen, [], "{header:x?} in {:?}", self.situation);
        }
        let seen = read(&mut connection, self.now, &header[at - 1..at]);
        assert_eq!(seen, [Seen::Violation(violation)], "{header:x?} in {:?}", self.situation);
        self.assert_failed(&mut connection, violation);
        // 7.1.7: an endpoint "MUST NOT continue to attempt to process data".
        assert_eq!(read(&mut connection, self.now, &header[at..]), []);
    }

    fn assert_failed(&self, connection: &mut Connection, violation: Violation) {
        assert_eq!(connection.state(), State::Closed);
        let by = connection.closure().map(|closure| closure.by);
        assert_eq!(by, Some(EndedBy::Violation(violation)));
        // 5.5.1: after a Close frame "MUST NOT send any more data frames", nor a second one.
        let said = connection.pending_output().first() == Some(&0x88);
        assert_eq!(said, !self.situation.closing);
    }

    /// The frame is taken, in one read and with each byte of its header and its last byte in their
    /// own. Most long payloads are left out, and compressed ones: they would be no DEFLATE streams.
    fn right(&self, header: &[u8], parsed: &FrameHeader) {
        let situation = self.situation;
        let begins_compressed = parsed.reserved != 0;
        let goes_on = parsed.opcode == Opcode::Continuation;
        let compressed = begins_compressed || (goes_on && situation.begun.is_compressed());
        let payload_follows = match parsed.payload_length {
            0 => true,
            1..=1001 | 65_536 => !compressed,
            _ => false,
        };
        let (payload, told) = if payload_follows {
            let payload = vec![b'a'; parsed.payload_length as usize];
            let told = situation.told(parsed, &payload);
            (payload, told)
        } else {
            (vec![], None)
        };
        let told: Vec<Seen> = told.into_iter().collect();
        let payload = if parsed.masking_key.is_some() { masked(&payload) } else { payload };

        let mut connection = self.connection();
        let seen = read(&mut connection, self.now, &[header, &payload].concat());
        assert_eq!(seen, told, "{header:x?} in {situation:?}");

        let mut connection = self.connection();
        let mut rest = &[header, &payload].concat()[..];
        while !rest.is_empty() {
            let in_header = rest.len() > payload.len();
            let count = if in_header || rest.len() == 1 { 1 } else { rest.len() - 1 };
            let (bytes, behind) = rest.split_at(count);
            rest = behind;
            let seen = read(&mut connection, self.now, bytes);
            let told = if rest.is_empty() { &told[..] } else { &[] };
            assert_eq!(seen, told, "{header:x?} in {situation:?}, {} to come", rest.len());
        }
    }
}

/// Whether a pair is left out here because its first byte is wrong whatever the second is. A debug
/// build takes an eighth of those, to be done in seconds; a release build takes all. (All are tried
/// in any build by [`super::headers`], in all states that a header can tell apart.)
fn is_left_out(first: u8, second: u8, expected: &Expected) -> bool {
    let by_itself = || {
        let mask = if expected.role == Role::Server { 0x80 } else { 0 };
        matches!(verdict(&[first, mask, 0, 0, 0, 0], expected), Verdict::Broken(1, _))
    };
    cfg!(debug_assertions) && first % 8 != second % 8 && by_itself()
}

/// Returns how many pairs of first two bytes were tried, and in how many situations.
fn all_first_two_bytes(role: Role) -> (u64, usize) {
    let mut pairs = 0;
    let situations = Situation::all(role);
    for &situation in &situations {
        let (limits, now) = (limits(), Instant::now());
        let expected = situation.expected();
        let mut judge = Judge { situation, expected, limits, now, wrong_first: None };
        for pair in 0..=u16::MAX {
            let [first, second] = pair.to_be_bytes();
            if !is_left_out(first, second, &expected) {
                each_header(first, second, |header| judge.judge(header));
                pairs += 1;
            }
        }
    }
    (pairs, situations.len())
}

fn pairs_to_try() -> u64 {
    if !cfg!(debug_assertions) {
        return 16 * 65_536;
    }
    // The first bytes that are right: seven between messages, or eleven with RSV1 on a text or
    // binary frame; five inside a message. So in all situations, while closing or not:
    let right = 2 * (7 + 2 * 5 + 11 + 4 * 5);
    right * 256 + (16 * 256 - right) * 32
}

#[test]
fn all_65536_first_two_bytes_are_taken_or_refused_by_a_server_in_every_state() {
    assert_eq!(all_first_two_bytes(Role::Server), (pairs_to_try(), 16));
}

#[test]
fn all_65536_first_two_bytes_are_taken_or_refused_by_a_client_in_every_state() {
    assert_eq!(all_first_two_bytes(Role::Client), (pairs_to_try(), 16));
}

/// However a connection has ended, nothing that arrives then is told, answered or kept.
#[test]
fn all_65536_first_two_bytes_are_discarded_when_closed() {
    for role in [Role::Server, Role::Client] {
        let (limits, now) = (limits(), Instant::now());
        let ended = |end: &dyn Fn(&mut Connection)| {
            let mut connection = connection(role, &limits, now);
            end(&mut connection);
            connection.advance_output(usize::MAX);
            connection
        };
        let mut closed = [
            ended(&|connection| {
                read(connection, now, &frame(role, 0x88, b""));
            }),
            ended(&|connection| {
                read(connection, now, &frame(role, 0x83, b""));
            }),
            ended(&|connection| connection.receive_eof()),
        ];
        for connection in &mut closed {
            let closure = connection.closure();
            assert!(closure.is_some());
            for pair in 0..=u16::MAX {
                let [first, second] = pair.to_be_bytes();
                assert_eq!(read(connection, now, &[first, second]), []);
            }
            assert_eq!(connection.state(), State::Closed);
            assert_eq!(connection.closure(), closure);
            assert_eq!((connection.pending_output(), connection.held()), (&b""[..], 0));
        }
    }
}
