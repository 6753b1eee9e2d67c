//! The hub, driven without sockets and without waiting: each test says what the kernel would say.

mod endings;
mod taps;
mod turns;

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mio::{Poll, Token, Waker};

use super::*;
use crate::apps::{Application, Context, Message, PeerId};
use crate::protocol::deflate::DeflateOptions;
use crate::protocol::{CloseCode, Closure, Limits};
use crate::server::config::{ServerLimits, Www};
use crate::server::mailbox::Mailbox;
use crate::server::mount::{Mount, MountInfo};
use crate::server::site::Site;

const HANDSHAKE: &str = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// What a peer and its kernel have done, and what the hub has done to them.
struct Wire {
    /// Sent by the peer, not yet read.
    incoming: VecDeque<u8>,
    /// The peer has ended its direction.
    ended: bool,
    /// The connection was reset.
    reset: bool,
    /// So many bytes the kernel takes before it would block.
    room: usize,
    outgoing: Vec<u8>,
    reads: usize,
    /// Reads that said only that there is nothing.
    vain_reads: usize,
    writes: usize,
    shut_down: bool,
    dropped: bool,
}

type Shared = Rc<RefCell<Wire>>;

struct Pipe(Shared);

impl Transport for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut wire = self.0.borrow_mut();
        wire.reads += 1;
        if wire.reset {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if wire.incoming.is_empty() && !wire.ended {
            wire.vain_reads += 1;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = buffer.len().min(wire.incoming.len());
        for (to, from) in buffer.iter_mut().zip(wire.incoming.drain(..count)) {
            *to = from;
        }
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut wire = self.0.borrow_mut();
        wire.writes += 1;
        assert!(!wire.shut_down, "a write after the end");
        if wire.reset {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if wire.room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = bytes.len().min(wire.room);
        wire.room -= count;
        wire.outgoing.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        let mut wire = self.0.borrow_mut();
        wire.shut_down = true;
        if wire.reset {
            return Err(io::ErrorKind::NotConnected.into());
        }
        Ok(())
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.0.borrow_mut().dropped = true;
    }
}

/// What the application was called with, in order.
type Calls = Arc<Mutex<Vec<(PeerId, String)>>>;

/// An application that does what it is told, and echoes what it does not understand.
#[derive(Default)]
struct Obedient {
    calls: Calls,
    peers: BTreeSet<PeerId>,
}

impl Obedient {
    fn note(&self, context: &Context<'_>, call: &str) {
        let call = (context.peer(), call.to_owned());
        self.calls.lock().unwrap().push(call);
    }
}

impl Application for Obedient {
    fn open(&mut self, context: &mut Context<'_>) {
        self.note(context, "open");
        self.peers.insert(context.peer());
    }

    fn text(&mut self, context: &mut Context<'_>, text: &str) {
        self.note(context, text);
        let own = context.peer();
        let others = || self.peers.iter().copied().filter(move |&peer| peer != own);
        match text.split_once(' ').unwrap_or((text, "")) {
            ("all", message) => context.send_to_all(others(), Message::Text(message)),
            ("kick", _) => {
                for peer in others() {
                    context.close_peer(peer, CloseCode::POLICY_VIOLATION, "kicked");
                }
            }
            ("close", _) => context.close(CloseCode::NORMAL, "as you wish"),
            ("panic", _) => panic!("as you wish"),
            ("late-panic", message) => {
                context.reply(Message::Text(message));
                context.send_to_all(others(), Message::Text(message));
                panic!("as you wish");
            }
            ("timeout", milliseconds) => {
                let after = Duration::from_millis(milliseconds.parse().unwrap());
                context.set_timeout(Some(after));
            }
            _ => context.reply(Message::Text(text)),
        }
    }

    fn timeout(&mut self, context: &mut Context<'_>) {
        self.note(context, "timed out");
    }

    fn close(&mut self, context: &mut Context<'_>, _: &Closure) {
        self.note(context, "gone");
        self.peers.remove(&context.peer());
        // A mean thing to do for somebody who is gone.
        context.set_timeout(Some(Duration::from_millis(1)));
        context.reply(Message::Text("too late"));
    }
}

/// A peer, seen from its side.
struct Peer {
    key: Key,
    wire: Shared,
}

impl Peer {
    /// What was sent to it since it was last asked: frames as text, a Close frame as its code.
    fn received(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut self.wire.borrow_mut().outgoing);
        let mut bytes = &bytes[..];
        let mut frames = Vec::new();
        while let [first, length, rest @ ..] = bytes {
            let (length, rest) = match (*length, rest) {
                (126, [high, low, rest @ ..]) => (u16::from_be_bytes([*high, *low]).into(), rest),
                (length, rest) => (usize::from(length), rest),
            };
            let (payload, rest) = rest.split_at(length);
            bytes = rest;
            frames.push(match (first, payload) {
                (0x81, text) => String::from_utf8_lossy(text).into_owned(),
                (0x88, [high, low, ..]) => u16::from_be_bytes([*high, *low]).to_string(),
                (0x88, _) => "1005".into(),
                (0x89, _) => "ping".into(),
                other => panic!("{other:?}"),
            });
        }
        frames
    }

    fn is_gone(&self) -> bool {
        self.wire.borrow().dropped
    }
}

/// A hub with one obedient application, and the time.
struct World {
    hub: Hub<Pipe>,
    now: Instant,
    calls: Calls,
    /// What the mailboxes wake.
    _polls: Rc<Vec<Poll>>,
}

