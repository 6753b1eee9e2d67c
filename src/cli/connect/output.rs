//! What of a conversation is shown, and how.
//!
//! To a program that reads standard output: the messages and nothing else. To a human also what
//! came as control frames, and nothing that could drive the terminal.

use std::io::{self, Write};

use wigwag::protocol::{CloseReason, Event};

use super::super::dial::describe;
use super::prompt::Prompt;

/// How much of a binary message is shown.
const SHOWN: usize = 32;

pub(super) struct Output {
    /// Where a human types while we print.
    pub(super) prompt: Option<Prompt>,
    pub(super) is_terminal: bool,
    /// Whether control frames are shown.
    pub(super) control: bool,
    /// Whoever read our output has gone, as `head` does.
    pub(super) is_gone: bool,
    /// What the server's Close frame said, fit for a terminal.
    pub(super) reason: String,
}

impl Output {
    pub(super) fn show(&mut self, event: Event<'_>) {
        match event {
            Event::Text(text) if self.is_terminal => self.received(&harmless(text)),
            Event::Text(text) => self.received(text),
            Event::Binary(payload) => self.received(&hex(payload)),
            Event::Ping(payload) => self.control("ping", &printable(payload)),
            Event::Pong(payload) => self.control("pong", &printable(payload)),
            Event::Close(None) => self.control("close", "without a code"),
            Event::Close(Some(CloseReason { code, reason })) => {
                self.reason = harmless_line(reason);
                self.control("close", &describe(code, &self.reason.clone()));
            }
            // The end of the connection tells it.
            Event::Violation(_) => {}
        }
    }

    fn control(&mut self, name: &str, text: &str) {
        if self.control {
            let space = if text.is_empty() { "" } else { " " };
            self.received(&format!("({name}){space}{text}"));
        }
    }

    fn received(&mut self, text: &str) {
        match &mut self.prompt {
            Some(prompt) => prompt.print(format!("< {text}")),
            None => self.is_gone |= write_line(&mut io::stdout().lock(), text).is_err(),
        }
    }

    /// Something from us to a human.
    pub(super) fn note(&mut self, text: &str) {
        match &mut self.prompt {
            Some(prompt) => prompt.print(text.to_owned()),
            None => drop(write_line(&mut io::stderr().lock(), text)),
        }
    }
}

/// In one piece, so that nothing can come between.
fn write_line(out: &mut dyn Write, text: &str) -> io::Result<()> {
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Text that cannot drive the terminal it is shown on.
fn harmless(text: &str) -> String {
    escaped(text, &['\n', '\t'])
}

/// The same, on one line.
fn harmless_line(text: &str) -> String {
    escaped(text, &[])
}

fn escaped(text: &str, good: &[char]) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_harmful(character) && !good.contains(&character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Control characters, and those that turn the direction of what follows them.
fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The payload of a control frame: text, if it is some.
fn printable(payload: &[u8]) -> String {
    match str::from_utf8(payload) {
        Ok(text) => harmless_line(text),
        Err(_) => bytes(payload),
    }
}

/// The length of a binary message, and its first bytes.
fn hex(payload: &[u8]) -> String {
    let unit = if payload.len() == 1 { "byte" } else { "bytes" };
    let space = if payload.is_empty() { "" } else { " " };
    format!("(binary, {} {unit}){space}{}", payload.len(), bytes(payload))
}

fn bytes(payload: &[u8]) -> String {
    let mut shown: Vec<String> = payload.iter().take(SHOWN).map(|b| format!("{b:02x}")).collect();
    if payload.len() > SHOWN {
        shown.push("...".to_owned());
    }
    shown.join(" ")
}
