//! The end of a head is found at the same byte however it arrives; what is judged is answered; and
//! a response holds our own words only.
//!
//! Input: the bytes of a request.

use wigwag::protocol::deflate::DeflateMode;
use wigwag::protocol::handshake::{HeadScanner, Request, ServerOptions, accept};

const LIMIT: usize = 2048;
const OURS: [&str; 5] = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Protocol: chat",
    "Sec-WebSocket-Protocol: superchat",
];

pub fn check(data: &[u8]) {
    let whole = HeadScanner::new(LIMIT).scan(data);
    let mut scanner = HeadScanner::new(LIMIT);
    let mut dripped = Ok(None);
    for length in 1..=data.len() {
        dripped = scanner.scan(&data[..length]);
        if dripped != Ok(None) {
            break;
        }
    }
    assert_eq!(whole, dripped);

    let subprotocols = ["chat".to_owned(), "superchat".to_owned()];
    let origins = ["https://example.com".to_owned()];
    let options = ServerOptions {
        subprotocols: &subprotocols,
        origins: data.len().is_multiple_of(2).then_some(&origins[..]),
        deflate: [DeflateMode::Off, DeflateMode::Shared, DeflateMode::Takeover][data.len() % 3],
    };
    let mut response = Vec::new();
    let head = match whole {
        Ok(Some(length)) => &data[..length],
        Ok(None) => return,
        Err(error) => return error.write_response(&mut response),
    };
    let judged = Request::parse(head, 64).and_then(|request| accept(&request, &options));
    match judged {
        Ok(accepted) => {
            accepted.write_response(&mut response);
            let response = String::from_utf8(response).expect("we speak ASCII");
            let lines = response.strip_suffix("\r\n\r\n").expect("a blank line at its end");
            for line in lines.split("\r\n") {
                let key = line.strip_prefix("Sec-WebSocket-Accept: ");
                let key = key.is_some_and(|key| key.len() == 28);
                let extension = line.strip_prefix("Sec-WebSocket-Extensions: ");
                let extension = extension.is_some_and(is_ours);
                assert!(OURS.contains(&line) || key || extension, "{line}");
            }
        }
        Err(error) => {
            error.write_response(&mut response);
            let response = String::from_utf8(response).expect("we speak UTF-8");
            let refused = ["HTTP/1.1 4", "HTTP/1.1 505 "];
            assert!(refused.iter().any(|status| response.starts_with(status)), "{response}");
            let (head, body) = response.split_once("\r\n\r\n").expect("a blank line");
            let length = format!("Content-Length: {}", body.len());
            assert!(head.split("\r\n").any(|line| line == length), "{response}");
        }
    }
}

/// Whether this is permessage-deflate, and each parameter one that there is: RFC 7692, 7.1.
fn is_ours(extension: &str) -> bool {
    let mut parts = extension.split("; ");
    parts.next() == Some("permessage-deflate")
        && parts.all(|parameter| match parameter.split_once("_max_window_bits=") {
            Some((side, bits)) => {
                matches!(side, "server" | "client")
                    && bits.parse().is_ok_and(|bits: u8| (8..15).contains(&bits))
            }
            None => {
                matches!(parameter, "server_no_context_takeover" | "client_no_context_takeover")
            }
        })
}
