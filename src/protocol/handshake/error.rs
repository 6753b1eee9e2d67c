//! Every way in which a request can be refused, in one table.
//!
//! Whoever reads the body of such a response is a human who tries to get something to work, so it
//! says what was missing and what to do. Nothing in it comes from the peer.

use std::fmt;

use super::PROTOCOL_VERSION;

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HandshakeError {
    /// The first byte is that of a TLS connection.
    LooksLikeTls,
    /// The first byte cannot start an HTTP message.
    NotHttp,
    /// A line that ends in LF without CR.
    BareLineFeed,
    /// A head over the limit.
    HeadTooLarge,
    /// More headers than the limit.
    TooManyHeaders,
    /// The head was not complete in time.
    TimedOut,
    /// A request line that cannot be read, or a CR that is not followed by LF.
    MalformedRequest,
    /// An HTTP version other than 1.0 and 1.1.
    UnsupportedHttpVersion,
    /// A request target that is neither a path nor an http URI.
    InvalidTarget,
    /// A header that continues on the next line.
    FoldedLine,
    /// White space between a header's name and its colon.
    SpaceBeforeColon,
    /// A header whose name is not a token, or without a colon.
    InvalidHeaderName,
    /// A header whose value holds a control character.
    InvalidHeaderValue,
    /// HTTP/1.1 without Host.
    MissingHost,
    /// More than one Host.
    RepeatedHost,
    /// A Host that is empty, or is not a host and a port.
    InvalidHost,
    /// Transfer-Encoding: a body follows.
    TransferEncoding,
    /// A Content-Length other than 0: a body follows.
    ContentLength,
    /// A method other than GET.
    MethodNotGet,
    /// The handshake over HTTP/1.0.
    HttpVersionTooLow,
    /// No `Upgrade: websocket`.
    MissingUpgrade,
    /// No `Connection: Upgrade`.
    MissingConnection,
    /// No Sec-WebSocket-Version.
    MissingVersion,
    /// A Sec-WebSocket-Version other than 13, or more than one.
    UnsupportedVersion,
    /// No Sec-WebSocket-Key.
    MissingKey,
    /// More than one Sec-WebSocket-Key.
    RepeatedKey,
    /// A Sec-WebSocket-Key that is not the base64 of 16 bytes.
    InvalidKey,
    /// A Sec-WebSocket-Protocol that is not a list of tokens.
    MalformedSubprotocols,
    /// A subprotocol that is offered twice.
    RepeatedSubprotocol,
    /// A Sec-WebSocket-Extensions that breaks the grammar.
    MalformedExtensions,
    /// No Origin, where the server has a list of those it serves.
    MissingOrigin,
    /// More than one Origin, where the server has a list.
    RepeatedOrigin,
    /// An Origin that is not on the server's list.
    OriginNotAllowed,
}

/// What the table says of one error.
struct Rule {
    status: u16,
    /// The rule that was broken, or that allows the refusal.
    section: &'static str,
    /// What was wrong.
    sentence: &'static str,
    /// What to do about it.
    advice: &'static str,
}

impl HandshakeError {
    /// Every error, in the order of the table.
    pub const ALL: [Self; 33] = [
        Self::LooksLikeTls,
        Self::NotHttp,
        Self::BareLineFeed,
        Self::HeadTooLarge,
        Self::TooManyHeaders,
        Self::TimedOut,
        Self::MalformedRequest,
        Self::UnsupportedHttpVersion,
        Self::InvalidTarget,
        Self::FoldedLine,
        Self::SpaceBeforeColon,
        Self::InvalidHeaderName,
        Self::InvalidHeaderValue,
        Self::MissingHost,
        Self::RepeatedHost,
        Self::InvalidHost,
        Self::TransferEncoding,
        Self::ContentLength,
        Self::MethodNotGet,
        Self::HttpVersionTooLow,
        Self::MissingUpgrade,
        Self::MissingConnection,
        Self::MissingVersion,
        Self::UnsupportedVersion,
        Self::MissingKey,
        Self::RepeatedKey,
        Self::InvalidKey,
        Self::MalformedSubprotocols,
        Self::RepeatedSubprotocol,
        Self::MalformedExtensions,
        Self::MissingOrigin,
        Self::RepeatedOrigin,
        Self::OriginNotAllowed,
    ];

    /// The HTTP status of the response.
    pub const fn status(self) -> u16 {
        self.rule().status
    }

