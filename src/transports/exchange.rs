//! One HTTP connection that carries request after request, and may hold an answer back.
//!
//! Everywhere else this server answers one request for each connection. Here that would be unfair:
//! what makes polling dear is its requests, not a new connection for each, which browsers avoid.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::channel::{Channels, is_name, name_in, parameter};
use crate::apps::PeerId;
use crate::protocol::handshake::{HandshakeError, HeadScanner, Request, Version};

/// What the paths of all these requests begin with.
const PREFIX: &str = "/transports/";

/// The longest request head, in bytes. A browser's is below 1 KiB, and a message is in it.
const MAX_HEAD: usize = 8 * 1024;
const MAX_HEADERS: usize = 64;

/// A connection on which nothing is asked for so long is closed.
const IDLE: Duration = Duration::from_secs(30);

/// A request for messages is held for so long; then it is answered with 204, to be asked again.
const HELD: Duration = Duration::from_secs(25);

/// A stream in which nothing happens gets a comment this often, so that nobody between here and
/// there takes it for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// With so much to be sent nothing more is taken out of a channel.
const HIGH_WATER: usize = 64 * 1024;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// Its length is not known, so the body ends with the connection.
const EVENTS_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
    Cache-Control: no-store\r\nConnection: close\r\n\r\n";

/// A connection of one HTTP request after another.
pub struct Exchange {
    scanner: HeadScanner,
    /// What was read and not yet used.
    input: Vec<u8>,
    /// What is to be written.
    output: Vec<u8>,
    /// The channel that the output counts for.
    channel: Option<String>,
    held: Held,
    /// The connection ends when all is written.
    last: bool,
    /// The next request is for somebody else.
    foreign: bool,
}

/// What the connection does after its last request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    /// It was answered; the next may come.
    Nothing,
    /// The answer waits for a message.
    Wait,
    /// The answer goes on and on.
    Events,
}

impl Default for Exchange {
    fn default() -> Self {
        Self {
            scanner: HeadScanner::new(MAX_HEAD),
            input: Vec::new(),
            output: Vec::new(),
            channel: None,
            held: Held::Nothing,
            last: false,
            foreign: false,
        }
    }
}

impl Exchange {
    /// Whether there is so much input that no more should be read.
    pub fn is_full(&self) -> bool {
        self.input.len() > MAX_HEAD
    }

    /// Whether there is more to answer now.
    pub fn can_go_on(&self) -> bool {
        self.is_free() && memchr::memmem::find(&self.input, b"\r\n\r\n").is_some()
    }

    /// All that came, if the next request is for somebody else, with that request.
    pub fn take_foreign(&mut self) -> Option<Vec<u8>> {
        self.foreign.then(|| std::mem::take(&mut self.input))
    }

    /// Whether the last request was answered, and there may be another.
    fn is_free(&self) -> bool {
        self.held == Held::Nothing && self.output.is_empty() && !self.last
    }

    /// Bytes of memory that this holds.
    pub fn held(&self) -> usize {
        self.input.capacity() + self.output.capacity()
    }

    /// What is to be written.
    pub fn pending(&self) -> &[u8] {
        &self.output
    }

    /// So much of it was written.
    pub fn advance(&mut self, count: usize, channels: &Channels) {
        self.output.drain(..count.min(self.output.len()));
        if let Some(channel) = &self.channel {
            channels.count_sent(channel, count);
        }
    }

    /// Whether the connection is to end: all is written, and it was the last.
    pub fn is_done(&self) -> bool {
        self.last && self.output.is_empty()
    }

