//! What was given to be explained, found out by looking at it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use wigwag::trace::dissect::Side;

/// A part of the input, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The head of a request (from a client) or of a response, with all that follows it.
    Head(Side, Vec<u8>),
    /// Frames, perhaps with a word on who sent them.
    Frames(Option<Side>, Vec<u8>),
    /// A `Sec-WebSocket-Key`.
    Key(String),
}

/// The parts of the input.
///
/// # Errors
///
/// What is none of all that, in one line for a human.
pub(super) fn parts(bytes: &[u8]) -> Result<Vec<Part>, String> {
    let text = str::from_utf8(bytes).ok().filter(|text| is_text(text));
    match text {
        Some(text) => parts_of_text(text),
        None => Ok(vec![raw(bytes)]),
    }
}

fn is_text(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() && !c.is_whitespace())
}

/// Bytes as they were captured.
fn raw(bytes: &[u8]) -> Part {
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    match str::from_utf8(line).ok().and_then(head_of) {
        Some(from) => Part::Head(from, bytes.to_vec()),
        None => Part::Frames(None, bytes.to_vec()),
    }
}

/// Whether this is the first line of a head, and whose.
fn head_of(line: &str) -> Option<Side> {
    if line.starts_with("HTTP/") {
        return Some(Side::Server);
    }
    let mut words = line.split_whitespace();
    let last = words.next_back()?;
    (words.next().is_some() && last.starts_with("HTTP/")).then_some(Side::Client)
}

fn parts_of_text(text: &str) -> Result<Vec<Part>, String> {
    let mut parts: Vec<Part> = Vec::new();
    // A capture of the exact bytes is not put right; what a human typed is.
    let exact = text.contains('\r');
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        if let Some(from) = head_of(line) {
            let mut head = line.to_owned();
            for line in lines.by_ref() {
                head.push_str(line);
                if line.trim().is_empty() {
                    break;
                }
            }
            // The body of a response has no end but the end.
            let is_101 = head.split_whitespace().nth(1) == Some("101");
            if from == Side::Server && !is_101 {
                head.extend(lines.by_ref());
            }
            parts.push(Part::Head(
                from,
                if exact { head.into_bytes() } else { head_as_sent(&head) },
            ));
            continue;
        }
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(key) = key(line) {
            parts.push(Part::Key(key));
            continue;
        }
        let (marked, digits) = match line.split_at_checked(1) {
            Some((">", rest)) => (Some(Side::Client), rest),
            Some(("<", rest)) => (Some(Side::Server), rest),
            _ => (None, line),
        };
        let bytes = hex(digits)?;
        match parts.last_mut() {
            _ if bytes.is_empty() => {}
            // A frame may go on on the next line.
            Some(Part::Frames(before, frames)) if marked.is_none() || marked == *before => {
                frames.extend(bytes);
            }
            _ => parts.push(Part::Frames(marked, bytes)),
        }
    }
    Ok(parts)
}

/// A head that was typed: with CR LF at the end of each line, and a blank line at its end.
fn head_as_sent(head: &str) -> Vec<u8> {
    let mut lines = head.lines();
    let mut sent = String::new();
    for line in lines.by_ref().take_while(|line| !line.trim().is_empty()) {
        sent.push_str(line.trim_end());
        sent.push_str("\r\n");
    }
    sent.push_str("\r\n");
    for line in lines {
        sent.push_str(line);
        sent.push('\n');
    }
    sent.into_bytes()
}

/// A key, with or without the name of its header. With the name, any value is one.
fn key(line: &str) -> Option<String> {
    const NAME: &str = "sec-websocket-key";
    if let Some((name, value)) = line.split_once(':')
        && name.trim().eq_ignore_ascii_case(NAME)
    {
        return Some(value.trim().to_owned());
    }
    let is_key = line.len() == 24 && line.ends_with("==");
    let decodes = || BASE64_STANDARD.decode(line.get(..20).unwrap_or_default()).is_ok();
    (is_key && decodes()).then(|| line.to_owned())
}

