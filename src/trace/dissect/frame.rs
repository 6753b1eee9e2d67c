//! A frame, byte for byte: RFC 6455, section 5.2.
//!
//! The header is read leniently here, because a wrong frame is to be shown as well: which of its
//! bits are wrong is for the [core](crate::protocol) to say. So this reads any two bytes as a
//! header, and whatever length they announce.

use super::item::{Field, FrameValues, Hex, Reference, Step, UnmaskRow};
use crate::protocol::frame::{MAX_HEADER, Opcode};
use crate::protocol::masking::apply_mask;
use crate::protocol::{CloseCode, MaskingKey};

/// A frame that is arriving.
#[derive(Clone, Debug, Default)]
pub(super) struct RawFrame {
    /// Its header, as far as it has arrived.
    header: Vec<u8>,
    /// The start of its payload, as it stands on the wire.
    payload: Vec<u8>,
    /// How many bytes of payload have arrived.
    received: u64,
}

impl RawFrame {
    pub(super) fn is_empty(&self) -> bool {
        self.header.is_empty()
    }

    /// Whether the header is whole.
    pub(super) fn has_header(&self) -> bool {
        self.header.len() as u64 == self.header_length()
    }

    pub(super) fn push_header(&mut self, byte: u8) {
        self.header.push(byte);
    }

    /// Takes some payload, and keeps as much of it as fits into `clip` bytes.
    pub(super) fn push_payload(&mut self, piece: &[u8], clip: usize) {
        self.received = self.received.saturating_add(piece.len() as u64);
        let room = clip.saturating_sub(self.payload.len()).min(piece.len());
        self.payload.extend_from_slice(piece.get(..room).unwrap_or_default());
    }

    /// How many bytes of payload are still to come.
    pub(super) fn missing(&self) -> u64 {
        self.payload_length().unwrap_or(0).saturating_sub(self.received)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.has_header() && self.missing() == 0
    }

    /// How many bytes have arrived.
    pub(super) fn length(&self) -> u64 {
        (self.header.len() as u64).saturating_add(self.received)
    }

    pub(super) fn received(&self) -> u64 {
        self.received
    }

    pub(super) fn bytes(&self) -> Hex {
        Hex([&self.header[..], &self.payload].concat())
    }

    pub(super) fn fin(&self) -> bool {
        self.first() & 0x80 != 0
    }

    pub(super) fn rsv1(&self) -> bool {
        self.first() & 0x40 != 0
    }

    pub(super) fn opcode(&self) -> Option<Opcode> {
        Opcode::new(self.first() & 0x0f)
    }

    /// The payload as far as it is kept, unmasked.
    pub(super) fn unmasked(&self) -> Vec<u8> {
        let mut payload = self.payload.clone();
        if let Some(key) = self.masking_key() {
            apply_mask(&mut payload, key, 0);
        }
        payload
    }

    pub(super) fn values(&self) -> FrameValues {
        let second = self.header.get(1);
        FrameValues {
            fin: self.fin(),
            rsv: (self.first() >> 4) & 0x7,
            opcode: self.first() & 0x0f,
            opcode_name: opcode_name(self.opcode()),
            masked: second.map(|second| second & 0x80 != 0),
            masking_key: self.masking_key().map(|key| Hex(key.to_vec())),
            payload_length: self.payload_length(),
            header_length: self.header_length(),
            payload: Hex(self.unmasked()),
            message: None,
            fragment: None,
        }
    }

    /// 5.3, worked out for the first bytes.
    pub(super) fn unmask_step(&self, rows: usize) -> Option<Step> {
        let key = self.masking_key().filter(|_| !self.payload.is_empty())?;
        let masked = self.payload.iter().zip(key.iter().cycle()).zip(0..).take(rows);
        let rows: Vec<UnmaskRow> = masked
            .map(|((&masked, &key), index)| UnmaskRow { index, masked, key, plain: masked ^ key })
            .collect();
        let more = self.received.saturating_sub(rows.len() as u64);
        Some(Step::Unmask { key: Hex(key.to_vec()), rows, more })
    }

