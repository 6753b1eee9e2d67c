//! An [`Item`] of the dissector as text for a terminal.
//!
//! ```
//! use std::time::Instant;
//! use wigwag::trace::dissect::{Conversation, Options, Side};
//! use wigwag::trace::render::{Renderer, Style};
//!
//! let renderer = Renderer { style: Style::Full, color: false, width: 80 };
//! let mut conversation = Conversation::open(Options::default(), None, Instant::now());
//! conversation.push(Side::Client, &[0x89, 0x80, 0, 0, 0, 0], &mut |item| {
//!     let text = renderer.item("client -> server", &item);
//!     assert!(text.contains(".... 1001  Opcode"));
//!     assert!(text.contains("answer"));
//! });
//! ```
//!
//! Whatever the peer sent is escaped here: no byte of it can move the cursor, change a colour or
//! begin a line of its own.

mod paint;

use std::fmt::Write as _;

use super::dissect::item::{Change, Fault, UnmaskRow};
use super::dissect::{Field, Item, Kind, Side, Step, Told};
use super::script::frame::describe;
use super::script::words::hex;
use crate::protocol::Role;
use paint::{Paint, escaped, wrap};

pub use paint::escape;

/// How much is told of each item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// One line: what it is, and what was wrong with it.
    Line,
    /// All: fields, steps, event, states.
    Full,
}

/// Renders items.
#[derive(Clone, Copy, Debug)]
pub struct Renderer {
    /// How much.
    pub style: Style,
    /// Whether with ANSI colours.
    pub color: bool,
    /// How many columns there are.
    pub width: usize,
}

/// Where the columns of a field begin: its bytes, its bits, its label, its value.
const BITS: usize = 15;
const LABEL: usize = 26;
const VALUE: usize = 44;
/// Where the values of what follows the fields begin.
const INDENT: usize = 14;
/// So many bytes stand on a line, of a header field and of a payload.
const BYTES_OF_FIELD: usize = 4;
const BYTES_OF_PAYLOAD: usize = 16;
/// Of an event and of an answer, so many bytes are shown.
const BYTES_OF_EVENT: usize = 12;
/// The most lines of a payload.
const PAYLOAD_LINES: usize = 64;

impl Renderer {
    /// The item, in lines that each end in a line feed; `heading` stands before all else. The
    /// heading is not escaped: it is the caller's own.
    pub fn item(&self, heading: &str, item: &Item) -> String {
        let mut out = String::new();
        self.first_line(heading, item, &mut out);
        if self.style == Style::Line {
            if let Some(fault) = &item.violation {
                self.fault(fault, &mut out);
            }
            return out;
        }
        match item.kind {
            Kind::Request | Kind::Response => self.head(item, &mut out),
            Kind::Frame => self.frame(item, &mut out),
            Kind::Data => self.dump("data", &item.bytes.0, &mut out),
        }
        for step in &item.steps {
            self.step(step, item, &mut out);
        }
        self.verdict(item, &mut out);
        out
    }

    /// How `Sec-WebSocket-Accept` is made, and whatever else a step shows, without an item.
    pub fn accept(&self, step: &Step) -> String {
        let mut out = String::new();
        if let Step::Accept { .. } = step {
            self.accept_step(step, &mut out);
        }
        out
    }

    fn paint(&self) -> Paint {
        Paint { color: self.color }
    }

    fn first_line(&self, heading: &str, item: &Item, out: &mut String) {
        let paint = self.paint();
        let bytes = if item.length == 1 { "byte" } else { "bytes" };
        let mut size = format!("{} {bytes}", item.length);
        if item.missing > 0 {
            let _ = write!(size, ", {} missing", item.missing);
        } else if !item.complete {
            size.push_str(", incomplete");
        }
        let color = if item.violation.is_some() { Paint::WRONG } else { side_color(item.from) };
        let summary = paint.with(color, &escaped(&item.summary));
        let _ = writeln!(out, "{heading}  {summary}  {}", paint.dim(&format!("({size})")));
    }

    /// The fields of a head: a label and a value for each line.
    fn head(&self, item: &Item, out: &mut String) {
        for field in &item.fields {
            let label = escaped(&field.label);
            let value = escaped(&field.value);
            let indent = LABEL + 2;
            let _ = write!(out, "  {label:<LABEL$}");
            self.value_and_meaning(&value, field, indent.max(label.chars().count() + 2), out);
        }
    }