    /// The reason phrase that belongs to the status.
    pub const fn reason(self) -> &'static str {
        match self.status() {
            403 => "Forbidden",
            405 => "Method Not Allowed",
            408 => "Request Timeout",
            426 => "Upgrade Required",
            431 => "Request Header Fields Too Large",
            505 => "HTTP Version Not Supported",
            _ => "Bad Request",
        }
    }

    /// What was wrong, in half a sentence.
    pub const fn sentence(self) -> &'static str {
        self.rule().sentence
    }

    /// What to do about it.
    pub const fn advice(self) -> &'static str {
        self.rule().advice
    }

    /// The rule that was broken, or that allows the refusal, such as `RFC 6455, 4.2.1`.
    pub const fn section(self) -> &'static str {
        self.rule().section
    }

    /// The headers that this response has beyond those of every error.
    pub const fn extra_headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            // RFC 7231, 6.5.5: "The origin server MUST generate an Allow header field in a 405
            // response".
            Self::MethodNotGet => &[("Allow", "GET")],
            // RFC 7231, 6.5.15: "The server MUST send an Upgrade header field in a 426 response to
            // indicate the required protocol(s)".
            Self::MissingUpgrade => &[("Upgrade", "websocket")],
            // 4.4: "it MUST respond with a |Sec-WebSocket-Version| header field [...] containing
            // all versions it is willing to use."
            Self::MissingVersion | Self::UnsupportedVersion => {
                &[("Upgrade", "websocket"), ("Sec-WebSocket-Version", PROTOCOL_VERSION)]
            }
            _ => &[],
        }
    }

    /// Plain text for a human: what was wrong, what to do, and where the rule stands.
    pub fn body(self) -> String {
        let (status, reason) = (self.status(), self.reason());
        let Rule { section, sentence, advice, .. } = self.rule();
        format!("{status} {reason}: {sentence}.\n\n{advice}\n\n({section})\n")
    }

    /// Appends the whole response. The connection is to be closed after it.
    pub fn write_response(self, out: &mut Vec<u8>) {
        let body = self.body();
        let extra = self.extra_headers();
        // RFC 7230, 6.7: "A sender of Upgrade MUST also send an "Upgrade" connection option in the
        // Connection header field".
        let connection = if extra.iter().any(|(name, _)| *name == "Upgrade") {
            "close, Upgrade"
        } else {
            "close"
        };
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status(), self.reason());
        let length = body.len().to_string();
        let headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", length.as_str()),
            ("Connection", connection),
            // No browser shall take this text for anything else.
            ("X-Content-Type-Options", "nosniff"),
        ];
        for (name, value) in headers.iter().chain(extra) {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.push_str("\r\n");
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(body.as_bytes());
    }

    /// The table.
    const fn rule(self) -> Rule {
        let (status, section, sentence, advice) =
            match (self.row_of_the_start(), self.row_of_a_header(), self.row_of_the_upgrade()) {
                (Some(row), _, _) | (_, Some(row), _) | (_, _, Some(row)) => row,
                _ => self.row_of_an_offer(),
            };
        Rule { status, section, sentence, advice }
    }

    /// What is wrong with the bytes or with the request line, whatever is asked for.
    const fn row_of_the_start(self) -> Option<Row> {
        Some(match self {
            Self::LooksLikeTls => (
                400,
                "RFC 6455, 3",
                "this looks like TLS; this port speaks plain HTTP",
                "Use http:// and ws:// instead of https:// and wss://, or put a proxy that speaks \
                 TLS in front of this server.",
            ),
            Self::NotHttp => (
                400,
                "RFC 7230, 3.1.1",
                "this is not HTTP",
                "The first line that this server reads is a request line, such as \
                 `GET /path HTTP/1.1`.",
            ),
            Self::BareLineFeed => (
                400,
                "RFC 7230, 3",
                "a line of the request ends in LF without CR",
                "Each line of the head must end in CR LF, the two bytes 0D 0A.",
            ),
            Self::HeadTooLarge => (
                431,
                "RFC 6585, 5",
                "the head of the request is longer than this server reads",
                "The request line and the headers count together. Cookies are a common cause.",
            ),
            Self::TooManyHeaders => (
                431,
                "RFC 6585, 5",
                "the request has more headers than this server reads",
                "Send those that the request needs.",
            ),
            Self::TimedOut => (
                408,
                "RFC 7231, 6.5.7",
                "the head of the request was not complete in time",
                "It ends with an empty line; until that has arrived, this server waits. Perhaps \
                 the last CR LF is missing.",
            ),
            Self::MalformedRequest => (
                400,
                "RFC 7230, 3.1.1",
                "the request line cannot be read, or a CR is not followed by LF",
                "The first line must be `GET /path HTTP/1.1`, with one space between its parts \
                 and none in the path; each line must end in CR LF.",
            ),
            Self::UnsupportedHttpVersion => (
                505,
                "RFC 7231, 6.6.6",
                "this server speaks HTTP/1.1",
                "The first line must end in `HTTP/1.1`. HTTP/2 is not spoken here, not even with \
                 prior knowledge.",
            ),
            Self::InvalidTarget => (
                400,
                "RFC 7230, 5.3",
                "the target of the request is neither a path that starts with / nor an http URI",
                "The first line must be `GET /path HTTP/1.1`. A target has no `#fragment`.",
            ),
            _ => return None,
        })
    }

    /// What is wrong with a header, whatever is asked for.
    const fn row_of_a_header(self) -> Option<Row> {
        Some(match self {
            Self::FoldedLine => (
                400,
                "RFC 7230, 3.2.4",
                "a header continues on the next line",
                "Write each header on one line, with no space or tab in front of its name.",
            ),
            Self::SpaceBeforeColon => (
                400,
                "RFC 7230, 3.2.4",
                "there is white space between the name of a header and its colon",
                "Write `Name: value`.",
            ),
            Self::InvalidHeaderName => (
                400,
                "RFC 7230, 3.2",
                "a line of the head is not a header, or the name of a header is not a token",
                "Write `Name: value`; a name has letters, digits and hyphens.",
            ),
            Self::InvalidHeaderValue => (
                400,
                "RFC 7230, 3.2",
                "the value of a header holds a control character",
                "A value is one line of visible characters, spaces and tabs.",
            ),
            Self::MissingHost => (
                400,
                "RFC 7230, 5.4",
                "there is no Host header",
                "HTTP/1.1 needs one, with the name and port from the URL: \
                 `Host: example.com:8888`.",
            ),
            Self::RepeatedHost => (
                400,
                "RFC 7230, 5.4",
                "there is more than one Host header",
                "Send one, with the name and port from the URL.",
            ),
            Self::InvalidHost => (
                400,
                "RFC 7230, 5.4",
                "the Host header is not a name or address with an optional port",
                "Send one such as `Host: example.com:8888`.",
            ),
            Self::TransferEncoding => (
                400,
                "RFC 7230, 3.3.3",
                "there is a Transfer-Encoding header, and this server reads no bodies",
                "Send the request without a body. A WebSocket handshake has none.",
            ),
            Self::ContentLength => (
                400,
                "RFC 7230, 3.3.3",
                "there is a Content-Length header, and this server reads no bodies",
                "Send the request without a body. A WebSocket handshake has none.",
            ),
            _ => return None,
        })
    }

    /// What is wrong with a request for a WebSocket.
    const fn row_of_the_upgrade(self) -> Option<Row> {
        Some(match self {
            Self::MethodNotGet => (
                405,
                "RFC 6455, 4.2.1, item 1",
                "a WebSocket is asked for with GET",
                "The first line must be `GET /path HTTP/1.1`.",
            ),
            Self::HttpVersionTooLow => (
                400,
                "RFC 6455, 4.2.1, item 1",
                "a WebSocket is asked for with HTTP/1.1, and this request is HTTP/1.0",
                "If a reverse proxy is in between, it must speak HTTP/1.1 to this server (nginx: \
                 `proxy_http_version 1.1;`).",
            ),
            Self::MissingUpgrade => (
                426,
                "RFC 6455, 4.2.1, item 3",
                "this address speaks WebSocket, and there is no `Upgrade: websocket` header",
                "Connect with a WebSocket client, such as `new WebSocket(\"ws://...\")` in a page. \
                 If you did, a reverse proxy may have removed the header: Upgrade is meant for \
                 the next hop only, so a proxy must be told to pass on `Upgrade: websocket` and \
                 `Connection: Upgrade` (nginx: `proxy_set_header Upgrade $http_upgrade;` and \
                 `proxy_set_header Connection \"upgrade\";`).",
            ),
            Self::MissingConnection => (
                400,
                "RFC 6455, 4.2.1, item 4",
                "the Connection header does not list the token `Upgrade`",
                "Send `Connection: Upgrade`. If a reverse proxy is in between, it must pass that \
                 on (nginx: `proxy_set_header Connection \"upgrade\";`).",
            ),
            Self::MissingVersion => (
                426,
                "RFC 6455, 4.2.1, item 6",
                "there is no Sec-WebSocket-Version header",
                "Send `Sec-WebSocket-Version: 13`.",
            ),
            Self::UnsupportedVersion => (
                426,
                "RFC 6455, 4.4",
                "the Sec-WebSocket-Version is not 13, or there is more than one",
                "Send `Sec-WebSocket-Version: 13`, once.",
            ),
            Self::MissingKey => (
                400,
                "RFC 6455, 4.2.1, item 5",
                "there is no Sec-WebSocket-Key header",
                "Send one: 16 random bytes, new for each connection, in base64.",
            ),
            Self::RepeatedKey => (
                400,
                "RFC 6455, 11.3.1",
                "there is more than one Sec-WebSocket-Key header",
                "Send one: 16 random bytes, new for each connection, in base64.",
            ),
            Self::InvalidKey => (
                400,
                "RFC 6455, 4.2.1, item 5",
                "the Sec-WebSocket-Key is not the base64 of 16 bytes",
                "It has 24 characters, of which the last two are `==`, such as \
                 `dGhlIHNhbXBsZSBub25jZQ==`.",
            ),
            _ => return None,
        })
    }

    /// What is wrong with what a client offers, or with where it comes from.
    const fn row_of_an_offer(self) -> Row {
        match self {
            Self::MalformedSubprotocols => (
                400,
                "RFC 6455, 4.1, item 10",
                "the Sec-WebSocket-Protocol header is not a list of tokens",
                "Send names with commas between them, or leave the header out.",
            ),
            Self::RepeatedSubprotocol => (
                400,
                "RFC 6455, 4.1, item 10",
                "the Sec-WebSocket-Protocol header lists a name more than once",
                "Send each name once.",
            ),
            Self::MalformedExtensions => (
                400,
                "RFC 6455, 9.1",
                "the Sec-WebSocket-Extensions header cannot be read",
                "Send offers such as `permessage-deflate; client_max_window_bits` with commas \
                 between them, or leave the header out.",
            ),
            Self::MissingOrigin => (
                403,
                "RFC 6455, 10.2",
                "there is no Origin header, and this server serves certain origins only",
                "Browsers send it. Another client must send one that this server was told to \
                 allow.",
            ),
            Self::RepeatedOrigin => {
                (403, "RFC 6455, 10.2", "there is more than one Origin header", "Send one.")
            }
            _ => (
                403,
                "RFC 6455, 10.2",
                "this server does not serve pages from the origin in the Origin header",
                "If the page is yours, tell the server to allow its origin, exactly as the \
                 browser sends it: scheme, host, and the port if it is not the default, such as \
                 `https://example.com`.",
            ),
        }
    }
}

