//! Plays a script against a real connection and compares, line by line.
//!
//! ```
//! use std::time::Instant;
//! use wigwag::trace::{replay, script::Script};
//!
//! let script = Script::parse("> ping \"hello?\"\nevent ping \"hello?\"\n< pong \"hello?\"")?;
//! // 12 bytes arrive, with 11 places between them to cut or not to cut.
//! assert_eq!(replay::every_way(&script, Instant::now()), Ok(1 << 11));
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
    /// The same with two cuts, in this order.
    CutTwice(usize, usize),
    /// The same with a cut after byte n + 1 for each bit n that is set, the lowest being bit 0.
    CutsIn(u64),
}

impl Reads {
    /// Where the first cut is after so many bytes, if there is one.
    fn next_cut(self, arrived: usize) -> Option<usize> {
        match self {
            Self::Whole => None,
            Self::Bytes => arrived.checked_add(1),
            Self::CutAt(at) => Some(at).filter(|&at| at > arrived),
            Self::CutTwice(one, two) => [one, two].into_iter().find(|&at| at > arrived),
            Self::CutsIn(bits) => {
                let bits =
                    bits.checked_shr(u32::try_from(arrived).ok()?).filter(|&bits| bits > 0)?;
                arrived.checked_add(bits.trailing_zeros() as usize)?.checked_add(1)
            }
        }
    }
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
            Reads::CutTwice(one, two) => {
                write!(f, " (when reads end after bytes {one} and {two})")
            }
            Reads::CutsIn(bits) => {
                let at = (0..64_u32).filter(|bit| bits >> bit & 1 == 1);
                let at: Vec<_> = at.map(|bit| bit.saturating_add(1).to_string()).collect();
                write!(f, " (when reads end after bytes {})", at.join(", "))
            }
        }
    }
}

impl std::error::Error for Mismatch {}

/// Inputs up to this size are cut in every way there is. A byte more doubles the work: at this size
/// it is 4,096 conversations, and all scripts together take seconds in a debug build.
pub const CUT_IN_EVERY_WAY: usize = 13;

/// Longer inputs up to this size are cut at every place, and at every two places: at this size in
/// 18,338 conversations.
pub const CUT_TWICE_ANYWHERE: usize = 192;

/// Still longer ones up to this size are cut at every place, and twice only at [`seams`].
pub const CUT_ANYWHERE: usize = 2048;

/// Of that many seams, at most, every two are cut together; of more, each and its next eight.
pub const CUT_ANY_TWO_SEAMS: usize = 192;

/// Plays a script whole, and with its input cut in every way of which there are not too many:
///
/// | bytes of input | reads |
/// | --- | --- |
/// | up to [`CUT_IN_EVERY_WAY`] | all 2^(n-1) ways to cut them |
/// | up to [`CUT_TWICE_ANYWHERE`] | single bytes; one cut anywhere; two cuts anywhere |
/// | up to [`CUT_ANYWHERE`] | single bytes; one cut anywhere; two cuts at [`seams`] |
/// | more | single bytes; one cut, and two, at [`seams`] |
///
/// Returns how many times it was played.
///
/// # Errors
///
/// The first mismatch of the first way that has one.
pub fn every_way(script: &Script, start: Instant) -> Result<usize, Mismatch> {
    let ways = ways(script);
    for &reads in &ways {
        replay(script, start, reads)?;
    }
    Ok(ways.len())
}

fn ways(script: &Script) -> Vec<Reads> {
    let length = script.input().len();
    let places = length.saturating_sub(1);
    if length <= CUT_IN_EVERY_WAY {
        return (0..1_u64 << places).map(Reads::CutsIn).collect();
    }
    let mut ways = vec![Reads::Whole, Reads::Bytes];
    let seams = seams(script);
    let anywhere: Vec<usize> = (1..length).collect();
    let once = if length <= CUT_ANYWHERE { &anywhere } else { &seams };
    ways.extend(once.iter().copied().map(Reads::CutAt));
    let twice = if length <= CUT_TWICE_ANYWHERE { &anywhere } else { &seams };
    let partners = if twice.len() <= CUT_ANY_TWO_SEAMS { usize::MAX } else { 8 };
    for (&one, behind) in twice.iter().zip(1..) {
        let others = twice.iter().skip(behind).take(partners);
        ways.extend(others.map(|&two| Reads::CutTwice(one, two)));
    }
    ways
}

/// The places where a cut is most likely to matter: in each line that arrives, before and inside the
/// header (at most 14 bytes) and the first bytes of the payload, and before its last five bytes.
pub fn seams(script: &Script) -> Vec<usize> {
    let mut cuts = Vec::new();
    let mut end = 0_usize;
    for line in &script.lines {
        if let Step::Act(Action::Receive(bytes)) = &line.step {
            let start = end;
            end = end.saturating_add(bytes.len());
            cuts.extend(start..start.saturating_add(20).min(end));
            cuts.extend(end.saturating_sub(5).max(start)..end);
        }
    }
    cuts.retain(|&cut| cut > 0);
    cuts.sort_unstable();
    cuts.dedup();
    cuts
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
        let mut rest = bytes;
        while !rest.is_empty() {
            let until_cut = self.reads.next_cut(self.arrived);
            let size = until_cut.map_or(rest.len(), |cut| cut.saturating_sub(self.arrived));
            let (read, behind) = rest.split_at_mut(size.min(rest.len()));
            self.arrived = self.arrived.saturating_add(read.len());
            self.one_read(read);
            rest = behind;
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
