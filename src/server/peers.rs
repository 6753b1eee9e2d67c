//! The sessions of one loop, and everything that reaches them from outside their own socket:
//! deliveries, deadlines, closing.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use log::{debug, info};

use super::budget::Pressure;
use super::mailbox::Mailbox;
use super::metrics::{Count, Counters};
use super::notes::note_closure;
use super::response::{Progress, Response, send_response};
use super::session::{Head, Mark, Phase, Session};
use super::site::Shared;
use super::table::{Key, Table};
use super::timers::Timers;
use super::transport::Transport;
use super::visitors::Talkers;
use crate::apps::{Effect, Effects, Message, PeerId};
use crate::protocol::handshake::HeadScanner;
use crate::protocol::{CloseCode, Closure, EndedBy, SendError, State};

/// How many plain requests of one connection are answered in a turn.
const REQUESTS_PER_TURN: usize = 16;

/// How many output buffers are kept for the next turn, and how large one may be to be kept.
const KEPT_BUFFERS: usize = 32;
const KEPT_CAPACITY: usize = 128 * 1024;

pub(super) struct Peers<T> {
    pub(super) index: u16,
    pub(super) shared: Arc<Shared>,
    /// What this loop counts.
    pub(super) counters: Arc<Counters>,
    pub(super) sessions: Table<Session<T>>,
    pub(super) timers: Timers,
    /// What applications ask for; filled during a call, carried out right after it.
    pub(super) effects: Effects,
    /// Sessions to run in this turn or, if they are added during it, in the next.
    pub(super) runnable: Vec<Key>,
    /// Sessions that were sent something by others: written to once, at the end of the turn.
    touched: Vec<Key>,
    /// Output buffers that go from session to session.
    buffers: Vec<Vec<u8>>,
    /// The addresses whose messages are counted.
    pub(super) talkers: Talkers,
    /// How many recipients were delivered to in this turn.
    pub(super) deliveries: usize,
    /// How many bytes of the budget this loop's sessions hold.
    queued: usize,
    /// How many of the sessions came to the admin listener.
    pub(super) admins: usize,
}

/// What settling a session found.
pub(super) enum Settled {
    /// It goes on, or is gone already.
    Fine,
    /// Its application is to be told that the peer is gone; then it is to be settled again.
    Left(Closure),
}

impl<T: Transport> Peers<T> {
    pub(super) fn new(index: u16, shared: Arc<Shared>, now: Instant) -> Self {
        Self {
            index,
            counters: shared.metrics.of_loop(index),
            shared,
            sessions: Table::new(),
            timers: Timers::new(now),
            effects: Effects::default(),
            runnable: Vec::new(),
            touched: Vec::new(),
            buffers: Vec::new(),
            talkers: Talkers::default(),
            deliveries: 0,
            queued: 0,
            admins: 0,
        }
    }

    pub(super) fn id(&self, key: Key) -> PeerId {
        PeerId::new(self.index, key.slot, key.generation)
    }

    /// Puts a session on the list of those to run.
    pub(super) fn queue(&mut self, key: Key) {
        if let Some(session) = self.sessions.get_mut(key)
            && !session.queued
        {
            session.queued = true;
            self.runnable.push(key);
        }
    }

    /// Puts a session on the list of those to settle at the end of the turn.
    pub(super) fn touch(&mut self, key: Key) {
        if let Some(session) = self.sessions.get_mut(key)
            && !session.touched
        {
            session.touched = true;
            self.touched.push(key);
        }
    }

    pub(super) fn take_touched(&mut self) -> Vec<Key> {
        let touched = std::mem::take(&mut self.touched);
        for &key in &touched {
            if let Some(session) = self.sessions.get_mut(key) {
                session.touched = false;
            }
        }
        touched
    }

    pub(super) fn spare_buffer(&mut self) -> Vec<u8> {
        self.buffers.pop().unwrap_or_default()
    }

    fn keep_buffer(&mut self, buffer: Vec<u8>) {
        keep(&mut self.buffers, buffer);
    }

    /// Carries out what an application asked for in a call about `about`.
    pub(super) fn carry_out(&mut self, about: Key, now: Instant) {
        self.counters.add(Count::MessagesSent, self.effects.take_replies());
        if self.effects.is_empty() {
            return;
        }
        let mut effects = std::mem::take(&mut self.effects);
        for effect in effects.iter() {
            if let Effect::Timeout { after, .. } = effect {
                if let Some(session) = self.sessions.get_mut(about)
                    && session.known_to_application
                {
                    session.deadline = after.and_then(|after| now.checked_add(after));
                }
                self.touch(about);
            } else {
                self.deliver(effect, now);
                self.forward(effect);
            }
        }
        effects.clear();
        self.effects = effects;
    }

