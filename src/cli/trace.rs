//! `wigwag serve --trace`: what goes over the wire, annotated, while it does.
//!
//! The loops dissect what they read and write, which takes time but never waits. A thread of its
//! own renders and prints, and may wait as long as its reader likes: between them is a queue with
//! a limit, and what does not fit into it is counted and left out, item by item.

mod queue;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use clap::{Args, ValueEnum};
use wigwag::apps::PeerId;
use wigwag::protocol::{Closure, EndedBy, State};
use wigwag::server::{Tap, Upgrade};
use wigwag::trace::dissect::{Conversation, Item, Kind, Options, Side, Told};
use wigwag::trace::filter::{About, Filter};
use wigwag::trace::render::{Renderer, Style, escape};

use super::terminal::{self, When};
use super::values::Size;
use queue::{Queue, Shown};

/// The most bytes of a payload that may be asked for: the queue has room for some of them.
const MAX_PAYLOAD: usize = 64 * 1024;

/// The most connections that are followed at once; each takes some kilobytes.
const MAX_FOLLOWED: usize = 1024;

#[derive(Args)]
#[command(next_help_heading = "Tracing")]
#[group(skip)]
pub(super) struct Arguments {
    /// Print on standard output what goes over the wire: full, with every field, or one line for
    /// each frame
    #[arg(long, value_name = "STYLE", env = "WIGWAG_TRACE", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "full")]
    trace: Option<How>,
    /// Show only what all of these hold for, such as path=/echo,from=client,!opcode=ping|pong:
    /// conn=, peer=, path=, from=client|server, kind=request|response|frame|data, opcode=text|...,
    /// violation
    #[arg(long, value_name = "FILTER", env = "WIGWAG_TRACE_FILTER", default_value = "")]
    #[arg(hide_default_value = true)]
    trace_filter: Filter,
    /// The most bytes of a payload to show, 64K at most
    #[arg(long, value_name = "SIZE", env = "WIGWAG_TRACE_PAYLOAD", default_value = "256")]
    trace_payload: Size,
    /// When to trace in colour
    #[arg(long, value_name = "WHEN", env = "WIGWAG_TRACE_COLOR", default_value = "auto")]
    trace_color: When,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum How {
    Full,
    Line,
}

impl Arguments {
    /// What is wrong with these flags.
    pub(super) fn judge(&self) -> Result<(), (&'static str, String)> {
        if self.trace_payload.0 > MAX_PAYLOAD {
            return Err(("trace-payload", "64K at most".into()));
        }
        Ok(())
    }

    /// Starts to trace, if that was asked for. `head` is the limit of a request's head.
    pub(super) fn start(&self, head: usize) -> io::Result<Option<Arc<Trace>>> {
        let Some(how) = self.trace else { return Ok(None) };
        let style = match how {
            How::Full => Style::Full,
            How::Line => Style::Line,
        };
        let renderer = terminal::renderer(&io::stdout(), self.trace_color, style);
        let options = Options { head, clip: self.trace_payload.0, ..Options::default() };
        Ok(Some(Arc::new(Trace {
            queue: Queue::start(renderer)?,
            filter: self.trace_filter.clone(),
            options,
            started: (Instant::now(), SystemTime::now()),
            followed: Mutex::default(),
        })))
    }
}

/// Follows connections, and hands what is to be shown to the queue.
pub(super) struct Trace {
    queue: Queue,
    filter: Filter,
    options: Options,
    /// A time of the one clock, and the same of the other.
    started: (Instant, SystemTime),
    followed: Mutex<Followed>,
}

#[derive(Default)]
struct Followed {
    /// How many connections there have been.
    count: u64,
    connections: HashMap<PeerId, Connection>,
}

struct Connection {
    number: u64,
    peer: String,
    path: Option<String>,
    opened: Instant,
    conversation: Conversation,
    received: u64,
    sent: u64,
    closure: Option<Closure>,
}

impl Connection {
    fn about(&self) -> About<'_> {
        About { number: self.number, peer: &self.peer, path: self.path.as_deref() }
    }
}

impl Trace {
    /// Prints what is still to be printed, unless that takes too long.
    pub(super) fn end(&self) {
        self.queue.end();
    }

    /// Hands bytes, or the end of one side, to the conversation, and what comes of it to the queue.
    fn follow(
        &self,
        peer: PeerId,
        now: Instant,
        feed: impl FnOnce(&mut Connection, &mut Vec<Item>),
    ) {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(connection) = followed.connections.get_mut(&peer) else {
            return;
        };
        let mut items = Vec::new();
        feed(connection, &mut items);
        for mut item in items {
            // What the other side makes of it follows, as it really does.
            item.answer.0.clear();
            if item.kind == Kind::Request {
                item.steps.clear();
            }
            if let Some(Told::Handshake { target, .. } | Told::Plain { target, .. }) = &item.event {
                let path = target.split('?').next().unwrap_or_default();
                connection.path = Some(path.to_owned());
            }
            if self.filter.item(&connection.about(), &item) {
                let (time, number) = (self.clock(now), connection.number);
                self.queue.put(Shown::Item { time, number, item: Box::new(item) });
            }
        }
    }