    /// The fields, as far as they have arrived. With `deflate`, RSV1 has a meaning.
    pub(super) fn fields(&self, deflate: bool) -> Vec<Field> {
        let mut fields = Vec::new();
        self.first_byte(deflate, &mut fields);
        self.second_byte(&mut fields);
        self.extended_length(&mut fields);
        let end = self.header_length();
        if let Some(key) = self.masking_key() {
            fields.push(Field {
                name: "websocket.masking_key",
                start: end.saturating_sub(4),
                end,
                mask: None,
                bits: None,
                label: "Masking key".into(),
                value: spaced(&key),
                meaning: "XORed with the payload; new for each frame".into(),
                rfc: section("5.3"),
            });
        }
        if self.has_header() && self.payload_length().is_some_and(|length| length > 0) {
            self.payload_fields(deflate, &mut fields);
        }
        fields
    }

    fn first(&self) -> u8 {
        self.header.first().copied().unwrap_or(0)
    }

    /// How long the length announces the header to be, judging by what there is of it.
    fn header_length(&self) -> u64 {
        let Some(second) = self.header.get(1) else { return 2 };
        let extended = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        2 + extended + if second & 0x80 != 0 { 4 } else { 0 }
    }

    fn payload_length(&self) -> Option<u64> {
        let short = self.header.get(1)? & 0x7f;
        let rest = self.header.get(2..)?;
        match short {
            126 => Some(u16::from_be_bytes(*rest.first_chunk()?).into()),
            127 => Some(u64::from_be_bytes(*rest.first_chunk()?)),
            short => Some(short.into()),
        }
    }

    fn masking_key(&self) -> Option<MaskingKey> {
        let masked = self.header.get(1)? & 0x80 != 0;
        let key = self.header.last_chunk().filter(|_| masked && self.has_header());
        key.copied()
    }

    fn first_byte(&self, deflate: bool, fields: &mut Vec<Field>) {
        let Some(&first) = self.header.first() else { return };
        let control = first & 0x08 != 0;
        let continues = self.opcode() == Some(Opcode::Continuation);
        let meaning = match (self.fin(), control) {
            (true, true) => "control frames are always whole",
            (true, false) if continues => "the last frame of its message",
            (true, false) => "all of the message is in this frame",
            (false, true) => "a control frame must not be cut",
            (false, false) => "more frames of this message follow",
        };
        let fin = if self.fin() { "1" } else { "0" };
        fields.push(bits("websocket.fin", 0, first, 0x80, "FIN", fin.into(), meaning, "5.2"));

        let rsv = (first >> 4) & 0x7;
        let meaning = match rsv {
            0 => "no bit of an extension is set",
            4 if deflate => "RSV1, which permessage-deflate uses",
            _ => "set, but no agreed extension uses it",
        };
        let value = format!("{rsv:03b}");
        fields.push(bits("websocket.rsv", 0, first, 0x70, "Reserved", value, meaning, "5.2"));
        if deflate {
            let meaning = match (self.rsv1(), self.opcode()) {
                (true, Some(Opcode::Continuation)) => "set, which only a first frame may have",
                (true, Some(opcode)) if opcode.is_control() => {
                    "set, which a control frame must not"
                }
                (true, _) => "set, so this message is compressed",
                (false, Some(Opcode::Continuation)) => "a message's first frame tells it",
                (false, Some(opcode)) if opcode.is_control() => "control frames never are",
                (false, _) => "this message is not compressed",
            };
            let value = if self.rsv1() { "1" } else { "0" }.into();
            let label = "Compressed";
            let mut field = bits("websocket.pmc", 0, first, 0x40, label, value, meaning, "6");
            field.rfc = Some(Reference { rfc: 7692, section: "6" });
            fields.push(field);
        }
        let meaning = match self.opcode() {
            Some(Opcode::Continuation) => "goes on with an unfinished message",
            Some(Opcode::Text) => "begins a text message, in UTF-8",
            Some(Opcode::Binary) => "begins a binary message, any bytes",
            Some(Opcode::Close) => "asks to close, or agrees to it",
            Some(Opcode::Ping) => "asks for a pong with its payload",
            Some(Opcode::Pong) => "answers a ping, or says: I am here",
            None if control => "11 to 15: control frames to come",
            None => "3 to 7: data frames to come",
        };
        let value = format!("{} ({})", first & 0x0f, opcode_name(self.opcode()));
        fields.push(bits("websocket.opcode", 0, first, 0x0f, "Opcode", value, meaning, "5.2"));
    }

