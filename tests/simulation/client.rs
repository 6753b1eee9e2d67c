//! One client: wigwag's own client role over a made-up network, and what it does wrong on purpose.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wigwag::apps::PeerId;
use wigwag::protocol::deflate::{DeflateMode, DeflateOptions, DeflatePool};
use wigwag::protocol::handshake::{ClientRequest, HeadScanner};
use wigwag::protocol::{CloseCode, Connection, Event, Limits};

use crate::network::{Shared, Time};
use crate::random::Random;
use crate::script::{Break, Opening, Plan};

pub enum Phase {
    /// Has not connected yet.
    Before,
    /// Waits for the answer to its request.
    Asked(Vec<u8>),
    Open(Box<Connection>),
    /// Has an answer that opens no WebSocket; it may go on.
    Answered(Vec<u8>),
    Over,
}

pub struct Client {
    pub plan: Plan,
    pub phase: Phase,
    pub wire: Option<Shared>,
    pub peer: Option<PeerId>,
    pub next_act: usize,
    random: Random,
    request: ClientRequest,
    pub received: Vec<String>,
    /// The Close frame that came, and its code.
    pub close: Option<Option<u16>>,
    /// What must be the code, if this client is closed for what it did.
    pub deserves: Option<u16>,
    pub output: Vec<u8>,
    /// The client was a WebSocket's once.
    pub was_open: bool,
    /// It has ended its direction.
    pub ended: bool,
    /// It says nothing more by itself: it closed, or broke a rule.
    pub silent: bool,
    pub stalled: bool,
    /// It is in the middle of a frame, so not even a pong can be sent.
    pub muted: bool,
    /// Gone without a word: nothing reaches it, and it sends nothing.
    pub vanished: bool,
    /// It did, or the network did to it, what excuses a loss.
    pub excused: bool,
    pub reset: bool,
    /// Tells that the server's answer makes no sense.
    pub fault: Option<String>,
    pub over_at: Option<Time>,
}

impl Client {
    pub fn new(plan: Plan, mut random: Random) -> Self {
        let key: [u8; 16] = std::array::from_fn(|_| random.next() as u8);
        let path = if plan.opening == Opening::WrongPath { "/nowhere" } else { plan.path };
        let mut request = ClientRequest::new("simulated", path, key);
        request.deflate = plan.deflate;
        Self {
            plan,
            phase: Phase::Before,
            wire: None,
            peer: None,
            next_act: 0,
            random,
            request,
            received: Vec::new(),
            close: None,
            deserves: None,
            output: Vec::new(),
            was_open: false,
            ended: false,
            silent: false,
            stalled: false,
            muted: false,
            vanished: false,
            excused: false,
            reset: false,
            fault: None,
            over_at: None,
        }
    }

    /// The bytes of its request.
    pub fn ask(&mut self) -> Vec<u8> {
        self.phase = Phase::Asked(Vec::new());
        let mut head = Vec::new();
        match self.plan.opening {
            Opening::Http => head.extend_from_slice(b"GET /healthz HTTP/1.1\r\nHost: s\r\n\r\n"),
            Opening::Silence => {}
            _ => self.request.write(&mut head).expect("a request can be written"),
        }
        if self.plan.opening == Opening::Unfinished {
            head.truncate(self.random.within(1, head.len() as u64 - 1) as usize);
        }
        head
    }

    pub fn connection(&mut self) -> Option<&mut Connection> {
        match &mut self.phase {
            Phase::Open(connection) => Some(connection),
            _ => None,
        }
    }

    /// Whether it may still say something of its own accord.
    pub fn may_speak(&self) -> bool {
        !self.silent && !self.ended && !self.vanished && !self.reset && self.close.is_none()
    }

    /// Takes what has arrived.
    pub fn take(&mut self, mut bytes: Vec<u8>, now: Instant) {
        match &mut self.phase {
            Phase::Asked(head) => {
                head.append(&mut bytes);
                let head = std::mem::take(head);
                self.answered(head, now);
            }
            Phase::Answered(body) => body.append(&mut bytes),
            Phase::Open(_) => self.frames(&mut bytes, now),
            Phase::Before | Phase::Over => {}
        }
    }

    fn answered(&mut self, mut head: Vec<u8>, now: Instant) {
        let end = match HeadScanner::new(65536).scan(&head) {
            Ok(Some(end)) => end,
            Ok(None) => {
                self.phase = Phase::Asked(head);
                return;
            }
            Err(error) => {
                self.fault = Some(format!("the answer is not HTTP: {error:?}"));
                return;
            }
        };
        if !head.starts_with(b"HTTP/1.1 101 ") {
            self.phase = Phase::Answered(head);
            return;
        }
        let mut rest = head.split_off(end);
        let established = match self.request.verify(&head) {
            Ok(established) => established,
            Err(error) => {
                self.fault = Some(format!("the answer opens no WebSocket: {error:?}"));
                return;
            }
        };
        // This client has all the time in the world: the server's patience is what is tested.
        let ever = Duration::from_secs(1_000_000);
        let limits = Limits {
            max_message: 1 << 20,
            outbox: 1 << 24,
            reassembly: ever,
            ping_after: ever,
            pong_wait: ever,
            close_wait: ever,
            ..Limits::default()
        };
        let mut keys = self.random.fork();
        let keys = Box::new(move || (keys.next() as u32).to_ne_bytes());
        let mut connection = Connection::client(Arc::new(limits), now, keys);
        if let Some(agreed) = established.extensions.deflate() {
            let options = DeflateOptions { mode: DeflateMode::Takeover, ..Default::default() };
            connection.use_deflate(&agreed, &options, &Arc::new(DeflatePool::default()));
        }
        self.was_open = true;
        self.phase = Phase::Open(Box::new(connection));
        self.frames(&mut rest, now);
    }

