//! Attacks on the handshake: A1, A2, A5, A6, A8.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use crate::suite::arena::Arena;
use crate::suite::common::{Client, End, handshake, handshake_with};

type Row = (&'static str, &'static str, &'static [&'static str], fn(&mut Arena) -> String);

/// Origins are judged only where a list of them was given.
const ORIGIN: &str = "https://good.example";

pub const ROWS: &[Row] = &[
    ("A1", "heads that drip in, byte by byte", &["--handshake", "10m"], dripping_heads),
    ("A2", "any number of header fields", &[], many_headers),
    ("A5", "slowloris", &[], slowloris),
    ("A6", "request smuggling around Upgrade", &[], smuggling),
    ("A8", "pages of other origins", &["--mount", "/guarded=echo"], origins),
];

/// tungstenite, CVE-2023-43669: a head was parsed anew with each piece of it, so that a long one
/// cost the square of its length.
fn dripping_heads(arena: &mut Arena) -> String {
    let count = arena.many(50, 300);
    let long = 7000;
    let cost = |arena: &Arena, length: usize| {
        let mut clients: Vec<_> = (0..count).map(|_| arena.connect()).collect();
        let head = format!("GET /echo HTTP/1.1\r\nCookie: {}", "x".repeat(length));
        let before = arena.server.cpu_time();
        for byte in head.as_bytes() {
            for client in &mut clients {
                client.send(&[*byte]);
            }
        }
        // The rest makes a request of it, and the answer says that all was read.
        for client in &mut clients {
            client.send(b"\r\n\r\n");
        }
        for client in &mut clients {
            assert!(client.head().starts_with("HTTP/1.1 400 "), "there is no Host");
        }
        let used = arena.server.cpu_time() - before;
        used.as_secs_f64() * 1e6 / (head.len() * count) as f64
    };
    let short_cost = cost(arena, long / 10);
    let long_cost = cost(arena, long);
    // Mostly that of a system call. Time is counted in hundredths of a second, and other work on the
    // machine shows too, so only the absurd is judged here; that no byte is looked at twice is
    // what the tests of the head's scanner prove.
    assert!(long_cost < 20.0, "{long_cost} us a byte, {short_cost} in a short head");
    format!(
        "{count} heads; {short_cost:.2} us of CPU a byte at {}, {long_cost:.2} at {long}",
        long / 10
    )
}

