//! Attacks with signaling messages: C10, C11.

use std::io::{Read, Write};

use crate::suite::arena::Arena;
use crate::suite::canary::login;
use crate::suite::common::{TEXT, frame};

type Row = (&'static str, &'static str, &'static [&'static str], fn(&mut Arena) -> String);

pub const ROWS: &[Row] = &[
    ("C10", "names that would forge log lines", &["--log", "debug"], log_injection),
    (
        "C11",
        "rooms entered and left, and one join into a full large room",
        &["--rate", "off", "--room-capacity", "1000", "--log", "off"],
        rooms,
    ),
];

/// A newline in a name makes two lines of one event; an escape or a direction override makes a
/// terminal show something else than what was logged.
fn log_injection(arena: &mut Arena) -> String {
    let nasty =
        ["\\n12:00:00 root logged in", "\\u001b[2J", "\\u0000", "\\u202egpj.exe", "\\u0085x"];
    let mut tried = 0;
    for text in nasty {
        let mut client = arena.open("/signal");
        for message in [
            format!(r#"{{"type":"login","name":"{text}"}}"#),
            format!(r#"{{"type":"{text}"}}"#),
            format!(r#"{{"type":"join","room":"{text}"}}"#),
        ] {
            client.send_text(&message);
            client.text();
            tried += 1;
        }
        client.send(&frame(
            8,
            &[&4000u16.to_be_bytes()[..], "\u{202e}\n\u{1b}[2J".as_bytes()].concat(),
        ));
        client.rest();
        // The same in a request line, a header and a path.
        let mut client = arena.connect();
        client
            .send(b"GET /\x1b[2J%0a%1b HTTP/1.1\r\nHost: \x1b[2J\r\nOrigin: \xe2\x80\xae\r\n\r\n");
        client.rest();
    }
    arena.server.get("/healthz");
    let log = arena.server.log();
    // The first line is for whoever started it.
    for line in log.lines().skip(1) {
        let strange = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!line.contains(strange), "{line:?}");
        let dated = line.starts_with(['[', '2']);
        assert!(dated, "not the beginning of a log line: {line:?}");
    }
    format!("{tried} messages, {} log lines, each printable", log.lines().count())
}

/// Tables that only grow, and one message that makes a thousand.
fn rooms(arena: &mut Arena) -> String {
    let churn = arena.many(5000, 1_000_000);
    let members = arena.many(100, 1000);
    // Warm: what a loop keeps for the next time is no leak.
    churn_rooms(arena, "warm", 2000);
    let before = arena.server.memory();
    churn_rooms(arena, "churn", churn);
    let after = arena.server.memory();
    let kept = after.saturating_sub(before);
    assert!(kept < 1 << 20, "{kept} bytes stay of {churn} rooms");

    let server = crate::suite::arena::start(&[
        "--rate",
        "off",
        "--room-capacity",
        &members.to_string(),
        "--log",
        "off",
    ]);
    let mut inside: Vec<_> = (0..members)
        .map(|number| {
            let mut client = login(server.address(), &format!("member-{number}"));
            client.send_text(r#"{"type":"join","room":"full"}"#);
            client
        })
        .collect();
    let mut outside = login(server.address(), "outside");
    // All that the members were told has been written when the last of them is answered.
    for client in &mut inside {
        client.send_text(r#"{"type":"?"}"#);
        // Who waited for long is sent a ping in between.
        while !String::from_utf8_lossy(&client.frame().payload).contains("error") {}
    }
    let sent = crate::suite::arena::metric(&server, "wigwag_messages_sent_total");
    outside.send_text(r#"{"type":"join","room":"full"}"#);
    let reply = outside.text();
    assert!(reply.contains("full"), "{reply}");
    let answers = crate::suite::arena::metric(&server, "wigwag_messages_sent_total") - sent;
    assert_eq!(answers, 1, "messages for one refused join");
    format!("{churn} rooms, {kept} B stay; a join into a room of {members} makes {answers} message")
}

/// Enters and leaves so many rooms, each of its own name.
fn churn_rooms(arena: &Arena, prefix: &str, count: usize) {
    let mut client = login(arena.server.address(), prefix);
    let batch = 500;
    for first in (0..count).step_by(batch) {
        let mut messages = Vec::new();
        for number in first..(first + batch).min(count) {
            let join = format!(r#"{{"type":"join","room":"{prefix}-{number}"}}"#);
            let leave = format!(r#"{{"type":"leave-room","room":"{prefix}-{number}"}}"#);
            messages.extend(frame(TEXT, join.as_bytes()));
            messages.extend(frame(TEXT, leave.as_bytes()));
        }
        messages.extend(frame(9, b"all?"));
        let mut writer = client.stream.try_clone().unwrap();
        let writing = std::thread::spawn(move || writer.write_all(&messages).unwrap());
        while client.frame().opcode != 10 {}
        writing.join().unwrap();
    }
    client.send_close(1000);
    let _ = client.stream.read_to_end(&mut Vec::new());
}
