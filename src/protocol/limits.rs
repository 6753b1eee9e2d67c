//! What one connection may use: RFC 6455, 10.4, wants limits on frames and on messages.

use std::time::Duration;

/// What one connection may use. All connections of a mount share one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest message, in bytes; a longer one is answered with 1009.
    pub max_message: usize,
    /// The most empty fragments in a row; one more is answered with 1008.
    pub max_empty_fragments: u32,
    /// The bytes that may wait to be sent, give or take one message.
    pub outbox: usize,
    /// A message must be complete after this time, else it is answered with 1008.
    pub reassembly: Duration,
    /// After this time without a byte from the peer it is sent a ping.
    pub ping_after: Duration,
    /// So long a ping may remain without any byte from the peer; then the connection is dropped.
    pub pong_wait: Duration,
    /// So long the peer may take to answer our Close frame; then the connection is dropped.
    pub close_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message: 64 * 1024,
            max_empty_fragments: 256,
            outbox: 256 * 1024,
            reassembly: Duration::from_secs(30),
            ping_after: Duration::from_secs(25),
            pong_wait: Duration::from_secs(10),
            close_wait: Duration::from_secs(5),
        }
    }
}
