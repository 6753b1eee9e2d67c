//! What a client asks for: from the text of a message to a [`Request`].
//!
//! The text is read once. Nothing in it is copied but names that are spelt with escapes or are not
//! in NFC: the payloads (offers, answers, candidates, messages) stay slices of the text, checked to
//! be JSON but never taken apart, so that depth and size cost nothing.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::error::{ErrorCode, Refusal};
use super::name::Name;

/// The most bytes of a request's `id`, as it stands in the text: enough for a UUID or any number,
/// too little to make the server's errors large.
pub const MAX_ID: usize = 64;

/// The most bytes of a string with escapes that is decoded, which needs a copy. It is more than any
/// name can need, were each of its bytes spelt as `\u0061`.
const MAX_ESCAPED: usize = 2048;

/// A request that has the right shape. Whether it can be done is another question.
#[derive(Clone, Debug)]
pub enum Request<'a> {
    /// `login`: take a name.
    Login {
        /// The name.
        name: Name<'a>,
    },
    /// `offer`, `answer` or `candidate`: pass this on.
    Signal {
        /// Which of the three.
        signal: Signal,
        /// The offer, answer or candidate.
        payload: &'a RawValue,
        /// To whom.
        to: Name<'a>,
    },
    /// `leave`: end a call.
    Leave {
        /// The call with whom; `None`: every call.
        to: Option<Name<'a>>,
    },
    /// `create or join`, or `join`: enter a room.
    Join {
        /// The room.
        room: Name<'a>,
    },
    /// `leave-room`: go out of a room.
    LeaveRoom {
        /// The room.
        room: Name<'a>,
    },
    /// `message`: tell those in a room something.
    Message {
        /// The room.
        room: Name<'a>,
        /// Whom in the room; `None`: all others.
        to: Option<Name<'a>>,
        /// What.
        payload: &'a RawValue,
    },
    /// `bye`: tell those in a room of hanging up.
    Bye {
        /// The room.
        room: Name<'a>,
    },
}

/// What two sides of a call pass to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// A session description that opens a call.
    Offer,
    /// The session description that answers it.
    Answer,
    /// An address where one side may be reached; `null` after the last.
    Candidate,
}

impl Signal {
    /// Its `type`, and the name of the field that carries it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Offer => "offer",
            Self::Answer => "answer",
            Self::Candidate => "candidate",
        }
    }
}

/// What a reply or an error repeats of its request, as far as that could be read.
#[derive(Clone, Debug, Default)]
pub struct Envelope<'a> {
    /// The request's `type`. It may be a peer's text.
    pub request: Option<Cow<'a, str>>,
    /// The request's `id`: a JSON string or number, byte for byte.
    pub id: Option<&'a RawValue>,
}

/// Reads the text of a message.
pub fn parse(text: &str) -> (Envelope<'_>, Result<Request<'_>, Refusal<'_>>) {
    let mut envelope = Envelope::default();
    let request = parse_into(&mut envelope, text);
    (envelope, request)
}

/// The fields that any request has. Each is kept as it stands and judged when it is needed, so an
/// error can name its field, and a field that a request does not need may be anything.
///
/// serde refuses a field that stands twice; which of the two would count is anybody's guess.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default, deserialize_with = "present", rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    name: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    room: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    offer: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    answer: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    candidate: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    message: Option<&'a RawValue>,
}

/// A field that is there, be it `null`: `"candidate":null` is the end of candidates, which is not
/// the same as no candidate. (serde alone would read both as `None`.)
fn present<'de: 'a, 'a, D>(deserializer: D) -> Result<Option<&'a RawValue>, D::Error>
where
    D: Deserializer<'de>,
{
    <&RawValue>::deserialize(deserializer).map(Some)
}

