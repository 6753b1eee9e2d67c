//! Who should receive what: a plain model, written from the description of the dialect and sharing
//! nothing with `src/signaling`.
//!
//! It learns from [`Observed`](crate::observed::Observed) in which order the server took messages,
//! which nobody outside can know, checks that each is what its sender sent, and writes down what
//! every client must be sent because of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use wigwag::apps::PeerId;
use wigwag::protocol::{Closure, EndedBy};

use crate::network::{SECOND, Time};
use crate::script::Say;

pub const ROOM_CAPACITY: usize = 3;
pub const ROOMS_PER_USER: usize = 2;
pub const PARTNERS_PER_USER: usize = 2;
pub const LOGIN_DEADLINE: Time = 2 * SECOND;
pub const PING_AFTER: Time = 2 * SECOND;
pub const PONG_WAIT: Time = SECOND;

/// One message that a client must be sent.
#[derive(Clone, Debug)]
pub enum Expected {
    Text(String),
    /// These fields and no others, but for an error's `message`; and, byte for byte, this payload.
    Object(Value, Option<String>),
}

impl Expected {
    pub fn is(&self, received: &str) -> bool {
        match self {
            Self::Text(text) => text == received,
            Self::Object(expected, payload) => {
                let Ok(mut value) = serde_json::from_str::<Value>(received) else {
                    return false;
                };
                if let Some(object) = value.as_object_mut().filter(|it| it.contains_key("code")) {
                    object.remove("message");
                }
                value == *expected && payload.as_ref().is_none_or(|raw| received.contains(raw))
            }
        }
    }
}

/// What a client sent, in order.
#[derive(Clone, Debug)]
pub enum Sent {
    Say(Say),
    Binary,
}

/// One client, as the model knows it.
#[derive(Default)]
pub struct Seen {
    pub path: &'static str,
    /// When the server last read a byte, as of the turn before.
    pub last_read: Time,
    pub sent: Vec<Sent>,
    /// How many of these the server has taken.
    pub taken: usize,
    pub expected: Vec<Expected>,
    pub opened: Option<Time>,
    pub closed: bool,
    pub timed_out: bool,
    pub throttled: bool,
    pub name: Option<&'static str>,
    pub partners: BTreeSet<usize>,
    pub rooms: Vec<&'static str>,
}

#[derive(Default)]
pub struct Model {
    pub now: Time,
    pub rate: Option<(u32, u32)>,
    pub peers: BTreeMap<PeerId, usize>,
    pub clients: Vec<Seen>,
    pub names: BTreeMap<&'static str, usize>,
    pub rooms: BTreeMap<&'static str, Vec<usize>>,
    /// What should not have happened.
    pub faults: Vec<String>,
    /// What the applications were called for, for the log.
    pub calls: Vec<(usize, String)>,
}

impl Model {
    pub fn fault(&mut self, client: usize, what: impl Into<String>) {
        self.faults.push(format!("client {client}: {}", what.into()));
    }

    fn client(&mut self, peer: PeerId) -> Option<usize> {
        let found = self.peers.get(&peer).copied();
        if found.is_none() {
            self.faults.push(format!("the application was called about {peer}, who is nobody"));
        }
        found
    }

    pub fn open(&mut self, peer: PeerId) {
        let Some(client) = self.client(peer) else { return };
        self.calls.push((client, "application: open".to_owned()));
        if self.clients[client].opened.replace(self.now).is_some() {
            self.fault(client, "opened twice");
        }
    }

    /// The next message of a client was taken. None: it is not to be looked at.
    fn take(&mut self, peer: PeerId, what: &str) -> Option<(usize, Sent)> {
        let client = self.client(peer)?;
        let seen = &mut self.clients[client];
        let sent = seen.sent.get(seen.taken).cloned();
        seen.taken += 1;
        let (taken, opened, closed) = (seen.taken as u64, seen.opened, seen.closed);
        self.calls.push((client, format!("application: {what}, number {taken}")));
        if closed || opened.is_none() {
            self.fault(client, "the application was called before its open or after its close");
        }
        if sent.is_none() {
            self.fault(client, "the server took more messages than were sent");
        }
        Some((client, sent?))
    }

    pub fn text(&mut self, peer: PeerId, text: &str) {
        let Some((client, sent)) = self.take(peer, "text") else { return };
        let Sent::Say(say) = sent else {
            return self.fault(client, "a text was taken where a binary message was sent");
        };
        if say.text() != text {
            let start: String = text.chars().take(80).collect();
            return self.fault(client, format!("what was taken is not what was sent: {start}"));
        }
        self.admit(client);
        match self.clients[client].path {
            "/signal" => self.perform(client, &say),
            "/echo" => self.expect(client, Expected::Text(say.text())),
            path => {
                for other in 0..self.clients.len() {
                    let seen = &self.clients[other];
                    let is_there = seen.opened.is_some() && !seen.closed && seen.path == path;
                    if is_there && (path == "/chat" || other != client) {
                        self.expect(other, Expected::Text(say.text()));
                    }
                }
            }
        }
    }

    /// However the messages came, no more than the rate allows may pass.
    fn admit(&mut self, client: usize) {
        let seen = &self.clients[client];
        if let (Some((per_second, burst)), Some(opened)) = (self.rate, seen.opened)
            && !seen.throttled
        {
            let allowed = u64::from(burst) + u64::from(per_second) * (self.now - opened) / SECOND;
            if seen.taken as u64 > allowed + 1 {
                self.fault(client, "more messages passed than the rate allows");
            }
        }
    }

    pub fn binary(&mut self, peer: PeerId) {
        if let Some((client, Sent::Say(_))) = self.take(peer, "binary") {
            self.fault(client, "a binary message was taken where a text was sent");
        }
    }

    pub fn throttled(&mut self, peer: PeerId) {
        let Some((client, _)) = self.take(peer, "throttled") else { return };
        self.clients[client].throttled = true;
        if self.clients[client].path == "/signal" {
            self.object(client, json!({"type": "error", "code": "rate-limited"}), None);
        }
    }

    pub fn timeout(&mut self, peer: PeerId) {
        let Some(client) = self.client(peer) else { return };
        self.calls.push((client, "application: timeout".to_owned()));
        let seen = &mut self.clients[client];
        seen.timed_out = true;
        let early = seen.opened.is_none_or(|opened| opened + LOGIN_DEADLINE > self.now);
        if early || seen.name.is_some() || seen.closed {
            self.fault(client, "a login deadline that is none");
        }
    }

    pub fn close(&mut self, peer: PeerId, closure: &Closure) {
        let Some(client) = self.client(peer) else { return };
        self.calls.push((client, format!("application: close, {:?}", closure.by)));
        let seen = &mut self.clients[client];
        let before = std::mem::replace(&mut seen.closed, true);
        let last_read = seen.last_read;
        if before || seen.opened.is_none() {
            self.fault(client, "the application was told twice that it is gone");
        }
        if closure.by == EndedBy::Silence && self.now < last_read + PING_AFTER + PONG_WAIT {
            self.fault(client, "taken for dead too early");
        }
        self.depart(client);
    }

    pub fn expect(&mut self, client: usize, expected: Expected) {
        self.clients[client].expected.push(expected);
    }

    pub fn object(&mut self, client: usize, value: Value, payload: Option<&str>) {
        self.expect(client, Expected::Object(value, payload.map(str::to_owned)));
    }
}
