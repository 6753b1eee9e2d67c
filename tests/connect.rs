//! `wigwag connect`: the real binary against the real server, and against servers that are wrong.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
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
fn a_trace_explains_both_directions_and_leaves_standard_output_to_the_messages() {
    let server = Server::start(&[]);
    let output = converse(&["--trace=line", &url(&server, "/echo")], "hello\n");
    assert!(output.status.success());
    assert_eq!(text(&output.stdout), "hello\n");
    let trace = text(&output.stderr);
    let order = [
        "client -> server  GET /echo HTTP/1.1",
        "server -> client  HTTP/1.1 101",
        "client -> server  text \"hello\"",
        "server -> client  text \"hello\"",
        "client -> server  close 1000",
        "server -> client  close 1000",
    ];
    let places: Vec<_> = order.map(|line| trace.find(line)).to_vec();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} in\n{trace}");
    // In full: the bits, and the accept key step by step.
    let output = converse(&["--trace", &url(&server, "/echo")], "hello\n");
    let trace = text(&output.stderr);
    for line in ["SHA-1", "0001  Opcode            1 (text)", "XOR of both   68 65 6c 6c 6f"] {
        assert!(trace.contains(line), "no {line} in\n{trace}");
    }
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

/// Ends the server's direction, as a server does after the Close frames (RFC 6455, 7.1.1), and reads
/// until the client has ended its own.
fn part(stream: &mut TcpStream) -> Vec<u8> {
    stream.shutdown(Shutdown::Write).unwrap();
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
        part(stream);
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
                part(stream);
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
        part(stream);
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

// --- Commands ------------------------------------------------------------------------------------

/// A server that takes one connection, keeps what it is sent up to the Close frame, answers that,
/// and then hands it all over.
fn listener() -> (String, std::sync::mpsc::Receiver<Vec<u8>>) {
    let (sender, frames) = channel();
    let url = wrong_server(move |stream, key| {
        stream.write_all(accepted(key, "").as_bytes()).unwrap();
        let mut bytes = Vec::new();
        loop {
            let mut head = [0; 6];
            stream.read_exact(&mut head).unwrap();
            let mut payload = vec![0; usize::from(head[1] & 0x7f)];
            stream.read_exact(&mut payload).unwrap();
            payload.iter_mut().zip(head[2..].iter().cycle()).for_each(|(byte, key)| *byte ^= key);
            bytes.extend([&head[..2], &payload].concat());
            if head[0] == 0x88 {
                stream.write_all(&[&[0x88, payload.len() as u8], &payload[..]].concat()).unwrap();
                break;
            }
        }
        sender.send([bytes, part(stream)].concat()).unwrap();
    });
    (url, frames)
}

#[test]
fn a_script_of_commands_is_frames_on_the_wire() {
    let (url, frames) = listener();
    let script =
        "/ping who\n/pong\n/binary 00 ff\n//text\n/frag a||bc\n/frag 2 é\n/close 4000 bye\n";
    let output = converse(&[&url], script);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let expected = b"\x89\x83who\x8a\x80\x82\x82\x00\xff\x81\x85/text\x01\x81a\x00\x80\x80\x82bc\
                     \x01\x81\xc3\x80\x81\xa9\x88\x85\x0f\xa0bye";
    let found = frames.recv_timeout(PATIENCE).unwrap();
    assert_eq!(found, expected, "{}", found.escape_ascii());
}

#[test]
fn a_close_frame_may_have_no_code_and_bytes_may_be_anything() {
    let (url, frames) = listener();
    // A masked ping of no bytes, by hand.
    let output = converse(&[&url, "-x", "/raw 8980 01020304", "-x", "/close"], "");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(frames.recv_timeout(PATIENCE).unwrap(), b"\x89\x80\x88\x80");
}

#[test]
fn lines_given_as_arguments_are_sent_and_the_input_is_not_read() {
    let server = Server::start(&[]);
    let url = url(&server, "/echo");
    let mut child = connect(&[&url, "-x", "one", "-x", "/binary 41", "-x", "-x"]).spawn().unwrap();
    let stdin = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    assert_eq!(text(&output.stdout), "one\n(binary, 1 byte) 41\n-x\n");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn without_commands_each_line_is_a_message() {
    let server = Server::start(&[]);
    let lines = "/ping\n//\n/nothing\n";
    let output = converse(&[&url(&server, "/echo"), "--no-commands"], lines);
    assert_eq!(text(&output.stdout), lines);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_command_that_cannot_be_done_ends_a_script_and_what_came_before_is_answered() {
    let server = Server::start(&[]);
    let url = url(&server, "/echo");
    let long = format!("/ping {}", "x".repeat(126));
    for (line, hint) in [
        ("/nothing", "cannot read the input: there is no command /nothing"),
        ("/close 1006", "1006 may not stand in a Close frame (RFC 6455, 7.4)"),
        ("/binary abc", "pairs of hexadecimal digits"),
        (&long, "at most 125 bytes (RFC 6455, 5.5)"),
    ] {
        let output = converse(&[&url], &format!("good\n{line}\nnever sent\n"));
        assert_eq!(text(&output.stdout), "good\n");
        assert_fails(&output, 1, hint);
    }
}

#[test]
fn control_frames_are_shown_to_those_who_ask() {
    let url = wrong_server(|stream, key| {
        let frames = b"\x89\x02hi\x8a\x00\x89\x02\x00\xff\x81\x03a\x1bb\x88\x05\x03\xe8b\x07e";
        stream.write_all(&[accepted(key, "").as_bytes(), frames].concat()).unwrap();
        part(stream);
    });
    let output = converse(&[&url, "--show-control", "--wait", "30s"], "");
    let expected =
        "(ping) hi\n(pong)\n(ping) 00 ff\na\x1bb\n(close) 1000 (normal closure): b\\u{7}e\n";
    assert_eq!(text(&output.stdout), expected);
    assert_eq!(output.status.code(), Some(0));
}

/// `websockets` for Python is such a server: its pongs do not wait for the application.
#[test]
fn a_server_that_sends_its_pong_before_its_answers_is_heard_out() {
    let url = wrong_server(|stream, key| {
        stream.write_all(accepted(key, "").as_bytes()).unwrap();
        // "x", then the ping that follows the last line.
        let mut bytes = [0; 7 + 6 + 12];
        stream.read_exact(&mut bytes).unwrap();
        let payload = bytes[13..].iter().zip(bytes[9..13].iter().cycle()).map(|(b, k)| b ^ k);
        let pong = [b"\x8a\x0c".to_vec(), payload.collect()].concat();
        stream.write_all(&pong).unwrap();
        stream.write_all(b"\x81\x06late x").unwrap();
        let mut close = [0; 8];
        stream.read_exact(&mut close).unwrap();
        stream.write_all(b"\x88\x00").unwrap();
        part(stream);
    });
    let output = converse(&[&url], "x\n");
    assert_eq!(text(&output.stdout), "late x\n");
}
