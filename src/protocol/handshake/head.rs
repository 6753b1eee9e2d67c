//! Where the head of an HTTP message ends, found while it arrives.
//!
//! A peer may send its head one byte at a time. A server that parses what it has after each byte
//! does work that grows with the square of the head's length, and a server has fallen to that. So
//! nothing is parsed until the blank line has arrived, and the search for the blank line goes on
//! where it stopped.

use memchr::memchr_iter;

use super::error::HandshakeError;
use super::tokens::is_tchar;

/// The first byte of a TLS connection: a record of the type "handshake" (RFC 8446, 5.1).
const TLS_HANDSHAKE_RECORD: u8 = 0x16;

/// Searches for the blank line that ends a head.
#[derive(Clone, Debug)]
pub struct HeadScanner {
    limit: usize,
    /// So many bytes have been looked at, and the head does not end in them.
    scanned: usize,
}

impl HeadScanner {
    /// A scanner for a head of at most `limit` bytes, the blank line included.
    pub const fn new(limit: usize) -> Self {
        Self { limit, scanned: 0 }
    }

    /// Looks at what is new in `head`, which is everything that has arrived so far, from the first
    /// byte on. The length of the head if it is complete, its blank line included; `None` if more
    /// bytes are needed.
    ///
    /// # Errors
    ///
    /// A byte at the start that no HTTP message starts with, a line that does not end in CR LF, or
    /// `limit` bytes without a blank line.
    pub fn scan(&mut self, head: &[u8]) -> Result<Option<usize>, HandshakeError> {
        if self.scanned == 0
            && let Some(&first) = head.first()
        {
            judge_first_byte(first)?;
        }
        // What is beyond the limit is not looked at, so that the verdict does not depend on how
        // much of it came along.
        let head = head.get(..self.limit).unwrap_or(head);
        let new = head.get(self.scanned..).unwrap_or_default();
        for offset in memchr_iter(b'\n', new) {
            let position = self.scanned.saturating_add(offset);
            match head.get(..position).unwrap_or_default() {
                [.., b'\n', b'\r'] => return Ok(Some(position.saturating_add(1))),
                [.., b'\r'] => {}
                // RFC 7230, 3.5, allows a server to take a bare LF for the end of a line. One that
                // does, behind a proxy that does not, sees requests that the proxy did not: that is
                // request smuggling.
                _ => return Err(HandshakeError::BareLineFeed),
            }
        }
        if head.len() >= self.limit {
            return Err(HandshakeError::HeadTooLarge);
        }
        self.scanned = head.len();
        Ok(None)
    }
}

/// An HTTP message starts with a token: a request with its method, a response with `HTTP`.
///
/// RFC 7230, 3.5, lets a server ignore an empty line before the request line, for the sake of
/// clients that end a body with a CRLF too much. No body comes before the first request of a
/// connection, so here it is refused.
fn judge_first_byte(first: u8) -> Result<(), HandshakeError> {
    match first {
        TLS_HANDSHAKE_RECORD => Err(HandshakeError::LooksLikeTls),
        first if !is_tchar(first) => Err(HandshakeError::NotHttp),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const LIMIT: usize = 8192;

    /// What a scanner says of bytes that arrive in these two parts.
    fn scan_in_two(
        bytes: &[u8],
        cut: usize,
        limit: usize,
    ) -> Result<Option<usize>, HandshakeError> {
        let mut scanner = HeadScanner::new(limit);
        match scanner.scan(&bytes[..cut])? {
            None => scanner.scan(bytes),
            found => Ok(found),
        }
    }

    fn scan_byte_by_byte(bytes: &[u8], limit: usize) -> Result<Option<usize>, HandshakeError> {
        let mut scanner = HeadScanner::new(limit);
        for end in 0..=bytes.len() {
            if let Some(found) = scanner.scan(&bytes[..end])? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    #[test]
    fn the_head_ends_after_its_blank_line_and_what_follows_is_left() {
        assert_eq!(HeadScanner::new(LIMIT).scan(HEAD), Ok(Some(HEAD.len())));
        let pipelined = [HEAD, HEAD].concat();
        let found = HeadScanner::new(LIMIT).scan(&pipelined);
        assert_eq!(found, Ok(Some(HEAD.len())));
        let frames_follow = [HEAD, b"\x81\x80\n\n\r\n\r\n"].concat();
        let found = HeadScanner::new(LIMIT).scan(&frames_follow);
        assert_eq!(found, Ok(Some(HEAD.len())));
    }

    #[test]
    fn every_cut_gives_what_the_whole_gives() {
        let limit = HEAD.len();
        let inputs: [&[u8]; 8] = [
            HEAD,
            b"GET / HTTP/1.1\r\nHost: a\r\n",
            b"GET / HTTP/1.1\r\nHost: a\n\r\n",
            b"GET / HTTP/1.1\n\n",
            b"GET / HTTP/1.1\r\nHost: aa\r\n\r\n", // one byte over the limit
            b"GET / HTTP/1.1\r\nHost: aa\r\n\r\n\n and more",
            b"\x16\x03\x01\x02\x00\x01",
            b"\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        ];
        for input in inputs {
            let whole = HeadScanner::new(limit).scan(input);
            assert_eq!(scan_byte_by_byte(input, limit), whole, "{input:?}");
            for cut in 0..=input.len() {
                assert_eq!(scan_in_two(input, cut, limit), whole, "{input:?} at {cut}");
            }
        }
    }

    #[test]
    fn what_was_looked_at_is_not_looked_at_again() {
        // Bare line feeds in the part that was scanned would be refused if they were seen.
        for cut in 3..HEAD.len() {
            let mut scanner = HeadScanner::new(LIMIT);
            assert_eq!(scanner.scan(&HEAD[..cut]), Ok(None));
            let mut forged = HEAD.to_vec();
            forged[..cut - 3].fill(b'\n');
            assert_eq!(scanner.scan(&forged), Ok(Some(HEAD.len())), "{cut}");
        }
    }

    #[test]
    fn a_line_feed_alone_is_refused_at_once() {
        let error = HeadScanner::new(LIMIT).scan(b"GET / HTTP/1.1\n");
        assert_eq!(error, Err(HandshakeError::BareLineFeed));
        let error = HeadScanner::new(LIMIT).scan(b"GET / HTTP/1.1\r\nHost: a\r\n\n");
        assert_eq!(error, Err(HandshakeError::BareLineFeed));
    }

    #[test]
    fn a_head_may_be_as_long_as_the_limit_and_no_longer() {
        assert_eq!(HeadScanner::new(HEAD.len()).scan(HEAD), Ok(Some(HEAD.len())));
        let error = HeadScanner::new(HEAD.len() - 1).scan(HEAD);
        assert_eq!(error, Err(HandshakeError::HeadTooLarge));
        let error = HeadScanner::new(LIMIT).scan(&[b'a'; LIMIT]);
        assert_eq!(error, Err(HandshakeError::HeadTooLarge));
    }

    #[test]
    fn each_first_byte_is_judged_alone() {
        for first in 0..=u8::MAX {
            let expected = match first {
                0x16 => Err(HandshakeError::LooksLikeTls),
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => Ok(None),
                first if b"!#$%&'*+-.^_`|~".contains(&first) => Ok(None),
                _ => Err(HandshakeError::NotHttp),
            };
            assert_eq!(HeadScanner::new(LIMIT).scan(&[first]), expected, "{first:02x}");
        }
    }
}
