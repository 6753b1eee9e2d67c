//! Everything at once, for as long as one likes: churn of connections, logins and calls, with the
//! attacks among them. What is printed at the end should be what was printed at the start.

use std::io::Write;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use crate::suite::arena;
use crate::suite::canary::{Canary, login};
use crate::suite::common::{BINARY, Server, TEXT, eventually, frame, frame_header, raw_frame};

/// How often the figures are printed on the way.
const REPORT: Duration = Duration::from_secs(60);

/// Runs for `time` and compares the accounts.
pub fn run(time: Duration) -> ExitCode {
    let mut server = arena::start(&[
        "--log",
        "off",
        "--reassembly",
        "5s",
        "--ping-after",
        "5s",
        "--pong-wait",
        "3s",
        "--close-wait",
        "2s",
        "--handshake",
        "2s",
        "--login",
        "5s",
        "--loops",
        "2",
    ]);
    println!(
        "{:>6} {:>8} {:>11} {:>10} {:>9} {:>6} {:>6} {:>12}",
        "time", "rounds", "descriptors", "memory", "connected", "users", "rooms", "queued"
    );
    let canary = Canary::start(&server);
    // Once round before the start is measured: what is kept for the next time is no leak.
    churn(&server, 0);
    settle(&server);
    let start = Instant::now();
    report(&server, start, 0);
    let before = Figures::of(&server);
    let (mut rounds, mut reported) = (0, Instant::now());
    while start.elapsed() < time {
        rounds += 1;
        churn(&server, rounds);
        if reported.elapsed() >= REPORT {
            reported = Instant::now();
            report(&server, start, rounds);
        }
    }
    settle(&server);
    report(&server, start, rounds);
    let after = Figures::of(&server);
    println!("{}", canary.conclude());
    let fine = server.is_running()
        && after.descriptors == before.descriptors
        && (after.users, after.rooms) == (before.users, before.rooms)
        && after.memory < before.memory + (4 << 20);
    println!("test result: {}", if fine { "ok" } else { "FAILED" });
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Figures {
    descriptors: usize,
    memory: usize,
    users: u64,
    rooms: u64,
}

impl Figures {
    fn of(server: &Server) -> Self {
        Self {
            // The connection that asked for metrics last may still be on its way out.
            descriptors: (0..50).map(|_| descriptors(server)).min().unwrap_or_default(),
            memory: server.memory(),
            users: arena::metric(server, "wigwag_signaling_users"),
            rooms: arena::metric(server, "wigwag_signaling_rooms"),
        }
    }
}

/// How many there are, a moment from now.
fn descriptors(server: &Server) -> usize {
    thread::sleep(Duration::from_millis(2));
    server.descriptors()
}

fn report(server: &Server, start: Instant, rounds: u64) {
    let Figures { descriptors, memory, users, rooms } = Figures::of(server);
    println!(
        "{:>5}s {rounds:>8} {descriptors:>11} {memory:>10} {:>9} {users:>6} {rooms:>6} {:>12}",
        start.elapsed().as_secs(),
        arena::connections(&arena::metrics(server)),
        arena::metric(server, "wigwag_queued_bytes"),
    );
}

/// Waits until only the canary is left.
fn settle(server: &Server) {
    eventually("only the canary is left", || {
        (arena::connections(&arena::metrics(server)) == 2).then_some(())
    });
}

/// One round: friends, strangers and enemies, some at a time.
fn churn(server: &Server, round: u64) {
    thread::scope(|scope| {
        scope.spawn(|| calls(server, round));
        scope.spawn(|| strangers(server));
        scope.spawn(|| enemies(server));
    });
}

/// Pairs that log in, call, enter rooms and leave, in order or not.
fn calls(server: &Server, round: u64) {
    for number in 0..20 {
        let names = [format!("a-{round}-{number}"), format!("b-{round}-{number}")];
        let [mut caller, mut callee] = names.each_ref().map(|name| login(server.address(), name));
        for sequence in 0..10 {
            let text = format!(r#"{{"type":"offer","offer":{sequence},"name":"{}"}}"#, names[1]);
            caller.send_text(&text);
            assert!(callee.text().contains(&format!(r#""offer":{sequence}"#)));
        }
        caller.send_text(&format!(r#"{{"type":"join","room":"r-{round}-{number}"}}"#));
        assert!(caller.text().contains("created"));
        if number % 2 == 0 {
            caller.send_close(1000);
            caller.rest();
        }
    }
}

/// Whoever speaks something else, or not to the end.
fn strangers(server: &Server) {
    for path in ["/", "/healthz", "/nowhere", "/%2e%2e/etc"] {
        server.get(path);
    }
    for bytes in [&b"GET / HTT"[..], b"\x16\x03\x01\x00\xa5\x01", b"\0\0\0\0", b"\r\n\r\n\r\n"] {
        let mut client = server.connect();
        let _ = client.stream.write_all(bytes);
    }
    for number in 0..50 {
        let mut client = server.open("/echo");
        client.send(&frame(BINARY, &vec![number; 1000])[..500 + usize::from(number)]);
    }
}

/// Whoever means harm.
fn enemies(server: &Server) {
    let mut held = Vec::new();
    for number in 0..20 {
        let Ok(mut client) = arena::try_open(server.address(), "/echo") else { continue };
        let _ = client.stream.set_nonblocking(true);
        let bytes = match number % 6 {
            0 => frame_header(0x82, u64::MAX >> 1),
            1 => raw_frame(0x00, b"").repeat(1000),
            2 => frame(9, b"x").repeat(20_000),
            3 => frame(BINARY, &[b'x'; 64 * 1024]).repeat(20),
            4 => raw_frame(0x02, b"x").into_iter().chain(raw_frame(0, b"x").repeat(5000)).collect(),
            _ => frame(TEXT, b"\xff\xfe"),
        };
        let _ = client.stream.write(&bytes);
        held.push(client);
    }
    // Some are gone at once, with a reset; some stay until the server has had enough.
    held.truncate(4);
    thread::sleep(Duration::from_millis(200));
}
