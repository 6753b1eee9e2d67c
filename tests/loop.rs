//! The event loop against peers that are slow, rude or gone, over real sockets.

mod common;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

use common::{BINARY, CLOSE, End, PATIENCE, PING, PONG, Server, TEXT};
use common::{frame, frame_header, handshake, raw_frame};

const MIB: usize = 1 << 20;

#[test]
fn thousands_of_frames_in_one_write_are_all_answered() {
    let server = Server::start(&[]);
    let mut client = server.open("/echo");
    let count = 20_000;
    let frames: Vec<u8> =
        (0..count).flat_map(|number: u32| frame(TEXT, number.to_string().as_bytes())).collect();
    let mut writer = client.stream.try_clone().unwrap();
    let writing = thread::spawn(move || writer.write_all(&frames).unwrap());
    for number in 0..count {
        client.expect_text(&number.to_string());
    }
    writing.join().unwrap();
}

#[test]
fn a_frame_may_be_cut_anywhere() {
    let server = Server::start(&[]);
    let mut client = server.open("/echo");
    let bytes = [
        raw_frame(0x01, "grü".as_bytes()),
        frame(PING, b"?"),
        raw_frame(0x80, "ße".as_bytes()),
        frame(BINARY, &[0; 130]),
    ]
    .concat();
    for cut in 0..bytes.len() {
        client.send(&bytes[..cut]);
        client.send(&bytes[cut..]);
        assert_eq!(client.frame().opcode, PONG, "{cut}");
        client.expect_text("grüße");
        assert_eq!(client.frame().payload, [0; 130]);
    }
}

#[test]
fn who_does_not_read_is_not_read_from_and_loses_nothing() {
    let server = Server::start(&[]);
    let mut client = server.open("/echo");
    #[cfg(target_os = "linux")]
    let before = server.memory();
    let total = 64 * MIB;
    let message = frame(BINARY, &vec![b'x'; 64 * 1024]);
    let count = total / (64 * 1024);
    let mut writer = client.stream.try_clone().unwrap();
    writer.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    // It writes until nobody takes more, and reads nothing.
    let mut sent = 0;
    let all = message.len() * count;
    let piece = |sent: usize| &message[sent % message.len()..];
    while sent < all {
        match writer.write(piece(sent)) {
            Ok(written) => sent += written,
            Err(_) => break,
        }
    }
    assert!(sent < all, "the server must not take 64 MiB that it cannot answer");
    #[cfg(target_os = "linux")]
    {
        let grown = server.memory().saturating_sub(before);
        assert!(grown < 4 * MIB, "{grown} bytes");
    }
    assert!(server.serves());
    writer.set_write_timeout(Some(PATIENCE)).unwrap();
    let message = message.clone();
    let writing = thread::spawn(move || {
        while sent < all {
            sent += writer.write(&message[sent % message.len()..]).unwrap();
        }
    });
    for _ in 0..count {
        let echoed = client.frame();
        assert_eq!((echoed.opcode, echoed.payload.len()), (BINARY, 64 * 1024));
        assert!(echoed.payload.iter().all(|&byte| byte == b'x'));
    }
    writing.join().unwrap();
    #[cfg(target_os = "linux")]
    assert!(server.memory().saturating_sub(before) < 4 * MIB);
}

#[test]
fn who_never_reads_a_flood_is_closed_and_nobody_else() {
    let server = Server::start(&["--close-wait", "300ms", "--log", "debug"]);
    let mut deaf = server.open("/broadcast");
    let mut hears = server.open("/broadcast");
    let mut sender = server.open("/broadcast");
    #[cfg(target_os = "linux")]
    let before = server.memory();
    // More than the kernel's buffers and the outbox hold.
    let message = frame(BINARY, &[b'x'; 16 * 1024]);
    let count = 1024;
    let listening = thread::spawn(move || {
        for _ in 0..count {
            assert_eq!(hears.frame().payload.len(), 16 * 1024);
        }
        hears
    });
    for _ in 0..count {
        sender.send(&message);
    }
    let mut hears = listening.join().unwrap();
    common::eventually("it is closed", || server.log().contains("1013").then_some(()));
    #[cfg(target_os = "linux")]
    assert!(server.memory().saturating_sub(before) < 4 * MIB);
    // What it had been sent before it may still read; then comes the end.
    let mut rest = Vec::new();
    let _ = deaf.stream.read_to_end(&mut rest);
    assert!(rest.len() < count * 16 * 1024);
    sender.send_text("still here");
    hears.expect_text("still here");
}

