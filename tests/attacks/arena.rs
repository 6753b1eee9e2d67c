//! Where an attack takes place: the server, the canary pair, and the accounts before and after.

use std::fmt;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::suite::canary::Canary;
use crate::suite::common::{self, Client, PATIENCE, Server};

/// How much of an attack is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Enough to see a fault, in a second or two and in a debug build.
    Small,
    /// As many as the list of attacks says.
    Full,
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Small => "small",
            Self::Full => "in full",
        })
    }
}

/// How long the server may take to get over it.
const RECOVERY: Duration = Duration::from_secs(5);

pub struct Arena {
    pub server: Server,
    pub scale: Scale,
    canary: Option<Canary>,
    before: Accounts,
}

/// What must be the same after an attack as before it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Accounts {
    descriptors: usize,
    connections: u64,
    queued: u64,
}

impl Arena {
    /// A server with these flags, and a canary pair that has begun to call.
    pub fn new(scale: Scale, flags: &[&str]) -> Self {
        let server = start(flags);
        let canary = Canary::start(&server);
        // The canary's messages are never queued for long: it waits for each.
        let before = common::eventually("the canary is settled", || {
            let accounts = Accounts::of(&server);
            (accounts.queued == 0 && accounts.connections == 2).then_some(accounts)
        });
        Self { server, scale, canary: Some(canary), before }
    }

    /// The number for the scale.
    pub fn many(&self, small: usize, full: usize) -> usize {
        match self.scale {
            Scale::Small => small,
            Scale::Full => full,
        }
    }

    /// A TCP connection from the attackers' address, which is not the canary's.
    pub fn connect(&self) -> Client {
        try_connect(self.server.address()).expect("the server accepts")
    }

    /// A WebSocket of the attackers'.
    pub fn open(&self, path: &str) -> Client {
        self.try_open(path).expect("a WebSocket")
    }

    pub fn try_open(&self, path: &str) -> io::Result<Client> {
        try_open(self.server.address(), path)
    }

    /// How many connections the server has.
    pub fn connections(&self) -> u64 {
        connections(&metrics(&self.server))
    }

    /// What the server's memory has grown by at most since `before`, both in bytes.
    pub fn grown(&self, before: usize) -> usize {
        self.server.peak_memory().saturating_sub(before)
    }

    /// The canary is not needed for what comes: the server is to end.
    pub fn dismiss_canary(&mut self) -> String {
        self.canary.take().map(|canary| canary.conclude().to_string()).unwrap_or_default()
    }

    /// The attack is over: the canary has lost nothing, and all accounts are back where they were.
    pub fn conclude(mut self) -> String {
        let Some(canary) = self.canary.take() else {
            return "the server ended as it should".into();
        };
        assert!(self.server.is_running(), "the server has ended");
        let start = Instant::now();
        let mut now = Accounts::of(&self.server);
        while now != self.before {
            assert!(start.elapsed() < RECOVERY, "before {:?}, after {now:?}", self.before);
            std::thread::sleep(Duration::from_millis(10));
            now = Accounts::of(&self.server);
        }
        canary.conclude().to_string()
    }
}

impl Accounts {
    fn of(server: &Server) -> Self {
        let page = metrics(server);
        Self {
            // The scrape has a connection of its own, which may linger a moment.
            descriptors: server.descriptors(),
            connections: connections(&page),
            queued: value(&page, "wigwag_queued_bytes"),
        }
    }
}

/// A server that also tells its metrics, to an address of their own. Without the inspector, as one on
/// an open network: what that keeps of each connection has a limit of its own, and would be counted
/// as the attack's.
pub fn start(flags: &[&str]) -> Server {
    let mut command = common::wigwag();
    command.args(["--port", "0", "--admin", "127.0.0.1:0", "--no-inspect"]).args(flags);
    let mut server = Server::run(command, 1);
    let admin = server.admin();
    server.addresses.push(admin);
    server
}

/// What the server tells of itself.
pub fn metrics(server: &Server) -> String {
    let mut client = Client::connect(server.addresses[1]);
    client.send(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
    let answer = client.answer();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.text().to_owned()
}

pub fn metric(server: &Server, name: &str) -> u64 {
    value(&metrics(server), name)
}

/// How many connections there are, apart from those that ask for metrics.
pub fn connections(page: &str) -> u64 {
    let admins = value(page, r#"wigwag_connections{kind="admin"}"#);
    value(page, "wigwag_connections") - admins
}

/// The sum of all series of a metric, or one of them.
fn value(page: &str, name: &str) -> u64 {
    let series: Vec<f64> = page
        .lines()
        .filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            rest.starts_with(['{', ' ']).then(|| rest.rsplit_once(' '))??.1.parse().ok()
        })
        .collect();
    assert!(!series.is_empty(), "there is no {name} in\n{page}");
    series.iter().sum::<f64>() as u64
}

/// Attackers come from an address of their own, so that what is counted by address can tell them
/// from the canary.
pub fn try_connect(server: SocketAddr) -> io::Result<Client> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 0, 66), 0)).into())?;
    socket.connect_timeout(&server.into(), PATIENCE)?;
    Ok(Client::of(TcpStream::from(socket)))
}

pub fn try_open(server: SocketAddr, path: &str) -> io::Result<Client> {
    let mut client = try_connect(server)?;
    client.stream.write_all(common::handshake(path).as_bytes())?;
    let head = client.try_head()?;
    if head.starts_with("HTTP/1.1 101 ") { Ok(client) } else { Err(io::Error::other(head)) }
}