    /// Until when something must happen.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        now.checked_add(match self.held {
            Held::Nothing => IDLE,
            Held::Wait => HELD,
            Held::Events => HEARTBEAT,
        })
    }

    /// The deadline has come. False if the connection has lived long enough.
    pub fn timeout(&mut self) -> bool {
        if !self.output.is_empty() {
            return false; // it does not read what it asked for
        }
        match self.held {
            Held::Nothing => return false,
            Held::Wait => {
                self.held = Held::Nothing;
                self.respond("204 No Content", "", &[]);
            }
            Held::Events => self.output.extend_from_slice(b":\n\n"),
        }
        true
    }

    /// Takes what was read, and answers the requests in it, one when the one before was answered.
    /// Returns who waits for the messages that were in them.
    pub fn receive(
        &mut self,
        bytes: &[u8],
        channels: &Channels,
        own: PeerId,
        now: Instant,
    ) -> Vec<PeerId> {
        self.input.extend_from_slice(bytes);
        let mut told = Vec::new();
        while self.is_free() && !self.foreign {
            let end = match self.scanner.scan(&self.input) {
                Ok(Some(end)) => end,
                Ok(None) => break,
                Err(error) => {
                    self.refuse(&error);
                    break;
                }
            };
            let rest = self.input.split_off(end);
            let head = std::mem::replace(&mut self.input, rest);
            self.scanner = HeadScanner::new(MAX_HEAD);
            match Request::parse(&head, MAX_HEADERS) {
                Ok(request) if serves(&request) => {
                    told.extend(self.answer(&request, head.len(), channels, own, now));
                }
                Ok(_) => {
                    self.foreign = true;
                    self.input.splice(..0, head);
                }
                Err(error) => self.refuse(&error),
            }
        }
        told
    }

    /// Somebody has sent something into the channel that this connection waits for.
    pub fn resume(&mut self, channels: &Channels, own: PeerId, now: Instant) {
        let Some(channel) = self.channel.take() else {
            return;
        };
        match self.held {
            Held::Nothing => {}
            Held::Wait => {
                let messages = channels.take(&channel, Some(own), now);
                if !messages.is_empty() {
                    self.held = Held::Nothing;
                    self.respond("200 OK", JSON, &to_json(&messages));
                }
            }
            Held::Events if self.output.len() > HIGH_WATER => self.last = true,
            Held::Events => {
                for message in channels.follow(&channel, own, now) {
                    self.output.extend_from_slice(b"data: ");
                    self.output.extend_from_slice(&to_json(&message));
                    self.output.extend_from_slice(b"\n\n");
                }
            }
        }
        self.channel = Some(channel);
    }

    /// Answers a request, now or later. Returns who waits for the message that was in it.
    fn answer(
        &mut self,
        request: &Request<'_>,
        length: usize,
        channels: &Channels,
        own: PeerId,
        now: Instant,
    ) -> Option<PeerId> {
        self.channel = None;
        self.last = ends_after(request);
        if (request.method(), request.path()) == ("GET", "/transports/counts") {
            let names = parameter(request.query(), "channel").unwrap_or_default();
            let counts = channels.counts(names.split(',').filter(|name| is_name(name)));
            self.respond("200 OK", JSON, &to_json(&counts));
            return None;
        }
        let Some(name) = name_in(request.query()) else {
            self.respond("400 Bad Request", TEXT, b"Which channel? Say ?channel=NAME.\n");
            return None;
        };
        if !channels.count_request(name, length, now) {
            self.respond("503 Service Unavailable", TEXT, b"There are too many channels.\n");
            return None;
        }
        self.channel = Some(name.to_owned());
        match (request.method(), request.path()) {
            ("POST", "/transports/send") => return self.take(request, name, channels, now),
            ("GET", "/transports/poll") => {
                self.respond("200 OK", JSON, &to_json(&channels.take(name, None, now)));
            }
            ("GET", "/transports/wait") => {
                self.held = Held::Wait;
                self.resume(channels, own, now);
            }
            ("GET", "/transports/events") => {
                self.held = Held::Events;
                self.output.extend_from_slice(EVENTS_HEAD);
                self.resume(channels, own, now);
            }
            _ => {
                self.respond("404 Not Found", TEXT, b"There is send, poll, wait, events, counts.\n")
            }
        }
        None
    }

    /// Takes the message of a request. Returns who waits for it.
    fn take(
        &mut self,
        request: &Request<'_>,
        name: &str,
        channels: &Channels,
        now: Instant,
    ) -> Option<PeerId> {
        let message = parameter(request.query(), "message").unwrap_or_default();
        let Ok(message) = percent_encoding::percent_decode_str(message).decode_utf8() else {
            self.respond("400 Bad Request", TEXT, b"The message is not UTF-8.\n");
            return None;
        };
        match channels.send(name, message.into_owned(), now) {
            Ok(waiting) => {
                self.respond("204 No Content", "", &[]);
                waiting
            }
            Err(full) => {
                self.respond("503 Service Unavailable", TEXT, full.to_string().as_bytes());
                None
            }
        }
    }

    fn respond(&mut self, status: &str, content_type: &str, body: &[u8]) {
        let connection = if self.last { "Connection: close\r\n" } else { "" };
        self.output.extend_from_slice(format!("HTTP/1.1 {status}\r\n{connection}").as_bytes());
        if !content_type.is_empty() {
            let head = format!(
                "Content-Type: {content_type}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n",
                body.len()
            );
            self.output.extend_from_slice(head.as_bytes());
        }
        self.output.extend_from_slice(b"\r\n");
        self.output.extend_from_slice(body);
    }

    /// This cannot be understood, so nothing behind it can.
    fn refuse(&mut self, error: &HandshakeError) {
        self.channel = None;
        self.last = true;
        self.input.clear();
        error.write_response(&mut self.output);
    }
}

/// Whether a request is one of those that an exchange answers. Whoever begins one and the exchange
/// itself must agree on that: what neither serves would be handed back and forth without end.
pub fn serves(request: &Request<'_>) -> bool {
    let plain = matches!(request.method(), "GET" | "POST") && !request.is_websocket_attempt();
    plain && request.path().starts_with(PREFIX)
}