    fn frames(&mut self, bytes: &mut [u8], now: Instant) {
        let Self { phase: Phase::Open(connection), received, close, fault, .. } = self else {
            return;
        };
        let mut input = bytes;
        while let Some((event, _)) = connection.receive(now, &mut input) {
            match event {
                Event::Text(text) => received.push(text.to_owned()),
                Event::Binary(_) => *fault = Some("a binary message, which nobody sent".to_owned()),
                Event::Close(reason) => *close = Some(reason.map(|reason| reason.code.get())),
                Event::Violation(violation) => {
                    *fault = Some(format!("the server broke a rule: {violation}"));
                }
                Event::Ping(_) | Event::Pong(_) => {}
            }
        }
    }

    /// What it has to send.
    pub fn take_output(&mut self) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.output);
        if let Phase::Open(connection) = &mut self.phase {
            // After a broken frame, or in the middle of one, nothing could be understood.
            if self.deserves.is_none() && !self.muted {
                bytes.extend_from_slice(connection.pending_output());
            }
            let count = connection.pending_output().len();
            connection.advance_output(count);
        }
        bytes
    }

    /// Moves what the connection has to say before what is written by hand.
    fn by_hand(&mut self) -> &mut Vec<u8> {
        self.output = self.take_output();
        &mut self.output
    }

    pub fn say(&mut self, text: &str, now: Instant) {
        if let Some(connection) = self.connection() {
            connection.outbox(now).text(text).expect("a client's outbox takes it");
        }
    }

    pub fn say_binary(&mut self, now: Instant) {
        if let Some(connection) = self.connection() {
            connection.outbox(now).binary(b"\0\x01").expect("a client's outbox takes it");
        }
    }

    pub fn ping(&mut self, now: Instant) {
        if let Some(connection) = self.connection() {
            connection.outbox(now).ping(b"are you there?").expect("a client's outbox takes it");
        }
    }

    pub fn begin_close(&mut self, now: Instant) {
        if let Some(connection) = self.connection() {
            let _ = connection.outbox(now).close(CloseCode::NORMAL, "bye");
        }
        self.silent = true;
    }

    /// Says a text in fragments, cut anywhere, with pings between them.
    pub fn say_in_fragments(&mut self, text: &str) {
        let mut rest = text.as_bytes();
        let mut opcode = 1;
        let mut frames = Vec::new();
        loop {
            let length = self.random.below(rest.len() as u64 / 2 + 2) as usize;
            let (piece, behind) = rest.split_at(length.min(rest.len()));
            rest = behind;
            let last = if rest.is_empty() { 0x80 } else { 0 };
            self.frame(&mut frames, opcode | last, piece);
            if last != 0 {
                break;
            }
            opcode = 0;
            if self.random.percent(20) {
                self.frame(&mut frames, 0x89, b"hey");
            }
        }
        self.by_hand().append(&mut frames);
    }

    /// Breaks a rule; notes which code that deserves.
    pub fn violate(&mut self, how: Break, max_message: usize) {
        let mut frames = Vec::new();
        let code = match how {
            Break::NoUtf8 => 1007,
            Break::TooLong => 1009,
            _ => 1002,
        };
        match how {
            Break::ReservedBits => self.frame(&mut frames, 0xb1, b"x"),
            Break::ReservedOpcode => self.frame(&mut frames, 0x83, b"x"),
            Break::Unmasked => frames.extend_from_slice(&[0x81, 1, b'x']),
            Break::NoUtf8 => self.frame(&mut frames, 0x81, b"ab\xc0\xaf"),
            Break::TooLong => {
                frames.extend_from_slice(&[0x81, 0xff]);
                frames.extend_from_slice(&(max_message as u64 + 1).to_be_bytes());
            }
            Break::LongPing => frames.extend_from_slice(&[0x89, 0xfe, 0, 126]),
            Break::LoneContinuation => self.frame(&mut frames, 0x80, b"x"),
            Break::CloseOfOneByte => self.frame(&mut frames, 0x88, b"x"),
            Break::CloseCode1005 => self.frame(&mut frames, 0x88, &1005_u16.to_be_bytes()),
        }
        self.by_hand().append(&mut frames);
        self.deserves = Some(code);
        self.silent = true;
    }

    /// Sends the beginning of a frame.
    pub fn begin_frame(&mut self) {
        let mut frame = Vec::new();
        self.frame(&mut frame, 0x81, &[b'x'; 300]);
        frame.truncate(self.random.within(1, 200) as usize);
        self.by_hand().append(&mut frame);
        self.silent = true;
        self.muted = true;
    }

    fn frame(&mut self, frames: &mut Vec<u8>, first: u8, payload: &[u8]) {
        frames.push(first);
        match payload.len() {
            length @ 0..=125 => frames.push(0x80 | length as u8),
            length @ 126..=65535 => {
                frames.push(0x80 | 126);
                frames.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                frames.push(0x80 | 127);
                frames.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        let key = (self.random.next() as u32).to_ne_bytes();
        frames.extend_from_slice(&key);
        let masked = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
        frames.extend(masked);
    }
}