impl World {
    fn new() -> Self {
        Self::with(ServerLimits::default(), Limits::default())
    }

    fn with(server: ServerLimits, limits: Limits) -> Self {
        Self::loops(1, server, limits).remove(0)
    }

    /// The hubs of several loops, which share an application.
    fn loops(count: u16, server: ServerLimits, limits: Limits) -> Vec<Self> {
        let application = Obedient::default();
        let calls = Arc::clone(&application.calls);
        let mount = Mount::new("/", application);
        let info = MountInfo {
            paths: mount.paths.clone(),
            limits: Arc::new(limits),
            rate: None,
            deflate: DeflateOptions::default(),
            own_pages_only: None,
        };
        let site = Site {
            counted: None,
            mounts: vec![info],
            subprotocols: Vec::new(),
            origins: None,
            www: Www::Nothing,
            inspector: false,
        };
        let polls: Vec<_> = (0..count).map(|_| Poll::new().unwrap()).collect();
        let wakers = polls.iter().map(|poll| Waker::new(poll.registry(), Token(0)));
        let mailboxes = wakers.map(|waker| Mailbox::new(waker.unwrap())).collect();
        let shared = Arc::new(super::Shared::new(site, server, mailboxes));
        let polls = Rc::new(polls);
        let hubs = (0..).zip(mount.for_loops(count)).map(|(index, mounted)| Self {
            hub: Hub::new(index, Arc::clone(&shared), vec![mounted], Instant::now()),
            now: Instant::now(),
            calls: Arc::clone(&calls),
            _polls: Rc::clone(&polls),
        });
        hubs.collect()
    }

    /// Somebody has connected and said nothing yet.
    fn connect(&mut self) -> Peer {
        let wire = Rc::new(RefCell::new(Wire {
            incoming: VecDeque::new(),
            ended: false,
            reset: false,
            room: usize::MAX,
            outgoing: Vec::new(),
            reads: 0,
            vain_reads: 0,
            writes: 0,
            shut_down: false,
            dropped: false,
        }));
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let key = self.hub.insert(Pipe(Rc::clone(&wire)), address, self.now);
        Peer { key, wire }
    }

    /// A WebSocket, at rest.
    fn open(&mut self) -> Peer {
        let peer = self.connect();
        self.put(&peer, HANDSHAKE.as_bytes());
        self.settle();
        let response = std::mem::take(&mut peer.wire.borrow_mut().outgoing);
        assert!(response.starts_with(b"HTTP/1.1 101 "));
        let mut wire = peer.wire.borrow_mut();
        (wire.reads, wire.vain_reads, wire.writes) = (0, 0, 0);
        drop(wire);
        peer
    }

    /// The peer sends bytes, and the kernel says so.
    fn put(&mut self, peer: &Peer, bytes: &[u8]) {
        peer.wire.borrow_mut().incoming.extend(bytes);
        let readable = Readiness { readable: true, ..Readiness::default() };
        self.hub.ready(peer.key, readable);
    }

    fn say(&mut self, peer: &Peer, text: &str) {
        self.put(peer, &frame(0x81, text.as_bytes()));
    }

    /// The peer ends its direction.
    fn end(&mut self, peer: &Peer) {
        peer.wire.borrow_mut().ended = true;
        let hung_up = Readiness { readable: true, writable: false, read_closed: true };
        self.hub.ready(peer.key, hung_up);
    }

    fn reset(&mut self, peer: &Peer) {
        peer.wire.borrow_mut().reset = true;
        let error = Readiness { readable: true, writable: true, read_closed: true };
        self.hub.ready(peer.key, error);
    }

    /// The peer's kernel takes so many bytes more.
    fn make_room(&mut self, peer: &Peer, room: usize) {
        peer.wire.borrow_mut().room = room;
        let writable = Readiness { writable: true, ..Readiness::default() };
        self.hub.ready(peer.key, writable);
    }

    fn turn(&mut self) {
        self.hub.turn(self.now);
    }

    /// Turns until the loop would wait, as it must at some time.
    fn settle(&mut self) {
        self.turn();
        for _ in 0..10_000 {
            if !self.hub.must_not_wait() {
                return;
            }
            self.turn();
        }
        panic!("the loop spins");
    }

    /// Time passes, deadline by deadline.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        for _ in 0..10_000 {
            match self.hub.next_deadline().filter(|&due| due <= end) {
                Some(due) => self.now = self.now.max(due),
                None => self.now = end,
            }
            self.settle();
            if self.now == end && self.hub.next_deadline().is_none_or(|due| due > end) {
                return;
            }
        }
        panic!("the loop spins");
    }

    /// What the application was called with for a peer.
    fn calls(&self, peer: &Peer) -> Vec<String> {
        let id = self.hub.peers.id(peer.key);
        let calls = self.calls.lock().unwrap();
        let own = calls.iter().filter(|(peer, _)| *peer == id);
        own.map(|(_, call)| call.clone()).collect()
    }

    fn held(&mut self, peer: &Peer) -> usize {
        let session = self.hub.peers.sessions.get_mut(peer.key);
        session.map_or(0, |session| session.held())
    }

    fn queued(&self) -> usize {
        self.hub.peers.shared.budget.used()
    }
}

/// A frame masked with zeros, which leave the payload as it is.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}