    fn second_byte(&self, fields: &mut Vec<Field>) {
        let Some(&second) = self.header.get(1) else { return };
        let (value, meaning) = match second & 0x80 {
            0 => ("0", "not masked, as servers must send"),
            _ => ("1", "masked, as clients must send"),
        };
        fields.push(bits("websocket.mask", 1, second, 0x80, "Mask", value.into(), meaning, "5.1"));
        let short = second & 0x7f;
        let meaning = match short {
            126 => "see the next two bytes",
            127 => "see the next eight bytes",
            0 => "there is none",
            _ => "bytes; up to 125, it stands here",
        };
        let (label, value) = ("Payload length", short.to_string());
        fields.push(bits(
            "websocket.payload_length",
            1,
            second,
            0x7f,
            label,
            value,
            meaning,
            "5.2",
        ));
    }

    fn extended_length(&self, fields: &mut Vec<Field>) {
        let Some(length) = self.payload_length() else { return };
        let (name, end, meaning) = match self.header.get(1).map(|second| second & 0x7f) {
            Some(126) => ("websocket.payload_length_ext_16", 4, "bytes; two for 126 to 65,535"),
            Some(127) => ("websocket.payload_length_ext_64", 10, "bytes; eight from 65,536 on"),
            _ => return,
        };
        fields.push(Field {
            name,
            start: 2,
            end,
            mask: None,
            bits: None,
            label: "Extended length".into(),
            value: length.to_string(),
            meaning: meaning.into(),
            rfc: section("5.2"),
        });
    }

    fn payload_fields(&self, deflate: bool, fields: &mut Vec<Field>) {
        let start = self.header_length();
        let end = start.saturating_add(self.payload_length().unwrap_or(0));
        let field = |name, label: &str, value, meaning: &str, reference| Field {
            name,
            start,
            end,
            mask: None,
            bits: None,
            label: label.into(),
            value,
            meaning: meaning.into(),
            rfc: section(reference),
        };
        if self.masking_key().is_some() {
            let meaning = "as it stands on the wire";
            let value = spaced(&self.payload);
            let name = "websocket.masked_payload";
            fields.push(field(name, "Masked payload", value, meaning, "5.3"));
        }
        let payload = self.unmasked();
        let compressed = deflate && self.rsv1();
        match self.opcode() {
            Some(Opcode::Text) if !compressed => {
                let value = lossy(&payload);
                fields.push(field("websocket.payload.text", "Text", value, "UTF-8", "5.6"));
            }
            Some(Opcode::Text | Opcode::Binary) => {
                let meaning = if compressed { "compressed: see below" } else { "any bytes" };
                fields.push(field(
                    "websocket.payload",
                    "Payload",
                    spaced(&payload),
                    meaning,
                    "5.6",
                ));
            }
            Some(Opcode::Continuation) => {
                let meaning = "more of the message, of the type that its first frame told";
                let value = spaced(&payload);
                let name = "websocket.payload.continue";
                fields.push(field(name, "Continuation", value, meaning, "5.4"));
            }
            Some(Opcode::Ping) => {
                let meaning = "whatever the sender likes; the pong brings it back";
                let value = lossy(&payload);
                fields.push(field("websocket.payload.ping", "Ping", value, meaning, "5.5.2"));
            }
            Some(Opcode::Pong) => {
                let meaning = "that of the ping that it answers, if it answers one";
                let value = lossy(&payload);
                fields.push(field("websocket.payload.pong", "Pong", value, meaning, "5.5.3"));
            }
            Some(Opcode::Close) => close_fields(&payload, start, end, fields),
            None => {
                let meaning = "of a kind that does not exist";
                let value = spaced(&payload);
                fields.push(field("websocket.payload.unknown", "Unknown", value, meaning, "5.2"));
            }
        }
    }
}

