//! Where frames begin, and nothing else: cheap enough to be asked of every byte that goes by.

/// Follows one direction of a connection.
#[derive(Debug, Default)]
pub(super) struct Track {
    phase: Phase,
    /// A message has begun and not ended.
    in_message: bool,
    /// How many frame headers have gone by.
    pub(super) frames: u64,
}

#[derive(Debug)]
enum Phase {
    /// In the head of the handshake; so many bytes of the blank line at its end have been seen.
    Head(usize),
    /// In a frame's header, of which these bytes have been seen.
    Header([u8; 14], usize),
    /// In its payload, of which so many bytes are to come.
    Payload(u64),
}

impl Default for Phase {
    fn default() -> Self {
        Self::Head(0)
    }
}

const BLANK_LINE: &[u8] = b"\r\n\r\n";

impl Track {
    /// Whether the head of the handshake is not over.
    pub(super) fn is_in_head(&self) -> bool {
        matches!(self.phase, Phase::Head(_))
    }

    /// Takes the next bytes. Tells where in them the first frame begins before which everything
    /// was complete: whoever comes late can start to read there.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut fresh = None;
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            match &mut self.phase {
                Phase::Head(seen) => {
                    let Some(used) = end_of_head(rest, seen) else { return fresh };
                    at += used;
                    self.phase = Phase::Header([0; 14], 0);
                }
                Phase::Header(header, seen) => {
                    if *seen == 0 && !self.in_message && fresh.is_none() {
                        fresh = Some(at);
                    }
                    if let (Some(slot), Some(byte)) = (header.get_mut(*seen), rest.first()) {
                        *slot = *byte;
                    }
                    *seen += 1;
                    at += 1;
                    if *seen == header_length(header[1]) {
                        let header = *header;
                        self.end_header(&header);
                    }
                }
                Phase::Payload(missing) => {
                    let used = usize::try_from(*missing).unwrap_or(usize::MAX).min(rest.len());
                    *missing -= used as u64;
                    at += used;
                    if *missing == 0 {
                        self.phase = Phase::Header([0; 14], 0);
                    }
                }
            }
        }
        fresh
    }

    fn end_header(&mut self, header: &[u8; 14]) {
        self.frames += 1;
        let [first, second, ..] = *header;
        let is_control = first & 0x08 != 0;
        if !is_control {
            self.in_message = first & 0x80 == 0;
        }
        let length = match second & 0x7f {
            126 => u64::from(u16::from_be_bytes([header[2], header[3]])),
            127 => {
                let [_, _, a, b, c, d, e, f, g, h, ..] = *header;
                u64::from_be_bytes([a, b, c, d, e, f, g, h])
            }
            length => u64::from(length),
        };
        self.phase = match length {
            0 => Phase::Header([0; 14], 0),
            length => Phase::Payload(length),
        };
    }
}

/// How many bytes up to and with the blank line, if it ends here.
fn end_of_head(bytes: &[u8], seen: &mut usize) -> Option<usize> {
    for (index, byte) in bytes.iter().enumerate() {
        *seen = match byte {
            byte if BLANK_LINE.get(*seen) == Some(byte) => *seen + 1,
            b'\r' => 1,
            _ => 0,
        };
        if *seen == BLANK_LINE.len() {
            return Some(index + 1);
        }
    }
    None
}

/// How many bytes a header has whose second byte is this one. Until that one is known it is 0, and
/// the header has two bytes.
fn header_length(second: u8) -> usize {
    let length = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    2 + length + usize::from(second & 0x80 != 0) * 4
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    /// All places at which a reader may start, however the bytes are cut.
    fn fresh(bytes: &[u8], cut: usize) -> (Vec<usize>, u64) {
        let mut track = Track::default();
        let mut places = Vec::new();
        for (index, piece) in bytes.chunks(cut).enumerate() {
            places.extend(track.push(piece).map(|at| index * cut + at));
        }
        (places, track.frames)
    }

    #[test]
    fn one_can_start_where_no_message_is_unfinished() {
        let frames: [&[u8]; 6] = [
            &[0x81, 0x81, 1, 2, 3, 4, 5],                  // 27: text
            &[0x01, 0x80, 1, 2, 3, 4],                     // 34: a fragment
            &[0x89, 0x80, 1, 2, 3, 4],                     // 40: a ping in between
            &[0x80, 0x82, 1, 2, 3, 4, 5, 6],               // 46: the last fragment
            &[0x82, 126, 0, 3, 1, 2, 3],                   // 54: a longer form of the length
            &[0x82, 127, 0, 0, 0, 0, 0, 0, 0, 1, 7, 0x8a], // 61, and the start of another at 72
        ];
        let bytes = [HEAD, &frames.concat()].concat();
        let places = vec![27, 34, 54, 61, 72];
        assert_eq!(fresh(&bytes, 1), (places, 6));
        assert_eq!(fresh(&bytes, 1000), (vec![27], 6));
        assert_eq!(fresh(&bytes, 36), (vec![27, 54, 72], 6));
    }
}
