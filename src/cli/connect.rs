//! `wigwag connect`: a WebSocket in a terminal or a pipe, line by line.

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use mio::Waker;
use wigwag::client::{Client, ConnectError, Options, Url};
use wigwag::protocol::deflate::{DeflateMode, DeflateOptions};
use wigwag::protocol::{CloseCode, Closure, EndedBy, Event, Limits, Outbox};

use super::autobahn;
use super::values::{Header, Size, Time};

/// Lines that may wait between the thread that reads them and the loop that sends them.
const LINES: usize = 64;

/// With so much waiting to be sent no further line is taken.
const BACKLOG: usize = 64 * 1024;

/// How much of a binary message is shown.
const SHOWN: usize = 32;

/// The ping that follows the last line. A server answers messages in order, so whatever it had to
/// say to the lines comes before the pong.
const LAST_PING: &[u8] = b"that was all";

/// So long the pong may take.
const LAST_PONG: Duration = Duration::from_secs(5);

#[derive(Args)]
pub(super) struct Arguments {
    /// The address, such as ws://127.0.0.1:8888/echo
    #[arg(value_name = "URL")]
    url: Url,
    /// Subprotocol to offer; may be repeated, the one liked best first
    #[arg(long, value_name = "NAME")]
    subprotocol: Vec<String>,
    /// Header to send along; may be repeated
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<Header>,
    /// Origin to send, as a browser does
    #[arg(long, value_name = "ORIGIN")]
    origin: Option<String>,
    /// Offer permessage-deflate; this is the default
    #[arg(long, overrides_with = "no_deflate")]
    deflate: bool,
    /// Do not offer permessage-deflate
    #[arg(long, overrides_with = "deflate")]
    no_deflate: bool,
    /// Longest message to receive; over it: 1009
    #[arg(long, value_name = "SIZE", default_value = "16M")]
    max_message: Size,
    /// For the connection and its handshake
    #[arg(long, value_name = "TIME", default_value = "10s")]
    timeout: Time,
    /// Stay so long after the end of the input [default: until the server has answered a ping]
    #[arg(long, value_name = "TIME")]
    wait: Option<Time>,
    /// Let an Autobahn|Testsuite fuzzing server at this address test wigwag's client
    #[arg(long)]
    autobahn: bool,
}

/// Why there was no conversation, or not a good end to it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("cannot open {url}: {source}")]
    Connect { url: String, source: Box<ConnectError> },
    #[error("{0}")]
    Ended(String),
    #[error("cannot read the input: {0}")]
    Input(io::Error),
    #[error("cannot wait for the connection: {0}")]
    Io(#[from] io::Error),
}

impl Arguments {
    /// Which options a client gets by the flags.
    fn options(&self) -> Options {
        let mode = if self.no_deflate { DeflateMode::Off } else { DeflateMode::Takeover };
        let limits = Limits { max_message: self.max_message.0, ..Limits::default() };
        Options {
            subprotocols: self.subprotocol.clone(),
            origin: self.origin.clone(),
            headers: self
                .header
                .iter()
                .map(|Header(name, value)| (name.clone(), value.clone()))
                .collect(),
            deflate: DeflateOptions { mode, ..DeflateOptions::default() },
            limits,
            opening: self.timeout.0,
            ..Options::default()
        }
    }
}

/// Connects, and talks until either side has had enough.
pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    if arguments.autobahn {
        return autobahn::run(&arguments.url, &arguments.options());
    }
    let mut client = open(&arguments.url, &arguments.options())?;
    announce(&arguments.url, &client);
    let (sender, lines) = sync_channel(LINES);
    let waker = client.waker();
    // It ends with the process: a thread that waits for a terminal cannot be called back.
    thread::spawn(move || read_lines(&sender, &waker));
    let mut conversation = Conversation {
        lines,
        wait: arguments.wait.map(|wait| wait.0),
        leave_at: None,
        input_error: None,
        output: Output { is_terminal: io::stdout().is_terminal(), is_gone: false },
    };
    conversation.run(&mut client)?;
    match conversation.input_error {
        Some(error) => Err(Error::Input(error)),
        None if conversation.output.is_gone => Ok(()),
        None => judge(client.closure()),
    }
}

pub(super) fn open(url: &Url, options: &Options) -> Result<Client, Error> {
    Client::connect(url, options)
        .map_err(|source| Error::Connect { url: url.to_string(), source: Box::new(source) })
}

/// For humans, so on standard error: standard output has nothing but messages.
fn announce(url: &Url, client: &Client) {
    let established = client.established();
    let mut agreed = String::new();
    if let Some(subprotocol) = &established.subprotocol {
        agreed += &format!(", subprotocol {subprotocol}");
    }
    if established.extensions.deflate().is_some() {
        agreed += ", permessage-deflate";
    }
    let _ = writeln!(io::stderr(), "connected to {url}{agreed}");
}

