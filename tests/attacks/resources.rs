//! Attacks on memory, descriptors and time: C1, C2, C3, C4, C12, and one flooder among many.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use crate::suite::arena::{self, Arena};
use crate::suite::common::{self, BINARY, CLOSE, Client, PATIENCE, Server, TEXT, frame};

type Row = (&'static str, &'static str, &'static [&'static str], fn(&mut Arena) -> String);

pub const ROWS: &[Row] = &[
    ("C1", "a peer that never reads while others flood it", &["--close-wait", "1s"], never_reads),
    (
        "C2",
        "a Close frame that is not answered; peers that vanish",
        &["--ping-after", "2s", "--pong-wait", "1s", "--close-wait", "1s", "--login", "1s"],
        half_open,
    ),
    (
        "C3",
        "connections that time out with output that nobody reads",
        &["--ping-after", "2s", "--pong-wait", "1s", "--close-wait", "1s", "--queued", "1G"],
        congested,
    ),
    ("C4", "no descriptors left", &[], no_descriptors),
    ("C12", "ended, and killed, under load", &["--log", "warn"], ends),
    ("QUIET", "one flooder beside many quiet peers", &[], one_flooder),
];

/// Lost if this is not `--full`: the kernel's buffers take the first megabytes.
const MESSAGE: usize = 16 * 1024;

/// What is broadcast to a peer that reads nothing waits for it, up to its limit and not beyond.
fn never_reads(arena: &mut Arena) -> String {
    let count = arena.many(1000, 8000);
    let mut deaf = arena.open("/broadcast");
    let mut hears = arena.open("/broadcast");
    let mut sender = arena.open("/broadcast");
    let before = arena.server.memory();
    let message = frame(BINARY, &[b'x'; MESSAGE]);
    // As fast as the one who reads can hear: one who floods faster would make it slow as well.
    let batch = 8;
    for _ in 0..count / batch {
        for _ in 0..batch {
            sender.send(&message);
        }
        for _ in 0..batch {
            assert_eq!(hears.frame().payload.len(), MESSAGE);
        }
    }
    let grown = arena.grown(before);
    assert!(grown < 4 << 20, "{grown} bytes");
    // It gets what was sent before, and then why there is no more.
    let start = Instant::now();
    let mut heard = 0;
    let told = loop {
        match deaf.try_frame() {
            Ok(frame) if frame.opcode == CLOSE => break Some(common::close_body(&frame.payload).0),
            Ok(_) => heard += 1,
            // The last frames had a deadline too.
            Err(_) => break None,
        }
        assert!(start.elapsed() < PATIENCE);
    };
    assert!(told.is_none_or(|code| code == 1013), "{told:?}");
    assert!(heard < count, "it was not closed");
    format!(
        "{count} messages of {MESSAGE} B, all heard by who reads; {grown} B held for who does not"
    )
}

/// Connections of which nothing is heard any more, with no FIN to tell.
fn half_open(arena: &mut Arena) -> String {
    let count = arena.many(50, 1000);
    let start = Instant::now();
    // Never log in, and do not answer the Close frame for it.
    let unanswering: Vec<_> = (0..count).map(|_| arena.open("/signal")).collect();
    // Never answer a ping. The connection stays as it is, as if the network had gone.
    let vanished: Vec<_> = (0..count).map(|_| arena.open("/echo")).collect();
    let baseline = 2;
    common::eventually("all are gone", || (arena.connections() <= baseline).then_some(()));
    let took = start.elapsed().as_secs_f32();
    drop((unanswering, vanished));
    format!("{} connections gone after {took:.1} s", 2 * count)
}

/// Connections that time out are the ones whose output is stuck, and that must not keep them.
fn congested(arena: &mut Arena) -> String {
    let total = arena.many(100, 10_000);
    let batch = total.min(1000);
    let descriptors = arena.server.descriptors();
    let payload = frame(BINARY, &[b'x'; 64 * 1024]);
    let start = Instant::now();
    for _ in 0..total / batch {
        let clients: Vec<_> = (0..batch)
            .map(|_| {
                let mut client = arena.open("/echo");
                // Small buffers at our side, so that little is needed to congest it.
                let socket = socket2::SockRef::from(&client.stream);
                socket.set_recv_buffer_size(4096).unwrap();
                client.stream.set_nonblocking(true).unwrap();
                while client.stream.write(&payload).is_ok_and(|count| count == payload.len()) {}
                client
            })
            .collect();
        common::eventually("all have timed out", || {
            (arena.server.descriptors() <= descriptors).then_some(())
        });
        drop(clients);
    }
    let took = start.elapsed().as_secs_f32();
    format!("{total} timed out in {took:.0} s, {descriptors} descriptors before and after")
}

