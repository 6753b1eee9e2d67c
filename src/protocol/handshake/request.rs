//! A complete head becomes a [`Request`], or is refused.
//!
//! The syntax is read by the crate `httparse`. Judged here is what decides where a request ends and
//! for whom it is: RFC 7230 makes each of these a 400, because a server that guesses can be made to
//! see another request than the proxy in front of it saw.

use std::fmt;

use httparse::{EMPTY_HEADER, Header};

use super::error::HandshakeError;
use super::head::HeadScanner;
use super::tokens;

/// The most headers that a request can have; a server may allow fewer.
pub const MAX_HEADERS: usize = 128;

/// The versions of HTTP that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
}

/// The head of a request, whatever it asks for. It borrows from the bytes that arrived.
#[derive(Clone)]
pub struct Request<'a> {
    method: &'a str,
    target: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    version: Version,
    headers: [Header<'a>; MAX_HEADERS],
    header_count: usize,
}

impl<'a> Request<'a> {
    /// Reads a head: exactly the bytes whose end a [`HeadScanner`] found.
    ///
    /// # Errors
    ///
    /// More than `max_headers` headers, or [`MAX_HEADERS`] if that is less; syntax that is wrong or
    /// that others might read differently; a Host that is not what RFC 7230 demands; any sign of a
    /// body.
    pub fn parse(head: &'a [u8], max_headers: usize) -> Result<Self, HandshakeError> {
        // httparse is lenient with line feeds. Nobody who calls this shall be.
        if HeadScanner::new(usize::MAX).scan(head)? != Some(head.len()) {
            return Err(HandshakeError::MalformedRequest);
        }
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let allowed = headers.get_mut(..max_headers.min(MAX_HEADERS));
        let mut parsed = httparse::Request::new(allowed.unwrap_or_default());
        parsed.parse(head).map_err(|error| diagnose(error, head))?;
        let request_line = parsed.method.zip(parsed.path).zip(parsed.version);
        let ((method, target), minor_version) =
            request_line.ok_or(HandshakeError::MalformedRequest)?;
        let header_count = parsed.headers.len();
        let version = match minor_version {
            0 => Version::Http10,
            _ => Version::Http11,
        };
        let (path, query) = split_target(target).ok_or(HandshakeError::InvalidTarget)?;
        let request = Self { method, target, path, query, version, headers, header_count };
        request.judge_host()?;
        request.judge_body()?;
        Ok(request)
    }

    /// The method, such as `GET`.
    pub fn method(&self) -> &'a str {
        self.method
    }

    /// The target as it stands in the request line.
    pub fn target(&self) -> &'a str {
        self.target
    }

    /// The path, without the query. It starts with `/` and is not percent-decoded.
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// What follows the first `?`, if there is one.
    pub fn query(&self) -> Option<&'a str> {
        self.query
    }

    /// The version of HTTP.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The values of all headers of this name, in upper or lower case, in the order in which they
    /// were sent, without white space around them. They may hold bytes that are not ASCII.
    pub fn header_values<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a [u8]> + 's {
        values(self.headers(), name)
    }

    /// Whether the list that is in these headers, one or several, holds a token, in upper or lower
    /// case.
    pub fn header_has_token(&self, name: &str, token: &str) -> bool {
        tokens::contains(self.header_values(name), token)
    }

    /// Whether this asks for a WebSocket, be it rightly or wrongly: then the answer is that of
    /// [`accept`](super::accept), so that a human learns what is missing. A request whose `Upgrade`
    /// a proxy has removed is known by its key.
    pub fn is_websocket_attempt(&self) -> bool {
        self.header_has_token("upgrade", "websocket")
            || self.header_values("sec-websocket-key").next().is_some()
    }

    fn headers(&self) -> &[Header<'a>] {
        self.headers.get(..self.header_count).unwrap_or_default()
    }

    /// RFC 7230, 5.4: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1
    /// request message that lacks a Host header field and to any request message that contains more
    /// than one Host header field or a Host header field with an invalid field-value."
    fn judge_host(&self) -> Result<(), HandshakeError> {
        match only(self.header_values("host")) {
            Err(Repeated) => Err(HandshakeError::RepeatedHost),
            Ok(None) if self.version == Version::Http11 => Err(HandshakeError::MissingHost),
            Ok(Some(host)) if !is_authority(host) => Err(HandshakeError::InvalidHost),
            _ => Ok(()),
        }
    }

    /// RFC 7230, 3.3: "The presence of a message body in a request is signaled by a Content-Length
    /// or Transfer-Encoding header field."
    fn judge_body(&self) -> Result<(), HandshakeError> {
        if self.header_values("transfer-encoding").next().is_some() {
            return Err(HandshakeError::TransferEncoding);
        }
        if self.header_values("content-length").any(|length| length != b"0") {
            return Err(HandshakeError::ContentLength);
        }
        Ok(())
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("target", &self.target)
            .field("version", &self.version)
            .field("headers", &self.headers())
            .finish()
    }
}

