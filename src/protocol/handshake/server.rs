//! The server's part of the handshake: RFC 6455, 4.2.

use base64::Engine;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

use super::error::HandshakeError;
use super::extensions::{self, Agreed};
use super::request::{Repeated, Request, Version, only};
use super::{PROTOCOL_VERSION, accept_key, tokens};
use crate::protocol::deflate::DeflateMode;

/// Padding is demanded, as RFC 6455, 4.3, writes it. The four bits that are left over in the last
/// character may be anything: RFC 4648, 3.5, leaves that to the decoder, and the example key in RFC
/// 6455, 4.1, item 7 has one of them set.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// What a server allows.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerOptions<'o> {
    /// The subprotocols that the server speaks.
    pub subprotocols: &'o [String],
    /// The origins whose pages may connect, each exactly as browsers send it; `None`: all of them,
    /// and clients that are no browsers.
    pub origins: Option<&'o [String]>,
    /// Whether permessage-deflate is agreed to.
    pub deflate: DeflateMode,
}

/// A handshake that is as it should be, and what was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted<'o> {
    /// The subprotocol that will be spoken: an element of [`ServerOptions::subprotocols`].
    pub subprotocol: Option<&'o str>,
    /// The extensions that will be used.
    pub extensions: Agreed,
    /// The value of `Sec-WebSocket-Accept`.
    accept: String,
}

impl Accepted<'_> {
    /// Appends the whole response: RFC 6455, 4.2.2, item 5. Frames may follow it.
    pub fn write_response(&self, out: &mut Vec<u8>) {
        let lines = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                     Connection: Upgrade\r\nSec-WebSocket-Accept: ";
        for part in [lines, &self.accept, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        if let Some(subprotocol) = self.subprotocol {
            for part in ["Sec-WebSocket-Protocol: ", subprotocol, "\r\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        if let Some(extension) = self.extensions.extension {
            out.extend_from_slice(b"Sec-WebSocket-Extensions: ");
            extension.write(out);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Judges whether a request is the opening handshake of RFC 6455, 4.2.1, and chooses what 4.2.2
/// leaves to the server.
///
/// # Errors
///
/// The first thing that is wrong, in the order in which a human would put it right: that it is a
/// WebSocket handshake at all, its version, its key, then what it offers, and last of all whether
/// this server wants it.
pub fn accept<'o>(
    request: &Request<'_>,
    options: &ServerOptions<'o>,
) -> Result<Accepted<'o>, HandshakeError> {
    judge_upgrade(request)?;
    judge_version(request)?;
    let key = judge_key(request)?;
    let offered = offered_subprotocols(request)?;
    let offers = extensions::parse(request.header_values("sec-websocket-extensions"))?;
    judge_origin(request, options.origins)?;
    Ok(Accepted {
        subprotocol: choose(&offered, options.subprotocols),
        extensions: extensions::negotiate(&offers, options.deflate),
        accept: accept_key(key),
    })
}

/// Method, HTTP version, Upgrade and Connection.
fn judge_upgrade(request: &Request<'_>) -> Result<(), HandshakeError> {
    // 4.2.1: "An HTTP/1.1 or higher GET request"
    if request.method() != "GET" {
        return Err(HandshakeError::MethodNotGet);
    }
    // "An |Upgrade| header field containing the value "websocket", treated as an ASCII
    // case-insensitive value."
    if !request.header_has_token("upgrade", "websocket") {
        return Err(HandshakeError::MissingUpgrade);
    }
    // RFC 7230, 6.7: "A server MUST ignore an Upgrade header field that is received in an HTTP/1.0
    // request."
    if request.version() < Version::Http11 {
        return Err(HandshakeError::HttpVersionTooLow);
    }
    // "A |Connection| header field that includes the token "Upgrade", treated as an ASCII
    // case-insensitive value." Firefox sends `keep-alive, Upgrade`.
    if !request.header_has_token("connection", "upgrade") {
        return Err(HandshakeError::MissingConnection);
    }
    Ok(())
}

/// 4.2.1: "A |Sec-WebSocket-Version| header field, with a value of 13."
fn judge_version(request: &Request<'_>) -> Result<(), HandshakeError> {
    match only(request.header_values("sec-websocket-version")) {
        Ok(Some(version)) if version == PROTOCOL_VERSION.as_bytes() => Ok(()),
        Ok(None) => Err(HandshakeError::MissingVersion),
        // 11.3.5: the header "MUST NOT appear more than once in an HTTP request."
        Ok(Some(_)) | Err(Repeated) => Err(HandshakeError::UnsupportedVersion),
    }
}

/// The key, as it was sent. 4.2.1: "A |Sec-WebSocket-Key| header field with a base64-encoded [...]
/// value that, when decoded, is 16 bytes in length."
fn judge_key<'a>(request: &Request<'a>) -> Result<&'a str, HandshakeError> {
    let key = match only(request.header_values("sec-websocket-key")) {
        Ok(Some(key)) => key,
        Ok(None) => return Err(HandshakeError::MissingKey),
        // 11.3.1: the header "MUST NOT appear more than once in an HTTP request."
        Err(Repeated) => return Err(HandshakeError::RepeatedKey),
    };
    // The decoder wants room for what 24 characters without padding would be, and refuses a key
    // that might need more.
    let mut decoded = [0; 18];
    match (str::from_utf8(key), BASE64.decode_slice(key, &mut decoded)) {
        (Ok(key), Ok(16)) => Ok(key),
        _ => Err(HandshakeError::InvalidKey),
    }
}