/// ws, CVE-2024-37890: with more header fields than its limit, it crashed on the missing ones.
fn many_headers(arena: &mut Arena) -> String {
    let step = arena.many(97, 1);
    let mut refused = 0;
    let mut asked = 0;
    for count in (0..=2000).step_by(step) {
        for upgrade in [true, false] {
            let mut client = arena.connect();
            let fields: String = (0..count).map(|n| format!("X-{n}: y\r\n")).collect();
            let request = if upgrade {
                handshake_with("/echo", &fields)
            } else {
                format!("GET /healthz HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
            };
            // The answer may come, and the connection end, before all of it is sent.
            let _ = client.stream.write_all(request.as_bytes());
            let own = if upgrade { 5 } else { 1 };
            let expected = match (count + own > 64 || request.len() > 8 * 1024, upgrade) {
                (true, _) => 431,
                (false, true) => 101,
                (false, false) => 200,
            };
            let head = client.head();
            assert!(head.starts_with(&format!("HTTP/1.1 {expected} ")), "{count}: {head}");
            if expected == 431 {
                refused += 1;
                assert_eq!(client.rest().1, End::Closed, "{count}");
            }
            asked += 1;
        }
    }
    format!("{asked} requests, {refused} answered with 431")
}

/// Many connections, each of which says one byte a second and so is never silent.
fn slowloris(arena: &mut Arena) -> String {
    let count = arena.many(300, 5000);
    let memory = arena.server.memory();
    let start = Instant::now();
    let mut clients: Vec<_> = (0..count).map(|_| Some(arena.connect())).collect();
    for client in clients.iter().flatten() {
        client.stream.set_nonblocking(true).unwrap();
    }
    let head = handshake("/echo");
    let mut left = count;
    let mut timed_out = 0;
    for byte in head.bytes().cycle() {
        for slot in &mut clients {
            let Some(client) = slot else { continue };
            // A write to a connection that was ended may fail before its answer is read.
            let _ = client.stream.write(&[byte]);
            match ended(client) {
                None => {}
                Some(answer) => {
                    timed_out += usize::from(answer.starts_with(b"HTTP/1.1 408 "));
                    left -= 1;
                    *slot = None;
                }
            }
        }
        if left == 0 {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{left} are still open");
        std::thread::sleep(Duration::from_millis(500));
    }
    let all = start.elapsed().as_secs_f32();
    let each = arena.grown(memory) / count;
    assert!(timed_out * 10 >= count * 9, "{timed_out} were told why");
    assert!(each < 4096, "{each} bytes for each");
    format!(
        "{count} ended within {all:.1} s, {timed_out} of them read the 408; {each} B each at most"
    )
}

/// What was received, if the connection has ended.
fn ended(client: &mut Client) -> Option<Vec<u8>> {
    let mut received = Vec::new();
    match client.stream.read_to_end(&mut received) {
        Ok(_) => Some(received),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            // An answer that has begun is read to its end.
            if received.is_empty() {
                return None;
            }
            client.stream.set_nonblocking(false).unwrap();
            let _ = client.stream.read_to_end(&mut received);
            Some(received)
        }
        Err(_) => Some(received),
    }
}

/// Requests that a proxy and a server may understand differently.
fn smuggling(arena: &mut Arena) -> String {
    let good = handshake("/echo");
    let with = |fields: &str| handshake_with("/echo", fields);
    let requests = [
        ("a body by its length", with("Content-Length: 5\r\n"), 400),
        ("a body in chunks", with("Transfer-Encoding: chunked\r\n"), 400),
        ("both", with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400),
        ("a folded line", with("X-A: b\r\n c\r\n"), 400),
        ("bare line feeds", good.replace("\r\n", "\n"), 400),
        ("one bare line feed", good.replacen("localhost\r\n", "localhost\n", 1), 400),
        ("a bare carriage return", with("X-A: b\rc\r\n"), 400),
        ("a space before the colon", with("X-A : b\r\n"), 400),
        ("a NUL", with("X-A: b\0c\r\n"), 400),
        ("two Hosts", with("Host: other\r\n"), 400),
        ("no Host", good.replace("Host: localhost\r\n", ""), 400),
        ("HTTP/1.0", good.replace("HTTP/1.1", "HTTP/1.0"), 400),
        ("HTTP/2.0", good.replace("HTTP/1.1", "HTTP/2.0"), 505),
        ("POST", good.replacen("GET", "POST", 1), 405),
        ("version 12", good.replace("Version: 13", "Version: 12"), 426),
        ("two keys", with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), 400),
    ];
    let mut told = Vec::new();
    for (what, request, expected) in &requests {
        let mut client = arena.connect();
        // Behind it a second request, and a frame: nothing of that may be answered.
        let smuggled = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
        let _ = client.stream.write_all(request.as_bytes());
        let _ = client.stream.write_all(smuggled.as_bytes());
        let head = client.head();
        let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
        if status != *expected {
            told.push(format!("{what}: {status} and not {expected}"));
        }
        if status == 426 {
            assert!(head.contains("Sec-WebSocket-Version: 13\r\n"), "{head}");
        }
        let (rest, end) = client.rest();
        assert_eq!(end, End::Closed, "{what}");
        assert!(
            !rest.windows(13).any(|window| window == b"HTTP/1.1 200 "),
            "{what}: a second answer"
        );
    }
    assert!(told.is_empty(), "{told:#?}");
    // And behind a good one: the bytes are frames, whatever they look like.
    let mut client = arena.open("/echo");
    client.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.close().0, 1002);
    client.half_close();
    format!("{} requests refused, each answered once", requests.len())
}

/// Cross-site WebSocket hijacking: a page elsewhere connects with its visitor's cookies.
fn origins(arena: &mut Arena) -> String {
    let server = crate::suite::arena::start(&["--origin", ORIGIN]);
    let mut refused = 0;
    let tries = [
        ("", 403),
        ("Origin: null\r\n", 403),
        ("Origin: https://good.example.evil\r\n", 403),
        ("Origin: https://good.evil\r\n", 403),
        ("Origin: https://evilgood.example\r\n", 403),
        ("Origin: http://good.example\r\n", 403),
        ("Origin: https://good.example:444\r\n", 403),
        ("Origin: https://good.example.\r\n", 403),
        ("Origin: https://good.example/\r\n", 403),
        ("Origin: \r\n", 403),
        ("Origin: https://good.example, https://evil.example\r\n", 403),
        ("Origin: https://good.example\r\nOrigin: https://evil.example\r\n", 400),
        ("Origin: https://good.example\r\n", 101),
    ];
    for (field, expected) in tries {
        let mut client = crate::suite::arena::try_connect(server.address()).unwrap();
        client.send(handshake_with("/echo", field).as_bytes());
        let head = client.head();
        let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
        let fine = status == expected || expected == 400 && status == 403;
        assert!(fine, "{field:?}: {head}");
        refused += usize::from(status != 101);
    }
    let _ = arena;
    format!("{refused} of {} refused", tries.len())
}
