//! `--trace`: what goes over the wire, both ways, explained.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Instant;

use wigwag::client::{Client, Direction};
use wigwag::protocol::Limits;
use wigwag::trace::dissect::{Conversation, Options, Side};
use wigwag::trace::render::{Style, direction};

use super::super::terminal::{When, renderer};
use super::output::Output;

/// What was seen and is not printed yet.
///
/// Bytes are seen while the client reads and writes; they are printed between that and the events
/// that came of them, so that a message stands under the frames that brought it.
#[derive(Default)]
pub(super) struct Watch {
    seen: Rc<RefCell<String>>,
}

impl Watch {
    /// Looks on from the handshake on.
    pub(super) fn start(client: &mut Client, limits: Limits, style: Style) -> Self {
        let watch = Self::default();
        let seen = Rc::clone(&watch.seen);
        // Where the notes go.
        let renderer = renderer(&io::stderr(), When::Auto, style);
        let start = Instant::now();
        let mut conversation = Conversation::new(Options { limits, ..Options::default() }, start);
        client.tap(Box::new(move |way, bytes| {
            let from = match way {
                Direction::Sent => Side::Client,
                Direction::Received => Side::Server,
            };
            conversation.push(from, bytes, &mut |item| {
                let seconds = start.elapsed().as_secs_f64();
                let heading = format!("{seconds:.3} s  {}", direction(item.from, renderer.color));
                seen.borrow_mut().push_str(&renderer.item(&heading, &item));
            });
        }));
        watch
    }

    /// Prints what was seen.
    pub(super) fn print(&self, output: &mut Output) {
        let seen = self.seen.take();
        if !seen.is_empty() {
            output.note(seen.trim_end_matches('\n'));
        }
    }
}
