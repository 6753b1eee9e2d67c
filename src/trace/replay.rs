//! Plays a script against a real connection and compares, line by line.
//!
//! ```
//! use std::time::Instant;
//! use wigwag::trace::{replay, script::Script};
//!
//! let script = Script::parse("> ping \"hello?\"\nevent ping \"hello?\"\n< pong \"hello?\"")?;
//! assert_eq!(replay::every_way(&script, Instant::now()), Ok(()));
//!
//! let wrong = Script::parse("> ping \"hello?\"\nevent ping \"nobody\"")?;
//! let mismatch = replay::replay(&wrong, Instant::now(), replay::Reads::Whole).unwrap_err();
//! assert_eq!(mismatch.line, 2);
//! assert_eq!(mismatch.found, "event ping \"hello?\"");
//! # Ok::<(), wigwag::trace::script::ScriptError>(())
//! ```
//!
//! Everything that happens must stand in the script, and in this order: an event, then what was
//! sent because of it, then the next event.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::script::frame::EXAMPLE_KEY;
use super::script::{Action, Check, Happening, Line, Script, Seen, Sending, Step, Wants};
use crate::protocol::deflate::DeflateOptions;
use crate::protocol::{Connection, Role, SendError};

/// How the bytes of a script are cut into reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Lines that follow each other arrive in one read.
    Whole,
    /// Each byte arrives alone.
    Bytes,
    /// As [`Reads::Whole`], but with a cut after so many bytes of all.
    CutAt(usize),
}

/// Where the connection did something else than the script says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The line, counted from 1.
    pub line: usize,
    /// What the script says.
    pub expected: String,
    /// What happened.
    pub found: String,
    /// How the bytes were cut into reads.
    pub reads: Reads,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, expected, found, .. } = self;
        write!(f, "line {line}: expected: {expected}; found: {found}")?;
        match self.reads {
            Reads::Whole => Ok(()),
            Reads::Bytes => write!(f, " (when read one byte at a time)"),
            Reads::CutAt(at) => write!(f, " (when a read ends after byte {at})"),
        }
    }
}

impl std::error::Error for Mismatch {}

/// Inputs up to this size are cut at every place; longer ones only near the ends of their frames.
const CUT_EVERYWHERE: usize = 2048;

/// Plays a script whole, one byte at a time, and with a cut at every place.
///
/// # Errors
///
/// The first mismatch of the first way that has one.
pub fn every_way(script: &Script, start: Instant) -> Result<(), Mismatch> {
    replay(script, start, Reads::Whole)?;
    replay(script, start, Reads::Bytes)?;
    for at in cuts(script) {
        replay(script, start, Reads::CutAt(at))?;
    }
    Ok(())
}

/// Plays a script once.
///
/// # Errors
///
/// The first line at which something else happened.
pub fn replay(script: &Script, start: Instant, reads: Reads) -> Result<(), Mismatch> {
    let mut player = Player::new(script, start, reads);
    let mut lines = script.lines.iter().peekable();
    let mut last = 0;
    while let Some(line) = lines.next() {
        last = line.number;
        match &line.step {
            Step::Prose(_) => {}
            Step::Expect(happening) => player.expect(line, happening)?,
            Step::Check(check) => {
                player.nothing_more(line.number)?;
                player.check(line, check)?;
            }
            Step::Act(Action::Receive(bytes)) => {
                player.nothing_more(line.number)?;
                let mut read = bytes.clone();
                while let Some(more) = lines.next_if(|line| continues_read(&line.step)) {
                    if let Step::Act(Action::Receive(bytes)) = &more.step {
                        read.extend_from_slice(bytes);
                    }
                }
                player.read(&mut read);
            }
            Step::Act(action) => {
                player.nothing_more(line.number)?;
                player.act(action);
            }
        }
    }
    player.nothing_more(last)
}

/// Whether a line belongs to the same read as the one before.
fn continues_read(step: &Step) -> bool {
    matches!(step, Step::Prose(_) | Step::Act(Action::Receive(_)))
}

