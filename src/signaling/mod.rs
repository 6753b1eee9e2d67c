//! The switchboard: who may talk to whom before there is a call, and the JSON between them.
//!
//! Two browsers that want a WebRTC call must first exchange a few messages: an offer, an answer,
//! and the addresses where each may be reached. [`Signaling`] is an
//! [`Application`] that passes these on by name. It speaks the JSON that
//! the classic tutorials speak, so their pages work unmodified, and adds to it.
//!
//! # In what order to read it
//!
//! 1. [`request`]: the text of a message becomes a [`Request`](request::Request), or an error;
//! 2. [`name`]: what may be the name of a user or a room;
//! 3. [`error`]: what is refused, and in what words;
//! 4. `users.rs` and `rooms.rs`: who is here under what name, in a call with whom, in which room
//!    (`table.rs` is the hash table below both);
//! 5. `switchboard.rs`: how each request is done;
//! 6. `reply.rs`: the messages that are sent.
//!
//! # What it promises
//!
//! - Every request that cannot be done is answered with an error, and has then changed nothing.
//! - A message goes to the one user it names, to partners, to those in a room of the sender's, or
//!   back to the sender; to nobody else. Without a login, only back.
//! - The `name` that a receiver reads is the one the sender logged in with, whatever it wrote.
//! - A name has one owner, from its login until it takes another name or closes. Each partner hears
//!   exactly one `leave`.
//! - Offers, answers, candidates and messages are passed on byte for byte and in order.
//! - A message costs the memory of the one that is sent for it and little more; tables shrink when
//!   users and rooms go.
//!
//! # What it deliberately does not do
//!
//! It knows no frames, no sockets and no clock, keeps no message for anybody who is away, tells
//! nobody who is here, and does not look into what two sides of a call say to each other.
//!
//! # The dialect
//!
//! Each text message is one JSON object; `type` says what it is. Fields may come in any order.
//! Those that are not listed are ignored; one of those below that stands twice is an error. In what
//! a client sends, `name` is the target; in what it receives, the source. Nothing is sent on
//! connect. A client that does not log in within the deadline is closed with 1008; a binary message
//! is answered with 1003.
//!
//! A request may carry an `id`, a string or a number of at most [`request::MAX_ID`] bytes: its
//! answer or its error carries the same, byte for byte. What is only passed on has no answer: no
//! error means that it went out.
//!
//! ## What a client sends
//!
//! | request | fields | answer |
//! | --- | --- | --- |
//! | `login` | `name` | `login` |
//! | `offer` | `offer` (anything), `name` | - |
//! | `answer` | `answer` (anything), `name` | - |
//! | `candidate` | `candidate` (anything, also `null`), `name` | - |
//! | `leave` | `name`; without: all calls | - |
//! | `create or join`, or `join` | `room` | `created`, `joined` or `full` |
//! | `leave-room` | `room` | - |
//! | `message` | `message` (anything), `room`; `name` for one in the room only | - |
//! | `bye` | `room` | - |
//! | the text `ping`, no JSON | | the text `pong` |
//!
//! - A second `login` renames: the old name is free, partners hear `leave`, and those in a room
//!   `leave-room`, both with the old name. The same name again succeeds and changes nothing. A
//!   login that fails changes nothing either: who had a name keeps it.
//! - An `offer` or an `answer` makes the two users partners; a `candidate` does not. `leave` ends
//!   that for both. Who closes leaves all partners and rooms.
//! - Of a room's members, the later one is the polite side of each pair, as "perfect negotiation"
//!   needs it: `polite` tells the receiver its own role. Entering a room again is answered `joined`
//!   once more and changes nothing; `polite` is then absent if it is not one for all `peers`.
//! - `bye` says that the sender hangs up; it stays in the room.
//!
//! ## What a client receives
//!
//! ```json
//! {"type":"login","success":true,"name":"alice"}
//! {"type":"login","success":false,"code":"name-taken","message":"...","name":"alice"}
//! {"type":"offer","offer":{},"name":"alice"}
//! {"type":"answer","answer":{},"name":"bob"}
//! {"type":"candidate","candidate":null,"name":"bob"}
//! {"type":"leave","name":"bob"}
//! {"type":"created","room":"foo","name":"alice"}
//! {"type":"joined","room":"foo","name":"carol","peers":["alice","bob"],"polite":true}
//! {"type":"full","code":"room-full","message":"...","room":"foo","request":"join"}
//! {"type":"join","room":"foo","name":"carol","polite":false}
//! {"type":"leave-room","room":"foo","name":"carol"}
//! {"type":"message","message":{},"room":"foo","name":"alice"}
//! {"type":"bye","room":"foo","name":"alice"}
//! {"type":"error","code":"user-not-found","message":"...","name":"bob","request":"offer","id":7}
//! ```
//!
//! `name` is the receiver's own in `login`, `created` and `joined`; in an error it is the user that
//! the request was about, and `room` the room. A failed `login`, whatever the error, says so with
//! `success`. An error repeats at most [`MAX_ECHO`] bytes of any text.
//!
//! ## Errors
//!
//! | code | when |
//! | --- | --- |
//! | `invalid-json` | the text is not JSON |
//! | `invalid-message` | no object; a field is missing, of a wrong type, or stands twice |
//! | `unrecognized-command` | a `type` that is not in the table above |
//! | `not-logged-in` | anything but `login` and `ping`, before a login |
//! | `invalid-name` | a name of a user or room that breaks the rules below |
//! | `name-taken` | a login with somebody else's name |
//! | `user-not-found` | nobody has the name; in a `message`, nobody in the room |
//! | `to-yourself` | the target is the sender |
//! | `not-in-call` | `leave` to somebody who is no partner (any more) |
//! | `too-many-partners` | an `offer` or `answer`, and one of the two has too many calls |
//! | `room-full` | with the type `full`: the room has no place left |
//! | `not-in-room` | `leave-room`, `message` or `bye`, and the sender is not in the room |
//! | `too-many-rooms` | the sender is in too many rooms |
//! | `rate-limited` | messages come too fast; this one was dropped |
//!
//! ## Names
//!
//! Users and rooms have names of 1 to [`name::MAX_NAME`] bytes of UTF-8. Spellings that Unicode
//! calls equivalent are one name (NFC). Control characters, characters that are not seen, all white
//! space but a space inside, and code points without an assigned character are refused.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::panic
    )
)]

