//! Where the space of inputs is small enough, all of it is tried, and judged by what the RFC says.
//!
//! What is exhausted elsewhere: the close codes (`src/protocol/close.rs`,
//! `src/protocol/connection/tests/closing.rs`), the offsets of masks (`src/protocol/masking.rs`),
//! and every way of cutting a conversation into reads (`tests/wire_scripts.rs`).

mod headers;
mod states;
mod utf8;