/// An end is good if it was agreed on and nobody complained.
fn judge(closure: Option<Closure>) -> Result<(), Error> {
    let Some(closure) = closure else { return Ok(()) };
    let code = closure.code.map(|code| format!("{} ({})", code.get(), code.name()));
    let code = code.unwrap_or_else(|| "no code".to_owned());
    let text = match closure.by {
        EndedBy::Local if closure.clean => return Ok(()),
        EndedBy::Local => "the server did not answer our Close frame".to_owned(),
        EndedBy::Peer => match closure.code {
            None | Some(CloseCode::NORMAL | CloseCode::GOING_AWAY) => return Ok(()),
            Some(_) => format!("the server closed with {code}"),
        },
        EndedBy::Violation(violation) => format!("the server broke a rule: {violation}"),
        EndedBy::Transport => "the connection ended without a Close frame".to_owned(),
        EndedBy::Silence => "the server has fallen silent".to_owned(),
    };
    Err(Error::Ended(text))
}

/// What the thread that reads the input has to say.
enum Input {
    Line(String),
    End(Option<io::Error>),
}

/// Reads lines and hands them over, each with a wake-up call. Ends with the input, or when nobody
/// takes them any more.
fn read_lines(sender: &SyncSender<Input>, waker: &Arc<Waker>) {
    let mut stdin = io::stdin().lock();
    loop {
        let mut line = Vec::new();
        let input = match stdin.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut line) {
            Ok(0) => Input::End(None),
            Ok(_) => read_line(line).map_or_else(|error| Input::End(Some(error)), Input::Line),
            Err(error) => Input::End(Some(error)),
        };
        let is_end = matches!(input, Input::End(_));
        if sender.send(input).is_err() || waker.wake().is_err() || is_end {
            return;
        }
    }
}

/// The longest line.
const MAX_LINE: u64 = 16 << 20;

/// A line without its end, as text.
fn read_line(mut line: Vec<u8>) -> Result<String, io::Error> {
    let wrong = |reason: &'static str| io::Error::new(io::ErrorKind::InvalidData, reason);
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    } else if line.len() as u64 > MAX_LINE {
        return Err(wrong("a line is over 16 MiB"));
    }
    String::from_utf8(line).map_err(|_| wrong("a line is not UTF-8"))
}

struct Conversation {
    lines: Receiver<Input>,
    wait: Option<Duration>,
    /// The input has ended; at this time we say goodbye.
    leave_at: Option<Instant>,
    input_error: Option<io::Error>,
    output: Output,
}

impl Conversation {
    fn run(&mut self, client: &mut Client) -> Result<(), Error> {
        loop {
            self.take_lines(client);
            if self.leave_at.is_some_and(|time| time <= Instant::now()) {
                leave(client.outbox());
            }
            let output = &mut self.output;
            let until = self.leave_at.filter(|_| !client.outbox().is_closed());
            if !client.turn(until, &mut |event, outbox| output.show(event, outbox))? {
                return Ok(());
            }
        }
    }

    /// Sends what lines there are.
    fn take_lines(&mut self, client: &mut Client) {
        while self.leave_at.is_none() && client.backlog() < BACKLOG {
            match self.lines.try_recv() {
                // Refused only after a Close frame, and then nobody listens.
                Ok(Input::Line(line)) => drop(client.outbox().text(&line)),
                Ok(Input::End(error)) => {
                    self.input_error = error;
                    self.end_input(client);
                }
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => self.end_input(client),
            }
        }
    }

    fn end_input(&mut self, client: &mut Client) {
        let wait = self.wait.unwrap_or(LAST_PONG);
        if self.wait.is_none() {
            let _ = client.outbox().ping(LAST_PING);
        }
        let now = Instant::now();
        self.leave_at = Some(now.checked_add(wait).unwrap_or(now));
    }
}

fn leave(outbox: &mut Outbox) {
    // It may have been said already.
    let _ = outbox.close(CloseCode::NORMAL, "");
}

/// Standard output.
struct Output {
    is_terminal: bool,
    is_gone: bool,
}

impl Output {
    fn show(&mut self, event: Event<'_>, outbox: &mut Outbox) {
        let shown = match event {
            Event::Text(text) if self.is_terminal => self.write(harmless(text).as_bytes()),
            Event::Text(text) => self.write(text.as_bytes()),
            Event::Binary(payload) => self.write(hex(payload).as_bytes()),
            Event::Pong(LAST_PING) => {
                leave(outbox);
                Ok(())
            }
            _ => Ok(()),
        };
        if shown.is_err() {
            // Whoever read our output has gone, as `head` does.
            self.is_gone = true;
            leave(outbox);
        }
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(line)?;
        out.write_all(b"\n")?;
        out.flush()
    }
}

/// Text that cannot drive the terminal it is shown on.
fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && !matches!(character, '\n' | '\t') {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The length of a binary message, and its first bytes.
fn hex(payload: &[u8]) -> String {
    let mut shown = format!("(binary, {} bytes)", payload.len());
    for byte in payload.iter().take(SHOWN) {
        shown += &format!(" {byte:02x}");
    }
    if payload.len() > SHOWN {
        shown += " ...";
    }
    shown
}
