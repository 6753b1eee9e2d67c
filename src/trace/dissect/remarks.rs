//! A frame in a few words: what it is, and what a reader might wonder about.

use super::frame::{RawFrame, lossy, opcode_name, spaced};
use super::item::{Item, Stage};
use crate::protocol::Opcode;
use crate::trace::script::words::quote;

/// In a summary, text is cut after so many bytes.
const SUMMARY: usize = 32;
/// In hexadecimal, after so many.
const SUMMARY_HEX: usize = 8;

/// The frame in one line, in the words of a wire script.
pub(super) fn summary(raw: &RawFrame, deflate: bool) -> String {
    let values = raw.values();
    let mut summary = match raw.opcode() {
        None => format!("opcode {}", values.opcode),
        opcode => opcode_name(opcode).to_owned(),
    };
    if !values.fin {
        summary.push_str(" fin=0");
    }
    for (bit, name) in [(4, " rsv1"), (2, " rsv2"), (1, " rsv3")] {
        if values.rsv & bit != 0 {
            summary.push_str(name);
        }
    }
    let mut payload = &values.payload.0[..];
    if raw.opcode() == Some(Opcode::Close)
        && let Some((code, reason)) = payload.split_first_chunk()
    {
        summary.push_str(&format!(" {}", u16::from_be_bytes(*code)));
        payload = reason;
    }
    let length = values.payload_length.unwrap_or(0);
    let text = lossy(payload);
    let compressed = deflate && raw.rsv1();
    let readable = !compressed && !text.contains(|c: char| c.is_control() || c == '\u{fffd}');
    if payload.is_empty() {
    } else if payload.len() <= SUMMARY_HEX || (readable && payload.len() <= SUMMARY) {
        summary.push_str(&format!(" {}", quote(payload)));
    } else if readable {
        let start = text.get(..text.floor_char_boundary(SUMMARY)).unwrap_or_default();
        summary.push_str(&format!(" \"{start}...\" ({length} bytes)"));
    } else {
        let start = payload.get(..SUMMARY_HEX).unwrap_or_default();
        summary.push_str(&format!(" hex {}... ({length} bytes)", spaced(start)));
    }
    summary
}

/// What a reader might wonder about.
pub(super) fn remarks(item: &Item, raw: &RawFrame) -> Vec<String> {
    let mut remarks = Vec::new();
    let receiver = item.receiver.side.name();
    if item.receiver.before == Stage::Closed {
        remarks.push(format!("the {receiver} discards this: for it, the connection has ended"));
    } else if item.receiver.before == Stage::Closing && item.event.is_none() && item.complete {
        remarks.push(format!("the {receiver} has sent a Close frame: it does not deliver this"));
    } else if item.complete && item.event.is_none() && item.violation.is_none() {
        remarks.push("no event yet: the message is unfinished".into());
    }
    if !item.complete && !raw.has_header() {
        remarks.push("the header is incomplete".into());
    } else if !item.complete {
        remarks.push(format!("{} bytes of the payload are missing", item.missing));
    }
    remarks
}
