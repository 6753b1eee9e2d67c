//! From a URL to an open WebSocket: TCP, TLS if it is `wss`, then the handshake of RFC 6455, 4.1.
//! All of it blocks, and all of it shares one deadline.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng};

#[cfg(feature = "tls")]
use super::tls::{self, TlsError};
use super::transport::Transport;
use super::url::Url;
use crate::protocol::handshake::{
    ClientHandshakeError, ClientRequest, ClientRequestError, Established, HeadScanner,
};
use crate::protocol::{
    Limits, MaskingKey, MaskingKeys, deflate::DeflateMode, deflate::DeflateOptions,
};

/// The longest head of a response; what a server has to say fits into less.
const MAX_HEAD: usize = 16 * 1024;

/// How much of the body is read when a server refuses, to tell its first lines.
const MAX_BODY: usize = 4 * 1024;

/// By whose word a server's certificate is good. Without TLS nobody asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// The authorities that this system trusts.
    #[default]
    System,
    /// Those in this file, in PEM, and nobody else.
    File(PathBuf),
    /// Any certificate is good, so that whoever is in between can read and change everything.
    Anyone,
}

/// How a client asks for a WebSocket, and what it may use.
#[derive(Clone, Debug)]
pub struct Options {
    /// The subprotocols to offer, the one liked best first.
    pub subprotocols: Vec<String>,
    /// The value of Origin, if there is to be one.
    pub origin: Option<String>,
    /// Names and values of other headers.
    pub headers: Vec<(String, String)>,
    /// Whether permessage-deflate is offered, and how messages are compressed. Which of the two
    /// modes other than off is the server's choice.
    pub deflate: DeflateOptions,
    /// By whose word the server's certificate is good, for `wss`.
    pub trust: Trust,
    /// What the connection may use.
    pub limits: Limits,
    /// The time for all of the opening.
    pub opening: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            subprotocols: Vec::new(),
            origin: None,
            headers: Vec::new(),
            deflate: DeflateOptions { mode: DeflateMode::Takeover, ..DeflateOptions::default() },
            trust: Trust::default(),
            limits: Limits::default(),
            opening: Duration::from_secs(10),
        }
    }
}

/// Why there is no WebSocket.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The host's name leads to no address.
    #[error("cannot find the host {host}: {source}")]
    Host {
        /// The host of the URL.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// None of the host's addresses took the connection; this is the last.
    #[error("cannot connect to {address}: {source}")]
    Tcp {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// TLS cannot be spoken, or the server's certificate is no good.
    #[cfg(feature = "tls")]
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
    /// What was to be sent cannot be.
    #[error("the request cannot be sent: {0}")]
    Request(#[from] ClientRequestError),
    /// The server answered with another status than 101.
    #[error("the server refuses: status {status}{}", first_lines(.body))]
    Refused {
        /// The status.
        status: u16,
        /// The body, as far as it was read.
        body: Vec<u8>,
    },
    /// The server's answer opens no WebSocket.
    #[error("the server's answer is no handshake: {0}")]
    Handshake(ClientHandshakeError),
    /// The server's answer has no end.
    #[error("the head of the server's answer is over {MAX_HEAD} bytes")]
    HeadTooLong,
    /// The server closed the connection in place of an answer.
    #[error("the server closed the connection without an answer")]
    Ended,
    /// There was no answer in time.
    #[error("no answer in {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    /// The system has no random bytes, and keys may be made of nothing else.
    #[error("the system has no random bytes: {0}")]
    Random(rand::rngs::SysError),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
}

/// So many lines of a refusal are told.
const LINES: usize = 3;

/// The first lines of a refusal that is plain text, as one that is fit for a terminal.
fn first_lines(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines = lines.take(LINES).collect::<Vec<_>>().join(" / ");
    if lines.is_empty() || lines.starts_with('<') {
        return String::new();
    }
    let shown = lines.chars().take(300).map(|c| if c.is_control() { '.' } else { c });
    format!(": {}", shown.collect::<String>())
}

/// Masking keys from a generator that is fit for cryptography and seeded by the system: RFC 6455,
/// 10.3, and RFC 4086 behind it.
struct RandomKeys(StdRng);

impl MaskingKeys for RandomKeys {
    fn next_key(&mut self) -> MaskingKey {
        self.0.next_u32().to_ne_bytes()
    }
}

/// An open WebSocket.
pub(super) struct Opened {
    pub(super) stream: Transport<TcpStream>,
    /// The client's request and the server's answer, as they were on the wire.
    pub(super) handshake: (Vec<u8>, Vec<u8>),
    pub(super) established: Established,
    pub(super) masking_keys: Box<dyn MaskingKeys>,
    /// What the server sent behind its answer.
    pub(super) early: Vec<u8>,
}

/// Opens a WebSocket.
pub(super) fn open(url: &Url, options: &Options) -> Result<Opened, ConnectError> {
    let mut random = StdRng::try_from_rng(&mut SysRng).map_err(ConnectError::Random)?;
    let mut key = [0; 16];
    random.fill_bytes(&mut key);
    let mut request = ClientRequest::new(url.authority(), &url.path, key);
    request.subprotocols = options.subprotocols.clone();
    request.origin = options.origin.clone();
    request.headers = options.headers.clone();
    request.deflate = options.deflate.mode != DeflateMode::Off;
    let mut bytes = Vec::new();
    request.write(&mut bytes)?;

    let deadline = Deadline::new(options.opening);
    let stream = connect(url, &deadline)?;
    stream.set_nodelay(true)?;
    let mut stream = secure(stream, url, options, &deadline)?;
    stream.socket().set_write_timeout(Some(deadline.left()?))?;
    stream.write_all(&bytes).map_err(|error| deadline.judge(error))?;
    stream.flush().map_err(|error| deadline.judge(error))?;

    let (mut head, end) = read_head(&mut stream, &deadline)?;
    let early = head.split_off(end);
    let established = match request.verify(&head) {
        Ok(established) => established,
        Err(ClientHandshakeError::Status(status)) => {
            let body = read_body(&mut stream, &deadline, early);
            return Err(ConnectError::Refused { status, body });
        }
        Err(error) => return Err(ConnectError::Handshake(error)),
    };
    let masking_keys = Box::new(RandomKeys(random));
    Ok(Opened { stream, handshake: (bytes, head), established, masking_keys, early })
}

/// Puts TLS over the socket, if the URL asks for it.
#[cfg(feature = "tls")]
fn secure(
    mut socket: TcpStream,
    url: &Url,
    options: &Options,
    deadline: &Deadline,
) -> Result<Transport<TcpStream>, ConnectError> {
    if !url.tls {
        return Ok(Transport::Tcp(socket));
    }
    let mut connection = tls::connection(&url.host, &options.trust)?;
    loop {
        let left = Some(deadline.left()?);
        socket.set_read_timeout(left)?;
        socket.set_write_timeout(left)?;
        match tls::step(&mut connection, &mut socket) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(ConnectError::Ended);
            }
            Err(error) => return Err(deadline.judge(error)),
        }
    }
    Ok(Transport::Tls(Box::new(rustls::StreamOwned::new(connection, socket))))
}

