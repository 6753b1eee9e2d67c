//! What the process tests share: the real binary as a child, and a client of raw bytes.
//!
//! The client is made of `std::net::TcpStream` and of frames put together by hand, so that it can
//! say what no well-behaved client says, and so that a mistake in `wigwag::protocol` cannot hide
//! itself. Reads have a time limit: a server that does not answer fails a test and does not hang
//! it.

// Each test file is a crate of its own and uses its own part of this.
#![allow(dead_code)]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Far longer than anything here takes, even on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The masking key of all frames here.
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// The binary, without this process's own settings.
pub fn wigwag() -> Command {
    clean(Command::new(env!("CARGO_BIN_EXE_wigwag")))
}

fn clean(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("WIGWAG_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// A server in a process of its own, which ends with this value.
pub struct Server {
    child: Child,
    pub addresses: Vec<SocketAddr>,
    stdout: BufReader<ChildStdout>,
    log: Arc<Mutex<String>>,
}

impl Server {
    /// Starts `wigwag --port 0` with these flags.
    pub fn start(flags: &[&str]) -> Self {
        let mut command = wigwag();
        command.args(["--port", "0"]).args(flags);
        Self::run(command, 1)
    }

    /// Starts it with room for so many descriptors, or with another change that a shell can make.
    pub fn start_in_shell(before: &str, flags: &[&str]) -> Self {
        let mut command = clean(Command::new("sh"));
        command
            .args(["-c", &format!("{before}; exec \"$0\" \"$@\"")])
            .arg(env!("CARGO_BIN_EXE_wigwag"))
            .args(["--port", "0"])
            .args(flags);
        Self::run(command, 1)
    }

    /// Runs a command that prints so many addresses.
    pub fn run(mut command: Command, addresses: usize) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
        let log = Arc::new(Mutex::new(String::new()));
        let stderr = child.stderr.take().unwrap();
        let lines = Arc::clone(&log);
        // A server whose log nobody reads would wait for the reader.
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut log = lines.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut server = Self { child, addresses: Vec::new(), stdout, log };
        for _ in 0..addresses {
            let mut line = String::new();
            server.stdout.read_line(&mut line).unwrap();
            let address = line
                .strip_prefix("listening on http://")
                .and_then(|line| line.strip_suffix("/\n"))
                .and_then(|address| address.parse().ok());
            let Some(address) = address else {
                panic!("not an address: {line:?}; {}", server.log());
            };
            server.addresses.push(address);
        }
        server
    }

    /// Where the metrics are, if it was started with `--admin`.
    pub fn admin(&mut self) -> SocketAddr {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        let address = line.strip_prefix("metrics at http://");
        let address = address.and_then(|line| line.strip_suffix("/metrics\n"));
        address.and_then(|address| address.parse().ok()).expect("an address")
    }

    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// A TCP connection, nothing said yet.
    pub fn connect(&self) -> Client {
        Client::connect(self.address())
    }

    /// A WebSocket at a path.
    pub fn open(&self, path: &str) -> Client {
        Client::open(self.address(), path)
    }

    /// What a plain request gets, to the end of the connection.
    pub fn request(&self, request: &str) -> Answer {
        let mut client = self.connect();
        client.send(request.as_bytes());
        client.answer()
    }

    pub fn get(&self, path: &str) -> Answer {
        self.request(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"))
    }

    /// What the server has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Sends a signal, by its name without SIG.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for the process to end.
    pub fn wait(&mut self) -> ExitStatus {
        eventually("the process ends", || self.child.try_wait().unwrap())
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Whether somebody can connect, speak and be answered.
    pub fn serves(&self) -> bool {
        let Ok(mut client) = Client::try_open(self.address(), "/echo") else {
            return false;
        };
        client.send_text("?");
        client.try_frame().is_ok_and(|frame| frame.payload == b"?")
    }
}

/// What only Linux tells of a process.
#[cfg(target_os = "linux")]
impl Server {
    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap()
    }

    /// Memory in use, in bytes.
    pub fn memory(&self) -> usize {
        let status = self.proc("status");
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
        kilobytes.unwrap().parse::<usize>().unwrap() * 1024
    }

    /// The most memory that was ever in use, in bytes.
    pub fn peak_memory(&self) -> usize {
        let status = self.proc("status");
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
        kilobytes.unwrap().parse::<usize>().unwrap() * 1024
    }

    /// Processor time used so far. Linux counts it in hundredths of a second.
    pub fn cpu_time(&self) -> Duration {
        let stat = self.proc("stat");
        // The fields after the name, which may itself hold spaces: state is the first.
        let after = stat.rsplit_once(')').unwrap().1;
        let fields = after.split_whitespace().skip(11).take(2);
        let ticks: u64 = fields.map(|field| field.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 10)
    }

    /// How many descriptors are open.
    pub fn descriptors(&self) -> usize {
        let list = std::fs::read_dir(format!("/proc/{}/fd", self.child.id()));
        list.unwrap().count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let log = self.log();
            let from = log.len().saturating_sub(4000);
            eprintln!("the server's log:\n{}", log.get(from..).unwrap_or(&log));
        }
    }
}

/// Tries until there is a result. For what the operating system does not announce.
pub fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(result) = attempt() {
            return result;
        }
        assert!(start.elapsed() < PATIENCE, "in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A plain HTTP answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// A field of the head, by its name in lower case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            (found.to_ascii_lowercase() == name).then_some(value.trim())
        })
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub fin: bool,
    pub opcode: u8,
    pub payload: Vec<u8>,
}

