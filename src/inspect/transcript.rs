//! One connection as a wire script: see [`crate::trace::script`]. Replayed against the core, it does
//! the same again.

use std::fmt::Write as _;

use super::reader::Reader;
use super::recorder::Recorder;
use crate::protocol::deflate::DeflateParameters;
use crate::protocol::{CloseCode, Role};
use crate::trace::dissect::{Item, Kind, Side, Told};
use crate::trace::script::frame::describe;
use crate::trace::script::{Seen, words::quote};

/// As much as a tape may hold, so nothing is clipped.
const WHOLE: usize = 1 << 20;

/// What is left of the connection, as a script.
pub(super) fn transcript(recorder: &Recorder, connection: u64) -> String {
    let mut script = String::new();
    let agreed = recorder.with(connection, |record| record.agreed.clone()).flatten();
    // Writing to a String cannot fail.
    let _ = writeln!(script, "## Connection {connection}, recorded");
    if let Some(agreed) = &agreed {
        let _ = writeln!(script, "limit max_message {}", agreed.limits.max_message);
        script.push_str(agreed.deflate.map_or("", deflate_line));
    }
    let mut reader = Reader::with_clip(recorder, connection, WHOLE);
    let mut answers = Vec::new();
    loop {
        let reading = reader.read(recorder, 64);
        if reading.missed > 0 {
            let _ = writeln!(script, "# {} bytes were not kept.", reading.missed);
        }
        for shown in &reading.items {
            write_item(&mut script, &shown.item, &mut answers);
        }
        if !reading.more {
            return script;
        }
    }
}

fn deflate_line(agreed: DeflateParameters) -> &'static str {
    match (agreed.client_no_context_takeover, agreed.server_no_context_takeover) {
        (true, true) => "deflate shared\n",
        (false, false) => "deflate takeover\n",
        _ => "# One end kept its window between messages, the other did not.\ndeflate takeover\n",
    }
}

/// Writes the lines of one item. `answers` are what the core has sent by itself, for which there
/// are lines already.
fn write_item(script: &mut String, item: &Item, answers: &mut Vec<Vec<u8>>) {
    if item.kind != Kind::Frame {
        let _ = writeln!(script, "# {}", item.summary);
        return;
    }
    match item.from {
        Side::Client => {
            lines(script, ">", &item.bytes.0, Role::Client);
            if let Some(seen) = seen(item) {
                let _ = writeln!(script, "event {seen}");
            }
            if !item.answer.0.is_empty() {
                lines(script, "<", &item.answer.0, Role::Server);
                answers.push(item.answer.0.clone());
            }
        }
        Side::Server => {
            if let Some(index) = answers.iter().position(|answer| *answer == item.bytes.0) {
                answers.remove(index);
                return;
            }
            if let Some(sending) = sending(item) {
                let _ = writeln!(script, "send {sending}");
            }
            lines(script, "<", &item.bytes.0, Role::Server);
        }
    }
}

fn lines(script: &mut String, arrow: &str, bytes: &[u8], sender: Role) {
    for line in describe(bytes, sender) {
        let _ = writeln!(script, "{arrow} {line}");
    }
}

/// What the application heard.
fn seen(item: &Item) -> Option<String> {
    if let Some(violation) = &item.violation {
        let name = violation.name.trim_start_matches("Violation::");
        return Some(format!("violation {name}"));
    }
    let seen = match item.event.clone()? {
        Told::Text { text, .. } => Seen::Text(text),
        Told::Binary { bytes, .. } => Seen::Binary(bytes.0),
        Told::Ping { bytes } => Seen::Ping(bytes.0),
        Told::Pong { bytes } => Seen::Pong(bytes.0),
        Told::Close { code, reason, .. } => {
            Seen::Close(code.and_then(CloseCode::new).map(|code| (code, reason)))
        }
        _ => return None,
    };
    Some(seen.to_string())
}

/// What the application has sent, from what the client hears of it.
fn sending(item: &Item) -> Option<String> {
    Some(match item.event.as_ref()? {
        Told::Text { text, .. } => format!("text {}", quote(text.as_bytes())),
        Told::Binary { bytes, .. } => format!("binary {}", quote(&bytes.0)),
        Told::Ping { bytes } => format!("ping {}", quote(&bytes.0)),
        Told::Pong { bytes } => format!("pong {}", quote(&bytes.0)),
        Told::Close { code: None, .. } => "close".into(),
        Told::Close { code: Some(code), reason, .. } if reason.is_empty() => {
            format!("close {code}")
        }
        Told::Close { code: Some(code), reason, .. } => {
            format!("close {code} {}", quote(reason.as_bytes()))
        }
        _ => return None,
    })
}
