//! Where lines come from: standard input, the command line, or a human at a terminal. Each has a
//! thread of its own, which hands lines over with a wake-up call.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use mio::Waker;

/// Lines that may wait between the thread that reads them and the loop that sends them.
const LINES: usize = 64;

/// The longest line.
const MAX_LINE: u64 = 16 << 20;

/// What a thread that reads the input has to say.
pub(super) enum Input {
    Line(String),
    /// There are no more lines.
    End,
    /// There are no more lines, for this reason.
    Wrong(String),
    /// Ctrl-C: leave, whatever is still to come.
    Interrupt,
}

/// The sender's side of the lines.
pub(super) struct Feed {
    pub(super) lines: SyncSender<Input>,
    pub(super) waker: Arc<Waker>,
}

impl Feed {
    /// False: nobody takes them any more.
    pub(super) fn send(&self, input: Input) -> bool {
        self.lines.send(input).is_ok() && self.waker.wake().is_ok()
    }
}

/// These lines and no more.
pub(super) fn given(lines: Vec<String>, waker: Arc<Waker>) -> Receiver<Input> {
    let (sender, receiver) = sync_channel(LINES);
    let feed = Feed { lines: sender, waker };
    thread::spawn(move || {
        lines.into_iter().map(Input::Line).chain([Input::End]).all(|input| feed.send(input))
    });
    receiver
}

/// The lines of standard input. The thread ends with the process: one that waits for its input
/// cannot be called back.
pub(super) fn stdin(waker: Arc<Waker>) -> Receiver<Input> {
    let (sender, receiver) = sync_channel(LINES);
    let feed = Feed { lines: sender, waker };
    thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        loop {
            let mut line = Vec::new();
            let input = match stdin.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut line) {
                Ok(0) => Input::End,
                Ok(_) => read_line(line).map_or_else(Input::Wrong, Input::Line),
                Err(error) => Input::Wrong(error.to_string()),
            };
            let is_line = matches!(input, Input::Line(_));
            if !feed.send(input) || !is_line {
                return;
            }
        }
    });
    receiver
}

/// A line without its end, as text.
fn read_line(mut line: Vec<u8>) -> Result<String, String> {
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    } else if line.len() as u64 > MAX_LINE {
        return Err("a line is over 16 MiB".to_owned());
    }
    String::from_utf8(line).map_err(|_| "a line is not UTF-8".to_owned())
}
