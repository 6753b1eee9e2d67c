//! `wigwag serve`.

use std::io::{self, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::num::NonZeroUsize;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use clap::Args;
use signal_hook::consts::{SIGINT, SIGTERM};
use wigwag::apps::{Broadcast, Chat, Echo};
use wigwag::protocol::Limits;
use wigwag::protocol::deflate::{DeflateMode, DeflateOptions};
use wigwag::server::{Config, Mount, MountOptions, Server, ServerLimits, StartError};
use wigwag::signaling::{self, Signaling};

use super::values::{App, Deflate, MountValue, Rate, Size, Time};

/// What is mounted unless a flag says otherwise.
const DEFAULT_MOUNTS: [(&str, App); 6] = [
    ("/", App::Signaling),
    ("/signal", App::Signaling),
    ("/echo", App::Echo),
    ("/broadcast", App::Broadcast),
    ("/chat", App::Chat { prefixed: false }),
    ("/ws", App::Chat { prefixed: false }),
];

/// The longest message where it is not signaling: enough to try things out with.
const MAX_MESSAGE_ELSEWHERE: usize = 1024 * 1024;

#[derive(Args)]
pub(super) struct Arguments {
    /// Address or name to listen on; may be repeated, and may be IPv6
    #[arg(long, value_name = "HOST", env = "WIGWAG_HOST", value_delimiter = ',')]
    #[arg(default_value = "127.0.0.1", help_heading = "Listening")]
    host: Vec<String>,
    /// Port to listen on; 0 takes a free one
    #[arg(
        long,
        env = "WIGWAG_PORT",
        default_value_t = 8888,
        help_heading = "Listening"
    )]
    port: u16,
    /// Connections that the kernel may hold until they are accepted
    #[arg(long, value_name = "N", env = "WIGWAG_BACKLOG", default_value_t = 1024)]
    #[arg(help_heading = "Listening")]
    backlog: u32,
    /// Event loops, each on a thread of its own
    #[arg(long, value_name = "N", env = "WIGWAG_LOOPS", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=64), help_heading = "Listening")]
    loops: u16,

    /// Mount an application: signaling, echo, broadcast, chat, or off; may be repeated. With
    /// options: /echo=echo,max-message=16M,outbox=16M,rate=50/200,deflate=takeover and /chat=chat,prefix. Mounted
    /// by default: signaling at / and /signal, echo at /echo, broadcast at /broadcast, chat at
    /// /chat and /ws
    #[arg(
        long,
        value_name = "PATH=APP",
        env = "WIGWAG_MOUNT",
        value_delimiter = ';'
    )]
    #[arg(help_heading = "What is where")]
    mount: Vec<MountValue>,
    /// Mount signaling at one more path; may be repeated
    #[arg(long, value_name = "PATH", env = "WIGWAG_PATH", value_delimiter = ';')]
    #[arg(help_heading = "What is where")]
    path: Vec<String>,
    /// Compress messages (permessage-deflate): off; shared, without context takeover, so that
    /// connections need no state of their own; or takeover, which compresses small messages that
    /// are alike better [default: off for signaling, shared elsewhere]
    #[arg(
        long,
        value_name = "MODE",
        env = "WIGWAG_DEFLATE",
        help_heading = "What is where"
    )]
    deflate: Option<Deflate>,
    /// Messages of fewer bytes are sent uncompressed
    #[arg(
        long,
        value_name = "SIZE",
        env = "WIGWAG_DEFLATE_THRESHOLD",
        default_value = "128"
    )]
    #[arg(help_heading = "What is where")]
    deflate_threshold: Size,
    /// Serve the files of this folder instead of the demo page
    #[arg(
        long,
        value_name = "DIR",
        env = "WIGWAG_WWW",
        help_heading = "What is where"
    )]
    www: Option<PathBuf>,
    /// Subprotocol that the server speaks; may be repeated
    #[arg(
        long,
        value_name = "NAME",
        env = "WIGWAG_SUBPROTOCOL",
        value_delimiter = ','
    )]
    #[arg(help_heading = "What is where")]
    subprotocol: Vec<String>,

    /// Origin whose pages may connect, such as https://example.org; may be repeated. Without it
    /// any page may
    #[arg(
        long,
        value_name = "ORIGIN",
        env = "WIGWAG_ORIGIN",
        value_delimiter = ','
    )]
    #[arg(help_heading = "Who may come")]
    origin: Vec<String>,
    /// Connections; with so many the server stops accepting
    #[arg(
        long,
        value_name = "N",
        env = "WIGWAG_MAX_CONNECTIONS",
        default_value_t = 65_536
    )]
    #[arg(help_heading = "Who may come")]
    max_connections: usize,

    /// Longest message; over it: 1009 [default: 64K for signaling, 1M elsewhere]
    #[arg(
        long,
        value_name = "SIZE",
        env = "WIGWAG_MAX_MESSAGE",
        help_heading = "Limits"
    )]
    max_message: Option<Size>,
    /// Bytes that may wait to be sent to a connection; over it: 1013
    #[arg(
        long,
        value_name = "SIZE",
        env = "WIGWAG_OUTBOX",
        default_value = "256K"
    )]
    #[arg(help_heading = "Limits")]
    outbox: Size,
    /// With so many bytes waiting for a connection, nothing is read from it
    #[arg(
        long,
        value_name = "SIZE",
        env = "WIGWAG_HIGH_WATER",
        default_value = "64K"
    )]
    #[arg(help_heading = "Limits")]
    high_water: Size,
    /// Bytes queued in the whole process; from half of it newcomers are refused, from three
    /// quarters the largest queues are closed, at it nothing is accepted
    #[arg(
        long,
        value_name = "SIZE",
        env = "WIGWAG_QUEUED",
        default_value = "64M"
    )]
    #[arg(help_heading = "Limits")]
    queued: Size,
    /// How many times its size a message may inflate to; over it: 1009
    #[arg(
        long,
        value_name = "N",
        env = "WIGWAG_DEFLATE_RATIO",
        default_value_t = 512
    )]
    #[arg(help_heading = "Limits")]
    deflate_ratio: u32,
    /// Empty fragments in a row; over it: 1008
    #[arg(
        long,
        value_name = "N",
        env = "WIGWAG_EMPTY_FRAGMENTS",
        default_value_t = 256
    )]
    #[arg(help_heading = "Limits")]
    empty_fragments: u32,
    /// Messages of a signaling peer, each second and at once, or off; over it: an error, then 1008
    #[arg(
        long,
        value_name = "N/BURST",
        env = "WIGWAG_RATE",
        default_value = "50/200"
    )]
    #[arg(help_heading = "Limits")]
    rate: Rate,
    /// Members of a room
    #[arg(
        long,
        value_name = "N",
        env = "WIGWAG_ROOM_CAPACITY",
        default_value = "2"
    )]
    #[arg(help_heading = "Limits")]
    room_capacity: NonZeroUsize,
    /// Longest request head; over it: 431
    #[arg(long, value_name = "SIZE", env = "WIGWAG_HEAD", default_value = "8K")]
    #[arg(help_heading = "Limits")]
    head: Size,
    /// Header fields of a request, 128 at most; over it: 431
    #[arg(long, value_name = "N", env = "WIGWAG_HEADERS", default_value_t = 64)]
    #[arg(value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=128))]
    #[arg(help_heading = "Limits")]
    headers: usize,
    /// Connections accepted in one turn of a loop
    #[arg(
        long,
        value_name = "N",
        env = "WIGWAG_ACCEPTS_PER_TURN",
        default_value_t = 16
    )]
    #[arg(value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    #[arg(help_heading = "Limits")]
    accepts_per_turn: usize,
    /// Bytes read from a connection in one turn of a loop
    #[arg(
        long,
        value_name = "SIZE",
        env = "WIGWAG_READ_PER_TURN",
        default_value = "64K"
    )]
    #[arg(help_heading = "Limits")]
    read_per_turn: Size,

    /// For the request head; over it: 408
    #[arg(
        long,
        value_name = "TIME",
        env = "WIGWAG_HANDSHAKE",
        default_value = "5s"
    )]
    #[arg(help_heading = "Times")]
    handshake: Time,
    /// For a signaling peer to log in; over it: 1008
    #[arg(long, value_name = "TIME", env = "WIGWAG_LOGIN", default_value = "10s")]
    #[arg(help_heading = "Times")]
    login: Time,
    /// For a message to be complete; over it: 1008
    #[arg(
        long,
        value_name = "TIME",
        env = "WIGWAG_REASSEMBLY",
        default_value = "30s"
    )]
    #[arg(help_heading = "Times")]
    reassembly: Time,
    /// A peer silent for so long is sent a ping
    #[arg(
        long,
        value_name = "TIME",
        env = "WIGWAG_PING_AFTER",
        default_value = "25s"
    )]
    #[arg(help_heading = "Times")]
    ping_after: Time,
    /// For any byte after a ping; over it the connection is dropped
    #[arg(
        long,
        value_name = "TIME",
        env = "WIGWAG_PONG_WAIT",
        default_value = "10s"
    )]
    #[arg(help_heading = "Times")]
    pong_wait: Time,
    /// For the peer to answer a Close frame, and to close; over it the connection is dropped
    #[arg(
        long,
        value_name = "TIME",
        env = "WIGWAG_CLOSE_WAIT",
        default_value = "5s"
    )]
    #[arg(help_heading = "Times")]
    close_wait: Time,
    /// For a plain HTTP answer to make progress; over it the connection is dropped
    #[arg(long, value_name = "TIME", env = "WIGWAG_STALL", default_value = "30s")]
    #[arg(help_heading = "Times")]
    stall: Time,
    /// For all connections to close after SIGINT or SIGTERM
    #[arg(long, value_name = "TIME", env = "WIGWAG_DRAIN", default_value = "10s")]
    #[arg(help_heading = "Times")]
    drain: Time,

    /// What to log to standard error: off, error, warn, info, debug, trace, or a filter such as
    /// wigwag::server=debug
    #[arg(
        long,
        value_name = "FILTER",
        env = "WIGWAG_LOG",
        default_value = "info"
    )]
    #[arg(help_heading = "Logging")]
    log: String,
}