/// How a connection's input ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// In order, with a FIN.
    Closed,
    /// By a reset.
    Reset,
}

pub struct Client {
    pub stream: TcpStream,
    /// What was read from the stream and not yet used.
    input: Vec<u8>,
    used: usize,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).expect("the server accepts")
    }

    pub fn try_connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        Ok(Self::of(stream))
    }

    /// A client that has connected already.
    pub fn of(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, input: Vec::new(), used: 0 }
    }

    pub fn open(address: SocketAddr, path: &str) -> Self {
        Self::try_open(address, path).expect("a WebSocket")
    }

    pub fn try_open(address: SocketAddr, path: &str) -> io::Result<Self> {
        let mut client = Self::try_connect(address)?;
        client.stream.write_all(handshake(path).as_bytes())?;
        let head = client.try_head()?;
        if !head.starts_with("HTTP/1.1 101 ") {
            return Err(io::Error::other(head));
        }
        Ok(client)
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads");
    }

    pub fn send_text(&mut self, text: &str) {
        self.send(&frame(TEXT, text.as_bytes()));
    }

    pub fn send_close(&mut self, code: u16) {
        self.send(&frame(CLOSE, &code.to_be_bytes()));
    }

    /// Ends our direction.
    pub fn half_close(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// The next so many bytes.
    pub fn try_bytes(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.input.len() - self.used < count {
            self.fill()?;
        }
        let start = self.used;
        self.used += count;
        Ok(&self.input[start..self.used])
    }

    fn fill(&mut self) -> io::Result<()> {
        self.input.drain(..self.used);
        self.used = 0;
        let mut piece = [0; 64 * 1024];
        match self.stream.read(&mut piece)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.input.extend_from_slice(&piece[..count]);
                Ok(())
            }
        }
    }

    /// The head of an HTTP answer, with its blank line.
    pub fn try_head(&mut self) -> io::Result<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = self.try_bytes(1)?[0];
            head.push(byte);
        }
        String::from_utf8(head).map_err(io::Error::other)
    }

    pub fn head(&mut self) -> String {
        self.try_head().expect("an answer")
    }

    /// A whole HTTP answer, to the end of the connection.
    pub fn answer(&mut self) -> Answer {
        let head = self.head();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let (body, end) = self.rest();
        assert_eq!(end, End::Closed, "{head}");
        Answer { status, head, body }
    }

    /// Everything to the end, and how it ended.
    pub fn rest(&mut self) -> (Vec<u8>, End) {
        let mut rest = self.input.split_off(self.used);
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => (rest, End::Closed),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => (rest, End::Reset),
            Err(error) => panic!("no end, but {error}"),
        }
    }

    pub fn try_frame(&mut self) -> io::Result<Frame> {
        let head: [u8; 2] = self.try_bytes(2)?.try_into().unwrap();
        assert_eq!(head[0] & 0x70, 0, "reserved bits");
        assert_eq!(head[1] & 0x80, 0, "a server's frame is masked");
        let length = match head[1] {
            126 => u64::from(u16::from_be_bytes(self.try_bytes(2)?.try_into().unwrap())),
            127 => u64::from_be_bytes(self.try_bytes(8)?.try_into().unwrap()),
            length => length.into(),
        };
        let payload = self.try_bytes(length as usize)?.to_vec();
        Ok(Frame { fin: head[0] & 0x80 != 0, opcode: head[0] & 0x0f, payload })
    }

    pub fn frame(&mut self) -> Frame {
        self.try_frame().expect("a frame")
    }

    /// The text of the next message.
    pub fn text(&mut self) -> String {
        let frame = self.frame();
        assert_eq!((frame.fin, frame.opcode), (true, TEXT), "{frame:?}");
        String::from_utf8(frame.payload).unwrap()
    }

    pub fn expect_text(&mut self, text: &str) {
        assert_eq!(self.text(), text);
    }

    /// The next frame is a Close frame; its code and reason, 1005 if it has none.
    pub fn close(&mut self) -> (u16, String) {
        let frame = self.frame();
        assert_eq!(frame.opcode, CLOSE, "{frame:?}");
        close_body(&frame.payload)
    }

    /// The next frame is a Close frame with this code. Answers it, and sees the connection end.
    pub fn expect_close(&mut self, code: u16) {
        let found = self.close();
        assert_eq!(found.0, code, "{found:?}");
        self.send_close(code);
        assert_eq!(self.rest(), (Vec::new(), End::Closed));
        // Else the server would wait for it a while.
        self.half_close();
    }
}