/// The values of all headers of this name.
pub(super) fn values<'s, 'a>(
    headers: &'s [Header<'a>],
    name: &'s str,
) -> impl Iterator<Item = &'a [u8]> + 's {
    headers
        .iter()
        .filter(move |header| header.name.eq_ignore_ascii_case(name))
        .map(|header| header.value)
}

/// There is more than one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Repeated;

/// The only value, or none.
pub(super) fn only<'a>(
    mut values: impl Iterator<Item = &'a [u8]>,
) -> Result<Option<&'a [u8]>, Repeated> {
    let first = values.next();
    match values.next() {
        Some(_) => Err(Repeated),
        None => Ok(first),
    }
}

/// Whether this has the form of a host with an optional port: RFC 3986, 3.2.2. Neither user
/// information nor anything that ends an authority may be in it.
pub(super) fn is_authority(bytes: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(byte);
    !bytes.is_empty() && bytes.iter().all(allowed)
}

/// The path and the query of a request target.
fn split_target(target: &str) -> Option<(&str, Option<&str>)> {
    // A fragment stays in the client: RFC 7230, 5.1; and for WebSockets it has no meaning: RFC
    // 6455, 3.
    if target.contains('#') {
        return None;
    }
    let path_and_query = if target.starts_with('/') { target } else { after_authority(target)? };
    let (path, query) = match path_and_query.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path_and_query, None),
    };
    match path {
        // `http://host` asks for the root: RFC 7230, 2.7.3.
        "" => Some(("/", query)),
        path => path.starts_with('/').then_some((path, query)),
    }
}

/// What follows the authority of an absolute http URI. RFC 7230, 5.3.2: "a server MUST accept the
/// absolute-form in requests, even though HTTP/1.1 clients will only send them in requests to
/// proxies."
fn after_authority(target: &str) -> Option<&str> {
    let (scheme, rest) = target.split_once("://")?;
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return None;
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path_and_query) = rest.split_at_checked(end)?;
    is_authority(authority.as_bytes()).then_some(path_and_query)
}

/// What was wrong with a head that httparse refused. Its errors name a class of bytes; a human is
/// helped more by the name of the mistake. This runs for heads that are refused, and only once.
fn diagnose(error: httparse::Error, head: &[u8]) -> HandshakeError {
    match error {
        httparse::Error::TooManyHeaders => HandshakeError::TooManyHeaders,
        httparse::Error::HeaderValue => HandshakeError::InvalidHeaderValue,
        httparse::Error::HeaderName => diagnose_header_name(head),
        httparse::Error::Version if names_a_version(head) => HandshakeError::UnsupportedHttpVersion,
        _ => HandshakeError::MalformedRequest,
    }
}

