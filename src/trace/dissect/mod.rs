//! Bytes on the wire, explained.
//!
//! A [`Conversation`] is given what both ends send, as it stands on the wire (before anything is
//! unmasked) and in whatever pieces it comes. It yields an [`Item`] for each head of the handshake
//! and for each frame:
//!
//! - its **fields**: which bytes and bits, the name that Wireshark gives them, the value, the
//!   meaning, and the section of the RFC;
//! - **steps** that are worked out: unmasking byte by byte, the accept key, inflating;
//! - what the real [core](crate::protocol) says of it: the **event**, the **states** of both ends
//!   before and after, the **answer**; or the **violation**, with its close code, its rule, and the
//!   line of source that keeps it.
//!
//! ```
//! use std::time::Instant;
//! use wigwag::trace::dissect::{Conversation, Options, Side};
//!
//! let mut conversation = Conversation::open(Options::default(), None, Instant::now());
//! let mut items = Vec::new();
//! // RFC 6455, 5.7: "A single-frame masked text message (contains "Hello")"
//! let frame = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
//! conversation.push(Side::Client, &frame, &mut |item| items.push(item));
//! assert_eq!(items[0].summary, "text \"Hello\"");
//! assert_eq!(items[0].fields[0].name, "websocket.fin");
//! ```
//!
//! # In JSON
//!
//! An item serialises to an object that always has these members. The types in [`item`] say what
//! each means; whatever is not there is `null` or empty, never left out. Members may be added in
//! later versions. This is the frame of above, with two of its eight fields and two of the five
//! rows of its step:
//!
//! ```
//! # use std::time::Instant;
//! # use wigwag::trace::dissect::{Conversation, Options, Side};
//! # let mut conversation = Conversation::open(Options::default(), None, Instant::now());
//! # let frame = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
//! # let mut json = String::new();
//! # conversation.push(Side::Client, &frame, &mut |item| json = serde_json::to_string(&item).unwrap());
//! # let mut item: serde_json::Value = serde_json::from_str(&json).unwrap();
//! # let fields = item["fields"].as_array_mut().unwrap();
//! # assert_eq!(fields.len(), 8);
//! # *fields = vec![fields[2].clone(), fields[5].clone()];
//! # item["steps"][0]["rows"].as_array_mut().unwrap().truncate(2);
//! # item["steps"][0]["more"] = 3.into();
//! # let documented: serde_json::Value = serde_json::from_str(
//! # stringify!(
//! {
//!   "from": "client", "kind": "frame", "number": 1, "offset": 0,
//!   "length": 11, "missing": 0, "complete": true,
//!   "bytes": "818537fa213d7f9f4d5158",
//!   "summary": "text \"Hello\"",
//!   "fields": [
//!     { "name": "websocket.opcode", "start": 0, "end": 1, "mask": 15, "bits": ".... 0001",
//!       "label": "Opcode", "value": "1 (text)", "meaning": "begins a text message, in UTF-8",
//!       "rfc": { "rfc": 6455, "section": "5.2" } },
//!     { "name": "websocket.masking_key", "start": 2, "end": 6, "mask": null, "bits": null,
//!       "label": "Masking key", "value": "37 fa 21 3d",
//!       "meaning": "XORed with the payload; new for each frame",
//!       "rfc": { "rfc": 6455, "section": "5.3" } }
//!   ],
//!   "frame": { "fin": true, "rsv": 0, "opcode": 1, "opcode_name": "text", "masked": true,
//!     "masking_key": "37fa213d", "payload_length": 5, "header_length": 6,
//!     "payload": "48656c6c6f", "message": 1, "fragment": 1 },
//!   "steps": [
//!     { "kind": "unmask", "key": "37fa213d", "more": 3, "rows": [
//!       { "index": 0, "masked": 127, "key": 55, "plain": 72 },
//!       { "index": 1, "masked": 159, "key": 250, "plain": 101 } ] }
//!   ],
//!   "event": { "kind": "text", "length": 5, "text": "Hello" },
//!   "violation": null,
//!   "receiver": { "side": "server", "before": "open", "after": "open" },
//!   "sender": { "side": "client", "before": "open", "after": "open" },
//!   "answer": "",
//!   "notes": []
//! }
//! # )).unwrap();
//! # assert_eq!(item, documented);
//! ```
//!
//! A violation is an object too: `{ "name": "Violation::UnmaskedFrame", "close_code": 1002,
//! "close_name": "protocol error", "status": null, "section": "RFC 6455, 5.1", "sentence": "a client
//! must mask its frames", "advice": null, "source": { "file": "src/protocol/frame.rs", "line": 215 } }`.
//!
//! # What it promises
//!
//! - It holds no more than [`Options`] says: the head of a handshake, the clipped payload of one
//!   frame for each direction, and what the core holds of an unfinished message.
//! - How the bytes are cut makes no difference, with one exception: a frame that breaks a rule is
//!   yielded with what has arrived of it, because its sender may never send the rest.
//!
//! # What it deliberately does not do
//!
//! - No clock: an item has no time. Whoever feeds it knows the time.
//! - It does not see what has no bytes: a deadline, or an application's refusal.

