//! A prompt with line editing and history, above which what arrives is printed.
//!
//! rustyline reads in a thread of its own. It cannot be called back from its wait by a function,
//! but it can by a signal: it takes SIGINT for Ctrl-C, and then puts the terminal into the mode in
//! which it found it, which is why it must not be left waiting when the process ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mio::Waker;
use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{Config, Editor, ExternalPrinter};
use signal_hook::consts::SIGINT;

use super::input::Input;

/// Lines that may wait to be sent. At a prompt this many can only have been pasted.
const LINES: usize = 1024;

/// So long after a signal the thread has a look at it, or another one is sent.
const AGAIN: Duration = Duration::from_millis(5);

/// Goes up a line and down again: nothing, for a printer that wants something.
const NOTHING: &str = "\x1b[A\n";

pub(super) struct Prompt {
    printer: Box<dyn ExternalPrinter>,
    thread: JoinHandle<()>,
    /// Set by whichever side ends this first.
    over: Arc<AtomicBool>,
}

impl Prompt {
    /// Shows a prompt; its lines arrive at the receiver. `None`: this terminal can do no more than
    /// print.
    pub(super) fn open(waker: Arc<Waker>) -> Option<(Self, Receiver<Input>)> {
        let config = Config::builder().auto_add_history(true).build();
        let mut editor: Editor<(), MemHistory> =
            Editor::with_history(config.clone(), MemHistory::with_config(&config)).ok()?;
        let printer = Box::new(editor.create_external_printer().ok()?);
        let over = Arc::new(AtomicBool::new(false));
        // Between two lines the signal that calls the thread back would end the process. Once the
        // prompt is gone of itself, it should: nobody else is there to hear a Ctrl-C.
        let gone = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&gone)).ok()?;
        let (sender, receiver) = sync_channel(LINES);
        let is_over = Arc::clone(&over);
        let thread = thread::spawn(move || {
            let mut going = true;
            while going && !is_over.load(Ordering::SeqCst) {
                let input = match editor.readline("> ") {
                    Ok(line) => Input::Line(line),
                    Err(ReadlineError::Eof) => Input::End,
                    Err(ReadlineError::Interrupted) => Input::Interrupt,
                    Err(error) => Input::Wrong(error.to_string()),
                };
                going = matches!(input, Input::Line(_));
                // Waiting here, it could not print, and the other side may be waiting for that.
                match sender.try_send(input) {
                    Ok(()) => {}
                    Err(TrySendError::Full(_)) => {
                        going = false;
                        let _ = sender.send(Input::Wrong("too many lines at once".to_owned()));
                    }
                    Err(TrySendError::Disconnected(_)) => going = false,
                }
                let _ = waker.wake();
            }
            if !is_over.swap(true, Ordering::SeqCst) {
                gone.store(true, Ordering::SeqCst);
            }
        });
        Some((Self { printer, thread, over }, receiver))
    }

    /// Prints a line, or several, above the prompt.
    pub(super) fn print(&mut self, mut lines: String) {
        lines.push('\n');
        // A terminal that has gone ends the thread, and with it the conversation.
        let _ = self.printer.print(lines);
    }

    /// Takes the prompt away, once all that was printed is on the terminal, and leaves the terminal
    /// as it was.
    pub(super) fn close(mut self) {
        if !self.over.load(Ordering::SeqCst) {
            // The printer takes this only after what came before it.
            let _ = self.printer.print(NOTHING.to_owned());
        }
        if !self.over.swap(true, Ordering::SeqCst) {
            while !self.thread.is_finished() {
                let _ = signal_hook::low_level::raise(SIGINT);
                thread::sleep(AGAIN);
            }
        }
        let _ = self.thread.join();
    }
}
