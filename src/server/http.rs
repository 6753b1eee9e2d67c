//! What a request gets: a WebSocket, or an answer in plain HTTP on the same port.
//!
//! One request for each connection, always answered with `Connection: close`: this is a WebSocket
//! server that can show its own pages, not a web server.

use std::fmt::Write as _;

use super::budget::Pressure;
use super::config::Www;
use super::files;
use super::page;
use super::response::Response;
use super::site::{Shared, Site};
use crate::protocol::deflate::DeflateParameters;
use crate::protocol::handshake::{self, HandshakeError, Request, ServerOptions};
use crate::transports;

/// What a request gets.
pub(super) enum Answer {
    /// A WebSocket at a mount; the response that says so.
    WebSocket {
        mount: usize,
        response: Vec<u8>,
        deflate: Option<DeflateParameters>,
        /// The channel that its bytes count for.
        channel: Option<String>,
    },
    /// The first of the requests of an [`Exchange`](transports::Exchange).
    Exchange,
    Plain(Response),
}

/// Decides what the request in `head` gets.
pub(super) fn answer(shared: &Shared, head: &[u8], draining: bool) -> Answer {
    let request = match Request::parse(head, shared.limits.headers) {
        Ok(request) => request,
        Err(error) => return Answer::Plain(refusal(&error)),
    };
    if !request.is_websocket_attempt() {
        if shared.site.www == Www::DemoPage && request.path().starts_with(transports::PREFIX) {
            return turned_away(shared, draining).map_or(Answer::Exchange, Answer::Plain);
        }
        return Answer::Plain(plain(&request, &shared.site, draining));
    }
    let found = shared.site.mount(request.path());
    let Some((mount, info)) = found.and_then(|at| Some((at, shared.site.mounts.get(at)?))) else {
        return Answer::Plain(not_found(&shared.site));
    };
    if let Some(response) = turned_away(shared, draining) {
        return Answer::Plain(response);
    }
    let own_pages = info.own_pages_only.map(|own| own.origins(&request));
    let options = ServerOptions {
        subprotocols: &shared.site.subprotocols,
        origins: own_pages.as_deref().or(shared.site.origins.as_deref()),
        deflate: info.deflate.mode,
    };
    match handshake::accept(&request, &options) {
        Ok(accepted) => {
            let mut response = Vec::new();
            accepted.write_response(&mut response);
            let deflate = accepted.extensions.deflate();
            let channel = (request.path() == transports::SOCKET)
                .then(|| transports::name_in(request.query()).map(str::to_owned));
            Answer::WebSocket { mount, response, deflate, channel: channel.flatten() }
        }
        Err(error) => Answer::Plain(refusal(&error)),
    }
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
fn plain(request: &Request<'_>, site: &Site, draining: bool) -> Response {
    let response = match request.method() {
        "GET" | "HEAD" => get(request.path(), site, draining),
        _ => {
            let extra = "Allow: GET, HEAD\r\n";
            return Response::text(405, extra, "This server answers GET and HEAD only.\n");
        }
    };
    if request.method() == "HEAD" { response.without_body() } else { response }
}

fn get(path: &str, site: &Site, draining: bool) -> Response {
    if path == "/healthz" {
        return if draining {
            Response::text(503, "Retry-After: 10\r\n", "draining\n")
        } else {
            Response::text(200, "Cache-Control: no-store\r\n", "ok\n")
        };
    }
    let inspector = || page::find_inspector(path).filter(|_| site.inspector);
    let found = inspector().or_else(|| match &site.www {
        Www::Folder(root) => files::open(root, path),
        Www::DemoPage => page::find(path),
        Www::Nothing => None,
    });
    if let Some(response) = found {
        return response;
    }
    if site.mount(path).is_some() {
        return refusal(&HandshakeError::MissingUpgrade);
    }
    not_found(site)
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
    Response::complete(error.status(), bytes)
}