mod frame;
mod head;
pub mod item;
mod judge;
mod remarks;
pub mod source;

#[cfg(test)]
mod tests;

use std::time::Instant;

use crate::protocol::Limits;
use crate::protocol::deflate::DeflateParameters;
use crate::protocol::frame::Opcode;
use crate::protocol::handshake::HeadScanner;
pub use frame::frame_at;
use frame::{RawFrame, lossy};
use head::{Asked, Verdict};
use item::{Fault, Hex};
pub use item::{Field, Item, Kind, Side, Stage, Step, Told};
use judge::{Ends, Judged};
use remarks::{remarks, summary};

/// How much is kept and shown.
#[derive(Clone, Debug)]
pub struct Options {
    /// The limits of the end that receives; a message over them is a violation.
    pub limits: Limits,
    /// The most bytes of a head.
    pub head: usize,
    /// The most bytes of a payload that are kept and shown.
    pub clip: usize,
    /// The most bytes for which unmasking is worked out.
    pub unmask_rows: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { limits: Limits::default(), head: 8 * 1024, clip: 4096, unmask_rows: 16 }
    }
}

/// What a client sends before the answer to its handshake has come is kept up to this size.
const WAITING: usize = 64 * 1024;

/// So much payload is handed to the core at a time: it is copied, since the core unmasks in place.
const PIECE: usize = 16 * 1024;

/// Both directions of a connection.
pub struct Conversation {
    options: Options,
    now: Instant,
    client: Direction,
    server: Direction,
    ends: Ends,
    asked: Option<Asked>,
    deflate: Option<DeflateParameters>,
}

/// What one end sends.
struct Direction {
    phase: Phase,
    /// Where the next item begins.
    offset: u64,
    items: u64,
    messages: u64,
    message: Option<MessageSoFar>,
}

enum Phase {
    /// The head of the handshake is arriving.
    Head(HeadScanner, Vec<u8>),
    /// The client's head has arrived, and its answer has not.
    Waiting(Vec<u8>),
    /// Frames.
    Frames(Box<FrameSoFar>),
    /// Neither.
    Data,
}

#[derive(Default)]
struct FrameSoFar {
    raw: RawFrame,
    judged: Judged,
    /// Where both ends stood when it began: receiver, sender.
    before: Option<(Stage, Stage)>,
    /// It was yielded before it was complete; what is left of it is passed over.
    yielded: bool,
}

/// An unfinished message.
struct MessageSoFar {
    fragments: u64,
    compressed: bool,
    /// What its frames carried, clipped.
    payload: Vec<u8>,
    length: u64,
}

impl Direction {
    fn new(options: &Options) -> Self {
        let phase = Phase::Head(HeadScanner::new(options.head), Vec::new());
        Self { phase, offset: 0, items: 0, messages: 0, message: None }
    }
}

impl Conversation {
    /// A connection from its first byte on: it begins with the handshake.
    ///
    /// The time is no more than what the core wants to be told; nothing depends on it.
    pub fn new(options: Options, now: Instant) -> Self {
        Self {
            client: Direction::new(&options),
            server: Direction::new(&options),
            options,
            now,
            ends: Ends::new(),
            asked: None,
            deflate: None,
        }
    }

