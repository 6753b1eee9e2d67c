//! One WebSocket (stub, replaced in the next commit).
use super::{CloseCode, Violation};
/// placeholder
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// The peer.
    Peer,
}
/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closure {
    /// Who.
    pub by: EndedBy,
    /// The close code of the Close frame that decided it.
    pub code: Option<CloseCode>,
    /// Whether both Close frames were exchanged.
    pub clean: bool,
    /// A violation.
    pub violation: Option<Violation>,
}
/// placeholder
pub struct Connection;
/// placeholder
pub enum Event {}
/// placeholder
pub struct Limits;
/// placeholder
pub enum State {}