/// More connections than descriptors.
fn no_descriptors(arena: &mut Arena) -> String {
    let mut server = Server::start_in_shell("ulimit -n 64", &["--log", "warn"]);
    let baseline = server.descriptors();
    let mut clients: Vec<Client> = Vec::new();
    while server.descriptors() < 60 {
        clients.push(Client::open(server.address(), "/echo"));
    }
    let crowd: Vec<_> = (0..arena.many(100, 1000))
        .filter_map(|_| arena::try_connect(server.address()).ok())
        .collect();
    let busy = server.cpu_time();
    thread::sleep(Duration::from_secs(1));
    let busy = server.cpu_time() - busy;
    assert!(busy < Duration::from_millis(300), "it spins: {busy:?} of a second");
    for client in &mut clients {
        client.send_text("still served");
        client.expect_text("still served");
    }
    let crowd_size = crowd.len();
    drop(crowd);
    clients.clear();
    let start = Instant::now();
    common::eventually("it serves again", || server.serves().then_some(()));
    let again = start.elapsed();
    common::eventually("all come back", || (server.descriptors() == baseline).then_some(()));
    assert!(server.is_running());
    format!(
        "64 descriptors, {crowd_size} more clients; {busy:?} of CPU in 1 s; serves {again:.1?} later"
    )
}

/// SIGTERM with many connections; kill -9 under load, and a new start at the same port.
fn ends(arena: &mut Arena) -> String {
    let count = arena.many(300, 5000);
    let canary = arena.dismiss_canary();
    let mut clients: Vec<_> = (0..count).map(|_| arena.open("/echo")).collect();
    let start = Instant::now();
    arena.server.signal("TERM");
    let mut first = None;
    for client in &mut clients {
        let (code, reason) = client.close();
        assert_eq!(code, 1001, "{reason}");
        client.send_close(1001);
        client.half_close();
        first.get_or_insert(start.elapsed());
    }
    let told = start.elapsed();
    let status = arena.server.wait();
    let ended = start.elapsed();
    assert!(status.success(), "{status}");
    assert!(ended < Duration::from_secs(12), "{ended:?}");
    drop(clients);

    let mut killed = arena::start(&["--log", "off"]);
    let address = killed.address();
    let load: Vec<_> = (0..count.min(1000)).map(|_| Client::open(address, "/echo")).collect();
    let mut writers: Vec<_> =
        load.iter().map(|client| client.stream.try_clone().unwrap()).collect();
    let message = frame(TEXT, b"load");
    for writer in &mut writers {
        writer.write_all(&message).unwrap();
    }
    killed.signal("KILL");
    assert!(!killed.wait().success());
    let start = Instant::now();
    let port = address.port().to_string();
    let mut command = common::wigwag();
    command.args(["--port", &port, "--log", "off"]);
    let again = Server::run(command, 1);
    assert!(again.serves());
    let bound = start.elapsed();
    format!(
        "{count} told 1001 within {told:.1?}, exit 0 after {ended:.1?}; after kill -9 it serves at \
         the same port in {bound:.1?}; before, {canary}"
    )
}

/// A flooder gets its share and no more: what it sends waits its turn like everybody's.
fn one_flooder(arena: &mut Arena) -> String {
    let count = arena.many(100, 1000);
    let rounds = arena.many(5, 20);
    let mut quiet: Vec<_> =
        (0..count).map(|_| Client::open(arena.server.address(), "/echo")).collect();
    let alone = latency(&mut quiet, rounds);
    let flooder = arena.open("/echo");
    let mut writer = flooder.stream.try_clone().unwrap();
    let mut reader = flooder.stream.try_clone().unwrap();
    let flood = thread::spawn(move || {
        let messages = frame(TEXT, b"flood").repeat(10_000);
        while writer.write_all(&messages).is_ok() {}
    });
    let sink = thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
    let beside = latency(&mut quiet, rounds);
    flooder.stream.shutdown(std::net::Shutdown::Both).unwrap();
    let _ = (flood.join(), sink.join());
    format!("an echo takes {alone:.1?} alone, {beside:.1?} beside the flooder (medians)")
}

/// The median time of an echo.
fn latency(clients: &mut [Client], rounds: usize) -> Duration {
    let mut times = Vec::new();
    for _ in 0..rounds {
        for client in &mut *clients {
            let start = Instant::now();
            client.send_text("quiet");
            client.expect_text("quiet");
            times.push(start.elapsed());
        }
    }
    times.sort();
    times[times.len() / 2]
}