    /// A connection after its handshake, in which permessage-deflate was agreed on or not.
    pub fn open(options: Options, deflate: Option<DeflateParameters>, now: Instant) -> Self {
        let mut conversation = Self::new(options, now);
        conversation.upgrade(deflate);
        conversation
    }

    /// Changes the limits by which frames are judged; to be called before the handshake's answer.
    pub fn set_limits(&mut self, limits: Limits) {
        self.options.limits = limits;
    }

    /// Where an end stands.
    pub fn stage(&self, side: Side) -> Stage {
        self.ends.stage(side)
    }

    /// What permessage-deflate was agreed to with, if it was.
    pub fn deflate(&self) -> Option<DeflateParameters> {
        self.deflate
    }

    /// Takes what `from` has sent, and yields what it completes.
    pub fn push(&mut self, from: Side, mut bytes: &[u8], sink: &mut dyn FnMut(Item)) {
        while !bytes.is_empty() {
            bytes = match &mut self.direction(from).phase {
                Phase::Head(..) => self.push_head(from, bytes, sink),
                Phase::Frames(_) => self.push_frame(from, bytes, sink),
                Phase::Waiting(waiting) if waiting.len() + bytes.len() <= WAITING => {
                    waiting.extend_from_slice(bytes);
                    &[]
                }
                Phase::Waiting(_) => {
                    self.release(Phase::Data, sink);
                    bytes
                }
                Phase::Data => {
                    self.push_data(from, bytes, sink);
                    &[]
                }
            };
        }
        if let Phase::Frames(frame) = &self.direction(from).phase
            && frame.judged.violation.is_some()
            && !frame.yielded
        {
            self.yield_frame(from, sink);
        }
    }

    /// Nothing more will come from `from`: yields what is incomplete.
    pub fn finish(&mut self, from: Side, sink: &mut dyn FnMut(Item)) {
        match &mut self.direction(from).phase {
            Phase::Head(_, head) if !head.is_empty() => {
                let head = std::mem::take(head);
                let mut item = self.item(from, head_kind(from), head.len() as u64);
                item.complete = false;
                item.notes.push("the head is incomplete: its blank line is missing".into());
                self.yield_head(item, &head, sink);
            }
            Phase::Waiting(_) => self.release(Phase::Data, sink),
            Phase::Frames(frame) if !frame.raw.is_empty() && !frame.yielded => {
                self.yield_frame(from, sink);
            }
            _ => {}
        }
    }

    fn direction(&mut self, from: Side) -> &mut Direction {
        match from {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// From here on, frames.
    fn upgrade(&mut self, deflate: Option<DeflateParameters>) {
        self.deflate = deflate;
        self.ends.open(&self.options, deflate, self.now);
        self.server.phase = Phase::Frames(Box::default());
        if !matches!(self.client.phase, Phase::Waiting(_)) {
            self.client.phase = Phase::Frames(Box::default());
        }
    }

    /// The answer has come: what waited for it is taken.
    fn release(&mut self, next: Phase, sink: &mut dyn FnMut(Item)) {
        if let Phase::Waiting(waiting) = &mut self.client.phase {
            let waiting = std::mem::take(waiting);
            self.client.phase = next;
            self.push(Side::Client, &waiting, sink);
        }
    }

    /// Takes some of a head; what is behind it is left.
    fn push_head<'b>(
        &mut self,
        from: Side,
        bytes: &'b [u8],
        sink: &mut dyn FnMut(Item),
    ) -> &'b [u8] {
        let limit = self.options.head;
        let Phase::Head(scanner, head) = &mut self.direction(from).phase else {
            return &[];
        };
        let before = head.len();
        // One byte over the limit is enough to know that there are too many.
        let room = limit.saturating_add(1).saturating_sub(before).min(bytes.len());
        head.extend_from_slice(bytes.get(..room).unwrap_or_default());
        let (end, verdict) = match scanner.scan(head) {
            Ok(None) => return &[],
            Ok(Some(end)) => (end, None),
            Err(error) => (head.len(), Some(Verdict::refused(error, source::SCANNER))),
        };
        let mut head = std::mem::take(head);
        head.truncate(end);
        let rest = bytes.get(end.saturating_sub(before)..).unwrap_or_default();

        let verdict = verdict.unwrap_or_else(|| match from {
            Side::Client => head::judge_request(&head),
            Side::Server => head::judge_response(&head, self.asked.as_ref()),
        });
        let mut item = self.item(from, head_kind(from), head.len() as u64);
        let Verdict { event, fault, steps, notes, asked, opens } = verdict;
        (item.event, item.violation, item.steps, item.notes) = (event, fault, steps, notes);
        match (from, opens) {
            (Side::Client, _) if asked.is_some() => {
                self.asked = asked;
                self.client.phase = Phase::Waiting(Vec::new());
            }
            (Side::Server, Some(deflate)) => self.upgrade(deflate),
            (from, _) => {
                self.direction(from).phase = Phase::Data;
                if from == Side::Server {
                    self.ends.stay_http();
                }
            }
        }
        item.receiver.after = self.ends.stage(from.other());
        item.sender.after = self.ends.stage(from);
        self.yield_head(item, &head, sink);
        if from == Side::Server {
            let next = match self.server.phase {
                Phase::Frames(_) => Phase::Frames(Box::default()),
                _ => Phase::Data,
            };
            self.release(next, sink);
        }
        rest
    }

