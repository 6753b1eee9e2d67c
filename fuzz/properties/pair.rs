//! wigwag's client against wigwag's server: what one sends arrives at the other once and in order,
//! however the network cuts it; and both ends tell of the same end.
//!
//! Input: one byte of circumstances (permessage-deflate and its parameters, how much may wait),
//! then what is done, in two bytes each: who does what, and how much or how long. The payload of a
//! message is taken from the input behind.

use std::sync::Arc;
use std::time::Instant;

use wigwag::protocol::deflate::{DeflateMode, DeflateOptions, DeflateParameters};
use wigwag::protocol::{CloseCode, Closure, Connection, EndedBy, Limits, Role, State};
use wigwag::trace::script::Seen;

pub fn check(data: &[u8]) {
    let Some((&flags, mut data)) = data.split_first() else {
        return;
    };
    let now = Instant::now();
    let mut pair = Pair { ends: [End::open(flags, Role::Client), End::open(flags, Role::Server)] };
    while let [what, amount, rest @ ..] = data {
        data = rest;
        let by = usize::from(what & 1);
        let amount = usize::from(*amount);
        match (what >> 1) % 8 {
            0 | 1 => {
                let (payload, rest) = rest.split_at(amount.min(rest.len()));
                data = rest;
                pair.ends[by].text(&String::from_utf8_lossy(payload), now);
            }
            2 => {
                let (payload, rest) = rest.split_at(amount.min(rest.len()));
                data = rest;
                pair.ends[by].binary(payload, now);
            }
            // Long ones, out of a few bytes, and such as compress well.
            3 => pair.ends[by].binary(&[*what, 7, 9].repeat(amount * 16), now),
            4 => pair.ends[by].ping(&[*what; 125][..amount.min(125)], now),
            5 if amount < 64 => pair.ends[by].close(amount, now),
            _ => pair.carry(by, amount, now),
        }
    }
    let size = 1 + usize::from(flags >> 5) * 50;
    pair.deliver(size, now);
    let closed = pair.ends.iter().any(|end| end.closed.is_some());
    if !closed {
        pair.ends[usize::from(flags & 1)].close(0, now);
    }
    pair.deliver(size, now);
    pair.judge(now);
}

struct Pair {
    ends: [End; 2],
}

/// One end, and what is known of it from outside.
struct End {
    connection: Connection,
    role: Role,
    /// How many bytes of its output the network has taken.
    taken: usize,
    /// How many bytes have arrived here.
    arrived: usize,
    /// What it sent, and at which byte of its output that ended.
    sent: Vec<(usize, Seen)>,
    seen: Vec<Seen>,
    /// If it has begun the closing handshake: what had arrived then, and the code it gave.
    closed: Option<(usize, Option<CloseCode>)>,
}

impl End {
    fn open(flags: u8, role: Role) -> Self {
        let now = Instant::now();
        let outbox = if flags & 2 == 0 { 1 << 20 } else { 1000 };
        let limits = Arc::new(Limits { outbox, ..Limits::default() });
        let mut connection = match role {
            Role::Server => Connection::server(limits, now),
            Role::Client => Connection::client(limits, now, Box::new(|| [0xa5, 0, 0x3c, 0xff])),
        };
        if flags & 4 != 0 {
            let agreed = DeflateParameters {
                server_no_context_takeover: flags & 8 != 0,
                client_no_context_takeover: flags & 16 != 0,
                server_max_window_bits: 8 + flags % 8,
                client_max_window_bits: 15 - flags / 32,
            };
            let options =
                DeflateOptions { mode: DeflateMode::Takeover, threshold: 5, max_ratio: 2000 };
            connection.use_deflate(&agreed, &options, &Arc::default());
        }
        let (sent, seen) = (Vec::new(), Vec::new());
        Self { connection, role, taken: 0, arrived: 0, sent, seen, closed: None }
    }

    fn text(&mut self, text: &str, now: Instant) {
        if self.connection.outbox(now).text(text).is_ok() {
            self.note(Seen::Text(text.to_owned()));
        }
    }

    fn binary(&mut self, payload: &[u8], now: Instant) {
        if self.connection.outbox(now).binary(payload).is_ok() {
            self.note(Seen::Binary(payload.to_vec()));
        }
    }

    fn ping(&mut self, payload: &[u8], now: Instant) {
        if self.connection.outbox(now).ping(payload).is_ok() {
            self.note(Seen::Ping(payload.to_vec()));
        }
    }

