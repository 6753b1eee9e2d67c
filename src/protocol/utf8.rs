//! UTF-8 as it arrives: RFC 6455, sections 5.6 and 8.1.
//!
//! A text message may be cut anywhere, by its sender into frames and by the network into reads,
//! also inside a character. [`Utf8Stream`] validates each piece at once, so that bad text fails the
//! connection at its first bad byte and not at the end of the message. It carries at most three
//! bytes from piece to piece: the start of a character whose end has not arrived.
//!
//! The scanning itself is a library's; what is ours is the seam between pieces.

/// Why a piece of text was refused: these bytes can begin no valid UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidUtf8;

/// The text that `bytes` are, all of it.
pub fn whole(bytes: &[u8]) -> Result<&str, InvalidUtf8> {
    simdutf8::basic::from_utf8(bytes).map_err(|_| InvalidUtf8)
}

/// The state between two pieces of one text: the beginning of an unfinished character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Utf8Stream {
    carried: [u8; 3],
    length: u8,
}

impl Utf8Stream {
    /// Appends to `text` whatever `piece` completes. An unfinished character at its end is carried.
    ///
    /// # Errors
    ///
    /// [`InvalidUtf8`] as soon as no continuation could make the text valid. What is in `text` then
    /// is the valid part before.
    pub fn push(&mut self, mut piece: &[u8], text: &mut String) -> Result<(), InvalidUtf8> {
        while self.length > 0 {
            let Some((next, rest)) = piece.split_first() else {
                return Ok(());
            };
            piece = rest;
            self.complete_with(*next, text)?;
        }
        match simdutf8::compat::from_utf8(piece) {
            Ok(valid) => text.push_str(valid),
            Err(error) => {
                let (valid, rest) =
                    piece.split_at_checked(error.valid_up_to()).ok_or(InvalidUtf8)?;
                text.push_str(str::from_utf8(valid).map_err(|_| InvalidUtf8)?);
                // An error with a length is a wrong byte; one without is a character cut short.
                if error.error_len().is_some() {
                    return Err(InvalidUtf8);
                }
                self.carry(rest);
            }
        }
        Ok(())
    }

    /// Whether the text so far ends between two characters: it must, where the message ends.
    pub fn is_complete(&self) -> bool {
        self.length == 0
    }

    /// How many bytes are carried: at most three.
    pub fn carried_len(&self) -> usize {
        self.length.into()
    }

    /// Adds one byte to the carried ones; moves them to `text` when they are a character.
    fn complete_with(&mut self, next: u8, text: &mut String) -> Result<(), InvalidUtf8> {
        let [a, b, c] = self.carried;
        let candidate = match self.length {
            1 => &[a, next][..],
            2 => &[a, b, next],
            _ => &[a, b, c, next],
        };
        match str::from_utf8(candidate) {
            Ok(character) => {
                text.push_str(character);
                self.length = 0;
                Ok(())
            }
            Err(error) if error.error_len().is_some() => Err(InvalidUtf8),
            Err(_) => {
                self.carry(candidate);
                Ok(())
            }
        }
    }

    /// The longest character has four bytes, so an unfinished one has at most three.
    fn carry(&mut self, unfinished: &[u8]) {
        for (to, from) in self.carried.iter_mut().zip(unfinished) {
            *to = *from;
        }
        self.length = unfinished.len() as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `pieces` and tells the text, or at which byte of the whole it was refused.
    fn feed<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Result<(String, bool), usize> {
        let (mut stream, mut text, mut position) = (Utf8Stream::default(), String::new(), 0);
        for piece in pieces {
            stream.push(piece, &mut text).map_err(|_| position)?;
            position += piece.len();
        }
        Ok((text, stream.is_complete()))
    }

    #[test]
    fn every_cut_of_a_text_gives_the_text() {
        let text = "κόσμε ü 你好 🎉!";
        let bytes = text.as_bytes();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(feed(pieces.into_iter()), Ok((text.to_owned(), true)));
            }
        }
    }

    #[test]
    fn a_wrong_byte_is_refused_when_it_arrives() {
        // Each sequence, with the index of the byte that no valid text can have there.
        let wrong: [(&[u8], usize); 8] = [
            (b"\x80", 0),             // a continuation byte that continues nothing
            (b"\xc0\x80", 0),         // an overlong form: 0xc0 is never valid
            (b"\xe0\x80\x80", 1),     // overlong: after 0xe0 comes 0xa0 or more
            (b"\xed\xa0\x80", 1),     // a surrogate: after 0xed comes 0x9f or less
            (b"\xf4\x90\x80\x80", 1), // beyond U+10FFFF: after 0xf4 comes 0x8f or less
            (b"\xf5\x80\x80\x80", 0), // 0xf5 is never valid
            (b"abc\xffdef", 3),
            (b"\xf0\x9f\x8e!", 3), // a character broken off
        ];
        for (bytes, at) in wrong {
            assert_eq!(feed(bytes.chunks(1)), Err(at), "{bytes:x?}");
            assert!(feed([bytes].into_iter()).is_err());
        }
    }

    #[test]
    fn a_text_may_not_end_inside_a_character() {
        for bytes in [&b"\xc3"[..], b"\xe4\xbd", b"\xf0\x9f\x8e"] {
            assert_eq!(feed(bytes.chunks(1)), Ok((String::new(), false)));
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes minutes there")]
    fn all_65536_pairs_of_bytes_agree_with_the_standard_library_however_cut() {
        for pair in 0..=u16::MAX {
            let bytes = pair.to_be_bytes();
            for prefix in [&b""[..], b"\xe2", b"\xf0\x9f", b"\xf4", b"\xed", b"\xe0"] {
                let whole = [prefix, &bytes].concat();
                let std = str::from_utf8(&whole).ok();
                let whole_again = feed([&whole[..]].into_iter());
                let byte_by_byte = feed(whole.chunks(1));
                for result in [whole_again, byte_by_byte] {
                    let complete = result.ok().filter(|(_, complete)| *complete);
                    assert_eq!(complete.map(|(text, _)| text).as_deref(), std, "{whole:x?}");
                }
            }
        }
    }
}
