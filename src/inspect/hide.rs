//! Items without what they carry: for a projector, or a screenshot.

use crate::trace::dissect::item::Hex;
use crate::trace::dissect::{Item, Kind, Step, Told};

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
    let text = String::from_utf8_lossy(&item.bytes.0).into_owned();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        if let Some((name, value)) = line.split_once(':')
            && SECRET.iter().any(|secret| name.trim().eq_ignore_ascii_case(secret))
        {
            let value = value.trim_end_matches(['\r', '\n']);
            let start = at + name.len() + 1;
            if let Some(bytes) = item.bytes.0.get_mut(start..start + value.len()) {
                bytes.fill(b'*');
            }
            for field in &mut item.fields {
                let within = field.start < end as u64 && field.end > at as u64;
                if within {
                    field.value = HIDDEN.into();
                }
            }
        }
        at = end;
    }
}