    /// Delivers what other loops have for the peers of this one.
    ///
    /// Done before an application is called that other loops call too: whatever it asked for in an
    /// earlier call, on whichever loop, so comes before what it asks for now.
    pub(super) fn take_in_mail(&mut self, now: Instant) {
        let mailboxes = &self.shared.mailboxes;
        if mailboxes.len() <= 1 {
            return;
        }
        let mailbox = mailboxes.get(usize::from(self.index));
        for mail in mailbox.map(Mailbox::take).unwrap_or_default() {
            self.deliver(mail.as_effect(), now);
        }
    }

    /// Delivers to the peers of this loop.
    pub(super) fn deliver(&mut self, effect: Effect<'_>, now: Instant) {
        match effect {
            Effect::Send { to, message } => {
                let index = self.index;
                for &peer in to.iter().filter(|peer| peer.loop_index() == index) {
                    self.send(key_of(peer), message, now);
                }
            }
            Effect::Close { peer, code, reason } if peer.loop_index() == self.index => {
                self.close(key_of(peer), code, reason, now);
            }
            _ => {}
        }
    }

    /// Puts what is for the peers of other loops into those loops' mailboxes.
    fn forward(&self, effect: Effect<'_>) {
        for (index, mailbox) in (0..).zip(&self.shared.mailboxes) {
            let concerned = match effect {
                Effect::Send { to, .. } => to.iter().any(|peer| peer.loop_index() == index),
                Effect::Close { peer, .. } => peer.loop_index() == index,
                Effect::Timeout { .. } => false,
            };
            if concerned && index != self.index {
                mailbox.put(index, effect);
            }
        }
    }

    fn send(&mut self, key: Key, message: Message<'_>, now: Instant) {
        self.deliveries += 1;
        let (id, buffer) = (self.id(key), self.spare_buffer());
        let Some(session) = self.sessions.get_mut(key) else {
            return self.keep_buffer(buffer);
        };
        let kept = match &mut session.phase {
            // To one who is gone for its application nothing is sent, even if it still reads.
            Phase::Open(connection) if session.known_to_application => {
                let outbox = connection.outbox(now);
                let refused = outbox.lend(buffer);
                let sent = match message {
                    Message::Text(text) => outbox.text(text),
                    Message::Binary(payload) => outbox.binary(payload),
                };
                match sent {
                    Ok(()) => self.counters.count(Count::MessagesSent),
                    Err(SendError::Full) => {
                        // 1013 and not silence: the peer must not believe that it missed nothing.
                        let _ = outbox.close(CloseCode::TRY_AGAIN_LATER, "you read too slowly");
                    }
                    Err(_) => {}
                }
                self.touch(key);
                refused
            }
            Phase::Exchange(exchange) => {
                exchange.resume(&self.shared.channels, id, now);
                session.deadline = exchange.deadline(now);
                self.touch(key);
                Some(buffer)
            }
            _ => Some(buffer),
        };
        if let Some(buffer) = kept {
            self.keep_buffer(buffer);
        }
    }

    pub(super) fn close(&mut self, key: Key, code: CloseCode, reason: &str, now: Instant) {
        if let Some(session) = self.sessions.get_mut(key)
            && session.known_to_application
            && let Phase::Open(connection) = &mut session.phase
        {
            // Refused only if a Close frame was sent before, and then that one counts.
            let _ = connection.outbox(now).close(code, reason);
            self.touch(key);
        }
    }

    /// Takes what has arrived on a connection of one plain request after another, and answers some
    /// of it; settling sees to the rest.
    pub(super) fn converse(&mut self, key: Key, mut bytes: &[u8], now: Instant) {
        let id = self.id(key);
        for _ in 0..REQUESTS_PER_TURN {
            let Some(session) = self.sessions.get_mut(key) else {
                return;
            };
            let Phase::Exchange(exchange) = &mut session.phase else {
                return;
            };
            let waiting =
                exchange.receive(std::mem::take(&mut bytes), &self.shared.channels, id, now);
            session.deadline = exchange.deadline(now);
            if let Some(rest) = exchange.take_foreign() {
                // A browser uses a connection for whatever it wants next from the same server.
                let limits = &self.shared.limits;
                let scanner = HeadScanner::new(limits.head);
                session.phase = Phase::Head(Box::new(Head { scanner, bytes: Vec::new() }));
                session.deadline = now.checked_add(limits.handshake);
                session.unread = Some(Box::new(rest));
                self.queue(key);
                return self.touch(key);
            }
            self.touch(key);
            for peer in waiting {
                self.wake(peer, now);
            }
            // The next request may be there already; it is answered when this answer is written.
            let Some(session) = self.sessions.get_mut(key) else {
                return;
            };
            session.flush(id, &self.shared, now);
            if !matches!(&session.phase, Phase::Exchange(exchange) if exchange.can_go_on()) {
                return;
            }
        }
    }

