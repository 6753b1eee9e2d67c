//! The manual: chapters in Markdown, read in the crate's documentation or where they lie.
//!
//! 1. [`conformance`]: each MUST and MUST NOT of RFC 6455 and RFC 7692 that binds an endpoint, where
//!    it is kept, and what proves it.
//!
//! A chapter says what tests say too. The test `tests/conformance.rs` fails when the page names
//! something that is not there.

pub mod exercises;

pub mod conformance {
    #![doc = include_str!("conformance.md")]
}
