//! Packets, as Wireshark reads them: the classic capture file, written by hand.
//!
//! The server never saw the packets, so they are made: an IP and a TCP header around each read and
//! write, with right lengths, sequence numbers and checksums, between an opening and a closing that
//! are TCP's own. What is not known is said here: the server's end is given port 80, where
//! Wireshark expects HTTP, and the address of the client, which on a loopback is right.

use std::net::{IpAddr, SocketAddr};

use crate::trace::dissect::Side;

/// Packets begin with their IP header.
const LINKTYPE_RAW: u32 = 101;
const SERVER_PORT: u16 = 80;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

const TCP: u8 = 6;
const TCP_HEADER: u16 = 20;

/// A capture file that grows.
pub(super) struct Capture {
    file: Vec<u8>,
    client: SocketAddr,
    /// Microseconds from 1970 to the time 0 of the segments.
    epoch: u64,
    /// The next sequence numbers.
    next_of_client: u32,
    next_of_server: u32,
    identification: u16,
    at: u64,
}

impl Capture {
    /// A capture of a connection that was opened `at` so many microseconds after `epoch`.
    pub(super) fn new(client: SocketAddr, epoch: u64, at: u64) -> Self {
        let mut file = Vec::new();
        // The magic number tells the byte order, and that times are in microseconds.
        file.extend_from_slice(&0xa1b2_c3d4_u32.to_le_bytes());
        file.extend_from_slice(&2_u16.to_le_bytes());
        file.extend_from_slice(&4_u16.to_le_bytes());
        file.extend_from_slice(&[0; 8]);
        file.extend_from_slice(&0x4_0000_u32.to_le_bytes());
        file.extend_from_slice(&LINKTYPE_RAW.to_le_bytes());
        let mut capture = Self {
            file,
            client,
            epoch,
            next_of_client: 0,
            next_of_server: 0,
            identification: 0,
            at,
        };
        capture.packet(Side::Client, SYN, &[]);
        capture.packet(Side::Server, SYN | ACK, &[]);
        capture.packet(Side::Client, ACK, &[]);
        capture
    }

    /// These bytes were sent.
    pub(super) fn segment(&mut self, from: Side, bytes: &[u8], at: u64) {
        self.at = self.at.max(at);
        // An IPv4 packet has at most 65,535 bytes.
        for bytes in bytes.chunks(32 * 1024) {
            self.packet(from, PSH | ACK, bytes);
        }
    }

    /// Both ends close.
    pub(super) fn close(&mut self) {
        self.packet(Side::Server, FIN | ACK, &[]);
        self.packet(Side::Client, FIN | ACK, &[]);
        self.packet(Side::Server, ACK, &[]);
    }

    pub(super) fn into_file(self) -> Vec<u8> {
        self.file
    }

