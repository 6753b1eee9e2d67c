//! `wigwag connect`: the real binary against the real server, and against servers that are wrong.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::channel;
use std::thread;

use common::{PATIENCE, Server, wigwag};
use wigwag::protocol::handshake::accept_key;

/// `wigwag connect` with these arguments.
fn connect(arguments: &[&str]) -> Command {
    let mut command = wigwag();
    command.arg("connect").args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Lets it send these lines and end by itself.
fn converse(arguments: &[&str], lines: &str) -> Output {
    let mut child = connect(arguments).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines = lines.to_owned();
    let writer = thread::spawn(move || {
        // A client that could not connect does not read.
        let _ = stdin.write_all(lines.as_bytes());
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

/// It fails with this code, and says one line that has this in it.
fn assert_fails(output: &Output, code: i32, hint: &str) {
    let stderr = text(&output.stderr);
    let last = stderr.lines().last().unwrap_or_default();
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(last.starts_with("wigwag: ") && last.contains(hint), "{stderr}");
    let before = stderr.lines().filter(|line| !line.starts_with("connected to "));
    assert_eq!(before.count(), 1, "{stderr}");
}

fn url(server: &Server, path: &str) -> String {
    format!("ws://{}{path}", server.addresses[0])
}

#[test]
fn each_line_is_a_message_and_each_answer_a_line() {
    let server = Server::start(&["--mount", "/t=echo,deflate=takeover"]);
    let lines = format!("one\ntwo\r\n\n{}\nlast, without an end", "compress me ".repeat(100));
    let expected = lines.replace("\r\n", "\n") + "\n";
    for path in ["/echo", "/t"] {
        for flags in [&[][..], &["--no-deflate"], &["--no-deflate", "--deflate"]] {
            let url = url(&server, path);
            let output = converse(&[&[url.as_str()], flags].concat(), &lines);
            assert_eq!(text(&output.stdout), expected);
            let compressed = if flags == ["--no-deflate"] { "" } else { ", permessage-deflate" };
            assert_eq!(text(&output.stderr), format!("connected to {url}{compressed}\n"));
            assert_eq!(output.status.code(), Some(0));
        }
    }
}

/// What comes back may neither be lost nor stand in the way of what goes out.
#[test]
fn much_more_than_fits_into_any_buffer_passes_through() {
    let server = Server::start(&[]);
    let lines: String = (0..200_000).map(|n| format!("{n} {}\n", n * 7919)).collect();
    for flag in ["--deflate", "--no-deflate"] {
        let output = converse(&[&url(&server, "/echo"), flag], &lines);
        assert!(output.stdout == lines.as_bytes(), "{}", output.stdout.len());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
}

#[test]
fn a_line_is_sent_when_it_is_there_and_shown_when_it_arrives() {
    let server = Server::start(&[]);
    let mut child = connect(&[&url(&server, "/echo")]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for line in ["first\n", "second\n"] {
        stdin.write_all(line.as_bytes()).unwrap();
        let mut answer = String::new();
        stdout.read_line(&mut answer).unwrap();
        assert_eq!(answer, line);
    }
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_the_flags_say_is_sent() {
    let origin = "https://calls.example";
    let server = Server::start(&["--origin", origin, "--subprotocol", "b"]);
    let url = url(&server, "/echo");
    let refused = converse(&[&url], "");
    assert_fails(&refused, 1, "the server refuses: status 403: ");
    let output = converse(
        &[
            &url,
            "--origin",
            origin,
            "--subprotocol",
            "a",
            "--subprotocol",
            "b",
            "--header",
            "X-Y: z",
        ],
        "hello\n",
    );
    assert_eq!(text(&output.stdout), "hello\n");
    let announced = format!("connected to {url}, subprotocol b, permessage-deflate\n");
    assert_eq!(text(&output.stderr), announced);
}

#[test]
fn what_cannot_work_is_named_in_one_line() {
    let server = Server::start(&[]);
    let nowhere = converse(&[&url(&server, "/nowhere")], "");
    assert_fails(&nowhere, 1, "status 404: There is nothing at this path.");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let free = format!("ws://{}/", listener.local_addr().unwrap());
    drop(listener);
    assert_fails(&converse(&[&free], ""), 1, "Connection refused");
    let unknown = converse(&["ws://no-such-host.invalid/"], "");
    assert_fails(&unknown, 1, "cannot find the host no-such-host.invalid");
    let reserved = converse(&[&free, "--header", "Upgrade: x"], "");
    assert_fails(&reserved, 1, "the request cannot be sent: a header that the handshake itself");
    for (arguments, hint) in [
        (&["h:80"][..], "ws://"),
        (&["ws://h/#x"], "fragment"),
        (&[&free, "--header", "no colon"], "NAME: VALUE"),
        (&[&free, "--timeout", "0"], "--timeout"),
        (&[], "<URL>"),
    ] {
        assert_fails(&converse(arguments, ""), 2, hint);
    }
}

#[test]
fn input_that_is_no_text_is_named_and_what_came_before_it_is_sent() {
    let server = Server::start(&[]);
    let mut child = connect(&[&url(&server, "/echo")]).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"good\n\xff\nnever sent\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stdout), "good\n");
    assert_fails(&output, 1, "cannot read the input: a line is not UTF-8");
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    let server = Server::start(&[]);
    let mut child = connect(&[&url(&server, "/echo")]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"one\n").unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    drop(stdout);
    // It notices with the next line that it is to print.
    let _ = stdin.write_all(b"two\n");
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_server_that_goes_away_ends_it_well() {
    let mut server = Server::start(&[]);
    let mut child = connect(&[&url(&server, "/echo")]).spawn().unwrap();
    wait_until_connected(&mut child);
    server.signal("TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(server.wait().success());
}

fn wait_until_connected(child: &mut Child) {
    let mut line = String::new();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("connected to "), "{line}");
}

// --- Servers that are wrong -----------------------------------------------------------------------

/// A server for one connection: what it does once it has read the request, whose key it is told.
fn wrong_server(act: impl FnOnce(&mut TcpStream, &str) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        let head = String::from_utf8(head).unwrap();
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        act(&mut stream, key.unwrap());
    });
    url
}

fn accepted(key: &str, more: &str) -> String {
    let accept = accept_key(key);
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{more}\r\n"
    )
}

/// Reads until the client has closed its direction.
fn drain(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    bytes
}

#[test]
fn an_answer_that_is_no_handshake_is_named() {
    type Act = Box<dyn FnOnce(&mut TcpStream, &str) + Send>;
    let say = |answer: &'static str| -> Act {
        Box::new(move |stream, _| stream.write_all(answer.as_bytes()).unwrap())
    };
    let cases: Vec<(Act, &str)> = vec![
        (say(""), "the server closed the connection without an answer"),
        (say("HTTP/1.1 101 "), "the server closed the connection without an answer"),
        (say("SSH-2.0-x\r\n\r\n"), "not HTTP"),
        (say("HTTP/1.1 200 OK\r\n\r\n<!doctype html>"), "the server refuses: status 200"),
        (say("HTTP/1.1 500 No\r\n\r\nbad\x1b[31m luck\nmore"), "status 500: bad.[31m luck / more"),
        (
            Box::new(|stream, _| stream.write_all(accepted("another", "").as_bytes()).unwrap()),
            "Sec-WebSocket-Accept",
        ),
        (
            Box::new(|stream, key| {
                let answer = accepted(key, "Sec-WebSocket-Extensions: x-unknown\r\n");
                stream.write_all(answer.as_bytes()).unwrap();
            }),
            "extension",
        ),
        (
            Box::new(|stream, key| {
                let answer = accepted(key, "Sec-WebSocket-Protocol: chat\r\n");
                stream.write_all(answer.as_bytes()).unwrap();
            }),
            "subprotocol",
        ),
        (
            Box::new(|stream, _| {
                // The client hangs up in the middle of it.
                let line = format!("X: {}\r\n", "x".repeat(1000));
                let _ =
                    stream.write_all(format!("HTTP/1.1 101 OK\r\n{}", line.repeat(100)).as_bytes());
            }),
            "over 16384 bytes",
        ),
    ];
    for (act, hint) in cases {
        assert_fails(&converse(&[&wrong_server(act)], ""), 1, hint);
    }
}

#[test]
fn a_server_that_does_not_answer_is_given_up() {
    let (ended, wait) = channel::<()>();
    let url = wrong_server(move |_, _| assert!(wait.recv().is_err(), "nothing is sent"));
    let output = converse(&[&url, "--timeout", "200ms"], "");
    assert_fails(&output, 1, "no answer in 0.2 s");
    drop(ended);
}

#[test]
fn frames_that_come_with_the_handshake_are_read() {
    let url = wrong_server(|stream, key| {
        let answer =
            [accepted(key, "").as_bytes(), b"\x81\x02hi\x82\x03\x00\x01\xff\x88\x02\x03\xe8"]
                .concat();
        stream.write_all(&answer).unwrap();
        drain(stream);
    });
    let output = converse(&[&url], "");
    assert_eq!(text(&output.stdout), "hi\n(binary, 3 bytes) 00 01 ff\n");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn how_a_connection_ended_decides_the_exit_code() {
    let cases: [(&[u8], bool, &str); 5] = [
        (b"\x88\x05\x03\xf0bye", true, "the server closed with 1008 "),
        (b"\x83\x00", true, "the server broke a rule: a reserved opcode (RFC 6455, 5.2"),
        (b"\x81\x82____", true, "the server broke a rule: a server must not mask"),
        (b"\xc1\x01\x06", true, "compressed data is not DEFLATE (RFC 7692, 7.2.2"),
        (b"\x81\x05hal", false, "the connection ended without a Close frame"),
    ];
    for (frames, hears_us_out, hint) in cases {
        let url = wrong_server(move |stream, key| {
            let extension = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
            let answer = [accepted(key, extension).as_bytes(), frames].concat();
            stream.write_all(&answer).unwrap();
            if hears_us_out {
                drain(stream);
            }
        });
        // Its input stays open: it is the server that ends this.
        let mut child = connect(&[&url]).spawn().unwrap();
        let stdin = child.stdin.take();
        let output = child.wait_with_output().unwrap();
        drop(stdin);
        assert_fails(&output, 1, hint);
    }
}

/// RFC 6455, 5.3: the key "MUST be unpredictable".
#[test]
fn frames_are_masked_with_keys_that_differ() {
    let (sender, frames) = channel();
    let url = wrong_server(move |stream, key| {
        stream.write_all(accepted(key, "").as_bytes()).unwrap();
        let mut bytes = [0; 7 * 20];
        stream.read_exact(&mut bytes).unwrap();
        sender.send(bytes).unwrap();
        stream.write_all(b"\x88\x00").unwrap();
        drain(stream);
    });
    converse(&[&url, "--no-deflate"], &"x\n".repeat(20));
    let frames = frames.recv_timeout(PATIENCE).unwrap();
    let mut keys: Vec<&[u8]> = Vec::new();
    for frame in frames.chunks(7) {
        assert_eq!(frame[..2], [0x81, 0x81]);
        assert_eq!(frame[2] ^ frame[6], b'x');
        keys.push(&frame[2..6]);
    }
    keys.sort();
    keys.dedup();
    assert!(keys.len() >= 19, "{keys:x?}");
}
