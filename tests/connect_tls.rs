//! `wigwag connect` over TLS, against rustls at the other end. tests/clients speaks with OpenSSL.
#![cfg(feature = "tls")]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use common::{Folder, PATIENCE, wigwag};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use wigwag::protocol::handshake::accept_key;
use wigwag::protocol::{Connection, Event, Limits};

/// How a connection ended for the server.
#[derive(Debug, PartialEq)]
enum End {
    /// The client said so in TLS, too.
    CloseNotify,
    CutOff,
    /// There was no TLS connection.
    Refused,
}

/// A server for one connection: an echo over TLS, with a certificate for localhost. Tells its port,
/// its certificate in PEM, and how it ended.
fn server() -> (u16, String, Receiver<End>) {
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let pem = issued.cert.pem();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(issued.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![issued.cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, end) = channel();
    thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let connection = ServerConnection::new(Arc::new(config)).unwrap();
        sender.send(echo(StreamOwned::new(connection, socket))).unwrap();
    });
    (port, pem, end)
}

fn echo(mut stream: StreamOwned<ServerConnection, std::net::TcpStream>) -> End {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read_exact(&mut byte).is_err() {
            return End::Refused;
        }
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        accept_key(key)
    );
    stream.write_all(answer.as_bytes()).unwrap();
    let limits = Limits { max_message: 64 << 20, outbox: 64 << 20, ..Limits::default() };
    let mut connection = Connection::server(Arc::new(limits), Instant::now());
    let mut scratch = vec![0; 64 * 1024];
    loop {
        let pending = connection.pending_output().to_vec();
        stream.write_all(&pending).unwrap();
        connection.advance_output(pending.len());
        if connection.wants_shutdown() {
            stream.conn.send_close_notify();
            stream.flush().unwrap();
            stream.sock.shutdown(std::net::Shutdown::Write).unwrap();
        }
        match stream.read(&mut scratch) {
            Ok(0) => return End::CloseNotify,
            Ok(count) => {
                let mut input = &mut scratch[..count];
                while let Some((event, outbox)) = connection.receive(Instant::now(), &mut input) {
                    if let Event::Text(text) = event {
                        outbox.text(text).unwrap();
                    }
                }
            }
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return End::CutOff,
            Err(error) => panic!("{error}"),
        }
    }
}

fn connect(url: &str, flags: &[&str], lines: &str) -> Output {
    let mut command = wigwag();
    command.arg("connect").arg(url).args(flags);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines = lines.to_owned();
    // A client that could not connect does not read.
    let writer = thread::spawn(move || drop(stdin.write_all(lines.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

#[test]
fn messages_go_both_ways_to_a_server_whose_certificate_is_good() {
    let (port, pem, end) = server();
    let folder = Folder::new("connect-tls-good");
    folder.put("ca.pem", pem);
    let ca = folder.path().join("ca.pem");
    // One line that needs many TLS records, and many lines that share some.
    let lines = "x".repeat(3 << 20) + "\n" + &"short\n".repeat(20_000);
    let url = format!("wss://localhost:{port}/");
    let output = connect(&url, &["--ca", ca.to_str().unwrap()], &lines);
    assert_eq!(text(&output.stderr), format!("connected to {url}\n"));
    assert!(output.stdout == lines.as_bytes(), "{}", output.stdout.len());
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(end.recv_timeout(PATIENCE), Ok(End::CloseNotify));
}

#[test]
fn a_certificate_that_is_not_good_is_refused_before_anything_is_sent() {
    let (port, pem, end) = server();
    let folder = Folder::new("connect-tls-bad");
    folder.put("ca.pem", pem);
    folder.put("other.pem", server().1);
    folder.put("none.pem", "nothing");
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (port, name, ca, hint) in [
        (port, "localhost", path("other.pem"), "TLS: invalid peer certificate"),
        (server().0, "127.0.0.1", path("ca.pem"), "TLS: invalid peer certificate"),
        (1, "localhost", path("none.pem"), "cannot"),
    ] {
        let output = connect(&format!("wss://{name}:{port}/"), &["--ca", &ca], "secret\n");
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.starts_with("wigwag: ") && stderr.contains(hint), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
    assert_eq!(end.recv_timeout(PATIENCE), Ok(End::Refused));
}

#[test]
fn insecure_takes_any_certificate_and_says_what_that_means() {
    let (port, _, end) = server();
    let output = connect(&format!("wss://127.0.0.1:{port}/"), &["--insecure"], "hello\n");
    assert_eq!(text(&output.stdout), "hello\n");
    let stderr = text(&output.stderr);
    assert!(stderr.starts_with("warning: the server's certificate is not verified"), "{stderr}");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(end.recv_timeout(PATIENCE), Ok(End::CloseNotify));
}
