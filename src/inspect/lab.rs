//! The lab: frames that a learner composes, sent to a connection that nobody is at.
//!
//! An [`Application`] that keeps nothing: each request names a state, and gets a sandbox of its own
//! that was brought into it, in which the bytes are then received. What the sandbox answers goes
//! back to the page and nowhere else. Everything is text in JSON. A page hears `hello` once, with
//! the states and the shelf of mistakes, and then says
//!
//! ```text
//! {"type":"send","id":1,"state":"open","from":"client","bytes":"810548656c6c6f"}
//! ```
//!
//! and hears `result`, or `refused` with the reason.
//!
//! 1. `sandbox`: from a state's name and bytes to what happens; 2. `cases`: which case of the
//!    Autobahn test suite looks for a violation; 3. `shelf`: twenty mistakes, ready to be sent.
//!
//! What it costs is bounded by [`MOST_BYTES`], and by the mount's rate.

mod cases;
mod sandbox;
mod shelf;

use serde::{Deserialize, Serialize};

use crate::apps::{Application, Context, Message};
use crate::trace::dissect::Side;
use crate::trace::script::words::bytes_of_hex;
use sandbox::{Outcome, Setting};
use shelf::Mistake;

/// The most bytes that are received in one request.
pub const MOST_BYTES: usize = 8 * 1024;

/// Answers each request from a sandbox of its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lab;

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Request {
    Send {
        /// Comes back with the answer.
        id: u64,
        state: String,
        from: Sender,
        /// In hexadecimal.
        bytes: String,
    },
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Sender {
    Client,
    Server,
}

impl From<Sender> for Side {
    fn from(sender: Sender) -> Self {
        match sender {
            Sender::Client => Self::Client,
            Sender::Server => Self::Server,
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Reply<'a> {
    Hello { most_bytes: usize, states: Vec<State>, shelf: Vec<Mistake> },
    Result { id: u64, outcome: Box<Outcome> },
    Refused { id: Option<u64>, reason: &'a str },
}

/// A state that can be chosen.
#[derive(Serialize)]
struct State {
    name: &'static str,
    title: &'static str,
}

fn answer(text: &str) -> Reply<'static> {
    let refused = |id, reason| Reply::Refused { id, reason };
    let Ok(Request::Send { id, state, from, bytes }) = serde_json::from_str(text) else {
        return refused(None, "That is no request.");
    };
    let Some(setting) = Setting::named(&state) else {
        return refused(Some(id), "There is no such state.");
    };
    if bytes.len() > 2 * MOST_BYTES {
        return refused(Some(id), "That is too much: 8192 bytes at most.");
    }
    match bytes_of_hex(&bytes) {
        Ok(bytes) => {
            Reply::Result { id, outcome: Box::new(sandbox::send(setting, from.into(), &bytes)) }
        }
        Err(_) => refused(Some(id), "Bytes are written as pairs of hexadecimal digits."),
    }
}

fn reply(context: &mut Context<'_>, reply: &Reply<'_>) {
    // Nothing in a reply can fail to be JSON.
    if let Ok(text) = serde_json::to_string(reply) {
        context.reply(Message::Text(&text));
    }
}

impl Application for Lab {
    fn open(&mut self, context: &mut Context<'_>) {
        let states = Setting::ALL.into_iter();
        let states = states.map(|one| State { name: one.name(), title: one.title() }).collect();
        reply(context, &Reply::Hello { most_bytes: MOST_BYTES, states, shelf: shelf::mistakes() });
    }

    fn text(&mut self, context: &mut Context<'_>, text: &str) {
        reply(context, &answer(text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(text: &str) -> serde_json::Value {
        serde_json::to_value(answer(text)).unwrap()
    }

    fn send(bytes: &str) -> String {
        format!(r#"{{"type":"send","id":7,"state":"open","from":"server","bytes":"{bytes}"}}"#)
    }

    #[test]
    fn an_answer_has_the_id_of_its_request_and_tells_what_happens() {
        let answer = ask(&send("810548656c6c6f"));
        assert_eq!((&answer["type"], &answer["id"]), (&"result".into(), &7.into()));
        assert_eq!(answer["outcome"]["items"][0]["event"]["text"], "Hello");
    }

    #[test]
    fn what_is_no_request_is_refused_with_its_reason() {
        let reason = |text: &str| ask(text)["reason"].clone();
        assert_eq!(reason("{"), "That is no request.");
        assert_eq!(reason(&send("8")), "Bytes are written as pairs of hexadecimal digits.");
        assert_eq!(reason(&send("0x")), "Bytes are written as pairs of hexadecimal digits.");
        assert_eq!(reason(&send("81").replace("open", "ajar")), "There is no such state.");
        let most = "8a00".repeat(MOST_BYTES / 2);
        assert_eq!(ask(&send(&most))["type"], "result");
        let too_much = "That is too much: 8192 bytes at most.";
        assert_eq!(reason(&send(&format!("{most}00"))), too_much);
    }
}
