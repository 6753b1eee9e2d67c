//! What the real core says of what was sent: one [`Connection`] beside each end of the wire.
//!
//! Each is fed what its end receives, as it stood on the wire, and told when its end sends a Close
//! frame. So the event, the violation, the answer and the states that the dissector shows are not
//! a second opinion: they are those of the code that serves.

use std::sync::Arc;
use std::time::Instant;

use super::item::{Change, Fault, Hex, Side, Stage, Told};
use super::{Options, frame::lossy, source};
use crate::protocol::deflate::{DeflateOptions, DeflateParameters};
use crate::protocol::{Connection, Event, Violation};
use crate::trace::script::frame::EXAMPLE_KEY;

/// Both ends, and where they stand.
pub(super) struct Ends {
    client: End,
    server: End,
}

struct End {
    /// Once frames flow.
    connection: Option<Connection>,
    /// Until then.
    stage: Stage,
}

/// What the receiver's core said of the bytes of one item.
#[derive(Default)]
pub(super) struct Judged {
    pub(super) event: Option<Told>,
    pub(super) violation: Option<Violation>,
    pub(super) answer: Vec<u8>,
}

impl Ends {
    /// Both ends, before the handshake.
    pub(super) fn new() -> Self {
        let end = || End { connection: None, stage: Stage::Connecting };
        Self { client: end(), server: end() }
    }

    /// Frames flow from here on.
    pub(super) fn open(
        &mut self,
        options: &Options,
        deflate: Option<DeflateParameters>,
        now: Instant,
    ) {
        let limits = Arc::new(options.limits.clone());
        let client = Connection::client(Arc::clone(&limits), now, Box::new(|| EXAMPLE_KEY));
        let server = Connection::server(limits, now);
        for (end, mut connection) in [(&mut self.client, client), (&mut self.server, server)] {
            if let Some(agreed) = &deflate {
                let options = DeflateOptions::default();
                connection.use_deflate(agreed, &options, &Arc::default());
            }
            end.connection = Some(connection);
        }
    }

    /// There will be no WebSocket.
    pub(super) fn stay_http(&mut self) {
        for end in [&mut self.client, &mut self.server] {
            end.stage = Stage::Http;
        }
    }

    pub(super) fn stage(&self, side: Side) -> Stage {
        let end = match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        };
        end.connection.as_ref().map_or(end.stage, |connection| connection.state().into())
    }

    /// An end that stands still.
    pub(super) fn unchanged(&self, side: Side) -> Change {
        let stage = self.stage(side);
        Change { side, before: stage, after: stage }
    }

    /// `to` receives these bytes, none of which belongs to another frame.
    pub(super) fn receive(
        &mut self,
        to: Side,
        bytes: &[u8],
        clip: usize,
        now: Instant,
        judged: &mut Judged,
    ) {
        let Some(connection) = &mut self.end(to).connection else {
            return;
        };
        // The core unmasks in place.
        let mut copy = bytes.to_vec();
        let mut input = &mut copy[..];
        while let Some((event, _)) = connection.receive(now, &mut input) {
            if let Event::Violation(violation) = event {
                judged.violation = Some(violation);
            }
            judged.event = Some(told(event, clip));
        }
        let answer = connection.pending_output();
        let length = answer.len();
        judged.answer.extend_from_slice(answer);
        connection.advance_output(length);
    }

    /// `from` has sent a Close frame. If it is the answer to one, its core knows already.
    pub(super) fn has_sent_close(&mut self, from: Side, now: Instant) {
        let Some(connection) = &mut self.end(from).connection else {
            return;
        };
        // Refused if it has sent one before. What it says was seen on the wire and counts there.
        let _ = connection.outbox(now).close_without_code();
        let length = connection.pending_output().len();
        connection.advance_output(length);
    }

    fn end(&mut self, side: Side) -> &mut End {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}

fn told(event: Event<'_>, clip: usize) -> Told {
    let clipped = |bytes: &[u8]| Hex(bytes.get(..clip).unwrap_or(bytes).to_vec());
    match event {
        Event::Text(text) => {
            let shown = text.as_bytes().get(..clip).unwrap_or(text.as_bytes());
            Told::Text { length: text.len() as u64, text: lossy(shown) }
        }
        Event::Binary(bytes) => Told::Binary { length: bytes.len() as u64, bytes: clipped(bytes) },
        Event::Ping(bytes) => Told::Ping { bytes: Hex(bytes.to_vec()) },
        Event::Pong(bytes) => Told::Pong { bytes: Hex(bytes.to_vec()) },
        Event::Close(reason) => Told::Close {
            code: reason.map(|reason| reason.code.get()),
            name: reason.map(|reason| reason.code.name()),
            reason: reason.map(|reason| reason.reason.to_owned()).unwrap_or_default(),
        },
        Event::Violation(_) => Told::Violation,
    }
}

impl From<Violation> for Fault {
    fn from(violation: Violation) -> Self {
        let rule = violation.rule();
        Self {
            name: format!("Violation::{violation:?}"),
            close_code: Some(rule.code.get()),
            close_name: Some(rule.code.name()),
            status: None,
            section: format!("RFC {}, {}", rule.rfc, rule.section),
            sentence: rule.sentence.to_owned(),
            advice: None,
            source: source::kept_at(violation),
        }
    }
}
