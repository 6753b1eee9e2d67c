//! What a server does with a message.
//!
//! An [`Application`] is mounted at a path and hears of the peers that connect there. It answers
//! through a [`Context`]. It never sees a socket: the same application runs in the server, in a
//! simulation and in a unit test.
//!
//! - [`context`]: what an application can do;
//! - [`figure`]: what it counts for whoever watches the server;
//! - [`echo`], [`broadcast`], [`chat`]: three small ones, to read and to copy;
//! - [`crate::signaling`] is the large one.

pub mod broadcast;
pub mod chat;
pub mod context;
pub mod echo;
pub mod figure;
pub mod peer;

pub use broadcast::Broadcast;
pub use chat::Chat;
pub use context::{Context, Effect, Effects, Message};
pub use echo::Echo;
pub use figure::{Figure, FigureKind};
pub use peer::PeerId;

use std::sync::Arc;

use crate::protocol::{CloseCode, Closure};

/// What a server does with the messages of the peers at one path.
///
/// One value serves all peers of its mount. Calls come one at a time, in the order in which the
/// server read the messages; for one peer they are `open`, then any number of the others, then
/// `close`, exactly once.
pub trait Application: Send {
    /// A peer has connected.
    fn open(&mut self, context: &mut Context<'_>) {
        let _ = context;
    }

    /// A peer sent a text message.
    fn text(&mut self, context: &mut Context<'_>, text: &str);

    /// A peer sent a binary message. Unless an application says otherwise it takes text only, and
    /// the peer is closed with 1003.
    fn binary(&mut self, context: &mut Context<'_>, payload: &[u8]) {
        let _ = payload;
        context.close(CloseCode::UNSUPPORTED_DATA, "text messages only");
    }

    /// The time that was set with [`Context::set_timeout`] has passed.
    fn timeout(&mut self, context: &mut Context<'_>) {
        let _ = context;
    }

    /// A peer sends faster than its mount allows: a message of its was not delivered. (One that
    /// goes on is closed with 1008 by the server.)
    fn throttled(&mut self, context: &mut Context<'_>) {
        let _ = context;
    }

    /// A peer is gone. Nothing can be sent to it any more.
    fn close(&mut self, context: &mut Context<'_>, closure: &Closure) {
        let _ = (context, closure);
    }

    /// What this application counts; asked for once, before any peer comes.
    fn figures(&self) -> Arc<[Figure]> {
        Arc::default()
    }
}
