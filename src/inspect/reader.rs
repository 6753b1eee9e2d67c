//! From a tape to items: reads on where it was, and dissects.

use std::time::Instant;

use serde::Serialize;

use super::recorder::{Record, Recorder, millis};
use super::tape::{Cursor, Read};
use crate::protocol::Limits;
use crate::protocol::deflate::DeflateParameters;
use crate::trace::dissect::item::Hex;
use crate::trace::dissect::{Conversation, Item, Options, Side, Stage};

/// The most bytes of a payload that are shown.
const CLIP: usize = 1024;

/// So many bytes are dissected at a time. A read of single-byte messages has thousands of items,
/// each some kilobytes in JSON: this is how many more than wanted there may be.
const PORTION: usize = 128;

/// Reads one connection's tape.
pub(super) struct Reader {
    /// The number of the connection.
    pub(super) connection: u64,
    start: Instant,
    clip: usize,
    conversation: Conversation,
    /// Whether the conversation judges by the limits of the mount.
    knows_limits: bool,
    cursor: Cursor,
    client: Place,
    server: Place,
    /// Something was missed, and what is compressed refers to it.
    blind: bool,
    items: u64,
    finished: bool,
}

/// Where a reader is in one direction.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// Whether it knows where frames begin.
    lost: bool,
    /// The offset of what is next.
    offset: u64,
    /// How much of what was before was never dissected.
    missed: u64,
}

/// An item and what its reader knows of it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Shown {
    /// Its number among those of the connection that this reader has seen, from 1.
    pub(super) number: u64,
    /// When its last byte came, in milliseconds since the server started.
    pub(super) at: f64,
    /// What it is.
    pub(super) item: Item,
}

/// What one reading has brought.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) items: Vec<Shown>,
    /// So many bytes went by unseen before them.
    pub(super) missed: u64,
    /// There was more than was wanted.
    pub(super) more: bool,
}

impl Reader {
    /// A reader at the start of what is left of a connection.
    pub(super) fn new(recorder: &Recorder, connection: u64) -> Self {
        Self::with_clip(recorder, connection, CLIP)
    }

    /// The same, with so much of each payload.
    pub(super) fn with_clip(recorder: &Recorder, connection: u64, clip: usize) -> Self {
        Self {
            connection,
            start: recorder.start(),
            conversation: Conversation::new(options(None, clip), recorder.start()),
            clip,
            knows_limits: false,
            cursor: Cursor::default(),
            client: Place::default(),
            server: Place::default(),
            blind: false,
            items: 0,
            finished: false,
        }
    }

    /// Dissects what has come, until there are so many items, or a few more.
    pub(super) fn read(&mut self, recorder: &Recorder, most: usize) -> Reading {
        let mut reading = Reading::default();
        let _ = recorder.with(self.connection, |record| {
            while reading.items.len() < most {
                match record.tape.read(&mut self.cursor, PORTION) {
                    Read::Bytes(piece, within, bytes) => {
                        let (from, offset) = (piece.from, piece.offset + within as u64);
                        let fresh = piece.fresh.and_then(|fresh| fresh.checked_sub(within));
                        self.take(record, from, offset, &bytes, fresh, piece.at, &mut reading);
                    }
                    Read::Gap => self.start_late(record, &mut reading),
                    Read::End => {
                        if record.is_closed() {
                            self.finish(&mut reading);
                        }
                        return;
                    }
                }
            }
            reading.more = true;
        });
        reading
    }

    #[expect(clippy::too_many_arguments)]
    fn take(
        &mut self,
        record: &Record,
        from: Side,
        offset: u64,
        mut bytes: &[u8],
        fresh: Option<usize>,
        at: u64,
        reading: &mut Reading,
    ) {
        let place = self.place(from);
        if place.lost {
            // Whatever is before the start of a message cannot be understood any more.
            let skipped = fresh.unwrap_or(bytes.len()).min(bytes.len());
            bytes = bytes.get(skipped..).unwrap_or_default();
            if bytes.is_empty() {
                return;
            }
            place.lost = false;
            let start = offset + skipped as u64;
            let missed = start.saturating_sub(place.offset);
            reading.missed += missed;
            place.missed += missed;
            place.offset = start;
        }
        place.offset += bytes.len() as u64;
        if !self.knows_limits
            && let Some(agreed) = &record.agreed
        {
            self.knows_limits = true;
            self.conversation.set_limits(agreed.limits.clone());
        }
        self.push(from, bytes, at, reading);
    }

    fn push(&mut self, from: Side, bytes: &[u8], at: u64, reading: &mut Reading) {
        let missed = [self.client.missed, self.server.missed];
        let (blind, number) = (self.blind, &mut self.items);
        self.conversation.push(from, bytes, &mut |mut item| {
            *number += 1;
            item.offset += if item.from == Side::Client { missed[0] } else { missed[1] };
            if blind {
                look_away(&mut item);
            }
            reading.items.push(Shown { number: *number, at: millis(at), item });
        });
    }

    /// Begins anew behind what has gone, with what is known of the handshake.
    fn start_late(&mut self, record: &Record, reading: &mut Reading) {
        let options = options(record.agreed.as_ref().map(|agreed| &agreed.limits), self.clip);
        self.conversation = Conversation::new(options, self.start);
        self.knows_limits = true;
        let seen = self.items > 0;
        let (client, server) = (self.client.offset, self.server.offset);
        (self.client, self.server) = (Place::default(), Place::default());
        self.blind = record.agreed.as_ref().and_then(|a| a.deflate).is_some_and(looks_back);
        for from in [Side::Client, Side::Server] {
            let (head, at) = record.tape.head(from);
            let end = head.len() as u64;
            let mut heads = Reading::default();
            self.push(from, head, at, &mut heads);
            if seen {
                self.items -= heads.items.len() as u64;
            } else {
                reading.items.append(&mut heads.items);
            }
            let before = if from == Side::Client { client } else { server };
            let place = self.place(from);
            place.offset = before.max(end);
            place.missed = place.offset - end;
            place.lost = true;
        }
    }

    /// The connection is gone: what is incomplete will not be completed.
    fn finish(&mut self, reading: &mut Reading) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        let at = reading.items.last().map_or(0.0, |shown| shown.at);
        for from in [Side::Client, Side::Server] {
            self.conversation.finish(from, &mut |item| {
                self.items += 1;
                reading.items.push(Shown { number: self.items, at, item });
            });
        }
    }

    fn place(&mut self, from: Side) -> &mut Place {
        match from {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}

fn options(limits: Option<&Limits>, clip: usize) -> Options {
    let limits = limits.cloned().unwrap_or_default();
    Options { limits, clip, ..Options::default() }
}

/// Whether a message may refer to those before it.
fn looks_back(deflate: DeflateParameters) -> bool {
    !deflate.client_no_context_takeover || !deflate.server_no_context_takeover
}

/// Leaves of a frame only what its bytes say: what the core made of them cannot be known.
fn look_away(item: &mut Item) {
    if item.frame.is_none() {
        return;
    }
    (item.event, item.violation, item.answer) = (None, None, Hex::default());
    for change in [&mut item.receiver, &mut item.sender] {
        (change.before, change.after) = (Stage::Open, Stage::Open);
    }
    let note = "fields only: messages refer to earlier ones (context takeover) that were not kept";
    item.notes = vec![note.into()];
}
