//! The lines of a script: what is done, what happens, and what is then the case.

use std::fmt;
use std::time::Duration;

use super::frame;
use super::words::{Words, quote};
use crate::protocol::{CloseCode, Closure, EndedBy, Event, Role, SendError, State, Violation};

/// A line that says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The number of the line, counted from 1.
    pub number: usize,
    /// What it says.
    pub step: Step,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Something for the reader.
    Prose(String),
    /// Something is done to the connection.
    Act(Action),
    /// Something must happen next.
    Expect(Happening),
    /// Something must be so now.
    Check(Check),
}

/// What is done to the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Bytes arrive.
    Receive(Vec<u8>),
    /// The transport ends.
    End,
    /// Time passes, and what is due is done.
    Wait(Duration),
    /// The application sends something of its own accord.
    Send(Sending),
    /// Whether the application sends each message back.
    Echo(bool),
    /// Whether the transport takes what is to be sent.
    Flow(bool),
}

/// What the application sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sending {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A ping.
    Ping(Vec<u8>),
    /// A pong that answers no ping.
    Pong(Vec<u8>),
    /// A Close frame, perhaps with a code and a reason.
    Close(Option<(CloseCode, String)>),
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The connection tells of an event.
    Event(Seen),
    /// These bytes go to the peer, and were sent by an endpoint of this role.
    Output(Vec<u8>, Role),
    /// What the application wanted to send was refused.
    Refused(SendError),
}

/// An [`Event`] that can be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// [`Event::Text`]
    Text(String),
    /// [`Event::Binary`]
    Binary(Vec<u8>),
    /// [`Event::Ping`]
    Ping(Vec<u8>),
    /// [`Event::Pong`]
    Pong(Vec<u8>),
    /// [`Event::Close`]
    Close(Option<(CloseCode, String)>),
    /// [`Event::Violation`]
    Violation(Violation),
}

/// What must be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// Where the connection stands.
    State(State),
    /// How it ended.
    Ended(Closure),
    /// What it wants of the transport.
    Wants(Wants),
    /// When something will be due; `None`: never.
    Timeout(Option<Duration>),
}

/// What a connection wants of its transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// That it goes on.
    Nothing,
    /// That its sending side is closed.
    Shutdown,
    /// That it is dropped at once.
    Drop,
}

/// Reads the rest of a line that begins with the word `first`.
pub(in crate::trace) fn parse(first: &str, words: &mut Words, role: Role) -> Result<Step, String> {
    let peer = match role {
        Role::Server => Role::Client,
        Role::Client => Role::Server,
    };
    Ok(match first {
        ">" => Step::Act(match words.expect("a frame or eof")?.as_str() {
            "eof" => Action::End,
            kind => Action::Receive(frame::parse(kind, words, peer)?),
        }),
        "wait" => Step::Act(Action::Wait(words.time()?)),
        "send" => Step::Act(Action::Send(sending(words)?)),
        "echo" => Step::Act(Action::Echo(one_of(words, [("on", true), ("off", false)])?)),
        "transport" => {
            let flows = one_of(words, [("flowing", true), ("stalled", false)])?;
            Step::Act(Action::Flow(flows))
        }
        "event" => Step::Expect(Happening::Event(seen(words)?)),
        "<" => {
            let kind = words.expect("a frame")?;
            Step::Expect(Happening::Output(frame::parse(&kind, words, role)?, role))
        }
        "refused" => Step::Expect(Happening::Refused(one_of(words, REFUSALS)?)),
        "state" => Step::Check(Check::State(one_of(words, STATES)?)),
        "ended" => Step::Check(Check::Ended(closure(words)?)),
        "wants" => Step::Check(Check::Wants(one_of(words, WANTS)?)),
        "timeout" => Step::Check(Check::Timeout(match words.expect("in or never")?.as_str() {
            "in" => Some(words.time()?),
            "never" => None,
            other => return Err(format!("a timeout is in some time or never, not {other:?}")),
        })),
        other => {
            return Err(format!(
                "no line begins with {other:?}; they begin with #, role, limit, deflate, >, wait, send, \
                 echo, transport, event, <, refused, state, ended, wants or timeout"
            ));
        }
    })
}

const REFUSALS: [(&str, SendError); 3] = [
    ("closed", SendError::Closed),
    ("too-long", SendError::ControlFrameTooLong),
    ("full", SendError::Full),
];

const STATES: [(&str, State); 3] =
    [("open", State::Open), ("closing", State::Closing), ("closed", State::Closed)];

const WANTS: [(&str, Wants); 3] =
    [("nothing", Wants::Nothing), ("shutdown", Wants::Shutdown), ("drop", Wants::Drop)];

fn one_of<T, const N: usize>(words: &mut Words, names: [(&str, T); N]) -> Result<T, String> {
    let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    let known = known.join(", ");
    let word = words.expect(&format!("one of {known}"))?;
    let found = names.into_iter().find(|(name, _)| *name == word);
    let (_, value) = found.ok_or_else(|| format!("{word:?} is none of {known}"))?;
    Ok(value)
}