fn close_fields(payload: &[u8], start: u64, end: u64, fields: &mut Vec<Field>) {
    let Some((code, reason)) = payload.split_first_chunk() else {
        fields.push(Field {
            name: "websocket.payload.close",
            start,
            end,
            mask: None,
            bits: None,
            label: "Close".into(),
            value: spaced(payload),
            meaning: "a body begins with a code of two bytes; this has one".into(),
            rfc: section("5.5.1"),
        });
        return;
    };
    let code = u16::from_be_bytes(*code);
    let after = start.saturating_add(2);
    fields.push(Field {
        name: "websocket.payload.close.status_code",
        start,
        end: after,
        mask: None,
        bits: None,
        label: "Status code".into(),
        value: code.to_string(),
        meaning: match CloseCode::new(code) {
            Some(code) => code.name().into(),
            None => never_sent(code).into(),
        },
        rfc: section("7.4"),
    });
    if after < end {
        fields.push(Field {
            name: "websocket.payload.close.reason",
            start: after,
            end,
            mask: None,
            bits: None,
            label: "Reason".into(),
            value: lossy(reason),
            meaning: "for developers, not for users".into(),
            rfc: section("7.1.6"),
        });
    }
}

/// 7.4.1 and 7.4.2: why a code may not stand in a frame.
fn never_sent(code: u16) -> &'static str {
    match code {
        0..=999 => "below 1000: codes that are not used",
        1004 => "reserved: its meaning might be defined one day",
        1005 => "for reports inside an endpoint: there was no code",
        1006 => "for reports inside an endpoint: the connection ended without a Close frame",
        1015 => "for reports inside an endpoint: the TLS handshake failed",
        1016..=2999 => "reserved for revisions of the protocol and for extensions",
        _ => "beyond 4999: codes that do not exist",
    }
}

pub(super) fn opcode_name(opcode: Option<Opcode>) -> &'static str {
    match opcode {
        Some(Opcode::Continuation) => "continuation",
        Some(Opcode::Text) => "text",
        Some(Opcode::Binary) => "binary",
        Some(Opcode::Close) => "close",
        Some(Opcode::Ping) => "ping",
        Some(Opcode::Pong) => "pong",
        None => "reserved",
    }
}

/// Whether the frame at the start of `bytes` is masked, and where it ends; whatever it is. None if
/// that much of it is not there.
pub fn frame_at(bytes: &[u8]) -> Option<(bool, u64)> {
    let mut raw = RawFrame::default();
    for &byte in bytes.iter().take(MAX_HEADER) {
        raw.push_header(byte);
        if raw.has_header() {
            let length = raw.header_length().saturating_add(raw.payload_length()?);
            return Some((raw.values().masked?, length));
        }
    }
    None
}

/// A field of some bits of one byte.
#[expect(clippy::too_many_arguments)]
fn bits(
    name: &'static str,
    at: u64,
    byte: u8,
    mask: u8,
    label: &str,
    value: String,
    meaning: &str,
    reference: &'static str,
) -> Field {
    let mut drawn = String::with_capacity(9);
    for bit in (0..8).rev() {
        let set = 1 << bit;
        drawn.push(match (mask & set, byte & set) {
            (0, _) => '.',
            (_, 0) => '0',
            _ => '1',
        });
        if bit == 4 {
            drawn.push(' ');
        }
    }
    Field {
        name,
        start: at,
        end: at.saturating_add(1),
        mask: Some(mask),
        bits: Some(drawn),
        label: label.into(),
        value,
        meaning: meaning.into(),
        rfc: section(reference),
    }
}

fn section(section: &'static str) -> Option<Reference> {
    Some(Reference { rfc: 6455, section })
}

/// Hexadecimal, with blanks between the bytes.
pub(super) fn spaced(bytes: &[u8]) -> String {
    digits(bytes, " ")
}

/// Hexadecimal digits, with this between the bytes.
pub(super) fn digits(bytes: &[u8], between: &str) -> String {
    // Not by `format!`: whole payloads come here, for each frame of a live trace.
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or_default();
    let mut text = String::with_capacity(bytes.len().saturating_mul(2 + between.len()));
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 {
            text.push_str(between);
        }
        text.extend([digit(byte >> 4), digit(byte & 0xf)]);
    }
    text
}

/// As text. What was clipped inside a character ends before it.
pub(super) fn lossy(bytes: &[u8]) -> String {
    let bytes = match str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => bytes.get(..error.valid_up_to()),
        _ => Some(bytes),
    };
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}

/// The header cannot be longer than the core knows it.
const _: () = assert!(MAX_HEADER == 2 + 8 + 4);
