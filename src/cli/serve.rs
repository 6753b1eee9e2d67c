//! `wigwag serve`.

use std::io::{self, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use signal_hook::consts::{SIGINT, SIGTERM};
use wigwag::apps::{Broadcast, Chat, Echo};
use wigwag::inspect::{self, Inspector, Lab, Recorder};
use wigwag::protocol::Limits;
use wigwag::protocol::deflate::{DeflateMode, DeflateOptions};
use wigwag::server::{
    AddressLimits, Config, Mount, MountOptions, OwnPages, Server, ServerLimits, StartError, Tap,
    Www,
};
use wigwag::signaling::{self, Signaling};
use wigwag::transports;

use super::arguments::Arguments;
use super::values::{App, MountPath, MountValue, Origin, Rate};

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

/// Each loop has one buffer for what it reads.
const MAX_READ_PER_TURN: usize = 16 << 20;

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
        if matches!(self, Self::Usage { .. }) { 2 } else { 1 }
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
    let judged = arguments.trace.judge();
    judged.map_err(|(flag, reason)| Error::Usage { flag, reason })?;
    let trace = arguments.trace.start(arguments.head.0)?;
    let mut config = config(arguments)?;
    config.taps.extend(trace.clone().map(|trace| trace as _));
    let inspector = config.inspector;
    let mut server = Server::bind(config)?;

    // The first signal drains; the second ends at once. A handler may do little more than write a
    // byte to a socket, and the loop reads it.
    let (signals, handler) = UnixStream::pair()?;
    handler.set_nonblocking(true)?;
    signal_hook::low_level::pipe::register(SIGINT, handler.try_clone()?)?;
    signal_hook::low_level::pipe::register(SIGTERM, handler)?;
    server.stop_on(signals)?;

    announce(server.addresses(), server.admin_addresses(), inspector);
    let ended = server.run();
    if let Some(trace) = trace {
        trace.end();
    }
    Ok(ended?)
}

/// Standard output has what a script reads, standard error what a human does. Whoever has closed
/// either does not want it, so errors are ignored.
fn announce(addresses: &[SocketAddr], admin: &[SocketAddr], inspector: bool) {
    let mut out = io::stdout().lock();
    for address in addresses {
        let _ = writeln!(out, "listening on http://{address}/");
    }
    for address in admin {
        let _ = writeln!(out, "metrics at http://{address}/metrics");
    }
    let _ = out.flush();
    let inspector = match addresses.first().filter(|_| inspector) {
        Some(address) => format!(" What goes over the wire: http://{address}/inspect"),
        None => String::new(),
    };
    let mut out = io::stderr().lock();
    let _ = writeln!(
        out,
        "Open that address in two browser tabs, and call from one to the other. Ctrl-C stops.\
         {inspector}"
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
            // `level`, `module=level`, or a module of this crate alone.
            let (module, level) = directive.rsplit_once('=').unwrap_or(("", directive));
            let names_a_module = module.is_empty() && level.starts_with("wigwag");
            if level.parse::<log::LevelFilter>().is_err() && !names_a_module {
                let reason = format!("{level:?} is no level: off, error, warn, info, debug, trace");
                return Err(Error::Usage { flag: "log", reason });
            }
        }
        self.parse_filters(filter);
        Ok(())
    }
}

fn config(arguments: Arguments) -> Result<Config, Error> {
    let listen = addresses(&arguments.host, arguments.port)?;
    if let Some(path) = &arguments.www {
        let listed = std::fs::read_dir(path);
        listed.map_err(|source| Error::Www { path: path.clone(), source })?;
    }
    let usage = |flag, reason| Err(Error::Usage { flag, reason });
    for name in &arguments.subprotocol {
        let token = !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&b));
        if !token {
            let reason = format!("{name:?} is no token (RFC 6455, 4.1)");
            return usage("subprotocol", reason);
        }
    }
    if arguments.read_per_turn.0 > MAX_READ_PER_TURN {
        return usage("read-per-turn", "16M at most".into());
    }
    let admin = admin(arguments.admin.as_deref().unwrap_or_default())?;
    let drain = arguments.drain.0;
    let drain_spread = arguments.drain_spread.map_or(drain / 5, |time| time.0);
    if drain_spread > drain {
        return usage("drain-spread", "it is part of the time of --drain".into());
    }
    let mut mounts = mounts(&arguments);
    if arguments.www.is_none() {
        mounts.push(Mount::for_each_loop(transports::SOCKET, || Echo));
    }
    let (inspector, taps) = inspector(&arguments, &listen).unzip();
    mounts.extend(inspector.into_iter().flatten());
    let limits = ServerLimits {
        head: arguments.head.0,
        headers: arguments.headers,
        handshake: arguments.handshake.0,
        connections: arguments.max_connections,
        address: AddressLimits {
            connections: arguments.address_connections,
            connection_rate: arguments.address_rate.0,
            message_rate: arguments.address_messages.0,
            exempt: arguments.address_exempt.iter().filter_map(|exempt| exempt.0).collect(),
        },
        queued: arguments.queued.0,
        takeovers: arguments.deflate_takeovers,
        accepts_per_turn: arguments.accepts_per_turn,
        read_per_turn: arguments.read_per_turn.0,
        high_water: arguments.high_water.0,
        linger: arguments.close_wait.0,
        stall: arguments.stall.0,
        drain,
        drain_spread,
    };
    Ok(Config {
        listen,
        admin,
        backlog: arguments.backlog,
        loops: arguments.loops,
        mounts,
        subprotocols: arguments.subprotocol,
        origins: origins(arguments.origin),
        www: arguments.www.map_or(Www::DemoPage, Www::Folder),
        inspector: taps.is_some(),
        limits,
        taps: taps.into_iter().collect(),
    })
}

