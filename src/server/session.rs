//! One accepted connection, from its first byte to its last.
//!
//! ```text
//!            a WebSocket request               both Close frames, violation, end
//!   Head ----------------------------> Open ------------------------------------> Linger --> gone
//!     |   any other request, deadline                                               ^
//!     +------------------------------> Response ------------------------------------+
//!     |                                           all is sent                       |
//!     `------------------------------> Exchange ------------------------------------'
//!            a request below /transports/          idle, end
//! ```
//!
//! *Linger* is what keeps a last frame from being lost. A socket that is dropped while unread input
//! waits in the kernel is reset, and a reset throws away what the peer has not read yet. So our
//! direction is shut down first, then everything is read and discarded until the peer has closed
//! too, or the linger deadline has come.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use super::address::Address;
use super::response::Response;
use super::site::Shared;
use super::timers::Tick;
use super::transport::Transport;
use crate::apps::PeerId;
use crate::protocol::handshake::HeadScanner;
use crate::protocol::{Connection, State};
use crate::transports::Exchange;

pub(super) struct Session<T> {
    pub(super) transport: T,
    pub(super) address: Address,
    pub(super) phase: Phase,
    /// The deadline of the phase: of the handshake, of the application, of the last
    /// frames, of an answer, of lingering.
    pub(super) deadline: Option<Instant>,
    /// For when this session's live timer entry is made.
    pub(super) armed: Option<Tick>,
    /// Input that was read but must wait until there is room for the replies to it.
    // A thin pointer: nearly all sessions have none.
    #[expect(clippy::box_collection)]
    pub(super) unread: Option<Box<Vec<u8>>>,
    /// How far ahead of its time the peer has sent messages, see [`Rate::judge`](super::rate::Rate::judge).
    pub(super) paid_until: Option<Tick>,
    /// While something waits to be sent on a WebSocket: when it must have made progress.
    pub(super) stalls_at: Option<Tick>,
    /// How many bytes of this session the budget knows of.
    pub(super) accounted: u32,
    pub(super) mount: u16,
    /// The kernel has something to read, as far as we know: cleared by `WouldBlock` or a short
    /// read.
    pub(super) readable: bool,
    /// The kernel takes something to write, as far as we know.
    pub(super) writable: bool,
    /// The kernel said that the peer has closed: short reads prove nothing then.
    pub(super) read_closed: bool,
    /// The end of the stream was read.
    pub(super) eof: bool,
    /// The transport failed.
    pub(super) broken: bool,
    /// Something was written since the session was last settled.
    pub(super) wrote: bool,
    /// Already on the list of sessions to run.
    pub(super) queued: bool,
    /// Already on the list of sessions to settle at the end of the turn.
    pub(super) touched: bool,
    /// The application was told of this peer and not yet that it is gone.
    pub(super) known_to_application: bool,
    /// What was found out once.
    pub(super) marks: Marks,
}

/// What is found out about a session once, a bit for each: as a `bool` each would cost every
/// connection eight bytes.
#[derive(Clone, Copy, Default)]
pub(super) struct Marks(u8);

#[derive(Clone, Copy)]
pub(super) enum Mark {
    /// Someone looks on.
    Watched = 1,
    /// The address counts, see [`Visitors`](super::visitors::Visitors).
    Metered = 2,
    /// It has DEFLATE states of its own.
    TakesOver = 4,
    /// It came to the admin listener, which has pages of its own and no WebSockets.
    Admin = 8,
}

impl Marks {
    pub(super) fn has(self, mark: Mark) -> bool {
        self.0 & mark as u8 != 0
    }

    pub(super) fn set(&mut self, mark: Mark, on: bool) {
        self.0 = if on { self.0 | mark as u8 } else { self.0 & !(mark as u8) };
    }
}

pub(super) enum Phase {
    /// The request head is arriving.
    Head(Box<Head>),
    /// A WebSocket.
    Open(Connection),
    /// One plain HTTP request after another.
    Exchange(Box<Exchange>),
    /// A plain HTTP answer is being sent.
    Response(Box<Response>),
    /// All is sent; what still arrives is discarded.
    Linger,
}

pub(super) struct Head {
    pub(super) scanner: HeadScanner,
    pub(super) bytes: Vec<u8>,
}

