//! Several event loops: peers on different ones meet, and nothing between them is lost.

mod common;

use common::{BINARY, Client, Server, TEXT, frame};

/// The loop that serves a client, as the server logged it when it opened.
fn loop_of(server: &Server, client: &Client) -> String {
    let own = client.stream.local_addr().unwrap().to_string();
    common::eventually("it is logged", || {
        let log = server.log();
        let line = log.lines().find(|line| line.contains(&format!("{own} open")))?;
        let id = line.rsplit(' ').next()?;
        Some(id.split('.').next()?.to_owned())
    })
}

/// Two clients that different loops serve. The kernel deals them out by their port.
fn apart(server: &Server, mut open: impl FnMut() -> Client) -> (Client, Client) {
    let first = open();
    let home = loop_of(server, &first);
    for _ in 0..200 {
        let second = open();
        if loop_of(server, &second) != home {
            return (first, second);
        }
    }
    panic!("all on one loop");
}

fn in_step(client: &mut Client) {
    client.send(&frame(common::PING, b""));
    assert_eq!(client.frame().opcode, common::PONG);
}

#[test]
fn a_call_crosses_loops() {
    let server = Server::start(&["--loops", "4", "--rate", "off"]);
    let mut number = 0;
    let (mut alice, mut bob) = apart(&server, || {
        let mut client = server.open("/");
        number += 1;
        client.send_text(&format!(r#"{{"type":"login","name":"user {number}"}}"#));
        assert!(client.text().contains("true"));
        client
    });
    let bobs_name = format!("user {number}");
    // Order per pair is kept, with thousands of messages on their way.
    let count = 5000;
    for index in 0..count {
        alice.send_text(&format!(
            r#"{{"type":"candidate","candidate":{index},"name":"{bobs_name}"}}"#
        ));
        if index % 100 == 99 {
            for index in index - 99..=index {
                bob.expect_text(&format!(
                    r#"{{"type":"candidate","candidate":{index},"name":"user 1"}}"#
                ));
            }
        }
    }
    alice.send_text(&format!(r#"{{"type":"offer","offer":0,"name":"{bobs_name}"}}"#));
    assert!(bob.text().contains("offer"));
    drop(alice);
    bob.expect_text(r#"{"type":"leave","name":"user 1"}"#);
}

#[test]
fn a_broadcast_reaches_all_loops_once_and_in_order() {
    let server = Server::start(&["--loops", "4"]);
    let mut clients: Vec<_> = (0..40).map(|_| server.open("/broadcast")).collect();
    clients.iter_mut().for_each(in_step);
    let loops: std::collections::BTreeSet<_> =
        clients.iter().map(|client| loop_of(&server, client)).collect();
    assert!(loops.len() > 1, "{loops:?}");
    for round in 0..10 {
        for number in 0..100 {
            clients[0].send_text(&format!("{round} {number}"));
        }
        for client in &mut clients[1..] {
            for number in 0..100 {
                client.expect_text(&format!("{round} {number}"));
            }
        }
    }
}

#[test]
fn many_senders_on_all_loops_are_heard_by_everybody() {
    let server = Server::start(&["--loops", "3"]);
    let mut clients: Vec<_> = (0..12).map(|_| server.open("/chat")).collect();
    clients.iter_mut().for_each(in_step);
    let count = 50;
    for message in 0..count {
        for (number, client) in clients.iter_mut().enumerate() {
            client.send_text(&format!("{number} {message}"));
        }
    }
    let total = count * clients.len();
    let mut orders = Vec::new();
    for client in &mut clients {
        let heard: Vec<String> = (0..total).map(|_| client.text()).collect();
        let mut next = [0; 12];
        for text in &heard {
            let (number, message) = text.split_once(' ').unwrap();
            let next = &mut next[number.parse::<usize>().unwrap()];
            assert_eq!(message, next.to_string(), "in the order of its sender");
            *next += 1;
        }
        orders.push(heard);
    }
    assert_eq!(orders.len(), 12);
}

#[test]
fn a_message_larger_than_a_mailbox_crosses_loops() {
    let mount = "/large=broadcast,max-message=12M,outbox=16M";
    let server = Server::start(&["--loops", "4", "--queued", "1G", "--mount", mount]);
    let mut clients: Vec<_> = (0..12).map(|_| server.open("/large")).collect();
    clients.iter_mut().for_each(in_step);
    clients[0].send(&frame(BINARY, &vec![7; 9 << 20]));
    for client in &mut clients[1..] {
        let received = client.frame();
        assert_eq!((received.opcode, received.payload.len()), (BINARY, 9 << 20));
    }
}

#[test]
fn a_drain_ends_all_loops() {
    let mut server = Server::start(&["--loops", "4", "--drain", "1h"]);
    let mut clients: Vec<_> = (0..40).map(|_| server.open("/echo")).collect();
    server.signal("TERM");
    for client in &mut clients {
        client.expect_close(1001);
    }
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_second_signal_ends_all_loops() {
    let mut server = Server::start(&["--loops", "4", "--drain", "1h", "--close-wait", "1h"]);
    let mut clients: Vec<_> = (0..20).map(|_| server.open("/echo")).collect();
    server.signal("TERM");
    for client in &mut clients {
        assert_eq!(client.close().0, 1001);
    }
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn the_connection_limit_holds_for_all_loops_together() {
    let server = Server::start(&["--loops", "4", "--max-connections", "4"]);
    let clients: Vec<_> = (0..4).map(|_| server.open("/echo")).collect();
    // Whichever loop the next one falls to, it waits in the backlog until there is room.
    let mut next = server.connect();
    next.send(common::handshake("/echo").as_bytes());
    next.stream.set_read_timeout(Some(std::time::Duration::from_millis(300))).unwrap();
    assert!(next.try_head().is_err());
    drop(clients);
    next.stream.set_read_timeout(Some(common::PATIENCE)).unwrap();
    assert!(next.head().starts_with("HTTP/1.1 101 "));
}

/// What a switchboard says because of one call comes before what it says because of a later one, also
/// if the two calls came from different loops.
#[test]
fn a_leave_is_not_overtaken_by_the_next_offer_under_the_same_name() {
    let server = Server::start(&["--loops", "2", "--rate", "off"]);
    let log_in = |client: &mut Client, name: &str| {
        client.send_text(&format!(r#"{{"type":"login","name":"{name}"}}"#));
        client.text().contains("true")
    };
    let on_loop = |home: &str| loop {
        let client = server.open("/");
        if loop_of(&server, &client) == home {
            return client;
        }
    };
    let mut carol = on_loop("0");
    assert!(log_in(&mut carol, "carol"));
    let offer = r#"{"type":"offer","offer":0,"name":"carol"}"#;
    for _ in 0..100 {
        let mut first = on_loop("1");
        let mut second = on_loop("0");
        assert!(log_in(&mut first, "alice"));
        first.send_text(offer);
        carol.expect_text(r#"{"type":"offer","offer":0,"name":"alice"}"#);
        drop(first);
        // The login and the offer in one write, so that no time passes between the two.
        let login = frame(TEXT, br#"{"type":"login","name":"alice"}"#);
        let both = [login, frame(TEXT, offer.as_bytes())].concat();
        loop {
            second.send(&both);
            if second.text().contains("true") {
                break;
            }
            assert!(second.text().contains("not-logged-in"));
        }
        carol.expect_text(r#"{"type":"leave","name":"alice"}"#);
        carol.expect_text(r#"{"type":"offer","offer":0,"name":"alice"}"#);
        drop(second);
        carol.expect_text(r#"{"type":"leave","name":"alice"}"#);
    }
}