pub fn close_body(payload: &[u8]) -> (u16, String) {
    match payload {
        [high, low, reason @ ..] => {
            let reason = String::from_utf8(reason.to_vec()).unwrap();
            (u16::from_be_bytes([*high, *low]), reason)
        }
        _ => (1005, String::new()),
    }
}

/// A request for a WebSocket at this path.
pub fn handshake(path: &str) -> String {
    handshake_with(path, "")
}

/// A request for a WebSocket, with more fields.
pub fn handshake_with(path: &str, fields: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{fields}\r\n"
    )
}

/// A whole masked frame.
pub fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    raw_frame(0x80 | opcode, payload)
}

/// A masked frame with any first byte.
pub fn raw_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = frame_header(first, payload.len() as u64);
    frame.extend(payload.iter().zip(KEY.iter().cycle()).map(|(b, k)| b ^ k));
    frame
}

/// A masked frame's header, for a payload that may never come.
pub fn frame_header(first: u8, length: u64) -> Vec<u8> {
    let mut header = vec![first];
    match length {
        0..=125 => header.push(0x80 | length as u8),
        126..=0xffff => {
            header.push(0x80 | 126);
            header.extend((length as u16).to_be_bytes());
        }
        _ => {
            header.push(0x80 | 127);
            header.extend(length.to_be_bytes());
        }
    }
    header.extend(KEY);
    header
}

/// A folder that is gone with this value.
pub struct Folder(std::path::PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let unique = format!("wigwag-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(unique);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &std::path::Path {
        &self.0
    }

    pub fn str(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// Puts a file there, with its folders.
    pub fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
