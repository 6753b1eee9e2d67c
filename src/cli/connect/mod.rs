//! `wigwag connect`: a WebSocket in a terminal or a pipe, line by line.
//!
//! - `input`: where lines come from; `prompt`: the same, from a human;
//! - `command`: what a line asks for; `farewell`: when to leave after the last one;
//! - `output`: how what arrives is shown; `watch`: what goes over the wire, explained.
//!
//! This file has the flags, and the conversation itself: one loop, which sends the lines that there
//! are, shows what has arrived, and knows when to leave.

mod command;
mod farewell;
mod input;
mod output;
mod prompt;
mod watch;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use clap::Args;
use wigwag::client::{Client, Options, Trust, Url};
use wigwag::protocol::deflate::{DeflateMode, DeflateOptions};
use wigwag::protocol::{CloseCode, Limits, Outbox};
use wigwag::trace::render::Style;

use self::command::Command;
use self::farewell::{Farewell, LAST_PING};
use self::input::Input;
use self::output::Output;
use self::prompt::Prompt;
use self::watch::Watch;
use super::autobahn;
use super::dial::{Error, judge, open};
use super::values::{Header, Size, Time};

/// With so much waiting to be sent no further line is taken.
const BACKLOG: usize = 64 * 1024;

#[derive(Args)]
pub(super) struct Arguments {
    /// The address, such as ws://127.0.0.1:8888/echo
    #[arg(value_name = "URL")]
    url: Url,
    /// Subprotocol to offer; may be repeated, the one liked best first
    #[arg(long, short, value_name = "NAME")]
    subprotocol: Vec<String>,
    /// Header to send along; may be repeated
    #[arg(long, short = 'H', value_name = "NAME: VALUE")]
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
    /// Trust the authorities in this file (PEM) in place of the system's, for wss
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    ca: Option<PathBuf>,
    /// Take any certificate, for wss: whoever is in between can read and change everything
    #[arg(long, short = 'k')]
    insecure: bool,
    /// Send this line and do not read the input; may be repeated
    #[arg(long, short = 'x', value_name = "LINE", allow_hyphen_values = true)]
    execute: Vec<String>,
    /// Send each line as it is, even one that looks like a command such as /ping
    #[arg(long)]
    no_commands: bool,
    /// Show pings, pongs and Close frames too; at a prompt this is the default
    #[arg(long)]
    show_control: bool,
    /// Explain all that goes over the wire, the handshake first, on standard error: full, or one
    /// line for each frame
    #[arg(long, value_name = "STYLE", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "full", value_parser = style)]
    trace: Option<Style>,
    /// Longest message to receive; over it: 1009
    #[arg(long, value_name = "SIZE", default_value = "16M")]
    max_message: Size,
    /// For the connection and its handshake
    #[arg(long, value_name = "TIME", default_value = "10s")]
    timeout: Time,
    /// Stay so long after the end of the input [default: until the server has answered a ping
    /// and fallen silent]
    #[arg(long, value_name = "TIME")]
    wait: Option<Time>,
    /// Let an Autobahn|Testsuite fuzzing server at this address test wigwag's client
    #[arg(long)]
    autobahn: bool,
}

impl Arguments {
    /// Which options a client gets by the flags.
    fn options(&self) -> Options {
        let mode = if self.no_deflate { DeflateMode::Off } else { DeflateMode::Takeover };
        let limits = Limits { max_message: self.max_message.0, ..Limits::default() };
        let trust = match &self.ca {
            Some(file) => Trust::File(file.clone()),
            None if self.insecure => Trust::Anyone,
            None => Trust::System,
        };
        let headers = self.header.iter();
        Options {
            subprotocols: self.subprotocol.clone(),
            origin: self.origin.clone(),
            headers: headers.map(|Header(name, value)| (name.clone(), value.clone())).collect(),
            deflate: DeflateOptions { mode, ..DeflateOptions::default() },
            trust,
            limits,
            opening: self.timeout.0,
        }
    }

    /// Where lines come from and answers go to.
    fn console(&self, client: &Client) -> (Receiver<Input>, Output) {
        let is_terminal = io::stdout().is_terminal();
        let output = |prompt: Option<Prompt>| Output {
            control: self.show_control || prompt.is_some(),
            prompt,
            is_terminal,
            is_gone: false,
            reason: String::new(),
        };
        if !self.execute.is_empty() {
            return (input::given(self.execute.clone(), client.waker()), output(None));
        }
        if is_terminal
            && io::stdin().is_terminal()
            && let Some((prompt, lines)) = Prompt::open(client.waker())
        {
            return (lines, output(Some(prompt)));
        }
        (input::stdin(client.waker()), output(None))
    }
}

