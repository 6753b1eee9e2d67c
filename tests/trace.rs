//! `wigwag serve --trace`: what goes over a real wire, as it is printed.

mod common;

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use common::{Client, PING, frame, raw_frame, wigwag};

/// A server that traces, and ends with this value.
struct Traced {
    child: Child,
    address: SocketAddr,
    stdout: Option<BufReader<ChildStdout>>,
    trace: Arc<Mutex<String>>,
}

impl Traced {
    /// A server whose trace is read.
    fn start(flags: &[&str]) -> Self {
        let mut traced = Self::start_unread(flags);
        traced.read();
        traced
    }

    /// A server whose trace nobody reads, after the line that tells the address.
    fn start_unread(flags: &[&str]) -> Self {
        let mut command = wigwag();
        command.args(["serve", "--port", "0"]).args(flags);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the binary runs");
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.trim_start_matches("listening on http://").trim_end_matches("/\n");
        let address = address.parse().unwrap_or_else(|_| panic!("{line:?}"));
        Self { child, address, stdout: Some(stdout), trace: Arc::default() }
    }

    fn read(&mut self) {
        let mut stdout = self.stdout.take().expect("nobody reads it yet");
        let trace = Arc::clone(&self.trace);
        thread::spawn(move || {
            let mut line = String::new();
            while stdout.read_line(&mut line).is_ok_and(|count| count > 0) {
                trace.lock().unwrap().push_str(&line);
                line.clear();
            }
        });
    }

    fn open(&self, path: &str) -> Client {
        Client::open(self.address, path)
    }

    fn trace(&self) -> String {
        self.trace.lock().unwrap().clone()
    }

