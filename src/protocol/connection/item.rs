//! What one step found, and the event that it becomes.
//!
//! The two are apart because the borrow checker wants it so: a step may change all of the
//! connection, and the event of what was gathered borrows from it.

use super::super::close::CloseReason;
use super::super::frame::Opcode;
use super::super::message::{Unfinished, Whole};
use super::Event;

/// What one step found: in the input, or in what was gathered before.
pub(super) enum Item<'i> {
    Message(Whole<'i>),
    Control(Opcode, &'i [u8]),
    GatheredMessage,
    GatheredControl(Opcode),
}

impl<'i> Item<'i> {
    pub(super) fn is_close(&self) -> bool {
        matches!(self, Self::Control(Opcode::Close, _) | Self::GatheredControl(Opcode::Close))
    }

    pub(super) fn into_event<'s>(self, unfinished: Option<&'s Unfinished>) -> Event<'s>
    where
        'i: 's,
    {
        match self {
            Self::Message(whole) => whole.into(),
            Self::Control(opcode, payload) => control_event(opcode, payload),
            Self::GatheredMessage => unfinished
                .and_then(|unfinished| unfinished.message.as_ref())
                .map_or(Event::Binary(b""), |message| message.whole().into()),
            Self::GatheredControl(opcode) => {
                let payload = unfinished.map(|unfinished| unfinished.control.bytes());
                control_event(opcode, payload.unwrap_or_default())
            }
        }
    }
}

impl<'a> From<Whole<'a>> for Event<'a> {
    fn from(whole: Whole<'a>) -> Self {
        match whole {
            Whole::Text(text) => Event::Text(text),
            Whole::Binary(payload) => Event::Binary(payload),
        }
    }
}

fn control_event(opcode: Opcode, payload: &[u8]) -> Event<'_> {
    match opcode {
        Opcode::Ping => Event::Ping(payload),
        Opcode::Close => Event::Close(CloseReason::parse(payload).ok().flatten()),
        _ => Event::Pong(payload),
    }
}
