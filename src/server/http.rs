//! What a request gets: a WebSocket, or an answer in plain HTTP on the same port.
//!
//! One request for each connection, answered with `Connection: close`: this is a WebSocket server
//! that can show its own pages, not a web server. Only those below `/transports/` may follow each
//! other on one connection.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use super::budget::Pressure;
use super::config::Www;
use super::files;
use super::metrics::exposition;
use super::page;
use super::response::Response;
use super::site::{Shared, Site};
use crate::protocol::deflate::{DeflateMode, DeflateParameters};
use crate::protocol::handshake::{self, HandshakeError, Request, ServerOptions};
use crate::transports;

/// What a request gets.
pub(super) enum Answer {
    /// A WebSocket at a mount; the response that says so.
    WebSocket(Opening),
    /// The first of the requests of an [`Exchange`](transports::Exchange).
    Exchange,
    Plain(Response),
}

/// What a WebSocket begins with.
pub(super) struct Opening {
    pub(super) mount: usize,
    pub(super) response: Vec<u8>,
    pub(super) deflate: Option<DeflateParameters>,
    /// The channel that its bytes count for.
    pub(super) channel: Option<String>,
}

/// Decides what the request in `head` gets, at the admin listener or at a public one.
pub(super) fn decide(shared: &Shared, head: &[u8], draining: bool, is_admin: bool) -> Answer {
    let answer = if is_admin { admin } else { answer };
    answer(shared, head, draining)
}

fn answer(shared: &Shared, head: &[u8], draining: bool) -> Answer {
    let request = match Request::parse(head, shared.limits.headers) {
        Ok(request) => request,
        Err(error) => return Answer::Plain(refusal(&error)),
    };
    if !request.is_websocket_attempt() {
        if shared.site.www == Www::DemoPage && transports::serves(&request) {
            return turned_away(shared, draining).map_or(Answer::Exchange, Answer::Plain);
        }
        let get = |path: &str| get(path, &shared.site, draining);
        return Answer::Plain(plain(&request, get));
    }
    let found = shared.site.mount(request.path());
    let Some((mount, info)) = found.and_then(|at| Some((at, shared.site.mounts.get(at)?))) else {
        return Answer::Plain(not_found(&shared.site).for_handshake());
    };
    if let Some(response) = turned_away(shared, draining) {
        return Answer::Plain(response.for_handshake());
    }
    let mut mode = info.deflate.mode;
    let takeovers = shared.takeovers.load(Ordering::Relaxed);
    if mode == DeflateMode::Takeover && takeovers >= shared.limits.takeovers {
        mode = DeflateMode::Shared;
    }
    let own_pages = info.own_pages_only.map(|own| own.origins(&request));
    let options = ServerOptions {
        subprotocols: &shared.site.subprotocols,
        origins: own_pages.as_deref().or(shared.site.origins.as_deref()),
        deflate: mode,
    };
    match handshake::accept(&request, &options) {
        Ok(accepted) => {
            let mut response = Vec::new();
            accepted.write_response(&mut response);
            let deflate = accepted.extensions.deflate();
            let channel = (request.path() == transports::SOCKET)
                .then(|| transports::name_in(request.query()).map(str::to_owned));
            Answer::WebSocket(Opening { mount, response, deflate, channel: channel.flatten() })
        }
        Err(error) => Answer::Plain(refusal(&error)),
    }
}

/// The admin listener has two pages.
fn admin(shared: &Shared, head: &[u8], draining: bool) -> Answer {
    let answer = Request::parse(head, shared.limits.headers).map(|request| {
        plain(&request, |path| match path {
            "/healthz" => health(draining),
            "/metrics" => {
                let page = exposition::page(shared, draining);
                let extra = "Cache-Control: no-store\r\n";
                Response::new(200, exposition::CONTENT_TYPE, extra, page.as_bytes())
            }
            _ => Response::text(404, "", "Here are:\n  /metrics\n  /healthz\n"),
        })
    });
    Answer::Plain(answer.unwrap_or_else(|error| refusal(&error)))
}

/// What somebody gets who would stay, while nobody is let in.
fn turned_away(shared: &Shared, draining: bool) -> Option<Response> {
    let body = match draining {
        true => "The server is going away.\n",
        false if shared.budget.pressure() >= Pressure::RefuseNewcomers => "The server is full.\n",
        false => return None,
    };
    Some(Response::text(503, "Retry-After: 10\r\n", body))
}

/// The answer to a request that asks for no WebSocket.
fn plain(request: &Request<'_>, get: impl Fn(&str) -> Response) -> Response {
    let response = match request.method() {
        "GET" | "HEAD" => get(request.path()),
        _ => {
            let extra = "Allow: GET, HEAD\r\n";
            return Response::text(405, extra, "This server answers GET and HEAD only.\n");
        }
    };
    if request.method() == "HEAD" { response.without_body() } else { response }
}

fn get(path: &str, site: &Site, draining: bool) -> Response {
    if path == "/healthz" {
        return health(draining);
    }
    let found = match &site.www {
        Www::Folder(root) => files::open(root, path),
        Www::DemoPage => page::find(path),
        Www::Nothing => None,
    };
    // A user's own files come first, should one be called the same.
    let inspector = || page::find_inspector(path).filter(|_| site.inspector);
    if let Some(response) = found.or_else(inspector) {
        return response;
    }
    if site.mount(path).is_some() {
        return refusal(&HandshakeError::MissingUpgrade);
    }
    not_found(site)
}

fn health(draining: bool) -> Response {
    if draining {
        Response::text(503, "Retry-After: 10\r\n", "draining\n")
    } else {
        Response::text(200, "Cache-Control: no-store\r\n", "ok\n")
    }
}

/// Nothing is at that path: says what is where. The path itself is not repeated.
fn not_found(site: &Site) -> Response {
    let mut body = String::from("There is nothing at this path.\n\nWebSocket paths:\n");
    for path in site.mounts.iter().flat_map(|mount| &mount.paths) {
        // Writing to a String cannot fail.
        let _ = writeln!(body, "  {path}");
    }
    body.push_str("\nOther paths:\n  /\n  /healthz\n");
    Response::text(404, "", &body)
}

/// The answer to a request that cannot be understood or allowed.
pub(super) fn refusal(error: &HandshakeError) -> Response {
    let mut bytes = Vec::new();
    error.write_response(&mut bytes);
    Response::complete(error.status(), bytes).for_handshake()
}