fn parse_into<'a>(envelope: &mut Envelope<'a>, text: &'a str) -> Result<Request<'a>, Refusal<'a>> {
    let fields = read_object(text)?;
    envelope.id = fields.id.map(check_id).transpose()?;
    let kind = string("type", fields.kind)?;
    envelope.request = Some(kind.clone());
    match &*kind {
        "login" => Ok(Request::Login { name: name(fields.name)? }),
        "offer" => signal(Signal::Offer, fields.offer, fields.name),
        "answer" => signal(Signal::Answer, fields.answer, fields.name),
        "candidate" => signal(Signal::Candidate, fields.candidate, fields.name),
        "leave" => Ok(Request::Leave { to: optional_name(fields.name)? }),
        "create or join" | "join" => Ok(Request::Join { room: room(fields.room)? }),
        "leave-room" => Ok(Request::LeaveRoom { room: room(fields.room)? }),
        "message" => Ok(Request::Message {
            room: room(fields.room)?,
            to: optional_name(fields.name)?,
            payload: required("message", fields.message)?,
        }),
        "bye" => Ok(Request::Bye { room: room(fields.room)? }),
        _ => Err(Refusal::new(ErrorCode::UnrecognizedCommand).detail(kind)),
    }
}

fn read_object(text: &str) -> Result<Fields<'_>, Refusal<'_>> {
    // serde would also fill the fields from an array, in their order.
    let json_space = [' ', '\t', '\n', '\r'];
    let is_object = text.trim_start_matches(json_space).starts_with('{');
    let fields = if is_object {
        serde_json::from_str(text).map(Some)
    } else {
        serde_json::from_str(text).map(|IgnoredAny| None)
    };
    match fields {
        Ok(Some(fields)) => Ok(fields),
        Ok(None) => Err(invalid("it is not an object")),
        // What serde says tells a position and at most a field that is ours, none of the text.
        Err(error) if error.classify() == Category::Data => Err(invalid(error.to_string())),
        Err(error) => Err(Refusal::new(ErrorCode::InvalidJson).detail(error.to_string())),
    }
}

fn invalid<'a>(detail: impl Into<Cow<'a, str>>) -> Refusal<'a> {
    Refusal::new(ErrorCode::InvalidMessage).detail(detail)
}

/// An `id` is not looked into: a client gets back what it wrote.
fn check_id(id: &RawValue) -> Result<&RawValue, Refusal<'static>> {
    let is_scalar = id.get().starts_with(|first: char| matches!(first, '"' | '-' | '0'..='9'));
    if is_scalar && id.get().len() <= MAX_ID {
        return Ok(id);
    }
    let rule = format!("`id` must be a string or a number of at most {MAX_ID} bytes");
    Err(invalid(rule))
}

fn required<'a>(
    field: &str,
    value: Option<&'a RawValue>,
) -> Result<&'a RawValue, Refusal<'static>> {
    value.ok_or_else(|| invalid(format!("`{field}` is missing")))
}

/// The text of a JSON string, copied only if it has escapes.
fn string<'a>(field: &str, value: Option<&'a RawValue>) -> Result<Cow<'a, str>, Refusal<'static>> {
    /// Told to borrow, serde borrows where it can.
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

    let json = required(field, value)?.get();
    if !json.starts_with('"') {
        return Err(invalid(format!("`{field}` must be a string")));
    }
    if json.len() > MAX_ESCAPED && json.contains('\\') {
        return Err(invalid(format!("`{field}` is too long")));
    }
    // What is a string by its grammar can fail only for `\ud800` and the like.
    let text = serde_json::from_str(json).map(|Text(text)| text);
    text.map_err(|_| invalid(format!("`{field}` has half of a surrogate pair")))
}

fn name(value: Option<&RawValue>) -> Result<Name<'_>, Refusal<'_>> {
    let text = string("name", value)?;
    Name::parse(text).map_err(|invalid| {
        Refusal::new(ErrorCode::InvalidName).detail(invalid.flaw.to_string()).name(invalid.text)
    })
}

fn optional_name(value: Option<&RawValue>) -> Result<Option<Name<'_>>, Refusal<'_>> {
    value.map(|value| name(Some(value))).transpose()
}

/// Rooms have names by the same rules as users.
fn room(value: Option<&RawValue>) -> Result<Name<'_>, Refusal<'_>> {
    let text = string("room", value)?;
    Name::parse(text).map_err(|invalid| {
        Refusal::new(ErrorCode::InvalidName).detail(invalid.flaw.to_string()).room(invalid.text)
    })
}

fn signal<'a>(
    signal: Signal,
    payload: Option<&'a RawValue>,
    to: Option<&'a RawValue>,
) -> Result<Request<'a>, Refusal<'a>> {
    Ok(Request::Signal { signal, payload: required(signal.word(), payload)?, to: name(to)? })
}
