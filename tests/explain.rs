//! `wigwag explain`, as a person or a tool runs it.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Runs `wigwag explain` with these arguments and this on its standard input.
fn explain_with_input(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_wigwag"))
        .arg("explain")
        .args(arguments)
        .env_remove("NO_COLOR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("wigwag starts");
    // It may not want to hear any of it.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input));
    child.wait_with_output().expect("wigwag ends")
}

/// What it prints.
fn explain(arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = explain_with_input(arguments, b"");
    assert!(status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("UTF-8")
}

/// The line that begins with this label.
fn line<'o>(output: &'o str, label: &str) -> &'o str {
    let line = output.lines().find(|line| line.trim_start().starts_with(label));
    line.unwrap_or_else(|| panic!("no line {label:?} in\n{output}")).trim()
}

#[test]
fn what_the_readme_shows_is_what_it_prints() {
    let readme = include_str!("../README.md");
    let mut shown = 0;
    for block in readme.split("```").skip(1).step_by(2) {
        let Some(session) = block.split_once("$ wigwag explain ").map(|(_, session)| session)
        else {
            continue;
        };
        let (command, output) = session.split_once('\n').expect("a command and its output");
        let arguments: Vec<&str> = command.split_whitespace().collect();
        assert_eq!(explain(&arguments).trim_end(), output.trim_end(), "wigwag explain {command}");
        shown += 1;
    }
    assert_eq!(shown, 2);
}

#[test]
fn a_wrong_frame_is_told_the_rule_the_code_and_the_file() {
    let output = explain(&["--from", "client", "81 05 48656c6c6f"]);
    assert_eq!(line(&output, "violation"), "violation     a client must mask its frames");
    assert_eq!(line(&output, "rule").split_once("rule ").unwrap().1.trim(), {
        "RFC 6455, 5.1; close code 1002 (protocol error)"
    });
    let place = line(&output, "checked in").rsplit(' ').next().unwrap();
    let (file, number) = place.split_once(':').expect("a file and a line");
    let source = std::fs::read_to_string(file).expect("the file is in the project");
    let number: usize = number.parse().expect("a number");
    assert!(source.lines().nth(number - 1).unwrap().contains("Violation::UnmaskedFrame"));
    assert!(line(&output, "state").ends_with("server open -> closed"));
    // Who sends it decides whether it is wrong.
    assert!(explain(&["81 05 48656c6c6f"]).contains("event         text \"Hello\""));
}

#[test]
fn frames_in_sequence_share_their_state_and_their_window() {
    let output = explain(&["01 03 48656c 80 02 6c6f"]);
    assert!(output.contains("note          no event yet: the message is unfinished"));
    assert!(output.contains("event         text \"Hello\" (5 bytes)"));

    // RFC 7692, 7.2.3.2: the second message refers to the first.
    let two = ["--deflate", "c1 07 f2 48 cd c9 c9 07 00", "c1 05 f2 00 11 00 00"];
    assert_eq!(explain(&two).matches("inflated      \"Hello\"").count(), 2);
    let alone = explain(&["--deflate", two[2]]);
    assert!(alone.contains("violation     compressed data is not DEFLATE"), "{alone}");
    let shared = explain(&["--deflate=shared", two[1], two[1]]);
    assert!(shared.contains("(5 bytes; no context takeover)"), "{shared}");
}

#[test]
fn a_whole_conversation_is_explained() {
    let text = "GET /chat HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: Upgrade\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Version: 13\n\n\
        HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n\n\
        > 88 82 00 00 00 00 03 e8 # bye\n< 88 02 03 e8\n";
    let Output { status, stdout, .. } = explain_with_input(&["--json"], text.as_bytes());
    assert!(status.success());
    let items: Vec<Value> = serde_json::Deserializer::from_slice(&stdout)
        .into_iter()
        .map(|item| item.expect("JSON"))
        .collect();
    let kinds: Vec<_> = items.iter().map(|item| item["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["request", "response", "frame", "frame"]);
    assert_eq!(items[1]["event"]["kind"], "upgraded");
    assert_eq!(items[1]["steps"][0]["accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(items[3]["receiver"]["before"], "closing");
    assert_eq!(items[3]["receiver"]["after"], "closed");
}

#[test]
fn a_request_that_will_be_refused_is_told_why() {
    let request = "GET / HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: Upgrade\n\
        Sec-WebSocket-Version: 13\n";
    let output = explain_with_input(&[], request.as_bytes());
    let output = String::from_utf8(output.stdout).unwrap();
    assert!(line(&output, "rule").ends_with("answered with HTTP status 400"), "{output}");
    assert!(line(&output, "violation").contains("Sec-WebSocket-Key"), "{output}");
}

#[test]
fn files_may_be_text_or_raw() {
    let folder = std::env::temp_dir().join(format!("wigwag-explain-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (name, content) in [("text", &b"# hello\n8105 48656c6c6f"[..]), ("raw", b"\x81\x05Hello")] {
        let path = folder.join(name);
        std::fs::write(&path, content).unwrap();
        let output = explain(&["--file", path.to_str().unwrap()]);
        assert!(output.contains("event         text \"Hello\""), "{name}: {output}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_cannot_be_read_is_one_line() {
    let cases: [(&[&str], &[u8], i32, &str); 5] = [
        (&["xyz"], b"", 2, "\"xyz\" is not hexadecimal"),
        (&["815"], b"", 2, "an odd number"),
        (&[], b"", 2, "nothing to explain"),
        (&[], b"nonsense", 1, "\"nonsense\" is not hexadecimal"),
        (&["--file", "/nonexistent/file"], b"", 1, "cannot read /nonexistent/file"),
    ];
    for (arguments, input, code, expected) in cases {
        let Output { status, stdout, stderr } = explain_with_input(arguments, input);
        let stderr = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}: {stderr}");
        assert!(stdout.is_empty());
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    }
}

#[test]
fn what_a_peer_sent_cannot_steer_the_terminal() {
    // ESC [ 2 J, a bell, and a character that turns the direction of text around.
    let output = explain(&["81 0a 1b 5b 32 4a 07 e2 80 ae 0d 0a"]);
    assert!(!output.contains(['\x1b', '\x07', '\u{202e}', '\r']), "{output:?}");
    assert!(output.contains(r"\u{1b}[2J\u{7}\u{202e}\r\n"), "{output}");
}

#[test]
fn colours_are_for_terminals() {
    assert!(!explain(&["8100"]).contains('\x1b'));
    assert!(explain(&["--color", "always", "8100"]).contains("\x1b["));
}

#[test]
fn lines_fit_a_page() {
    let frame = ["8280", "00000000"].concat();
    for arguments in [&["--from", "server", &frame][..], &["82 7e 01 00", &"ab".repeat(256)]] {
        let output = explain(arguments);
        let longest = output.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(100), "{output}");
    }
}
