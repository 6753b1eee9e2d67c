//! What the peers and the load generator share: the few lines of RFC 6455 that all of them need.
//!
//! It deliberately uses nothing of wigwag, so that a mistake there cannot hide here.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

/// The two opcodes that carry data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opcode {
    Text = 0x1,
    Binary = 0x2,
}

impl Opcode {
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "text" => Some(Self::Text),
            "binary" => Some(Self::Binary),
            _ => None,
        }
    }
}

/// The longest payload of the comparison: what a 16-bit length can say.
pub const MAX_SIZE: usize = u16::MAX as usize;

/// The bytes of a frame header before its masking key, in the shortest form of RFC 6455, 5.2.
pub fn header(opcode: Opcode, size: usize, masked: bool) -> Vec<u8> {
    assert!(size <= MAX_SIZE, "the comparison ends at {MAX_SIZE} bytes");
    let mask_bit = if masked { 0x80 } else { 0 };
    let mut bytes = vec![0x80 | opcode as u8];
    if size < 126 {
        bytes.push(mask_bit | size as u8);
    } else {
        bytes.push(mask_bit | 126);
        bytes.extend_from_slice(&(size as u16).to_be_bytes());
    }
    bytes
}

/// RFC 6455, 4.2.2: base64 of the SHA-1 of the key and the GUID.
pub fn accept_key(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(hash.finalize())
}

/// The value of the first header of that name in an HTTP head.
pub fn header_value<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().skip(1).find_map(|line| {
        let (left, right) = line.split_once(':')?;
        left.trim()
            .eq_ignore_ascii_case(name)
            .then_some(right.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_the_key_of_the_rfc() {
        // The example of RFC 6455, 1.3.
        assert_eq!(
            accept_key("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[test]
    fn headers_are_of_the_shortest_form() {
        assert_eq!(header(Opcode::Text, 20, false), [0x81, 20]);
        assert_eq!(header(Opcode::Binary, 125, true), [0x82, 0x80 | 125]);
        assert_eq!(header(Opcode::Binary, 126, false), [0x82, 126, 0, 126]);
        assert_eq!(header(Opcode::Text, 1024, true), [0x81, 0x80 | 126, 4, 0]);
    }

    #[test]
    fn header_names_have_no_case() {
        let head = "GET / HTTP/1.1\r\nHost: a\r\nsec-websocket-KEY:  abc \r\n\r\n";
        assert_eq!(header_value(head, "Sec-WebSocket-Key"), Some("abc"));
        assert_eq!(header_value(head, "Origin"), None);
    }
}
