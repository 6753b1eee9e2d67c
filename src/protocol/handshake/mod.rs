//! The opening handshake: RFC 6455, section 4.
//!
//! A WebSocket begins as an HTTP request that asks to stop speaking HTTP:
//!
//! ```text
//! GET /chat HTTP/1.1
//! Host: server.example.com
//! Upgrade: websocket
//! Connection: Upgrade
//! Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
//! Sec-WebSocket-Version: 13
//!
//!                 HTTP/1.1 101 Switching Protocols
//!                 Upgrade: websocket
//!                 Connection: Upgrade
//!                 Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
//! ```
//!
//! # In what order to read it
//!
//! 1. [`head`]: where the head of a message ends, found while it arrives;
//! 2. [`request`]: a complete head becomes a [`Request`], or is refused;
//! 3. [`tokens`]: lists in header values, `keep-alive, Upgrade`;
//! 4. [`extensions`]: the one header whose values have a grammar of their own (section 9.1);
//! 5. [`server`]: is this request the handshake of section 4.2.1, and what is the answer (4.2.2);
//! 6. [`error`]: every way to be refused: the status, and what a human is told;
//! 7. [`client`]: the same handshake from the other end (section 4.1).
//!
//! # What it promises
//!
//! - Each byte of a head is looked at once while the head arrives, and parsed once when it is
//!   complete. The time to judge a head grows with its length, whatever is in it.
//! - Nothing that a peer sent stands in a response: each name and value in it is our own.
//! - A head that two implementations might read in two ways is refused, not guessed at.
//!
//! # What it deliberately does not do
//!
//! - It reads no request bodies: a request that announces one is refused.
//! - It knows no paths: which path leads to which application is the server's business.
//! - It makes no random numbers: a client's caller brings the 16 bytes of its key.

pub mod client;
pub mod error;
pub mod extensions;
pub mod head;
pub mod request;
pub mod server;
pub mod tokens;

pub use client::{ClientHandshakeError, ClientRequest, ClientRequestError, Established};
pub use error::HandshakeError;
pub use extensions::Agreed;
pub use head::HeadScanner;
pub use request::{MAX_HEADERS, Request, Version};
pub use server::{Accepted, ServerOptions, accept};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha1::{Digest, Sha1};

/// The version of the protocol that RFC 6455 defines, as it stands in `Sec-WebSocket-Version`.
pub const PROTOCOL_VERSION: &str = "13";

/// What is appended to the key before it is hashed: RFC 6455, 1.3. A globally unique identifier
/// "which is unlikely to be used by network endpoints that do not understand the WebSocket
/// Protocol".
pub const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The value of `Sec-WebSocket-Accept` that answers a key.
///
/// It proves that the server read this handshake and speaks WebSocket: no other server, and no
/// cache, would say it. It is no secret and authenticates nobody.
///
/// ```
/// use wigwag::protocol::handshake::accept_key;
///
/// assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
pub fn accept_key(key: &str) -> String {
    // 4.2.2: "concatenating /key/ [...] with the string "258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
    // taking the SHA-1 hash of this concatenated value to obtain a 20-byte value and
    // base64-encoding [...] this 20-byte hash."
    let hash = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    BASE64_STANDARD.encode(hash)
}

#[cfg(test)]
mod attacks;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_is_answered_as_the_rfc_says() {
        // RFC 6455, 1.3 and 4.2.2
        let accept = accept_key("dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
