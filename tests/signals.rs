//! How the server ends.

mod common;

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

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
fn while_it_drains_nobody_new_is_let_in_and_health_is_told() {
    for loops in ["1", "2"] {
        let flags = ["--drain", "1h", "--close-wait", "1h", "--loops", loops];
        let mut server = Server::start(&flags);
        assert_eq!(server.get("/healthz").status, 200);
        let mut stays: Vec<_> = (0..8).map(|_| server.open("/echo")).collect();
        server.signal("TERM");
        for client in &mut stays {
            assert_eq!(client.close().0, 1001);
        }
        for _ in 0..8 {
            let health = server.get("/healthz");
            assert_eq!((health.status, health.text()), (503, "draining\n"));
            assert!(health.field("retry-after").is_some());
            assert_eq!(server.request(&common::handshake("/echo")).status, 503);
        }
        assert!(server.is_running());
        // Who says nothing does not prolong it.
        let silent = server.connect();
        for client in &mut stays {
            client.send_close(1001);
        }
        drop(stays);
        assert_eq!(server.wait().code(), Some(0));
        drop(silent);
    }
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
    for loops in ["1", "2"] {
        let mut first = Server::start(&["--loops", loops]);
        let address = first.address();
        let again = || {
            let mut command = wigwag();
            command.args(["--loops", loops, "--port", &address.port().to_string()]);
            Server::run(command, 1)
        };
        let mut clients: Vec<_> = (0..50).map(|_| first.open("/echo")).collect();
        // Half of them talk all the while.
        let load: Vec<_> = clients.split_off(25).into_iter().map(under_load).collect();
        // Killed, not asked: its connections are in whatever state they were.
        first.signal("KILL");
        first.wait();
        let second = again();
        assert_eq!(second.address(), address);
        assert!(second.serves());
        for client in &mut clients {
            client.rest();
        }
        for thread in load {
            assert!(thread.join().unwrap() > 0);
        }

        let mut last = second;
        let mut client = last.open("/echo");
        last.signal("TERM");
        client.expect_close(1001);
        last.wait();
        assert!(again().serves());
    }
}

/// A client that talks until the connection breaks. How many answers it got.
fn under_load(mut client: Client) -> thread::JoinHandle<usize> {
    client.send_text("x");
    client.expect_text("x");
    thread::spawn(move || {
        let message = common::frame(common::TEXT, &[b'x'; 1000]);
        let mut answers = 1;
        while client.stream.write_all(&message).is_ok() && client.try_frame().is_ok() {
            answers += 1;
        }
        answers
    })
}

/// How many connections this process, and a server that it starts, may have.
fn as_many_as(wanted: usize) -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().nth(3)?.parse().ok());
    // The other tests of this file run at the same time.
    wanted.min(soft.unwrap_or(1024_usize).saturating_sub(500))
}

#[test]
fn thousands_of_connections_get_their_close_frame_one_after_the_other() {
    let spread = Duration::from_secs(1);
    let mut server = Server::start(&["--drain", "1h", "--drain-spread", "1s", "--log", "off"]);
    let mut clients: Vec<_> = (0..as_many_as(5000)).map(|_| server.open("/broadcast")).collect();
    let start = Instant::now();
    server.signal("TERM");
    for client in &mut clients {
        let frame = client.frame();
        assert_eq!(common::close_body(&frame.payload).0, 1001);
        client.send_close(1001);
    }
    assert!(start.elapsed() >= spread, "not in one burst");
    for mut client in clients {
        assert_eq!(client.rest().1, End::Closed);
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
