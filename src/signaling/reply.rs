//! What the switchboard says: one function for each message, which writes it into a text that is
//! used again and again.
//!
//! The tutorials' pages read these, so the fields that they know come first and are spelt as they
//! spell them; what wigwag adds comes after. Payloads are written as they came, byte for byte.

use serde_json::value::RawValue;

use super::error::Refusal;
use super::name::Name;
use super::request::{Envelope, Signal};

/// How much of a text that a peer sent is repeated to it: enough to recognise it, in bytes.
pub const MAX_ECHO: usize = 256;

/// What a message has beside its payload: field names, and two names of 64 bytes of which each byte
/// may need an escape.
const MAX_REST: usize = 512;

/// To whoever logged in: the name is yours, spelt like this.
pub fn logged_in(out: &mut String, name: &Name<'_>, id: Option<&RawValue>) {
    Object::new(out, "login").boolean("success", true).text("name", name.as_str()).id(id).end();
}

/// To whoever tried to: the name is not yours.
pub fn login_failed(out: &mut String, refusal: &Refusal<'_>, id: Option<&RawValue>) {
    Object::new(out, "login").boolean("success", false).refusal(refusal).id(id).end();
}

/// To whoever asked: this was not done.
pub fn error(out: &mut String, refusal: &Refusal<'_>, envelope: &Envelope<'_>) {
    Object::new(out, "error")
        .refusal(refusal)
        .echo("request", envelope.request.as_deref())
        .id(envelope.id)
        .end();
}

/// To whoever wanted to enter a room: there is no place.
pub fn full(out: &mut String, refusal: &Refusal<'_>, envelope: &Envelope<'_>) {
    Object::new(out, "full")
        .refusal(refusal)
        .echo("request", envelope.request.as_deref())
        .id(envelope.id)
        .end();
}

/// To the target: an offer, an answer or a candidate, and from whom.
pub fn signal(out: &mut String, signal: Signal, payload: &RawValue, source: &Name<'_>) {
    Object::new(out, signal.word())
        .json(signal.word(), payload.get())
        .text("name", source.as_str())
        .end();
}

/// To a partner: the call is over.
pub fn leave(out: &mut String, source: &Name<'_>) {
    Object::new(out, "leave").text("name", source.as_str()).end();
}

/// To the first in a room.
pub fn created(out: &mut String, room: &Name<'_>, name: &Name<'_>, id: Option<&RawValue>) {
    Object::new(out, "created")
        .text("room", room.as_str())
        .text("name", name.as_str())
        .id(id)
        .end();
}

/// To a newcomer: who was in the room before, in order of arrival, and the newcomer's own role
/// towards them, if it is the same towards all.
pub fn joined<'n>(
    out: &mut String,
    room: &Name<'_>,
    name: &Name<'_>,
    peers: impl Iterator<Item = &'n Name<'static>>,
    polite: Option<bool>,
    id: Option<&RawValue>,
) {
    let object = Object::new(out, "joined")
        .text("room", room.as_str())
        .text("name", name.as_str())
        .texts("peers", peers.map(Name::as_str));
    let object = match polite {
        Some(polite) => object.boolean("polite", polite),
        None => object,
    };
    object.id(id).end();
}

/// To those in a room: somebody came, towards whom each of them is the impolite side.
pub fn join(out: &mut String, room: &Name<'_>, newcomer: &Name<'_>) {
    Object::new(out, "join")
        .text("room", room.as_str())
        .text("name", newcomer.as_str())
        .boolean("polite", false)
        .end();
}

/// To those in a room: somebody has left it.
pub fn leave_room(out: &mut String, room: &Name<'_>, source: &Name<'_>) {
    Object::new(out, "leave-room").text("room", room.as_str()).text("name", source.as_str()).end();
}

/// To those in a room, or one of them: what somebody in it says.
pub fn message(out: &mut String, room: &Name<'_>, payload: &RawValue, source: &Name<'_>) {
    Object::new(out, "message")
        .json("message", payload.get())
        .text("room", room.as_str())
        .text("name", source.as_str())
        .end();
}

/// To those in a room: somebody hangs up.
pub fn bye(out: &mut String, room: &Name<'_>, source: &Name<'_>) {
    Object::new(out, "bye").text("room", room.as_str()).text("name", source.as_str()).end();
}

/// A JSON object that is being written.
struct Object<'o> {
    out: &'o mut String,
}

impl<'o> Object<'o> {
    fn new(out: &'o mut String, kind: &str) -> Self {
        out.clear();
        out.push_str("{\"type\":");
        push_string(out, kind);
        Self { out }
    }

