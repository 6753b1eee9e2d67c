//! The event loop: waits in `poll`, and tells the [`Hub`] what happened.
//!
//! mio is edge-triggered: the kernel says once that something is ready, and not again before we
//! have exhausted it. So nothing here forgets: a session's readiness is kept with the session, a
//! listener's with the listener, and whoever stops before it is exhausted is resumed by us.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use log::{info, warn};
use mio::net::{TcpListener, TcpStream, UnixStream};
use mio::{Events, Interest, Poll, Token};

use super::hub::{Hub, Readiness};
use super::listener::{self, Listeners};
use super::metrics::{Count, Counters};
use super::site::Shared;
use super::table::Key;

/// Tokens with the top bit set are not sessions'; see [`Key::pack`].
const SPECIAL: usize = 1 << 63;
pub(super) const WAKER: Token = Token(SPECIAL);
const SIGNALS: Token = Token(SPECIAL | 1);
const FIRST_ADMIN: usize = SPECIAL | 2;
const FIRST_LISTENER: usize = SPECIAL | 1 << 32;

/// How many events one call of `poll` may bring.
const EVENTS: usize = 1024;

/// After so many failures of `poll` in a row the loop ends: it could only spin.
const POLL_FAILURES: u32 = 16;

/// How often the server was asked to stop: once, to drain; twice, to end at once.
pub(super) type Stop = Arc<AtomicUsize>;

pub(super) struct Reactor {
    poll: Poll,
    hub: Hub<TcpStream>,
    listeners: Listeners,
    /// These go on while the others pause.
    admin: Listeners,
    signals: Option<UnixStream>,
    shared: Arc<Shared>,
    counters: Arc<Counters>,
    stop: Stop,
    drain_until: Option<Instant>,
    /// Found idle in the drain: loops end together, so that each keeps listening until then.
    idle: bool,
    /// The connection limit was reached, and there is not yet enough room again.
    full: bool,
}

impl Reactor {
    pub(super) fn new(
        poll: Poll,
        hub: Hub<TcpStream>,
        sockets: Vec<TcpListener>,
        admin: Vec<TcpListener>,
        shared: Arc<Shared>,
        stop: Stop,
    ) -> io::Result<Self> {
        let counters = hub.counters();
        let listen = |sockets, first| {
            let mut listeners = Listeners::new(sockets, Arc::clone(&counters));
            for (index, socket) in listeners.sockets().enumerate() {
                poll.registry().register(socket, Token(first + index), Interest::READABLE)?;
            }
            Ok::<_, io::Error>(listeners)
        };
        let listeners = listen(sockets, FIRST_LISTENER)?;
        let admin = listen(admin, FIRST_ADMIN)?;
        Ok(Self {
            poll,
            hub,
            listeners,
            admin,
            counters,
            signals: None,
            shared,
            stop,
            drain_until: None,
            idle: false,
            full: false,
        })
    }

    /// Takes each byte that arrives on `signals` as a request to stop.
    pub(super) fn watch(&mut self, signals: StdUnixStream) -> io::Result<()> {
        signals.set_nonblocking(true)?;
        let mut signals = UnixStream::from_std(signals);
        self.poll.registry().register(&mut signals, SIGNALS, Interest::READABLE)?;
        self.signals = Some(signals);
        Ok(())
    }

