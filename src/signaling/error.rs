//! What the switchboard refuses: a closed list of codes, in one table.
//!
//! The replies, the documentation and the tests read the same table, so that a code has one
//! spelling and one sentence everywhere.

use std::borrow::Cow;
use std::fmt;

/// Why a request was not done. Its [`code`](Self::code) is for programs and never changes; its
/// [`sentence`](Self::sentence) is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The text is not JSON.
    InvalidJson,
    /// The text is JSON, but not a request: no object, a field missing, twice, or of a wrong type.
    InvalidMessage,
    /// The `type` is none that the switchboard knows.
    UnrecognizedCommand,
    /// The request needs a login before it.
    NotLoggedIn,
    /// The name of a user or of a room breaks the rules of [`Name`](super::Name).
    InvalidName,
    /// Somebody else has this name.
    NameTaken,
    /// Nobody has this name; or, for a message in a room, nobody in that room.
    UserNotFound,
    /// The target is the sender.
    ToYourself,
    /// There is no call with this user that could be left.
    NotInCall,
    /// One of the two has as many partners as one user may have.
    TooManyPartners,
    /// The room holds as many users as it may.
    RoomFull,
    /// The sender is not in that room.
    NotInRoom,
    /// The sender is in as many rooms as one user may be.
    TooManyRooms,
    /// Messages came faster than the server allows; this one was dropped.
    RateLimited,
}

impl ErrorCode {
    /// Every code, in the order of the table.
    pub const ALL: [Self; 14] = [
        Self::InvalidJson,
        Self::InvalidMessage,
        Self::UnrecognizedCommand,
        Self::NotLoggedIn,
        Self::InvalidName,
        Self::NameTaken,
        Self::UserNotFound,
        Self::ToYourself,
        Self::NotInCall,
        Self::TooManyPartners,
        Self::RoomFull,
        Self::NotInRoom,
        Self::TooManyRooms,
        Self::RateLimited,
    ];

    /// The code as it stands in a reply.
    pub const fn code(self) -> &'static str {
        self.row().0
    }

    /// The beginning of the reply's `message`.
    pub const fn sentence(self) -> &'static str {
        self.row().1
    }

    /// The table.
    const fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::InvalidJson => ("invalid-json", "This is not JSON"),
            Self::InvalidMessage => ("invalid-message", "This is not a request"),
            // The tutorials' words; what follows them is the command.
            Self::UnrecognizedCommand => ("unrecognized-command", "Unrecognized command"),
            Self::NotLoggedIn => ("not-logged-in", "Log in first"),
            Self::InvalidName => ("invalid-name", "This cannot be a name"),
            Self::NameTaken => ("name-taken", "Somebody else has this name"),
            Self::UserNotFound => ("user-not-found", "Nobody of this name is here"),
            Self::ToYourself => ("to-yourself", "This is your own name"),
            Self::NotInCall => ("not-in-call", "You have no call with this user"),
            Self::TooManyPartners => ("too-many-partners", "One of you has too many calls"),
            Self::RoomFull => ("room-full", "This room is full"),
            Self::NotInRoom => ("not-in-room", "You are not in this room"),
            Self::TooManyRooms => ("too-many-rooms", "You are in too many rooms"),
            Self::RateLimited => ("rate-limited", "You send too fast; this was dropped"),
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A request that is not done: the code, and what the reply tells beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal<'a> {
    /// Why.
    pub code: ErrorCode,
    /// What follows the code's sentence after a colon. It may be a peer's text.
    pub detail: Option<Cow<'a, str>>,
    /// The user that the request was about. It may be a peer's text.
    pub name: Option<Cow<'a, str>>,
    /// The room that the request was about. It may be a peer's text.
    pub room: Option<Cow<'a, str>>,
}

impl<'a> Refusal<'a> {
    /// A refusal that tells no more than its code.
    pub const fn new(code: ErrorCode) -> Self {
        Self { code, detail: None, name: None, room: None }
    }

    /// Adds what exactly was wrong.
    pub fn detail(mut self, detail: impl Into<Cow<'a, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds the user that the request was about.
    pub fn name(mut self, name: impl Into<Cow<'a, str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Adds the room that the request was about.
    pub fn room(mut self, room: impl Into<Cow<'a, str>>) -> Self {
        self.room = Some(room.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_complete_and_no_two_rows_share_a_code_or_a_sentence() {
        for (index, code) in ErrorCode::ALL.into_iter().enumerate() {
            assert_eq!(code as usize, index, "{code:?} is out of order");
            let shares = |other: &ErrorCode| {
                other.code() == code.code() || other.sentence() == code.sentence()
            };
            assert_eq!(ErrorCode::ALL.iter().filter(|other| shares(other)).count(), 1);
        }
    }

    #[test]
    fn every_code_is_documented_where_the_readme_points() {
        let documentation = include_str!("mod.rs");
        for code in ErrorCode::ALL {
            let row = format!("//! | `{code}` |");
            assert!(documentation.contains(&row), "no row for {code}");
        }
    }
}
