//! What the dissector yields: an [`Item`] with its fields, its steps, and what the core says of it.
//!
//! These types are the contract of `--json` and of the inspector: see the head of
//! [`dissect`](super) for an example of the JSON. Strings may hold anything that the peer sent,
//! control characters included; whoever shows them on a terminal escapes them.

use serde::{Serialize, Serializer};

use super::source::Place;
use crate::protocol::{Role, State};

/// Which end of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The one that asked for the WebSocket; it masks its frames.
    Client,
    /// The one that was asked.
    Server,
}

impl Side {
    /// The other end.
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    /// `client` or `server`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

impl From<Role> for Side {
    fn from(role: Role) -> Self {
        match role {
            Role::Client => Self::Client,
            Role::Server => Self::Server,
        }
    }
}

/// Bytes; in JSON, a string of hexadecimal digits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hex(pub Vec<u8>);

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::frame::digits(&self.0, ""))
    }
}

impl From<&[u8]> for Hex {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The head of an HTTP request.
    Request,
    /// The head of an HTTP response.
    Response,
    /// A WebSocket frame.
    Frame,
    /// Bytes that are neither: the body of an HTTP response, or what follows a head that was
    /// refused.
    Data,
}

impl Kind {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
            Self::Frame => "frame",
            Self::Data => "data",
        }
    }
}

/// One thing on the wire, annotated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Who sent it.
    pub from: Side,
    /// What it is.
    pub kind: Kind,
    /// Its number among all items of its direction, from 1.
    pub number: u64,
    /// How many bytes its sender had sent before it.
    pub offset: u64,
    /// How many of its bytes arrived.
    pub length: u64,
    /// How many of its bytes are announced but did not arrive. What a header leaves open, because
    /// it is itself incomplete, is not counted.
    pub missing: u64,
    /// Whether all of it arrived.
    pub complete: bool,
    /// Its bytes as they stood on the wire, masked if they were; the payload may be clipped, and
    /// then these are fewer than `length`.
    pub bytes: Hex,
    /// One line: what it is and carries.
    pub summary: String,
    /// Its fields, in the order of the wire.
    pub fields: Vec<Field>,
    /// Of a frame, its header's values.
    pub frame: Option<FrameValues>,
    /// What can be worked out from it.
    pub steps: Vec<Step>,
    /// What its receiver's core tells the application, if this item completes something.
    pub event: Option<Told>,
    /// The rule it breaks.
    pub violation: Option<Fault>,
    /// The state of the end that received it, before and after.
    pub receiver: Change,
    /// The state of the end that sent it, before and after.
    pub sender: Change,
    /// What the receiver's core sends because of it, byte for byte: a Pong, a Close. (If the
    /// receiver is a client, its masking key is that of the RFC's examples.)
    pub answer: Hex,
    /// What else a reader should know.
    pub notes: Vec<String>,
}

/// One field: some bits of some bytes, and what they mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// The name that Wireshark gives the field.
    pub name: &'static str,
    /// The first byte, counted from the start of the item.
    pub start: u64,
    /// The byte after the last one. It may lie beyond the bytes that are shown, and beyond those
    /// that arrived.
    pub end: u64,
    /// Which bits of a single byte, if not all of them.
    pub mask: Option<u8>,
    /// Those bits where they stand, the others as dots: `.... 0001`.
    pub bits: Option<String>,
    /// The name for a human.
    pub label: String,
    /// The value for a human.
    pub value: String,
    /// What it means, for one who learns.
    pub meaning: String,
    /// Where it is defined.
    pub rfc: Option<Reference>,
}

/// A section of an RFC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Reference {
    /// The RFC's number.
    pub rfc: u16,
    /// The section.
    pub section: &'static str,
}

/// The values of a frame's header. Those that have not arrived yet are missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FrameValues {
    /// FIN: this is the last fragment of its message.
    pub fin: bool,
    /// RSV1, RSV2 and RSV3 as the bits 4, 2 and 1.
    pub rsv: u8,
    /// The opcode, 0 to 15.
    pub opcode: u8,
    /// Its name: `text`, or `reserved`.
    pub opcode_name: &'static str,
    /// Whether the payload is masked.
    pub masked: Option<bool>,
    /// The masking key.
    pub masking_key: Option<Hex>,
    /// The length of the payload.
    pub payload_length: Option<u64>,
    /// How many bytes the header has.
    pub header_length: u64,
    /// The payload, unmasked, and clipped as `bytes` is.
    pub payload: Hex,
    /// Of a data frame: the number of its message in this direction, from 1.
    pub message: Option<u64>,
    /// Of a data frame: its number among the fragments of its message, from 1.
    pub fragment: Option<u64>,
}

