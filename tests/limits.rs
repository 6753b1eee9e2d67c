//! Every limit that is a flag, reached, against the real binary. (Request heads: `handshake.rs`;
//! times that concern the loop: `loop.rs`; how all ends: `signals.rs`.)

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::{Answer, BINARY, Client, End, PATIENCE, Server, TEXT, frame, handshake, raw_frame};
use socket2::{Domain, Socket, Type};

/// A connection from another address of this machine.
fn connect_from(host: &str, server: &Server) -> Client {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let host: SocketAddr = format!("{host}:0").parse().unwrap();
    socket.bind(&host.into()).unwrap();
    socket.connect(&server.address().into()).unwrap();
    Client::of(socket.into())
}

/// What a request for a WebSocket gets from a server that may not let it in.
fn knock(mut client: Client) -> Result<Client, Answer> {
    // It may have been turned away before it could say anything.
    let _ = std::io::Write::write_all(&mut client.stream, handshake("/echo").as_bytes());
    let head = client.head();
    if head.starts_with("HTTP/1.1 101 ") {
        return Ok(client);
    }
    let status = head[9..12].parse().unwrap();
    let (body, _) = client.rest();
    Err(Answer { status, head, body })
}

#[test]
fn connections_of_one_address() {
    for loops in ["1", "3"] {
        let flags = ["--address-connections", "3", "--address-exempt", "none", "--loops", loops];
        let server = Server::start(&flags);
        let mut clients: Vec<_> = (0..3).map(|_| server.open("/echo")).collect();
        let refused = knock(server.connect()).err().unwrap();
        assert_eq!(refused.status, 429);
        assert_eq!(refused.field("content-length"), Some(&*refused.body.len().to_string()));
        assert!(refused.text().contains("too many connections"));
        // Others are not hindered, and room is used again.
        assert!(knock(connect_from("127.0.0.2", &server)).is_ok());
        clients.pop();
        common::eventually("there is room", || knock(server.connect()).ok());
        assert_eq!(server.log().matches("turned away").count(), 1, "{}", server.log());
    }
}

#[test]
fn new_connections_of_one_address() {
    let flags = ["--address-rate", "1/20", "--address-exempt", "10.0.0.0/8"];
    let server = Server::start(&flags);
    let mut refused = 0;
    for _ in 0..30 {
        // However short they are.
        refused += usize::from(knock(server.connect()).is_err());
    }
    // A slow machine takes seconds for this, and each brings one.
    assert!((1..=10).contains(&refused), "{refused}");
    assert!(knock(connect_from("127.0.0.2", &server)).is_ok());
    // It recovers by itself.
    common::eventually("it has paid", || knock(server.connect()).ok());
}

#[test]
fn whoever_is_on_this_machine_is_not_counted_unless_it_is_asked_for() {
    let server = Server::start(&["--address-connections", "1", "--address-rate", "1/1"]);
    let clients: Vec<_> = (0..50).map(|_| server.open("/echo")).collect();
    assert!(clients.len() == 50 && server.serves());
}

#[test]
fn messages_of_one_address() {
    let flags = ["--address-messages", "1/20", "--address-exempt", "none", "--rate", "1000/1000"];
    let server = Server::start(&flags);
    let mut clients: Vec<_> = (0..4).map(|_| server.open("/")).collect();
    let mut refused = 0;
    for _ in 0..10 {
        for client in &mut clients {
            client.send_text("ping");
            let answer = client.text();
            refused += usize::from(answer.contains("rate-limited"));
            assert!(answer == "pong" || answer.contains("rate-limited"), "{answer}");
        }
    }
    assert!((1..=20).contains(&refused), "{refused}");
    // Where messages are not counted by connection they are not by address either.
    let mut echo = server.open("/echo");
    for _ in 0..50 {
        echo.send_text("x");
        echo.expect_text("x");
    }
}