impl<T: Transport> Session<T> {
    pub(super) fn new(
        transport: T,
        address: SocketAddr,
        head: Head,
        deadline: Option<Instant>,
    ) -> Self {
        Self {
            transport,
            address: Address::new(address),
            phase: Phase::Head(Box::new(head)),
            deadline,
            armed: None,
            unread: None,
            paid_until: None,
            stalls_at: None,
            accounted: 0,
            mount: 0,
            // Nothing is known yet; to try is to know.
            readable: true,
            writable: true,
            read_closed: false,
            eof: false,
            broken: false,
            wrote: false,
            queued: false,
            touched: false,
            known_to_application: false,
            marks: Marks::default(),
        }
    }

    /// The next time at which something must be done even if nothing arrives.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let connection = match &self.phase {
            Phase::Open(connection) => connection.next_timeout(),
            _ => None,
        };
        [self.deadline, connection].into_iter().flatten().min()
    }

    /// Whether so much waits to be sent that nothing more should be read.
    pub(super) fn is_clogged(&self, high_water: usize) -> bool {
        match &self.phase {
            Phase::Open(connection) => connection.pending_output().len() > high_water,
            _ => false,
        }
    }

    /// Whether something waits to be sent on a WebSocket. (Other phases have a deadline for that.)
    pub(super) fn is_writing(&self) -> bool {
        matches!(&self.phase, Phase::Open(connection) if !connection.pending_output().is_empty())
    }

    /// Bytes of memory that this session holds, apart from itself.
    pub(super) fn held(&self) -> usize {
        let unread = self.unread.as_ref().map_or(0, |unread| unread.len());
        unread
            + match &self.phase {
                Phase::Head(head) => head.bytes.capacity(),
                Phase::Open(connection) => connection.held(),
                Phase::Exchange(exchange) => exchange.held(),
                Phase::Response(response) => response.held(),
                Phase::Linger => 0,
            }
    }

    /// Whether what arrives must wait, because of what was asked for before.
    pub(super) fn waits(&self) -> bool {
        match &self.phase {
            Phase::Response(_) => true,
            Phase::Exchange(exchange) => exchange.is_full(),
            Phase::Head(_) | Phase::Open(_) | Phase::Linger => false,
        }
    }

    /// Writes what is pending on a WebSocket, once: a short write says that the kernel is full.
    pub(super) fn flush(&mut self, id: PeerId, shared: &Shared, now: Instant) {
        let high_water = shared.limits.high_water;
        let Phase::Open(connection) = &mut self.phase else {
            return self.flush_exchange(id, shared, now);
        };
        while self.writable && !self.broken && !connection.pending_output().is_empty() {
            let pending = connection.pending_output();
            let wanted = pending.len();
            match self.transport.write(pending) {
                Ok(0) => self.broken = true,
                Ok(written) => {
                    self.wrote = true;
                    shared.metrics.sent(id.loop_index(), written);
                    if self.marks.has(Mark::Watched) {
                        shared.taps.sent(id, pending.get(..written).unwrap_or_default(), now);
                    }
                    connection.tick(now);
                    connection.advance_output(written);
                    if shared.site.counts(self.mount) {
                        shared.channels.count_socket(id, 0, written);
                    }
                    if connection.state() == State::Closed {
                        // The deadline for the last frames begins anew with each progress.
                        self.deadline = None;
                    }
                    self.writable = written == wanted;
                    if wanted > high_water {
                        // It was not read because of us, so its silence is no sign of death.
                        connection.excuse_silence(now);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.broken = true,
            }
        }
    }

    /// Writes what is pending of an exchange. The peer begins to be slow anew with each progress.
    fn flush_exchange(&mut self, id: PeerId, shared: &Shared, now: Instant) {
        let Phase::Exchange(exchange) = &mut self.phase else {
            return;
        };
        while self.writable && !self.broken && !exchange.pending().is_empty() {
            match self.transport.write(exchange.pending()) {
                Ok(0) => self.broken = true,
                Ok(written) => {
                    self.writable = written == exchange.pending().len();
                    shared.metrics.sent(id.loop_index(), written);
                    if self.marks.has(Mark::Watched) {
                        let sent = exchange.pending().get(..written).unwrap_or_default();
                        shared.taps.sent(id, sent, now);
                    }
                    exchange.advance(written, &shared.channels);
                    self.deadline = exchange.deadline(now);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.broken = true,
            }
        }
    }
}
