//! Masking: RFC 6455, section 5.3.
//!
//! Every frame from a client is XORed with a 4-byte key that the frame carries in the clear. That
//! hides nothing. It makes the bytes on the wire unpredictable to the page that chose the payload,
//! so that a page cannot make a browser write what a careless proxy takes for an HTTP request
//! (10.3).

/// The four bytes of a frame's masking key, in the order of the wire.
pub type MaskingKey = [u8; 4];

/// Where a client's masking keys come from.
///
/// RFC 6455, 5.3: "The masking key MUST be derived from a strong source of entropy, and the
/// masking key for a given frame MUST NOT make it simple for a server/proxy to predict the masking
/// key for a subsequent frame." The core has no source of entropy, so whoever drives it brings one.
pub trait MaskingKeys: Send {
    /// The key for the next frame.
    fn next_key(&mut self) -> MaskingKey;
}

impl<F: FnMut() -> MaskingKey + Send> MaskingKeys for F {
    fn next_key(&mut self) -> MaskingKey {
        self()
    }
}

/// Which end of the connection this is. It decides who masks: RFC 6455, 5.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Receives masked frames, sends unmasked ones.
    Server,
    /// Receives unmasked frames, sends masked ones.
    Client,
}

/// XORs `payload` with `key`, in place. The first byte of `payload` is byte `offset` of the frame's
/// payload: a frame may be unmasked in pieces, as they arrive. Masking and unmasking are the same.
///
/// 5.3: "Octet i of the transformed data is the XOR of octet i of the original data with octet at
/// index i modulo 4 of the masking key".
pub fn apply_mask(payload: &mut [u8], key: MaskingKey, offset: u64) {
    // One instruction; `rotate_left` of an array would be a call that small payloads feel.
    let bits = ((offset % 4) as u32).saturating_mul(8);
    let key = u32::from_le_bytes(key).rotate_right(bits).to_le_bytes();
    // Blocks of 32 bytes are a shape that the compiler turns into vector instructions; native byte
    // order throughout, so that the order of the key's bytes in memory is that of the wire.
    let word = u32::from_ne_bytes(key);
    let (blocks, rest) = payload.as_chunks_mut::<32>();
    for block in blocks {
        let (words, _) = block.as_chunks_mut::<4>();
        for bytes in words {
            *bytes = (u32::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
        }
    }
    // At most 31 bytes; 32 is a multiple of four, so the key starts at its first byte again.
    let (words, tail) = rest.as_chunks_mut::<4>();
    for bytes in words {
        *bytes = (u32::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(key) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of 5.3, a byte at a time.
    fn by_definition(payload: &mut [u8], key: MaskingKey, offset: u64) {
        for (i, byte) in payload.iter_mut().enumerate() {
            *byte ^= key[((u128::from(offset) + i as u128) % 4) as usize];
        }
    }

    #[test]
    fn the_hello_of_the_rfc_is_unmasked() {
        // RFC 6455, 5.7: a single-frame masked text message
        let mut payload = [0x7f, 0x9f, 0x4d, 0x51, 0x58];
        apply_mask(&mut payload, [0x37, 0xfa, 0x21, 0x3d], 0);
        assert_eq!(&payload, b"Hello");
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes minutes there")]
    fn every_length_offset_and_alignment_agrees_with_the_definition() {
        let source: Vec<u8> = (0..=255).cycle().take(180).collect();
        // Where a piece begins in its frame: all remainders by 4, up to the end of what is counted.
        let offsets = (0..8).chain((1 << 32) - 4..(1 << 32) + 4).chain(u64::MAX - 3..=u64::MAX);
        for offset in offsets {
            for key in [[0x37, 0xfa, 0x21, 0x3d], [1, 2, 3, 4]] {
                // Where it begins in memory: all remainders by the size of a vector, 32.
                for start in 0..32 {
                    // Up to four blocks of 32 and all that can be left over.
                    for length in 0..140 {
                        let mut fast = source.clone();
                        let mut slow = source.clone();
                        apply_mask(&mut fast[start..start + length], key, offset);
                        by_definition(&mut slow[start..start + length], key, offset);
                        assert_eq!(fast, slow, "{key:?} {offset} {start} {length}");
                    }
                }
            }
        }
    }
}
