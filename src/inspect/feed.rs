//! The application that tells viewers what is on the wire.
//!
//! Everything is text in JSON, apart from the content of an exported file. A viewer says
//!
//! ```text
//! {"type":"select","connection":7}                   or null: what it wants to see the frames of
//! {"type":"ack","batch":12}                          it has taken that batch in
//! {"type":"hide","payloads":true}                    or false, unless the server hides them always
//! {"type":"export","connection":7,"format":"pcap"}   or "ws", or "jsonl"
//! ```
//!
//! and hears `hello` once, then `batch` whenever something is new, and for an export `file` and
//! then its content as a binary message, or `refused`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::export::{self, Format};
use super::hide::hide;
use super::reader::{Reader, Shown};
use super::recorder::{Recorder, Summary};
use crate::apps::{Application, Context, Message, PeerId};
use crate::protocol::{CloseCode, Closure};

/// How often a viewer hears of what is new.
const PERIOD: Duration = Duration::from_millis(100);

/// The same while there is more to tell than fits into a batch.
const CATCHING_UP: Duration = Duration::from_millis(20);

/// The most viewers: each holds a dissector, and has its part in what each period costs.
const VIEWERS: usize = 16;

/// The most items in a batch, give or take a few: some 200 KB in JSON.
const BATCH: usize = 64;

/// Tells its peers, the viewers, what a [`Recorder`] has recorded.
pub struct Inspector {
    recorder: Arc<Recorder>,
    hides: bool,
    viewers: HashMap<PeerId, Viewer>,
}

