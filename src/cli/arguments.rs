//! The flags of `wigwag serve`, each also an environment variable.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::values::{Deflate, Exempt, MountPath, MountValue, Origin, Rate, Size, Time};

#[derive(Args)]
pub(super) struct Arguments {
    /// Address or name to listen on; may be repeated, and may be IPv6
    #[arg(long, value_name = "HOST", env = "WIGWAG_HOST", value_delimiter = ',')]
    #[arg(default_value = "127.0.0.1", help_heading = "Listening")]
    pub(super) host: Vec<String>,
    /// Port to listen on; 0 takes a free one
    #[arg(long, env = "WIGWAG_PORT", default_value_t = 8888, help_heading = "Listening")]
    pub(super) port: u16,
    /// Serve /metrics (for Prometheus) and /healthz here, and nothing else: HOST:PORT, or a PORT of
    /// 127.0.0.1. Whoever can connect there can see them
    #[arg(long, value_name = "[HOST:]PORT", env = "WIGWAG_ADMIN", help_heading = "Listening")]
    pub(super) admin: Option<String>,
    /// Connections that the kernel may hold until they are accepted
    #[arg(long, value_name = "N", env = "WIGWAG_BACKLOG", default_value_t = 1024)]
    #[arg(help_heading = "Listening")]
    pub(super) backlog: u32,
    /// Event loops, each on a thread of its own
    #[arg(long, value_name = "N", env = "WIGWAG_LOOPS", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=64), help_heading = "Listening")]
    pub(super) loops: u16,

    /// Mount an application: signaling, echo, broadcast, chat, or off; may be repeated. With
    /// options: /echo=echo,max-message=16M,outbox=16M,rate=50/200,deflate=takeover and
    /// /chat=chat,prefix. Mounted by default: signaling at / and /signal, echo at /echo, broadcast
    /// at /broadcast, chat at /chat and /ws
    #[arg(long, value_name = "PATH=APP", env = "WIGWAG_MOUNT", value_delimiter = ';')]
    #[arg(help_heading = "What is where")]
    pub(super) mount: Vec<MountValue>,
    /// Mount signaling at one more path; may be repeated
    #[arg(long, value_name = "PATH", env = "WIGWAG_PATH", value_delimiter = ';')]
    #[arg(help_heading = "What is where")]
    pub(super) path: Vec<MountPath>,
    /// Compress messages (permessage-deflate): off; shared, without context takeover, so that
    /// connections need no state of their own; or takeover, which compresses small messages that
    /// are alike better, and takes some 200 KB for each connection [default: shared]. This is for
    /// echo; where messages go to others, only a mount's own option turns it on: --mount
    /// /chat=chat,deflate=shared
    #[arg(long, value_name = "MODE", env = "WIGWAG_DEFLATE", help_heading = "What is where")]
    pub(super) deflate: Option<Deflate>,
    /// Messages of fewer bytes are sent uncompressed
    #[arg(long, value_name = "SIZE", env = "WIGWAG_DEFLATE_THRESHOLD", default_value = "128")]
    #[arg(help_heading = "What is where")]
    pub(super) deflate_threshold: Size,
    /// Serve the files of this folder instead of the demo page
    #[arg(long, value_name = "DIR", env = "WIGWAG_WWW", help_heading = "What is where")]
    pub(super) www: Option<PathBuf>,
    /// Subprotocol that the server speaks; may be repeated
    #[arg(long, value_name = "NAME", env = "WIGWAG_SUBPROTOCOL", value_delimiter = ',')]
    #[arg(help_heading = "What is where")]
    pub(super) subprotocol: Vec<String>,

