//! One loop's work, apart from waiting: what happens between two calls of `poll`.
//!
//! A [`Hub`] is told which transports are ready and what time it is. In a *turn* it then
//!
//! 1. runs every session that is ready, reading at most one budget from each: decodes, calls the
//!    application, and writes the replies;
//! 2. takes in what other loops have for its peers;
//! 3. does what deadlines ask for;
//! 4. writes to those who were sent something by others, once each;
//! 5. closes those with the largest queues, while too much is queued in the process.
//!
//! It waits for nothing and knows no sockets (see [`Transport`]), so a simulation can drive it.

mod calls;
mod drain;
mod guard;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use log::{debug, warn};

use super::http::{self, Answer, Opening, refusal};
use super::metrics::{Count, Counters};
use super::mount::Mounted;
use super::notes::note_open;
use super::peers::{Peers, Settled};
use super::session::{Head, Mark, Phase, Session};
use super::site::Shared;
use super::table::Key;
use super::tap::Upgrade;
use super::timers::Tick;
use super::transport::Transport;
use crate::protocol::deflate::DeflatePool;
use crate::protocol::handshake::{HandshakeError, HeadScanner};
use crate::protocol::{Closure, Connection, EndedBy, Violation};
use drain::Drain;

/// After delivering to so many recipients in one turn, a session's further input waits for the next
/// one: a single read may hold thousands of messages, each for thousands of peers.
const DELIVERIES_PER_TURN: usize = 4096;

/// The most connections of the admin listener: a collector or two, and a human.
const ADMINS: usize = 16;

/// After so many messages and control frames a session's further input waits for the next turn: a
/// single read may hold thousands of small ones, and everybody else would wait for all of them.
const ITEMS_PER_TURN: usize = 32;

/// What the kernel said of a transport. These are hints: reading and writing tell the truth.
#[derive(Clone, Copy, Debug, Default)]
pub struct Readiness {
    /// There may be something to read.
    pub readable: bool,
    /// There may be room to write.
    pub writable: bool,
    /// The peer has ended its direction.
    pub read_closed: bool,
}

/// The sessions of one loop, and the applications that they talk to.
pub(super) struct Hub<T> {
    applications: Vec<Mounted>,
    peers: Peers<T>,
    /// The one buffer that all reads of this loop go into.
    scratch: Vec<u8>,
    /// The DEFLATE states of all connections without context takeover.
    deflate_pool: Arc<DeflatePool>,
    /// Set once the server has begun to end.
    drain: Option<Drain>,
}

impl<T: Transport> Hub<T> {
    /// A loop's work, before its first turn. Nothing that it hears of later is before `now`.
    pub(super) fn new(
        index: u16,
        shared: Arc<Shared>,
        applications: Vec<Mounted>,
        now: Instant,
    ) -> Self {
        guard::watch_panics();
        let scratch = vec![0; shared.limits.read_per_turn.max(1)];
        Self {
            applications,
            peers: Peers::new(index, shared, now),
            scratch,
            deflate_pool: Arc::default(),
            drain: None,
        }
    }

    /// Takes in a connection. It is run in the next turn: to try is the surest way to know whether
    /// something has arrived already.
    pub(super) fn insert(&mut self, transport: T, address: SocketAddr, now: Instant) -> Key {
        self.peers.shared.connections.fetch_add(1, Ordering::Relaxed);
        self.peers.counters.count(Count::AcceptedPublic);
        let key = self.insert_any(transport, address, now);
        let counts = self.peers.shared.visitors.counts(address.ip());
        if let Some(session) = self.peers.sessions.get_mut(key) {
            session.marks.set(Mark::Metered, counts);
        }
        key
    }

    fn insert_any(&mut self, transport: T, address: SocketAddr, now: Instant) -> Key {
        let limits = &self.peers.shared.limits;
        let head = Head { scanner: HeadScanner::new(limits.head), bytes: Vec::new() };
        // A time beyond what can be told never comes.
        let deadline = now.checked_add(limits.handshake);
        let key = self.peers.sessions.insert(Session::new(transport, address, head, deadline));
        let watched = self.peers.shared.taps.opened(self.peers.id(key), address, now);
        if let Some(session) = self.peers.sessions.get_mut(key) {
            session.marks.set(Mark::Watched, watched);
        }
        self.peers.queue(key);
        key
    }

    /// Takes in a connection of the admin listener, if not too many are here. It does not count
    /// among the others: a crowd must not keep those out who want to see it.
    pub(super) fn insert_admin(
        &mut self,
        transport: T,
        address: SocketAddr,
        now: Instant,
    ) -> Option<Key> {
        if self.peers.admins >= ADMINS {
            self.peers.counters.count(Count::AdminRefused);
            return None;
        }
        self.peers.counters.count(Count::AcceptedAdmin);
        let key = self.insert_any(transport, address, now);
        if let Some(session) = self.peers.sessions.get_mut(key) {
            session.marks.set(Mark::Admin, true);
        }
        self.peers.admins += 1;
        Some(key)
    }

