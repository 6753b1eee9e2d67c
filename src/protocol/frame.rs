//! Frame headers: RFC 6455, section 5.2.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-------+-+-------------+-------------------------------+
//! |F|R|R|R| opcode|M|   length    |    extended length, 0, 2 or   |
//! |I|S|S|S|  (4)  |A|     (7)     |      8 bytes, big endian      |
//! |N|V|V|V|       |S|             |   (length = 126: 2 bytes,     |
//! | |1|2|3|       |K|             |    length = 127: 8 bytes)     |
//! +-+-+-+-+-------+-+-------------+-------------------------------+
//! |    masking key, 4 bytes, if MASK is set   |  payload ...
//! +-------------------------------------------+-------------------
//! ```
//!
//! A header is judged byte by byte, as it arrives and before any payload does. So a peer that
//! announces nonsense is told at once, and nothing is ever reserved for what it announced.

use super::close::MAX_CONTROL_PAYLOAD;
use super::masking::{MaskingKey, Role};
use super::violation::Violation;

/// The longest header: two bytes, eight of extended length, four of masking key.
pub const MAX_HEADER: usize = 14;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0f;
const MASK: u8 = 0x80;
const LENGTH: u8 = 0x7f;

/// The 7-bit length that announces two bytes of extended length.
const LENGTH_IN_16_BITS: u8 = 126;
/// The 7-bit length that announces eight bytes of extended length.
const LENGTH_IN_64_BITS: u8 = 127;

/// What a frame is: RFC 6455, 5.2 and 11.8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// One more fragment of the message that a text or binary frame began.
    Continuation = 0x0,
    /// A text message, or its first fragment.
    Text = 0x1,
    /// A binary message, or its first fragment.
    Binary = 0x2,
    /// The closing handshake.
    Close = 0x8,
    /// A question whether the peer is there.
    Ping = 0x9,
    /// The answer to a ping.
    Pong = 0xa,
}

impl Opcode {
    /// The opcode with this number; none for 3-7 and 11-15, which are reserved.
    pub const fn new(number: u8) -> Option<Self> {
        Some(match number {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            _ => return None,
        })
    }

    /// Whether this is a close, ping or pong. 5.5: "Control frames are identified by opcodes where
    /// the most significant bit of the opcode is 1."
    pub const fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }
}

/// A frame's header. One that came from [`FrameHeader::parse`] broke no rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Whether this is the last fragment of its message.
    pub fin: bool,
    /// RSV1, RSV2 and RSV3 as the bits 0x40, 0x20 and 0x10.
    pub reserved: u8,
    /// What the frame is.
    pub opcode: Opcode,
    /// The masking key; none if the frame is not masked.
    pub masking_key: Option<MaskingKey>,
    /// The length of the payload in bytes.
    pub payload_length: u64,
}

/// What the receiver knows when a header arrives, and judges it by.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// Our own role: a server expects masks, a client expects none.
    pub role: Role,
    /// Whether a fragmented message is unfinished.
    pub in_message: bool,
    /// The reserved bits to which a negotiated extension gives a meaning on a message's first
    /// frame.
    pub extension_bits: u8,
    /// How many bytes of payload the message may still take.
    pub room: u64,
    /// The same for a message that begins with one of the extension bits set.
    pub compressed_room: u64,
}

impl FrameHeader {
    /// A header for a frame of our own: unfragmented, unmasked, no reserved bits.
    pub const fn new(opcode: Opcode, payload_length: u64) -> Self {
        Self { fin: true, reserved: 0, opcode, masking_key: None, payload_length }
    }

