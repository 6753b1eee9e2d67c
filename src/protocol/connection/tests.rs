//! The connection, state by state. What a whole conversation looks like is told by the wire
//! scripts in `tests/scripts/`; here are the corners.

mod closing;
mod control;
mod deflate;
mod limits;
mod memory;
mod messages;
mod timeouts;
mod violations;

use std::time::Duration;

use super::*;
use crate::protocol::deflate::RSV1;
use crate::protocol::frame::FrameHeader;
use crate::protocol::masking::{MaskingKey, apply_mask};

/// The masking key of the examples in RFC 6455, 5.7.
const KEY: MaskingKey = [0x37, 0xfa, 0x21, 0x3d];

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
/// The first fragment of a text message.
const TEXT_BEGINS: u8 = 0x01;
/// The first fragment of a binary message.
const BINARY_BEGINS: u8 = 0x02;
const CONTINUES: u8 = 0x00;
const ENDS: u8 = 0x80;

/// An [`Event`] that can be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
    Violation(Violation),
}

impl From<Event<'_>> for Seen {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Text(text) => Self::Text(text.to_owned()),
            Event::Binary(payload) => Self::Binary(payload.to_vec()),
            Event::Ping(payload) => Self::Ping(payload.to_vec()),
            Event::Pong(payload) => Self::Pong(payload.to_vec()),
            Event::Close(reason) => {
                Self::Close(reason.map(|r| (r.code.get(), r.reason.to_owned())))
            }
            Event::Violation(violation) => Self::Violation(violation),
        }
    }
}

fn text(text: &str) -> Seen {
    Seen::Text(text.to_owned())
}

/// A connection and the time as it has it.
struct Wire {
    connection: Connection,
    now: Instant,
}

impl Wire {
    fn server() -> Self {
        Self::server_with(Limits::default())
    }

    fn server_with(limits: Limits) -> Self {
        let now = Instant::now();
        let connection = Connection::server(Arc::new(limits), now);
        Self { connection, now }
    }

    fn client() -> Self {
        let now = Instant::now();
        let keys = Box::new(|| KEY);
        let connection = Connection::client(Arc::new(Limits::default()), now, keys);
        Self { connection, now }
    }

    /// One read: what was seen in it.
    fn read(&mut self, bytes: &[u8]) -> Vec<Seen> {
        let mut bytes = bytes.to_vec();
        let mut input = &mut bytes[..];
        let mut seen = Vec::new();
        while let Some((event, _)) = self.connection.receive(self.now, &mut input) {
            seen.push(event.into());
        }
        assert!(input.is_empty(), "None says that all input is used");
        seen
    }

    /// One read for each byte.
    fn drip(&mut self, bytes: &[u8]) -> Vec<Seen> {
        bytes.chunks(1).flat_map(|byte| self.read(byte)).collect()
    }

    /// What was to be sent; the transport takes it all.
    fn sent(&mut self) -> Vec<u8> {
        let sent = self.connection.pending_output().to_vec();
        self.connection.advance_output(sent.len());
        sent
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.connection.handle_timeout(self.now);
    }

    /// How long until the next timeout.
    fn due_in(&self) -> Option<Duration> {
        let due = self.connection.next_timeout();
        due.map(|due| due.saturating_duration_since(self.now))
    }

    fn close(&mut self, code: CloseCode, reason: &str) {
        let outbox = self.connection.outbox(self.now);
        outbox.close(code, reason).unwrap();
    }

    fn state(&self) -> State {
        self.connection.state()
    }

    /// Who ended it, with which code, and whether cleanly.
    fn ended(&self) -> Option<(EndedBy, Option<u16>, bool)> {
        let closure = self.connection.closure()?;
        Some((closure.by, closure.code.map(CloseCode::get), closure.clean))
    }
}

/// A frame as a client sends it.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    frame(first, payload, Some(KEY))
}

/// A frame as a server sends it.
fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    frame(first, payload, None)
}

/// Written down from the RFC's picture and not with our own encoder: the tests are to judge that.
fn frame(first: u8, payload: &[u8], key: Option<MaskingKey>) -> Vec<u8> {
    let mask = if key.is_some() { 0x80 } else { 0 };
    let length = payload.len() as u64;
    let mut bytes = vec![first];
    match length {
        0..126 => bytes.push(mask | length as u8),
        126..65536 => {
            bytes.push(mask | 126);
            bytes.extend(&length.to_be_bytes()[6..]);
        }
        _ => {
            bytes.push(mask | 127);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes.extend(key.iter().flatten());
    let key = key.unwrap_or_default().into_iter().cycle();
    bytes.extend(payload.iter().zip(key).map(|(byte, key)| byte ^ key));
    bytes
}

/// The payload of a Close frame.
fn close_body(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes()[..], reason.as_bytes()].concat()
}