    /// The fields of a frame's header, and its payload.
    fn frame(&self, item: &Item, out: &mut String) {
        let paint = self.paint();
        let mut shown = None;
        for field in &item.fields {
            if is_payload(field) && !field.name.starts_with("websocket.payload.close.") {
                continue;
            }
            let range = field.start..field.end;
            let bytes = bytes_of(item, field);
            // Bits of a byte that stands on the line above.
            let again = shown.replace(range.clone()) == Some(range);
            let bytes = if again { "" } else { &hex(bytes) };
            let mut lines = chunks(bytes, BYTES_OF_FIELD);
            let first = lines.next().unwrap_or_default();
            let _ = write!(out, "  {first:<width$}", width = BITS - 2);
            let drawn = field.bits.as_deref().unwrap_or_default();
            let _ =
                write!(out, "{}", paint.bits(&format!("{drawn:<width$}", width = LABEL - BITS)));
            let label = &field.label;
            let _ = write!(out, "{label:<width$}", width = VALUE - LABEL);
            // What stands on the left already need not be said again.
            let repeats = field.bits.is_none() && field.value == bytes;
            let value = if repeats { String::new() } else { escaped(&field.value) };
            self.value_and_meaning(&value, field, VALUE, out);
            for line in lines {
                let _ = writeln!(out, "  {line}");
            }
        }
        self.payload(item, out);
    }

    fn value_and_meaning(&self, value: &str, field: &Field, indent: usize, out: &mut String) {
        let paint = self.paint();
        let mut meaning = field.meaning.clone();
        if let Some(reference) = field.rfc {
            let section = match reference.rfc {
                6455 => format!("({})", reference.section),
                rfc => format!("(RFC {rfc}, {})", reference.section),
            };
            meaning = if meaning.is_empty() { section } else { format!("{meaning} {section}") };
        }
        let room = self.width.saturating_sub(indent).max(20);
        let used = value.chars().count() + 2;
        let used = if value.is_empty() { 0 } else { used.min(room) };
        let mut lines = wrap(&meaning, room, used);
        let first = lines.next().unwrap_or_default();
        let gap = if value.is_empty() || first.is_empty() { "" } else { "  " };
        let _ = writeln!(out, "{}{gap}{}", paint.strong(value), paint.dim(&first));
        for line in lines {
            let _ = writeln!(out, "{:indent$}{}", "", paint.dim(&line));
        }
    }

    /// The payload of a frame, as it is meant. How it is unmasked is a step.
    fn payload(&self, item: &Item, out: &mut String) {
        let Some(frame) = item.frame.as_ref().filter(|frame| !frame.payload.0.is_empty()) else {
            return;
        };
        if frame.opcode == 8 {
            return;
        }
        let shown = &frame.payload.0;
        let all_worked_out = item
            .steps
            .iter()
            .any(|step| matches!(step, Step::Unmask { rows, .. } if rows.len() == shown.len()));
        if !all_worked_out {
            self.dump("payload", shown, out);
        }
        let hidden = frame.payload_length.unwrap_or(0).saturating_sub(shown.len() as u64);
        let hidden = hidden.saturating_sub(item.missing);
        if hidden > 0 {
            self.line("", &self.paint().dim(&format!("... and {hidden} bytes more")), out);
        }
    }

    /// Bytes in hexadecimal and as text.
    fn dump(&self, label: &str, bytes: &[u8], out: &mut String) {
        for (index, row) in bytes.chunks(BYTES_OF_PAYLOAD).enumerate().take(PAYLOAD_LINES) {
            let text: String = row.iter().map(|&byte| printable(byte)).collect();
            let width = BYTES_OF_PAYLOAD * 3 - 1;
            let line = format!("{:<width$} {}", hex(row), self.paint().strong(&text));
            self.line(if index == 0 { label } else { "" }, &line, out);
        }
        let shown = PAYLOAD_LINES * BYTES_OF_PAYLOAD;
        if bytes.len() > shown {
            let more = format!("... and {} bytes more", bytes.len() - shown);
            self.line("", &self.paint().dim(&more), out);
        }
    }

    fn step(&self, step: &Step, item: &Item, out: &mut String) {
        match step {
            Step::Unmask { rows, more, .. } => self.unmask(rows, *more, out),
            Step::Accept { .. } => self.accept_step(step, out),
            Step::Inflate {
                compressed,
                compressed_length,
                tail,
                inflated_length,
                context_takeover,
            } => {
                let paint = self.paint();
                let shown = compressed.0.get(..BYTES_OF_PAYLOAD).unwrap_or(&compressed.0);
                let dots = if (shown.len() as u64) < *compressed_length { " ..." } else { "" };
                let size = paint.dim(&format!("({compressed_length} bytes)"));
                self.line("deflated", &format!("{}{dots}  {size}", hex(shown)), out);
                let why = "left out by the sender (RFC 7692, 7.2.2)";
                self.line("+ tail", &format!("{}  {}", hex(&tail.0), paint.dim(why)), out);
                let takeover =
                    if *context_takeover { "context takeover" } else { "no context takeover" };
                let size = paint.dim(&format!("({inflated_length} bytes; {takeover})"));
                let what = match &item.event {
                    Some(Told::Text { text, .. }) => quoted(text),
                    Some(Told::Binary { bytes, .. }) => hex(shorter(&bytes.0)),
                    _ => String::new(),
                };
                self.line("inflated", &format!("{}  {size}", paint.strong(&what)), out);
            }
        }
    }