    /// Reads the header at the start of `bytes`: the header and how many bytes it took, or `None`
    /// if these bytes are right so far but more are needed.
    ///
    /// # Errors
    ///
    /// The first rule that these bytes break, found at the first byte that breaks it; a length over
    /// the room, when it is complete.
    pub fn parse(bytes: &[u8], expected: &Expected) -> Result<Option<(Self, usize)>, Violation> {
        let Some((&first, bytes)) = bytes.split_first() else {
            return Ok(None);
        };
        let opcode = judge_first_byte(first, expected)?;

        let Some((&second, bytes)) = bytes.split_first() else {
            return Ok(None);
        };
        judge_second_byte(second, opcode, expected)?;

        let Some((payload_length, length_size)) = parse_length(second & LENGTH, bytes)? else {
            return Ok(None);
        };
        let compressed = first & expected.extension_bits != 0;
        let room = if compressed { expected.compressed_room } else { expected.room };
        if !opcode.is_control() && payload_length > room {
            return Err(Violation::MessageTooBig);
        }

        let masked = second & MASK != 0;
        let masking_key = if masked {
            let key = bytes.get(length_size..).and_then(|rest| rest.first_chunk());
            let Some(key) = key else { return Ok(None) };
            Some(*key)
        } else {
            None
        };
        let size = 2_usize.saturating_add(length_size).saturating_add(if masked { 4 } else { 0 });
        let fin = first & FIN != 0;
        let reserved = first & RESERVED;
        Ok(Some((Self { fin, reserved, opcode, masking_key, payload_length }, size)))
    }

    /// Appends the header as it stands on the wire, its length in the shortest form.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let fin = if self.fin { FIN } else { 0 };
        let mask = if self.masking_key.is_some() { MASK } else { 0 };
        let first = fin | (self.reserved & RESERVED) | self.opcode as u8;
        match self.payload_length {
            // 5.2: "the minimal number of bytes MUST be used to encode the length"
            length @ 0..=125 => out.extend_from_slice(&[first, mask | length as u8]),
            length @ 126..=0xffff => {
                let [high, low] = (length as u16).to_be_bytes();
                out.extend_from_slice(&[first, mask | LENGTH_IN_16_BITS, high, low]);
            }
            length => {
                out.extend_from_slice(&[first, mask | LENGTH_IN_64_BITS]);
                out.extend_from_slice(&length.to_be_bytes());
            }
        }
        if let Some(key) = self.masking_key {
            out.extend_from_slice(&key);
        }
    }
}

/// FIN, the reserved bits and the opcode.
fn judge_first_byte(first: u8, expected: &Expected) -> Result<Opcode, Violation> {
    let fin = first & FIN != 0;
    let reserved = first & RESERVED;
    let opcode = Opcode::new(first & OPCODE);

    // 5.2: RSV1, RSV2, RSV3 "MUST be 0 unless an extension is negotiated that defines meanings for
    // non-zero values." The extension this project knows, permessage-deflate, gives them a meaning
    // on the first frame of a message only (RFC 7692, 6.1).
    let starts_message = matches!(opcode, Some(Opcode::Text | Opcode::Binary));
    let allowed = if starts_message { expected.extension_bits } else { 0 };
    if reserved & !allowed != 0 {
        return Err(Violation::ReservedBits);
    }
    // 5.2: "If an unknown opcode is received, the receiving endpoint MUST _Fail the WebSocket
    // Connection_."
    let opcode = opcode.ok_or(Violation::ReservedOpcode)?;
    if opcode.is_control() {
        // 5.5: control frames "MUST NOT be fragmented."
        if !fin {
            return Err(Violation::FragmentedControlFrame);
        }
    } else if opcode == Opcode::Continuation && !expected.in_message {
        return Err(Violation::NothingToContinue);
    } else if opcode != Opcode::Continuation && expected.in_message {
        // 5.4: "The fragments of one message MUST NOT be interleaved between the fragments of
        // another message unless an extension has been negotiated that can interpret the
        // interleaving."
        return Err(Violation::MessageUnfinished);
    }
    Ok(opcode)
}