#[test]
fn messages_of_one_connection() {
    let server = Server::start(&["--rate", "1/10"]);
    let mut client = server.open("/");
    for _ in 0..100 {
        client.send_text("ping");
    }
    let mut answers = Vec::new();
    let code = loop {
        let frame = client.frame();
        if frame.opcode == common::CLOSE {
            break common::close_body(&frame.payload).0;
        }
        answers.push(String::from_utf8(frame.payload).unwrap());
    };
    assert_eq!(code, 1008);
    let passed = answers.iter().filter(|answer| *answer == "pong").count();
    assert!((10..=40).contains(&passed), "{passed}");
    assert!(answers.iter().any(|answer| answer.contains("rate-limited")));
}

#[test]
fn the_size_of_a_message() {
    let server = Server::start(&["--max-message", "1000"]);
    for (path, opcode) in [("/echo", BINARY), ("/", TEXT)] {
        let mut client = server.open(path);
        client.send(&frame(opcode, &[b'x'; 1000]));
        assert_eq!(client.frame().opcode, if path == "/" { TEXT } else { BINARY });
        client.send(&common::frame_header(0x80 | opcode, 1001));
        assert_eq!(client.close().0, 1009);
    }
}

#[test]
fn empty_fragments_in_a_row() {
    let server = Server::start(&["--empty-fragments", "3"]);
    let mut client = server.open("/echo");
    client.send(&[raw_frame(0x01, b""), raw_frame(0, b"").repeat(2)].concat());
    client.send(&raw_frame(0x80, b"x"));
    client.expect_text("x");
    client.send(&[raw_frame(0x01, b"x"), raw_frame(0, b"").repeat(4)].concat());
    assert_eq!(client.close().0, 1008);
}

#[test]
fn what_waits_for_a_connection() {
    let server = Server::start(&["--outbox", "8K", "--log", "debug", "--close-wait", "200ms"]);
    let deaf = server.open("/broadcast");
    let mut sender = server.open("/broadcast");
    let message = frame(BINARY, &[0; 16 * 1024]);
    common::eventually("it is told", || {
        sender.send(&message);
        server.log().contains("1013").then_some(())
    });
    drop(deaf);
}

#[test]
fn above_the_high_water_mark_nothing_is_read() {
    let flags = ["--high-water", "1K", "--mount", "/echo=echo,outbox=64M", "--log", "off"];
    let server = Server::start(&flags);
    let client = server.open("/echo");
    let mut writer = client.stream.try_clone().unwrap();
    writer.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let message = frame(BINARY, &[0; 16 * 1024]);
    let mut taken = 0;
    while taken < 64 << 20 {
        match std::io::Write::write(&mut writer, &message) {
            Ok(count) => taken += count,
            Err(_) => break,
        }
    }
    assert!(taken < 64 << 20, "what it cannot answer it must not read");
    assert!(server.serves());
}

#[test]
fn what_is_queued_in_the_process() {
    let flags = ["--queued", "2M", "--mount", "/all=broadcast,outbox=8M", "--stall", "1h"];
    let server = Server::start(&flags);
    let deaf: Vec<_> = (0..8).map(|_| server.open("/all")).collect();
    let mut sender = server.open("/all");
    let message = frame(BINARY, &[0; 64 * 1024]);
    // First newcomers are refused, then the largest queue goes; those who read stay.
    let mut seen_refused = false;
    common::eventually("the largest queue is closed", || {
        sender.send(&message);
        let newcomer = Client::try_open(server.address(), "/echo");
        seen_refused |= newcomer.is_err_and(|error| error.to_string().contains(" 503 "));
        server.log().contains("too much is queued").then_some(())
    });
    drop(deaf);
    common::eventually("it recovers by itself", || server.serves().then_some(()));
    assert!(seen_refused);
    sender.send(&frame(common::PING, b""));
    assert_eq!(sender.frame().opcode, common::PONG);
}