fn name_of<T: PartialEq, const N: usize>(value: &T, names: [(&'static str, T); N]) -> &'static str {
    let mut names = names.into_iter();
    names.find(|(_, v)| v == value).map_or("", |(name, _)| name)
}

fn text(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|_| "this must be UTF-8".to_owned())
}

fn sending(words: &mut Words) -> Result<Sending, String> {
    Ok(match words.expect("what is sent")?.as_str() {
        "text" => Sending::Text(text(words.payload()?)?),
        "binary" => Sending::Binary(words.payload()?),
        "ping" => Sending::Ping(words.payload()?),
        "pong" => Sending::Pong(words.payload()?),
        "close" => Sending::Close(reason(words)?),
        other => {
            return Err(format!("{other:?} is none of text, binary, ping, pong, close"));
        }
    })
}

fn seen(words: &mut Words) -> Result<Seen, String> {
    Ok(match words.expect("an event")?.as_str() {
        "text" => Seen::Text(text(words.payload()?)?),
        "binary" => Seen::Binary(words.payload()?),
        "ping" => Seen::Ping(words.payload()?),
        "pong" => Seen::Pong(words.payload()?),
        "close" => Seen::Close(reason(words)?),
        "violation" => Seen::Violation(violation(words)?),
        other => {
            return Err(format!("{other:?} is none of text, binary, ping, pong, close, violation"));
        }
    })
}

fn violation(words: &mut Words) -> Result<Violation, String> {
    let name = words.expect("the name of a violation")?;
    let mut all = Violation::ALL.into_iter();
    let found = all.find(|violation| format!("{violation:?}") == name);
    found.ok_or_else(|| format!("no violation is called {name:?}"))
}

fn code(words: &mut Words) -> Result<Option<CloseCode>, String> {
    let is_number = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
    let Some(word) = words.word_if(is_number) else {
        return Ok(None);
    };
    let code = word.parse().ok().and_then(CloseCode::new);
    code.map(Some).ok_or_else(|| format!("{word} is no close code that may be sent"))
}

fn reason(words: &mut Words) -> Result<Option<(CloseCode, String)>, String> {
    let Some(code) = code(words)? else {
        return Ok(None);
    };
    Ok(Some((code, text(words.payload()?)?)))
}

/// `ended by peer 1000 cleanly`
fn closure(words: &mut Words) -> Result<Closure, String> {
    if words.expect("by")? != "by" {
        return Err("a connection ended by peer, local, transport, silence or violation".into());
    }
    let by = match words.expect("by whom")?.as_str() {
        "peer" => EndedBy::Peer,
        "local" => EndedBy::Local,
        "transport" => EndedBy::Transport,
        "silence" => EndedBy::Silence,
        "violation" => EndedBy::Violation(violation(words)?),
        other => {
            return Err(format!("{other:?} is none of peer, local, transport, silence, violation"));
        }
    };
    let code = code(words)?;
    let clean = one_of(words, [("cleanly", true), ("uncleanly", false)])?;
    Ok(Closure { by, code, clean })
}

impl From<Event<'_>> for Seen {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Text(text) => Self::Text(text.to_owned()),
            Event::Binary(payload) => Self::Binary(payload.to_vec()),
            Event::Ping(payload) => Self::Ping(payload.to_vec()),
            Event::Pong(payload) => Self::Pong(payload.to_vec()),
            Event::Close(reason) => Self::Close(reason.map(|r| (r.code, r.reason.to_owned()))),
            Event::Violation(violation) => Self::Violation(violation),
        }
    }
}

/// As the line would stand in a script.
impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(seen) => write!(f, "event {seen}"),
            Self::Output(bytes, sender) => {
                let frames = frame::describe(bytes, *sender);
                write!(f, "< {}", frames.join("\n< "))
            }
            Self::Refused(error) => write!(f, "refused {}", name_of(error, REFUSALS)),
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "text {}", quote(text.as_bytes())),
            Self::Binary(payload) => write!(f, "binary {}", quote(payload)),
            Self::Ping(payload) => write!(f, "ping {}", quote(payload)),
            Self::Pong(payload) => write!(f, "pong {}", quote(payload)),
            Self::Close(None) => write!(f, "close"),
            Self::Close(Some((code, reason))) if reason.is_empty() => write!(f, "close {code}"),
            Self::Close(Some((code, reason))) => {
                write!(f, "close {code} {}", quote(reason.as_bytes()))
            }
            Self::Violation(violation) => write!(f, "violation {violation:?}"),
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(state) => write!(f, "state {}", name_of(state, STATES)),
            Self::Wants(wants) => write!(f, "wants {}", name_of(wants, WANTS)),
            Self::Timeout(None) => write!(f, "timeout never"),
            Self::Timeout(Some(time)) => write!(f, "timeout in {}ms", time.as_millis()),
            Self::Ended(Closure { by, code, clean }) => {
                match by {
                    EndedBy::Peer => write!(f, "ended by peer")?,
                    EndedBy::Local => write!(f, "ended by local")?,
                    EndedBy::Transport => write!(f, "ended by transport")?,
                    EndedBy::Silence => write!(f, "ended by silence")?,
                    EndedBy::Violation(violation) => write!(f, "ended by violation {violation:?}")?,
                }
                if let Some(code) = code {
                    write!(f, " {code}")?;
                }
                write!(f, " {}", if *clean { "cleanly" } else { "uncleanly" })
            }
        }
    }
}
