//! A header is judged at its first wrong byte and never otherwise afterwards; one that is right is
//! encoded to the same bytes.
//!
//! Input: one byte of circumstances (role, in a message or not, an extension or not, how much
//! room), then the header.

use wigwag::protocol::Role;
use wigwag::protocol::frame::{Expected, FrameHeader, MAX_HEADER};

pub fn check(data: &[u8]) {
    let Some((&flags, bytes)) = data.split_first() else {
        return;
    };
    let expected = Expected {
        role: if flags & 1 == 0 { Role::Server } else { Role::Client },
        in_message: flags & 2 != 0,
        extension_bits: if flags & 4 == 0 { 0 } else { 0x40 },
        room: if flags & 8 == 0 { u64::MAX } else { u64::from(flags) << 8 },
        compressed_room: if flags & 16 == 0 { u64::MAX } else { u64::from(flags) << 9 },
    };
    let mut verdict = Ok(None);
    for length in 0..=bytes.len().min(MAX_HEADER + 2) {
        let parsed = FrameHeader::parse(&bytes[..length], &expected);
        // Once there is a verdict, more bytes do not change it.
        if verdict != Ok(None) {
            assert_eq!(parsed, verdict);
        }
        verdict = parsed;
        assert!(verdict != Ok(None) || length < MAX_HEADER);
    }
    if let Ok(Some((header, size))) = verdict {
        let mut encoded = Vec::new();
        header.encode(&mut encoded);
        assert_eq!(encoded, bytes[..size]);
    }
}