#[test]
fn connections_with_context_takeover() {
    let flags = ["--deflate", "takeover", "--deflate-takeovers", "2"];
    let server = Server::start(&flags);
    let request =
        common::handshake_with("/echo", "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    let open = || {
        let mut client = server.connect();
        client.send(request.as_bytes());
        let head = client.head();
        assert!(head.contains("permessage-deflate"), "{head}");
        (client, !head.contains("no_context_takeover"))
    };
    let mut clients: Vec<_> = (0..4).map(|_| open()).collect();
    assert_eq!(clients.iter().filter(|client| client.1).count(), 2);
    assert!(clients[0].1 && clients[1].1);
    clients.remove(0);
    common::eventually("there is room", || open().1.then_some(()));
}

#[test]
fn what_is_accepted_and_read_in_a_turn() {
    let flags = ["--accepts-per-turn", "1", "--read-per-turn", "1", "--backlog", "64"];
    let server = Server::start(&flags);
    let mut clients: Vec<_> = (0..20).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(handshake("/echo").as_bytes());
        client.send_text("hello");
    }
    for client in &mut clients {
        assert!(client.head().starts_with("HTTP/1.1 101 "));
        client.expect_text("hello");
    }
}

#[test]
fn a_login_is_waited_for() {
    let server = Server::start(&["--login", "200ms"]);
    let mut client = server.open("/");
    assert_eq!(client.close().0, 1008);
}

#[test]
fn the_connection_limit_does_not_flutter() {
    let server = Server::start(&["--max-connections", "32"]);
    let mut clients: Vec<_> = (0..32).map(|_| server.open("/echo")).collect();
    let mut next = server.connect();
    next.send(handshake("/echo").as_bytes());
    next.stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    assert!(next.try_head().is_err());
    // One goes: not enough. A sixteenth must be free, and one more for who comes.
    clients.pop();
    assert!(next.try_head().is_err());
    clients.truncate(29);
    next.stream.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(next.head().starts_with("HTTP/1.1 101 "));
}

#[test]
fn output_that_makes_no_progress() {
    let flags = ["--stall", "300ms", "--ping-after", "1h", "--mount", "/all=broadcast,outbox=64M"];
    let server = Server::start(&[&flags[..], &["--log", "debug"]].concat());
    let mut deaf = server.open("/all");
    let mut sender = server.open("/all");
    let message = frame(BINARY, &[0; 64 * 1024]);
    common::eventually("it is dropped", || {
        sender.send(&message);
        // It is lively, but it does not read.
        let _ = std::io::Write::write_all(&mut deaf.stream, &frame(common::PONG, b""));
        server.log().contains("takes nothing").then_some(())
    });
    assert!(server.serves());
}

#[cfg(target_os = "linux")]
#[test]
fn who_vanishes_is_gone_after_a_ping_and_its_wait() {
    let flags = ["--ping-after", "200ms", "--pong-wait", "200ms", "--log", "off"];
    let server = Server::start(&flags);
    let baseline = server.descriptors();
    // Nothing comes from them any more: to the server that is the same as if their machines had
    // lost their power.
    let mut clients: Vec<_> = ["/", "/echo", "/chat"].map(|path| server.open(path)).into();
    clients[1].send(&frame(BINARY, &[0; 1000])[..500]);
    common::eventually("they are gone", || (server.descriptors() == baseline).then_some(()));
    for mut client in clients {
        assert_eq!(client.frame().opcode, common::PING);
        client.rest();
    }
}

#[test]
fn a_violation_is_one_line_of_the_log() {
    let server = Server::start(&["--log", "trace"]);
    let mut client = server.open("/echo");
    let own = client.stream.local_addr().unwrap().to_string();
    client.send(&raw_frame(0x83, b""));
    assert_eq!(client.close().0, 1002);
    assert_eq!(client.rest().1, End::Closed);
    drop(client);
    let log = common::eventually("it is logged", || {
        assert!(server.serves());
        Some(server.log()).filter(|log| log.contains("reserved opcode"))
    });
    let lines = log.lines().filter(|line| line.contains(&own)).map(str::to_lowercase);
    let lines: Vec<_> = lines.filter(|line| line.contains("reserved")).collect();
    assert_eq!(lines.len(), 1, "{log}");
}