    fn key(&mut self, key: &str) {
        self.out.push(',');
        push_string(self.out, key);
        self.out.push(':');
    }

    fn text(mut self, key: &str, value: &str) -> Self {
        self.key(key);
        push_string(self.out, value);
        self
    }

    fn texts<'t>(mut self, key: &str, values: impl Iterator<Item = &'t str>) -> Self {
        self.key(key);
        self.out.push('[');
        for (index, value) in values.enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            push_string(self.out, value);
        }
        self.out.push(']');
        self
    }

    fn boolean(mut self, key: &str, value: bool) -> Self {
        self.key(key);
        self.out.push_str(if value { "true" } else { "false" });
        self
    }

    /// JSON that is known to be valid. A payload may be nearly as large as a message can be: what
    /// comes after it must not make the text move to a place of twice the size.
    fn json(mut self, key: &str, value: &str) -> Self {
        self.out.reserve(value.len().saturating_add(MAX_REST));
        self.key(key);
        self.out.push_str(value);
        self
    }

    /// A text that a peer may have sent: not more of it than [`MAX_ECHO`].
    fn echo(self, key: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(key, clip(value)),
            None => self,
        }
    }

    fn id(self, id: Option<&RawValue>) -> Self {
        match id {
            Some(id) => self.json("id", id.get()),
            None => self,
        }
    }

    fn refusal(mut self, refusal: &Refusal<'_>) -> Self {
        self = self.text("code", refusal.code.code());
        self.key("message");
        self.out.push('"');
        push_escaped(self.out, refusal.code.sentence());
        if let Some(detail) = &refusal.detail {
            self.out.push_str(": ");
            push_escaped(self.out, clip(detail));
        }
        self.out.push('"');
        self.echo("name", refusal.name.as_deref()).echo("room", refusal.room.as_deref())
    }

    fn end(self) {
        self.out.push('}');
    }
}

/// At most [`MAX_ECHO`] bytes of a text, cut at a character, never inside one.
fn clip(text: &str) -> &str {
    let end = text.floor_char_boundary(MAX_ECHO);
    text.get(..end).unwrap_or_default()
}

fn push_string(out: &mut String, text: &str) {
    out.push('"');
    push_escaped(out, text);
    out.push('"');
}

/// RFC 8259, 7: "All Unicode characters may be placed within the quotation marks, except for the
/// characters that MUST be escaped: quotation mark, reverse solidus, and the control characters
/// (U+0000 through U+001F)."
fn push_escaped(out: &mut String, text: &str) {
    let must_be_escaped = |c: char| matches!(c, '"' | '\\' | '\0'..='\u{1f}');
    for piece in text.split_inclusive(must_be_escaped) {
        let mut characters = piece.chars();
        match characters.next_back().filter(|c| must_be_escaped(*c)) {
            Some(special) => {
                out.push_str(characters.as_str());
                push_escape(out, special);
            }
            None => out.push_str(piece),
        }
    }
}

fn push_escape(out: &mut String, special: char) {
    out.push('\\');
    if matches!(special, '"' | '\\') {
        out.push(special);
        return;
    }
    out.push('u');
    for shift in [12, 8, 4, 0] {
        let digit = (u32::from(special) >> shift) & 0xf;
        out.extend(char::from_digit(digit, 16));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_survives_being_written_and_read() {
        for character in '\0'..=char::MAX {
            let text = format!("a{character}{character}b");
            let mut out = String::new();
            push_string(&mut out, &text);
            assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text, "{out}");
        }
    }

    #[test]
    fn a_large_payload_is_written_into_a_text_of_its_size() {
        let payload = format!("\"{}\"", "x".repeat(1_000_000));
        let payload: &RawValue = serde_json::from_str(&payload).unwrap();
        let longest = "\"".repeat(64);
        let longest = Name::parse(longest.as_str()).unwrap();
        let mut out = String::new();
        signal(&mut out, Signal::Candidate, payload, &longest);
        assert!(out.capacity() <= payload.get().len() + 2 * MAX_REST);
        message(&mut out, &longest, payload, &longest);
        assert!(out.capacity() <= payload.get().len() + 2 * MAX_REST);
    }

    #[test]
    fn a_long_echo_is_cut_between_characters() {
        assert_eq!(clip(&"a".repeat(1000)).len(), 256);
        assert_eq!(clip(&"€".repeat(1000)), "€".repeat(85)); // byte 256 is inside a character
        assert_eq!(clip("short"), "short");
    }
}