/// Status, section, sentence, advice.
type Row = (u16, &'static str, &'static str, &'static str);

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = self.rule();
        write!(f, "{} ({}; {})", rule.sentence, rule.section, rule.status)
    }
}

impl std::error::Error for HandshakeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_complete_and_each_error_says_something_of_its_own() {
        for (index, error) in HandshakeError::ALL.into_iter().enumerate() {
            assert_eq!(error as usize, index, "{error:?} is out of order");
            assert!(matches!(error.status(), 400..=431 | 505));
            assert_eq!(error.reason() == "Bad Request", error.status() == 400, "{error:?}");
            let told = format!("\n\n{}\n\n({})\n", error.advice(), error.section());
            assert!(error.body().ends_with(&told), "{error:?}");
            let twins = HandshakeError::ALL.into_iter();
            let twins = twins.filter(|other| other.sentence() == error.sentence());
            assert_eq!(twins.count(), 1, "{error:?} shares its sentence");
        }
        assert_eq!(HandshakeError::OriginNotAllowed as usize, HandshakeError::ALL.len() - 1);
    }

    #[test]
    fn an_error_is_told_with_the_rule_that_was_broken() {
        let told = HandshakeError::MissingHost.to_string();
        assert_eq!(told, "there is no Host header (RFC 7230, 5.4; 400)");
    }

    #[test]
    fn a_response_is_complete_and_the_connection_ends_with_it() {
        let mut out = Vec::new();
        HandshakeError::MissingHost.write_response(&mut out);
        let body = HandshakeError::MissingHost.body();
        let expected = format!(
            "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Length: {}\r\nConnection: close\r\n\
             X-Content-Type-Options: nosniff\r\n\r\n{body}",
            body.len()
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        assert!(body.starts_with("400 Bad Request: there is no Host header.\n\n"));
        assert!(body.ends_with("\n\n(RFC 7230, 5.4)\n"));
    }

    #[test]
    fn a_426_names_the_protocol_and_its_version() {
        for error in HandshakeError::ALL.into_iter().filter(|e| e.status() == 426) {
            let mut out = Vec::new();
            error.write_response(&mut out);
            let response = String::from_utf8(out).unwrap();
            assert!(response.contains("\r\nUpgrade: websocket\r\n"), "{response}");
            assert!(response.contains("\r\nConnection: close, Upgrade\r\n"), "{response}");
            let has_version = response.contains("\r\nSec-WebSocket-Version: 13\r\n");
            assert_eq!(has_version, error != HandshakeError::MissingUpgrade);
        }
    }
}