/// RFC 7230, 6.3: whether the connection is to end after the answer to a request.
fn ends_after(request: &Request<'_>) -> bool {
    request.version() < Version::Http11 || request.header_has_token("connection", "close")
}

/// Strings and numbers, which serde_json can always write.
fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: PeerId = PeerId::new(0, 1, 1);

    fn get(exchange: &mut Exchange, channels: &Channels, target: &str) -> Vec<PeerId> {
        let method = if target.contains("/send?") { "POST" } else { "GET" };
        let request = format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        exchange.receive(request.as_bytes(), channels, OWN, Instant::now())
    }

    fn output(exchange: &mut Exchange, channels: &Channels) -> String {
        let output = String::from_utf8(exchange.pending().to_vec()).unwrap();
        exchange.advance(output.len(), channels);
        output
    }

    #[test]
    fn a_connection_carries_one_request_after_another() {
        let (channels, mut exchange) = (Channels::default(), Exchange::default());
        assert!(
            get(&mut exchange, &channels, "/transports/send?channel=c&message=a%20b").is_empty()
        );
        assert!(output(&mut exchange, &channels).starts_with("HTTP/1.1 204 "));
        get(&mut exchange, &channels, "/transports/poll?channel=c");
        assert!(output(&mut exchange, &channels).ends_with("\r\n\r\n[\"a b\"]"));
        get(&mut exchange, &channels, "/transports/poll?channel=c");
        assert!(output(&mut exchange, &channels).ends_with("\r\n\r\n[]"));
        assert!(!exchange.is_done());
    }

    #[test]
    fn a_held_request_is_answered_by_the_next_message() {
        let channels = Channels::default();
        let (mut sender, mut waiter) = (Exchange::default(), Exchange::default());
        get(&mut waiter, &channels, "/transports/wait?channel=c");
        assert!(waiter.pending().is_empty());
        let told = get(&mut sender, &channels, "/transports/send?channel=c&message=hello");
        assert_eq!(told, [OWN]);
        waiter.resume(&channels, OWN, Instant::now());
        assert!(output(&mut waiter, &channels).ends_with("[\"hello\"]"));
    }

    #[test]
    fn a_held_request_is_answered_empty_in_the_end() {
        let (channels, mut exchange) = (Channels::default(), Exchange::default());
        get(&mut exchange, &channels, "/transports/wait?channel=c");
        assert!(exchange.timeout());
        assert!(output(&mut exchange, &channels).starts_with("HTTP/1.1 204 "));
        assert!(!exchange.timeout(), "it is idle then");
    }

    #[test]
    fn a_stream_of_events_goes_on() {
        let (channels, mut exchange) = (Channels::default(), Exchange::default());
        get(&mut exchange, &channels, "/transports/events?channel=c");
        assert!(output(&mut exchange, &channels).contains("text/event-stream"));
        for message in ["1", "line\nbreak"] {
            let told = channels.send("c", message.into(), Instant::now());
            assert_eq!(told, Ok(Some(OWN)));
            exchange.resume(&channels, OWN, Instant::now());
        }
        assert_eq!(output(&mut exchange, &channels), "data: \"1\"\n\ndata: \"line\\nbreak\"\n\n");
        assert!(exchange.timeout());
        assert_eq!(output(&mut exchange, &channels), ":\n\n");
    }

    #[test]
    fn requests_and_answers_count_for_their_channel() {
        let (channels, mut exchange) = (Channels::default(), Exchange::default());
        get(&mut exchange, &channels, "/transports/poll?channel=c");
        let answer = output(&mut exchange, &channels);
        get(&mut exchange, &channels, "/transports/poll?channel=d");
        output(&mut exchange, &channels);
        get(&mut exchange, &channels, "/transports/counts?channel=c,nobody");
        let counts = output(&mut exchange, &channels);
        let request = "GET /transports/poll?channel=c HTTP/1.1\r\nHost: a\r\n\r\n";
        let (received, sent) = (request.len(), answer.len());
        let expected = format!(r#"{{"c":{{"requests":1,"received":{received},"sent":{sent}}}}}"#);
        assert!(counts.ends_with(&expected), "{counts}");
    }

    #[test]
    fn what_cannot_be_understood_ends_the_connection() {
        let (channels, mut exchange) = (Channels::default(), Exchange::default());
        let request = b"POST /transports/send?channel=c HTTP/1.1\r\nHost: a\r\n\
            Content-Length: 4\r\n\r\nbodyGET /transports/poll?channel=c HTTP/1.1\r\nHost: a\r\n\r\n";
        exchange.receive(request, &channels, OWN, Instant::now());
        let answer = output(&mut exchange, &channels);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1);
        assert!(exchange.is_done());
    }
}
