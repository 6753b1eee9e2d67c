//! All first two bytes of a frame, with each form of length, in every state of a connection.
//!
//! [`broken`] says what is wrong with a header, rule by rule as RFC 6455 has them. It knows nothing
//! of the order in which the code looks at a header: where one byte breaks two rules, either may be
//! named. But it says at which byte a rule is broken, and by then it must be told.

use wigwag::protocol::frame::Expected;
use wigwag::protocol::{FrameHeader, Opcode, Role, Violation};

/// RSV1, to which permessage-deflate gives a meaning.
pub const RSV1: u8 = 0x40;
/// The key of the example in RFC 6455, 5.7.
pub const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The fields of a header's first two bytes: RFC 6455, 5.2.
struct Fields {
    fin: bool,
    rsv: [bool; 3],
    opcode: u8,
    mask: bool,
    length: u8,
}

impl Fields {
    fn of(first: u8, second: u8) -> Self {
        let bit = |byte: u8, index: u8| byte >> (7 - index) & 1 == 1;
        Self {
            fin: bit(first, 0),
            rsv: [bit(first, 1), bit(first, 2), bit(first, 3)],
            opcode: first % 16,
            mask: bit(second, 0),
            length: second % 128,
        }
    }
}

/// How many bytes the whole length takes, and what it is.
pub fn announced(header: &[u8]) -> (usize, u64) {
    let number = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    match header[1] % 128 {
        126 => (3, number(&header[2..4])),
        127 => (9, number(&header[2..10])),
        length => (1, length.into()),
    }
}

/// Which rules a whole header breaks, each with the byte of the header, counted from 1, at which
/// that is certain.
fn broken(header: &[u8], expected: &Expected) -> Vec<(usize, Violation)> {
    let Fields { fin, rsv, opcode, mask, length } = Fields::of(header[0], header[1]);
    let is_control = opcode >= 8;
    let (length_size, payload_length) = announced(header);
    let begins_message = opcode == 1 || opcode == 2;
    let compression = expected.extension_bits != 0;

    let mut broken = Vec::new();
    let mut rule = |at: usize, is_broken: bool, violation: Violation| {
        if is_broken {
            broken.push((at, violation));
        }
    };

    // 5.2, RSV1, RSV2, RSV3: "MUST be 0 unless an extension is negotiated that defines meanings for
    // non-zero values." RFC 7692, 6: RSV1 is for "the first fragment of a message"; 6.1: it "MUST
    // NOT" be set elsewhere.
    let [rsv1, rsv2, rsv3] = rsv;
    let rsv1_is_right = compression && begins_message;
    rule(1, rsv2 || rsv3 || (rsv1 && !rsv1_is_right), Violation::ReservedBits);
    // 5.2: "%x3-7 are reserved for further non-control frames", "%xB-F are reserved for further
    // control frames". "If an unknown opcode is received, the receiving endpoint MUST _Fail the
    // WebSocket Connection_."
    let reserved = (3..=7).contains(&opcode) || (11..=15).contains(&opcode);
    rule(1, reserved, Violation::ReservedOpcode);
    // 5.5: all control frames "MUST NOT be fragmented" and "MUST have a payload length of 125 bytes
    // or less".
    rule(1, is_control && !fin, Violation::FragmentedControlFrame);
    rule(2, is_control && length > 125, Violation::ControlFrameTooLong);
    // 5.4: a fragmented message is a frame "with the FIN bit clear and an opcode other than 0,
    // followed by zero or more frames with the FIN bit clear and the opcode set to 0, and terminated
    // by a single frame with the FIN bit set and an opcode of 0."
    rule(1, opcode == 0 && !expected.in_message, Violation::NothingToContinue);
    rule(1, begins_message && expected.in_message, Violation::MessageUnfinished);
    // 5.1: "a client MUST mask all frames that it sends to the server", "A server MUST NOT mask any
    // frames that it sends to the client."
    rule(2, expected.role == Role::Server && !mask, Violation::UnmaskedFrame);
    rule(2, expected.role == Role::Client && mask, Violation::MaskedFrame);
    // 5.2: "the minimal number of bytes MUST be used to encode the length". With six bytes of 0,
    // eight are too many whatever the other two are.
    rule(4, length == 126 && payload_length < 126, Violation::LengthNotMinimal);
    rule(8, length == 127 && payload_length < 65_536, Violation::LengthNotMinimal);
    // 5.2: "a 64-bit unsigned integer (the most significant bit MUST be 0)".
    rule(3, length == 127 && payload_length >= 1 << 63, Violation::LengthTopBitSet);
    // 10.4: implementations "SHOULD impose limits on frame sizes and message sizes".
    let room = if rsv1 { expected.compressed_room } else { expected.room };
    rule(1 + length_size, !is_control && payload_length > room, Violation::MessageTooBig);
    broken
}

/// What must become of a header.
pub enum Verdict {
    /// At this byte of it, counted from 1, one of these is told.
    Broken(usize, Vec<Violation>),
    /// It is read.
    Right(FrameHeader),
}