    fn yield_head(&mut self, mut item: Item, head: &[u8], sink: &mut dyn FnMut(Item)) {
        item.bytes = head.into();
        item.summary = head::first_line_of(head);
        item.fields = head::fields(head, item.kind == Kind::Response);
        sink(item);
    }

    fn push_data(&mut self, from: Side, bytes: &[u8], sink: &mut dyn FnMut(Item)) {
        let mut item = self.item(from, Kind::Data, bytes.len() as u64);
        let shown = bytes.get(..self.options.clip).unwrap_or(bytes);
        item.bytes = shown.into();
        let what = if from == Side::Server { "of an HTTP body" } else { "after the request" };
        item.summary = format!("{} bytes {what}", bytes.len());
        item.fields.push(Field {
            name: "http.file_data",
            start: 0,
            end: bytes.len() as u64,
            mask: None,
            bits: None,
            label: "Data".into(),
            value: lossy(shown),
            meaning: String::new(),
            rfc: None,
        });
        sink(item);
    }

    /// Takes bytes up to the end of a frame; what is behind it is left.
    fn push_frame<'b>(
        &mut self,
        from: Side,
        mut bytes: &'b [u8],
        sink: &mut dyn FnMut(Item),
    ) -> &'b [u8] {
        let Self { client, server, ends, options, now, .. } = self;
        let direction = if from == Side::Client { client } else { server };
        let Phase::Frames(frame) = &mut direction.phase else {
            return bytes;
        };
        let FrameSoFar { raw, judged, before, yielded } = &mut **frame;
        let length_before = raw.length();
        before.get_or_insert_with(|| (ends.stage(from.other()), ends.stage(from)));
        let mut judge =
            |piece: &[u8]| ends.receive(from.other(), piece, options.clip, *now, judged);
        while let (false, Some((&byte, rest))) = (raw.has_header(), bytes.split_first()) {
            bytes = rest;
            raw.push_header(byte);
            judge(&[byte]);
        }
        while raw.missing() > 0 && !bytes.is_empty() {
            let most = usize::try_from(raw.missing()).unwrap_or(PIECE).min(PIECE);
            let (piece, rest) = bytes.split_at_checked(most).unwrap_or((bytes, &[]));
            bytes = rest;
            raw.push_payload(piece, options.clip);
            judge(piece);
        }
        let (complete, passed) = (raw.is_complete(), raw.length().saturating_sub(length_before));
        if *yielded {
            direction.offset = direction.offset.saturating_add(passed);
        }
        match (complete, *yielded) {
            (true, true) => direction.phase = Phase::Frames(Box::default()),
            (true, false) => self.yield_frame(from, sink),
            (false, _) => {}
        }
        bytes
    }

    /// Yields the frame that is arriving, complete or not.
    fn yield_frame(&mut self, from: Side, sink: &mut dyn FnMut(Item)) {
        let mut frame = FrameSoFar::default();
        if let Phase::Frames(so_far) = &mut self.direction(from).phase {
            std::mem::swap(&mut frame, so_far);
            if !frame.raw.is_complete() {
                so_far.raw = frame.raw.clone();
                so_far.yielded = true;
            }
        }
        let FrameSoFar { raw, judged, before, .. } = frame;
        if raw.opcode() == Some(Opcode::Close) && raw.is_complete() {
            self.ends.has_sent_close(from, self.now);
        }
        let mut item = self.item(from, Kind::Frame, raw.length());
        item.missing = raw.missing();
        item.complete = raw.is_complete();
        item.bytes = raw.bytes();
        item.fields = raw.fields(self.deflate.is_some());
        item.steps.extend(raw.unmask_step(self.options.unmask_rows));
        if let Some((receiver, sender)) = before {
            (item.receiver.before, item.sender.before) = (receiver, sender);
        }
        item.event = judged.event;
        item.answer = Hex(judged.answer);
        item.violation = judged.violation.map(Fault::from);
        item.frame = Some(raw.values());
        self.note_message(from, &raw, &mut item);
        item.summary = summary(&raw, self.deflate.is_some());
        item.notes.extend(remarks(&item, &raw));
        sink(item);
    }

    /// What the frame is to its message.
    fn note_message(&mut self, from: Side, raw: &RawFrame, item: &mut Item) {
        let clip = self.options.clip;
        let deflate = self.deflate;
        let direction = self.direction(from);
        let compressed = deflate.is_some() && raw.rsv1();
        match raw.opcode() {
            Some(Opcode::Text | Opcode::Binary) => {
                direction.messages += 1;
                let message =
                    MessageSoFar { fragments: 0, compressed, payload: Vec::new(), length: 0 };
                direction.message = Some(message);
            }
            Some(Opcode::Continuation) => {}
            _ => return,
        }
        let Some(message) = &mut direction.message else { return };
        message.fragments += 1;
        message.length = message.length.saturating_add(raw.received());
        if message.compressed {
            let payload = raw.unmasked();
            let room = clip.saturating_sub(message.payload.len()).min(payload.len());
            message.payload.extend_from_slice(payload.get(..room).unwrap_or_default());
        }
        if let Some(values) = &mut item.frame {
            values.message = Some(direction.messages);
            values.fragment = Some(message.fragments);
        }
        if !raw.fin() {
            return;
        }
        let Some(message) = direction.message.take().filter(|message| message.compressed) else {
            return;
        };
        let inflated_length = match &item.event {
            Some(Told::Text { length, .. } | Told::Binary { length, .. }) => *length,
            _ => return,
        };
        let anew = deflate.is_some_and(|agreed| match from {
            Side::Client => agreed.client_no_context_takeover,
            Side::Server => agreed.server_no_context_takeover,
        });
        item.steps.push(Step::Inflate {
            compressed: Hex(message.payload),
            compressed_length: message.length,
            tail: Hex(vec![0x00, 0x00, 0xff, 0xff]),
            inflated_length,
            context_takeover: !anew,
        });
    }

    /// A new item, of which nothing is known yet.
    fn item(&mut self, from: Side, kind: Kind, length: u64) -> Item {
        let (receiver, sender) = (self.ends.unchanged(from.other()), self.ends.unchanged(from));
        let direction = self.direction(from);
        direction.items += 1;
        let offset = direction.offset;
        direction.offset = offset.saturating_add(length);
        Item {
            from,
            kind,
            number: direction.items,
            offset,
            length,
            missing: 0,
            complete: true,
            bytes: Hex::default(),
            summary: String::new(),
            fields: Vec::new(),
            frame: None,
            steps: Vec::new(),
            event: None,
            violation: None,
            receiver,
            sender,
            answer: Hex::default(),
            notes: Vec::new(),
        }
    }
}

/// How `Sec-WebSocket-Accept` is made of a key, whatever the key is: [`Step::Accept`].
pub fn accept_step(key: &str) -> Step {
    head::accept_step(key)
}

fn head_kind(from: Side) -> Kind {
    match from {
        Side::Client => Kind::Request,
        Side::Server => Kind::Response,
    }
}
