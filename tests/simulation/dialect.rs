//! The dialect, as the model has it: what each request changes, and who hears of it.

use serde_json::{Value, json};

use crate::model::{Expected, Model, PARTNERS_PER_USER, ROOM_CAPACITY, ROOMS_PER_USER};
use crate::script::Say;

impl Model {
    pub fn depart(&mut self, client: usize) {
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
    pub fn perform(&mut self, client: usize, say: &Say) {
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
