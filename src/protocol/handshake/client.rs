//! The client's part of the handshake: RFC 6455, 4.1.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use httparse::{EMPTY_HEADER, Header};

use super::extensions::{self, Agreed, PERMESSAGE_DEFLATE};
use super::head::HeadScanner;
use super::request::{MAX_HEADERS, Repeated, is_authority, only, values};
use super::{PROTOCOL_VERSION, accept_key, tokens};

/// A request for a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRequest {
    /// The value of Host: name or address, and the port if it is not the default.
    pub host: String,
    /// Path and query; it starts with `/`.
    pub path: String,
    /// 4.1, item 7: "a nonce consisting of a randomly selected 16-byte value [...]. The nonce MUST
    /// be selected randomly for each connection."
    pub key: [u8; 16],
    /// The subprotocols to offer, the one liked best first.
    pub subprotocols: Vec<String>,
    /// Whether to offer permessage-deflate.
    pub deflate: bool,
    /// The value of Origin, if the client runs scripts of an origin.
    pub origin: Option<String>,
    /// Names and values of other headers, such as `Cookie`.
    pub headers: Vec<(String, String)>,
}

/// A field of a [`ClientRequest`] that cannot be sent. The mistake is the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientRequestError {
    /// The host is empty, or is not a host and a port.
    InvalidHost,
    /// The path does not start with `/`, or holds what must be percent-encoded.
    InvalidPath,
    /// A subprotocol that is not a token.
    InvalidSubprotocol,
    /// A subprotocol that is offered twice.
    RepeatedSubprotocol,
    /// The origin holds white space or control characters.
    InvalidOrigin,
    /// The name of a header is not a token.
    InvalidHeaderName,
    /// The value of a header holds a control character, such as a line break.
    InvalidHeaderValue,
    /// A header that the handshake itself sends, or that announces a body.
    ReservedHeader,
}

/// What the server agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Established {
    /// The subprotocol that will be spoken: one of [`ClientRequest::subprotocols`].
    pub subprotocol: Option<String>,
    /// The extensions that will be used.
    pub extensions: Agreed,
}

/// Why a response does not open a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientHandshakeError {
    /// The response is not HTTP.
    MalformedResponse,
    /// The response has more than [`MAX_HEADERS`] headers.
    TooManyHeaders,
    /// The status is another than 101.
    Status(u16),
    /// The response is not HTTP/1.1.
    HttpVersion,
    /// The Upgrade is not `websocket`.
    Upgrade,
    /// The Connection does not list `Upgrade`.
    Connection,
    /// There is no Sec-WebSocket-Accept, or more than one, or it does not answer the key.
    Accept,
    /// An extension that was not asked for.
    Extension,
    /// A subprotocol that was not asked for, or more than one.
    Subprotocol,
}

impl ClientRequest {
    /// A request with no more than what is needed. The caller brings the random bytes of the key.
    pub fn new(host: impl Into<String>, path: impl Into<String>, key: [u8; 16]) -> Self {
        Self {
            host: host.into(),
            path: path.into(),
            key,
            subprotocols: Vec::new(),
            deflate: false,
            origin: None,
            headers: Vec::new(),
        }
    }