/// Without TLS there is no URL that asks for it.
#[cfg(not(feature = "tls"))]
fn secure(
    socket: TcpStream,
    _: &Url,
    _: &Options,
    _: &Deadline,
) -> Result<Transport<TcpStream>, ConnectError> {
    Ok(Transport::Tcp(socket))
}

/// Tries one address of the host after the other.
fn connect(url: &Url, deadline: &Deadline) -> Result<TcpStream, ConnectError> {
    let host = || url.host.clone();
    let addresses = (url.host.as_str(), url.port)
        .to_socket_addrs()
        .map_err(|source| ConnectError::Host { host: host(), source })?;
    let mut failed = None;
    for address in addresses {
        match TcpStream::connect_timeout(&address, deadline.left()?) {
            Ok(stream) => return Ok(stream),
            Err(source) => failed = Some(ConnectError::Tcp { address, source }),
        }
    }
    Err(failed.unwrap_or_else(|| {
        let source = io::Error::new(io::ErrorKind::NotFound, "it has no address");
        ConnectError::Host { host: host(), source }
    }))
}

/// Reads up to the end of the head, and tells where it is. There may be more behind it.
fn read_head(
    stream: &mut Transport<TcpStream>,
    deadline: &Deadline,
) -> Result<(Vec<u8>, usize), ConnectError> {
    let mut scanner = HeadScanner::new(MAX_HEAD);
    let mut head = Vec::new();
    loop {
        if read_some(stream, deadline, &mut head)? == 0 {
            return Err(ConnectError::Ended);
        }
        match scanner.scan(&head) {
            Ok(Some(end)) => return Ok((head, end)),
            Ok(None) => {}
            Err(_) => return Err(ConnectError::HeadTooLong),
        }
    }
}

/// Reads what the server says to its refusal. Whatever goes wrong, the status is known already.
fn read_body(stream: &mut Transport<TcpStream>, deadline: &Deadline, early: Vec<u8>) -> Vec<u8> {
    let mut body = early;
    let lines = |body: &[u8]| body.iter().filter(|&&byte| byte == b'\n').count();
    while body.len() < MAX_BODY && lines(&body) < LINES {
        match read_some(stream, deadline, &mut body) {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    body
}

fn read_some(
    stream: &mut Transport<TcpStream>,
    deadline: &Deadline,
    bytes: &mut Vec<u8>,
) -> Result<usize, ConnectError> {
    let mut buffer = [0; 4096];
    loop {
        stream.socket().set_read_timeout(Some(deadline.left()?))?;
        match stream.read(&mut buffer) {
            Ok(count) => {
                bytes.extend_from_slice(buffer.get(..count).unwrap_or_default());
                return Ok(count);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(deadline.judge(error)),
        }
    }
}

struct Deadline {
    time: Duration,
    due: Instant,
}

impl Deadline {
    fn new(time: Duration) -> Self {
        let now = Instant::now();
        Self { time, due: now.checked_add(time).unwrap_or(now) }
    }

    fn left(&self) -> Result<Duration, ConnectError> {
        let left = self.due.saturating_duration_since(Instant::now());
        // A time limit of zero would mean that there is none.
        if left.is_zero() { Err(ConnectError::TimedOut(self.time)) } else { Ok(left) }
    }

    /// A time limit of a socket that has passed is ours.
    fn judge(&self, error: io::Error) -> ConnectError {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                ConnectError::TimedOut(self.time)
            }
            #[cfg(feature = "tls")]
            _ => match error.downcast::<rustls::Error>() {
                Ok(error) => ConnectError::Tls(error.into()),
                Err(error) => ConnectError::Io(error),
            },
            #[cfg(not(feature = "tls"))]
            _ => ConnectError::Io(error),
        }
    }
}