/// Whether the request line has three parts, the last of which is `HTTP/` and a digit.
fn names_a_version(head: &[u8]) -> bool {
    let line = head.split(|&byte| byte == b'\r').next().unwrap_or_default();
    let mut parts = line.splitn(3, |&byte| byte == b' ').skip(2);
    matches!(parts.next(), Some([b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', ..]))
}

fn diagnose_header_name(head: &[u8]) -> HandshakeError {
    for line in head.split(|&byte| byte == b'\n').skip(1) {
        if let [b' ' | b'\t', ..] = line {
            return HandshakeError::FoldedLine;
        }
        let name = line.split(|&byte| byte == b':').next().unwrap_or_default();
        match name {
            [before @ .., b' ' | b'\t'] if tokens::token(tokens::trim(before)).is_some() => {
                return HandshakeError::SpaceBeforeColon;
            }
            name if tokens::token(name).is_none() => break,
            _ => {}
        }
    }
    HandshakeError::InvalidHeaderName
}

#[cfg(test)]
mod tests {
    use super::*;
    use HandshakeError::*;

    /// A request with these header lines.
    fn head(request_line: &str, lines: &[&str]) -> Vec<u8> {
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        format!("{request_line}\r\n{lines}\r\n").into_bytes()
    }

    fn judged(request_line: &str, lines: &[&str]) -> Result<(), HandshakeError> {
        Request::parse(&head(request_line, lines), 64).map(drop)
    }

    #[test]
    fn a_request_is_read() {
        let head = head(
            "GET /chat/room?name=a?b HTTP/1.1",
            &["Host: [::1]:8888", "X-A: 1", "x-a:\t2 \t", "X-B:", "X-A: \u{fc}"],
        );
        let request = Request::parse(&head, 64).unwrap();
        assert_eq!(request.method(), "GET");
        assert_eq!(request.target(), "/chat/room?name=a?b");
        assert_eq!(request.path(), "/chat/room");
        assert_eq!(request.query(), Some("name=a?b"));
        assert_eq!(request.version(), Version::Http11);
        let values: Vec<_> = request.header_values("x-A").collect();
        assert_eq!(values, [&b"1"[..], b"2", b"\xc3\xbc"]);
        assert_eq!(request.header_values("x-b").next(), Some(&b""[..]));
        assert_eq!(request.header_values("x").next(), None);
        assert!(!request.is_websocket_attempt());
        let told = format!("{request:?}");
        for part in ["GET", "/chat/room?name=a?b", "Http11", "X-A"] {
            assert!(told.contains(part), "{told}");
        }
    }

    #[test]
    fn targets_are_paths_or_http_uris() {
        let split = |target: &str| {
            let head = head(&format!("GET {target} HTTP/1.1"), &["Host: a"]);
            let request = Request::parse(&head, 64).ok()?;
            Some((request.path().to_owned(), request.query().map(str::to_owned)))
        };
        let (path, query) = (|p: &str| p.to_owned(), |q: &str| Some(q.to_owned()));
        assert_eq!(split("/"), Some((path("/"), None)));
        assert_eq!(split("/?"), Some((path("/"), query(""))));
        assert_eq!(split("//a"), Some((path("//a"), None)));
        assert_eq!(split("/http://b/c"), Some((path("/http://b/c"), None)));
        assert_eq!(split("http://b/c?d"), Some((path("/c"), query("d"))));
        assert_eq!(split("HTTPS://b:1/c"), Some((path("/c"), None)));
        assert_eq!(split("http://b"), Some((path("/"), None)));
        assert_eq!(split("http://b?d/e"), Some((path("/"), query("d/e"))));
        let wrong = [
            "*",
            "a",
            "a/b",
            "?a",
            "b:80",
            "ws://b/",
            "ftp://b/",
            "://b/",
            "http:///c",
            "http://",
            "http:/b",
            "http://u@b/",
            "http://b\\c/",
            "/a#b",
            "http://b/#",
        ];
        for wrong in wrong {
            let request_line = format!("GET {wrong} HTTP/1.1");
            assert_eq!(judged(&request_line, &["Host: a"]), Err(InvalidTarget), "{wrong}");
        }
    }

    #[test]
    fn request_lines_and_versions_are_strict() {
        assert_eq!(judged("GET / HTTP/1.0", &[]), Ok(()));
        for version in ["HTTP/1.2", "HTTP/2.0", "HTTP/2", "HTTP/0.9", "HTTP/1"] {
            let request_line = format!("GET / {version}");
            assert_eq!(judged(&request_line, &["Host: a"]), Err(UnsupportedHttpVersion));
        }
        // The first bytes of HTTP/2 with prior knowledge: RFC 9113, 3.4.
        assert_eq!(judged("PRI * HTTP/2.0", &[]), Err(UnsupportedHttpVersion));
        let malformed = [
            "GET",
            "GET /",
            "GET / ",
            "GET  / HTTP/1.1",
            "GET /  HTTP/1.1",
            "GET / HTTP/1.1 ",
            "GET /a b HTTP/1.1",
            "GET / HTTP/1.1x",
            "GET / http/1.1",
            "GET / HTTP/1.1\r",
            "G\u{fc}T / HTTP/1.1",
            "GET\t/ HTTP/1.1",
            "GET / HTTP/1.15",
            "GET /\0 HTTP/1.1",
        ];
        for line in malformed {
            assert_eq!(judged(line, &["Host: a"]), Err(MalformedRequest), "{line:?}");
        }
    }

    #[test]
    fn header_lines_that_others_might_read_differently_are_refused() {
        let cases = [
            ("X: a\r\n b", FoldedLine),
            ("X: a\r\n\tb", FoldedLine),
            (" X: a", FoldedLine),
            ("X : a", SpaceBeforeColon),
            ("X\t: a", SpaceBeforeColon),
            ("X Y: a", InvalidHeaderName),
            ("X Y : a", InvalidHeaderName),
            // Of two mistakes the first is told.
            ("X Y: a\r\n b", InvalidHeaderName),
            ("X Y: a\r\nZ : b", InvalidHeaderName),
            ("X", InvalidHeaderName),
            (": a", InvalidHeaderName),
            ("X\u{fc}: a", InvalidHeaderName),
            ("X: a\0", InvalidHeaderValue),
            ("X: a\rb", InvalidHeaderValue),
            ("X: a\x7f", InvalidHeaderValue),
            ("X: a\nY: b", BareLineFeed),
            ("\rX: a", MalformedRequest),
        ];
        for (lines, error) in cases {
            let first = judged("GET / HTTP/1.1", &[lines, "Host: a"]);
            assert_eq!(first, Err(error), "{lines:?}");
            let last = judged("GET / HTTP/1.1", &["Host: a", lines]);
            assert_eq!(last, Err(error), "{lines:?}");
        }
    }

    #[test]
    fn there_is_one_host_in_http_1_1() {
        let get = "GET / HTTP/1.1";
        for host in ["a", "a.b:80", "127.0.0.1:8888", "[::1]:8888", "xn--mnchen-3ya.de"] {
            assert_eq!(judged(get, &[&format!("Host: {host}")]), Ok(()), "{host}");
        }
        for host in ["", "a b", "a/b", "u@a", "a?b", "a#b", "\u{fc}", "a\\b", "<a>", "a\"b"] {
            let error = judged(get, &[&format!("Host: {host}")]);
            assert_eq!(error, Err(InvalidHost), "{host}");
        }
        assert_eq!(judged(get, &[]), Err(MissingHost));
        assert_eq!(judged(get, &["Host: a", "HOST: a"]), Err(RepeatedHost));
        assert_eq!(judged(get, &["Host: a", "host:"]), Err(RepeatedHost));
        assert_eq!(judged("GET / HTTP/1.0", &["Host: a", "Host: b"]), Err(RepeatedHost));
    }

    #[test]
    fn a_request_with_a_body_is_refused() {
        let judged = |lines: &[&str]| judged("POST / HTTP/1.1", &[&["Host: a"], lines].concat());
        assert_eq!(judged(&["Content-Length: 0"]), Ok(()));
        for length in ["", "1", "00", "+0", "-0", "0, 0", "0,1", "0x0", "99999999999999999999"] {
            let line = format!("Content-Length: {length}");
            assert_eq!(judged(&[&line]), Err(ContentLength), "{length}");
        }
        assert_eq!(judged(&["Content-Length: 0", "content-length: 5"]), Err(ContentLength));
        for coding in ["chunked", "identity", ""] {
            let line = format!("Transfer-Encoding: {coding}");
            assert_eq!(judged(&[&line]), Err(TransferEncoding), "{coding}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes minutes there")]
    fn as_many_headers_as_allowed_and_no_more() {
        for limit in [1, 2, 64, 127, 128, 129, usize::MAX] {
            let most = limit.min(MAX_HEADERS);
            for count in [1, 2, most - 1, most, most + 1, 2000] {
                let mut lines = vec!["Host: a"];
                lines.resize(count.max(1), "X: a");
                let head = head("GET / HTTP/1.1", &lines);
                let judged = Request::parse(&head, limit).map(|_| ());
                let expected = if lines.len() <= most { Ok(()) } else { Err(TooManyHeaders) };
                assert_eq!(judged, expected, "{count} headers, {limit} allowed");
            }
        }
    }

    #[test]
    fn exactly_the_head_is_read() {
        let head = head("GET / HTTP/1.1", &["Host: a"]);
        for end in 0..head.len() {
            assert!(Request::parse(&head[..end], 64).is_err());
        }
        let more = [&head[..], b"x"].concat();
        assert_eq!(Request::parse(&more, 64).map(drop), Err(MalformedRequest));
        let lenient = b"GET / HTTP/1.1\nHost: a\n\n";
        assert_eq!(Request::parse(lenient, 64).map(drop), Err(BareLineFeed));
    }

    #[test]
    fn an_attempt_is_known_by_its_upgrade_or_by_its_key() {
        let is_attempt = |line: &str| {
            let head = head("GET / HTTP/1.1", &["Host: a", line]);
            Request::parse(&head, 64).unwrap().is_websocket_attempt()
        };
        assert!(is_attempt("Upgrade: WebSocket"));
        assert!(is_attempt("upgrade: h2c, websocket"));
        assert!(is_attempt("Sec-WebSocket-Key: anything"));
        assert!(!is_attempt("Upgrade: h2c"));
        assert!(!is_attempt("Connection: Upgrade"));
    }
}