    /// Appends the whole request.
    ///
    /// # Errors
    ///
    /// The first field that cannot be sent; then nothing is appended.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), ClientRequestError> {
        self.judge()?;
        let mut line = |parts: &[&str]| {
            for part in parts {
                out.extend_from_slice(part.as_bytes());
            }
            out.extend_from_slice(b"\r\n");
        };
        line(&["GET ", &self.path, " HTTP/1.1"]);
        line(&["Host: ", &self.host]);
        line(&["Upgrade: websocket"]);
        line(&["Connection: Upgrade"]);
        line(&["Sec-WebSocket-Key: ", &self.encoded_key()]);
        line(&["Sec-WebSocket-Version: ", PROTOCOL_VERSION]);
        if !self.subprotocols.is_empty() {
            line(&["Sec-WebSocket-Protocol: ", &self.subprotocols.join(", ")]);
        }
        if self.deflate {
            // RFC 7692, 7.1.2.2: without a value, to say that the server may limit our window.
            let offer = [PERMESSAGE_DEFLATE, "; client_max_window_bits"].concat();
            line(&["Sec-WebSocket-Extensions: ", &offer]);
        }
        if let Some(origin) = &self.origin {
            line(&["Origin: ", origin]);
        }
        for (name, value) in &self.headers {
            line(&[name, ": ", value]);
        }
        line(&[]);
        Ok(())
    }

    /// Judges the response to this request: the bytes whose end a [`HeadScanner`] found.
    ///
    /// # Errors
    ///
    /// Why the client "MUST _Fail the WebSocket Connection_", or that the answer is not 101.
    pub fn verify(&self, head: &[u8]) -> Result<Established, ClientHandshakeError> {
        if HeadScanner::new(usize::MAX).scan(head) != Ok(Some(head.len())) {
            return Err(ClientHandshakeError::MalformedResponse);
        }
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        response.parse(head).map_err(|error| match error {
            httparse::Error::TooManyHeaders => ClientHandshakeError::TooManyHeaders,
            _ => ClientHandshakeError::MalformedResponse,
        })?;
        let status = response.code.ok_or(ClientHandshakeError::MalformedResponse)?;
        if status != 101 {
            return Err(ClientHandshakeError::Status(status));
        }
        // 4.2.2: "A Status-Line with a 101 response code as per RFC 2616"; HTTP/1.0 has no 101.
        if response.version != Some(1) {
            return Err(ClientHandshakeError::HttpVersion);
        }
        self.judge_headers(response.headers)?;
        let subprotocol = self.chosen_subprotocol(response.headers)?;
        let extensions = self.agreed_extensions(response.headers)?;
        Ok(Established { subprotocol, extensions })
    }

    /// The items 2 to 4 of what 4.1 has the client validate.
    fn judge_headers(&self, headers: &[Header<'_>]) -> Result<(), ClientHandshakeError> {
        // "If the response lacks an |Upgrade| header field or the |Upgrade| header field contains a
        // value that is not an ASCII case-insensitive match for the value "websocket""
        match only(values(headers, "upgrade")) {
            Ok(Some(value)) if value.eq_ignore_ascii_case(b"websocket") => {}
            _ => return Err(ClientHandshakeError::Upgrade),
        }
        // "If the response lacks a |Connection| header field or the |Connection| header field
        // doesn't contain a token that is an ASCII case-insensitive match for the value "Upgrade""
        if !tokens::contains(values(headers, "connection"), "upgrade") {
            return Err(ClientHandshakeError::Connection);
        }
        // "If the response lacks a |Sec-WebSocket-Accept| header field or the
        // |Sec-WebSocket-Accept| contains a value other than the base64-encoded SHA-1 [...]"
        let expected = accept_key(&self.encoded_key());
        match only(values(headers, "sec-websocket-accept")) {
            Ok(Some(value)) if value == expected.as_bytes() => {}
            _ => return Err(ClientHandshakeError::Accept),
        }
        Ok(())
    }

    /// "If the response includes a |Sec-WebSocket-Extensions| header field and this header field
    /// indicates the use of an extension that was not present in the client's handshake"
    fn agreed_extensions(&self, headers: &[Header<'_>]) -> Result<Agreed, ClientHandshakeError> {
        let named = values(headers, "sec-websocket-extensions");
        if !self.deflate {
            return match tokens::elements(named).next() {
                Some(_) => Err(ClientHandshakeError::Extension),
                None => Ok(Agreed::default()),
            };
        }
        let named = extensions::parse(named).map_err(|_| ClientHandshakeError::Extension)?;
        extensions::read_response(&named).map_err(|_| ClientHandshakeError::Extension)
    }

    /// Item 6: "If the response includes a |Sec-WebSocket-Protocol| header field and this header
    /// field indicates the use of a subprotocol that was not present in the client's handshake".
    fn chosen_subprotocol(
        &self,
        headers: &[Header<'_>],
    ) -> Result<Option<String>, ClientHandshakeError> {
        // 11.3.4: the header "MUST NOT appear more than once in an HTTP response."
        let chosen = match only(values(headers, "sec-websocket-protocol")) {
            Ok(None) => return Ok(None),
            Ok(Some(chosen)) => chosen,
            Err(Repeated) => return Err(ClientHandshakeError::Subprotocol),
        };
        let mut asked_for = self.subprotocols.iter();
        let chosen = asked_for.find(|own| own.as_bytes() == chosen);
        chosen.map(|own| Some(own.clone())).ok_or(ClientHandshakeError::Subprotocol)
    }

    fn encoded_key(&self) -> String {
        BASE64_STANDARD.encode(self.key)
    }

    /// What a caller's strings must not do is to end a line and begin another.
    fn judge(&self) -> Result<(), ClientRequestError> {
        if !is_authority(self.host.as_bytes()) {
            return Err(ClientRequestError::InvalidHost);
        }
        // 3: "Fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT be
        // used on these URIs."
        let is_path = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        if !self.path.starts_with('/') || !self.path.bytes().all(is_path) {
            return Err(ClientRequestError::InvalidPath);
        }
        for (index, name) in self.subprotocols.iter().enumerate() {
            if tokens::token(name.as_bytes()).is_none() {
                return Err(ClientRequestError::InvalidSubprotocol);
            }
            if self.subprotocols.iter().take(index).any(|before| before == name) {
                return Err(ClientRequestError::RepeatedSubprotocol);
            }
        }
        let origin = self.origin.as_deref().unwrap_or("null");
        if origin.is_empty() || !origin.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ClientRequestError::InvalidOrigin);
        }
        self.headers.iter().try_for_each(|(name, value)| judge_header(name, value))
    }
}

