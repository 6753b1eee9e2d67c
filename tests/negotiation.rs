//! What a client offers, what a server answers, and what the client makes of that: RFC 6455, 9.1 and
//! 11.3, and RFC 7692, 7.

use std::sync::Arc;
use std::time::Instant;

use wigwag::protocol::deflate::{DeflateMode, DeflateOptions, DeflateParameters};
use wigwag::protocol::handshake::{
    ClientHandshakeError, ClientRequest, Established, Request, ServerOptions, accept, accept_key,
};
use wigwag::protocol::{Connection, Event, FrameHeader, Limits, Opcode};

/// The key of the example of RFC 6455, 1.3, which is no more random than it sounds.
const KEY: [u8; 16] = *b"the sample nonce";

fn request(deflate: bool) -> ClientRequest {
    ClientRequest { deflate, ..ClientRequest::new("server.example.com", "/chat", KEY) }
}

/// What a client that has offered permessage-deflate, or nothing, makes of a response with these
/// headers.
fn answered(deflate: bool, headers: &[&str]) -> Result<Established, ClientHandshakeError> {
    let accept = accept_key("dGhlIHNhbXBsZSBub25jZQ==");
    let mut head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n"
    );
    for header in headers {
        head += &format!("Sec-WebSocket-Extensions: {header}\r\n");
    }
    request(deflate).verify(format!("{head}\r\n").as_bytes())
}

#[test]
fn what_is_offered_is_permessage_deflate() {
    let written = |deflate| {
        let mut out = Vec::new();
        request(deflate).write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    assert!(written(true).contains(offer));
    assert!(!written(false).contains("Sec-WebSocket-Extensions"));
}

#[test]
fn what_was_not_agreed_to_is_not_used() {
    assert_eq!(answered(true, &[]).unwrap().extensions.deflate(), None);
    assert!(answered(true, &["permessage-deflate"]).unwrap().extensions.deflate().is_some());
}

#[test]
fn an_extension_that_was_not_asked_for_is_refused() {
    for header in ["permessage-deflate", "x-unknown", "x-unknown; a=b"] {
        assert_eq!(answered(false, &[header]), Err(ClientHandshakeError::Extension), "{header}");
    }
    for headers in [
        &["x-unknown"][..],
        &["permessage-deflate, x-unknown"],
        &["permessage-deflate", "x-unknown"],
        &["PERMESSAGE-DEFLATE-2"],
    ] {
        assert_eq!(answered(true, headers), Err(ClientHandshakeError::Extension), "{headers:?}");
    }
}

#[test]
fn a_response_whose_extensions_break_the_grammar_is_refused() {
    for wrong in
        [";", "permessage-deflate;", "permessage-deflate; a=", "a b", "a; b=\"c d\"", "a/b"]
    {
        for deflate in [false, true] {
            let refused = Err(ClientHandshakeError::Extension);
            assert_eq!(answered(deflate, &[wrong]), refused, "{wrong}");
        }
    }
    // "1#extension" is one at least.
    for wrong in ["", ",", " , "] {
        assert_eq!(answered(true, &[wrong]), Err(ClientHandshakeError::Extension), "{wrong:?}");
    }
}

#[test]
fn a_response_of_parameters_that_make_no_sense_is_refused() {
    for wrong in [
        "unknown",
        "unknown=1",
        "server_no_context_takeover=1",
        "client_no_context_takeover=true",
        "server_max_window_bits",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=08",
        "client_max_window_bits",
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "client_max_window_bits=+9",
        "server_no_context_takeover; server_no_context_takeover",
        "client_no_context_takeover; client_no_context_takeover",
        "server_max_window_bits=9; server_max_window_bits=9",
        "client_max_window_bits=9; client_max_window_bits=10",
    ] {
        let header = format!("permessage-deflate; {wrong}");
        assert_eq!(answered(true, &[&header]), Err(ClientHandshakeError::Extension), "{wrong}");
    }
}

#[test]
fn every_response_that_makes_sense_is_agreed_to() {
    for server in 8..=15 {
        for client in 8..=15 {
            let header = format!(
                "permessage-deflate; client_max_window_bits={client}; \
                 server_no_context_takeover; server_max_window_bits=\"{server}\""
            );
            let agreed = answered(true, &[&header]).unwrap().extensions.deflate().unwrap();
            assert_eq!(agreed.server_max_window_bits, server);
            assert_eq!(agreed.client_max_window_bits, client);
            assert!(agreed.server_no_context_takeover);
            assert!(!agreed.client_no_context_takeover);
        }
    }
}

/// What a server that speaks `chat` answers to the example of RFC 6455, 1.3, with these lines.
fn answer(mode: DeflateMode, lines: &[&str]) -> String {
    let mut head = Vec::new();
    request(false).write(&mut head).unwrap();
    head.truncate(head.len() - 2);
    for line in lines {
        head.extend(format!("{line}\r\n").into_bytes());
    }
    head.extend(b"\r\n");
    let subprotocols = ["chat".to_owned()];
    let options =
        ServerOptions { subprotocols: &subprotocols, deflate: mode, ..ServerOptions::default() };
    let mut response = Vec::new();
    accept(&Request::parse(&head, 64).unwrap(), &options).unwrap().write_response(&mut response);
    String::from_utf8(response).unwrap()
}

const MODES: [DeflateMode; 3] = [DeflateMode::Off, DeflateMode::Shared, DeflateMode::Takeover];

#[test]
fn a_server_agrees_to_nothing_that_was_not_offered() {
    for mode in MODES {
        assert!(!answer(mode, &[]).contains("Sec-WebSocket-Extensions"), "{mode:?}");
        let unknown = answer(mode, &["Sec-WebSocket-Extensions: x-unknown"]);
        assert!(!unknown.contains("Sec-WebSocket-Extensions"), "{mode:?}");
        let silent = answer(mode, &["Sec-WebSocket-Extensions: permessage-deflate"]);
        assert!(!silent.contains("client_max_window_bits"), "{mode:?}");
    }
}

#[test]
fn a_response_says_each_thing_once_however_often_it_was_offered() {
    let lines = [
        "Sec-WebSocket-Extensions: permessage-deflate, permessage-deflate",
        "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9",
        "Sec-WebSocket-Protocol: mqtt",
        "Sec-WebSocket-Protocol: chat",
    ];
    for mode in MODES {
        let response = answer(mode, &lines);
        let count = |name: &str| response.matches(name).count();
        let agreed = usize::from(mode != DeflateMode::Off);
        assert_eq!(count("Sec-WebSocket-Extensions: "), agreed, "{mode:?}");
        assert_eq!(count("permessage-deflate"), agreed, "{mode:?}");
        assert_eq!(count("Sec-WebSocket-Protocol: "), 1);
        assert_eq!(count("Sec-WebSocket-Accept: "), 1);
    }
}

/// Bytes that do not compress.
fn noise(length: usize, mut seed: u32) -> Vec<u8> {
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        seed as u8
    };
    (0..length).map(|_| next()).collect()
}

