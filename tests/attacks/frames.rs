//! Attacks with frames: B3, B5, B8, B14.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::suite::arena::Arena;
use crate::suite::common::{
    self, CLOSE, PING, PONG, TEXT, frame, frame_header, handshake, raw_frame,
};

type Row = (&'static str, &'static str, &'static [&'static str], fn(&mut Arena) -> String);

pub const ROWS: &[Row] = &[
    ("B3", "the longest message is declared, and does not come", &[], declared),
    ("B5", "tiny fragments that are never finished", &["--reassembly", "20s"], tiny_fragments),
    ("B8", "floods of pings and pongs, nothing is read", &[], pings_and_pongs),
    ("B14", "a bad frame in the packet of the handshake", &[], bad_frame_with_the_handshake),
];

const KIB: usize = 1024;

/// rust-websocket, RUSTSEC-2022-0035: memory was taken for what a header declared.
fn declared(arena: &mut Arena) -> String {
    let count = arena.many(200, 1000);
    let mut clients: Vec<_> = (0..count).map(|_| arena.open("/echo")).collect();
    let before = arena.server.memory();
    for client in &mut clients {
        client.send(&frame_header(0x82, 1 << 20));
        client.send(&[0x55]);
    }
    assert!(arena.server.serves());
    let each = arena.grown(before) / count;
    assert!(each < 4 * KIB, "{each} bytes for each");
    format!("{count} times 1 MiB; {each} B each")
}

/// ws, CVE-2026-48779: each fragment of one byte cost its own buffer, fifteen times its bytes.
fn tiny_fragments(arena: &mut Arena) -> String {
    let fragments = arena.many(10_000, 131_000);
    let count = arena.many(10, 100);
    let before = arena.server.memory();
    let mut clients: Vec<_> = (0..count).map(|_| arena.open("/echo")).collect();
    let first = raw_frame(0x02, b"x");
    let next = raw_frame(0x00, b"x").repeat(fragments - 1);
    for client in &mut clients {
        client.send(&first);
        client.send(&next);
        // Its pong says that all before it was taken in.
        client.send(&frame(PING, b"all?"));
    }
    for client in &mut clients {
        assert_eq!(client.frame().opcode, PONG);
    }
    let grown = arena.grown(before);
    let sent = count * fragments;
    assert!(grown <= 2 * sent + 64 * KIB * count, "{grown} bytes for {sent}");
    let start = Instant::now();
    for client in &mut clients {
        let (code, reason) = client.close();
        assert_eq!(code, 1008, "{reason}");
        client.half_close();
    }
    let waited = start.elapsed().as_secs_f32();
    format!("{sent} B sent as fragments, {grown} B held; ended {waited:.0} s later")
}

/// Control frames are answered at once, so whoever does not read the answers makes them pile up.
fn pings_and_pongs(arena: &mut Arena) -> String {
    let total = arena.many(200_000, 10_000_000);
    let batch = 1000;
    let mut pongs = arena.open("/echo");
    let before = arena.server.memory();
    let unsolicited = frame(PONG, b"x").repeat(batch);
    for _ in 0..total / batch {
        pongs.send(&unsolicited);
    }
    pongs.send_text("still here");
    pongs.expect_text("still here");

    let mut deaf = arena.open("/echo");
    let pings = frame(PING, b"x").repeat(batch);
    deaf.stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    let mut sent = 0;
    while sent < total && deaf.stream.write_all(&pings).is_ok() {
        sent += batch;
    }
    let grown = arena.grown(before);
    assert!(grown < 1024 * KIB, "{grown} bytes");
    // Who reads gets the pong of each of ten pings, as Autobahn's case 2.10 has it.
    let mut hears = arena.open("/echo");
    for number in 0..10 {
        hears.send(&frame(PING, format!("{number}").as_bytes()));
    }
    for number in 0..10 {
        let pong = hears.frame();
        assert_eq!((pong.opcode, pong.payload), (PONG, format!("{number}").into_bytes()));
    }
    format!("{total} pongs taken, {sent} pings taken of one who does not read; {grown} B held")
}

/// A frame behind the request head was parsed where nobody caught its error.
fn bad_frame_with_the_handshake(arena: &mut Arena) -> String {
    let bad = [
        ("reserved opcode", frame(3, b"x")),
        ("unmasked", vec![0x81, 0x01, b'x']),
        ("reserved bit", raw_frame(0xc0 | TEXT, b"x")),
        ("long ping", frame(PING, &[b'x'; 126])),
        ("orphan continuation", raw_frame(0x80, b"x")),
        ("close code 1005", frame(CLOSE, &1005u16.to_be_bytes())),
    ];
    let step = arena.many(11, 1);
    let mut tried = 0;
    for (what, bytes) in &bad {
        let head = handshake("/echo");
        let all = [head.as_bytes(), bytes].concat();
        for cut in (0..all.len()).step_by(step) {
            let mut client = arena.connect();
            client.send(&all[..cut]);
            // The frame may be refused, and the connection be ended, at its first bytes.
            let _ = client.stream.write_all(&all[cut..]);
            assert!(client.head().starts_with("HTTP/1.1 101 "), "{what}, cut at {cut}");
            let frame = client.frame();
            assert_eq!(frame.opcode, CLOSE, "{what}, cut at {cut}");
            assert_eq!(common::close_body(&frame.payload).0, 1002, "{what}, cut at {cut}");
            client.half_close();
            tried += 1;
        }
    }
    format!("{tried} times 101 and 1002")
}