fn judge_header(name: &str, value: &str) -> Result<(), ClientRequestError> {
    const RESERVED: [&str; 6] =
        ["host", "upgrade", "connection", "origin", "content-length", "transfer-encoding"];
    if tokens::token(name.as_bytes()).is_none() {
        return Err(ClientRequestError::InvalidHeaderName);
    }
    let name = name.to_ascii_lowercase();
    if RESERVED.contains(&name.as_str()) || name.starts_with("sec-websocket-") {
        return Err(ClientRequestError::ReservedHeader);
    }
    if value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
        return Err(ClientRequestError::InvalidHeaderValue);
    }
    Ok(())
}

impl fmt::Display for ClientRequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidHost => "the host is not a name or address with an optional port",
            Self::InvalidPath => "the path does not start with /, or must be percent-encoded",
            Self::InvalidSubprotocol => "a subprotocol is not a token",
            Self::RepeatedSubprotocol => "a subprotocol is offered twice",
            Self::InvalidOrigin => "the origin holds white space or is not ASCII",
            Self::InvalidHeaderName => "the name of a header is not a token",
            Self::InvalidHeaderValue => "the value of a header holds a control character",
            Self::ReservedHeader => "a header that the handshake itself sends, or that it must not",
        })
    }
}

impl std::error::Error for ClientRequestError {}

impl fmt::Display for ClientHandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentence = match self {
            Self::MalformedResponse => "the response is not HTTP",
            Self::TooManyHeaders => "the response has too many headers",
            Self::Status(status) => {
                return write!(f, "the status is {status}, not 101 (RFC 6455, 4.1)");
            }
            Self::HttpVersion => "the response is not HTTP/1.1",
            Self::Upgrade => "the Upgrade header is not `websocket`",
            Self::Connection => "the Connection header does not list `Upgrade`",
            Self::Accept => "the Sec-WebSocket-Accept header does not answer the key",
            Self::Extension => "the server uses an extension that was not asked for",
            Self::Subprotocol => "the server speaks a subprotocol that was not asked for",
        };
        write!(f, "{sentence} (RFC 6455, 4.1)")
    }
}

impl std::error::Error for ClientHandshakeError {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::protocol::deflate::{DeflateMode, DeflateParameters};
    use crate::protocol::handshake::{Request, ServerOptions, accept};

    /// The request of the example of RFC 6455, 1.3.
    fn example() -> ClientRequest {
        ClientRequest {
            subprotocols: vec!["chat".to_owned(), "superchat".to_owned()],
            origin: Some("http://example.com".to_owned()),
            ..ClientRequest::new("server.example.com", "/chat", *b"the sample nonce")
        }
    }

    const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
        Sec-WebSocket-Protocol: chat\r\n\r\n";

    /// The verdict on the example's response in which one text is replaced by another.
    fn verify(from: &str, to: &str) -> Result<Established, ClientHandshakeError> {
        assert!(RESPONSE.contains(from));
        example().verify(RESPONSE.replace(from, to).as_bytes())
    }

