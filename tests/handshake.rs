//! The opening handshake, by raw bytes against the real binary.

mod common;

use common::{CLOSE, Client, End, Server, TEXT, frame, handshake, handshake_with};

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A good request with one piece of it replaced.
fn with(from: &str, to: &str) -> String {
    let request = handshake("/echo");
    assert!(request.contains(from), "{from}");
    request.replace(from, to)
}

#[test]
fn the_example_of_the_rfc_is_answered_as_there() {
    // RFC 6455, 1.3.
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.send(handshake("/echo").as_bytes());
    let head = client.head();
    assert!(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{head}");
    assert!(head.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{head}");
    client.send_text("hello");
    client.expect_text("hello");
}

#[test]
fn what_firefox_and_lenient_clients_send_is_understood() {
    let server = Server::start(&[]);
    let requests = [
        with("Connection: Upgrade", "Connection: keep-alive, Upgrade"),
        with("Connection: Upgrade", "connection: upgrade"),
        with("Upgrade: websocket", "UPGRADE: WebSocket"),
        with("Connection: Upgrade", "Connection: keep-alive\r\nConnection: Upgrade"),
        with("/echo", "/echo?room=1&x=%20"),
        with("/echo", "http://localhost/echo"),
        handshake_with("/echo", "Content-Length: 0\r\n"),
        handshake_with(
            "/echo",
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
        ),
    ];
    for request in requests {
        let mut client = server.connect();
        client.send(request.as_bytes());
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{request}\n{head}");
        assert!(!head.contains("Extensions"), "none is agreed on");
        client.send_text("hello");
        client.expect_text("hello");
    }
}

#[test]
fn wrong_requests_get_the_right_status_and_a_body_that_helps() {
    let server = Server::start(&["--origin", "https://good.example"]);
    let origin = "Origin: https://good.example\r\n";
    let good = handshake_with("/echo", origin);
    let cases = [
        (405, "GET", "GET", "POST"),
        (400, "HTTP/1.0", "HTTP/1.1", "HTTP/1.0"),
        (505, "HTTP/1.1", "HTTP/1.1", "HTTP/2.0"),
        (400, "Host", "Host: localhost\r\n", ""),
        (400, "Host", "Host: localhost", "Host: a\r\nHost: a"),
        (400, "Connection", "Connection: Upgrade\r\n", ""),
        (426, "Upgrade", "Upgrade: websocket\r\n", ""),
        (400, "Key", KEY, ""),
        (400, "Key", KEY, "Sec-WebSocket-Key: AAAA\r\n"),
        (400, "Key", KEY, "Sec-WebSocket-Key: a\r\nSec-WebSocket-Key: a\r\n"),
        (426, "Version: 13", "Version: 13", "Version: 8"),
        (426, "Version: 13", "Sec-WebSocket-Version: 13\r\n", ""),
        (400, "one line", "Host:", "Folded: a\r\n b\r\nHost:"),
        (400, "colon", "Host: ", "Host : "),
        (400, "LF", "Host: localhost\r\n", "Host: localhost\n"),
        (400, "body", "Host:", "Content-Length: 4\r\nHost:"),
        (400, "body", "Host:", "Transfer-Encoding: chunked\r\nHost:"),
        (404, "/echo", "/echo", "/nothing-here"),
        (403, "Origin", "good.example", "good.example.evil"),
        (403, "Origin", "https://good.example", "null"),
        (403, "Origin", origin, ""),
        (400, "TLS", &good, "\x16\x03\x01\x02\x00"),
        (400, "HTTP", &good, "\0\r\n\r\n"),
    ];
    for (status, hint, from, to) in cases {
        let request = good.replace(from, to);
        assert_ne!(request, good, "{from}");
        // What follows a refused request must not be taken for another one.
        let smuggled = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
        let answer = server.request(&format!("{request}{smuggled}"));
        assert_eq!(answer.status, status, "{request}\n{answer:?}");
        assert!(answer.text().contains(hint), "{request}\n{}", answer.text());
        assert!(!answer.text().contains("HTTP/1.1 200"), "{request}");
        let length = answer.field("content-length").unwrap();
        assert_eq!(length, answer.body.len().to_string());
        if hint == "Version: 13" {
            assert_eq!(answer.field("sec-websocket-version"), Some("13"));
        }
    }
}

#[test]
fn too_long_a_head_and_too_many_headers_are_answered_with_431() {
    let server = Server::start(&["--head", "1K", "--headers", "10"]);
    let long = handshake_with("/echo", &format!("Cookie: {}\r\n", "x".repeat(2000)));
    let endless = format!("GET /{} HTTP/1.1", "x".repeat(2000));
    let many = handshake_with("/echo", &"X: y\r\n".repeat(6));
    let plain = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(10));
    for request in [long, endless, many, plain] {
        assert_eq!(server.request(&request).status, 431, "{request}");
    }
    let fits = handshake_with("/echo", &"X: y\r\n".repeat(5));
    let mut client = server.connect();
    client.send(fits.as_bytes());
    assert!(client.head().starts_with("HTTP/1.1 101 "));
}

#[test]
fn any_number_of_headers_gets_an_answer() {
    // ws, CVE-2024-37890: a request with many headers crashed the server.
    let server = Server::start(&[]);
    for count in [0, 1, 50, 60, 63, 64, 65, 100, 128, 129, 500, 1000, 2000] {
        let more = "X: y\r\n".repeat(count);
        let mut client = server.connect();
        client.send(handshake_with("/echo", &more).as_bytes());
        let expected = if count <= 59 { "101" } else { "431" };
        let head = client.head();
        assert!(head.starts_with(&format!("HTTP/1.1 {expected} ")), "{head}");
        let answer = server.request(&format!("GET /healthz HTTP/1.1\r\nHost: a\r\n{more}\r\n"));
        let expected = if count <= 63 { 200 } else { 431 };
        assert_eq!(answer.status, expected, "{count}");
    }
}

#[test]
fn every_byte_in_every_header_that_is_read_gets_an_answer() {
    let server = Server::start(&["--subprotocol", "chat"]);
    let headers = [
        "Host: a",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: chat",
        "Sec-WebSocket-Extensions: permessage-deflate",
        "Origin: http://a",
    ];
    for broken in 0..headers.len() {
        for byte in 0..=255 {
            let mut request = b"GET /echo HTTP/1.1\r\n".to_vec();
            for (index, header) in headers.iter().enumerate() {
                request.extend(header.as_bytes());
                if index == broken {
                    request.push(byte);
                }
                request.extend(b"\r\n");
            }
            request.extend(b"\r\n");
            let mut client = server.connect();
            client.send(&request);
            let head = client.head();
            let status: u16 = head[9..12].parse().unwrap();
            assert!(status == 101 || (400..500).contains(&status), "{byte}: {head}");
        }
    }
    assert!(server.serves());
}

#[test]
fn the_subprotocol_is_the_first_of_the_clients_that_the_server_has() {
    let server = Server::start(&["--subprotocol", "one", "--subprotocol", "two"]);
    let offers =
        [("two, one", Some("two")), ("three, one", Some("one")), ("three", None), ("ONE", None)];
    for (offer, chosen) in offers {
        let mut client = server.connect();
        let field = format!("Sec-WebSocket-Protocol: {offer}\r\n");
        client.send(handshake_with("/echo", &field).as_bytes());
        let head = client.head();
        let found = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Protocol: "));
        assert_eq!(found, chosen, "{offer}");
    }
}

#[test]
fn frames_may_follow_the_request_in_the_same_packet_cut_anywhere() {
    let server = Server::start(&[]);
    let head = handshake("/echo");
    let mut bytes = head.clone().into_bytes();
    bytes.extend(frame(TEXT, b"hello"));
    bytes.extend(frame(CLOSE, &1000_u16.to_be_bytes()));
    // The first cuts lie in the request line, the last ones in the frames.
    let cuts = (0..20).chain(head.len() - 6..=bytes.len());
    for cut in cuts {
        let mut client = server.connect();
        client.send(&bytes[..cut]);
        client.send(&bytes[cut..]);
        assert!(client.head().starts_with("HTTP/1.1 101 "), "{cut}");
        client.expect_text("hello");
        assert_eq!(client.close().0, 1000, "{cut}");
        assert_eq!(client.rest(), (Vec::new(), End::Closed), "{cut}");
    }
}

#[test]
fn a_bad_frame_right_behind_the_request_ends_only_its_own_connection() {
    let server = Server::start(&[]);
    let mut canary = server.open("/echo");
    let head = handshake("/echo");
    let bad: [&[u8]; 4] = [
        b"\xff\xff\xff\xff", // reserved bits and a reserved opcode
        b"\x81\x05hello",    // not masked
        b"\x83\x80\0\0\0\0", // a reserved opcode
        b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff", // the top bit of a 64-bit length
    ];
    for bytes in bad {
        let request = [head.as_bytes(), bytes].concat();
        for cut in head.len() - 5..request.len() {
            let mut client = server.connect();
            client.send(&request[..cut]);
            client.send(&request[cut..]);
            assert!(client.head().starts_with("HTTP/1.1 101 "));
            assert_eq!(client.close().0, 1002, "{bytes:x?} cut at {cut}");
            assert_eq!(client.rest().0, b"");
        }
    }
    canary.send_text("still here");
    canary.expect_text("still here");
}

#[test]
fn a_head_that_drips_in_is_answered_like_one_that_does_not() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    for byte in handshake("/echo").bytes() {
        client.send(&[byte]);
    }
    assert!(client.head().starts_with("HTTP/1.1 101 "));
}

#[test]
fn who_leaves_in_the_middle_of_a_head_leaves_nothing_behind() {
    let server = Server::start(&["--handshake", "1h", "--max-connections", "1"]);
    let head = handshake("/echo");
    for cut in [0, 1, 20, head.len() - 1] {
        let mut client = server.connect();
        client.send(&head.as_bytes()[..cut]);
        client.half_close();
        assert_eq!(client.rest(), (Vec::new(), End::Closed));
    }
    // With room for one, it serves only because those have gone.
    Client::open(server.address(), "/echo");
}
