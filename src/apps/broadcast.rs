//! Sends each message to all others.

use std::collections::BTreeSet;

use super::{Application, Context, Message, PeerId};
use crate::protocol::Closure;

/// What one peer says, all others hear: a signaling server for exactly two, or a bus for many.
#[derive(Debug, Default)]
pub struct Broadcast {
    peers: BTreeSet<PeerId>,
}

impl Broadcast {
    fn send_to_others(&self, context: &mut Context<'_>, message: Message<'_>) {
        let sender = context.peer();
        let others = self.peers.iter().copied().filter(|&peer| peer != sender);
        context.send_to_all(others, message);
    }
}

impl Application for Broadcast {
    fn open(&mut self, context: &mut Context<'_>) {
        self.peers.insert(context.peer());
    }

    fn text(&mut self, context: &mut Context<'_>, text: &str) {
        self.send_to_others(context, Message::Text(text));
    }

    fn binary(&mut self, context: &mut Context<'_>, payload: &[u8]) {
        self.send_to_others(context, Message::Binary(payload));
    }

    fn close(&mut self, context: &mut Context<'_>, _: &Closure) {
        self.peers.remove(&context.peer());
    }
}