    #[test]
    fn the_example_of_the_rfc_is_written_and_its_answer_accepted() {
        let mut out = Vec::new();
        example().write(&mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat, superchat\r\n\
             Origin: http://example.com\r\n\r\n"
        );
        let established = example().verify(RESPONSE.as_bytes()).unwrap();
        assert_eq!(established.subprotocol.as_deref(), Some("chat"));
    }

    #[test]
    fn our_client_and_our_server_understand_each_other() {
        let mut request = example();
        request.headers.push(("Cookie".to_owned(), "a=b; c=\u{fc}".to_owned()));
        let mut head = Vec::new();
        request.write(&mut head).unwrap();
        let ours = ["superchat".to_owned()];
        let options = ServerOptions { subprotocols: &ours, ..ServerOptions::default() };
        let mut response = Vec::new();
        let accepted = accept(&Request::parse(&head, 64).unwrap(), &options).unwrap();
        accepted.write_response(&mut response);
        let established = request.verify(&response).unwrap();
        assert_eq!(established.subprotocol.as_deref(), Some("superchat"));
    }

    #[test]
    fn permessage_deflate_is_used_if_it_was_offered_and_agreed_to() {
        let request = ClientRequest { deflate: true, ..example() };
        let mut head = Vec::new();
        request.write(&mut head).unwrap();
        let offer = "\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
        assert!(str::from_utf8(&head).unwrap().contains(offer));
        for (mode, agreed) in
            [(DeflateMode::Off, None), (DeflateMode::Takeover, Some(DeflateParameters::default()))]
        {
            let options = ServerOptions { deflate: mode, ..ServerOptions::default() };
            let accepted = accept(&Request::parse(&head, 64).unwrap(), &options).unwrap();
            let mut response = Vec::new();
            accepted.write_response(&mut response);
            let established = request.verify(&response).unwrap();
            assert_eq!(established.extensions.deflate(), agreed);
            assert_eq!(established.extensions, accepted.extensions);
        }
        let wrong = ["x-unknown", "permessage-deflate; unknown", "permessage-deflate;", ","];
        for wrong in wrong {
            let line = format!("\r\nSec-WebSocket-Extensions: {wrong}\r\n\r\n");
            let judged = request.verify(RESPONSE.replace("\r\n\r\n", &line).as_bytes());
            assert_eq!(judged, Err(ClientHandshakeError::Extension), "{wrong}");
        }
    }

    #[test]
    fn each_mistake_is_told_in_a_sentence_of_its_own() {
        use ClientHandshakeError::*;
        use ClientRequestError::*;
        let told = [
            MalformedResponse,
            TooManyHeaders,
            Status(404),
            HttpVersion,
            Upgrade,
            Connection,
            Accept,
            Extension,
            Subprotocol,
        ]
        .map(|error| error.to_string());
        assert_eq!(told[2], "the status is 404, not 101 (RFC 6455, 4.1)");
        assert!(told.iter().all(|sentence| sentence.ends_with(" (RFC 6455, 4.1)")));
        let ours = [
            InvalidHost,
            InvalidPath,
            InvalidSubprotocol,
            RepeatedSubprotocol,
            InvalidOrigin,
            InvalidHeaderName,
            InvalidHeaderValue,
            ReservedHeader,
        ]
        .map(|error| error.to_string());
        let distinct: BTreeSet<_> = told.iter().chain(&ours).collect();
        assert_eq!(distinct.len(), told.len() + ours.len());
        assert!(
            distinct
                .iter()
                .all(|sentence| sentence.starts_with("the ") || sentence.starts_with("a "))
        );
    }

    #[test]
    fn what_a_response_may_say_differently() {
        assert!(verify("Switching Protocols", "Whatever").is_ok());
        assert!(verify("Upgrade: websocket", "UPGRADE:WebSocket").is_ok());
        assert!(verify("Connection: Upgrade", "Connection: keep-alive, upgrade").is_ok());
        assert!(verify("\r\n\r\n", "\r\nSec-WebSocket-Extensions:\r\n\r\n").is_ok());
        let none = verify("Sec-WebSocket-Protocol: chat\r\n", "").unwrap();
        assert_eq!(none.subprotocol, None);
    }