    /// Origin whose pages may connect, such as https://example.org; may be repeated. Without it
    /// any page may; with it, nobody else, nor a client that sends no Origin
    #[arg(long, value_name = "ORIGIN", env = "WIGWAG_ORIGIN", value_delimiter = ',')]
    #[arg(help_heading = "Who may come")]
    pub(super) origin: Vec<Origin>,
    /// Connections; with so many the server stops accepting
    #[arg(long, value_name = "N", env = "WIGWAG_MAX_CONNECTIONS", default_value_t = 65_536)]
    #[arg(value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    #[arg(help_heading = "Who may come")]
    pub(super) max_connections: usize,
    /// Connections of one address, an IPv6 /64 counting as one; over it: 429
    #[arg(long, value_name = "N", env = "WIGWAG_ADDRESS_CONNECTIONS", default_value_t = 1024)]
    #[arg(value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    #[arg(help_heading = "Who may come")]
    pub(super) address_connections: usize,
    /// New connections of one address, each second and at once, or off; over it: 429
    #[arg(long, value_name = "N/BURST", env = "WIGWAG_ADDRESS_RATE", default_value = "50/500")]
    #[arg(help_heading = "Who may come")]
    pub(super) address_rate: Rate,
    /// Messages of one address, each second and at once, or off, where the messages of each peer
    /// are counted too (--rate); over it: an error. Each loop counts for itself
    #[arg(long, value_name = "N/BURST", env = "WIGWAG_ADDRESS_MESSAGES")]
    #[arg(default_value = "500/2000", help_heading = "Who may come")]
    pub(super) address_messages: Rate,
    /// Addresses or networks for which those three do not count, such as that of a reverse proxy;
    /// may be repeated; none: they count for all
    #[arg(long, value_name = "NET", env = "WIGWAG_ADDRESS_EXEMPT", value_delimiter = ',')]
    #[arg(default_value = "127.0.0.0/8,::1", help_heading = "Who may come")]
    pub(super) address_exempt: Vec<Exempt>,

    /// Serve the inspector at /inspect, which shows what goes over the wire of every connection,
    /// also where others can reach it; without this flag only if all addresses are loopback ones
    #[arg(long, env = "WIGWAG_INSPECT", overrides_with = "no_inspect")]
    #[arg(help_heading = "Inspector")]
    pub(super) inspect: bool,
    /// No inspector
    #[arg(long, env = "WIGWAG_NO_INSPECT", help_heading = "Inspector")]
    pub(super) no_inspect: bool,
    /// The inspector shows no payloads, nor cookies and credentials in handshakes
    #[arg(long, env = "WIGWAG_INSPECT_HIDE_PAYLOADS", help_heading = "Inspector")]
    pub(super) inspect_hide_payloads: bool,

    /// Longest message; over it: 1009 [default: 64K for signaling, 1M elsewhere]
    #[arg(long, value_name = "SIZE", env = "WIGWAG_MAX_MESSAGE", help_heading = "Limits")]
    pub(super) max_message: Option<Size>,
    /// Bytes that may wait to be sent to a connection; over it: 1013
    #[arg(long, value_name = "SIZE", env = "WIGWAG_OUTBOX", default_value = "256K")]
    #[arg(help_heading = "Limits")]
    pub(super) outbox: Size,
    /// With so many bytes waiting for a connection, nothing is read from it
    #[arg(long, value_name = "SIZE", env = "WIGWAG_HIGH_WATER", default_value = "64K")]
    #[arg(help_heading = "Limits")]
    pub(super) high_water: Size,
    /// Bytes queued in the whole process; from half of it newcomers are refused, from three
    /// quarters the largest queues are closed, at it nothing is accepted
    #[arg(long, value_name = "SIZE", env = "WIGWAG_QUEUED", default_value = "64M")]
    #[arg(help_heading = "Limits")]
    pub(super) queued: Size,
    /// How many times its size a message may inflate to; over it: 1009
    #[arg(long, value_name = "N", env = "WIGWAG_DEFLATE_RATIO", default_value_t = 512)]
    #[arg(help_heading = "Limits")]
    pub(super) deflate_ratio: u32,
    /// Connections with context takeover, of some 200 KB each; over it: shared
    #[arg(long, value_name = "N", env = "WIGWAG_DEFLATE_TAKEOVERS", default_value_t = 256)]
    #[arg(help_heading = "Limits")]
    pub(super) deflate_takeovers: usize,
    /// Empty fragments in a row; over it: 1008
    #[arg(long, value_name = "N", env = "WIGWAG_EMPTY_FRAGMENTS", default_value_t = 256)]
    #[arg(help_heading = "Limits")]
    pub(super) empty_fragments: u32,
    /// Messages of a signaling peer, each second and at once, or off; over it: an error, then 1008
    #[arg(long, value_name = "N/BURST", env = "WIGWAG_RATE", default_value = "50/200")]
    #[arg(help_heading = "Limits")]
    pub(super) rate: Rate,
    /// Members of a room
    #[arg(long, value_name = "N", env = "WIGWAG_ROOM_CAPACITY", default_value = "2")]
    #[arg(help_heading = "Limits")]
    pub(super) room_capacity: NonZeroUsize,
    /// Longest request head; over it: 431
    #[arg(long, value_name = "SIZE", env = "WIGWAG_HEAD", default_value = "8K")]
    #[arg(help_heading = "Limits")]
    pub(super) head: Size,
    /// Header fields of a request, 128 at most; over it: 431
    #[arg(long, value_name = "N", env = "WIGWAG_HEADERS", default_value_t = 64)]
    #[arg(value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=128))]
    #[arg(help_heading = "Limits")]
    pub(super) headers: usize,
    /// Connections accepted in one turn of a loop
    #[arg(long, value_name = "N", env = "WIGWAG_ACCEPTS_PER_TURN", default_value_t = 16)]
    #[arg(value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    #[arg(help_heading = "Limits")]
    pub(super) accepts_per_turn: usize,
    /// Bytes read from a connection in one turn of a loop, 16M at most
    #[arg(long, value_name = "SIZE", env = "WIGWAG_READ_PER_TURN", default_value = "64K")]
    #[arg(help_heading = "Limits")]
    pub(super) read_per_turn: Size,

