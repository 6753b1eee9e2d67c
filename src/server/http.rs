//! Plain HTTP on the same port: what a request that is not a WebSocket's gets.
//!
//! One request for each connection, always answered with `Connection: close`: this is a WebSocket
//! server that can show its own pages, not a web server.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};

use super::files;
use super::page;
use super::site::{Site, refusal};
use crate::protocol::handshake::{HandshakeError, Request};

/// How much of a file is in memory at a time.
const CHUNK: usize = 64 * 1024;

/// An answer that is being sent: its head, and a body that may be streamed from a file.
pub(super) struct Response {
    bytes: Vec<u8>,
    sent: usize,
    file: Option<FileBody>,
    pub(super) status: u16,
}

struct FileBody {
    file: File,
    remaining: u64,
}

impl Response {
    /// An answer that is already complete, head and body.
    pub(super) fn complete(status: u16, bytes: Vec<u8>) -> Self {
        Self { bytes, sent: 0, file: None, status }
    }

    /// An answer with a body in memory.
    pub(super) fn new(status: u16, content_type: &str, extra: &str, body: &[u8]) -> Self {
        let mut response =
            Self::complete(status, head(status, content_type, extra, body.len() as u64));
        response.bytes.extend_from_slice(body);
        response
    }

    /// Plain text for a human.
    pub(super) fn text(status: u16, extra: &str, body: &str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", extra, body.as_bytes())
    }

    /// A file, to be streamed: it is never in memory as a whole.
    pub(super) fn file(content_type: &str, file: File, length: u64) -> Self {
        let bytes = head(200, content_type, "Cache-Control: no-cache\r\n", length);
        Self { file: Some(FileBody { file, remaining: length }), ..Self::complete(200, bytes) }
    }

    /// The same answer as HEAD gets it: without its body.
    fn without_body(mut self) -> Self {
        if let Some(end) = memchr::memmem::find(&self.bytes, b"\r\n\r\n") {
            self.bytes.truncate(end + 4);
        }
        self.file = None;
        self
    }

    /// The next bytes to write; none when all is sent.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or has become shorter than was promised. Then the answer cannot be
    /// completed, and the connection must be dropped so that the peer notices.
    pub(super) fn pending(&mut self) -> io::Result<&[u8]> {
        if self.sent == self.bytes.len()
            && let Some(body) = self.file.as_mut().filter(|body| body.remaining > 0)
        {
            self.sent = 0;
            let length = body.remaining.min(CHUNK as u64);
            self.bytes.resize(length as usize, 0);
            let count = body.file.read(&mut self.bytes)?;
            self.bytes.truncate(count);
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            body.remaining -= count as u64;
        }
        Ok(self.bytes.get(self.sent..).unwrap_or_default())
    }

    pub(super) fn advance(&mut self, count: usize) {
        self.sent = (self.sent + count).min(self.bytes.len());
    }

    pub(super) fn held(&self) -> usize {
        self.bytes.capacity()
    }
}

/// The answer to a request that asks for no WebSocket.
pub(super) fn answer(request: &Request<'_>, site: &Site, draining: bool) -> Response {
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
    let found = match &site.www {
        Some(root) => files::open(root, path),
        None => page::find(path),
    };
    if let Some(response) = found {
        return response;
    }
    if site.mount(path).is_some() {
        return refusal(&HandshakeError::MissingUpgrade);
    }
    not_found(site)
}

/// Nothing is at that path: says what is where. The path itself is not repeated.
pub(super) fn not_found(site: &Site) -> Response {
    let mut body = String::from("There is nothing at this path.\n\nWebSocket paths:\n");
    for path in site.mounts.iter().flat_map(|mount| &mount.paths) {
        // Writing to a String cannot fail.
        let _ = writeln!(body, "  {path}");
    }
    body.push_str("\nOther paths:\n  /\n  /healthz\n");
    Response::text(404, "", &body)
}

fn head(status: u16, content_type: &str, extra: &str, length: u64) -> Vec<u8> {
    let reason = match status {
        200 => "OK",
        301 => "Moved Permanently",
        404 => "Not Found",
        405 => "Method Not Allowed",
        503 => "Service Unavailable",
        _ => "",
    };
    format!(
        "HTTP/1.1 {status} {reason}\r\n\
         Content-Type: {content_type}\r\n\
         Content-Length: {length}\r\n\
         X-Content-Type-Options: nosniff\r\n\
         {extra}Connection: close\r\n\r\n"
    )
    .into_bytes()
}
