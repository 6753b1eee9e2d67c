//! Text that a peer sent, made fit for a log line.

use std::fmt;

/// The most bytes of peer text in a log line, after escaping.
const LIMIT: usize = 256;

/// Shows text on one line, in printable characters, clipped. A peer can so neither forge a line nor
/// drive the reader's terminal.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut length = 0;
        for character in self.0.chars() {
            // ASCII that prints stays; everything else is spelled out, also what only looks
            // harmless: a right-to-left override reverses the rest of the line.
            let plain = matches!(character, ' '..='~') && character != '\\';
            let size = if plain { 1 } else { character.escape_unicode().len() };
            if length + size > LIMIT {
                return f.write_str("...");
            }
            length += size;
            if plain {
                write!(f, "{character}")?;
            } else {
                write!(f, "{}", character.escape_unicode())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_forge_a_line_is_spelled_out() {
        let shown = Escaped("a\nb\u{1b}[31m\0\u{202e}\\ü").to_string();
        assert_eq!(shown, r"a\u{a}b\u{1b}[31m\u{0}\u{202e}\u{5c}\u{fc}");
    }

    #[test]
    fn long_text_is_clipped() {
        assert_eq!(Escaped(&"x".repeat(256)).to_string().len(), 256);
        assert_eq!(Escaped(&"x".repeat(257)).to_string().len(), 259);
        assert!(Escaped(&"\n".repeat(1000)).to_string().len() <= LIMIT + 3);
    }
}