    /// For the request head; over it: 408
    #[arg(long, value_name = "TIME", env = "WIGWAG_HANDSHAKE", default_value = "5s")]
    #[arg(help_heading = "Times")]
    pub(super) handshake: Time,
    /// For a signaling peer to log in; over it: 1008
    #[arg(long, value_name = "TIME", env = "WIGWAG_LOGIN", default_value = "60s")]
    #[arg(help_heading = "Times")]
    pub(super) login: Time,
    /// For a message to be complete; over it: 1008
    #[arg(long, value_name = "TIME", env = "WIGWAG_REASSEMBLY", default_value = "30s")]
    #[arg(help_heading = "Times")]
    pub(super) reassembly: Time,
    /// A peer silent for so long is sent a ping
    #[arg(long, value_name = "TIME", env = "WIGWAG_PING_AFTER", default_value = "25s")]
    #[arg(help_heading = "Times")]
    pub(super) ping_after: Time,
    /// For any byte after a ping; over it the connection is dropped
    #[arg(long, value_name = "TIME", env = "WIGWAG_PONG_WAIT", default_value = "10s")]
    #[arg(help_heading = "Times")]
    pub(super) pong_wait: Time,
    /// For the peer to answer a Close frame, and to close; over it the connection is dropped
    #[arg(long, value_name = "TIME", env = "WIGWAG_CLOSE_WAIT", default_value = "5s")]
    #[arg(help_heading = "Times")]
    pub(super) close_wait: Time,
    /// For what waits to be sent to make progress; over it the connection is dropped
    #[arg(long, value_name = "TIME", env = "WIGWAG_STALL", default_value = "30s")]
    #[arg(help_heading = "Times")]
    pub(super) stall: Time,
    /// For all connections to close after SIGINT or SIGTERM
    #[arg(long, value_name = "TIME", env = "WIGWAG_DRAIN", default_value = "10s")]
    #[arg(help_heading = "Times")]
    pub(super) drain: Time,
    /// The first part of that time, over which the Close frames are spread; up to 64 leave at once
    /// [default: a fifth of it]
    #[arg(long, value_name = "TIME", env = "WIGWAG_DRAIN_SPREAD", help_heading = "Times")]
    pub(super) drain_spread: Option<Time>,

    /// What to log to standard error: off, error, warn, info, debug, trace, or a filter such as
    /// wigwag::server=debug
    #[arg(long, value_name = "FILTER", env = "WIGWAG_LOG", default_value = "info")]
    #[arg(help_heading = "Logging")]
    pub(super) log: String,

    #[command(flatten)]
    pub(super) trace: super::trace::Arguments,
}