/// Somebody who looks.
#[derive(Default)]
struct Viewer {
    hides: bool,
    /// The connections that it knows of, and in which version.
    known: BTreeMap<u64, u64>,
    reader: Option<Reader>,
    /// How many batches it was sent.
    batches: u64,
    /// It has not said yet that it has taken in the last one.
    busy: bool,
    /// There was more than that.
    behind: bool,
    /// It has chosen another connection and was not told so yet.
    chosen_anew: bool,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Request {
    Select { connection: Option<u64> },
    Ack { batch: u64 },
    Hide { payloads: bool },
    Export { connection: u64, format: Format },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Reply<'a> {
    Hello { hides: bool, version: &'a str },
    Batch(Batch),
    File { connection: u64, format: Format, name: String, length: usize },
    Refused { reason: &'a str },
}

#[derive(Serialize)]
struct Batch {
    batch: u64,
    /// Those that are new or have changed.
    connections: Vec<Summary>,
    /// Those that have been forgotten.
    forgotten: Vec<u64>,
    /// How many could not be recorded so far.
    unrecorded: u64,
    /// Whose items these are.
    selected: Option<u64>,
    /// Whether the items are the first ones of a connection that was just chosen.
    anew: bool,
    /// How many bytes went by unseen before the items.
    missed: u64,
    items: Vec<Shown>,
}

impl Inspector {
    /// Tells what `recorder` records; if it `hides`, never what messages carry.
    pub fn new(recorder: Arc<Recorder>, hides: bool) -> Self {
        Self { recorder, hides, viewers: HashMap::new() }
    }

    /// Sends what is new, if anything is and the viewer waits for it.
    fn tell(&mut self, context: &mut Context<'_>) {
        let Some(viewer) = self.viewers.get_mut(&context.peer()) else { return };
        if viewer.busy {
            return;
        }
        let (batch, more) = viewer.batch(&self.recorder);
        if batch.is_empty() && !more {
            return context.set_timeout(Some(PERIOD));
        }
        viewer.batches += 1;
        viewer.busy = true;
        viewer.behind = more;
        viewer.chosen_anew = false;
        reply(context, &Reply::Batch(Batch { batch: viewer.batches, ..batch }));
    }

    fn export(&self, context: &mut Context<'_>, hides: bool, connection: u64, format: Format) {
        let reason = if hides && format != Format::JsonLines {
            "Payloads are hidden: only JSON Lines can leave them out."
        } else if let Some(content) = export::export(&self.recorder, connection, format, hides) {
            let name = format!("wigwag-{connection}.{}", format.extension());
            reply(context, &Reply::File { connection, format, name, length: content.len() });
            return context.reply(Message::Binary(&content));
        } else {
            "That connection is not recorded any more."
        };
        reply(context, &Reply::Refused { reason });
    }
}

impl Application for Inspector {
    fn open(&mut self, context: &mut Context<'_>) {
        if self.viewers.len() >= VIEWERS {
            return context.close(CloseCode::TRY_AGAIN_LATER, "too many look on already");
        }
        let viewer = Viewer { hides: self.hides, ..Viewer::default() };
        self.viewers.insert(context.peer(), viewer);
        reply(context, &Reply::Hello { hides: self.hides, version: env!("CARGO_PKG_VERSION") });
        self.tell(context);
    }

    fn text(&mut self, context: &mut Context<'_>, text: &str) {
        let request = match serde_json::from_str(text) {
            Ok(request) => request,
            Err(_) => return reply(context, &Reply::Refused { reason: "That is no request." }),
        };
        let Some(viewer) = self.viewers.get_mut(&context.peer()) else { return };
        match request {
            Request::Select { connection } => {
                viewer.reader = connection.map(|number| Reader::new(&self.recorder, number));
                viewer.chosen_anew = true;
                self.tell(context);
            }
            Request::Ack { batch } if batch == viewer.batches => {
                viewer.busy = false;
                context.set_timeout(Some(if viewer.behind { CATCHING_UP } else { PERIOD }));
            }
            Request::Ack { .. } => {}
            Request::Hide { payloads } => {
                viewer.hides = payloads || self.hides;
                // What it has seen it is told again, as it is to be seen from now on.
                if let Some(reader) = &viewer.reader {
                    viewer.reader = Some(Reader::new(&self.recorder, reader.connection));
                    viewer.chosen_anew = true;
                }
                self.tell(context);
            }
            Request::Export { connection, format } => {
                let hides = viewer.hides;
                self.export(context, hides, connection, format);
            }
        }
    }

    fn timeout(&mut self, context: &mut Context<'_>) {
        self.tell(context);
    }

    fn close(&mut self, context: &mut Context<'_>, _: &Closure) {
        self.viewers.remove(&context.peer());
    }
}

impl Viewer {
    /// What is new, and whether there is more.
    fn batch(&mut self, recorder: &Recorder) -> (Batch, bool) {
        let mut connections = Vec::new();
        let mut known = BTreeMap::new();
        recorder.for_each(|record| {
            let version = record.version();
            if self.known.get(&record.number) != Some(&version) {
                connections.push(record.summary());
            }
            known.insert(record.number, version);
        });
        connections.sort_unstable_by_key(|summary| summary.number);
        let forgotten = self.known.keys().filter(|number| !known.contains_key(number));
        let forgotten = forgotten.copied().collect();
        self.known = known;
        let mut reading = match &mut self.reader {
            Some(reader) => reader.read(recorder, BATCH),
            None => super::reader::Reading::default(),
        };
        if self.hides {
            reading.items.iter_mut().for_each(|shown| hide(&mut shown.item));
        }
        let batch = Batch {
            batch: 0,
            connections,
            forgotten,
            unrecorded: recorder.unrecorded(),
            selected: self.reader.as_ref().map(|reader| reader.connection),
            anew: self.chosen_anew,
            missed: reading.missed,
            items: reading.items,
        };
        (batch, reading.more)
    }
}

impl Batch {
    fn is_empty(&self) -> bool {
        !self.anew
            && self.connections.is_empty()
            && self.forgotten.is_empty()
            && self.items.is_empty()
    }
}

fn reply(context: &mut Context<'_>, reply: &Reply<'_>) {
    // Nothing in a reply can fail to be JSON.
    if let Ok(text) = serde_json::to_string(reply) {
        context.reply(Message::Text(&text));
    }
}
