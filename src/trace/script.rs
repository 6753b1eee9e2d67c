//! A conversation, written down.
//!
//! ```
//! use wigwag::trace::script::Script;
//!
//! let script = Script::parse(
//!     r#"
//! ## A greeting
//! > text "Hello"          # a client's frame, masked
//! event text "Hello"      # what the application hears
//! send text "Hi"          # what it does
//! < text "Hi"             # what goes to the client
//! state open
//! "#,
//! )?;
//! assert_eq!(script.title(), "A greeting");
//! assert_eq!(script.input().len(), 2 + 4 + 5);
//! # Ok::<(), wigwag::trace::script::ScriptError>(())
//! ```
//!
//! The grammar is described in `tests/scripts/README.md`. [`words`] cuts a line into words,
//! [`frame`] makes bytes of a line like `text "Hello"`, and [`step`] knows all other lines.
//!
//! A script does not say how its bytes are cut into reads: that must not matter, and
//! [`replay`](super::replay) sees to it that it does not.

pub mod frame;
pub mod step;
pub mod words;

use std::fmt;

use crate::protocol::{Limits, Role};

pub use step::{Action, Check, Happening, Line, Seen, Sending, Step, Wants};
use words::Words;

/// A script that was read.
#[derive(Clone, Debug)]
pub struct Script {
    /// Which end of the connection is told about.
    pub role: Role,
    /// What the connection may use.
    pub limits: Limits,
    /// The lines, without the blank ones and those that set role and limits.
    pub lines: Vec<Line>,
}

/// Why a line could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for ScriptError {}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    ///
    /// The first line that is not in the grammar, and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let mut script = Self { role: Role::Server, limits: Limits::default(), lines: Vec::new() };
        for (line, number) in text.lines().zip(1..) {
            script.line(line, number).map_err(|message| ScriptError { line: number, message })?;
        }
        Ok(script)
    }

    /// The first line of prose.
    pub fn title(&self) -> &str {
        let mut steps = self.lines.iter().map(|line| &line.step);
        let title = steps.find_map(|step| match step {
            Step::Prose(prose) => Some(prose.as_str()),
            _ => None,
        });
        title.unwrap_or_default()
    }

    /// All bytes that arrive, in their order.
    pub fn input(&self) -> Vec<u8> {
        let mut input = Vec::new();
        for line in &self.lines {
            if let Step::Act(Action::Receive(bytes)) = &line.step {
                input.extend_from_slice(bytes);
            }
        }
        input
    }

    fn line(&mut self, line: &str, number: usize) -> Result<(), String> {
        if let Some(prose) = line.trim_start().strip_prefix('#') {
            let prose = prose.trim().to_owned();
            let step = Step::Prose(prose);
            self.lines.push(Line { number, step });
            return Ok(());
        }
        let mut words = Words::of(line)?;
        let Some(first) = words.word() else {
            return words.end();
        };
        match first.as_str() {
            "role" => {
                self.setup_comes_first("role")?;
                self.role = match words.expect("server or client")?.as_str() {
                    "server" => Role::Server,
                    "client" => Role::Client,
                    other => return Err(format!("a role is server or client, not {other:?}")),
                };
            }
            "limit" => {
                self.setup_comes_first("limit")?;
                set_limit(&mut self.limits, &mut words)?;
            }
            first => {
                let step = step::parse(first, &mut words, self.role)?;
                self.lines.push(Line { number, step });
            }
        }
        words.end()
    }

    fn setup_comes_first(&self, what: &str) -> Result<(), String> {
        let all_prose = |line: &Line| matches!(line.step, Step::Prose(_));
        if self.lines.iter().all(all_prose) {
            return Ok(());
        }
        Err(format!("{what} must come before anything happens"))
    }
}

fn set_limit(limits: &mut Limits, words: &mut Words) -> Result<(), String> {
    let name = words.expect("the name of a limit")?;
    match name.as_str() {
        "max_message" => limits.max_message = words.number()?,
        "max_empty_fragments" => limits.max_empty_fragments = words.number()?,
        "outbox" => limits.outbox = words.number()?,
        "reassembly" => limits.reassembly = words.time()?,
        "ping_after" => limits.ping_after = words.time()?,
        "pong_wait" => limits.pong_wait = words.time()?,
        "close_wait" => limits.close_wait = words.time()?,
        other => {
            return Err(format!(
                "no limit is called {other:?}; there are max_message, max_empty_fragments, \
                 outbox, reassembly, ping_after, pong_wait and close_wait"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
