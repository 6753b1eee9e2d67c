//! An answer in plain HTTP, on its way to the peer.

use std::fs::File;
use std::io::{self, Read};

use super::transport::Transport;

/// How much of a file is in memory at a time.
const CHUNK: usize = 64 * 1024;

/// An answer that is being sent: its head, and a body that may be streamed from a file.
pub(super) struct Response {
    bytes: Vec<u8>,
    sent: usize,
    file: Option<FileBody>,
    pub(super) status: u16,
    /// It answers a request for a WebSocket, or one that could not be understood.
    pub(super) handshake: bool,
}

struct FileBody {
    file: File,
    remaining: u64,
}

impl Response {
    /// An answer that is already complete, head and body.
    pub(super) fn complete(status: u16, bytes: Vec<u8>) -> Self {
        Self { bytes, sent: 0, file: None, status, handshake: false }
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

    /// The same answer, to a request for a WebSocket.
    pub(super) fn for_handshake(self) -> Self {
        Self { handshake: true, ..self }
    }

    /// A file, to be streamed: it is never in memory as a whole.
    pub(super) fn file(content_type: &str, file: File, length: u64) -> Self {
        let bytes = head(200, content_type, "Cache-Control: no-cache\r\n", length);
        Self { file: Some(FileBody { file, remaining: length }), ..Self::complete(200, bytes) }
    }

    /// The same answer as HEAD gets it: without its body.
    pub(super) fn without_body(mut self) -> Self {
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

/// How far a write has come.
pub(super) enum Progress {
    Done,
    Some,
    None,
}

/// Writes some of an answer: at most one chunk, so that a fast reader of a large file does not keep
/// the loop from others.
pub(super) fn send_response<T: Transport>(
    response: &mut Response,
    transport: &mut T,
    writable: &mut bool,
    sent: impl FnOnce(&[u8]),
) -> io::Result<Progress> {
    let pending = response.pending()?;
    if pending.is_empty() {
        return Ok(Progress::Done);
    }
    if !*writable {
        return Ok(Progress::None);
    }
    let wanted = pending.len();
    match transport.write(pending) {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        Ok(written) => {
            sent(pending.get(..written).unwrap_or_default());
            response.advance(written);
            *writable = written == wanted;
            Ok(if response.pending()?.is_empty() { Progress::Done } else { Progress::Some })
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            *writable = false;
            Ok(Progress::None)
        }
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Progress::Some),
        Err(error) => Err(error),
    }
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