    fn close(&mut self, which: usize, now: Instant) {
        let code = CloseCode::new(999 + which as u16);
        let outbox = self.connection.outbox(now);
        let reason = "ü".repeat(which);
        let closed = match code {
            Some(code) => outbox.close(code, &reason),
            None => outbox.close_without_code(),
        };
        if closed.is_err() {
            return;
        }
        self.closed = Some((self.arrived, code));
        let said = code.map(|code| (code, "ü".repeat(which.min(61))));
        self.note(Seen::Close(said));
    }

    fn note(&mut self, seen: Seen) {
        self.sent.push((self.taken + self.connection.pending_output().len(), seen));
    }
}

impl Pair {
    /// The network takes up to `count` bytes from one end to the other.
    fn carry(&mut self, by: usize, count: usize, now: Instant) {
        let [client, server] = &mut self.ends;
        let (from, to) = if by == 0 { (client, server) } else { (server, client) };
        let mut bytes = from.connection.pending_output().to_vec();
        bytes.truncate(count);
        from.connection.advance_output(bytes.len());
        from.taken += bytes.len();
        to.arrived += bytes.len();
        let mut input = &mut bytes[..];
        while let Some((event, _)) = to.connection.receive(now, &mut input) {
            to.seen.push(event.into());
        }
    }

    fn deliver(&mut self, size: usize, now: Instant) {
        while self.ends.iter().any(|end| !end.connection.pending_output().is_empty()) {
            self.carry(0, size, now);
            self.carry(1, size, now);
        }
    }

    fn judge(&mut self, now: Instant) {
        for (here, there) in [(0, 1), (1, 0)] {
            let [here, there] = [&self.ends[here], &self.ends[there]];
            // An end that has begun to close has no reader any more for what comes then, except for
            // the answer: RFC 6455, 1.4.
            let until = here.closed.map_or(usize::MAX, |(arrived, _)| arrived);
            let expected: Vec<&Seen> =
                there.sent.iter().filter(|(end, _)| *end <= until).map(|(_, seen)| seen).collect();
            let is_message = |seen: &&Seen| !matches!(seen, Seen::Pong(_) | Seen::Close(_));
            let wanted: Vec<&Seen> = expected.into_iter().filter(is_message).collect();
            assert_eq!(here.seen.iter().filter(is_message).collect::<Vec<_>>(), wanted);
            // 5.5.3: "If an endpoint receives a Ping frame and has not yet sent Pong frame(s) in
            // response to previous Ping frame(s), the endpoint MAY elect to send a Pong frame for
            // only the most recently processed Ping frame."
            let mut pings = here.sent.iter().filter_map(|(_, sent)| match sent {
                Seen::Ping(payload) => Some(payload),
                _ => None,
            });
            for seen in &here.seen {
                if let Seen::Pong(payload) = seen {
                    assert!(pings.any(|ping| ping == payload), "a pong for no ping");
                }
            }
            // The peer's Close frame comes once, and last.
            let closes = here.seen.iter().filter(|seen| matches!(seen, Seen::Close(_)));
            assert_eq!(closes.count(), 1);
            assert!(matches!(here.seen.last(), Some(Seen::Close(_))));
            // 5.5.1: an answer "typically echos the status code it received"; ours does, and the
            // reason too.
            let said = [there, here].into_iter().find_map(|end| {
                end.sent.iter().map(|(_, sent)| sent).find(|sent| matches!(sent, Seen::Close(_)))
            });
            assert_eq!(here.seen.last(), said);
        }
        for (here, there) in [(0, 1), (1, 0)] {
            let expected = match (self.ends[here].closed, self.ends[there].closed) {
                (Some((_, code)), _) => Closure { by: EndedBy::Local, code, clean: true },
                (None, Some((_, code))) => Closure { by: EndedBy::Peer, code, clean: true },
                (None, None) => unreachable!("one has closed"),
            };
            let end = &mut self.ends[here];
            assert_eq!(end.connection.closure(), Some(expected));
            assert_eq!(end.connection.state(), State::Closed);
            assert_eq!(end.connection.held(), 0);
            // 7.1.1: the server closes the transport first.
            assert_eq!(end.connection.wants_shutdown(), end.role == Role::Server);
            end.connection.receive_eof();
            end.connection.handle_timeout(now);
            assert!(end.connection.wants_shutdown());
            assert_eq!(end.connection.closure(), Some(expected));
        }
    }
}