/// The inspector, if it is wanted: who tells, and who records.
fn inspector(arguments: &Arguments, listen: &[SocketAddr]) -> Option<([Mount; 2], Arc<dyn Tap>)> {
    let loopback = listen.iter().all(|address| address.ip().is_loopback());
    if !arguments.inspect && (!loopback || arguments.no_inspect) {
        return None;
    }
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (bounds, loops) = (inspect::Bounds::default(), arguments.loops);
    let recorder = Arc::new(Recorder::new(bounds, loops, Instant::now(), since_epoch));
    let inspector = Inspector::new(Arc::clone(&recorder), arguments.inspect_hide_payloads);
    let options = MountOptions {
        // Room for the largest batch behind the largest file.
        limits: Limits { max_message: 4096, outbox: 3 << 20, ..Limits::default() },
        own_pages_only: Some(if loopback { OwnPages::Loopback } else { OwnPages::Anywhere }),
        ..MountOptions::default()
    };
    let lab = MountOptions {
        // Room for the largest frame in hexadecimal, and for what is told of many small ones.
        limits: Limits { max_message: 20 << 10, outbox: 1 << 20, ..Limits::default() },
        rate: Some(wigwag::server::Rate { per_second: 10, burst: 40 }),
        ..options.clone()
    };
    let inspector = Mount::new(inspect::FEED, inspector).with_options(options);
    let lab = Mount::for_each_loop(inspect::LAB, || Lab).with_options(lab);
    Some(([inspector, lab], recorder))
}

/// The addresses of all hosts. Two names may have the same one, and it can be listened on but once.
fn addresses(hosts: &[String], port: u16) -> Result<Vec<SocketAddr>, Error> {
    let mut addresses = Vec::new();
    for host in hosts {
        // Brackets around an IPv6 address, as in a URL, are allowed and not needed.
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found = (bare, port).to_socket_addrs();
        let found = found.map_err(|source| Error::Host { host: host.clone(), source })?;
        for address in found {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
    }
    Ok(addresses)
}

/// The addresses for `/metrics`: none if nothing was said, or by an empty environment variable.
fn admin(value: &str) -> Result<Vec<SocketAddr>, Error> {
    if value.is_empty() {
        return Ok(Vec::new());
    }
    let (host, port) = value.rsplit_once(':').unwrap_or(("127.0.0.1", value));
    let Some(port) = port.parse().ok().filter(|_| !host.is_empty()) else {
        let reason = format!("{value:?} is no HOST:PORT, nor a PORT");
        return Err(Error::Usage { flag: "admin", reason });
    };
    let addresses = addresses(&[host.to_owned()], port)?;
    for address in addresses.iter().filter(|address| !address.ip().is_loopback()) {
        log::warn!("--admin {address} is no loopback address: others may see /metrics");
    }
    Ok(addresses)
}

/// The origins that may connect. An empty one, such as an empty environment variable gives, is none.
fn origins(given: Vec<Origin>) -> Option<Vec<String>> {
    let given = given.into_iter().map(|Origin(origin)| origin).filter(|origin| !origin.is_empty());
    let origins: Vec<_> = given.collect();
    (!origins.is_empty()).then_some(origins)
}

/// The mounts by default, changed by the flags.
fn mounts(arguments: &Arguments) -> Vec<Mount> {
    let mut values: Vec<MountValue> = Vec::new();
    let defaults = DEFAULT_MOUNTS.iter().map(|(path, app)| MountValue::new(path, *app));
    let paths = arguments.path.iter().map(|MountPath(path)| MountValue::new(path, App::Signaling));
    for value in defaults.chain(paths).chain(arguments.mount.iter().cloned()) {
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
    mounts.into_iter().map(|(_, mount)| mount).collect()
}

fn mount(value: &MountValue, app: App, arguments: &Arguments) -> Mount {
    let signaling = app == App::Signaling;
    let default = if signaling { Limits::default().max_message } else { MAX_MESSAGE_ELSEWHERE };
    let max_message = value.max_message.or(arguments.max_message).map_or(default, |size| size.0);
    let rate = value.rate.unwrap_or(if signaling { arguments.rate } else { Rate(None) });
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
            mode: match value.deflate {
                Some(deflate) => deflate.0,
                // Signaling carries the passwords of calls beside text that others choose:
                // compressed together, the size of what is sent tells of both. And one message to
                // many is compressed anew for each of them, which anybody could make a lot of work.
                None if app != App::Echo => DeflateMode::Off,
                None => arguments.deflate.map_or(DeflateMode::Shared, |deflate| deflate.0),
            },
            threshold: arguments.deflate_threshold.0,
            max_ratio: arguments.deflate_ratio,
        },
        own_pages_only: None,
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
