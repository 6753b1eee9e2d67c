//! wigwag: a WebSocket server that people can see through.
//!
//! RFC 6455 is implemented by hand, in safe Rust, on a [mio](https://docs.rs/mio) event loop; on
//! top sits a switchboard for WebRTC signaling. Read the modules in this order:
//!
//! 1. [`protocol`]: the WebSocket protocol, pure: bytes in, events and bytes out;
//! 2. [`apps`]: what a server does with a message: the [`Application`](apps::Application) trait and
//!    three small applications;
//! 3. [`signaling`]: the switchboard: who may talk to whom, and the JSON between them;
//! 4. [`transports`]: the same messages by polling, long polling, events and WebSocket, to compare;
//! 5. [`server`]: sockets, readiness, deadlines and limits;
//! 6. [`client`]: the other end of a WebSocket;
//! 7. [`trace`]: conversations written down, and played back against the protocol;
//! 8. [`inspect`]: what goes over the wire of each connection, for a page to show;
//! 9. [`manual`]: how a WebSocket works, in thirteen chapters with exercises, and what the RFCs
//!    demand and what proves that it is kept.
//!
//! An arrow in this list only ever points up: `server` knows `protocol`, never the reverse. The
//! test `tests/architecture.rs` keeps it so.

pub mod apps;
pub mod client;
pub mod inspect;
pub mod manual;
pub mod protocol;
pub mod server;
pub mod signaling;
pub mod trace;
pub mod transports;
