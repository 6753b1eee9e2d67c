//! The command line: what it says, where, and with which exit code.

mod common;

use std::io::Read;
use std::process::{Command, Output, Stdio};

use common::{Client, Folder, Server, wigwag};

fn run(arguments: &[&str]) -> Output {
    wigwag().args(arguments).output().unwrap()
}

/// The command fails with this code, saying one line on standard error that has this in it.
fn fails(arguments: &[&str], code: i32, hint: &str) {
    let output = run(arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "{arguments:?}: {stderr}");
    assert!(stderr.contains(hint), "{arguments:?}: {stderr}");
    assert!(stderr.starts_with("wigwag: "), "{stderr}");
    assert_eq!(output.stdout, b"", "{arguments:?}");
}

#[test]
fn a_wrong_command_is_named_in_one_line() {
    let cases: &[(&[&str], &str)] = &[
        (&["--no-such-flag"], "--no-such-flag"),
        (&["no-such-command"], "no-such-command"),
        (&["serve", "--no-such-flag"], "--no-such-flag"),
        (&["--port", "65536"], "--port"),
        (&["--port", "x"], "--port"),
        (&["--port"], "--port"),
        (&["--backlog=-1"], "--backlog"),
        (&["--loops", "0"], "--loops"),
        (&["--loops", "65"], "--loops"),
        (&["--max-connections", "0"], "--max-connections"),
        (&["--max-message", "1X"], "--max-message"),
        (&["--max-message", "0"], "--max-message"),
        (&["--outbox", "0"], "--outbox"),
        (&["--queued", "0"], "--queued"),
        (&["--head", "0"], "--head"),
        (&["--headers", "0"], "--headers"),
        (&["--headers", "129"], "--headers"),
        (&["--read-per-turn", "0"], "--read-per-turn"),
        (&["--read-per-turn", "9999999999G"], "--read-per-turn"),
        (&["--read-per-turn", "17M"], "--read-per-turn"),
        (&["--accepts-per-turn", "0"], "--accepts-per-turn"),
        (&["--room-capacity", "0"], "--room-capacity"),
        (&["--rate", "0/1"], "--rate"),
        (&["--rate", "fast"], "--rate"),
        (&["--drain", "0"], "--drain"),
        (&["--drain", "99999999h"], "--drain"),
        (&["--drain", "1s", "--drain-spread", "2s"], "--drain-spread"),
        (&["--handshake", "5 parsecs"], "--handshake"),
        (&["--mount", "/x"], "--mount"),
        (&["--mount", "x=echo"], "--mount"),
        (&["--mount", "/x=nothing"], "--mount"),
        (&["--mount", "/x=echo,size=1"], "--mount"),
        (&["--mount", "/x=echo,max-message=big"], "--mount"),
        (&["--path", "signal"], "--path"),
        (&["--path", "/a?b"], "--path"),
        (&["--subprotocol", "two words"], "--subprotocol"),
        (&["--log", "loud"], "--log"),
        (&["--log", "wigwag::server=loud"], "--log"),
        (&["--origin"], "--origin"),
    ];
    for (arguments, hint) in cases {
        fails(arguments, 2, hint);
    }
}

#[test]
fn what_cannot_be_done_is_said_in_one_line() {
    let server = Server::start(&[]);
    let port = server.address().port().to_string();
    fails(&["--port", &port], 1, &format!("127.0.0.1:{port}"));
    fails(&["--port", &port], 1, "--port 0");
    // Loops share a port among themselves, and with nobody else.
    fails(&["--port", &port, "--loops", "2"], 1, "--port 0");
    // TEST-NET-1, RFC 5737: nobody has that address.
    fails(&["--port", "0", "--host", "192.0.2.1"], 1, "192.0.2.1");
    fails(&["--port", "0", "--host", "not a name"], 1, "not a name");
    fails(&["--port", "0", "--www", "/no/such/folder"], 1, "/no/such/folder");
    let folder = Folder::new("cli-www");
    folder.put("file", "");
    let file = folder.path().join("file");
    fails(&["--port", "0", "--www", file.to_str().unwrap()], 1, "file");
}

