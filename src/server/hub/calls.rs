//! Calling applications: an event of one session at a time.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use log::{debug, error, info};

use super::super::session::{Admission, Phase};
use super::super::table::Key;
use super::super::text::Escaped;
use super::super::transport::Transport;
use super::Hub;
use crate::apps::{Application, Context};
use crate::protocol::{CloseCode, Event, State};

impl<T: Transport> Hub<T> {
    /// Takes one item from the input. False: there was none.
    pub(super) fn step(&mut self, key: Key, input: &mut &mut [u8], now: Instant) -> bool {
        let Self { applications, peers, .. } = self;
        let id = peers.id(key);
        let Some(session) = peers.sessions.get_mut(key) else {
            return false;
        };
        let (address, mount) = (session.address, usize::from(session.mount));
        let rate = peers.shared.site.mounts.get(mount).and_then(|mount| mount.rate);
        let Some(mounted) = applications.get_mut(mount) else {
            return false;
        };

        // Admission is decided before the message is seen, because the event borrows the session.
        let Phase::Open(connection) = &mut session.phase else {
            return false;
        };
        let Some((event, outbox)) = connection.receive(now, input) else {
            return false;
        };
        let is_message = matches!(event, Event::Text(_) | Event::Binary(_));
        let admission = match rate.filter(|_| is_message) {
            Some(rate) => Admission::judge(&mut session.paid_until, rate, now),
            None => Admission::Pass,
        };
        if !is_message {
            return log_event(address, &event);
        }
        if admission == Admission::Expel {
            let _ = outbox.close(CloseCode::POLICY_VIOLATION, "too many messages");
            return true;
        }
        let mut held = mounted.hold();
        let mut context = Context::new(id, address, Some(outbox), &mut peers.effects);
        let outcome = guarded(|| match (event, admission) {
            (_, Admission::Refuse) => held.application().throttled(&mut context),
            (Event::Text(text), _) => held.application().text(&mut context, text),
            (Event::Binary(payload), _) => held.application().binary(&mut context, payload),
            _ => {}
        });
        if outcome.is_err() {
            context.close(CloseCode::INTERNAL_ERROR, "the application failed");
        }
        // Before the application is let go: what it asked for is done in the order of its calls.
        peers.carry_out(key, now);
        true
    }

    /// Calls the application about a session, outside of an event.
    pub(super) fn call(
        &mut self,
        key: Key,
        now: Instant,
        f: impl FnOnce(&mut dyn Application, &mut Context<'_>),
    ) {
        let Self { applications, peers, .. } = self;
        let id = peers.id(key);
        let Some(session) = peers.sessions.get_mut(key) else {
            return;
        };
        let Some(mounted) = applications.get_mut(usize::from(session.mount)) else {
            return;
        };
        let outbox = match &mut session.phase {
            Phase::Open(connection) if connection.state() == State::Open => {
                Some(connection.outbox(now))
            }
            _ => None,
        };
        let mut held = mounted.hold();
        let mut context = Context::new(id, session.address, outbox, &mut peers.effects);
        if guarded(|| f(held.application(), &mut context)).is_err() {
            context.close(CloseCode::INTERNAL_ERROR, "the application failed");
        }
        peers.carry_out(key, now);
    }
}

/// Runs application code. A panic there is the application's end of one connection, not the loop's.
fn guarded(f: impl FnOnce()) -> Result<(), ()> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|_| error!("an application panicked, see above"))
}

/// Logs an event that is not a message. Always true, for the caller's sake.
fn log_event(address: SocketAddr, event: &Event<'_>) -> bool {
    match event {
        Event::Violation(violation) => info!("{address} broke a rule: {violation}"),
        event => debug!("{address} {}", Escaped(&format!("{event:?}"))),
    }
    true
}
