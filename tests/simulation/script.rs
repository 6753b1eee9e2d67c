//! What clients do: chosen from the seed before anything happens.

use crate::network::{MILLISECOND, SECOND, Time, Weather};
use crate::random::Random;

/// The names that clients fight over, and the rooms that they meet in.
const NAMES: [&str; 6] = ["alice", "bob", "carol", "dave", "é✓", "constructor"];
const ROOMS: [&str; 3] = ["foo", "bar", "__proto__"];

/// A request in the dialect, or something that is none.
#[derive(Clone, Debug)]
pub enum Say {
    Login(&'static str),
    /// `offer`, `answer` or `candidate`; the payload; to whom.
    Signal(&'static str, String, &'static str),
    Leave(Option<&'static str>),
    /// The word (`join` or `create or join`) and the room.
    Join(&'static str, &'static str),
    LeaveRoom(&'static str),
    Message(&'static str, Option<&'static str>, String),
    Bye(&'static str),
    Heartbeat,
    Unknown,
    NoJson,
    /// What is said where there is no dialect.
    Plain(String),
}

impl Say {
    /// The text of the message.
    pub fn text(&self) -> String {
        match self {
            Self::Login(name) => format!(r#"{{"type":"login","name":"{name}"}}"#),
            Self::Signal(word, payload, to) => {
                format!(r#"{{"name":"{to}", "type" : "{word}","{word}":{payload}}}"#)
            }
            Self::Leave(None) => r#"{"type":"leave"}"#.to_owned(),
            Self::Leave(Some(to)) => format!(r#"{{"type":"leave","name":"{to}"}}"#),
            Self::Join(word, room) => format!(r#"{{"type":"{word}","room":"{room}","id":7}}"#),
            Self::LeaveRoom(room) => format!(r#"{{"type":"leave-room","room":"{room}"}}"#),
            Self::Message(room, None, payload) => {
                format!(r#"{{"type":"message","room":"{room}","message":{payload}}}"#)
            }
            Self::Message(room, Some(to), payload) => {
                format!(r#"{{"type":"message","room":"{room}","name":"{to}","message":{payload}}}"#)
            }
            Self::Bye(room) => format!(r#"{{"type":"bye","room":"{room}"}}"#),
            Self::Heartbeat => "ping".to_owned(),
            Self::Unknown => r#"{"type":"dance"}"#.to_owned(),
            Self::NoJson => r#"{"type":"login","name":"#.to_owned(),
            Self::Plain(text) => text.clone(),
        }
    }
}

/// How a client breaks the protocol, and the code that RFC 6455 has for that.
#[derive(Clone, Copy, Debug)]
pub enum Break {
    ReservedBits,
    ReservedOpcode,
    Unmasked,
    NoUtf8,
    TooLong,
    LongPing,
    LoneContinuation,
    CloseOfOneByte,
    CloseCode1005,
}

pub const BREAKS: [Break; 9] = [
    Break::ReservedBits,
    Break::ReservedOpcode,
    Break::Unmasked,
    Break::NoUtf8,
    Break::TooLong,
    Break::LongPing,
    Break::LoneContinuation,
    Break::CloseOfOneByte,
    Break::CloseCode1005,
];

#[derive(Clone, Debug)]
pub enum Act {
    Say(Say),
    /// The same in fragments, with pings between them.
    Fragments(Say),
    Flood(u64),
    Binary,
    Ping,
    Break(Break),
    Close,
    HalfClose,
    Reset,
    Vanish,
    /// Sends the beginning of a frame, then nothing.
    MidFrame,
    /// The same, and is never heard of again.
    VanishMidFrame,
    /// Reads nothing for so long, or for ever.
    Stall(Option<Time>),
}

/// How a client begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    WebSocket,
    /// The head comes in pieces, slowly.
    Slow,
    /// The head never ends.
    Unfinished,
    /// `GET /healthz`.
    Http,
    /// A WebSocket where none is.
    WrongPath,
    Silence,
}

/// One connection of a client, from its beginning to its end.
#[derive(Clone, Debug)]
pub struct Plan {
    pub start: Time,
    pub home: usize,
    pub path: &'static str,
    pub opening: Opening,
    pub deflate: bool,
    pub weather: Weather,
    /// What it does, each with the pause before it.
    pub acts: Vec<(Time, Act)>,
}

/// A server, and the clients that come to it.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub loops: u16,
    pub latency: Time,
    /// How often a loop's turn is late by much, in percent.
    pub late_turns: u64,
    pub budget: usize,
    pub connections: usize,
    pub outbox: usize,
    pub high_water: usize,
    pub read_per_turn: usize,
    /// Messages each second, and at once.
    pub rate: Option<(u32, u32)>,
    /// The server is asked to stop at this time, whoever is in the middle of something.
    pub drain_at: Option<Time>,
    pub plans: Vec<Plan>,
}

impl Scenario {
    pub fn new(random: &mut Random) -> Self {
        let loops = *random.pick(&[1, 1, 2, 3]);
        let clients = random.within(2, 14);
        let tame = random.percent(30);
        let plans = (0..clients).map(|_| plan(random, loops, tame)).collect();
        Self {
            loops,
            latency: *random.pick(&[20, 500, 5 * MILLISECOND]),
            late_turns: *random.pick(&[0, 0, 2]),
            budget: *random.pick(&[1 << 26, 1 << 26, 24 * 1024, 64 * 1024]),
            connections: *random.pick(&[1000, 1000, 1000, 5]),
            outbox: *random.pick(&[256 * 1024, 16 * 1024, 4 * 1024]),
            high_water: *random.pick(&[64 * 1024, 8 * 1024, 1024]),
            read_per_turn: *random.pick(&[64 * 1024, 4096, 100]),
            rate: *random.pick(&[None, None, Some((50, 40)), Some((10, 8))]),
            drain_at: random.percent(20).then(|| random.within(SECOND, 8 * SECOND)),
            plans,
        }
    }
}

fn plan(random: &mut Random, loops: u16, tame: bool) -> Plan {
    let path = *random.pick(&["/signal", "/signal", "/signal", "/signal", "/chat", "/broadcast"]);
    let path = if random.percent(7) { "/echo" } else { path };
    let opening = match random.below(100) {
        _ if tame => Opening::WebSocket,
        0..=83 => Opening::WebSocket,
        84..=87 => Opening::Slow,
        88..=90 => Opening::Unfinished,
        91..=94 => Opening::Http,
        95..=97 => Opening::WrongPath,
        _ => Opening::Silence,
    };
    let weather = Weather {
        delay: *random.pick(&[100, 2 * MILLISECOND, 20 * MILLISECOND, 80 * MILLISECOND]),
        segment: *random.pick(&[1, 7, 200, 1500, 65536]),
        room: *random.pick(&[256, 4096, 65536]),
        short_writes: *random.pick(&[0, 10, 60]),
        interrupts: *random.pick(&[0, 0, 10]),
    };
    Plan {
        start: random.below(6 * SECOND),
        home: random.below(u64::from(loops)) as usize,
        path,
        opening,
        deflate: random.percent(40),
        weather,
        acts: acts(random, path, tame),
    }
}

fn acts(random: &mut Random, path: &str, tame: bool) -> Vec<(Time, Act)> {
    let mut acts = Vec::new();
    let pause = *random.pick(&[300 * MILLISECOND, 30 * MILLISECOND, MILLISECOND]);
    if path == "/signal" && random.percent(92) {
        let name = *random.pick(&NAMES);
        acts.push((random.below(pause), Act::Say(Say::Login(name))));
    }
    for _ in 0..random.within(0, 24) {
        let say = if path == "/signal" { request(random) } else { Say::Plain(text(random)) };
        let act = match random.below(100) {
            0..=81 => Act::Say(say),
            82..=89 => Act::Fragments(say),
            90..=93 => Act::Ping,
            _ if tame => Act::Ping,
            94 => Act::Flood(random.within(20, 150)),
            95..=96 => {
                let until = random.within(100 * MILLISECOND, 600 * MILLISECOND);
                acts.push((random.below(pause), Act::Stall(Some(until))));
                Act::Say(say)
            }
            97 => Act::Stall(None),
            _ => Act::Say(say),
        };
        acts.push((random.below(pause), act));
    }
    let last = match random.below(100) {
        0..=29 => None, // stays
        30..=54 => Some(Act::Close),
        _ if tame => Some(Act::Close),
        55..=61 => Some(Act::HalfClose),
        62..=70 => Some(Act::Reset),
        71..=79 => Some(Act::Vanish),
        80..=82 => Some(Act::MidFrame),
        83..=85 => Some(Act::VanishMidFrame),
        86..=88 if path == "/signal" => Some(Act::Binary),
        _ => Some(Act::Break(*random.pick(&BREAKS))),
    };
    acts.extend(last.map(|act| (random.below(pause), act)));
    acts
}

fn request(random: &mut Random) -> Say {
    let name = *random.pick(&NAMES);
    let room = *random.pick(&ROOMS);
    match random.below(100) {
        0..=19 => Say::Signal("offer", payload(random), name),
        20..=34 => Say::Signal("answer", payload(random), name),
        35..=54 => Say::Signal("candidate", payload(random), name),
        55..=61 => Say::Leave((!random.percent(25)).then_some(name)),
        62..=71 => Say::Join(if random.percent(50) { "join" } else { "create or join" }, room),
        72..=75 => Say::LeaveRoom(room),
        76..=88 => Say::Message(room, random.percent(40).then_some(name), payload(random)),
        89..=90 => Say::Bye(room),
        91..=94 => Say::Login(name),
        95..=97 => Say::Heartbeat,
        98 => Say::Unknown,
        _ => Say::NoJson,
    }
}

/// JSON that would look otherwise if it were read and written again; each is the only one.
fn payload(random: &mut Random) -> String {
    let number = random.next();
    if random.percent(10) {
        return "null".to_owned();
    }
    format!(r#"{{"n" : {number}, "x":1.50e2,"pad":"{}"}}"#, padding(random))
}

fn text(random: &mut Random) -> String {
    format!("{:x} {}", random.next(), padding(random))
}

fn padding(random: &mut Random) -> String {
    let length = *random.pick(&[0, 0, 10, 100, 130, 1000, 5000]);
    let length = random.below(length + 1) as usize;
    random.pick(&["ab", "é", "€", "𝄞"]).repeat(length / 2)
}
