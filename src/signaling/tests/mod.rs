//! The switchboard is driven as the server drives it; what it does is read as lines of text.

mod calls;
mod logins;
mod model;
mod requests;
mod rooms;

use super::*;
use crate::apps::{Effect, Effects, PeerId};
use crate::protocol::EndedBy;

/// A switchboard, and what it did in one call.
struct Board {
    signaling: Signaling,
    effects: Effects,
}

impl Board {
    fn new() -> Self {
        Self::with(Options::default())
    }

    fn with(options: Options) -> Self {
        Self { signaling: Signaling::new(options), effects: Effects::default() }
    }

    /// A board where the peers 1, 2, ... have logged in with these names.
    fn with_users(names: &[&str]) -> Self {
        let mut board = Self::new();
        for (peer, name) in (1..).zip(names) {
            board.login(peer, name);
        }
        board
    }

    /// Calls the application, and tells what it did: `2 {...}` for a message to peer 2, `2 close
    /// 1008 ...`, `2 timeout ...`. Messages must be JSON objects, or `pong`.
    fn call(
        &mut self,
        peer: u32,
        call: impl FnOnce(&mut Signaling, &mut Context<'_>),
    ) -> Vec<String> {
        let address = "127.0.0.1:9".parse().unwrap();
        let mut context = Context::new(id(peer), address, None, &mut self.effects);
        call(&mut self.signaling, &mut context);
        let done = self.effects.iter().flat_map(lines).collect();
        self.effects.clear();
        done
    }

    fn open(&mut self, peer: u32) -> Vec<String> {
        self.call(peer, |signaling, context| signaling.open(context))
    }

    fn say(&mut self, peer: u32, text: &str) -> Vec<String> {
        self.call(peer, |signaling, context| signaling.text(context, text))
    }

    fn close(&mut self, peer: u32) -> Vec<String> {
        let closure = Closure { by: EndedBy::Peer, code: None, clean: false };
        self.call(peer, |signaling, context| signaling.close(context, &closure))
    }

    /// Logs in, which must succeed.
    fn login(&mut self, peer: u32, name: &str) {
        let request = serde_json::json!({"type": "login", "name": name});
        let done = self.say(peer, &request.to_string());
        let success = format!(r#"{peer} {{"type":"login","success":true,"name":"{name}"}}"#);
        assert!(done.contains(&success), "{done:?}");
    }

    /// What an offer from a peer to a name leads to: who has that name?
    fn offer(&mut self, peer: u32, to: &str) -> Vec<String> {
        let request = serde_json::json!({"type": "offer", "offer": 1, "name": to});
        self.say(peer, &request.to_string())
    }

    /// The sizes and capacities of all tables.
    fn sizes(&self) -> [(usize, usize); 4] {
        let [peers, users] = self.signaling.users.sizes();
        let [members, entered] = self.signaling.rooms.sizes();
        [peers, users, members, entered]
    }

    fn assert_empty(&self) {
        assert_eq!(self.sizes().map(|(size, _)| size), [0; 4]);
    }
}

fn id(peer: u32) -> PeerId {
    PeerId::new(0, peer, 0)
}

fn lines(effect: Effect<'_>) -> Vec<String> {
    match effect {
        Effect::Send { to, message } => {
            let Message::Text(text) = message else {
                panic!("the switchboard sends text only");
            };
            if text != "pong" {
                let object: Result<serde_json::Map<String, serde_json::Value>, _> =
                    serde_json::from_str(text);
                assert!(object.is_ok() || has_opaque_payload(text), "{text}");
            }
            to.iter().map(|peer| format!("{} {text}", peer.slot())).collect()
        }
        Effect::Close { peer, code, reason } => {
            vec![format!("{} close {code} {reason}", peer.slot())]
        }
        Effect::Timeout { peer, after } => vec![format!("{} timeout {after:?}", peer.slot())],
    }
}

/// Whether a message is JSON by its grammar. Payloads may hold what a `Value` cannot: half of a
/// surrogate pair, numbers without end, any depth.
fn has_opaque_payload(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// The value of a field of the only message in `done`, as text.
fn field(done: &[String], field: &str) -> String {
    let [line] = done else {
        panic!("one message, not {done:?}");
    };
    let (_, message) = line.split_once(' ').unwrap();
    let message: serde_json::Value = serde_json::from_str(message).unwrap();
    match message.get(field) {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

#[test]
fn nothing_is_sent_on_connect() {
    let mut board = Board::new();
    assert_eq!(board.open(1), ["1 timeout Some(10s)"]);
}

#[test]
fn a_bare_ping_is_answered_pong_logged_in_or_not() {
    let mut board = Board::new();
    assert_eq!(board.say(1, "ping"), ["1 pong"]);
    board.login(1, "alice");
    assert_eq!(board.say(1, "ping"), ["1 pong"]);
    assert_eq!(field(&board.say(1, "ping "), "code"), "invalid-json");
    assert_eq!(field(&board.say(1, "\"ping\""), "code"), "invalid-message");
}

#[test]
fn a_peer_that_does_not_log_in_in_time_is_closed_and_one_that_did_is_not() {
    let mut board = Board::new();
    let timeout = |board: &mut Board| board.call(1, |signaling, c| signaling.timeout(c));
    board.open(1);
    board.say(1, r#"{"type":"login","name":""}"#);
    assert_eq!(timeout(&mut board), ["1 close 1008 you did not log in in time"]);

    let done = board.say(1, r#"{"type":"login","name":"alice"}"#);
    assert_eq!(done.first().unwrap(), "1 timeout None");
    // One that was under way already when it was withdrawn.
    assert_eq!(timeout(&mut board), [""; 0]);
}

#[test]
fn the_deadline_is_an_option() {
    let login_deadline = Some(Duration::from_millis(1500));
    let options = |login_deadline| Options { login_deadline, ..Options::default() };
    let mut board = Board::with(options(login_deadline));
    assert_eq!(board.open(1), ["1 timeout Some(1.5s)"]);
    let mut board = Board::with(options(None));
    assert_eq!(board.open(1), ["1 timeout None"]);
}

#[test]
fn a_throttled_peer_is_told_so() {
    let mut board = Board::new();
    let done = board.call(1, |signaling, context| signaling.throttled(context));
    let error = r#"{"type":"error","code":"rate-limited","message":"You send too fast; this was"#;
    assert_eq!(done, [format!("1 {error} dropped\"}}")]);
}

#[test]
fn binary_messages_are_not_accepted() {
    let mut board = Board::new();
    let done = board.call(1, |signaling, context| signaling.binary(context, b"{}"));
    assert_eq!(done, ["1 close 1003 text messages only"]);
}

#[test]
fn one_huge_message_does_not_keep_its_memory() {
    let mut board = Board::with_users(&["alice", "bob"]);
    let huge = "x".repeat(1_000_000);
    let offer = format!(r#"{{"type":"offer","offer":"{huge}","name":"bob"}}"#);
    board.say(1, &offer);
    assert!(board.signaling.out.capacity() <= Signaling::KEPT);
}