    /// There is something in the channel that a peer waits for. An empty message says so, which
    /// finds its way to whichever loop has that peer.
    fn wake(&mut self, peer: PeerId, now: Instant) {
        let effect = Effect::Send { to: &[peer], message: Message::Text("") };
        self.deliver(effect, now);
        self.forward(effect);
    }

    /// The deadline of an exchange has come.
    pub(super) fn exchange_due(&mut self, key: Key, now: Instant) {
        if let Some(session) = self.sessions.get_mut(key)
            && let Phase::Exchange(exchange) = &mut session.phase
        {
            session.broken = !exchange.timeout();
            session.deadline = exchange.deadline(now);
        }
    }

    /// Brings a session up to date after anything has happened to it: writes, moves to the next
    /// phase, removes it, keeps its deadline and the budget.
    pub(super) fn settle(&mut self, key: Key, now: Instant) -> Settled {
        let id = self.id(key);
        let Some(session) = self.sessions.get_mut(key) else {
            return Settled::Fine;
        };
        session.flush(id, &self.shared, now);
        let mut done = session.broken;
        match &mut session.phase {
            Phase::Open(connection) => {
                if session.broken {
                    connection.receive_eof();
                }
                if let Some(buffer) = connection.outbox(now).reclaim() {
                    keep(&mut self.buffers, buffer);
                }
                if session.known_to_application && connection.state() != State::Open {
                    session.known_to_application = false;
                    // The application's, and it wants nothing of this peer any more.
                    session.deadline = None;
                    let closure = connection.closure().unwrap_or(Closure {
                        by: EndedBy::Local,
                        code: connection.outbox(now).close_code(),
                        clean: false,
                    });
                    if session.marks.has(Mark::Watched) {
                        self.shared.taps.state(id, connection.state(), now);
                    }
                    return Settled::Left(closure);
                }
                done |= connection.wants_drop();
                if !done && connection.wants_shutdown() {
                    done = self.linger(key, now);
                } else if session.deadline.is_none() && connection.state() == State::Closed {
                    // The last frames wait for a peer that may never read them.
                    session.deadline = now.checked_add(self.shared.limits.linger);
                }
            }
            Phase::Response(_) => done = done || self.send_response(key, now),
            Phase::Exchange(exchange) => {
                done |= session.eof;
                if !done && exchange.is_done() {
                    done = self.linger(key, now);
                } else if !done && exchange.can_go_on() {
                    self.queue(key);
                }
            }
            Phase::Head(_) | Phase::Linger => done |= session.eof,
        }
        if done {
            self.remove(key, now);
            return Settled::Fine;
        }
        self.account(key, now);
        Settled::Fine
    }

    /// Sends some of an answer in plain HTTP. True if the session is done with.
    fn send_response(&mut self, key: Key, now: Instant) -> bool {
        let index = self.index;
        let Some(session) = self.sessions.get_mut(key) else {
            return true;
        };
        let Phase::Response(response) = &mut session.phase else {
            return false;
        };
        let id = PeerId::new(index, key.slot, key.generation);
        let (watched, taps) = (session.marks.has(Mark::Watched), &self.shared.taps);
        let counters = &self.counters;
        let sent = |bytes: &[u8]| {
            counters.add(Count::BytesSent, bytes.len() as u64);
            if watched {
                taps.sent(id, bytes, now);
            }
        };
        let Session { transport, writable, .. } = session;
        match send_response(response, transport, writable, sent) {
            Ok(Progress::Done) => self.linger(key, now),
            Ok(Progress::Some) => {
                session.deadline = now.checked_add(self.shared.limits.stall);
                if session.writable {
                    self.queue(key);
                }
                false
            }
            Ok(Progress::None) => false,
            Err(error) => {
                debug!("{} the answer broke off: {error}", session.address);
                true
            }
        }
    }

