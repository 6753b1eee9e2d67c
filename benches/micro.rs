//! What each part costs: `cargo bench --bench micro`, or with `-- --quick` in half a minute.
//!
//! The parts alone, without sockets: no figure here says how fast a server is, but a change in one
//! says where to look.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use wigwag::apps::{Application, Context, Effects, PeerId};
use wigwag::protocol::frame::Expected;
use wigwag::protocol::handshake::{HeadScanner, Request, ServerOptions, accept};
use wigwag::protocol::masking::apply_mask;
use wigwag::protocol::utf8::Utf8Stream;
use wigwag::protocol::{Connection, Event, FrameHeader, Limits, MaskingKey, Opcode, Role};
use wigwag::signaling::{Options, Signaling};

const KEY: MaskingKey = [0x37, 0xfa, 0x21, 0x3d];

fn bytes(length: usize) -> Throughput {
    Throughput::Bytes(length as u64)
}

fn unmask(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("unmask");
    for length in [20, 125, 1024, 65_536] {
        for offset in [0, 3] {
            let mut payload = vec![0x2a; length];
            group.throughput(bytes(length));
            let id = BenchmarkId::new(format!("from byte {offset}"), length);
            group.bench_function(id, |bencher| {
                bencher.iter(|| apply_mask(black_box(&mut payload), black_box(KEY), offset));
            });
        }
    }
}

fn header(criterion: &mut Criterion) {
    let expected = Expected {
        role: Role::Server,
        in_message: false,
        extension_bits: 0,
        room: 1 << 20,
        compressed_room: 1 << 20,
    };
    let mut group = criterion.benchmark_group("header");
    for length in [20, 1024, 70_000] {
        let header =
            FrameHeader { masking_key: Some(KEY), ..FrameHeader::new(Opcode::Text, length) };
        let mut encoded = Vec::new();
        header.encode(&mut encoded);
        group.bench_function(BenchmarkId::new("parse", encoded.len()), |bencher| {
            bencher.iter(|| FrameHeader::parse(black_box(&encoded), black_box(&expected)));
        });
        let mut out = Vec::with_capacity(16);
        group.bench_function(BenchmarkId::new("encode", encoded.len()), |bencher| {
            bencher.iter(|| {
                out.clear();
                black_box(&header).encode(&mut out);
            });
        });
    }
}

fn utf8(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("utf8");
    let texts = [("ASCII", "plain text ".repeat(94)), ("Chinese", "你好世界".repeat(86))];
    for (name, text) in texts {
        let text = text.as_bytes();
        group.throughput(bytes(text.len()));
        group.bench_function(BenchmarkId::new("std", name), |bencher| {
            bencher.iter(|| str::from_utf8(black_box(text)).is_ok());
        });
        // Pieces of 100 bytes end inside a character two times of three.
        for size in [text.len(), 100] {
            let mut out = String::with_capacity(text.len());
            let id = BenchmarkId::new(format!("in pieces of {size}"), name);
            group.bench_function(id, |bencher| {
                bencher.iter(|| {
                    let mut stream = Utf8Stream::default();
                    out.clear();
                    for piece in black_box(text).chunks(size) {
                        assert_eq!(stream.push(piece, &mut out), Ok(()));
                    }
                });
            });
        }
    }
}

