//! What the log, the metrics and the taps are told of a WebSocket's beginning and end.

use std::sync::atomic::Ordering;
use std::time::Instant;

use log::info;

use super::address::Address;
use super::metrics::Counters;
use super::session::{Mark, Phase, Session};
use super::site::Shared;
use super::tap::Upgrade;
use super::text::Escaped;
use crate::apps::PeerId;
use crate::protocol::deflate::DeflateParameters;
use crate::protocol::{Closure, EndedBy};

/// Tells the log and the taps how a WebSocket ended.
pub(super) fn tell_closure<T>(
    id: PeerId,
    session: &Session<T>,
    shared: &Shared,
    counters: &Counters,
    now: Instant,
) {
    let Phase::Open(connection) = &session.phase else {
        return;
    };
    let closure = connection.closure();
    note_closure(&session.address, closure, counters);
    if let Some(closure) = closure.filter(|_| session.marks.has(Mark::Watched)) {
        shared.taps.ended(id, &closure, now);
    }
}

/// Logs and counts the end of a WebSocket.
fn note_closure(address: &Address, closure: Option<Closure>, counters: &Counters) {
    let Some(closure) = closure else {
        return;
    };
    counters.ended(&closure);
    let Closure { by, code, clean } = closure;
    let clean = if clean { "clean" } else { "not clean" };
    let code = code.map_or_else(|| "no code".to_owned(), |code| format!("{code:?}"));
    match by {
        EndedBy::Violation(violation) => info!("{address} closed: {violation}"),
        EndedBy::Peer => info!("{address} closed by the peer: {code}, {clean}"),
        EndedBy::Local => info!("{address} closed by us: {code}, {clean}"),
        EndedBy::Transport => info!("{address} closed: the transport ended without a Close frame"),
        EndedBy::Silence => info!("{address} closed: no answer to a ping"),
    }
}

/// Tells the log and the taps that a WebSocket opened.
pub(super) fn tell_open<T>(
    id: PeerId,
    session: &mut Session<T>,
    shared: &Shared,
    upgrade: &Upgrade<'_>,
    now: Instant,
) {
    info!("{} open at {} as {id}", session.address, Escaped(upgrade.mount));
    if session.marks.has(Mark::Watched) {
        let watched = shared.taps.upgraded(id, upgrade, now);
        session.marks.set(Mark::Watched, watched);
    }
}

/// Counts a connection that keeps DEFLATE states of its own, in either direction.
pub(super) fn note_takeover<T>(
    session: &mut Session<T>,
    shared: &Shared,
    agreed: &DeflateParameters,
) {
    let takes_over = !(agreed.server_no_context_takeover && agreed.client_no_context_takeover);
    session.marks.set(Mark::TakesOver, takes_over);
    shared.takeovers.fetch_add(takes_over.into(), Ordering::Relaxed);
}
