//! What all loops share: what is where, the limits, the budget, the way to each other.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::budget::{Budget, Pressure};
use super::config::ServerLimits;
use super::http::{self, Response};
use super::mailbox::Mailbox;
use super::mount::MountInfo;
use crate::protocol::deflate::DeflateParameters;
use crate::protocol::handshake::{self, HandshakeError, Request, ServerOptions};

/// What is at which path, and who may come.
pub(super) struct Site {
    pub(super) mounts: Vec<MountInfo>,
    pub(super) subprotocols: Vec<String>,
    pub(super) origins: Option<Vec<String>>,
    pub(super) www: Option<PathBuf>,
}

/// What all loops share.
pub(super) struct Shared {
    pub(super) site: Site,
    pub(super) limits: ServerLimits,
    pub(super) budget: Budget,
    /// The mailbox of each loop, by its index. None are needed where there is one loop.
    pub(super) mailboxes: Vec<Mailbox>,
    /// How many connections all loops have.
    pub(super) connections: AtomicUsize,
}

/// What a request gets.
pub(super) enum Answer {
    /// A WebSocket at a mount; the response that says so.
    WebSocket {
        mount: usize,
        response: Vec<u8>,
        deflate: Option<DeflateParameters>,
    },
    Plain(Response),
}

impl Shared {
    pub(super) fn new(site: Site, limits: ServerLimits, mailboxes: Vec<Mailbox>) -> Self {
        let budget = Budget::new(limits.queued);
        Self { site, limits, budget, mailboxes, connections: AtomicUsize::new(0) }
    }

    /// Whether a connection may be accepted, with room for `more` after it.
    pub(super) fn has_room(&self, more: usize) -> bool {
        self.connections.load(Ordering::Relaxed).saturating_add(more) < self.limits.connections
            && self.budget.pressure() < Pressure::StopAccepting
    }

    /// Decides what the request in `head` gets.
    pub(super) fn answer(&self, head: &[u8], draining: bool) -> Answer {
        let request = match Request::parse(head, self.limits.headers) {
            Ok(request) => request,
            Err(error) => return Answer::Plain(refusal(&error)),
        };
        if !request.is_websocket_attempt() {
            return Answer::Plain(http::answer(&request, &self.site, draining));
        }
        let found = self.site.mount(request.path());
        let Some((mount, info)) = found.and_then(|at| Some((at, self.site.mounts.get(at)?))) else {
            return Answer::Plain(http::not_found(&self.site));
        };
        if draining || self.budget.pressure() >= Pressure::RefuseNewcomers {
            let body =
                if draining { "The server is going away.\n" } else { "The server is full.\n" };
            return Answer::Plain(Response::text(503, "Retry-After: 10\r\n", body));
        }
        let options = ServerOptions {
            subprotocols: &self.site.subprotocols,
            origins: self.site.origins.as_deref(),
            deflate: info.deflate.mode,
        };
        match handshake::accept(&request, &options) {
            Ok(accepted) => {
                let mut response = Vec::new();
                accepted.write_response(&mut response);
                let deflate = accepted.extensions.deflate();
                Answer::WebSocket { mount, response, deflate }
            }
            Err(error) => Answer::Plain(refusal(&error)),
        }
    }
}

impl Site {
    /// The index of the mount at `path`.
    pub(super) fn mount(&self, path: &str) -> Option<usize> {
        self.mounts.iter().position(|mount| mount.paths.iter().any(|at| at == path))
    }
}

/// The answer to a request that cannot be understood or allowed.
pub(super) fn refusal(error: &HandshakeError) -> Response {
    let mut bytes = Vec::new();
    error.write_response(&mut bytes);
    Response::complete(error.status(), bytes)
}
