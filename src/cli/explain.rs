//! `wigwag explain`: bytes, annotated.
//!
//! What is explained may be given in the ways in which people have it: hexadecimal in any spelling,
//! a handshake as text, a key alone, or a capture as it is. What it is, is found out by looking.

mod input;

use std::fs;
use std::io::{self, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, ValueEnum};
use wigwag::protocol::Limits;
use wigwag::protocol::deflate::DeflateParameters;
use wigwag::trace::dissect::{
    Conversation, Item, Kind, Options, Side, Stage, accept_step, frame_at,
};
use wigwag::trace::render::{Renderer, Style, direction};

use super::terminal::{self, When};
use super::values::Size;
use input::{Part, parts};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Frames in hexadecimal, a handshake, or a Sec-WebSocket-Key; without it, standard input
    #[arg(value_name = "BYTES")]
    input: Vec<String>,
    /// Read from a file: text as on the command line, or the raw bytes; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "input")]
    file: Option<PathBuf>,
    /// Who sent the frames; without it, masked ones are taken for a client's
    #[arg(long, value_name = "SIDE")]
    from: Option<Sender>,
    /// Permessage-deflate was agreed on, with context takeover or without
    #[arg(long, value_name = "TAKEOVER", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "takeover")]
    deflate: Option<Takeover>,
    /// Print one JSON object for each item, each on a line
    #[arg(long)]
    json: bool,
    /// The most bytes of a payload to show
    #[arg(long, value_name = "SIZE", default_value = "256")]
    payload: Size,
    /// The longest message that the receiver allows
    #[arg(long, value_name = "SIZE", default_value = "1M")]
    max_message: Size,
    /// When to print in colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: When,
}

const EXAMPLES: &str = "\
Examples:
  wigwag explain 81 85 37 fa 21 3d 7f 9f 4d 51 58
  wigwag explain --from client 81 05 48 65 6c 6c 6f
  wigwag explain --deflate c1 07 f2 48 cd c9 c9 07 00
  wigwag explain dGhlIHNhbXBsZSBub25jZQ==
  curl -si http://127.0.0.1:8888/echo | wigwag explain
Hexadecimal may have blanks, colons, commas, 0x or \\x in it, and remarks behind #. In a file, > at
the start of a line says that a client sent what follows, < that a server did.";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sender {
    Client,
    Server,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Takeover {
    /// Each message may refer to those before it.
    Takeover,
    /// Each message stands alone.
    Shared,
}

/// Why nothing was explained.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("{reason}")]
    Input { reason: String, on_command_line: bool },
    #[error(
        "nothing to explain: give bytes, or --file FILE, or pipe something in (try wigwag explain --help)"
    )]
    Nothing,
    #[error("cannot read {name}: {source}")]
    Read { name: String, source: io::Error },
    #[error("cannot write: {0}")]
    Write(io::Error),
}

impl Error {
    pub(super) fn exit_code(&self) -> u8 {
        let usage = matches!(self, Self::Input { on_command_line: true, .. } | Self::Nothing);
        if usage { 2 } else { 1 }
    }
}

/// Explains what it is given.
pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    let on_command_line = !arguments.input.is_empty();
    let bytes = read(arguments)?;
    let parts = parts(&bytes).map_err(|reason| Error::Input { reason, on_command_line })?;
    if parts.is_empty() {
        return Err(Error::Nothing);
    }
    let out = io::stdout();
    let renderer = terminal::renderer(&out, arguments.color, Style::Full);
    let mut explained = Explainer::new(arguments, renderer).explain(parts);
    explained.truncate(explained.trim_end_matches('\n').len());
    explained.push('\n');
    match out.lock().write_all(explained.as_bytes()) {
        // A reader that closes early (`| head`) is not an error.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Error::Write),
    }
}

fn read(arguments: &Arguments) -> Result<Vec<u8>, Error> {
    let stdin = || {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut bytes);
        let failed = |source| Error::Read { name: "standard input".into(), source };
        read.map(|_| bytes).map_err(failed)
    };
    match (&arguments.file, &arguments.input[..]) {
        (Some(path), _) if path.as_os_str() == "-" => stdin(),
        (Some(path), _) => {
            let failed = |source| Error::Read { name: path.display().to_string(), source };
            fs::read(path).map_err(failed)
        }
        (None, [dash]) if dash == "-" => stdin(),
        (None, []) if io::stdin().is_terminal() => Err(Error::Nothing),
        (None, []) => stdin(),
        (None, words) => Ok(words.join(" ").into_bytes()),
    }
}

