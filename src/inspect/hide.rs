//! Items without what they carry: for a projector, or a screenshot.

use crate::trace::dissect::item::Hex;
use crate::trace::dissect::{Field, Item, Kind, Step, Told};

/// What stands where something was.
const HIDDEN: &str = "(hidden)";

/// Header fields that say who somebody is.
const SECRET: [&str; 4] = ["cookie", "set-cookie", "authorization", "proxy-authorization"];

/// Takes the payload out of an item, and credentials out of heads. Lengths, codes and everything
/// that a frame's header says remain.
pub(super) fn hide(item: &mut Item) {
    match item.kind {
        Kind::Frame => hide_frame(item),
        Kind::Request | Kind::Response => hide_credentials(item),
        Kind::Data => {
            item.bytes = Hex::default();
            item.fields.clear();
        }
    }
}

fn hide_frame(item: &mut Item) {
    let Some(frame) = &mut item.frame else { return };
    let header = frame.header_length;
    frame.payload = Hex::default();
    item.bytes.0.truncate(usize::try_from(header).unwrap_or(usize::MAX));
    for field in item.fields.iter_mut().filter(|field| field.start >= header) {
        if field.name != "websocket.payload.close.status_code" {
            field.value = HIDDEN.into();
        }
    }
    item.steps.retain_mut(|step| match step {
        Step::Unmask { .. } => false,
        Step::Inflate { compressed, .. } => {
            *compressed = Hex::default();
            true
        }
        Step::Accept { .. } => true,
    });
    match &mut item.event {
        Some(Told::Text { text, .. }) => *text = HIDDEN.into(),
        Some(Told::Binary { bytes, .. } | Told::Ping { bytes } | Told::Pong { bytes }) => {
            *bytes = Hex::default();
        }
        Some(Told::Close { reason, .. }) => reason.clear(),
        _ => {}
    }
    let length = frame.payload_length.unwrap_or(0);
    let end = if frame.fin { "" } else { " fin=0" };
    item.summary = format!("{}{end} ({length} bytes)", frame.opcode_name);
    // It may be a pong, which carries what the ping did.
    item.answer = Hex::default();
}

fn hide_credentials(item: &mut Item) {
    let mut start = 0;
    for line in item.bytes.0.split_inclusive_mut(|&byte| byte == b'\n') {
        let end = start + line.len() as u64;
        let name_length = line.iter().position(|&byte| byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at_mut(name_length);
        let is_secret = |secret: &&str| name.trim_ascii().eq_ignore_ascii_case(secret.as_bytes());
        if SECRET.iter().any(is_secret) {
            let shown = |byte: &&mut u8| !matches!(**byte, b':' | b'\r' | b'\n');
            value.iter_mut().filter(shown).for_each(|byte| *byte = b'*');
            let within = |field: &&mut Field| field.start < end && field.end > start;
            item.fields.iter_mut().filter(within).for_each(|field| field.value = HIDDEN.into());
        }
        start = end;
    }
}