/// Why the server did not run.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("invalid value for --{flag}: {reason} (try wigwag --help)")]
    Usage { flag: &'static str, reason: String },
    #[error("cannot find the host {host}: {source}")]
    Host { host: String, source: io::Error },
    #[error("cannot serve files from {}: {source}", path.display())]
    Www { path: PathBuf, source: io::Error },
    #[error("{0}{hint}", hint = port_hint(.0))]
    Start(#[from] StartError),
    #[error("the server broke down: {0}")]
    Io(#[from] io::Error),
}

impl Error {
    pub(super) fn exit_code(&self) -> u8 {
        if matches!(self, Self::Usage { .. }) {
            2
        } else {
            1
        }
    }
}

fn port_hint(error: &StartError) -> &'static str {
    match error {
        StartError::Bind(error) if error.source.kind() == io::ErrorKind::AddrInUse => {
            "; is it running already? another port: --port 0"
        }
        _ => "",
    }
}

/// Serves until a signal ends it.
pub(super) fn run(arguments: Arguments) -> Result<(), Error> {
    init_log(&arguments.log)?;
    let mut server = Server::bind(config(arguments)?)?;

    // The first signal drains; the second ends at once. A handler may do little more than write a
    // byte to a socket, and the loop reads it.
    let (signals, handler) = UnixStream::pair()?;
    handler.set_nonblocking(true)?;
    signal_hook::low_level::pipe::register(SIGINT, handler.try_clone()?)?;
    signal_hook::low_level::pipe::register(SIGTERM, handler)?;
    server.stop_on(signals)?;

    announce(server.addresses());
    server.run()?;
    Ok(())
}

/// Standard output has what a script reads, standard error what a human does. Whoever has closed
/// either does not want it, so errors are ignored.
fn announce(addresses: &[SocketAddr]) {
    let mut out = io::stdout().lock();
    for address in addresses {
        let _ = writeln!(out, "listening on http://{address}/");
    }
    let _ = out.flush();
    let mut out = io::stderr().lock();
    let _ = writeln!(
        out,
        "Open that address in two browser tabs, and call from one to the other. Ctrl-C stops."
    );
}

fn init_log(filter: &str) -> Result<(), Error> {
    let mut builder = env_logger::Builder::new();
    builder.try_parse_filters(filter)?;
    // This fails only if there is a logger already, and there is none.
    let _ = builder.try_init();
    Ok(())
}

trait ParseFilters {
    /// Like `parse_filters`, but a wrong filter is an error and not a warning.
    fn try_parse_filters(&mut self, filter: &str) -> Result<(), Error>;
}

impl ParseFilters for env_logger::Builder {
    fn try_parse_filters(&mut self, filter: &str) -> Result<(), Error> {
        for directive in filter.split('/').next().unwrap_or_default().split(',') {
            let level = directive.rsplit('=').next().unwrap_or_default();
            let names_a_module = directive.contains("::") || directive == "wigwag";
            if level.parse::<log::LevelFilter>().is_err() && !names_a_module {
                let reason = format!("{level:?} is no level: off, error, warn, info, debug, trace");
                return Err(Error::Usage {
                    flag: "log",
                    reason,
                });
            }
        }
        self.parse_filters(filter);
        Ok(())
    }
}

fn config(arguments: Arguments) -> Result<Config, Error> {
    let mut listen = Vec::new();
    for host in &arguments.host {
        // Brackets around an IPv6 address, as in a URL, are allowed and not needed.
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found = (bare, arguments.port).to_socket_addrs();
        listen.extend(found.map_err(|source| Error::Host {
            host: host.clone(),
            source,
        })?);
    }
    if let Some(path) = &arguments.www {
        let listed = std::fs::read_dir(path);
        listed.map_err(|source| Error::Www {
            path: path.clone(),
            source,
        })?;
    }
    for name in &arguments.subprotocol {
        let token = !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&b));
        if !token {
            let reason = format!("{name:?} is no token (RFC 6455, 4.1)");
            return Err(Error::Usage {
                flag: "subprotocol",
                reason,
            });
        }
    }
    let mounts = mounts(&arguments)?;
    let limits = ServerLimits {
        head: arguments.head.0,
        headers: arguments.headers,
        handshake: arguments.handshake.0,
        connections: arguments.max_connections,
        queued: arguments.queued.0,
        accepts_per_turn: arguments.accepts_per_turn,
        read_per_turn: arguments.read_per_turn.0,
        high_water: arguments.high_water.0,
        linger: arguments.close_wait.0,
        stall: arguments.stall.0,
        drain: arguments.drain.0,
    };
    Ok(Config {
        listen,
        backlog: arguments.backlog,
        loops: arguments.loops,
        mounts,
        subprotocols: arguments.subprotocol,
        origins: (!arguments.origin.is_empty()).then_some(arguments.origin),
        www: arguments.www,
        limits,
    })
}