/// Bytes in hexadecimal, in any of the usual spellings.
fn hex(text: &str) -> Result<Vec<u8>, String> {
    let plain = text.replace("\\x", " ").replace("0x", " ").replace("0X", " ");
    let mut bytes = Vec::new();
    for word in plain.split(|c: char| c.is_whitespace() || ",:;\"'".contains(c)) {
        let digits: Option<Vec<u8>> = word
            .chars()
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect();
        let Some(digits) = digits else {
            let word: String = word.chars().take(40).flat_map(char::escape_debug).collect();
            return Err(format!(
                "\"{word}\" is not hexadecimal (nor is this a handshake or a Sec-WebSocket-Key); \
                 a frame is written like 81 05 48 65 6c 6c 6f"
            ));
        };
        match digits.as_chunks::<2>() {
            (pairs, []) => bytes.extend(pairs.iter().map(|[high, low]| high << 4 | low)),
            _ => {
                let word: String = word.chars().take(40).collect();
                return Err(format!(
                    "\"{word}\" has an odd number of hexadecimal digits; a byte is two of them"
                ));
            }
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(bytes: &[u8]) -> Part {
        Part::Frames(None, bytes.to_vec())
    }

    #[test]
    fn hexadecimal_is_read_in_every_spelling() {
        for text in [
            "81 00 88 00",
            "81008800",
            "8100 8800\n",
            "81:00:88:00",
            "0x81, 0x00, 0x88, 0x00",
            "\\x81\\x00\\x88\\x00",
            "# a frame\n81 00 # text\n\n88 00",
            "\"\\x81\\x00\" '8800'",
        ] {
            assert_eq!(parts(text.as_bytes()), Ok(vec![frames(b"\x81\0\x88\0")]), "{text}");
        }
    }

    #[test]
    fn what_is_not_hexadecimal_is_named() {
        let error = parts(b"81 xy 00").unwrap_err();
        assert!(error.starts_with("\"xy\" is not hexadecimal"), "{error}");
        let error = parts(b"81 050").unwrap_err();
        assert!(error.starts_with("\"050\" has an odd number"), "{error}");
        let error = parts("81 \u{202e}".as_bytes()).unwrap_err();
        assert!(error.starts_with("\"\\u{202e}\""), "{error}");
    }

    #[test]
    fn a_key_is_known_by_its_form_or_by_its_name() {
        let key = Part::Key("dGhlIHNhbXBsZSBub25jZQ==".into());
        for text in [
            "dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "sec-websocket-key:dGhlIHNhbXBsZSBub25jZQ==\n",
        ] {
            assert_eq!(parts(text.as_bytes()), Ok(vec![key.clone()]), "{text}");
        }
        assert!(parts(b"dGhlIHNhbXBsZSBub25jZQ").is_err());
    }

    #[test]
    fn a_conversation_has_heads_and_frames_of_both_sides() {
        let text =
            "GET / HTTP/1.1\nHost: a\n\nHTTP/1.1 101 Yes\n\n> 8180\n 0000 0000\n< 8100\n8200";
        let expected = [
            Part::Head(Side::Client, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()),
            Part::Head(Side::Server, b"HTTP/1.1 101 Yes\r\n\r\n".to_vec()),
            Part::Frames(Some(Side::Client), b"\x81\x80\0\0\0\0".to_vec()),
            Part::Frames(Some(Side::Server), b"\x81\x00\x82\x00".to_vec()),
        ];
        assert_eq!(parts(text.as_bytes()), Ok(expected.to_vec()));
    }

    #[test]
    fn a_capture_is_taken_as_it_is() {
        let captured = b"HTTP/1.1 101 Yes\r\n\r\n\x81\x00";
        let expected = vec![Part::Head(Side::Server, captured.to_vec())];
        assert_eq!(parts(captured), Ok(expected));
        assert_eq!(parts(b"\x81\x00\xff"), Ok(vec![frames(b"\x81\x00\xff")]));
        let incomplete = b"GET / HTTP/1.1\r\nHost: a\r\n";
        let expected = vec![Part::Head(Side::Client, incomplete.to_vec())];
        assert_eq!(parts(incomplete), Ok(expected));
    }
}
