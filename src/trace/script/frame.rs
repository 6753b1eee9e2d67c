//! A frame, in words: `text "Hello"`, `close 1000 "bye"`, `continuation fin=0 "..."`.
//!
//! A frame is unfragmented and masked as its sender must, unless its words say otherwise:
//!
//! - `fin=0` clears FIN; `rsv1`, `rsv2` and `rsv3` set a reserved bit;
//! - `mask=none` leaves the mask away, `mask=01020304` masks with that key;
//! - `length=70000` announces that many bytes of payload, however many follow.
//!
//! `opcode 3` stands for a kind that does not exist. What is wrong in any other way is written with
//! `hex`, byte for byte.

use super::words::{Words, bytes_of_hex, hex, quote};
use crate::protocol::close::CloseReason;
use crate::protocol::frame::{Expected, FrameHeader, Opcode};
use crate::protocol::masking::{MaskingKey, Role, apply_mask};

/// The masking key of the examples in RFC 6455, 5.7, and of each client's frame in a script.
pub const EXAMPLE_KEY: MaskingKey = [0x37, 0xfa, 0x21, 0x3d];

/// Reads a frame that `sender` sends: its bytes on the wire.
///
/// # Errors
///
/// Words that describe no frame, and which.
pub fn parse(kind: &str, words: &mut Words, sender: Role) -> Result<Vec<u8>, String> {
    if kind == "hex" {
        return words.hex();
    }
    let mut reserved_opcode = None;
    let opcode = match kind {
        "text" => Opcode::Text,
        "binary" => Opcode::Binary,
        "continuation" => Opcode::Continuation,
        "close" => Opcode::Close,
        "ping" => Opcode::Ping,
        "pong" => Opcode::Pong,
        "opcode" => {
            let number: u8 = words.number()?;
            let unknown = Opcode::new(number).is_none() && number < 16;
            reserved_opcode = Some(number).filter(|_| unknown);
            reserved_opcode.ok_or("an opcode without a name is one of 3-7 or 11-15")?;
            Opcode::Text
        }
        other => {
            return Err(format!(
                "{other:?} is no kind of frame; there are text, binary, continuation, close, \
                 ping, pong, opcode and hex"
            ));
        }
    };
    let masking_key = (sender == Role::Client).then_some(EXAMPLE_KEY);
    let mut header = FrameHeader { masking_key, ..FrameHeader::new(opcode, 0) };
    let announced = attributes(words, &mut header)?;
    let mut payload =
        if opcode == Opcode::Close { close_payload(words)? } else { words.payload()? };
    header.payload_length = announced.unwrap_or(payload.len() as u64);

    let mut bytes = Vec::new();
    header.encode(&mut bytes);
    if let (Some(number), Some(first)) = (reserved_opcode, bytes.first_mut()) {
        *first = *first & 0xf0 | number;
    }
    if let Some(key) = header.masking_key {
        apply_mask(&mut payload, key, 0);
    }
    bytes.append(&mut payload);
    Ok(bytes)
}

/// The frames in `bytes` that `sender` sent, in words, one on each line; what is no frame as `hex`.
pub fn describe(mut bytes: &[u8], sender: Role) -> Vec<String> {
    let mut lines = Vec::new();
    while !bytes.is_empty() {
        let Some((line, rest)) = describe_one(bytes, sender) else {
            lines.push(format!("hex {}", hex(bytes)));
            break;
        };
        lines.push(line);
        bytes = rest;
    }
    lines
}

fn describe_one(bytes: &[u8], sender: Role) -> Option<(String, &[u8])> {
    let role = match sender {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    };
    // Only whether it could stand anywhere is asked: a continuation is as good as a beginning.
    let parsed = [false, true].into_iter().find_map(|in_message| {
        let expected = Expected {
            role,
            in_message,
            extension_bits: 0,
            room: u64::MAX,
            compressed_room: u64::MAX,
        };
        FrameHeader::parse(bytes, &expected).ok().flatten()
    });
    let (header, size) = parsed?;
    let length = usize::try_from(header.payload_length).ok()?;
    let (payload, rest) = bytes.get(size..)?.split_at_checked(length)?;
    let mut payload = payload.to_vec();
    let kind = match header.opcode {
        Opcode::Continuation => "continuation",
        Opcode::Text => "text",
        Opcode::Binary => "binary",
        Opcode::Close => "close",
        Opcode::Ping => "ping",
        Opcode::Pong => "pong",
    };
    let mut line = kind.to_owned();
    if !header.fin {
        line.push_str(" fin=0");
    }
    if let Some(key) = header.masking_key {
        apply_mask(&mut payload, key, 0);
        if key != EXAMPLE_KEY {
            line.push_str(&format!(" mask={}", hex(&key).replace(' ', "")));
        }
    }
    match (header.opcode, CloseReason::parse(&payload)) {
        (Opcode::Close, Ok(None)) => {}
        (Opcode::Close, Ok(Some(reason))) => {
            line.push_str(&format!(" {}", reason.code));
            if !reason.reason.is_empty() {
                line.push_str(&format!(" {}", quote(reason.reason.as_bytes())));
            }
        }
        _ if payload.is_empty() => {}
        _ => line.push_str(&format!(" {}", quote(&payload))),
    }
    Some((line, rest))
}

/// Changes the header as the words say; the length that they announce, if any.
fn attributes(words: &mut Words, header: &mut FrameHeader) -> Result<Option<u64>, String> {
    let mut announced = None;
    let is_attribute = |word: &str| word.contains('=') || word.starts_with("rsv");
    while let Some(word) = words.word_if(is_attribute) {
        match word.split_once('=').unwrap_or((&word, "")) {
            ("fin", "0") => header.fin = false,
            ("fin", "1") => header.fin = true,
            ("rsv1", "") => header.reserved |= 0x40,
            ("rsv2", "") => header.reserved |= 0x20,
            ("rsv3", "") => header.reserved |= 0x10,
            ("mask", "none") => header.masking_key = None,
            ("mask", key) => {
                let key = bytes_of_hex(key)?.try_into();
                header.masking_key = Some(key.map_err(|_| "a masking key has four bytes")?);
            }
            ("length", length) => {
                let length = length.parse();
                announced = Some(length.map_err(|_| "length= wants a number of bytes")?);
            }
            _ => {
                return Err(format!(
                    "{word:?} says nothing about a frame; there are fin=0, rsv1, rsv2, rsv3, \
                     mask=none, mask=01020304 and length=70000"
                ));
            }
        }
    }
    Ok(announced)
}

/// A code and a reason, or else any payload.
fn close_payload(words: &mut Words) -> Result<Vec<u8>, String> {
    let is_number = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
    let Some(code) = words.word_if(is_number) else {
        return words.payload();
    };
    // Any number of two bytes: also the codes that may not be sent are to be written.
    let code: u16 = code.parse().map_err(|_| "a close code has two bytes")?;
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend(words.payload()?);
    Ok(payload)
}
