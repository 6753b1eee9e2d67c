//! A whole connection: however its input is cut, the same events and the same output come of it;
//! the output breaks no rule; and memory follows what has arrived.
//!
//! Input: one byte of circumstances (role, limits, whether messages are sent back, whether the
//! transport takes anything before the end, permessage-deflate and its parameters), how many read
//! sizes, the sizes, and what arrives.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wigwag::protocol::deflate::{DeflateMode, DeflateOptions, DeflateParameters, DeflatePool};
use wigwag::protocol::{Closure, Connection, Limits, Role, State};
use wigwag::trace::script::Seen;

/// What became of an input.
#[derive(Debug, PartialEq)]
struct Outcome {
    events: Vec<Seen>,
    output: Vec<u8>,
    state: State,
    closure: Option<Closure>,
    due_in: Option<Duration>,
}

const SMALL_MESSAGE: usize = 40;

fn role(flags: u8) -> Role {
    if flags & 1 == 0 { Role::Server } else { Role::Client }
}

fn open(flags: u8, role: Role, limits: Limits, now: Instant) -> Connection {
    let mut connection = match role {
        Role::Server => Connection::server(Arc::new(limits), now),
        Role::Client => Connection::client(Arc::new(limits), now, Box::new(|| [9, 8, 7, 6])),
    };
    if flags & 16 != 0 {
        let agreed = DeflateParameters {
            server_no_context_takeover: flags & 32 != 0,
            client_no_context_takeover: flags & 64 != 0,
            ..DeflateParameters::default()
        };
        let options = DeflateOptions { mode: DeflateMode::Takeover, threshold: 8, max_ratio: 100 };
        connection.use_deflate(&agreed, &options, &Arc::new(DeflatePool::default()));
    }
    connection
}

fn converse(flags: u8, input: &[u8], sizes: &[u8], now: Instant) -> Outcome {
    let (echo, stalled) = (flags & 4 != 0, flags & 8 != 0);
    let mut limits = Limits::default();
    if flags & 2 != 0 {
        limits.max_message = SMALL_MESSAGE;
        limits.max_empty_fragments = 2;
        limits.outbox = 100;
    }
    let role = role(flags);
    // A message may inflate to the limit, however little has arrived; and then there is the state.
    let inflated = if flags & 16 != 0 { 2 * limits.max_message + 128 * 1024 } else { 0 };
    let mut connection = open(flags, role, limits, now);
    let (mut events, mut output) = (Vec::new(), Vec::new());
    let mut input = input.to_vec();
    let (mut rest, mut arrived) = (&mut input[..], 0);
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let size = sizes.next().map_or(rest.len(), |&size| usize::from(size).max(1));
        let size = size.min(rest.len());
        let (mut read, behind) = std::mem::take(&mut rest).split_at_mut(size);
        rest = behind;
        arrived += read.len();
        while let Some((event, outbox)) = connection.receive(now, &mut read) {
            let seen = Seen::from(event);
            let _ = match &seen {
                Seen::Text(text) if echo => outbox.text(text),
                Seen::Binary(payload) if echo => outbox.binary(payload),
                _ => Ok(()),
            };
            events.push(seen);
            if !stalled {
                output.extend_from_slice(connection.pending_output());
                connection.advance_output(usize::MAX);
            }
        }
        let waiting = connection.pending_output().len();
        assert!(connection.held() <= 2 * (arrived + waiting) + 64 + inflated);
    }
    let due_in = connection.next_timeout().map(|due| due - now);
    while !connection.pending_output().is_empty() {
        output.extend_from_slice(connection.pending_output());
        connection.advance_output(usize::MAX);
    }
    let (state, closure) = (connection.state(), connection.closure());
    if role == Role::Server {
        assert_eq!(connection.wants_shutdown(), closure.is_some());
    }
    Outcome { events, output, state, closure, due_in }
}

pub fn check(data: &[u8]) {
    let [flags, count, data @ ..] = data else {
        return;
    };
    let (sizes, input) = data.split_at(usize::from(count % 8).min(data.len()));
    let now = Instant::now();
    let whole = converse(*flags, input, &[], now);
    assert_eq!(converse(*flags, input, sizes, now), whole);
    assert_eq!(converse(*flags, input, &[1], now), whole);

    // What we sent is read by the other end, and nothing in it is wrong.
    let reader = if role(*flags) == Role::Server { Role::Client } else { Role::Server };
    let mut reader = open(*flags, reader, Limits::default(), now);
    let mut output = whole.output;
    let mut output = &mut output[..];
    while let Some((event, _)) = reader.receive(now, &mut output) {
        let seen = Seen::from(event);
        assert!(!matches!(seen, Seen::Violation(_)), "{seen:?}");
    }
}
