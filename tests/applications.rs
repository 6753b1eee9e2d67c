//! The applications, over real sockets.

mod common;

use common::{BINARY, Client, Server, frame, raw_frame};

/// Waits until the server has done what this client has asked for so far.
fn in_step(client: &mut Client) {
    client.send(&frame(common::PING, b"step"));
    let pong = client.frame();
    assert_eq!((pong.opcode, &pong.payload[..]), (common::PONG, &b"step"[..]));
}

/// A client that has logged in.
fn login(server: &Server, path: &str, name: &str) -> Client {
    let mut client = server.open(path);
    client.send_text(&format!(r#"{{"type":"login","name":"{name}"}}"#));
    let answer = client.text();
    assert!(answer.contains(r#""success":true"#), "{answer}");
    client
}

#[test]
fn echo_keeps_the_opcode_and_puts_fragments_together() {
    let server = Server::start(&[]);
    let mut client = server.open("/echo");
    client.send_text("");
    client.expect_text("");
    client.send_text("grüße 😀");
    client.expect_text("grüße 😀");
    let payload: Vec<u8> = (0..=255).collect();
    client.send(&frame(BINARY, &payload));
    let echoed = client.frame();
    assert_eq!((echoed.opcode, echoed.payload), (BINARY, payload));
    client.send(&raw_frame(0x01, b"in "));
    client.send(&frame(common::PING, b"?"));
    client.send(&raw_frame(0x00, b"three "));
    client.send(&raw_frame(0x80, b"pieces"));
    assert_eq!(client.frame().payload, b"?");
    client.expect_text("in three pieces");
    client.send_close(1000);
    assert_eq!(client.close().0, 1000);
}

#[test]
fn broadcast_reaches_all_others() {
    let server = Server::start(&[]);
    let mut clients: Vec<_> = (0..5).map(|_| server.open("/broadcast")).collect();
    clients.iter_mut().for_each(in_step);
    clients[0].send_text("from the first");
    clients[0].send(&frame(BINARY, b"\0\xff"));
    for client in &mut clients[1..] {
        client.expect_text("from the first");
        let binary = client.frame();
        assert_eq!((binary.opcode, &binary.payload[..]), (BINARY, &b"\0\xff"[..]));
    }
    // The next thing that the first hears is what somebody else says.
    clients[1].send_text("from the second");
    clients[0].expect_text("from the second");
    // Who has left is not missed.
    drop(clients.remove(2));
    clients[3].send_text("from the last");
    clients[0].expect_text("from the last");
}

#[test]
fn chat_reaches_everybody_and_can_say_who_spoke() {
    let server = Server::start(&["--mount", "/named=chat,prefix"]);
    for path in ["/chat", "/ws", "/named"] {
        let (mut one, mut two) = (server.open(path), server.open(path));
        in_step(&mut one);
        in_step(&mut two);
        one.send_text("hello");
        let expected = match path {
            "/named" => format!("{} -> hello", one.stream.local_addr().unwrap()),
            _ => "hello".to_owned(),
        };
        one.expect_text(&expected);
        two.expect_text(&expected);
    }
    // `/chat` and `/ws` are one room.
    let (mut chat, mut ws) = (server.open("/chat"), server.open("/ws"));
    in_step(&mut ws);
    chat.send_text("hello");
    ws.expect_text("hello");
}

#[test]
fn a_call_goes_from_one_to_the_other() {
    let server = Server::start(&[]);
    // By different paths: they share one switchboard.
    let mut alice = login(&server, "/", "alice");
    let mut bob = login(&server, "/signal", "bob");
    alice.send_text(r#"{"type":"offer","offer":{"sdp":"v=0 \u00e9"},"name":"bob"}"#);
    bob.expect_text(r#"{"type":"offer","offer":{"sdp":"v=0 \u00e9"},"name":"alice"}"#);
    bob.send_text(r#"{"type":"answer","answer":[1.0],"name":"alice"}"#);
    alice.expect_text(r#"{"type":"answer","answer":[1.0],"name":"bob"}"#);
    alice.send_text(r#"{"type":"candidate","candidate":null,"name":"bob"}"#);
    bob.expect_text(r#"{"type":"candidate","candidate":null,"name":"alice"}"#);
    drop(alice);
    bob.expect_text(r#"{"type":"leave","name":"alice"}"#);
    // The name is free again, and the caller may come back.
    login(&server, "/", "alice");
}

#[test]
fn the_classic_pages_words_are_understood() {
    let server = Server::start(&[]);
    let mut client = server.open("/");
    client.send_text("ping");
    client.expect_text("pong");
    client.send_text("no json");
    assert!(client.text().contains(r#""code":"invalid-json""#));
    client.send_text(r#"{"type":"dance","name":"x"}"#);
    assert!(client.text().contains("Unrecognized command: dance"));
    client.send_text(r#"{"type":"offer","offer":{},"name":"x"}"#);
    assert!(client.text().contains(r#""code":"not-logged-in""#));
    client.send(&frame(BINARY, b"?"));
    client.expect_close(1003);
}

#[test]
fn who_does_not_log_in_is_closed_and_who_does_is_not() {
    let server = Server::start(&["--login", "300ms"]);
    let mut member = login(&server, "/", "member");
    let mut stranger = server.open("/");
    stranger.send_text("ping");
    stranger.expect_text("pong");
    stranger.expect_close(1008);
    // Its deadline was before the stranger's.
    member.send_text("ping");
    member.expect_text("pong");
}

#[test]
fn who_talks_too_fast_is_told_and_then_closed() {
    let server = Server::start(&["--rate", "1/10"]);
    let mut client = login(&server, "/", "hasty");
    for _ in 0..9 {
        client.send_text("ping");
        client.expect_text("pong");
    }
    for _ in 0..30 {
        client.send_text("ping");
    }
    let mut refused = 0;
    let closed = loop {
        let frame = client.frame();
        if frame.opcode == common::CLOSE {
            break common::close_body(&frame.payload);
        }
        let text = String::from_utf8(frame.payload).unwrap();
        if text != "pong" {
            assert!(text.contains(r#""code":"rate-limited""#), "{text}");
            refused += 1;
        }
    };
    assert_eq!(closed.0, 1008, "{closed:?}");
    assert!((9..=12).contains(&refused), "{refused}");
    // Nobody else is limited, nor is an application without a rate.
    let mut echo = server.open("/echo");
    for _ in 0..100 {
        echo.send_text("x");
        echo.expect_text("x");
    }
}

#[test]
fn the_switchboard_has_room_for_messages_of_64_kilobytes() {
    let server = Server::start(&[]);
    let mut alice = login(&server, "/", "alice");
    let mut bob = login(&server, "/", "bob");
    let long = "x".repeat(65_000);
    alice.send_text(&format!(r#"{{"type":"offer","offer":"{long}","name":"bob"}}"#));
    assert!(bob.text().contains(&long));
    alice.send_text(&"x".repeat(65_537));
    alice.expect_close(1009);
    // An offer does make partners.
    bob.expect_text(r#"{"type":"leave","name":"alice"}"#);
}