    pub(super) fn transport(&mut self, key: Key) -> Option<&mut T> {
        self.peers.sessions.get_mut(key).map(|session| &mut session.transport)
    }

    /// Drops a connection that never ran.
    pub(super) fn abandon(&mut self, key: Key, now: Instant) {
        self.peers.remove(key, now);
    }

    /// Notes what the kernel said. A key whose session is gone is ignored.
    pub(super) fn ready(&mut self, key: Key, readiness: Readiness) {
        let Some(session) = self.peers.sessions.get_mut(key) else {
            return;
        };
        session.readable |= readiness.readable || readiness.read_closed;
        session.writable |= readiness.writable;
        session.read_closed |= readiness.read_closed;
        self.peers.queue(key);
    }

    /// Whether there is work left that no event will announce: whoever stops early resumes itself.
    pub(super) fn must_not_wait(&self) -> bool {
        !self.peers.runnable.is_empty()
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let goodbye = self.drain.as_ref().and_then(Drain::next);
        [self.peers.timers.next(), goodbye].into_iter().flatten().min()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many public connections there are.
    pub(super) fn len(&self) -> usize {
        self.peers.sessions.len() - self.peers.admins
    }

    pub(super) fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.peers.counters)
    }

    /// One turn.
    pub(super) fn turn(&mut self, now: Instant) {
        self.peers.deliveries = 0;
        for key in std::mem::take(&mut self.peers.runnable) {
            self.run(key, now);
        }
        self.peers.take_in_mail(now);
        while let Some((due, key)) = self.peers.timers.pop(now) {
            self.due(due, key, now);
        }
        self.say_goodbye(now);
        self.settle_touched(now);
        self.relieve(now);
        let sessions = &mut self.peers.sessions;
        self.peers.timers.sweep(sessions.len(), |due, key| {
            sessions.get_mut(key).is_some_and(|session| session.armed == Some(due))
        });
    }

    /// Reads from one session, if it is ready and has room for replies, and settles it.
    fn run(&mut self, key: Key, now: Instant) {
        let high_water = self.peers.shared.limits.high_water;
        let id = self.peers.id(key);
        let Some(session) = self.peers.sessions.get_mut(key) else {
            return;
        };
        session.queued = false;
        session.flush(id, &self.peers.shared, now);
        let clogged = session.is_clogged(high_water);
        let waits = session.waits();
        if matches!(&session.phase, Phase::Exchange(exchange) if exchange.can_go_on()) {
            self.peers.converse(key, &[], now);
        } else if let Some(mut unread) = session.unread.take_if(|_| !clogged) {
            self.process(key, &mut unread, now);
        } else if session.readable && !clogged && !waits {
            self.read(key, now);
        }
        self.settle(key, now);
        // An event may have come while this one could not be read: it will not be said again.
        if let Some(session) = self.peers.sessions.get_mut(key) {
            let more = session.unread.is_some() || session.readable && !session.eof;
            if more && !session.waits() && !session.is_clogged(high_water) {
                self.peers.queue(key);
            }
        }
    }

    fn read(&mut self, key: Key, now: Instant) {
        let id = self.peers.id(key);
        let Some(session) = self.peers.sessions.get_mut(key) else {
            return;
        };
        let mut scratch = std::mem::take(&mut self.scratch);
        match session.transport.read(&mut scratch) {
            Ok(0) => {
                session.eof = true;
                session.readable = false;
                if let Phase::Open(connection) = &mut session.phase {
                    connection.receive_eof();
                }
            }
            Ok(count) => {
                self.peers.counters.add(Count::BytesReceived, count as u64);
                // epoll(7): reading less than was asked for means that there is no more, so one
                // call that would only say `WouldBlock` is saved. Not after a hang-up: then the end
                // of the stream is still to be read.
                if count < scratch.len() && !session.read_closed {
                    session.readable = false;
                }
                let bytes = scratch.get_mut(..count).unwrap_or_default();
                if session.marks.has(Mark::Watched) {
                    self.peers.shared.taps.received(id, bytes, now);
                }
                if self.peers.shared.site.counts(session.mount) {
                    self.peers.shared.channels.count_socket(id, count, 0);
                }
                self.process(key, bytes, now);
            }
            Err(error) => match error.kind() {
                std::io::ErrorKind::WouldBlock => session.readable = false,
                std::io::ErrorKind::Interrupted => {}
                _ => {
                    debug!("{} cannot be read: {error}", session.address);
                    session.readable = false;
                    session.broken = true;
                }
            },
        }
        self.scratch = scratch;
    }

    /// Takes what has arrived.
    fn process(&mut self, key: Key, mut input: &mut [u8], now: Instant) {
        let Some(session) = self.peers.sessions.get_mut(key) else {
            return;
        };
        if matches!(session.phase, Phase::Exchange(_)) {
            return self.peers.converse(key, input, now);
        }
        if matches!(session.phase, Phase::Head(_)) && !self.process_head(key, &mut input, now) {
            return;
        }
        self.process_frames(key, input, now);
    }

    /// Gathers the request head, and answers it when it is whole. True if a WebSocket came of it.
    fn process_head(&mut self, key: Key, input: &mut &mut [u8], now: Instant) -> bool {
        let Some(session) = self.peers.sessions.get_mut(key) else {
            return false;
        };
        let Phase::Head(head) = &mut session.phase else {
            return false;
        };
        // A head that is whole in the first read, as nearly all are, is judged where it lies.
        let before = head.bytes.len();
        let scanned = if before == 0 {
            head.scanner.scan(input)
        } else {
            head.bytes.extend_from_slice(input);
            head.scanner.scan(&head.bytes)
        };
        let end = match scanned {
            Ok(Some(end)) => end,
            Ok(None) => {
                if before == 0 {
                    head.bytes.extend_from_slice(input);
                }
                return false;
            }
            Err(error) => {
                self.peers.respond(key, refusal(&error), now);
                return false;
            }
        };
        let bytes = if before == 0 { &**input } else { &head.bytes[..] };
        let bytes = bytes.get(..end).unwrap_or_default();
        let draining = self.drain.is_some();
        match http::decide(&self.peers.shared, bytes, draining, session.marks.has(Mark::Admin)) {
            Answer::Plain(response) => {
                self.peers.count_refusal(&response, draining);
                self.peers.respond(key, response, now);
                false
            }
            Answer::Exchange => {
                let bytes = std::mem::take(&mut head.bytes);
                session.phase = Phase::Exchange(Box::default());
                self.peers.converse(key, if before == 0 { input } else { &bytes }, now);
                false
            }
            Answer::WebSocket(opening) => {
                *input = std::mem::take(input).get_mut(end - before..).unwrap_or_default();
                self.open(key, opening, end, now);
                true
            }
        }
    }

    /// Makes a WebSocket of a session whose request was so many bytes long.
    fn open(&mut self, key: Key, opening: Opening, request: usize, now: Instant) {
        let Opening { mount, response, deflate, channel } = opening;
        let id = self.peers.id(key);
        let Peers { sessions, shared, counters, .. } = &mut self.peers;
        let (Some(session), Some(info)) = (sessions.get_mut(key), shared.site.mounts.get(mount))
        else {
            return;
        };
        let mut connection = Connection::server(Arc::clone(&info.limits), now);
        connection.outbox(now).preface(&response);
        if let Some(agreed) = deflate {
            let takes_over =
                !(agreed.server_no_context_takeover && agreed.client_no_context_takeover);
            session.marks.set(Mark::TakesOver, takes_over);
            shared.takeovers.fetch_add(takes_over.into(), Ordering::Relaxed);
            connection.use_deflate(&agreed, &info.deflate, &self.deflate_pool);
        }
        let path = info.paths.first().map_or("", String::as_str);
        note_open(session.address.get(), id, path, counters);
        if session.marks.has(Mark::Watched) {
            let upgrade = Upgrade { mount: path, limits: &info.limits, deflate };
            let watched = shared.taps.upgraded(id, &upgrade, now);
            session.marks.set(Mark::Watched, watched);
        }
        session.phase = Phase::Open(connection);
        session.deadline = None;
        session.mount = mount as u16;
        session.known_to_application = true;
        if let Some(channel) = channel {
            shared.channels.adopt(id, &channel, request, now);
        }
        self.call(key, now, |application, context| application.open(context));
    }

    /// Decodes frames and calls the application, message by message. Stops when replies have
    /// nowhere to go; what is left of the input is then kept.
    fn process_frames(&mut self, key: Key, mut input: &mut [u8], now: Instant) {
        let high_water = self.peers.shared.limits.high_water;
        let Self { applications, peers, .. } = self;
        let (id, buffer) = (peers.id(key), peers.spare_buffer());
        let Some(session) = peers.sessions.get_mut(key) else {
            return;
        };
        let Phase::Open(connection) = &mut session.phase else {
            return;
        };
        // Refused, and dropped, only while the session has a backlog of its own.
        drop(connection.outbox(now).lend(buffer));
        let Some(mounted) = applications.get_mut(usize::from(session.mount)) else {
            return;
        };
        // Held until all is done that the application asked for: it is done in the order of its
        // calls.
        let mut held = mounted.hold();
        peers.take_in_mail(now);
        let mut delivered = peers.deliveries;
        let mut share = ITEMS_PER_TURN;
        loop {
            let served = calls::serve(peers, key, held.application(), &mut input, &mut share, now);
            peers.carry_out(key, now);
            let Some(session) = peers.sessions.get_mut(key).filter(|_| !served.is_all()) else {
                return;
            };
            if session.is_clogged(high_water) {
                session.flush(id, &peers.shared, now);
            }
            // Only who delivers to others waits because of that.
            let before = std::mem::replace(&mut delivered, peers.deliveries);
            let crowded = delivered > before.max(DELIVERIES_PER_TURN);
            if session.is_clogged(high_water) || crowded || share == 0 {
                session.unread = (!input.is_empty()).then(|| Box::new(input.to_vec()));
                return;
            }
        }
    }

    /// Brings a session up to date, and tells its application if the peer is gone by that.
    fn settle(&mut self, key: Key, now: Instant) {
        while let Settled::Left(closure) = self.peers.settle(key, now) {
            self.call(key, now, |application, context| application.close(context, &closure));
        }
    }

    /// Settles those who were sent something. Telling an application that a peer is gone may make
    /// it send to others, so this goes on until nothing is left; each peer leaves only once.
    fn settle_touched(&mut self, now: Instant) {
        loop {
            let touched = self.peers.take_touched();
            if touched.is_empty() {
                return;
            }
            for key in touched {
                self.settle(key, now);
            }
        }
    }

    /// A timer entry came up.
    fn due(&mut self, due: Tick, key: Key, now: Instant) {
        let Some(session) = self.peers.sessions.get_mut(key) else {
            return;
        };
        if session.armed != Some(due) {
            return;
        }
        session.armed = None;
        // Settling arms it again.
        self.peers.touch(key);
        let Some(session) = self.peers.sessions.get_mut(key) else {
            return;
        };
        let address = session.address.get();
        if let Phase::Open(connection) = &mut session.phase {
            let before = (connection.closure(), connection.wants_drop());
            connection.handle_timeout(now);
            let after = (connection.closure(), connection.wants_drop());
            if let Some(deadline) = deadline_hit(before, after) {
                self.peers.counters.count(deadline);
            }
        }
        if session.stalls_at.is_some_and(|due| self.peers.timers.instant(due) <= now) {
            self.peers.counters.count(Count::StallDeadline);
            debug!("{address} dropped: it takes nothing of what is sent to it");
            session.broken = true;
            return;
        }
        if session.deadline.is_none_or(|deadline| deadline > now) {
            return;
        }
        session.deadline = None;
        match &session.phase {
            Phase::Head(head) if head.bytes.is_empty() => {
                debug!("{address} sent nothing");
                self.peers.counters.count(Count::HandshakeDeadline);
                session.broken = true;
            }
            Phase::Head(_) => {
                self.peers.counters.count(Count::HandshakeDeadline);
                self.peers.respond(key, refusal(&HandshakeError::TimedOut), now);
            }
            Phase::Open(_) if session.known_to_application => {
                self.peers.counters.count(Count::ApplicationDeadline);
                self.call(key, now, |application, context| application.timeout(context));
            }
            Phase::Exchange(_) => self.peers.exchange_due(key, now),
            Phase::Open(_) | Phase::Response(_) | Phase::Linger => {
                self.peers.counters.count(Count::LingerDeadline);
                debug!("{address} dropped: it does not read, or does not close");
                session.broken = true;
            }
        }
    }

    /// While too much is queued in the process, closes the sessions with the largest queues.
    fn relieve(&mut self, now: Instant) {
        while let Some(key) = self.peers.to_relieve() {
            let Some(session) = self.peers.sessions.get_mut(key) else {
                return;
            };
            self.peers.counters.count(Count::LargestDropped);
            warn!("{} dropped: too much is queued, most of it for this peer", session.address);
            session.broken = true;
            session.unread = None;
            self.settle(key, now);
            self.settle_touched(now);
        }
    }

    /// Ends at once: every application hears of the end of its peers.
    pub(super) fn end(&mut self, now: Instant) {
        for key in self.peers.sessions.keys() {
            if let Some(session) = self.peers.sessions.get_mut(key) {
                session.broken = true;
            }
            self.settle(key, now);
        }
    }
}

/// Which of a connection's own deadlines was hit, if one was.
fn deadline_hit(
    (closure, gave_up): (Option<Closure>, bool),
    (closure_now, gave_up_now): (Option<Closure>, bool),
) -> Option<Count> {
    match closure_now.filter(|_| closure.is_none())?.by {
        EndedBy::Silence => Some(Count::PongDeadline),
        EndedBy::Violation(Violation::ReassemblyTimedOut) => Some(Count::ReassemblyDeadline),
        _ => (gave_up_now && !gave_up).then_some(Count::CloseDeadline),
    }
}

#[cfg(test)]
mod tests;