/// The mounts by default, changed by the flags.
fn mounts(arguments: &Arguments) -> Result<Vec<Mount>, Error> {
    let mut values: Vec<MountValue> = Vec::new();
    let defaults = DEFAULT_MOUNTS
        .iter()
        .map(|(path, app)| MountValue::new(path, *app));
    let paths = arguments
        .path
        .iter()
        .map(|path| MountValue::new(path, App::Signaling));
    for value in defaults.chain(paths).chain(arguments.mount.iter().cloned()) {
        if !value.path.starts_with('/') {
            let reason = format!("{:?} does not start with a slash", value.path);
            return Err(Error::Usage {
                flag: "path",
                reason,
            });
        }
        values.retain(|other| other.path != value.path);
        values.push(value);
    }
    // Paths with the same application and options share one: whoever came by `/` can call whoever
    // came by `/signal`.
    let mut mounts: Vec<(MountValue, Mount)> = Vec::new();
    for value in values {
        let Some(app) = value.app else { continue };
        let same = |(other, _): &(MountValue, Mount)| other.is_like(&value);
        if let Some(index) = mounts.iter().position(same) {
            let (first, mount) = mounts.remove(index);
            mounts.insert(index, (first, mount.also_at(value.path)));
        } else {
            let mount = mount(&value, app, arguments);
            mounts.push((value, mount));
        }
    }
    Ok(mounts.into_iter().map(|(_, mount)| mount).collect())
}