/// As the server's loop does it: one read, its replies gathered in lent storage, and sent as one.
fn echo(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("echo");
    for (length, depth) in [(20, 1), (20, 16), (1024, 1), (1024, 16)] {
        let mut frame = Vec::new();
        let header =
            FrameHeader { masking_key: Some(KEY), ..FrameHeader::new(Opcode::Text, length as u64) };
        header.encode(&mut frame);
        let start = frame.len();
        frame.resize(start + length, b'x');
        apply_mask(&mut frame[start..], KEY, 0);
        let read = frame.repeat(depth);

        let now = Instant::now();
        let mut connection = Connection::server(Arc::new(Limits::default()), now);
        let mut scratch = read.clone();
        let mut storage = Vec::with_capacity(64 * 1024);
        group.throughput(Throughput::Elements(depth as u64));
        let id = BenchmarkId::new(format!("{length} bytes"), format!("{depth} in a read"));
        group.bench_function(id, |bencher| {
            bencher.iter(|| {
                scratch.copy_from_slice(&read);
                connection.outbox(now).lend(std::mem::take(&mut storage));
                let mut input = &mut scratch[..];
                while let Some((event, outbox)) = connection.receive(now, &mut input) {
                    if let Event::Text(text) = event {
                        assert_eq!(outbox.text(text), Ok(()));
                    }
                }
                let sent = black_box(connection.pending_output()).len();
                connection.advance_output(sent);
                storage = connection.outbox(now).reclaim().unwrap_or_default();
            });
        });
    }
}

/// The headers that a browser sends, about.
const BROWSER: &str = "GET /signal HTTP/1.1\r\nHost: localhost:8888\r\nConnection: Upgrade\r\n\
    Pragma: no-cache\r\nCache-Control: no-cache\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) \
    AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\nUpgrade: websocket\r\n\
    Origin: http://localhost:8888\r\nSec-WebSocket-Version: 13\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

fn handshake(criterion: &mut Criterion) {
    let head = BROWSER.as_bytes();
    let options = ServerOptions::default();
    let mut group = criterion.benchmark_group("handshake");
    let mut out = Vec::with_capacity(256);
    let mut answer = |head: &[u8]| {
        out.clear();
        let request = Request::parse(head, 64).expect("a request");
        let accepted = accept(&request, &options).expect("a handshake");
        accepted.write_response(&mut out);
    };
    group.bench_function("of a browser, in one read", |bencher| {
        bencher.iter(|| {
            let end = HeadScanner::new(8192).scan(black_box(head));
            assert_eq!(end, Ok(Some(head.len())));
            answer(head);
        });
    });
    group.bench_function("of a browser, byte by byte", |bencher| {
        bencher.iter(|| {
            let mut scanner = HeadScanner::new(8192);
            let mut ends = (1..=head.len()).map(|end| scanner.scan(&black_box(head)[..end]));
            assert!(ends.any(|end| end == Ok(Some(head.len()))));
            answer(head);
        });
    });
}

fn routing(criterion: &mut Criterion) {
    let mut signaling = Signaling::new(Options::default());
    let mut effects = Effects::default();
    let mut say = |peer, text: &str| {
        let address = ([127, 0, 0, 1], 9).into();
        let peer = PeerId::new(0, peer, 0);
        let mut context = Context::new(peer, address, None, &mut effects);
        signaling.text(&mut context, text);
        let sent = effects.iter().count();
        effects.clear();
        sent
    };
    // Ten thousand are here, of whom two talk.
    for peer in 0..10_000 {
        say(peer, &format!(r#"{{"type":"login","name":"user-{peer}"}}"#));
    }
    let sdp = "a=candidate:1 1 UDP 2122252543 192.0.2.1 54321 typ host\\r\\n".repeat(40);
    let offer = format!(r#"{{"type":"offer","offer":{{"sdp":"{sdp}"}},"name":"user-7777"}}"#);
    let candidate = r#"{"type":"candidate","candidate":{"candidate":"candidate:1 1 UDP 2122252543
        192.0.2.1 54321 typ host","sdpMid":"0","sdpMLineIndex":0},"name":"user-7777"}"#
        .replace('\n', " ");
    let mut group = criterion.benchmark_group("routing");
    for (name, text) in [("offer", &offer), ("candidate", &candidate)] {
        group.throughput(bytes(text.len()));
        group.bench_function(name, |bencher| {
            bencher.iter(|| assert_eq!(say(42, black_box(text)), 1));
        });
    }
}

criterion_group!(parts, unmask, header, utf8, echo, handshake, routing);
criterion_main!(parts);