/// MASK and the 7-bit length.
fn judge_second_byte(second: u8, opcode: Opcode, expected: &Expected) -> Result<(), Violation> {
    let masked = second & MASK != 0;
    match expected.role {
        // 5.1: "The server MUST close the connection upon receiving a frame that is not masked."
        Role::Server if !masked => return Err(Violation::UnmaskedFrame),
        // 5.1: "A client MUST close a connection if it detects a masked frame."
        Role::Client if masked => return Err(Violation::MaskedFrame),
        _ => {}
    }
    // 5.5: "All control frames MUST have a payload length of 125 bytes or less"
    if opcode.is_control() && usize::from(second & LENGTH) > MAX_CONTROL_PAYLOAD {
        return Err(Violation::ControlFrameTooLong);
    }
    Ok(())
}

/// The payload length, and how many bytes of `bytes` it takes; `None` if more are needed.
fn parse_length(length: u8, bytes: &[u8]) -> Result<Option<(u64, usize)>, Violation> {
    match length {
        LENGTH_IN_16_BITS => {
            let Some(&extended) = bytes.first_chunk() else {
                return Ok(None);
            };
            let length = u16::from_be_bytes(extended);
            if length < 126 {
                return Err(Violation::LengthNotMinimal);
            }
            Ok(Some((length.into(), 2)))
        }
        LENGTH_IN_64_BITS => {
            // 5.2: "a 64-bit unsigned integer (the most significant bit MUST be 0)"
            if bytes.first().is_some_and(|first| first & 0x80 != 0) {
                return Err(Violation::LengthTopBitSet);
            }
            // Whatever follows six zeros fits into the two bytes of the shorter form.
            if bytes.starts_with(&[0; 6]) {
                return Err(Violation::LengthNotMinimal);
            }
            let Some(&extended) = bytes.first_chunk() else {
                return Ok(None);
            };
            Ok(Some((u64::from_be_bytes(extended), 8)))
        }
        length => Ok(Some((length.into(), 0))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: Expected = Expected {
        role: Role::Server,
        in_message: false,
        extension_bits: 0,
        room: u64::MAX,
        compressed_room: u64::MAX,
    };
    const CLIENT: Expected = Expected { role: Role::Client, ..SERVER };

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        // RFC 6455, 5.7
        let hello = FrameHeader::new(Opcode::Text, 5);
        assert_eq!(FrameHeader::parse(b"\x81\x05Hello", &CLIENT), Ok(Some((hello, 2))));
        let masked = FrameHeader { masking_key: Some([0x37, 0xfa, 0x21, 0x3d]), ..hello };
        let bytes = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
        assert_eq!(FrameHeader::parse(bytes, &SERVER), Ok(Some((masked, 6))));
        let binary = FrameHeader::new(Opcode::Binary, 256);
        assert_eq!(FrameHeader::parse(b"\x82\x7e\x01\x00", &CLIENT), Ok(Some((binary, 4))));
        let big = FrameHeader::new(Opcode::Binary, 65536);
        let bytes = b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00";
        assert_eq!(FrameHeader::parse(bytes, &CLIENT), Ok(Some((big, 10))));
    }

    #[test]
    fn what_is_encoded_is_read_back_from_every_prefix_length() {
        let lengths = [0, 1, 125, 126, 127, 65535, 65536, 1 << 32, i64::MAX as u64];
        let opcodes = [Opcode::Text, Opcode::Binary, Opcode::Continuation];
        for (length, opcode) in lengths.into_iter().flat_map(|l| opcodes.map(|o| (l, o))) {
            for masking_key in [None, Some([1, 2, 3, 4])] {
                for fin in [true, false] {
                    let role = if masking_key.is_some() { Role::Server } else { Role::Client };
                    let in_message = opcode == Opcode::Continuation;
                    let expected = Expected { role, in_message, ..SERVER };
                    let header =
                        FrameHeader { fin, masking_key, ..FrameHeader::new(opcode, length) };
                    let mut bytes = Vec::new();
                    header.encode(&mut bytes);
                    for cut in 0..bytes.len() {
                        assert_eq!(FrameHeader::parse(&bytes[..cut], &expected), Ok(None));
                    }
                    let size = bytes.len();
                    bytes.extend_from_slice(b"payload");
                    let parsed = FrameHeader::parse(&bytes, &expected);
                    assert_eq!(parsed, Ok(Some((header, size))));
                }
            }
        }
    }

    /// An independent statement of the rules for the first two bytes.
    fn verdict(first: u8, second: u8, expected: &Expected) -> Option<Violation> {
        let (fin, opcode) = (first >= 0x80, first % 16);
        let data_start = opcode == 1 || opcode == 2;
        let rsv = (first >> 4) % 8;
        let rsv_allowed = if data_start { expected.extension_bits >> 4 } else { 0 };
        if rsv & !rsv_allowed != 0 {
            return Some(Violation::ReservedBits);
        }
        match opcode {
            8..=10 if !fin => return Some(Violation::FragmentedControlFrame),
            0 if !expected.in_message => return Some(Violation::NothingToContinue),
            1 | 2 if expected.in_message => return Some(Violation::MessageUnfinished),
            0..=2 | 8..=10 => {}
            _ => return Some(Violation::ReservedOpcode),
        }
        match (expected.role, second >= 0x80) {
            (Role::Server, false) => return Some(Violation::UnmaskedFrame),
            (Role::Client, true) => return Some(Violation::MaskedFrame),
            _ => {}
        }
        (opcode >= 8 && second % 128 > 125).then_some(Violation::ControlFrameTooLong)
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes minutes there")]
    fn all_65536_first_two_bytes_are_judged_in_every_state() {
        for role in [Role::Server, Role::Client] {
            for in_message in [false, true] {
                for extension_bits in [0, 0x40] {
                    let expected = Expected {
                        role,
                        in_message,
                        extension_bits,
                        room: u64::MAX,
                        compressed_room: u64::MAX,
                    };
                    for pair in 0..=u16::MAX {
                        let [first, second] = pair.to_be_bytes();
                        let judged = FrameHeader::parse(&[first, second], &expected).err();
                        assert_eq!(judged, verdict(first, second, &expected), "{pair:04x}");
                    }
                }
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes minutes there")]
    fn lengths_must_be_in_their_shortest_form() {
        for length in 0..=u16::MAX {
            let [high, low] = length.to_be_bytes();
            let sixteen = FrameHeader::parse(&[0x82, 126, high, low], &CLIENT);
            let expected = if length < 126 {
                Err(Violation::LengthNotMinimal)
            } else {
                Ok(Some((FrameHeader::new(Opcode::Binary, length.into()), 4)))
            };
            assert_eq!(sixteen, expected);
            let sixty_four = [0x82, 127, 0, 0, 0, 0, 0, 0, high, low];
            let judged = FrameHeader::parse(&sixty_four, &CLIENT);
            assert_eq!(judged, Err(Violation::LengthNotMinimal));
        }
    }

    #[test]
    fn a_length_with_its_top_bit_set_is_refused_at_that_byte() {
        assert_eq!(FrameHeader::parse(&[0x82, 127, 0x7f], &CLIENT), Ok(None));
        let judged = FrameHeader::parse(&[0x82, 127, 0x80], &CLIENT);
        assert_eq!(judged, Err(Violation::LengthTopBitSet));
    }

    #[test]
    fn a_length_over_the_room_is_refused_before_the_masking_key() {
        let expected = Expected { room: 125, ..SERVER };
        assert_eq!(FrameHeader::parse(&[0x82, 0x80 | 125], &expected), Ok(None));
        let judged = FrameHeader::parse(&[0x82, 0x80 | 126, 0, 126], &expected);
        assert_eq!(judged, Err(Violation::MessageTooBig));
        // A control frame takes no room: a ping may arrive in the middle of a message at its limit.
        let none_left = Expected { room: 0, ..expected };
        assert_eq!(FrameHeader::parse(&[0x89, 0x80 | 1], &none_left), Ok(None));
    }
}