#[test]
fn a_close_frame_behind_two_megabytes_unread_loses_none_of_them() {
    // Dropping a socket with unread input resets it, and a reset throws away what the peer has not
    // read yet.
    let server = Server::start(&[]);
    let mut client = server.open("/echo");
    let mut writer = client.stream.try_clone().unwrap();
    let message = frame(BINARY, &vec![b'x'; 100_000]);
    let writing = thread::spawn(move || {
        for _ in 0..20 {
            writer.write_all(&message).unwrap();
        }
        writer.write_all(&frame(CLOSE, &1000_u16.to_be_bytes())).unwrap();
        // And it goes on talking, which nobody has to read.
        let _ = writer.write_all(&[b'x'; 100_000]);
    });
    // The reader starts late.
    thread::sleep(Duration::from_millis(100));
    for _ in 0..20 {
        assert_eq!(client.frame().payload.len(), 100_000);
    }
    assert_eq!(client.close().0, 1000);
    assert_eq!(client.rest(), (Vec::new(), End::Closed));
    writing.join().unwrap();
}

#[test]
fn who_ends_its_direction_still_gets_its_replies() {
    let server = Server::start(&[]);
    let mut client = server.open("/echo");
    for _ in 0..20 {
        client.send(&frame(BINARY, &[b'x'; 10_000]));
    }
    client.half_close();
    for _ in 0..20 {
        assert_eq!(client.frame().payload.len(), 10_000);
    }
    assert_eq!(client.rest(), (Vec::new(), End::Closed));
}

#[test]
fn the_server_closes_first_after_the_closing_handshake() {
    // RFC 6455, 7.1.1.
    let server = Server::start(&[]);
    let mut client = server.open("/echo");
    client.send_close(3000);
    assert_eq!(client.close().0, 3000);
    // We have ended nothing, so this end is the server's.
    assert_eq!(client.rest(), (Vec::new(), End::Closed));
    let mut client = server.open("/echo");
    client.send(&frame(CLOSE, b""));
    assert_eq!(client.close().0, 1005);
    assert_eq!(client.rest(), (Vec::new(), End::Closed));
}

#[test]
fn resets_in_the_middle_of_anything_harm_nobody_else() {
    let server = Server::start(&["--log", "off"]);
    let mut canary = server.open("/echo");
    for round in 0..200 {
        let mut client = server.connect();
        let head = handshake("/echo");
        match round % 4 {
            0 => client.send(&head.as_bytes()[..round % head.len()]),
            1 => client.send(head.as_bytes()),
            2 => {
                client.send(head.as_bytes());
                client.send(&frame(BINARY, &[b'x'; 60_000]));
            }
            _ => {
                client.send(head.as_bytes());
                client.send(&frame_header(0x82, 1000));
            }
        }
        // With bytes unread, or with this, a close becomes a reset.
        let socket = socket2::SockRef::from(&client.stream);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        canary.send_text("?");
        canary.expect_text("?");
    }
    #[cfg(target_os = "linux")]
    {
        drop(canary);
        let idle = Server::start(&[]);
        common::eventually("all descriptors come back", || {
            (server.descriptors() == idle.descriptors()).then_some(())
        });
    }
}

#[test]
fn a_silent_peer_is_pinged_and_kept_if_it_answers() {
    let server = Server::start(&["--ping-after", "100ms", "--pong-wait", "30s"]);
    let mut client = server.open("/echo");
    for _ in 0..3 {
        let ping = client.frame();
        assert_eq!(ping.opcode, PING);
        client.send(&frame(PONG, &ping.payload));
    }
    client.send_text("still here");
    let mut reply = client.frame();
    while reply.opcode == PING {
        reply = client.frame();
    }
    assert_eq!(reply.payload, b"still here");
}

