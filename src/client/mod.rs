//! A WebSocket client: [`protocol`](crate::protocol) in the client's role, over one TCP socket.
//!
//! In this order:
//!
//! 1. [`url`]: `ws://host:port/path`, taken apart;
//! 2. [`opening`]: the TCP connection and the handshake, blocking, within one deadline;
//! 3. [`session`]: from then on, one call after the other of [`Client::turn`].
//!
//! ```no_run
//! use wigwag::client::{Client, Options, Url};
//! use wigwag::protocol::{CloseCode, Event};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let url: Url = "ws://127.0.0.1:8888/echo".parse()?;
//! let mut client = Client::connect(&url, &Options::default())?;
//! client.outbox().text("hello").map_err(|_| "it is closed")?;
//! while client.turn(None, &mut |event, outbox| {
//!     if let Event::Text(text) = event {
//!         println!("{text}");
//!         let _ = outbox.close(CloseCode::NORMAL, "");
//!     }
//! })? {}
//! # Ok(())
//! # }
//! ```
//!
//! # What it deliberately does not do
//!
//! - No TLS: `wss` is refused by name.
//! - No redirects, no proxies, no credentials in the URL, no reconnecting.

pub mod opening;
pub mod session;
pub mod url;

pub use opening::{ConnectError, Options};
pub use session::Client;
pub use url::{Url, UrlError};