    /// 5.3, worked out: the first byte in bits, then all in hexadecimal.
    fn unmask(&self, rows: &[UnmaskRow], more: u64, out: &mut String) {
        let paint = self.paint();
        if let [first, ..] = rows {
            let [masked, key, plain] = [first.masked, first.key, first.plain].map(nibbles);
            let line = format!("{masked} XOR {key} = {}", paint.strong(&plain));
            let first = format!("{line}  {}", paint.dim("bit by bit (5.3)"));
            self.line("unmasking", &first, out);
        }
        type Column = fn(&UnmaskRow) -> String;
        let columns: [(&str, Column); 4] = [
            ("on the wire", |row| format!("{:02x}", row.masked)),
            ("masking key", |row| format!("{:02x}", row.key)),
            ("XOR of both", |row| format!("{:02x}", row.plain)),
            ("as text", |row| format!("{:>2}", printable(row.plain))),
        ];
        for block in rows.chunks(BYTES_OF_PAYLOAD) {
            for (index, (label, column)) in columns.iter().enumerate() {
                let cells: Vec<String> = block.iter().map(column).collect();
                let cells = cells.join(" ");
                let cells = if index < 2 { cells } else { paint.strong(&cells) };
                self.line(label, &cells, out);
            }
        }
        if more > 0 {
            let more = format!("... and so on, for {more} bytes more");
            self.line("", &paint.dim(&more), out);
        }
    }

    fn accept_step(&self, step: &Step, out: &mut String) {
        let Step::Accept { key, guid, sha1, accept, .. } = step else { return };
        let paint = self.paint();
        self.line("key", &format!("{}  {}", escaped(key), paint.dim("as it was sent")), out);
        let why = paint.dim("the same for all (1.3)");
        self.line("+ GUID", &format!("{guid}  {why}"), out);
        self.line("SHA-1", &hex(&sha1.0), out);
        let why = paint.dim("Sec-WebSocket-Accept (4.2.2)");
        self.line("base64", &format!("{}  {why}", paint.strong(accept)), out);
    }

    /// What the core says.
    fn verdict(&self, item: &Item, out: &mut String) {
        let paint = self.paint();
        if let Some(fault) = &item.violation {
            self.fault(fault, out);
        } else if let Some(event) = &item.event {
            self.line("event", &paint.strong(&event_text(event)), out);
        }
        let mut ends = [&item.receiver, &item.sender];
        ends.sort_by_key(|change| change.side == Side::Server);
        let ends = ends.map(|change| self.change(change));
        if item.kind != Kind::Data {
            self.line("state", &ends.join(", "), out);
        }
        if !item.answer.0.is_empty() {
            let role = if item.receiver.side == Side::Client { Role::Client } else { Role::Server };
            let words = escaped(&describe(&item.answer.0, role).join(", "));
            let side = item.receiver.side.name();
            let bytes = shorter(&item.answer.0);
            let dots = if bytes.len() < item.answer.0.len() { " ..." } else { "" };
            let words = paint.with(side_color(item.receiver.side), &words);
            self.line(
                "answer",
                &format!("{words}  {}", paint.dim(&format!("from the {side}"))),
                out,
            );
            self.line("", &paint.dim(&format!("{}{dots}", hex(bytes))), out);
        }
        for note in &item.notes {
            self.line("note", note, out);
        }
    }

    fn fault(&self, fault: &Fault, out: &mut String) {
        let paint = self.paint();
        self.line("violation", &paint.with(Paint::WRONG, &fault.sentence), out);
        let Fault { section, source, .. } = fault;
        let code = match (fault.close_code, fault.close_name, fault.status) {
            (Some(code), Some(name), _) => format!("; close code {code} ({name})"),
            (_, _, Some(status)) => format!("; answered with HTTP status {status}"),
            _ => String::new(),
        };
        self.line("rule", &format!("{section}{code}"), out);
        self.line("checked in", &format!("{}:{}", source.file, source.line), out);
        if let Some(advice) = fault.advice {
            for line in wrap(advice, self.width.saturating_sub(INDENT + 2), 0) {
                self.line("", &paint.dim(&line), out);
            }
        }
    }