/// The subprotocols that the client offers, in its order. 4.1, item 10: the elements "MUST be
/// non-empty strings with characters in the range U+0021 to U+007E not including separator
/// characters as defined in [RFC2616] and MUST all be unique strings. The ABNF for the value of
/// this header field is 1#token".
fn offered_subprotocols<'a>(request: &Request<'a>) -> Result<Vec<&'a str>, HandshakeError> {
    let name = "sec-websocket-protocol";
    let offered: Option<Vec<&str>> =
        tokens::elements(request.header_values(name)).map(tokens::token).collect();
    let offered = offered.ok_or(HandshakeError::MalformedSubprotocols)?;
    if offered.is_empty() && request.header_values(name).next().is_some() {
        return Err(HandshakeError::MalformedSubprotocols);
    }
    // To compare each with each would take time that grows with the square of their number.
    let mut sorted = offered.clone();
    sorted.sort_unstable();
    if !sorted.is_sorted_by(|one, next| one < next) {
        return Err(HandshakeError::RepeatedSubprotocol);
    }
    Ok(offered)
}

/// The client's first that is on the server's list. It is the server's own string that is answered.
/// Since it equals a token that the client sent, it is itself one: no list, however wrong, can put
/// a line break into the response.
fn choose<'o>(offered: &[&str], ours: &'o [String]) -> Option<&'o str> {
    offered.iter().find_map(|offered| ours.iter().find(|own| own == offered)).map(String::as_str)
}

