//! The WebSocket protocol, RFC 6455 and RFC 7692, as pure computation.
//!
//! Nothing in this folder reads a socket or a clock. Bytes and the time come in as arguments;
//! events and bytes to send come out. That is why the same code can serve a socket, a fuzzer, a
//! test script and a teacher, and why every failure can be replayed.
//!
//! # In what order to read it
//!
//! 1. [`handshake`]: the HTTP request that asks for a WebSocket, and the answer (section 4);
//! 2. [`frame`]: the 2 to 14 bytes in front of each payload (section 5.2), judged as they arrive;
//! 3. [`masking`]: the XOR that clients owe (section 5.3);
//! 4. [`utf8`]: text is validated while it arrives (section 8.1);
//! 5. [`close`] and [`violation`]: how a connection ends, and every way to be wrong (sections 7,
//!    10);
//! 6. [`message`]: frames become messages (section 5.4);
//! 7. [`deflate`]: compressed messages (RFC 7692);
//! 8. [`outbox`]: frames that wait to be sent;
//! 9. [`event`] and [`limits`]: what a connection tells, and what it may use;
//! 10. [`connection`]: all of the above put together: one WebSocket, in either role.
//!
//! # What it promises
//!
//! - It cannot fail: a peer that breaks a rule is an [`Event::Violation`], never an `Err` or a
//!   panic.
//! - One item per call: each [`Connection::receive`] yields one event, and the reply to it is
//!   queued before the next frame is looked at.
//! - Chunking is invisible: however the input is cut, the same events and the same output result.
//! - Memory follows what has arrived, never what a header announces.
//!
//! # What it deliberately does not do
//!
//! - No I/O, no threads, no logging, no time of its own.
//! - No streaming of a message's parts to the application: a message is delivered whole, or not.
//! - No retrying and no reconnecting: how a connection ended is data, see [`Closure`].

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

pub mod close;
pub mod connection;
pub mod deflate;
pub mod event;
pub mod frame;
pub mod handshake;
pub mod limits;
pub mod masking;
pub mod message;
pub mod outbox;
pub mod utf8;
pub mod violation;

pub use close::{CloseCode, CloseReason};
pub use connection::Connection;
pub use event::{Closure, EndedBy, Event, State};
pub use frame::{FrameHeader, Opcode};
pub use limits::Limits;
pub use masking::{MaskingKey, MaskingKeys, Role};
pub use outbox::{Outbox, SendError};
pub use violation::Violation;
