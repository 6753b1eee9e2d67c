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

    fn expect(&mut self, client: usize, expected: Expected) {
        self.clients[client].expected.push(expected);
    }

    fn object(&mut self, client: usize, value: Value, payload: Option<&str>) {
        self.expect(client, Expected::Object(value, payload.map(str::to_owned)));
    }

    fn depart(&mut self, client: usize) {
        let seen = &mut self.clients[client];
        let Some(name) = seen.name.take() else { return };
        let partners = std::mem::take(&mut seen.partners);
        let rooms = std::mem::take(&mut seen.rooms);
        self.names.remove(name);
        for partner in partners {
            self.clients[partner].partners.remove(&client);
            self.object(partner, json!({"type": "leave", "name": name}), None);
        }
        for room in rooms {
            self.out_of(client, room, name);
        }
    }

    /// Takes a client out of a room, and tells those who are left.
    fn out_of(&mut self, client: usize, room: &'static str, name: &str) {
        let members = self.rooms.get_mut(room).into_iter();
        members.for_each(|members| members.retain(|&member| member != client));
        self.tell_room(
            client,
            room,
            json!({"type": "leave-room", "room": room, "name": name}),
            None,
        );
        if self.rooms.get(room).is_some_and(Vec::is_empty) {
            self.rooms.remove(room);
        }
    }

    fn tell_room(&mut self, from: usize, room: &str, value: Value, payload: Option<&str>) {
        for member in self.rooms.get(room).cloned().unwrap_or_default() {
            if member != from {
                self.object(member, value.clone(), payload);
            }
        }
    }

    /// An error: its code, its request, and the other fields.
    fn error(&mut self, client: usize, code: &str, request: &str, fields: &[(&str, &str)]) {
        let kind = if code == "room-full" { "full" } else { "error" };
        let mut value = json!({"type": kind, "code": code, "request": request});
        for (field, content) in fields {
            value[*field] = json!(content);
        }
        if request.ends_with("join") {
            value["id"] = json!(7);
        }
        self.object(client, value, None);
    }

    /// The dialect.
    fn perform(&mut self, client: usize, say: &Say) {
        match say {
            Say::Heartbeat => return self.expect(client, Expected::Text("pong".to_owned())),
            Say::Unknown => return self.error(client, "unrecognized-command", "dance", &[]),
            Say::NoJson | Say::Plain(_) => {
                return self.object(client, json!({"type": "error", "code": "invalid-json"}), None);
            }
            Say::Login(name) => return self.login(client, name),
            _ => {}
        }
        let word = match say {
            Say::Signal(word, ..) | Say::Join(word, _) => word,
            Say::Leave(_) => "leave",
            Say::LeaveRoom(_) => "leave-room",
            Say::Message(..) => "message",
            _ => "bye",
        };
        let Some(name) = self.clients[client].name else {
            return self.error(client, "not-logged-in", word, &[]);
        };
        match say {
            Say::Signal(word, payload, to) => self.signal(client, name, word, payload, to),
            Say::Leave(to) => self.leave(client, name, *to),
            Say::Join(word, room) => self.join(client, name, word, room),
            Say::LeaveRoom(room) | Say::Message(room, ..) | Say::Bye(room)
                if !self.clients[client].rooms.contains(room) =>
            {
                self.error(client, "not-in-room", word, &[("room", room)]);
            }
            Say::LeaveRoom(room) => {
                self.clients[client].rooms.retain(|it| it != room);
                self.out_of(client, room, name);
            }
            Say::Bye(room) => {
                self.tell_room(
                    client,
                    room,
                    json!({"type": "bye", "room": room, "name": name}),
                    None,
                );
            }
            Say::Message(room, to, payload) => self.message(client, name, room, *to, payload),
            _ => {}
        }
    }

    fn login(&mut self, client: usize, name: &'static str) {
        match self.names.get(name) {
            Some(&owner) if owner != client => {
                let refused = json!({"type": "login", "success": false, "code": "name-taken",
                    "name": name});
                return self.object(client, refused, None);
            }
            Some(_) => {}
            None => {
                self.depart(client);
                self.names.insert(name, client);
                self.clients[client].name = Some(name);
            }
        }
        self.object(client, json!({"type": "login", "success": true, "name": name}), None);
    }

    /// Who has a name; without: the error.
    fn other(&mut self, client: usize, to: &str, word: &str, room: Option<&str>) -> Option<usize> {
        let target = self.names.get(to).copied();
        let here = |it: usize| room.is_none_or(|room| self.rooms[room].contains(&it));
        let code = match target {
            Some(target) if target == client => "to-yourself",
            Some(target) if here(target) => return Some(target),
            _ => "user-not-found",
        };
        let fields: Vec<_> =
            [("name", to)].into_iter().chain(room.map(|it| ("room", it))).collect();
        self.error(client, code, word, &fields);
        None
    }

    fn signal(&mut self, client: usize, name: &str, word: &str, payload: &str, to: &str) {
        let Some(target) = self.other(client, to, word, None) else { return };
        if word != "candidate" && !self.clients[client].partners.contains(&target) {
            let crowded = |it: usize| self.clients[it].partners.len() >= PARTNERS_PER_USER;
            if crowded(client) || crowded(target) {
                return self.error(client, "too-many-partners", word, &[("name", to)]);
            }
            self.clients[client].partners.insert(target);
            self.clients[target].partners.insert(client);
        }
        let content: Value = serde_json::from_str(payload).expect("a payload is JSON");
        self.object(target, json!({"type": word, word: content, "name": name}), Some(payload));
    }

    fn leave(&mut self, client: usize, name: &str, to: Option<&str>) {
        let partners: Vec<usize> = match to {
            None => self.clients[client].partners.iter().copied().collect(),
            Some(to) => {
                let Some(target) = self.other(client, to, "leave", None) else { return };
                if !self.clients[client].partners.contains(&target) {
                    return self.error(client, "not-in-call", "leave", &[("name", to)]);
                }
                vec![target]
            }
        };
        for partner in partners {
            self.clients[client].partners.remove(&partner);
            self.clients[partner].partners.remove(&client);
            self.object(partner, json!({"type": "leave", "name": name}), None);
        }
    }

    fn join(&mut self, client: usize, name: &str, word: &str, room: &'static str) {
        let again = self.clients[client].rooms.contains(&room);
        let members = self.rooms.get(room).cloned().unwrap_or_default();
        if !again && self.clients[client].rooms.len() >= ROOMS_PER_USER {
            return self.error(client, "too-many-rooms", word, &[("room", room)]);
        }
        if !again && members.len() >= ROOM_CAPACITY {
            return self.error(client, "room-full", word, &[("room", room)]);
        }
        if !again {
            self.clients[client].rooms.push(room);
            self.rooms.entry(room).or_default().push(client);
        }
        if members.is_empty() {
            let created = json!({"type": "created", "room": room, "name": name, "id": 7});
            return self.object(client, created, None);
        }
        let others = members.iter().filter(|&&member| member != client);
        let peers: Vec<_> = others.map(|&member| self.clients[member].name).collect();
        let mut joined =
            json!({"type": "joined", "room": room, "name": name, "peers": peers, "id": 7});
        // Of each two, the later is the polite one.
        let all = &self.rooms[room];
        if all.len() > 1 && all.last() == Some(&client) {
            joined["polite"] = json!(true);
        } else if all.len() > 1 && all.first() == Some(&client) {
            joined["polite"] = json!(false);
        }
        self.object(client, joined, None);
        if !again {
            let join = json!({"type": "join", "room": room, "name": name, "polite": false});
            self.tell_room(client, room, join, None);
        }
    }

    fn message(&mut self, client: usize, name: &str, room: &str, to: Option<&str>, payload: &str) {
        let content: Value = serde_json::from_str(payload).expect("a payload is JSON");
        let value = json!({"type": "message", "message": content, "room": room, "name": name});
        match to {
            None => self.tell_room(client, room, value, Some(payload)),
            Some(to) => {
                if let Some(target) = self.other(client, to, "message", Some(room)) {
                    self.object(target, value, Some(payload));
                }
            }
        }
    }
}
