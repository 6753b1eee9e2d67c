//! A WebSocket client: [`protocol`](crate::protocol) in the client's role, over TCP or TLS.
//!
//! In this order:
//!
//! 1. [`url`]: `ws://host:port/path`, taken apart;
//! 2. [`opening`]: the TCP connection and the handshake, blocking, within one deadline;
//! 3. `transport` and `tls`: what makes the difference between `ws` and `wss`, in the build's
//!    feature `tls`;
//! 4. [`session`]: from then on, one call after the other of [`Client::turn`].
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
//! - No redirects, no proxies, no credentials in the URL, no reconnecting.

pub mod opening;
pub mod session;
#[cfg(feature = "tls")]
mod tls;
mod transport;
pub mod url;

pub use opening::{ConnectError, Options, Trust};
pub use session::{Client, Direction, Tap};
#[cfg(feature = "tls")]
pub use tls::TlsError;
pub use url::{Url, UrlError};