    /// The trace, once it holds this.
    fn until(&self, text: &str) -> String {
        common::eventually(&format!("the trace has {text:?}"), || {
            Some(self.trace()).filter(|trace| trace.contains(text))
        })
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first lines of all entries, without their times.
fn entries(trace: &str) -> Vec<&str> {
    let is_time = |line: &&str| line.starts_with(|c: char| c.is_ascii_digit());
    let lines = trace.lines().filter(is_time);
    lines.map(|line| line.split_once("  ").expect("a time and more").1).collect()
}

#[test]
fn a_conversation_is_printed_as_it_happens_with_every_field() {
    let server = Traced::start(&["--trace"]);
    let mut client = server.open("/echo");
    client.send_text("Hello");
    client.expect_text("Hello");
    let trace = server.until("server -> client  text \"Hello\"");
    assert!(trace.contains("#1  opened by 127.0.0.1:"), "{trace}");
    assert!(trace.contains("#1  client -> server  GET /echo HTTP/1.1"), "{trace}");
    for line in [
        "  81           1... ....  FIN               1  all of the message is in this frame (5.2)",
        "               .... 0001  Opcode            1 (text)  begins a text message, in UTF-8 (5.2)",
        "  on the wire   7f 9f 4d 51 58",
        "  XOR of both   48 65 6c 6c 6f",
        "  base64        s3pPLMBiTxaQ9kYGzzhZRbK+xOo=  Sec-WebSocket-Accept (4.2.2)",
    ] {
        assert!(trace.lines().any(|traced| traced == line), "no {line:?} in\n{trace}");
    }
    client.send_close(1000);
    client.expect_close(1000);
    drop(client);
    let trace = server.until("#1  closed by the client, 1000 (normal closure), cleanly, after ");
    assert!(trace.contains("state         client open -> closing, server open -> closed"));
    assert!(trace.contains("state         client closing -> closed, server closed"));
}

#[test]
fn plain_http_is_printed_and_connections_are_numbered() {
    let server = Traced::start(&["--trace=line"]);
    let mut first = server.open("/echo");
    let mut second = Client::connect(server.address);
    second.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    second.rest();
    drop(second);
    let trace = server.until("#2  closed");
    let second: Vec<_> =
        entries(&trace).into_iter().filter(|entry| entry.starts_with("#2")).collect();
    assert!(second[0].starts_with("#2  opened by "), "{second:?}");
    assert_eq!(second[1], "#2  client -> server  GET /healthz HTTP/1.1  (34 bytes)");
    assert!(second[2].starts_with("#2  server -> client  HTTP/1.1 200 OK  ("), "{second:?}");
    assert_eq!(second[3], "#2  server -> client  3 bytes of an HTTP body  (3 bytes)");
    assert_eq!(second.len(), 5, "{second:?}");

    first.send(&frame(PING, b"are you there?"));
    server.until("#1  server -> client  pong \"are you there?\"  (16 bytes)");
}

#[test]
fn a_broken_rule_is_printed_with_its_section_and_the_line_that_keeps_it() {
    let server = Traced::start(&["--trace=line", "--trace-filter", "violation"]);
    let mut rude = server.open("/echo");
    rude.send_text("nothing wrong so far");
    rude.expect_text("nothing wrong so far");
    rude.send(b"\x81\x05Hello");
    rude.expect_close(1002);
    let trace = server.until("checked in    src/protocol/frame.rs:");
    assert_eq!(entries(&trace), ["#1  client -> server  text \"Hello\"  (7 bytes)"]);
    assert!(trace.contains("violation     a client must mask its frames"), "{trace}");
    assert!(trace.contains("rule          RFC 6455, 5.1; close code 1002 (protocol error)"));
}

#[test]
fn filters_choose_the_path_the_direction_and_the_opcode() {
    let filter = "path=/echo,from=client,opcode=text|binary";
    let server = Traced::start(&["--trace=line", "--trace-filter", filter]);
    let mut chat = server.open("/chat");
    chat.send_text("not this");
    chat.expect_text("not this");
    let mut echo = server.open("/echo");
    echo.send(&frame(PING, b"nor this"));
    echo.send_text("this");
    assert_eq!(echo.frame().payload, b"nor this");
    echo.expect_text("this");
    let trace = server.until("\"this\"");
    assert_eq!(entries(&trace), ["#2  client -> server  text \"this\"  (10 bytes)"]);
}

#[test]
fn payloads_are_clipped_and_what_the_peer_sent_is_escaped() {
    let server = Traced::start(&["--trace", "--trace-payload", "32"]);
    let mut client = server.open("/echo");
    client.send(&raw_frame(0x82, &[0xab; 1000]));
    assert_eq!(client.frame().payload.len(), 1000);
    let trace = server.until("... and 968 bytes more");
    assert!(trace.contains("binary hex ab ab ab ab ab ab ab ab... (1000 bytes)"), "{trace}");

    client.send_text("\u{1b}[2J\u{7}\u{202e}\r\n");
    let trace = server.until("server -> client  text");
    assert!(!trace.contains(['\u{1b}', '\u{7}', '\u{202e}', '\r']), "{trace:?}");
}

#[test]
fn a_trace_that_nobody_reads_keeps_nobody_waiting_and_leaves_things_out() {
    let mut server = Traced::start_unread(&["--trace", "--trace-payload", "64K"]);
    let mut client = server.open("/echo");
    let message = "x".repeat(60_000);
    // Far more than fits into the pipe and the queue.
    for _ in 0..80 {
        client.send_text(&message);
        client.expect_text(&message);
    }
    assert!(server.child.try_wait().unwrap().is_none());
    server.read();
    let trace = server.until(" left out: they came faster than they can be shown");
    let shown = entries(&trace).len();
    assert!((10..100).contains(&shown), "{shown}");
    // And it goes on with whatever comes then.
    client.send_text("still there?");
    server.until("client -> server  text \"still there?\"");
}

#[test]
fn a_trace_whose_reader_is_gone_harms_nobody() {
    let mut server = Traced::start_unread(&["--trace=line"]);
    drop(server.stdout.take());
    for _ in 0..3 {
        let mut client = server.open("/echo");
        client.send_text("hello");
        client.expect_text("hello");
    }
    assert!(server.child.try_wait().unwrap().is_none());
}

#[test]
fn what_is_no_filter_and_too_much_payload_are_refused() {
    for (flags, named) in [
        (["--trace", "--trace-filter=opcode=tex"], "opcode=tex is no condition"),
        (["--trace", "--trace-payload=65K"], "64K at most"),
    ] {
        let mut command = wigwag();
        command.args(["serve", "--port", "0"]).args(flags);
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it runs");
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(2));
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains(named), "{stderr}");
    }
}