#[test]
fn a_peer_that_answers_no_ping_is_dropped() {
    let server = Server::start(&["--ping-after", "100ms", "--pong-wait", "100ms"]);
    let mut client = server.open("/echo");
    assert_eq!(client.frame().opcode, PING);
    assert_eq!(client.rest().0, b"");
    assert!(server.serves());
}

#[test]
fn a_close_frame_that_is_not_answered_ends_the_connection_at_its_deadline() {
    let server = Server::start(&["--close-wait", "200ms"]);
    let mut client = server.open("/");
    client.send(&frame(BINARY, b"?"));
    assert_eq!(client.close().0, 1003);
    // Nothing comes back from us but more talk.
    client.send_text("ping");
    assert_eq!(client.rest().0, b"");
}

#[test]
fn a_peer_that_breaks_a_rule_and_does_not_read_is_let_go() {
    // So much may wait for it that it is read from all the while.
    let mount = "/patient=echo,outbox=64M";
    let server = Server::start(&[
        "--close-wait",
        "200ms",
        "--log",
        "debug",
        "--high-water",
        "64M",
        "--mount",
        mount,
    ]);
    let mut client = server.open("/patient");
    let message = frame(BINARY, &[b'x'; 64 * 1024]);
    for _ in 0..16 * 16 {
        client.send(&message);
    }
    client.send(&raw_frame(0xff, b""));
    common::eventually("it is let go", || server.log().contains("dropped").then_some(()));
    let _ = client.stream.read_to_end(&mut Vec::new());
}

#[test]
fn a_message_that_is_never_finished_ends_at_its_deadline() {
    let server = Server::start(&["--reassembly", "200ms"]);
    let mut client = server.open("/echo");
    client.send(&raw_frame(0x01, b"begun"));
    assert_eq!(client.close().0, 1008);
    let mut client = server.open("/echo");
    client.send(&frame(TEXT, b"cut short")[..10]);
    assert_eq!(client.close().0, 1008);
}

#[test]
fn slow_heads_end_at_the_deadline_however_they_drip() {
    let server = Server::start(&["--handshake", "300ms"]);
    let mut client = server.connect();
    client.stream.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    let head = handshake("/echo").repeat(100);
    let start = Instant::now();
    let mut answer = Vec::new();
    // Each byte comes well within the time that is allowed for the whole.
    for byte in head.bytes().filter(|byte| *byte != b'\n') {
        let mut piece = [0; 1024];
        if client.stream.write_all(&[byte]).is_err() {
            break;
        }
        match client.stream.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&piece[..count]),
            Err(_) if start.elapsed() < PATIENCE => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert!(answer.starts_with(b"HTTP/1.1 408 "), "{answer:?}");
}

#[test]
fn a_thousand_dripping_heads_cost_little_and_all_end() {
    // tungstenite, CVE-2023-43669: a long head, parsed anew with each byte of it.
    let server = Server::start(&["--handshake", "2s", "--log", "off"]);
    let mut clients: Vec<_> = (0..1000).map(|_| server.connect()).collect();
    let mut canary = server.open("/echo");
    #[cfg(target_os = "linux")]
    let memory = server.memory();
    let line = format!("GET /echo HTTP/1.1\r\nCookie: {}", "x".repeat(2000));
    for client in &mut clients {
        client.send(line.as_bytes());
    }
    for byte in [b'a'; 20] {
        for client in &mut clients {
            let _ = client.stream.write_all(&[byte]);
        }
        canary.send_text("?");
        canary.expect_text("?");
    }
    #[cfg(target_os = "linux")]
    assert!(server.memory().saturating_sub(memory) < 16 * MIB);
    for client in &mut clients {
        client.rest();
    }
    assert!(server.serves());
}

