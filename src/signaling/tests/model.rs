//! Any sequence of requests, against a model so plain that it can be believed.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Board, Options};

const NAMES: [&str; 4] = ["alice", "bob", "zo\u{e9}", "__proto__"];
/// Another spelling of one of them, and no name.
const ODD_NAMES: [&str; 2] = ["zoe\u{301}", "\u{200b}"];
const ROOMS: [&str; 3] = ["foo", "alice", "toString"];
const PEERS: u32 = 5;
const LIMIT: usize = 2;

#[derive(Clone, Copy, Debug)]
enum Step {
    Login(&'static str),
    Signal(&'static str, &'static str),
    Leave(Option<&'static str>),
    Join(&'static str),
    LeaveRoom(&'static str),
    Message(&'static str, Option<&'static str>),
    Bye(&'static str),
    Garbage(&'static str),
    Close,
}

/// Weighted so that most peers are logged in most of the time, and every limit is met often.
fn step() -> impl Strategy<Value = Step> {
    let name = || {
        prop_oneof![
            12 => prop::sample::select(&NAMES[..]),
            1 => prop::sample::select(&ODD_NAMES[..]),
        ]
    };
    let room = || prop::sample::select(&ROOMS[..]);
    let word = prop::sample::select(&["offer", "answer", "candidate"][..]);
    let garbage = prop::sample::select(&["", "null", "[]", "{}", "{\"type\":\"x\"}"][..]);
    prop_oneof![
        8 => name().prop_map(Step::Login),
        30 => (word, name()).prop_map(|(word, name)| Step::Signal(word, name)),
        5 => prop::option::weighted(0.8, name()).prop_map(Step::Leave),
        16 => room().prop_map(Step::Join),
        6 => room().prop_map(Step::LeaveRoom),
        12 => (room(), prop::option::of(name())).prop_map(|(room, to)| Step::Message(room, to)),
        4 => room().prop_map(Step::Bye),
        2 => garbage.prop_map(Step::Garbage),
        1 => Just(Step::Close),
    ]
}

/// What somebody hears: to whom, the type or the error's code, the name, the room.
type Heard = (u32, String, String, String);

fn heard(to: u32, what: &str, name: &str, room: &str) -> Heard {
    (to, what.to_owned(), name.to_owned(), room.to_owned())
}

#[derive(Default)]
struct Model {
    names: BTreeMap<u32, String>,
    pairs: BTreeSet<(u32, u32)>,
    rooms: BTreeMap<&'static str, Vec<u32>>,
}

impl Model {
    fn owner(&self, name: &str) -> Option<u32> {
        let mut owners = self.names.iter().filter(|(_, owned)| *owned == name);
        let owner = owners.next().map(|(peer, _)| *peer);
        assert_eq!(owners.next(), None, "{name} has two owners");
        owner
    }

    fn partners(&self, peer: u32) -> Vec<u32> {
        let of = |(a, b): &(u32, u32)| match (*a == peer, *b == peer) {
            (true, _) => Some(*b),
            (_, true) => Some(*a),
            _ => None,
        };
        self.pairs.iter().filter_map(of).collect()
    }

    fn members(&self, room: &str) -> Vec<u32> {
        self.rooms.get(room).cloned().unwrap_or_default()
    }

    fn depart(&mut self, peer: u32) -> Vec<Heard> {
        let Some(name) = self.names.remove(&peer) else {
            return Vec::new();
        };
        let mut all: Vec<Heard> = Vec::new();
        for partner in self.partners(peer) {
            all.push(heard(partner, "leave", &name, ""));
        }
        self.pairs.retain(|(a, b)| *a != peer && *b != peer);
        for (room, members) in &mut self.rooms {
            if members.contains(&peer) {
                members.retain(|member| *member != peer);
                all.extend(members.iter().map(|to| heard(*to, "leave-room", &name, room)));
            }
        }
        all
    }

    /// What a step of a peer leads to.
    fn take(&mut self, peer: u32, step: Step) -> Vec<Heard> {
        match step {
            Step::Close => return self.depart(peer),
            Step::Login(name) => return self.login(peer, name),
            Step::Garbage("") => return vec![heard(peer, "invalid-json", "", "")],
            Step::Garbage("{\"type\":\"x\"}") => {
                return vec![heard(peer, "unrecognized-command", "", "")];
            }
            Step::Garbage(_) => return vec![heard(peer, "invalid-message", "", "")],
            _ => {}
        }
        let target = match step {
            Step::Signal(_, name) | Step::Leave(Some(name)) | Step::Message(_, Some(name)) => {
                Some(normal(name))
            }
            _ => None,
        };
        if let Some("\u{200b}") = target {
            return vec![heard(peer, "invalid-name", "\u{200b}", "")];
        }
        let Some(own) = self.names.get(&peer).cloned() else {
            return vec![heard(peer, "not-logged-in", "", "")];
        };
        match step {
            Step::Signal(..) | Step::Leave(_) => self.call(peer, &own, step, target),
            Step::Join(room) => self.join(peer, &own, room),
            Step::LeaveRoom(room) | Step::Message(room, _) | Step::Bye(room) => {
                self.in_room(peer, &own, step, room, target)
            }
            _ => unreachable!(),
        }
    }

    fn login(&mut self, peer: u32, name: &str) -> Vec<Heard> {
        let name = normal(name);
        if name == "\u{200b}" {
            return vec![heard(peer, "invalid-name", name, "")];
        }
        let mut all = Vec::new();
        match self.owner(name) {
            Some(owner) if owner != peer => return vec![heard(peer, "name-taken", name, "")],
            Some(_) => {}
            None => {
                all = self.depart(peer);
                self.names.insert(peer, name.to_owned());
            }
        }
        all.push(heard(peer, "login", name, ""));
        all
    }

    fn call(&mut self, peer: u32, own: &str, step: Step, target: Option<&str>) -> Vec<Heard> {
        let Some(target) = target else {
            let partners = self.partners(peer);
            self.pairs.retain(|(a, b)| *a != peer && *b != peer);
            return partners.iter().map(|to| heard(*to, "leave", own, "")).collect();
        };
        let other = match self.owner(target) {
            None => return vec![heard(peer, "user-not-found", target, "")],
            Some(other) if other == peer => return vec![heard(peer, "to-yourself", target, "")],
            Some(other) => other,
        };
        let pair = (peer.min(other), peer.max(other));
        match step {
            Step::Signal(word, _) => {
                if word != "candidate" && !self.pairs.contains(&pair) {
                    if [peer, other].iter().any(|one| self.partners(*one).len() >= LIMIT) {
                        return vec![heard(peer, "too-many-partners", target, "")];
                    }
                    self.pairs.insert(pair);
                }
                vec![heard(other, word, own, "")]
            }
            _ if self.pairs.remove(&pair) => vec![heard(other, "leave", own, "")],
            _ => vec![heard(peer, "not-in-call", target, "")],
        }
    }

    fn join(&mut self, peer: u32, own: &str, room: &'static str) -> Vec<Heard> {
        let members = self.members(room);
        if members.contains(&peer) {
            return vec![heard(peer, "joined", own, room)];
        }
        let entered = self.rooms.values().filter(|members| members.contains(&peer));
        if entered.count() >= LIMIT {
            return vec![heard(peer, "too-many-rooms", "", room)];
        }
        if members.len() >= LIMIT {
            return vec![heard(peer, "room-full", "", room)];
        }
        self.rooms.entry(room).or_default().push(peer);
        let answer = if members.is_empty() { "created" } else { "joined" };
        let mut all = vec![heard(peer, answer, own, room)];
        all.extend(members.iter().map(|to| heard(*to, "join", own, room)));
        all
    }

    fn in_room(
        &mut self,
        peer: u32,
        own: &str,
        step: Step,
        room: &'static str,
        target: Option<&str>,
    ) -> Vec<Heard> {
        let members = self.members(room);
        if !members.contains(&peer) {
            return vec![heard(peer, "not-in-room", "", room)];
        }
        let others = members.iter().filter(|member| **member != peer);
        let what = match step {
            Step::LeaveRoom(_) => {
                self.rooms.entry(room).or_default().retain(|member| *member != peer);
                "leave-room"
            }
            Step::Bye(_) => "bye",
            _ => "message",
        };
        let Some(target) = target else {
            return others.map(|to| heard(*to, what, own, room)).collect();
        };
        match self.owner(target) {
            Some(other) if other == peer => vec![heard(peer, "to-yourself", target, room)],
            Some(other) if members.contains(&other) => vec![heard(other, what, own, room)],
            _ => vec![heard(peer, "user-not-found", target, room)],
        }
    }
}

fn normal(name: &str) -> &str {
    if name == "zoe\u{301}" { "zo\u{e9}" } else { name }
}

fn request(step: Step) -> String {
    match step {
        Step::Login(name) => json!({"type": "login", "name": name}),
        Step::Signal(word, name) => json!({"type": word, word: {}, "name": name}),
        Step::Leave(Some(name)) => json!({"type": "leave", "name": name}),
        Step::Leave(None) => json!({"type": "leave"}),
        Step::Join(room) => json!({"type": "join", "room": room}),
        Step::LeaveRoom(room) => json!({"type": "leave-room", "room": room}),
        Step::Message(room, None) => json!({"type": "message", "room": room, "message": 1}),
        Step::Message(room, Some(name)) => {
            json!({"type": "message", "room": room, "message": 1, "name": name})
        }
        Step::Bye(room) => json!({"type": "bye", "room": room}),
        Step::Garbage(text) => return text.to_owned(),
        Step::Close => unreachable!(),
    }
    .to_string()
}

fn read(line: &str) -> Option<Heard> {
    let (to, message) = line.split_once(' ').unwrap();
    if message.starts_with("timeout") {
        return None;
    }
    let message: Value = serde_json::from_str(message).unwrap();
    let text = |field| message.get(field).and_then(Value::as_str).unwrap_or_default();
    let what = [text("code"), text("type")].into_iter().find(|what| !what.is_empty());
    Some(heard(to.parse().unwrap(), what.unwrap(), text("name"), text("room")))
}

proptest! {
    #[test]
    fn any_requests_in_any_order_do_what_the_model_says(
        steps in prop::collection::vec((1..=PEERS, step()), 0..120)
    ) {
        let mut model = Model::default();
        let mut board = Board::with(Options {
            room_capacity: NonZeroUsize::new(LIMIT).unwrap(),
            rooms_per_user: LIMIT,
            partners_per_user: LIMIT,
            ..Options::default()
        });
        let begin = (1..).zip(NAMES).map(|(peer, name)| (peer, Step::Login(name)));
        let end = (1..=PEERS).map(|peer| (peer, Step::Close));
        for (peer, step) in begin.chain(steps).chain(end) {
            let done = match step {
                Step::Close => board.close(peer),
                _ => board.say(peer, &request(step)),
            };
            let mut done: Vec<Heard> = done.iter().filter_map(|line| read(line)).collect();
            let mut expected = model.take(peer, step);
            done.sort();
            expected.sort();
            prop_assert_eq!(done, expected, "{} {:?}", peer, step);
        }
        board.assert_empty();
    }

    #[test]
    fn any_text_gets_an_answer_to_its_sender_only(
        text in "[\\[\\]{}:,\"\\\\a-z0-9 \u{0}-\u{10ffff}]{0,60}"
    ) {
        let mut board = Board::with_users(&["alice", "bob"]);
        board.offer(1, "bob");
        for peer in [1, 3] {
            let done = board.say(peer, &text);
            prop_assert_eq!(done.len(), 1);
            prop_assert!(done[0].starts_with(&format!("{peer} ")), "{:?}", done);
        }
    }
}