    #[test]
    fn each_wrong_response_is_refused() {
        use ClientHandshakeError::*;
        let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
        let cases = [
            ("101", "200", Status(200)),
            ("101", "426", Status(426)),
            ("101", "1o1", MalformedResponse),
            ("HTTP/1.1", "HTTP/1.0", HttpVersion),
            ("HTTP/1.1", "HTTP/2", MalformedResponse),
            ("Connection: Upgrade\r\n", "Connection: Upgrade\n", MalformedResponse),
            ("Connection: Upgrade", "Connection : Upgrade", MalformedResponse),
            ("Upgrade: websocket\r\n", "", Upgrade),
            ("Upgrade: websocket", "Upgrade: websockets", Upgrade),
            ("Upgrade: websocket", "Upgrade: websocket, h2c", Upgrade),
            ("Upgrade: websocket", "Upgrade: websocket\r\nUpgrade: h2c", Upgrade),
            ("Connection: Upgrade\r\n", "", Connection),
            ("Connection: Upgrade", "Connection: close", Connection),
            (accept, "", Accept),
            ("s3pP", "S3pP", Accept),
            ("xOo=", "xOo", Accept),
            (accept, &accept.repeat(2), Accept),
            ("Protocol: chat", "Extensions: permessage-deflate", Extension),
            ("Protocol: chat", "Protocol: mqtt", Subprotocol),
            ("Protocol: chat", "Protocol: Chat", Subprotocol),
            ("Protocol: chat", "Protocol: chat, superchat", Subprotocol),
            ("Protocol: chat", "Protocol:", Subprotocol),
            ("\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat\r\n\r\n", Subprotocol),
            ("\r\n\r\n", "\r\n\r\nx", MalformedResponse),
            ("\r\n\r\n", "\r\n", MalformedResponse),
        ];
        for (from, to, error) in cases {
            assert_eq!(verify(from, to), Err(error), "{to:?} for {from:?}");
        }
        let many = format!("\r\n{}\r\n", "X: a\r\n".repeat(MAX_HEADERS));
        assert_eq!(verify("\r\n\r\n", &many), Err(TooManyHeaders));
    }

    #[test]
    fn nothing_that_could_end_a_line_is_sent() {
        use ClientRequestError::*;
        let judged = |change: &dyn Fn(&mut ClientRequest)| {
            let mut request = example();
            change(&mut request);
            let mut out = Vec::new();
            let judged = request.write(&mut out);
            assert_eq!(judged.is_err(), out.is_empty());
            judged
        };
        for bad in ["a\r\nX: b", "a\nb", "a\rb", "a\0b", "a\u{7f}b"] {
            let bad = bad.to_owned();
            assert_eq!(judged(&|r| r.host = bad.clone()), Err(InvalidHost));
            assert_eq!(judged(&|r| r.path = format!("/{bad}")), Err(InvalidPath));
            assert_eq!(judged(&|r| r.subprotocols.push(bad.clone())), Err(InvalidSubprotocol));
            assert_eq!(judged(&|r| r.origin = Some(bad.clone())), Err(InvalidOrigin));
            let name = |r: &mut ClientRequest| r.headers.push((bad.clone(), String::new()));
            assert_eq!(judged(&name), Err(InvalidHeaderName));
            let value = |r: &mut ClientRequest| r.headers.push(("X".to_owned(), bad.clone()));
            assert_eq!(judged(&value), Err(InvalidHeaderValue));
        }
        for path in ["", "a", "/a b", "/a#b", "/\u{fc}"] {
            assert_eq!(judged(&|r| r.path = path.to_owned()), Err(InvalidPath), "{path}");
        }
        let twice = judged(&|r| r.subprotocols.push("chat".to_owned()));
        assert_eq!(twice, Err(RepeatedSubprotocol));
        for name in ["Host", "UPGRADE", "Sec-WebSocket-Key", "Content-Length", "Transfer-Encoding"]
        {
            let push = |r: &mut ClientRequest| r.headers.push((name.to_owned(), "1".to_owned()));
            assert_eq!(judged(&push), Err(ReservedHeader), "{name}");
        }
        assert_eq!(judged(&|_| ()), Ok(()));
    }
}