/// Something worked out step by step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Step {
    /// RFC 6455, 5.3: each byte of the payload XOR a byte of the key.
    Unmask {
        /// The four bytes of the key.
        key: Hex,
        /// The first bytes of the payload.
        rows: Vec<UnmaskRow>,
        /// How many more there are.
        more: u64,
    },
    /// RFC 6455, 4.2.2: from `Sec-WebSocket-Key` to `Sec-WebSocket-Accept`.
    Accept {
        /// The key, as it was sent.
        key: String,
        /// What is appended.
        guid: &'static str,
        /// Both together: this is hashed.
        concatenated: String,
        /// The SHA-1 of it, 20 bytes.
        sha1: Hex,
        /// Its base64: the value of `Sec-WebSocket-Accept`.
        accept: String,
    },
    /// RFC 7692, 7.2.2: from a compressed message to the message.
    Inflate {
        /// The payloads of the message's frames, joined, unmasked; clipped.
        compressed: Hex,
        /// How many bytes they are.
        compressed_length: u64,
        /// The four bytes that the sender left out and the receiver appends.
        tail: Hex,
        /// How many bytes they inflate to.
        inflated_length: u64,
        /// Whether the stream goes on from the message before.
        context_takeover: bool,
    },
}

/// One byte, unmasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct UnmaskRow {
    /// Its index in the payload.
    pub index: u64,
    /// As it stands on the wire.
    pub masked: u8,
    /// Octet `index` modulo 4 of the key.
    pub key: u8,
    /// The XOR of both.
    pub plain: u8,
}

/// What the core tells of an item that completes something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Told {
    /// A whole text message.
    Text {
        /// Its length in bytes.
        length: u64,
        /// Its text, clipped between characters.
        text: String,
    },
    /// A whole binary message.
    Binary {
        /// Its length.
        length: u64,
        /// Its bytes, clipped.
        bytes: Hex,
    },
    /// A ping.
    Ping {
        /// Its payload.
        bytes: Hex,
    },
    /// A pong.
    Pong {
        /// Its payload.
        bytes: Hex,
    },
    /// A Close frame.
    Close {
        /// Its code, if it has one.
        code: Option<u16>,
        /// The registered name of the code.
        name: Option<&'static str>,
        /// Its reason, possibly empty.
        reason: String,
    },
    /// A rule was broken: see the item's `violation`.
    Violation,
    /// A request that a server may answer with 101.
    Handshake {
        /// The path and query that are asked for.
        target: String,
        /// The subprotocols that are offered.
        subprotocols: Vec<String>,
        /// The extensions that are offered, by name.
        extensions: Vec<String>,
    },
    /// A request that asks for no WebSocket.
    Plain {
        /// The method.
        method: String,
        /// The path and query.
        target: String,
    },
    /// A response with status 101 that is right: from here on, frames.
    Upgraded {
        /// The subprotocol that was chosen.
        subprotocol: Option<String>,
        /// The parameters of permessage-deflate, if it was agreed to.
        deflate: Option<DeflateValues>,
    },
    /// A response with another status: no WebSocket.
    Answered {
        /// The status.
        status: u16,
    },
}

/// What was agreed on for compression: RFC 7692, 7.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DeflateValues {
    /// The server compresses each message anew.
    pub server_no_context_takeover: bool,
    /// The client compresses each message anew.
    pub client_no_context_takeover: bool,
    /// The server looks back at most 2 to this power bytes.
    pub server_max_window_bits: u8,
    /// The client looks back at most 2 to this power bytes.
    pub client_max_window_bits: u8,
}

/// A rule that an item breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Its name in the source, such as `Violation::ReservedBits`.
    pub name: String,
    /// The code of the Close frame that answers it, if it is one of a frame.
    pub close_code: Option<u16>,
    /// The registered name of that code.
    pub close_name: Option<&'static str>,
    /// The HTTP status that answers it, if it is one of a request.
    pub status: Option<u16>,
    /// The section of the RFC, such as `RFC 6455, 5.2`.
    pub section: String,
    /// What was wrong, in half a sentence.
    pub sentence: String,
    /// What to do about it, if it is one of a request.
    pub advice: Option<&'static str>,
    /// The file of this project that keeps the rule, and the line.
    pub source: Place,
}

/// Where one end stands, before and after an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Which end.
    pub side: Side,
    /// Before.
    pub before: Stage,
    /// After.
    pub after: Stage,
}

/// Where one end stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The handshake is not complete: RFC 6455, 4.
    Connecting,
    /// Messages flow.
    Open,
    /// It has sent a Close frame and awaits the other's.
    Closing,
    /// It receives nothing any more.
    Closed,
    /// It is no WebSocket, and will not become one.
    Http,
}

impl Stage {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Open => "open",
            Self::Closing => "closing",
            Self::Closed => "closed",
            Self::Http => "http",
        }
    }
}

impl From<State> for Stage {
    fn from(state: State) -> Self {
        match state {
            State::Open => Self::Open,
            State::Closing => Self::Closing,
            State::Closed => Self::Closed,
        }
    }
}