/// Connects, and talks until either side has had enough.
pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    if arguments.insecure && arguments.url.tls {
        let warning = "warning: the server's certificate is not verified; it may be anyone";
        let _ = writeln!(io::stderr(), "{warning}");
    }
    if arguments.autobahn {
        return autobahn::run(&arguments.url, &arguments.options());
    }
    let mut client = open(&arguments.url, &arguments.options())?;
    announce(&arguments.url, &client);
    let (lines, output) = arguments.console(&client);
    let watch = arguments.trace.map(|style| {
        let limits = arguments.options().limits;
        Watch::start(&mut client, limits, style)
    });
    let mut conversation = Conversation {
        lines,
        watch: watch.unwrap_or_default(),
        commands: !arguments.no_commands,
        wait: arguments.wait.map(|wait| wait.0),
        farewell: Farewell::Never,
        input_error: None,
        output,
    };
    if conversation.output.prompt.is_some() && conversation.commands {
        conversation.output.note("each line is a message; /help lists what else there is");
    }
    let ran = conversation.run(&mut client);
    conversation.watch.print(&mut conversation.output);
    let Conversation { output, input_error, .. } = conversation;
    // Whatever happened, the terminal is to be left as it was.
    if let Some(prompt) = output.prompt {
        prompt.close();
    }
    ran?;
    match input_error {
        Some(error) => Err(Error::Input(error)),
        None if output.is_gone => Ok(()),
        None => judge(client.closure(), &output.reason),
    }
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

struct Conversation {
    lines: Receiver<Input>,
    /// Whether a line that starts with a slash is a command.
    commands: bool,
    wait: Option<Duration>,
    farewell: Farewell,
    input_error: Option<String>,
    output: Output,
    watch: Watch,
}

impl Conversation {
    fn run(&mut self, client: &mut Client) -> io::Result<()> {
        loop {
            self.take_lines(client);
            let time_is_up = self.farewell.time().is_some_and(|time| time <= Instant::now());
            if time_is_up || self.output.is_gone {
                leave(client.outbox());
            }
            let until = self.farewell.time().filter(|_| !client.outbox().is_closed());
            let going = client.turn(until, &mut |event, _| {
                self.watch.print(&mut self.output);
                if !self.farewell.hear(&event, Instant::now()) {
                    self.output.show(event);
                }
            })?;
            self.watch.print(&mut self.output);
            if !going {
                return Ok(());
            }
        }
    }

    /// Does what the lines say that there are.
    fn take_lines(&mut self, client: &mut Client) {
        while self.farewell == Farewell::Never && client.backlog() < BACKLOG {
            match self.lines.try_recv() {
                Ok(Input::Line(line)) => self.take_line(&line, client),
                Ok(Input::End) | Err(TryRecvError::Disconnected) => self.end_input(client),
                Ok(Input::Wrong(error)) => {
                    self.input_error = Some(error);
                    self.end_input(client);
                }
                Ok(Input::Interrupt) => {
                    leave(client.outbox());
                    self.farewell = Farewell::At(Instant::now());
                }
                Err(TryRecvError::Empty) => return,
            }
        }
    }

    fn take_line(&mut self, line: &str, client: &mut Client) {
        let command =
            if self.commands { Command::read(line) } else { Ok(Command::Text(line.to_owned())) };
        let done = match command {
            Ok(Command::Help) => {
                self.output.note(command::HELP);
                Ok(())
            }
            Ok(Command::Quit) => {
                self.end_input(client);
                Ok(())
            }
            Ok(command) => command.send(client.outbox()).map_err(str::to_owned),
            Err(error) => Err(error),
        };
        let Err(error) = done else { return };
        if self.output.prompt.is_some() {
            self.output.note(&error);
        } else if !client.outbox().is_closed() {
            // Nobody is there to do better, and the rest of a script may rest on this line.
            self.input_error = Some(error);
            self.end_input(client);
        }
    }

    fn end_input(&mut self, client: &mut Client) {
        if self.wait.is_none() {
            // Refused only after a Close frame, and then the server's is awaited.
            let _ = client.outbox().ping(LAST_PING);
        }
        self.farewell = Farewell::after_the_last_line(self.wait, Instant::now());
    }
}

fn style(text: &str) -> Result<Style, String> {
    match text {
        "full" => Ok(Style::Full),
        "line" => Ok(Style::Line),
        _ => Err("there are full and line".into()),
    }
}

fn leave(outbox: &mut Outbox) {
    // It may have been said already.
    let _ = outbox.close(CloseCode::NORMAL, "");
}