/// What was explained so far, and the conversation that it belongs to.
struct Explainer<'a> {
    arguments: &'a Arguments,
    renderer: Renderer,
    conversation: Conversation,
    out: String,
}

impl<'a> Explainer<'a> {
    fn new(arguments: &'a Arguments, renderer: Renderer) -> Self {
        let conversation = Conversation::new(options(arguments), Instant::now());
        Self { arguments, renderer, conversation, out: String::new() }
    }

    fn explain(mut self, parts: Vec<Part>) -> String {
        for part in parts {
            match part {
                Part::Key(key) => self.key(&key),
                Part::Head(from, head) => {
                    if self.conversation.stage(from) != Stage::Connecting {
                        self.conversation =
                            Conversation::new(options(self.arguments), Instant::now());
                    }
                    self.push(from, &head);
                }
                Part::Frames(marked, bytes) => self.frames(marked, &bytes),
            }
        }
        for from in [Side::Client, Side::Server] {
            let (json, renderer, out) = (self.arguments.json, self.renderer, &mut self.out);
            self.conversation.finish(from, &mut |item| print(&item, json, &renderer, out));
        }
        self.out
    }

    fn key(&mut self, key: &str) {
        let step = accept_step(key);
        if self.arguments.json {
            self.out.push_str(&json(&step));
            return;
        }
        let paint = direction(Side::Server, self.renderer.color);
        self.out.push_str(&format!("{paint}  how the server answers this Sec-WebSocket-Key\n"));
        self.out.push_str(&self.renderer.accept(&step));
    }

    /// Frames, each from whoever it seems to be.
    fn frames(&mut self, marked: Option<Side>, mut bytes: &[u8]) {
        let connecting = [Stage::Connecting, Stage::Http];
        if connecting.contains(&self.conversation.stage(Side::Server)) {
            let deflate = self.arguments.deflate.map(|takeover| DeflateParameters {
                server_no_context_takeover: takeover == Takeover::Shared,
                client_no_context_takeover: takeover == Takeover::Shared,
                ..DeflateParameters::default()
            });
            let options = options(self.arguments);
            self.conversation = Conversation::open(options, deflate, Instant::now());
        }
        let forced = self.arguments.from.map(|sender| match sender {
            Sender::Client => Side::Client,
            Sender::Server => Side::Server,
        });
        if let Some(from) = forced.or(marked) {
            return self.push(from, bytes);
        }
        while !bytes.is_empty() {
            let masked = bytes.get(1).is_some_and(|second| second & 0x80 != 0);
            let end = frame_at(bytes).map_or(u64::MAX, |(_, end)| end);
            let end = usize::try_from(end).unwrap_or(usize::MAX).min(bytes.len());
            let (frame, rest) = bytes.split_at(end);
            self.push(if masked { Side::Client } else { Side::Server }, frame);
            bytes = rest;
        }
    }

    fn push(&mut self, from: Side, bytes: &[u8]) {
        let (json, renderer, out) = (self.arguments.json, self.renderer, &mut self.out);
        self.conversation.push(from, bytes, &mut |item| print(&item, json, &renderer, out));
    }
}

fn print(item: &Item, as_json: bool, renderer: &Renderer, out: &mut String) {
    if as_json {
        out.push_str(&json(item));
        return;
    }
    let what = match item.kind {
        Kind::Frame => format!("frame {}", item.number),
        Kind::Request => "request".into(),
        Kind::Response => "response".into(),
        Kind::Data => "data".into(),
    };
    let heading = format!("{}  {what}:", direction(item.from, renderer.color));
    out.push_str(&renderer.item(&heading, item));
    out.push('\n');
}

/// One line of JSON.
fn json(value: &impl serde::Serialize) -> String {
    // It fails for maps with keys that are no strings, and for those that a program wrote itself.
    serde_json::to_string(value).unwrap_or_default() + "\n"
}

fn options(arguments: &Arguments) -> Options {
    let max_message = arguments.max_message.0;
    Options {
        limits: Limits { max_message, ..Limits::default() },
        clip: arguments.payload.0,
        ..Options::default()
    }
}
