//! Where frames begin, and nothing else: cheap enough to be asked of every byte that goes by.

/// Follows one direction of a connection.
#[derive(Debug, Default)]
pub(super) struct Track {
    phase: Phase,
    /// The start of a header whose end has not come yet.
    header: [u8; 14],
    /// A message has begun and not ended.
    in_message: bool,
    /// How many frame headers have gone by.
    pub(super) frames: u64,
}

#[derive(Debug)]
enum Phase {
    /// In the head of the handshake; so many bytes of the blank line at its end have been seen.
    Head(usize),
    /// In a frame's header, of which so many bytes have been seen.
    Header(usize),
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
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = match self.phase {
                Phase::Head(mut seen) => {
                    let end = end_of_head(rest, &mut seen);
                    self.phase = if end.is_some() { Phase::Header(0) } else { Phase::Head(seen) };
                    rest.get(end.unwrap_or(rest.len())..).unwrap_or_default()
                }
                Phase::Header(0) => {
                    if !self.in_message && fresh.is_none() {
                        fresh = Some(bytes.len() - rest.len());
                    }
                    self.whole_frames(rest)
                }
                Phase::Header(seen) => self.broken_header(seen, rest),
                Phase::Payload(missing) => {
                    let used = usize::try_from(missing).unwrap_or(usize::MAX).min(rest.len());
                    self.phase = match missing - used as u64 {
                        0 => Phase::Header(0),
                        missing => Phase::Payload(missing),
                    };
                    rest.get(used..).unwrap_or_default()
                }
            };
        }
        fresh
    }

    /// Passes over frames for as long as each is there as a whole and is a whole message, as nearly
    /// all are; of the first that is not, it takes what is there.
    fn whole_frames<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let mut rest = bytes;
        loop {
            let Some(header) = rest.get(1).and_then(|&second| rest.get(..header_length(second)))
            else {
                return self.broken_header(0, rest);
            };
            let was_in_message = self.in_message;
            let payload = self.end_header(header);
            rest = rest.get(header.len()..).unwrap_or_default();
            match usize::try_from(payload).ok().and_then(|payload| rest.get(payload..)) {
                Some(behind) => rest = behind,
                None => {
                    self.phase = Phase::Payload(payload);
                    return rest;
                }
            }
            if rest.is_empty() || was_in_message || self.in_message {
                return rest;
            }
        }
    }

    /// Takes a byte of a header that did not come as a whole.
    fn broken_header<'b>(&mut self, seen: usize, bytes: &'b [u8]) -> &'b [u8] {
        let Some((&byte, rest)) = bytes.split_first() else { return bytes };
        if let Some(slot) = self.header.get_mut(seen) {
            *slot = byte;
        }
        let seen = seen + 1;
        self.phase = Phase::Header(seen);
        if seen >= 2 && seen == header_length(self.header[1]) {
            let header = self.header;
            self.phase = match self.end_header(header.get(..seen).unwrap_or_default()) {
                0 => Phase::Header(0),
                payload => Phase::Payload(payload),
            };
        }
        rest
    }

    /// A header has gone by; tells how long its payload is.
    fn end_header(&mut self, header: &[u8]) -> u64 {
        self.frames += 1;
        let &[first, second, ref rest @ ..] = header else { return 0 };
        let is_control = first & 0x08 != 0;
        if !is_control {
            self.in_message = first & 0x80 == 0;
        }
        match second & 0x7f {
            126 => rest.first_chunk().map_or(0, |length| u64::from(u16::from_be_bytes(*length))),
            127 => rest.first_chunk().map_or(0, |length| u64::from_be_bytes(*length)),
            length => u64::from(length),
        }
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

/// How many bytes a header has whose second byte is this one.
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