    /// A line of our own about a connection, if the filter lets it pass.
    fn tell(&self, connection: &Connection, line: &str, now: Instant) {
        if self.filter.connection(&connection.about()) {
            let (time, number) = (self.clock(now), connection.number);
            self.queue.put(Shown::Line { time, number, line: line.to_owned() });
        }
    }

    fn clock(&self, now: Instant) -> SystemTime {
        let (instant, time) = self.started;
        time.checked_add(now.saturating_duration_since(instant)).unwrap_or(time)
    }
}

impl Tap for Trace {
    fn opened(&self, peer: PeerId, address: SocketAddr, now: Instant) -> bool {
        if self.queue.is_closed() {
            return false;
        }
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        followed.count += 1;
        let connection = Connection {
            number: followed.count,
            peer: address.to_string(),
            path: None,
            opened: now,
            conversation: Conversation::new(self.options.clone(), now),
            received: 0,
            sent: 0,
            closure: None,
        };
        if !self.filter.may_pass(&connection.about()) {
            return false;
        }
        if followed.connections.len() >= MAX_FOLLOWED {
            let line = format!("not traced: {MAX_FOLLOWED} connections are, and no more can be");
            self.tell(&connection, &line, now);
            return false;
        }
        self.tell(&connection, &format!("opened by {address}, {peer} in the log"), now);
        followed.connections.insert(peer, connection);
        true
    }

    fn received(&self, peer: PeerId, bytes: &[u8], now: Instant) {
        self.follow(peer, now, |connection, items| {
            connection.received = connection.received.saturating_add(bytes.len() as u64);
            connection.conversation.push(Side::Client, bytes, &mut |item| items.push(item));
        });
    }

    fn sent(&self, peer: PeerId, bytes: &[u8], now: Instant) {
        self.follow(peer, now, |connection, items| {
            connection.sent = connection.sent.saturating_add(bytes.len() as u64);
            connection.conversation.push(Side::Server, bytes, &mut |item| items.push(item));
        });
    }

    fn upgraded(&self, peer: PeerId, upgrade: &Upgrade<'_>, _: Instant) -> bool {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(connection) = followed.connections.get_mut(&peer) else {
            return false;
        };
        connection.conversation.set_limits(upgrade.limits.clone());
        let wanted = self.filter.may_pass(&connection.about());
        if !wanted {
            followed.connections.remove(&peer);
        }
        wanted
    }

    fn state(&self, _: PeerId, _: State, _: Instant) {}

    fn ended(&self, peer: PeerId, closure: &Closure, now: Instant) {
        self.follow(peer, now, |connection, _| connection.closure = Some(*closure));
    }

    fn closed(&self, peer: PeerId, now: Instant) {
        self.follow(peer, now, |connection, items| {
            for from in [Side::Client, Side::Server] {
                connection.conversation.finish(from, &mut |item| items.push(item));
            }
        });
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = followed.connections.remove(&peer) {
            let after = now.saturating_duration_since(connection.opened);
            self.tell(&connection, &epitaph(&connection, after), now);
        }
    }
}

/// What is said of a connection that is gone.
fn epitaph(connection: &Connection, after: Duration) -> String {
    let Connection { received, sent, .. } = connection;
    let how = match connection.closure {
        None => String::new(),
        Some(Closure { by, code, clean }) => {
            let code = code.map_or("no code".to_owned(), |code| format!("{code:?}"));
            let clean = if clean { "cleanly" } else { "not cleanly" };
            match by {
                EndedBy::Peer => format!(" by the client, {code}, {clean}"),
                EndedBy::Local => format!(" by the server, {code}, {clean}"),
                EndedBy::Violation(violation) => format!(" by a violation: {violation}"),
                EndedBy::Transport => " without a Close frame, 1006 to an application".to_owned(),
                EndedBy::Silence => " by the server: no answer to a ping".to_owned(),
            }
        }
    };
    let seconds = after.as_secs_f64();
    format!("closed{how}, after {seconds:.3} s; {received} bytes came, {sent} went")
}

/// The beginning of an entry: the time, and the connection's number.
fn heading(renderer: &Renderer, time: SystemTime, number: u64) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (seconds, milliseconds) = (since.as_secs() % 86_400, since.subsec_millis());
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let time = format!("{hours:02}:{minutes:02}:{:02}.{milliseconds:03}", seconds % 60);
    if renderer.color {
        format!("\x1b[2m{time}\x1b[0m  #{number}")
    } else {
        format!("{time}  #{number}")
    }
}

/// An entry as it is printed.
fn print(renderer: &Renderer, shown: &Shown) -> String {
    match shown {
        Shown::Item { time, number, item } => {
            let heading = heading(renderer, *time, *number);
            let direction = wigwag::trace::render::direction(item.from, renderer.color);
            renderer.item(&format!("{heading}  {direction}"), item)
        }
        Shown::Line { time, number, line } => {
            format!("{}  {}\n", heading(renderer, *time, *number), escape(line))
        }
    }
}