/// Whether the page that connects is one that the server serves.
///
/// A browser lets any page connect anywhere, and sends the user's cookies along. 10.2: "Servers
/// that are not intended to process input from any web page but only for certain sites SHOULD
/// verify the |Origin| field is an origin they expect." The comparison is exact: an origin that is
/// almost right, such as `https://good.example.evil`, is somebody else's.
fn judge_origin(request: &Request<'_>, allowed: Option<&[String]>) -> Result<(), HandshakeError> {
    let Some(allowed) = allowed else {
        return Ok(());
    };
    match only(request.header_values("origin")) {
        Ok(Some(origin)) if allowed.iter().any(|own| own.as_bytes() == origin) => Ok(()),
        Ok(Some(_)) => Err(HandshakeError::OriginNotAllowed),
        Ok(None) => Err(HandshakeError::MissingOrigin),
        Err(Repeated) => Err(HandshakeError::RepeatedOrigin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use HandshakeError::*;

    /// The example of RFC 6455, 1.3, without the headers whose names start with one of `without`,
    /// and with these lines.
    fn head(without: &[&str], with: &[&str]) -> Vec<u8> {
        let lines = [
            "Host: server.example.com",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
        ];
        let kept = lines.into_iter();
        let kept = kept.filter(|line| !without.iter().any(|name| line.starts_with(name)));
        let lines = ["GET /chat HTTP/1.1"].into_iter().chain(kept);
        let lines = lines.chain(with.iter().copied());
        let head: String = lines.map(|line| format!("{line}\r\n")).collect();
        (head + "\r\n").into_bytes()
    }

    fn strings(list: &[&str]) -> Vec<String> {
        list.iter().map(|&item| item.to_owned()).collect()
    }

    fn judged(head: &[u8]) -> Result<(), HandshakeError> {
        accept(&Request::parse(head, 64)?, &ServerOptions::default()).map(drop)
    }

    fn response(head: &[u8], options: &ServerOptions<'_>) -> String {
        let request = Request::parse(head, 64).unwrap();
        let mut out = Vec::new();
        accept(&request, options).unwrap().write_response(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_example_of_the_rfc_is_accepted() {
        assert_eq!(
            response(&head(&[], &[]), &ServerOptions::default()),
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
        );
    }

    #[test]
    fn what_browsers_send_is_accepted() {
        let firefox = b"GET /chat HTTP/1.1\r\nHost: localhost:8888\r\n\
            User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0\r\n\
            Accept: */*\r\nAccept-Language: en-US,en;q=0.5\r\n\
            Accept-Encoding: gzip, deflate, br, zstd\r\nSec-WebSocket-Version: 13\r\n\
            Origin: http://localhost:8888\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nConnection: keep-alive, Upgrade\r\n\
            Sec-Fetch-Dest: empty\r\nSec-Fetch-Mode: websocket\r\nSec-Fetch-Site: same-origin\r\n\
            Pragma: no-cache\r\nCache-Control: no-cache\r\nUpgrade: websocket\r\n\r\n";
        let chrome = b"GET /chat HTTP/1.1\r\nHost: localhost:8888\r\nConnection: Upgrade\r\n\
            Pragma: no-cache\r\nCache-Control: no-cache\r\n\
            User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
            Chrome/156.0.0.0 Safari/537.36\r\nUpgrade: websocket\r\n\
            Origin: http://localhost:8888\r\nSec-WebSocket-Version: 13\r\n\
            Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
            Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
        let origins = strings(&["http://localhost:8888"]);
        let options = ServerOptions { origins: Some(&origins), ..ServerOptions::default() };
        for browser in [&firefox[..], &chrome[..]] {
            let response = response(browser, &options);
            assert!(response.starts_with("HTTP/1.1 101 "));
            assert!(!response.contains("Extensions"), "all extensions are declined");
        }
    }

    #[test]
    fn each_wrong_handshake_has_its_status_and_a_body_that_names_the_header() {
        let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
        // Without the first header, with the second line, this error and status.
        let cases = [
            ("Host", "", MissingHost, 400),
            ("Upgrade", "", MissingUpgrade, 426),
            ("Upgrade", "Upgrade: h2c", MissingUpgrade, 426),
            ("Connection", "", MissingConnection, 400),
            ("Connection", "Connection: close", MissingConnection, 400),
            ("Sec-WebSocket-Version", "", MissingVersion, 426),
            ("none", "Sec-WebSocket-Version: 13", UnsupportedVersion, 426),
            ("Sec-WebSocket-Key", "", MissingKey, 400),
            ("Sec-WebSocket-Key", "Sec-WebSocket-Key: a", InvalidKey, 400),
            ("none", key, RepeatedKey, 400),
            ("none", "Sec-WebSocket-Protocol: a b", MalformedSubprotocols, 400),
            ("none", "Sec-WebSocket-Protocol: a,a", RepeatedSubprotocol, 400),
            ("none", "Sec-WebSocket-Extensions: ;", MalformedExtensions, 400),
        ];
        for (without, with, error, status) in cases {
            let lines = if with.is_empty() { vec![] } else { vec![with] };
            let judged = judged(&head(&[without], &lines));
            assert_eq!(judged, Err(error), "{without} {with}");
            assert_eq!(error.status(), status);
            let (name, _) = with.split_once(':').unwrap_or((without, ""));
            assert!(error.body().contains(name), "{error:?}");
        }
    }

    #[test]
    fn only_get_over_http_1_1_will_do() {
        let replaced = |line: &str| {
            let head = String::from_utf8(head(&[], &[])).unwrap();
            judged(head.replace("GET /chat HTTP/1.1", line).as_bytes())
        };
        for method in ["POST", "HEAD", "OPTIONS", "get", "GETS"] {
            assert_eq!(replaced(&format!("{method} / HTTP/1.1")), Err(MethodNotGet), "{method}");
        }
        assert_eq!(replaced("GET / HTTP/1.0"), Err(HttpVersionTooLow));
        assert_eq!(MethodNotGet.extra_headers(), [("Allow", "GET")]);
    }

    #[test]
    fn upgrade_and_connection_are_lists_over_repeated_headers_in_either_case() {
        let names = ["Upgrade", "Connection"];
        let right: &[&[&str]] = &[
            &["UPGRADE: WebSocket", "connection: keep-alive, Upgrade"],
            &[
                "Upgrade: h2c",
                "Upgrade: websocket",
                "Connection: keep-alive",
                "Connection: upgrade",
            ],
            &["Upgrade:,,websocket ,h2c", "Connection:\t, Upgrade\t,"],
        ];
        for with in right {
            assert_eq!(judged(&head(&names, with)), Ok(()), "{with:?}");
        }
        let upgrade = ["websockets", "web socket", "websocket/13", "\"websocket\"", "websocket;a"];
        for value in upgrade {
            let line = format!("Upgrade: {value}");
            assert_eq!(judged(&head(&["Upgrade"], &[&line])), Err(MissingUpgrade), "{value}");
        }
    }

    #[test]
    fn only_version_13_is_spoken() {
        for version in ["", "8", "12", "013", "130", "1 3", "13.0", "13, 8", "13,13", "\u{b9}3"] {
            let line = format!("Sec-WebSocket-Version: {version}");
            let error = judged(&head(&["Sec-WebSocket-V"], &[&line]));
            assert_eq!(error, Err(UnsupportedVersion), "{version}");
        }
    }

    #[test]
    fn a_key_is_the_base64_of_16_bytes() {
        let judged = |key: &str| {
            let line = format!("Sec-WebSocket-Key: {key}");
            judged(&head(&["Sec-WebSocket-K"], &[&line]))
        };
        // The second is the example of 4.1, item 7, whose last four bits are not zero.
        for key in
            ["AAAAAAAAAAAAAAAAAAAAAA==", "AQIDBAUGBwgJCgsMDQ4PEC==", "+/+/+/+/+/+/+/+/+/+/+w=="]
        {
            assert_eq!(judged(key), Ok(()), "{key}");
        }
        let wrong = [
            "",
            "AA==",
            "AAAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAAA=",
            "AAAAAAAAAAAAAAAAAAAAAAA=",
            "AAAAAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAAA===",
            "AAAAAAAAAAAAAAAAAAAAA===",
            "AAAAAAAAAAA=AAAAAAAAAA==",
            "-_-_-_-_-_-_-_-_-_-_-w==",
            "AAAAAAAAAAAA AAAAAAAAA==",
            "\"AAAAAAAAAAAAAAAAAAAA==\"",
            "AAAAAAAAAAAAAAAAAAAA\u{fc}==",
            "AAAAAAAAAAAAAAAAAAAAAA==, AAAAAAAAAAAAAAAAAAAAAA==",
        ];
        for key in wrong {
            assert_eq!(judged(key), Err(InvalidKey), "{key}");
        }
    }

    #[test]
    fn the_clients_first_subprotocol_that_the_server_speaks_is_chosen() {
        let ours = strings(&["chat", "superchat"]);
        let options = ServerOptions { subprotocols: &ours, ..ServerOptions::default() };
        let chosen = |lines: &[&str]| {
            let response = response(&head(&[], lines), &options);
            let (_, rest) = response.split_once("Sec-WebSocket-Protocol: ")?;
            rest.split_once("\r\n").map(|(value, _)| value.to_owned())
        };
        assert_eq!(chosen(&[]), None);
        let chosen_of = |value: &str| chosen(&[&format!("Sec-WebSocket-Protocol: {value}")]);
        assert_eq!(chosen_of("chat").as_deref(), Some("chat"));
        assert_eq!(chosen_of("superchat, chat").as_deref(), Some("superchat"));
        assert_eq!(chosen_of("mqtt ,,superchat").as_deref(), Some("superchat"));
        assert_eq!(chosen_of("mqtt"), None);
        assert_eq!(chosen_of("CHAT"), None, "names are compared exactly");
        let repeated = ["Sec-WebSocket-Protocol: mqtt", "Sec-WebSocket-Protocol: chat"];
        assert_eq!(chosen(&repeated).as_deref(), Some("chat"));
    }

    #[test]
    fn subprotocols_are_tokens_each_offered_once() {
        let judged = |value: &str| {
            let line = format!("Sec-WebSocket-Protocol: {value}");
            judged(&head(&[], &[&line]))
        };
        for value in ["", ",", " , ", "a b", "a;b", "a/b", "\"a\"", "a=b", "\u{fc}", "a,(b)"] {
            assert_eq!(judged(value), Err(MalformedSubprotocols), "{value}");
        }
        for value in ["a,a", "a,b,c,a", "b,a,b"] {
            assert_eq!(judged(value), Err(RepeatedSubprotocol), "{value}");
        }
        assert_eq!(judged("a,A,b,constructor,__proto__"), Ok(()));
        let repeated = ["Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: a"];
        assert_eq!(super::tests::judged(&head(&[], &repeated)), Err(RepeatedSubprotocol));
    }

    #[test]
    fn with_a_list_of_origins_exactly_those_are_served() {
        let origins = strings(&["https://good.example", "http://localhost:8888"]);
        let judged = |lines: &[&str], origins| {
            let head = head(&[], lines);
            let options = ServerOptions { origins, ..ServerOptions::default() };
            accept(&Request::parse(&head, 64).unwrap(), &options).map(drop)
        };
        for origin in &origins {
            let line = format!("Origin: {origin}");
            assert_eq!(judged(&[&line], Some(&origins)), Ok(()), "{origin}");
        }
        let others = [
            "null",
            "",
            "https://good.example.evil",
            "HTTPS://GOOD.EXAMPLE",
            "http://good.example",
            "https://good.example:443",
            "https://good.example.",
            "https://good.example/",
            "*",
            "https://good.example, https://good.example",
            "https://evil.example/https://good.example",
        ];
        for origin in others {
            let line = format!("Origin: {origin}");
            assert_eq!(judged(&[&line], Some(&origins)), Err(OriginNotAllowed), "{origin}");
            assert_eq!(judged(&[&line], None), Ok(()), "{origin}");
        }
        assert_eq!(judged(&[], Some(&origins)), Err(MissingOrigin));
        let two = ["Origin: https://good.example", "origin: https://good.example"];
        assert_eq!(judged(&two, Some(&origins)), Err(RepeatedOrigin));
        assert_eq!(judged(&two[..1], Some(&[])), Err(OriginNotAllowed));
        for error in [MissingOrigin, RepeatedOrigin, OriginNotAllowed] {
            assert_eq!(error.status(), 403);
            assert!(error.body().contains("Origin"));
        }
    }
}
