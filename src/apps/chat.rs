//! Sends each message to everybody, its sender included: the classic chat page.

use std::collections::BTreeSet;

use super::{Application, Context, Message, PeerId};
use crate::protocol::Closure;

/// A single room where all peers hear all messages.
#[derive(Debug, Default)]
pub struct Chat {
    peers: BTreeSet<PeerId>,
    prefixed: bool,
}

impl Chat {
    /// A chat that puts the sender's address before each text: `127.0.0.1:50000 -> hello`.
    pub fn prefixed() -> Self {
        Self { prefixed: true, ..Self::default() }
    }
}

impl Application for Chat {
    fn open(&mut self, context: &mut Context<'_>) {
        self.peers.insert(context.peer());
    }

    fn text(&mut self, context: &mut Context<'_>, text: &str) {
        let everybody = self.peers.iter().copied();
        if self.prefixed {
            let text = format!("{} -> {text}", context.address());
            context.send_to_all(everybody, Message::Text(&text));
        } else {
            context.send_to_all(everybody, Message::Text(text));
        }
    }

    fn binary(&mut self, context: &mut Context<'_>, payload: &[u8]) {
        context.send_to_all(self.peers.iter().copied(), Message::Binary(payload));
    }

    fn close(&mut self, context: &mut Context<'_>, _: &Closure) {
        self.peers.remove(&context.peer());
    }
}
