//! The same messages by four ways, side by side: polling, long polling, server-sent events and
//! WebSocket, with what each costs.
//!
//! The page at `/transports` makes a *channel* for each way and sends the same messages into all of
//! them; whatever is sent into a channel comes back out of it. Three of the ways are plain HTTP:
//!
//! ```text
//! POST /transports/send?channel=C&message=M   204; puts M into the channel
//! GET  /transports/poll?channel=C             200; what is there now, a JSON array of strings
//! GET  /transports/wait?channel=C             the same, but held until there is something
//! GET  /transports/events?channel=C           a stream of events, each a JSON string
//! GET  /transports/counts?channel=C,D         what each channel has cost so far
//! ```
//!
//! The fourth, `/transports/socket?channel=C`, is a WebSocket to the echo application.
//!
//! 1. `channel`: what is in a channel, who waits for it, and what it has cost;
//! 2. `exchange`: one HTTP connection that carries request after request.
//!
//! # What is counted
//!
//! The bytes that `read` and `write` moved: request and response heads, bodies, frames. Not counted
//! is what lies below the socket (TCP and IP headers, acknowledgements), nor the requests for
//! `counts` themselves. A connection may carry requests of several channels, as browsers do it; each
//! request counts for its own.
//!
//! # What it deliberately does not do
//!
//! Requests have no body, so that where one ends cannot be disputed; a message is in the query.
//! Nothing is kept for long: a channel that nobody uses for some minutes is forgotten when others are
//! used, and all channels together hold at most 1 MiB.

mod channel;
mod exchange;

pub use channel::{Channels, name_in};
pub use exchange::{Exchange, serves};

/// Where the demo page that compares transports expects a WebSocket with the echo application, without
/// compression.
pub const SOCKET: &str = "/transports/socket";