pub fn verdict(header: &[u8], expected: &Expected) -> Verdict {
    let broken = broken(header, expected);
    if let Some(&(at, _)) = broken.iter().min_by_key(|(at, _)| *at) {
        let first = broken.into_iter().filter(|(where_, _)| *where_ == at);
        return Verdict::Broken(at, first.map(|(_, violation)| violation).collect());
    }
    let fields = Fields::of(header[0], header[1]);
    let opcode = match fields.opcode {
        0 => Opcode::Continuation,
        1 => Opcode::Text,
        2 => Opcode::Binary,
        8 => Opcode::Close,
        9 => Opcode::Ping,
        10 => Opcode::Pong,
        other => unreachable!("{other} is reserved"),
    };
    Verdict::Right(FrameHeader {
        fin: fields.fin,
        reserved: if fields.rsv[0] { RSV1 } else { 0 },
        opcode,
        masking_key: fields.mask.then_some(KEY),
        payload_length: announced(header).1,
    })
}

/// Lengths for each form: the ends of what is right, every single bit, and more than any room here.
fn lengths(form: u8) -> Vec<u64> {
    let bits = |count: u32| (0..count).flat_map(|bit| [1_u64 << bit, (1 << bit) - 1]);
    match form {
        126 => {
            [124, 125, 126, 999, 1000, 1001, 0xfffe, 0xffff].into_iter().chain(bits(16)).collect()
        }
        127 => {
            let around_rooms =
                [69_998, 69_999, 70_000, 70_001, 78_811, 78_812, 78_813, 78_814, 78_815];
            let ends = [125, 126, 0xfffe, 0xffff, 0x1_0000, 0x1_0001, i64::MAX as u64, u64::MAX];
            ends.into_iter().chain(around_rooms).chain(bits(64)).collect()
        }
        _ => vec![],
    }
}

/// Calls `judge` for each header that begins with these two bytes: one, or one for each length.
pub fn each_header(first: u8, second: u8, mut judge: impl FnMut(&[u8])) {
    let key: &[u8] = if Fields::of(first, second).mask { &KEY } else { &[] };
    let form = second % 128;
    match form {
        126 => lengths(form).into_iter().for_each(|length| {
            judge(&[&[first, second], &(length as u16).to_be_bytes()[..], key].concat());
        }),
        127 => lengths(form).into_iter().for_each(|length| {
            judge(&[&[first, second], &length.to_be_bytes()[..], key].concat());
        }),
        _ => judge(&[&[first, second], key].concat()),
    }
}

/// A header by itself: it is judged at the first byte that tells, whatever comes behind that.
fn judge_with_every_prefix(header: &[u8], expected: &Expected) {
    let whole = FrameHeader::parse(header, expected);
    let told_at = match verdict(header, expected) {
        Verdict::Right(read) => {
            assert_eq!(whole, Ok(Some((read, header.len()))), "{header:x?} {expected:?}");
            header.len()
        }
        Verdict::Broken(at, by) => {
            let named = whole.is_err_and(|violation| by.contains(&violation));
            assert!(named, "{header:x?} {expected:?}: {whole:?}, not one of {by:?}");
            at
        }
    };
    for length in 0..told_at {
        let prefix = FrameHeader::parse(&header[..length], expected);
        assert_eq!(prefix, Ok(None), "{length} bytes of {header:x?} {expected:?}");
    }
    let prefix = FrameHeader::parse(&header[..told_at], expected);
    assert_eq!(prefix, whole, "{told_at} bytes of {header:x?} {expected:?}");
}

/// Headers in all that [`Expected`] can say, with no room, some room and any. Returns how many pairs of first two bytes were tried.
fn all_first_two_bytes(role: Role) -> u64 {
    let mut pairs = 0;
    for in_message in [false, true] {
        for extension_bits in [0, RSV1] {
            for room in [0, 1000, u64::MAX] {
                let compressed_room = room.saturating_add(room / 8).saturating_add(64);
                let expected = Expected { role, in_message, extension_bits, room, compressed_room };
                for pair in 0..=u16::MAX {
                    let [first, second] = pair.to_be_bytes();
                    each_header(first, second, |header| judge_with_every_prefix(header, &expected));
                    pairs += 1;
                }
            }
        }
    }
    pairs
}

#[test]
fn all_65536_first_two_bytes_are_judged_by_a_server_with_each_form_of_length_and_every_prefix() {
    assert_eq!(all_first_two_bytes(Role::Server), 2 * 2 * 3 * 65_536);
}

#[test]
fn all_65536_first_two_bytes_are_judged_by_a_client_with_each_form_of_length_and_every_prefix() {
    assert_eq!(all_first_two_bytes(Role::Client), 2 * 2 * 3 * 65_536);
}

#[test]
fn each_length_of_16_bits_must_need_them_and_is_read() {
    let expected = Expected {
        role: Role::Client,
        in_message: false,
        extension_bits: 0,
        room: 60_000,
        compressed_room: 60_000,
    };
    for length in 0..=u16::MAX {
        let [high, low] = length.to_be_bytes();
        judge_with_every_prefix(&[0x82, 126, high, low], &expected);
        judge_with_every_prefix(&[0x82, 127, 0, 0, 0, 0, 0, 0, high, low], &expected);
    }
}