    /// Runs until the server has been asked to stop, and all connections have closed or the time
    /// for that is over.
    pub(super) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        let mut failures = 0;
        let mut turn = None;
        loop {
            // The end of one turn, and the beginning of the wait for the next.
            let end = Instant::now();
            if let Some(begin) = turn.take() {
                self.counters.turn_took(end.saturating_duration_since(begin));
            }
            let timeout = self.timeout(end);
            if let Err(error) = self.poll.poll(&mut events, timeout) {
                if error.kind() == io::ErrorKind::Interrupted {
                    continue;
                }
                failures += 1;
                warn!("cannot wait for events: {error}");
                if failures >= POLL_FAILURES {
                    return Err(error);
                }
                continue;
            }
            failures = 0;
            // One time for the whole turn: asking the clock for each message would cost more than
            // some of them do.
            let now = Instant::now();
            turn = Some(now);
            for event in &events {
                self.dispatch(event);
            }
            self.accept(now);
            self.accept_admin(now);
            self.hub.turn(now);
            if self.has_ended(now) {
                return Ok(());
            }
        }
    }

    /// How long `poll` may wait.
    fn timeout(&self, now: Instant) -> Option<Duration> {
        if self.hub.must_not_wait() {
            return Some(Duration::ZERO);
        }
        let tries = [self.listeners.next_try(now), self.admin.next_try(now)];
        let deadlines = [self.hub.next_deadline(), self.drain_until];
        let due = tries.into_iter().chain(deadlines).flatten().min();
        due.map(|due| due.saturating_duration_since(now))
    }

    fn dispatch(&mut self, event: &mio::event::Event) {
        match event.token() {
            WAKER => {}
            SIGNALS => self.read_signals(),
            Token(number) if number & SPECIAL != 0 => match number.checked_sub(FIRST_LISTENER) {
                Some(place) => self.listeners.ready(place),
                None => self.admin.ready(number - FIRST_ADMIN),
            },
            Token(number) => {
                let readiness = Readiness {
                    readable: event.is_readable() || event.is_error(),
                    writable: event.is_writable() || event.is_error(),
                    read_closed: event.is_read_closed(),
                };
                self.hub.ready(Key::unpack(number), readiness);
            }
        }
    }

    fn accept(&mut self, now: Instant) {
        let listeners = &mut self.listeners;
        for _ in 0..self.shared.limits.accepts_per_turn.max(1) {
            // At the limit nothing is accepted until a sixteenth is free again, so that a full
            // server does not go back and forth with each connection.
            let room = if self.full { self.shared.limits.connections / 16 } else { 0 };
            let was_full = std::mem::replace(&mut self.full, !self.shared.has_room(room));
            if self.full {
                if !was_full {
                    self.counters.count(Count::AcceptingPaused);
                }
                return listeners.pause(now);
            }
            let Some((stream, address)) = listeners.accept(now) else {
                return;
            };
            // Nagle's algorithm would hold back a reply until the one before is acknowledged.
            if let Err(error) = stream.set_nodelay(true) {
                // The client has gone already: macOS says it here.
                info!("{address} is gone: {error}");
                continue;
            }
            let visitors = &self.shared.visitors;
            if visitors.counts(address.ip()) && !visitors.arrive(address.ip(), now) {
                self.counters.count(Count::AddressRefused);
                listener::turn_away(stream, address);
                continue;
            }
            let key = self.hub.insert(stream, address, now);
            watch(&self.poll, &mut self.hub, key, address, now);
        }
    }

    /// Accepts whoever wants to see how the server does. There is no limit but their own number:
    /// most of all while the public listeners pause, somebody wants to see why.
    fn accept_admin(&mut self, now: Instant) {
        for _ in 0..self.shared.limits.accepts_per_turn.max(1) {
            let Some((stream, address)) = self.admin.accept(now) else {
                return;
            };
            match self.hub.insert_admin(stream, address, now) {
                Some(key) => watch(&self.poll, &mut self.hub, key, address, now),
                None => info!("{address} turned away, the admin listener is busy"),
            }
        }
    }

    fn read_signals(&mut self) {
        let Some(signals) = &mut self.signals else {
            return;
        };
        let mut bytes = [0; 16];
        while let Ok(count @ 1..) = signals.read(&mut bytes) {
            self.stop.fetch_add(count, Ordering::Relaxed);
        }
        // The other loops learn of it too.
        for mailbox in &self.shared.mailboxes {
            mailbox.wake();
        }
    }

    /// Whether the loop is to return: begins to drain when asked, and sees to its end.
    ///
    /// All the while it listens: whoever asks `/healthz` whether to send more clients here is told
    /// 503, and so is a client that comes. A port that is closed too early would look like a crash.
    fn has_ended(&mut self, now: Instant) -> bool {
        let stops = self.stop.load(Ordering::Relaxed);
        if stops > 0 && self.drain_until.is_none() {
            info!("stopping: {} connections to close", self.hub.len());
            self.hub.drain(now);
            self.drain_until = now.checked_add(self.shared.limits.drain);
        }
        if stops > 0 && self.idle != self.hub.is_idle() {
            self.idle = !self.idle;
            if self.idle {
                self.shared.loop_is_idle();
            } else {
                self.shared.busy_loops.fetch_add(1, Ordering::Relaxed);
            }
        }
        let all_idle = self.shared.busy_loops.load(Ordering::Relaxed) == 0;
        let over = self.drain_until.is_some_and(|until| until <= now);
        if over || stops > 1 || (stops > 0 && all_idle) {
            self.hub.end(now);
            return true;
        }
        false
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        // Whyever it ends: the others are not to wait for it.
        if !self.idle {
            self.shared.loop_is_idle();
        }
    }
}

/// From here on the kernel tells of what a new session can read and write.
fn watch(poll: &Poll, hub: &mut Hub<TcpStream>, key: Key, address: SocketAddr, now: Instant) {
    let Some(stream) = hub.transport(key) else {
        return;
    };
    let interest = Interest::READABLE | Interest::WRITABLE;
    if let Err(error) = poll.registry().register(stream, Token(key.pack()), interest) {
        warn!("{address} dropped, it cannot be watched: {error}");
        hub.abandon(key, now);
    }
}