fn mount(value: &MountValue, app: App, arguments: &Arguments) -> Mount {
    let signaling = app == App::Signaling;
    let default = if signaling {
        Limits::default().max_message
    } else {
        MAX_MESSAGE_ELSEWHERE
    };
    let max_message = value
        .max_message
        .or(arguments.max_message)
        .map_or(default, |size| size.0);
    let rate = value.rate.unwrap_or(if signaling {
        arguments.rate
    } else {
        Rate(None)
    });
    let options = MountOptions {
        limits: Limits {
            max_message,
            max_empty_fragments: arguments.empty_fragments,
            outbox: value.outbox.unwrap_or(arguments.outbox).0,
            reassembly: arguments.reassembly.0,
            ping_after: arguments.ping_after.0,
            pong_wait: arguments.pong_wait.0,
            close_wait: arguments.close_wait.0,
        },
        rate: rate.0,
        deflate: DeflateOptions {
            // Signaling carries the passwords of calls beside text that others choose: compressed
            // together, the size of what is sent tells of both.
            mode: match value.deflate {
                Some(deflate) => deflate.0,
                None if signaling => DeflateMode::Off,
                None => arguments
                    .deflate
                    .map_or(DeflateMode::Shared, |deflate| deflate.0),
            },
            threshold: arguments.deflate_threshold.0,
            max_ratio: arguments.deflate_ratio,
        },
    };
    let path = value.path.clone();
    let mount = match app {
        App::Signaling => {
            let options = signaling::Options {
                login_deadline: Some(arguments.login.0),
                room_capacity: arguments.room_capacity,
                ..signaling::Options::default()
            };
            Mount::new(path, Signaling::new(options))
        }
        App::Echo => Mount::for_each_loop(path, || Echo),
        App::Broadcast => Mount::new(path, Broadcast::default()),
        App::Chat { prefixed: true } => Mount::new(path, Chat::prefixed()),
        App::Chat { prefixed: false } => Mount::new(path, Chat::default()),
    };
    mount.with_options(options)
}
