//! What a server is told before it starts. Every number that bounds something is here.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::mount::Mount;
use super::tap::Tap;
use super::visitors::AddressLimits;

/// A server's settings; [`Config::default`] has the values that the command line documents.
pub struct Config {
    /// The addresses to listen on. Port 0 takes a free port.
    pub listen: Vec<SocketAddr>,
    /// The addresses to serve `/metrics` and `/healthz` at, and nothing else: to those who watch the
    /// server, who should be on the same machine or behind a firewall.
    pub admin: Vec<SocketAddr>,
    /// How many connections the kernel may hold ready for us to accept.
    pub backlog: u32,
    /// How many event loops to run, each on a thread of its own.
    pub loops: u16,
    /// Which application serves which path.
    pub mounts: Vec<Mount>,
    /// The subprotocols that this server speaks.
    pub subprotocols: Vec<String>,
    /// The origins whose pages may connect; `None`: any.
    pub origins: Option<Vec<String>>,
    /// What a plain GET finds besides `/healthz`.
    pub www: Www,
    /// Whether the page of the inspector is at `/inspect`. What it shows it is told by an
    /// application, which is a mount.
    pub inspector: bool,
    /// The bounds that hold for every connection, whatever its path.
    pub limits: ServerLimits,
    /// Who looks on at what goes over the wire.
    pub taps: Vec<Arc<dyn Tap>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 8888))],
            admin: Vec::new(),
            backlog: 1024,
            loops: 1,
            mounts: Vec::new(),
            subprotocols: Vec::new(),
            origins: None,
            www: Www::Nothing,
            inspector: false,
            limits: ServerLimits::default(),
            taps: Vec::new(),
        }
    }
}

/// The pages that a server shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Www {
    /// None.
    #[default]
    Nothing,
    /// The demo page, which calls by the signaling at `/signal`.
    DemoPage,
    /// The files of a folder.
    Folder(PathBuf),
}

/// The bounds that hold for every connection. Those that a mount may set for itself are in
/// [`MountOptions`](super::MountOptions).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// The longest request head, in bytes; a longer one is answered with 431.
    pub head: usize,
    /// The most header fields of a request; more are answered with 431.
    pub headers: usize,
    /// A request must be complete after this time, however it trickles in; else 408.
    pub handshake: Duration,
    /// With so many connections the server stops accepting; the kernel's backlog holds the rest.
    pub connections: usize,
    /// What one address may take of them.
    pub address: AddressLimits,
    /// The bytes that may be queued in the whole process. From half of them newcomers are refused,
    /// from three quarters the largest queues are closed, and with all of them nothing is accepted.
    pub queued: usize,
    /// The connections that may have DEFLATE states of their own, for context takeover; further ones
    /// agree to do without. Such states are no queues: they are some 200 KB for each connection from
    /// its first messages to its end, whatever it does, so they do not count as queued, and nobody
    /// is closed because of them.
    pub takeovers: usize,
    /// The most connections accepted in one turn of a loop.
    pub accepts_per_turn: usize,
    /// The most bytes read from one connection in one turn of a loop.
    pub read_per_turn: usize,
    /// With so many bytes waiting to be sent to a connection, nothing more is read from it.
    pub high_water: usize,
    /// After our last byte a peer has this long to close its side; then the connection is dropped.
    pub linger: Duration,
    /// Whatever waits to be sent must make progress within this time, however lively the peer is
    /// otherwise; then the connection is dropped.
    pub stall: Duration,
    /// How long connections may take to close when the server ends.
    pub drain: Duration,
    /// The first part of that time, over which the Close frames are spread: peers that are told at
    /// once come back at once. Up to 64 peers of a loop are.
    pub drain_spread: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            head: 8 * 1024,
            headers: 64,
            handshake: Duration::from_secs(5),
            connections: 65_536,
            address: AddressLimits::default(),
            queued: 64 * 1024 * 1024,
            takeovers: 256,
            accepts_per_turn: 16,
            read_per_turn: 64 * 1024,
            high_water: 64 * 1024,
            linger: Duration::from_secs(5),
            stall: Duration::from_secs(30),
            drain: Duration::from_secs(10),
            drain_spread: Duration::from_secs(2),
        }
    }
}