/// RFC 7692, 7.2.2: without `server_max_window_bits` the client's window has 32,768 bytes. What the
/// server sends here is the library's, because our own server looks back less far.
#[test]
fn a_message_may_refer_to_one_that_was_thirty_thousand_bytes_before_it() {
    let now = Instant::now();
    let (agreed, options) = (DeflateParameters::default(), DeflateOptions::default());
    let limits = Arc::new(Limits::default());
    let mut client = Connection::client(limits, now, Box::new(|| [1, 2, 3, 4]));
    client.use_deflate(&agreed, &options, &Arc::default());
    let mut server = zlib_rs::Deflate::new(6, false, 15);

    let (first, second) = (noise(200, 1), noise(30_000, 2));
    let mut lengths = Vec::new();
    for message in [&first, &second, &first] {
        let mut output = vec![0; 2 * message.len()];
        let before = server.total_out();
        server.compress(message, &mut output, zlib_rs::DeflateFlush::SyncFlush).unwrap();
        // Without the four bytes at the end that are always the same.
        output.truncate((server.total_out() - before) as usize - 4);
        let mut frame = Vec::new();
        let header = FrameHeader::new(Opcode::Binary, output.len() as u64);
        FrameHeader { reserved: 0x40, ..header }.encode(&mut frame);
        frame.extend_from_slice(&output);
        lengths.push(frame.len());
        let (event, _) = client.receive(now, &mut &mut frame[..]).unwrap();
        assert_eq!(event, Event::Binary(message));
    }
    assert!(lengths[2] < 20, "it refers back: {lengths:?}");
}
