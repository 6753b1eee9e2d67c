//! What a connection tells whoever drives it: what the peer did, and how it all ended.

use super::close::{CloseCode, CloseReason};
use super::violation::Violation;

/// Something that a peer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A whole text message.
    Text(&'a str),
    /// A whole binary message.
    Binary(&'a [u8]),
    /// A ping with its payload. It has been answered or, with much waiting to be sent, will be.
    Ping(&'a [u8]),
    /// A pong with its payload, asked for or not.
    Pong(&'a [u8]),
    /// The peer's Close frame. If it began the closing handshake, it has been answered.
    Close(Option<CloseReason<'a>>),
    /// The peer broke a rule. The Close frame that says so is queued, and all further input is
    /// discarded.
    Violation(Violation),
}

/// Where a connection stands: RFC 6455, 7.1.
///
/// The RFC says CLOSING from the first Close frame on, sent or received (7.1.3), and CLOSED when TCP
/// is (7.1.4). TCP is not known here, so this is [`Closed`](Self::Closed) as soon as nothing more can
/// come of what arrives: when Close frames went both ways, or a rule was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Messages flow both ways.
    Open,
    /// A Close frame was sent; the peer's is awaited. Its messages are no longer delivered.
    Closing,
    /// Nothing more will be received. Output may still be pending.
    Closed,
}

/// Who or what ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// The peer sent the first Close frame.
    Peer,
    /// Our side sent the first Close frame.
    Local,
    /// The peer broke a rule.
    Violation(Violation),
    /// The transport ended before any Close frame.
    Transport,
    /// The peer was silent after a ping.
    Silence,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closure {
    /// Who or what ended it.
    pub by: EndedBy,
    /// The code of the Close frame that ended it: the peer's or ours, as `by` tells. None if there
    /// was no such frame, or no code in it.
    pub code: Option<CloseCode>,
    /// Whether Close frames went both ways: RFC 6455, 7.1.4, "closed _cleanly_".
    pub clean: bool,
}