pub mod error;
pub mod name;
pub mod request;

mod figures;
mod reply;
mod rooms;
mod switchboard;
mod table;
mod users;

#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

pub use error::ErrorCode;
pub use name::Name;
pub use reply::MAX_ECHO;

use crate::apps::{Application, Context, Figure, Message};
use crate::protocol::{CloseCode, Closure};
use error::Refusal;
use figures::Figures;
use request::Envelope;
use rooms::Rooms;
use users::Users;

/// What can be set.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a peer may stay without a login; `None`: for ever.
    pub login_deadline: Option<Duration>,
    /// How many users a room may hold.
    pub room_capacity: NonZeroUsize,
    /// In how many rooms one user may be.
    pub rooms_per_user: usize,
    /// In how many calls one user may be.
    pub partners_per_user: usize,
}

impl Options {
    /// The tutorials' pages connect when they are loaded and log in when a person has typed a name:
    /// time for that, not for strangers to hold connections open.
    pub const LOGIN_DEADLINE: Duration = Duration::from_secs(60);
    /// A room is a call between two, as in the tutorials.
    pub const ROOM_CAPACITY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);
    /// More than a person attends to; it bounds how many rooms a peer's closing must tidy up.
    pub const ROOMS_PER_USER: usize = 8;
    /// More than any browser holds in connections; it bounds how many `leave` one closing sends.
    pub const PARTNERS_PER_USER: usize = 256;
}

impl Default for Options {
    fn default() -> Self {
        Self {
            login_deadline: Some(Self::LOGIN_DEADLINE),
            room_capacity: Self::ROOM_CAPACITY,
            rooms_per_user: Self::ROOMS_PER_USER,
            partners_per_user: Self::PARTNERS_PER_USER,
        }
    }
}

/// The switchboard of one mount.
#[derive(Debug, Default)]
pub struct Signaling {
    options: Options,
    users: Users,
    rooms: Rooms,
    figures: Figures,
    /// Where messages are written; kept, so that passing one on allocates nothing.
    out: String,
}

impl Signaling {
    /// How much capacity is kept for the next message; what a huge one needed more is given back.
    const KEPT: usize = 64 * 1024;

    /// A switchboard without users.
    pub fn new(options: Options) -> Self {
        Self { options, ..Self::default() }
    }
}

impl Application for Signaling {
    fn open(&mut self, context: &mut Context<'_>) {
        context.set_timeout(self.options.login_deadline);
    }

    fn text(&mut self, context: &mut Context<'_>, text: &str) {
        // The heartbeat of a tutorial whose other messages are JSON.
        if text == "ping" {
            return context.reply(Message::Text("pong"));
        }
        let (envelope, request) = request::parse(text);
        let done = request.and_then(|request| self.perform(context, &envelope, request));
        if let Err(refusal) = done {
            self.refuse(context, &envelope, &refusal);
        }
        self.out.clear();
        self.out.shrink_to(Self::KEPT);
        self.figures.update(self.users.len(), self.rooms.len());
    }

    fn timeout(&mut self, context: &mut Context<'_>) {
        if self.users.name_of(context.peer()).is_none() {
            context.close(CloseCode::POLICY_VIOLATION, "you did not log in in time");
        }
    }

    fn throttled(&mut self, context: &mut Context<'_>) {
        let refusal = Refusal::new(ErrorCode::RateLimited);
        self.refuse(context, &Envelope::default(), &refusal);
    }

    fn close(&mut self, context: &mut Context<'_>, _: &Closure) {
        self.depart(context);
        self.figures.update(self.users.len(), self.rooms.len());
    }

    fn figures(&self) -> Arc<[Figure]> {
        self.figures.shared()
    }
}