/// Where an input is to be cut.
fn cuts(script: &Script) -> Vec<usize> {
    let length = script.input().len();
    if length <= CUT_EVERYWHERE {
        return (1..length).collect();
    }
    let mut cuts = Vec::new();
    let mut end = 0_usize;
    for line in &script.lines {
        if let Step::Act(Action::Receive(bytes)) = &line.step {
            cuts.extend(end..end.saturating_add(20));
            end = end.saturating_add(bytes.len());
            cuts.extend(end.saturating_sub(5)..end);
        }
    }
    cuts.retain(|cut| (1..length).contains(cut));
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

/// A connection with its transport and its application.
struct Player {
    connection: Connection,
    role: Role,
    now: Instant,
    echo: bool,
    flowing: bool,
    reads: Reads,
    /// So many bytes have arrived.
    arrived: usize,
    happened: VecDeque<Happening>,
}

impl Player {
    fn new(script: &Script, now: Instant, reads: Reads) -> Self {
        let limits = Arc::new(script.limits.clone());
        let mut connection = match script.role {
            Role::Server => Connection::server(limits, now),
            Role::Client => Connection::client(limits, now, Box::new(|| EXAMPLE_KEY)),
        };
        if let Some(agreed) = &script.deflate {
            connection.use_deflate(agreed, &DeflateOptions::default(), &Arc::default());
        }
        Self {
            connection,
            role: script.role,
            now,
            echo: false,
            flowing: true,
            reads,
            arrived: 0,
            happened: VecDeque::new(),
        }
    }

    /// Bytes arrive, in one read or in several.
    fn read(&mut self, bytes: &mut [u8]) {
        let size = match self.reads {
            Reads::Bytes => 1,
            Reads::CutAt(at) => at.saturating_sub(self.arrived),
            Reads::Whole => 0,
        };
        self.arrived = self.arrived.saturating_add(bytes.len());
        let first = match size {
            0 => bytes.len(),
            size => size.min(bytes.len()),
        };
        let (first, rest) = bytes.split_at_mut(first);
        self.one_read(first);
        let rest_size = if self.reads == Reads::Bytes { 1 } else { usize::MAX };
        for read in rest.chunks_mut(rest_size) {
            self.one_read(read);
        }
    }

    fn one_read(&mut self, mut input: &mut [u8]) {
        while let Some((event, outbox)) = self.connection.receive(self.now, &mut input) {
            let seen = Seen::from(event);
            let sent = match &seen {
                Seen::Text(text) if self.echo => outbox.text(text),
                Seen::Binary(payload) if self.echo => outbox.binary(payload),
                _ => Ok(()),
            };
            self.happened.push_back(Happening::Event(seen));
            self.refused(sent);
            self.flow();
        }
        // Pings are answered without an event while the peer's Close frame is awaited.
        self.flow();
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Receive(bytes) => self.read(&mut bytes.clone()),
            Action::End => self.connection.receive_eof(),
            Action::Wait(time) => {
                let until = self.now.checked_add(*time).unwrap_or(self.now);
                self.wait(until);
            }
            Action::Send(sending) => {
                let outbox = self.connection.outbox(self.now);
                let sent = match sending {
                    Sending::Text(text) => outbox.text(text),
                    Sending::Binary(payload) => outbox.binary(payload),
                    Sending::Ping(payload) => outbox.ping(payload),
                    Sending::Pong(payload) => outbox.pong(payload),
                    Sending::Close(None) => outbox.close_without_code(),
                    Sending::Close(Some((code, reason))) => outbox.close(*code, reason),
                };
                self.refused(sent);
            }
            Action::Echo(on) => self.echo = *on,
            Action::Flow(flowing) => self.flowing = *flowing,
        }
        self.flow();
    }

    /// Lets the time pass, and stops wherever something is due.
    fn wait(&mut self, until: Instant) {
        while let Some(due) = self.connection.next_timeout().filter(|&due| due <= until) {
            self.now = self.now.max(due);
            self.connection.handle_timeout(self.now);
            self.flow();
        }
        self.now = until;
    }

    /// The transport takes all there is, if it flows.
    fn flow(&mut self) {
        while self.flowing && !self.connection.pending_output().is_empty() {
            let bytes = self.connection.pending_output();
            let length = bytes.len();
            match self.happened.back_mut() {
                Some(Happening::Output(before, _)) => before.extend_from_slice(bytes),
                _ => self.happened.push_back(Happening::Output(bytes.to_vec(), self.role)),
            }
            self.connection.advance_output(length);
        }
    }

    fn refused(&mut self, sent: Result<(), SendError>) {
        if let Err(error) = sent {
            self.happened.push_back(Happening::Refused(error));
        }
    }

    /// The next that happened must be this. Of output, it may be the beginning.
    fn expect(&mut self, line: &Line, expected: &Happening) -> Result<(), Mismatch> {
        if let (Happening::Output(wanted, _), Some(Happening::Output(bytes, _))) =
            (expected, self.happened.front_mut())
            && bytes.starts_with(wanted)
        {
            bytes.drain(..wanted.len());
            if bytes.is_empty() {
                self.happened.pop_front();
            }
            return Ok(());
        }
        match self.happened.pop_front() {
            Some(happened) if happened == *expected => Ok(()),
            found => {
                let found = found.map_or("nothing".to_owned(), |found| found.to_string());
                Err(self.mismatch(line.number, expected.to_string(), found))
            }
        }
    }

    fn nothing_more(&self, line: usize) -> Result<(), Mismatch> {
        match self.happened.front() {
            None => Ok(()),
            Some(found) => {
                let expected = "nothing more before or at this line".to_owned();
                Err(self.mismatch(line, expected, found.to_string()))
            }
        }
    }

    fn check(&self, line: &Line, expected: &Check) -> Result<(), Mismatch> {
        let found = match expected {
            Check::State(_) => Some(Check::State(self.connection.state())),
            Check::Ended(_) => self.connection.closure().map(Check::Ended),
            Check::Wants(_) => Some(Check::Wants(if self.connection.wants_drop() {
                Wants::Drop
            } else if self.connection.wants_shutdown() {
                Wants::Shutdown
            } else {
                Wants::Nothing
            })),
            Check::Timeout(_) => {
                let due = self.connection.next_timeout();
                let time = due.map(|due| due.saturating_duration_since(self.now));
                Some(Check::Timeout(time))
            }
        };
        if found.as_ref() == Some(expected) {
            return Ok(());
        }
        let found = found.map_or("it has not ended".to_owned(), |found| found.to_string());
        Err(self.mismatch(line.number, expected.to_string(), found))
    }

    fn mismatch(&self, line: usize, expected: String, found: String) -> Mismatch {
        Mismatch { line, expected, found, reads: self.reads }
    }
}
