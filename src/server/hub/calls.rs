//! Calling applications: an event of one session at a time.

use std::net::SocketAddr;
use std::time::Instant;

use log::debug;

use super::super::metrics::{Count, Counters};
use super::super::peers::Peers;
use super::super::rate::{Admission, Rate};
use super::super::session::{Mark, Phase};
use super::super::table::Key;
use super::super::text::Escaped;
use super::super::timers::{Tick, Timers};
use super::super::transport::Transport;
use super::Hub;
use super::guard::guarded;
use crate::apps::{Application, Context};
use crate::protocol::{CloseCode, Event, State};

/// Why [`serve`] stopped.
pub(super) enum Served {
    /// All input is used up.
    All,
    /// The application asked for something that concerns others; there may be more input.
    Asked,
    /// So much waits to be sent that replies must find their way out first.
    Clogged,
    /// It has had its share of the turn; there may be more input.
    Enough,
}

impl Served {
    pub(super) fn is_all(&self) -> bool {
        matches!(self, Self::All)
    }
}

/// Takes items from the input and calls the application, again and again, `share` times at most:
/// what one read brought is worked off in this loop. The share is less by what was taken.
pub(super) fn serve<T: Transport>(
    peers: &mut Peers<T>,
    key: Key,
    application: &mut dyn Application,
    input: &mut &mut [u8],
    share: &mut usize,
    now: Instant,
) -> Served {
    let (id, high_water) = (peers.id(key), peers.shared.limits.high_water);
    let Peers { sessions, effects, shared, timers, talkers, counters, .. } = peers;
    let Some(session) = sessions.get_mut(key) else {
        return Served::All;
    };
    let rate = shared.site.mounts.get(usize::from(session.mount)).and_then(|mount| mount.rate);
    let (address, paid_until) = (session.address.get(), &mut session.paid_until);
    let shared_rate =
        shared.limits.address.message_rate.filter(|_| session.marks.has(Mark::Metered));
    let Phase::Open(connection) = &mut session.phase else {
        return Served::All;
    };
    let mut messages = 0;
    let served = guarded(address, || {
        loop {
            if *share == 0 {
                return Served::Enough;
            }
            let Some((event, outbox)) = connection.receive(now, input) else {
                return Served::All;
            };
            *share -= 1;
            let mut context = Context::new(id, address, Some(outbox), effects);
            match event {
                Event::Text(_) | Event::Binary(_) => {
                    messages += 1;
                    let of_all =
                        || shared_rate.is_none_or(|rate| talkers.pass(address.ip(), rate, now));
                    let admission = admit(rate, paid_until, timers, of_all, now);
                    match admission {
                        Admission::Pass => deliver(application, &mut context, event),
                        Admission::Refuse => {
                            counters.count(Count::MessageRefused);
                            application.throttled(&mut context);
                        }
                        Admission::Expel => {
                            counters.count(Count::MessageExpelled);
                            context.close(CloseCode::POLICY_VIOLATION, "too many messages");
                        }
                    }
                }
                event => note_event(address, &event, counters),
            }
            if !effects.is_empty() {
                return Served::Asked;
            }
            if connection.pending_output().len() > high_water {
                return Served::Clogged;
            }
        }
    });
    counters.add(Count::MessagesReceived, messages);
    served.unwrap_or_else(|()| {
        counters.count(Count::ApplicationPanic);
        // What it asked for before it panicked is done: its replies to this peer are in the outbox
        // already, and what it had for others belongs to them.
        // Refused if a Close frame was sent before: that one has to do.
        let _ = connection.outbox(now).close(CloseCode::INTERNAL_ERROR, APPLICATION_FAILED);
        Served::Asked
    })
}

/// Whether a message may pass, by the rate of its mount; and if so, by that of `of_all` who come from
/// its address.
fn admit(
    rate: Option<Rate>,
    paid_until: &mut Option<Tick>,
    timers: &Timers,
    of_all: impl FnOnce() -> bool,
    now: Instant,
) -> Admission {
    let Some(rate) = rate else {
        return Admission::Pass;
    };
    let mut paid = paid_until.map(|tick| timers.instant(tick));
    let admission = rate.judge(&mut paid, now);
    *paid_until = paid.map(|paid| timers.tick(paid));
    if admission == Admission::Pass && !of_all() { Admission::Refuse } else { admission }
}

fn deliver(application: &mut dyn Application, context: &mut Context<'_>, event: Event<'_>) {
    match event {
        Event::Text(text) => application.text(context, text),
        Event::Binary(payload) => application.binary(context, payload),
        _ => {}
    }
}

/// The reason of the Close frame after an application has panicked.
const APPLICATION_FAILED: &str = "the application failed";

impl<T: Transport> Hub<T> {
    /// Calls the application about a session, outside of an event.
    pub(super) fn call(
        &mut self,
        key: Key,
        now: Instant,
        f: impl FnOnce(&mut dyn Application, &mut Context<'_>),
    ) {
        let Self { applications, peers, .. } = self;
        let id = peers.id(key);
        let mount = peers.sessions.get_mut(key).map_or(usize::MAX, |session| session.mount.into());
        let Some(mounted) = applications.get_mut(mount) else {
            return;
        };
        let mut held = mounted.hold();
        peers.take_in_mail(now);
        let Some(session) = peers.sessions.get_mut(key) else {
            return;
        };
        let outbox = match &mut session.phase {
            Phase::Open(connection) if connection.state() == State::Open => {
                Some(connection.outbox(now))
            }
            _ => None,
        };
        let address = session.address.get();
        let mut context = Context::new(id, address, outbox, &mut peers.effects);
        if guarded(address, || f(held.application(), &mut context)).is_err() {
            peers.counters.count(Count::ApplicationPanic);
            context.close(CloseCode::INTERNAL_ERROR, APPLICATION_FAILED);
        }
        peers.carry_out(key, now);
    }
}

/// Logs and counts an event that is not a message.
fn note_event(address: SocketAddr, event: &Event<'_>, counters: &Counters) {
    match event {
        Event::Ping(_) => counters.count(Count::Pings),
        Event::Pong(_) => counters.count(Count::Pongs),
        Event::Close(_) => counters.count(Count::Closes),
        _ => {}
    }
    // A violation is told once, by the line that says how the connection ended.
    if !matches!(event, Event::Violation(_)) {
        debug!("{address} {}", Escaped(&format!("{event:?}")));
    }
}
