//! Sends each message back, text as text and binary as binary.

use super::{Application, Context, Message};

/// The application that conformance tests talk to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Echo;

impl Application for Echo {
    fn text(&mut self, context: &mut Context<'_>, text: &str) {
        context.reply(Message::Text(text));
    }

    fn binary(&mut self, context: &mut Context<'_>, payload: &[u8]) {
        context.reply(Message::Binary(payload));
    }
}
