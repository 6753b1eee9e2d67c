//! What is told of the beginning and the end of a WebSocket: to the log, the counters, the taps.

use std::net::SocketAddr;
use std::time::Instant;

use log::info;

use super::address::Address;
use super::metrics::Counters;
use super::session::{Mark, Phase, Session};
use super::site::Shared;
use super::text::Escaped;
use crate::apps::PeerId;
use crate::protocol::{Closure, EndedBy};

/// Tells how a WebSocket ended. Said once for each, when its session leaves that phase.
pub(super) fn note_closure<T>(
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
    if let Some(closure) = closure {
        counters.ended(&closure);
        log_closure(&session.address, closure);
    }
    if let Some(closure) = closure.filter(|_| session.marks.has(Mark::Watched)) {
        shared.taps.ended(id, &closure, now);
    }
}

fn log_closure(address: &Address, closure: Closure) {
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

/// Tells that a WebSocket has begun.
pub(super) fn note_open(address: SocketAddr, id: PeerId, path: &str, counters: &Counters) {
    counters.answered(101, true);
    info!("{address} open at {} as {id}", Escaped(path));
}