    fn change(&self, change: &Change) -> String {
        let Change { side, before, after } = change;
        let name = side.name();
        if before == after {
            return format!("{name} {}", before.name());
        }
        let after = self.paint().strong(after.name());
        format!("{name} {} -> {after}", before.name())
    }

    fn line(&self, label: &str, text: &str, out: &mut String) {
        let label = format!("{label:<INDENT$}");
        let _ = writeln!(out, "{}", format!("  {}{text}", self.paint().dim(&label)).trim_end());
    }
}

/// The color of what a side sends.
const fn side_color(side: Side) -> &'static str {
    match side {
        Side::Client => Paint::CLIENT,
        Side::Server => Paint::SERVER,
    }
}

/// Which way, for a heading: `client -> server`, coloured.
pub fn direction(from: Side, color: bool) -> String {
    let arrow = format!("{} -> {}", from.name(), from.other().name());
    Paint { color }.with(side_color(from), &arrow)
}

fn is_payload(field: &Field) -> bool {
    field.name == "websocket.masked_payload"
        || field.name == "websocket.payload"
        || field.name.starts_with("websocket.payload.")
}

/// The bytes of a field, as they stood on the wire; of a close code, unmasked.
fn bytes_of<'i>(item: &'i Item, field: &Field) -> &'i [u8] {
    let header = item.frame.as_ref().map_or(0, |frame| frame.header_length);
    let (bytes, base) = match &item.frame {
        Some(frame) if field.start >= header => (&frame.payload.0, header),
        _ => (&item.bytes.0, 0),
    };
    let at = |offset: u64| usize::try_from(offset.saturating_sub(base)).unwrap_or(usize::MAX);
    let end = at(field.end).min(bytes.len());
    bytes.get(at(field.start)..end).unwrap_or_default()
}

fn event_text(event: &Told) -> String {
    match event {
        Told::Text { length, text } => {
            format!("text {}{} ({length} bytes)", quoted(text), dots(text.len(), *length))
        }
        Told::Binary { length, bytes } => {
            let shown = shorter(&bytes.0);
            format!("binary {}{} ({length} bytes)", hex(shown), dots(shown.len(), *length))
        }
        Told::Ping { bytes } => format!("ping {}", quoted(&String::from_utf8_lossy(&bytes.0))),
        Told::Pong { bytes } => format!("pong {}", quoted(&String::from_utf8_lossy(&bytes.0))),
        Told::Close { code: None, .. } => "close, without a code".into(),
        Told::Close { code: Some(code), name, reason } => {
            let reason = if reason.is_empty() { String::new() } else { quoted(reason) };
            format!("close {code} ({}) {reason}", name.unwrap_or_default()).trim_end().into()
        }
        Told::Violation => "violation".into(),
        Told::Handshake { .. } => "a request for a WebSocket, and a right one".into(),
        Told::Plain { .. } => "a request in plain HTTP".into(),
        Told::Upgraded { subprotocol, deflate } => {
            let mut text = String::from("a WebSocket: frames follow");
            if let Some(subprotocol) = subprotocol {
                text.push_str(&format!(", of the subprotocol {}", escaped(subprotocol)));
            }
            if deflate.is_some() {
                text.push_str(", and messages may be compressed");
            }
            text
        }
        Told::Answered { status } => format!("no WebSocket: the status is {status}"),
    }
}

fn dots(shown: usize, length: u64) -> &'static str {
    if (shown as u64) < length { "..." } else { "" }
}

fn shorter(bytes: &[u8]) -> &[u8] {
    bytes.get(..BYTES_OF_EVENT).unwrap_or(bytes)
}

fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut shown = text.get(..text.floor_char_boundary(SHOWN)).unwrap_or_default().to_owned();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    format!("\"{}\"", escaped(&shown))
}

fn printable(byte: u8) -> char {
    if byte.is_ascii_graphic() || byte == b' ' { byte.into() } else { '.' }
}

/// A byte in bits, with a blank in the middle.
fn nibbles(byte: u8) -> String {
    format!("{:04b} {:04b}", byte >> 4, byte & 0xf)
}

/// Cuts `aa bb cc` after so many bytes.
fn chunks(bytes: &str, size: usize) -> impl Iterator<Item = String> {
    let words: Vec<&str> = bytes.split(' ').collect();
    let lines: Vec<String> = words.chunks(size).map(|line| line.join(" ")).collect();
    lines.into_iter()
}

#[cfg(test)]
mod tests;
