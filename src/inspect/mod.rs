//! The inspector: what goes over the wire of every connection, for a page to show.
//!
//! Two halves, that know each other by a [`Recorder`]:
//!
//! - the recorder is a [`Tap`](crate::server::Tap): it puts the bytes of each connection on a tape
//!   with an end, and does nothing else, since every read and write of the server waits for it;
//! - the [`Inspector`] is an [`Application`](crate::apps::Application), mounted at [`FEED`]: it
//!   tells its viewers what connections there are, and dissects the one that a viewer has chosen.
//!   So what nobody looks at is never dissected.
//!
//! 1. `track`: where frames begin; 2. `tape`: what is kept of one connection; 3. `recorder`;
//! 4. `reader`: from a tape to items; 5. `hide`: items without what they carry; 6. `feed`: the
//!    application, and the messages that it speaks; 7. `export`, `pcap`, `transcript`: one
//!    connection as a file. Beside them, `lab`: frames that a learner composes, tried in a
//!    sandbox.
//!
//! # What it promises
//!
//! - It never shows its own connections.
//! - Memory is bounded, whatever peers do: see [`Bounds`]. A tape that is full lets go of its
//!   oldest bytes, and a reader who comes late starts at the next message and says how much it has
//!   missed. The heads of the handshake are kept.
//! - A viewer is sent the next batch when it has said that it has the one before. So a slow one
//!   gets fewer, and has gaps where the tape went on without it; nothing queues up for it.
//!
//! # What it deliberately does not do
//!
//! - It writes nothing to a disk, and forgets everything with the process.
//! - It does not decide who may look: the server does, by the mount's options.

mod export;
mod feed;
mod hide;
mod lab;
mod pcap;
mod reader;
mod recorder;
mod tape;
mod track;
mod transcript;

#[cfg(test)]
mod tests;

pub use feed::Inspector;
pub use lab::Lab;
pub use recorder::{Bounds, Recorder};

/// Where the page of the inspector expects the [`Inspector`].
pub const FEED: &str = "/inspect/feed";

/// Where the page of the inspector expects the [`Lab`].
pub const LAB: &str = "/inspect/lab";
