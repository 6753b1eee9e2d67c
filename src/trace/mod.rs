//! What was said on a connection: told, written down and told again.
//!
//! 1. [`script`]: a conversation as a text file, the `.ws` files of `tests/scripts/`: bytes in,
//!    events and bytes out, with the prose that explains them;
//! 2. [`replay`]: plays a script against the real [`Connection`](crate::protocol::Connection) and
//!    compares, however the bytes are cut into reads;
//! 3. [`dissect`]: raw bytes of either side, as fields, steps, events, states and violations: what
//!    `wigwag explain`, the trace and the inspector show;
//! 4. [`render`]: those as text for a terminal;
//! 5. [`filter`]: which of them to show;
//! 6. [`exercise`]: a script with its answers left out, and a learner's answers judged.
//!
//! The same scripts are lesson, test and seed for the fuzzers: what a reader is told is what is
//! tested.
//!
//! Nothing here knows a socket, a clock or the server: the time is an argument, as in
//! [`protocol`](crate::protocol).

pub mod dissect;
pub mod exercise;
pub mod filter;
pub mod render;
pub mod replay;
pub mod script;