#[test]
fn a_thousand_announcements_cost_no_memory() {
    // rust-websocket, RUSTSEC-2022-0035: memory by the size that a header declares.
    let server = Server::start(&["--log", "off"]);
    let mut clients: Vec<_> = (0..1000).map(|_| server.open("/echo")).collect();
    #[cfg(target_os = "linux")]
    let before = server.memory();
    for client in &mut clients {
        client.send(&frame_header(0x82, MIB as u64));
    }
    assert!(server.serves());
    #[cfg(target_os = "linux")]
    assert!(server.memory().saturating_sub(before) < 2 * MIB);
}

#[test]
fn floods_of_pings_and_pongs_that_are_not_read_keep_memory_flat() {
    let server = Server::start(&["--log", "off"]);
    let client = server.open("/echo");
    let mut writer = client.stream.try_clone().unwrap();
    writer.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    #[cfg(target_os = "linux")]
    let before = server.memory();
    let pongs = frame(PONG, &[b'x'; 125]).repeat(1000);
    for _ in 0..50 {
        writer.write_all(&pongs).unwrap();
    }
    let pings = frame(PING, &[b'x'; 125]).repeat(1000);
    for _ in 0..200 {
        if writer.write_all(&pings).is_err() {
            break; // it is not read from any more, which is as good
        }
    }
    #[cfg(target_os = "linux")]
    assert!(server.memory().saturating_sub(before) < 2 * MIB);
    assert!(server.serves());
}

#[test]
fn at_the_connection_limit_nobody_is_accepted_until_there_is_room() {
    let server = Server::start(&["--max-connections", "3"]);
    let mut clients: Vec<_> = (0..3).map(|_| server.open("/echo")).collect();
    let mut waiting = server.connect();
    waiting.send(handshake("/echo").as_bytes());
    waiting.stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(waiting.try_head().is_err(), "the kernel holds it");
    #[cfg(target_os = "linux")]
    assert_idle(&server);
    for client in &mut clients {
        client.send_text("served");
        client.expect_text("served");
    }
    drop(clients.pop());
    waiting.stream.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(waiting.head().starts_with("HTTP/1.1 101 "));
    waiting.send_text("hello");
    waiting.expect_text("hello");
}

/// The server uses next to no processor time while nothing happens.
#[cfg(target_os = "linux")]
fn assert_idle(server: &Server) {
    let before = server.cpu_time();
    thread::sleep(Duration::from_millis(500));
    let used = server.cpu_time() - before;
    assert!(used < Duration::from_millis(100), "{used:?} of 500 ms");
}

#[cfg(target_os = "linux")]
#[test]
fn without_descriptors_it_neither_spins_nor_ends_and_serves_again() {
    let mut server = Server::start_in_shell("ulimit -n 64", &["--log", "off"]);
    let baseline = server.descriptors();
    let mut clients = Vec::new();
    while server.descriptors() < 60 {
        clients.push(server.open("/echo"));
        assert!(clients.len() < 100);
    }
    let crowd: Vec<_> = (0..50).map(|_| server.connect()).collect();
    assert_idle(&server);
    assert!(server.is_running());
    for client in clients.iter_mut().take(40) {
        client.send_text("still served");
        client.expect_text("still served");
    }
    drop(crowd);
    clients.clear();
    let start = Instant::now();
    common::eventually("it serves again", || server.serves().then_some(()));
    assert!(start.elapsed() < Duration::from_secs(10));
    common::eventually("all descriptors come back", || {
        (server.descriptors() == baseline).then_some(())
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_quiet_server_uses_no_processor_time() {
    let server = Server::start(&["--loops", "2"]);
    let mut clients: Vec<_> =
        (0..50).map(|number| server.open(["/", "/echo", "/chat"][number % 3])).collect();
    // One in each state: clogged, half closed, closing, in the middle of a head.
    let mut clogged = clients.pop().unwrap();
    clogged.stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let message = frame(BINARY, &[b'x'; 32 * 1024]);
    while clogged.stream.write_all(&message).is_ok() {}
    clients[0].send(&frame(BINARY, b"not here"));
    clients[2].stream.shutdown(Shutdown::Write).unwrap();
    let mut head = server.connect();
    head.send(b"GET /");
    let mut stuck = server.connect();
    stuck.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_idle(&server);
}