#[test]
fn help_is_grouped_and_names_every_environment_variable() {
    let output = run(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stderr, b"");
    let help = String::from_utf8(output.stdout).unwrap();
    for group in ["Listening:", "What is where:", "Who may come:", "Limits:", "Times:", "Logging:"]
    {
        assert!(help.contains(group), "{group}");
    }
    let flags = help.lines().filter_map(|line| {
        let flag = line.trim_start().strip_prefix("--")?;
        flag.split([' ', ',', '[']).next()
    });
    let mut count = 0;
    for flag in flags.filter(|flag| *flag != "help" && *flag != "version") {
        let variable = format!("WIGWAG_{}", flag.to_uppercase().replace('-', "_"));
        assert!(help.contains(&variable), "{variable}");
        count += 1;
    }
    assert!(count > 20, "{count} flags");
    assert!(help.lines().all(|line| line.chars().count() <= 100));
    assert!(String::from_utf8(run(&["-h"]).stdout).unwrap().contains("Limits:"));
}

#[test]
fn the_table_of_limits_in_the_readme_says_what_help_says() {
    let readme = include_str!("../README.md");
    let section = readme.split("\n## Limits\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let output = run(&["--help"]);
    let text = String::from_utf8(output.stdout).unwrap();
    // What is said of a flag may be wrapped.
    let help = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut count = 0;
    for row in section.lines().filter(|line| line.contains("`--")) {
        let cells: Vec<_> =
            row.split(" | ").map(|cell| cell.trim_matches(['|', ' ', '`'])).collect();
        let [_, flag, default, _] = cells[..] else {
            assert!(!row.starts_with('|'), "{row}");
            continue;
        };
        let about = help.split(&format!(" {flag} <")).nth(1).unwrap_or_else(|| panic!("{flag}"));
        let about = about.split(" --").next().unwrap();
        assert!(about.contains(&format!("[default: {default}]")), "{flag}: {about}");
        count += 1;
    }
    // And none is left out that is a limit or a time.
    let mut group = "";
    for line in text.lines() {
        if line.ends_with(':') && !line.starts_with(' ') {
            group = line;
        }
        if let Some(flag) = line.trim_start().split(' ').find(|_| line.contains("  --"))
            && matches!(group, "Limits:" | "Times:")
        {
            assert!(section.contains(&format!("`{flag}`")), "{flag} is missing");
        }
    }
    assert!(count > 20, "{count}");
}

#[test]
fn the_version_is_told() {
    let output = run(&["--version"]);
    let version = format!("wigwag {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), version);
}

#[test]
fn a_reader_of_help_who_leaves_early_is_no_error() {
    let binary = env!("CARGO_BIN_EXE_wigwag");
    let script = format!("('{binary}' --help; echo $? >&2) | head -1");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "0\n");
    let first = String::from_utf8(output.stdout).unwrap();
    assert_eq!(first.lines().count(), 1);
}

#[test]
fn nobody_to_tell_an_error_is_no_panic() {
    // The reading end of the pipe is closed before the command has something to say.
    let script = format!(
        "(sleep 0.2; '{}' --no-such-flag 2>&1; echo $? >&2) | true",
        env!("CARGO_BIN_EXE_wigwag")
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "2\n");
}

#[test]
fn it_serves_though_nobody_reads_its_output() {
    // Closed from the start: the port is known from elsewhere.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let mut child = wigwag()
        .args(["--port", &address.port().to_string()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    let mut client = common::eventually("it serves", || Client::try_open(address, "/echo").ok());
    client.send_text("hello");
    client.expect_text("hello");
    // Each of these writes a line to the log.
    for _ in 0..10 {
        drop(Client::open(address, "/echo"));
    }
    client.send_text("hello");
    client.expect_text("hello");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_address_comes_first_on_standard_output_and_hints_on_the_other() {
    let mut child = wigwag()
        .args(["serve", "--port", "0", "--drain", "1s"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 27];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"listening on http://127.0.0");
    let kill = format!("kill -TERM {}", child.id());
    Command::new("sh").args(["-c", &kill]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 1);
    assert!(String::from_utf8(output.stderr).unwrap().contains("two browser tabs"));
}

#[test]
fn several_hosts_and_ipv6_are_listened_on() {
    for (host, prefix) in [("::1", "[::1]:"), ("[::1]", "[::1]:"), ("localhost", "")] {
        if std::net::TcpListener::bind("[::1]:0").is_err() {
            break; // a machine without IPv6
        }
        let server = Server::start(&["--host", host]);
        assert!(server.address().to_string().starts_with(prefix));
        assert!(server.serves(), "{host}");
    }
    let mut command = wigwag();
    command.args(["--port", "0", "--host", "127.0.0.1", "--host", "127.0.0.2"]);
    let server = Server::run(command, 2);
    for &address in &server.addresses {
        Client::open(address, "/echo");
    }
    // A host that is named twice is listened on once.
    let mut command = wigwag();
    command.args(["--port", "0", "--host", "127.0.0.1,127.0.0.1"]);
    assert!(Server::run(command, 1).serves());
}

#[test]
fn each_flag_can_be_an_environment_variable_and_wins_over_it() {
    let mut command = wigwag();
    command
        .args(["--port", "0"])
        .env("WIGWAG_PORT", "1")
        .env("WIGWAG_HOST", "127.0.0.1,127.0.0.3")
        .env("WIGWAG_MOUNT", "/one=echo,max-message=1K;/two=chat,prefix")
        .env("WIGWAG_LOG", "off");
    let server = Server::run(command, 2);
    assert_eq!(server.addresses[1].ip().to_string(), "127.0.0.3");
    let mut one = server.open("/one");
    one.send_text("hello");
    one.expect_text("hello");
    one.send_text(&"x".repeat(1025));
    one.expect_close(1009);
    let mut two = server.open("/two");
    two.send_text("hello");
    let own = two.stream.local_addr().unwrap();
    two.expect_text(&format!("{own} -> hello"));

    let output = wigwag().env("WIGWAG_PORT", "many").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--port"));
}

#[test]
fn mounts_can_be_added_replaced_and_taken_away() {
    let server = Server::start(&[
        "--mount",
        "/echo=off",
        "--mount",
        "/chat=echo",
        "--mount",
        "/mine=echo,max-message=2M,outbox=4M,rate=1/2",
        "--path",
        "/calls",
    ]);
    assert_eq!(Client::try_open(server.address(), "/echo").err().map(|_| ()), Some(()));
    assert!(!server.get("/echo").text().contains("\n  /echo\n"));
    let mut chat = server.open("/chat");
    chat.send_text("hello");
    chat.expect_text("hello");
    let mut calls = server.open("/calls");
    calls.send_text("ping");
    calls.expect_text("pong");
    let mut mine = server.open("/mine");
    mine.send_text(&"x".repeat(2 << 20));
    assert_eq!(mine.text().len(), 2 << 20);
}

#[test]
fn each_connection_event_is_one_line_whatever_the_peer_says() {
    let server = Server::start(&["--log", "trace"]);
    let mut client = server.open("/echo");
    let mut body = 1000_u16.to_be_bytes().to_vec();
    body.extend("bye\n[2000-01-01T00:00:00Z INFO ] forged\u{1b}[31m\u{202e}".as_bytes());
    client.send(&common::frame(common::PING, b"\nforged"));
    client.send(&common::frame(common::CLOSE, &body));
    client.frame();
    client.close();
    client.rest();
    server.request("GET /\u{1b}[31m\u{7f} HTTP/1.1\r\nHost: a\r\n\r\n");
    let log = common::eventually("it is logged", || {
        Some(server.log()).filter(|log| log.contains("answered 400"))
    });
    assert!(log.contains("forged"), "it is shown: {log}");
    for line in log.lines().filter(|line| !line.contains("two browser tabs")) {
        assert!(!line.starts_with("forged") && line.starts_with('['), "{line}");
        assert!(line.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{line}");
        assert!(line.len() < 400, "{line}");
    }
}