    fn packet(&mut self, from: Side, flags: u8, payload: &[u8]) {
        let (sequence, acknowledged) = match from {
            Side::Client => (self.next_of_client, self.next_of_server),
            Side::Server => (self.next_of_server, self.next_of_client),
        };
        let acknowledged = if flags & ACK == 0 { 0 } else { acknowledged };
        let (source, destination) = match from {
            Side::Client => (self.client.port(), SERVER_PORT),
            Side::Server => (SERVER_PORT, self.client.port()),
        };
        let mut segment = Vec::with_capacity(usize::from(TCP_HEADER) + payload.len());
        segment.extend_from_slice(&source.to_be_bytes());
        segment.extend_from_slice(&destination.to_be_bytes());
        segment.extend_from_slice(&sequence.to_be_bytes());
        segment.extend_from_slice(&acknowledged.to_be_bytes());
        // The header's length in words of four bytes; the window; no checksum yet; nothing urgent.
        segment.extend_from_slice(&[5 << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
        segment.extend_from_slice(payload);
        let length = u16::try_from(segment.len()).unwrap_or(u16::MAX);

        // RFC 9293, 3.1: the checksum covers "a pseudo-header conceptually prefixed to the TCP
        // header", that is addresses, protocol and length.
        let address = self.client.ip();
        let pseudo = [0, TCP, length.to_be_bytes()[0], length.to_be_bytes()[1]];
        let sum = match address {
            IpAddr::V4(ip) => checksum(&[&ip.octets(), &ip.octets(), &pseudo, &segment]),
            IpAddr::V6(ip) => checksum(&[&ip.octets(), &ip.octets(), &pseudo, &segment]),
        };
        if let Some(place) = segment.get_mut(16..18) {
            place.copy_from_slice(&sum.to_be_bytes());
        }
        let header = match address {
            IpAddr::V4(ip) => self.ipv4(ip.octets(), length),
            IpAddr::V6(ip) => ipv6(ip.octets(), length),
        };
        self.record(&header, &segment);

        // A SYN and a FIN take a number each, as if they were a byte.
        let advance = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        match from {
            Side::Client => self.next_of_client = sequence.wrapping_add(advance),
            Side::Server => self.next_of_server = sequence.wrapping_add(advance),
        }
    }

    /// RFC 791, 3.1.
    fn ipv4(&mut self, address: [u8; 4], length: u16) -> Vec<u8> {
        self.identification = self.identification.wrapping_add(1);
        let [total, identification] = [length.saturating_add(20), self.identification];
        let mut header = vec![0x45, 0];
        header.extend_from_slice(&total.to_be_bytes());
        header.extend_from_slice(&identification.to_be_bytes());
        // Do not fragment; 64 hops.
        header.extend_from_slice(&[0x40, 0, 64, TCP, 0, 0]);
        header.extend_from_slice(&address);
        header.extend_from_slice(&address);
        let sum = checksum(&[&header]);
        if let Some(place) = header.get_mut(10..12) {
            place.copy_from_slice(&sum.to_be_bytes());
        }
        header
    }

    fn record(&mut self, header: &[u8], segment: &[u8]) {
        let time = self.epoch.saturating_add(self.at);
        let length = (header.len() + segment.len()) as u32;
        for number in [(time / 1_000_000) as u32, (time % 1_000_000) as u32, length, length] {
            self.file.extend_from_slice(&number.to_le_bytes());
        }
        self.file.extend_from_slice(header);
        self.file.extend_from_slice(segment);
    }
}

/// RFC 8200, 3.
fn ipv6(address: [u8; 16], length: u16) -> Vec<u8> {
    let mut header = vec![0x60, 0, 0, 0];
    header.extend_from_slice(&length.to_be_bytes());
    header.extend_from_slice(&[TCP, 64]);
    header.extend_from_slice(&address);
    header.extend_from_slice(&address);
    header
}

/// RFC 1071: the ones' complement of the ones' complement sum of all 16-bit words. All parts but
/// the last have an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum: u64 = 0;
    for part in parts {
        for word in part.chunks(2) {
            let low = word.get(1).copied().unwrap_or(0);
            sum += u64::from(u16::from_be_bytes([word.first().copied().unwrap_or(0), low]));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_example() {
        // RFC 1071, 3: 0001 f203 f4f5 f6f7 sum up to ddf2.
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(checksum(&[&bytes]), !0xddf2);
        assert_eq!(checksum(&[&bytes[..4], &bytes[4..]]), !0xddf2);
        assert_eq!(checksum(&[&[0xff]]), !0xff00);
    }

    #[test]
    fn sequence_numbers_count_what_was_sent_and_the_opening_and_the_end() {
        let mut capture = Capture::new("127.0.0.1:5000".parse().unwrap(), 1_000_000, 2);
        capture.segment(Side::Client, b"abc", 5);
        capture.segment(Side::Server, b"defg", 7);
        capture.close();
        assert_eq!((capture.next_of_client, capture.next_of_server), (1 + 3 + 1, 1 + 4 + 1));
        let file = capture.into_file();
        // The head of the file, and eight packets of 16 + 20 + 20 bytes.
        assert_eq!(file.len(), 24 + 8 * 56 + 7);
        assert_eq!(file[24..32], [1, 0, 0, 0, 2, 0, 0, 0]);
        // A header with its checksum in it sums up to nothing.
        assert_eq!(checksum(&[&file[40..60]]), 0);
    }
}
