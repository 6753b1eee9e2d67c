//! What is sent, and what must come back.

use peers::{Opcode, header};

/// What a server's echoes hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// The payload that was sent: a WebSocket server.
    Payload,
    /// As many zero bytes: the bare loop, which reads no payloads.
    Zeros,
}

/// Numbered messages of one opcode and size.
pub struct Messages {
    size: usize,
    expect: Expect,
    request_header: Vec<u8>,
    reply_header: Vec<u8>,
    letters: Vec<u8>,
}

const LETTERS: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/";
const NUMBER: usize = 12;

impl Messages {
    pub fn new(opcode: Opcode, size: usize, expect: Expect) -> Self {
        Self {
            size,
            expect,
            request_header: header(opcode, size, true),
            reply_header: header(opcode, size, false),
            letters: LETTERS
                .iter()
                .copied()
                .cycle()
                .take(size + LETTERS.len())
                .collect(),
        }
    }

    /// Connection and sequence number in hexadecimal, then letters that begin at another one each
    /// time: an echo that is late, lost, doubled, cut, or another connection's is not the one that
    /// is expected.
    fn push_payload(&self, connection: usize, sequence: u64, out: &mut Vec<u8>) {
        let number = ((connection as u64) << 32) | (sequence & 0xffff_ffff);
        let mut digits = [0; NUMBER];
        for (place, digit) in digits.iter_mut().rev().enumerate() {
            *digit = b"0123456789abcdef"[(number >> (4 * place)) as usize & 15];
        }
        let digits = &digits[..self.size.min(NUMBER)];
        let first = sequence as usize % LETTERS.len();
        out.extend_from_slice(digits);
        out.extend_from_slice(&self.letters[first..first + self.size - digits.len()]);
    }

    /// Appends a client's frame.
    pub fn push_request(&self, connection: usize, sequence: u64, mask: u32, out: &mut Vec<u8>) {
        let mask = mask.to_ne_bytes();
        out.extend_from_slice(&self.request_header);
        out.extend_from_slice(&mask);
        let start = out.len();
        self.push_payload(connection, sequence, out);
        for chunk in out[start..].chunks_mut(4) {
            chunk
                .iter_mut()
                .zip(mask)
                .for_each(|(byte, key)| *byte ^= key);
        }
    }

    /// Puts the only frame that is a right echo into `out`.
    pub fn reply(&self, connection: usize, sequence: u64, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&self.reply_header);
        match self.expect {
            Expect::Payload => self.push_payload(connection, sequence, out),
            Expect::Zeros => out.resize(self.reply_header.len() + self.size, 0),
        }
    }
}

/// Compares as much of a reply as has come. `Ok(true)`: it is there, whole.
pub fn check(came: &[u8], expected: &[u8]) -> Result<bool, String> {
    let length = came.len().min(expected.len());
    if came[..length] != expected[..length] {
        let show = |bytes: &[u8]| bytes[..bytes.len().min(48)].escape_ascii().to_string();
        return Err(format!(
            "wrong echo: {} instead of {}",
            show(came),
            show(expected)
        ));
    }
    Ok(length == expected.len())
}

/// SplitMix64. Masks of a real client must be unpredictable (RFC 6455, 5.3); those of a load need
/// only be as different as such masks are.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_masked_and_unmasks_to_the_reply() {
        let messages = Messages::new(Opcode::Text, 20, Expect::Payload);
        let (mut request, mut reply) = (Vec::new(), Vec::new());
        messages.push_request(3, 70, 0x1234_5678, &mut request);
        messages.reply(3, 70, &mut reply);
        assert_eq!(request[..2], [0x81, 0x80 | 20]);
        let mask = &request[2..6];
        let unmasked: Vec<u8> = request[6..]
            .iter()
            .enumerate()
            .map(|(i, byte)| byte ^ mask[i % 4])
            .collect();
        assert_eq!(unmasked, b"000300000046ghijklmn");
        assert_eq!(unmasked, reply[2..]);
    }

    #[test]
    fn a_wrong_echo_is_seen_at_its_first_wrong_byte() {
        assert_eq!(check(b"\x81\x02a", b"\x81\x02ab"), Ok(false));
        assert_eq!(check(b"\x81\x02abX", b"\x81\x02ab"), Ok(true));
        assert!(check(b"\x88", b"\x81\x02ab").is_err());
        assert!(check(b"\x81\x02aX", b"\x81\x02ab").is_err());
    }
}
