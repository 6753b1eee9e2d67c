//! How the server ends.

mod common;

use std::time::Instant;

use common::{Client, End, PATIENCE, Server, wigwag};

#[test]
fn both_signals_say_goodbye_to_everybody_and_exit_in_order() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start(&[]);
        let mut clients: Vec<_> =
            ["/", "/echo", "/broadcast", "/chat"].iter().map(|path| server.open(path)).collect();
        server.signal(signal);
        for client in &mut clients {
            client.expect_close(1001);
        }
        assert_eq!(server.wait().code(), Some(0), "{signal}");
    }
}

#[test]
fn what_was_said_before_the_signal_is_answered_before_the_close_frame() {
    let mut server = Server::start(&[]);
    let mut client = server.open("/echo");
    for number in 0..100 {
        client.send_text(&number.to_string());
    }
    client.expect_text("0");
    for number in 1..100 {
        client.expect_text(&number.to_string());
    }
    server.signal("TERM");
    client.expect_close(1001);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn with_nobody_there_it_ends_at_once() {
    let mut server = Server::start(&["--drain", "1h"]);
    // Neither of these is a WebSocket: one has said nothing, the other has its answer.
    let mut silent = server.connect();
    server.get("/healthz");
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    silent.rest();
}

#[test]
fn nobody_new_is_let_in_while_it_drains() {
    let mut server = Server::start(&["--drain", "1h", "--close-wait", "1h"]);
    let mut stays = server.open("/echo");
    server.signal("TERM");
    assert_eq!(stays.close().0, 1001);
    common::eventually("the port is closed", || Client::try_open(server.address(), "/echo").err());
    assert!(server.is_running());
    stays.send_close(1001);
    drop(stays);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut server = Server::start(&["--drain", "1h", "--close-wait", "1h"]);
    let mut stubborn = server.open("/echo");
    server.signal("TERM");
    assert_eq!(stubborn.close().0, 1001);
    assert!(server.is_running());
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn who_does_not_close_is_left_behind_when_the_time_is_over() {
    let mut server = Server::start(&["--drain", "200ms", "--close-wait", "1h"]);
    let mut stubborn = server.open("/echo");
    let start = Instant::now();
    server.signal("TERM");
    assert_eq!(stubborn.close().0, 1001);
    assert_eq!(server.wait().code(), Some(0));
    assert!(start.elapsed() < PATIENCE);
    stubborn.rest();
}

#[test]
fn the_same_port_can_be_had_again_at_once() {
    let mut first = Server::start(&[]);
    let address = first.address();
    let mut clients: Vec<_> = (0..50).map(|_| first.open("/echo")).collect();
    // Killed, not asked: its connections are in whatever state they were.
    first.signal("KILL");
    first.wait();
    let mut command = wigwag();
    command.args(["--port", &address.port().to_string()]);
    let second = Server::run(command, 1);
    assert_eq!(second.address(), address);
    assert!(second.serves());
    for client in &mut clients {
        client.rest();
    }

    let mut last = second;
    let mut client = last.open("/echo");
    last.signal("TERM");
    client.expect_close(1001);
    last.wait();
    let mut command = wigwag();
    command.args(["--port", &address.port().to_string()]);
    assert!(Server::run(command, 1).serves());
}

#[test]
fn many_connections_get_their_close_frame_and_the_server_its_end() {
    let mut server = Server::start(&[]);
    let mut clients: Vec<_> = (0..500).map(|_| server.open("/broadcast")).collect();
    clients[0].send_text("to all");
    server.signal("TERM");
    for (index, client) in clients.iter_mut().enumerate() {
        let mut frame = client.frame();
        if index > 0 && frame.payload == b"to all" {
            frame = client.frame();
        }
        assert_eq!(common::close_body(&frame.payload).0, 1001);
        client.send_close(1001);
        assert_eq!(client.rest().1, End::Closed);
        client.half_close();
    }
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_server_that_died_is_noticed_by_nobody_but_its_clients() {
    let server = Server::start(&[]);
    let mut client = server.open("/echo");
    drop(server);
    client.rest();
}