    /// Counts it if somebody is not let in because too much is queued.
    pub(super) fn count_refusal(&self, response: &Response, draining: bool) {
        if response.status == 503 && response.handshake && !draining {
            self.counters.count(Count::NewcomerRefused);
        }
    }

    /// Begins an answer in plain HTTP.
    pub(super) fn respond(&mut self, key: Key, response: Response, now: Instant) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        info!("{} answered {}", session.address, response.status);
        self.counters.answered(response.status, response.handshake);
        session.phase = Phase::Response(Box::new(response));
        session.deadline = now.checked_add(self.shared.limits.stall);
        self.touch(key);
    }

    /// All is sent: ends our direction, and waits for the peer to end its own. True if there is
    /// nothing to wait for.
    fn linger(&mut self, key: Key, now: Instant) -> bool {
        let id = self.id(key);
        let Some(session) = self.sessions.get_mut(key) else {
            return true;
        };
        note_closure(id, session, &self.shared, &self.counters, now);
        let ended = session.transport.shutdown_write().is_err() || session.eof;
        session.phase = Phase::Linger;
        session.unread = None;
        session.deadline = now.checked_add(self.shared.limits.linger);
        if !ended && session.readable {
            self.queue(key);
        }
        ended
    }

    /// Drops a session. Whether its application has been told is the caller's care.
    pub(super) fn remove(&mut self, key: Key, now: Instant) {
        let Some(session) = self.sessions.remove(key) else {
            return;
        };
        let id = self.id(key);
        note_closure(id, &session, &self.shared, &self.counters, now);
        if session.marks.has(Mark::Watched) {
            self.shared.taps.closed(id, now);
        }
        if self.shared.site.counts(session.mount) {
            self.shared.channels.release(self.id(key));
        }
        self.shared
            .takeovers
            .fetch_sub(session.marks.has(Mark::TakesOver).into(), Ordering::Relaxed);
        if session.marks.has(Mark::Metered) {
            self.shared.visitors.leave(session.address.get().ip());
        }
        let accounted = session.accounted as usize;
        self.shared.budget.account(accounted, 0);
        self.queued -= accounted;
        if session.marks.has(Mark::Admin) {
            self.admins -= 1;
            self.counters.count(Count::ClosedAdmin);
        } else {
            self.shared.connections.fetch_sub(1, Ordering::Relaxed);
            self.counters.count(Count::ClosedPublic);
        }
    }

    /// Tells the budget what the session holds, and the timers when it must be looked at.
    fn account(&mut self, key: Key, now: Instant) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        // Four bytes: more than that is beyond any budget.
        let held = u32::try_from(session.held()).unwrap_or(u32::MAX);
        let before = std::mem::replace(&mut session.accounted, held) as usize;
        self.shared.budget.account(before, held as usize);
        self.queued = self.queued - before + held as usize;
        if !session.is_writing() {
            session.stalls_at = None;
        } else if session.wrote || session.stalls_at.is_none() {
            let stalls_at = now.checked_add(self.shared.limits.stall);
            session.stalls_at = stalls_at.map(|due| self.timers.tick(due));
        }
        session.wrote = false;
        let stalls_at = session.stalls_at.map(|tick| self.timers.instant(tick));
        let due = [session.next_deadline(), stalls_at].into_iter().flatten().min();
        self.timers.arm(key, due, &mut session.armed);
    }

    /// The session to close because too much is queued in the process: the one that holds the most,
    /// if this loop holds its share. A loop that holds little does not close its peers for what
    /// another's hold; that one is woken instead.
    pub(super) fn to_relieve(&self) -> Option<Key> {
        let budget = &self.shared.budget;
        if budget.pressure() < Pressure::CloseLargest {
            return None;
        }
        let share = budget.used() / self.shared.mailboxes.len().max(1);
        if self.queued < share {
            for (index, mailbox) in (0..).zip(&self.shared.mailboxes) {
                if index != self.index {
                    mailbox.wake();
                }
            }
            return None;
        }

        let largest = self.sessions.iter().max_by_key(|(_, session)| session.accounted)?;
        (largest.1.accounted > 0).then_some(largest.0)
    }
}

fn keep(buffers: &mut Vec<Vec<u8>>, buffer: Vec<u8>) {
    if buffers.len() < KEPT_BUFFERS && buffer.capacity() <= KEPT_CAPACITY {
        buffers.push(buffer);
    }
}

fn key_of(peer: PeerId) -> Key {
    Key { slot: peer.slot(), generation: peer.generation() }
}
