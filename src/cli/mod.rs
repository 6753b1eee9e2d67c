//! Reads the command line, and does what it says.
//!
//! - `arguments`: the flags of the server;
//! - `serve`: how they become a [`Config`](wigwag::server::Config), and the server runs;
//! - `connect`: a client for a terminal or a pipe, with its flags; `autobahn`: one for a test
//!   suite; `dial`: what the two have in common;
//! - `exercise`: the exercises of the manual;
//! - `explain`: bytes on the command line, annotated;
//! - `trace`: what goes over the wire while the server runs;
//! - `terminal`: colours and width;
//! - `values`: sizes, times and mounts as a human writes them.

mod arguments;
mod autobahn;
mod connect;
mod dial;
mod exercise;
mod explain;
mod serve;
mod terminal;
mod trace;
mod values;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

/// A WebSocket server that you can see through.
///
/// Without a command it serves: open the address that it prints in two browser tabs, and call
/// from one to the other.
#[derive(Parser)]
#[command(name = "wigwag", version, max_term_width = 100, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: arguments::Arguments,
}

#[derive(Subcommand)]
enum Command {
    /// Serve WebSockets, the demo page, and static files
    Serve(Box<arguments::Arguments>),
    /// Connect to a WebSocket: each line of the input is sent as text, and what arrives is printed
    Connect(Box<connect::Arguments>),
    /// Learn the protocol: predict what happens in a conversation, and be told
    Exercise(exercise::Arguments),
    /// Explain frames, a handshake, or a Sec-WebSocket-Key: every bit, what it means, and the rule
    /// that it breaks
    Explain(explain::Arguments),
}

/// Runs the command line of this process.
pub(crate) fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let outcome = match cli.command {
        Some(Command::Connect(arguments)) => {
            connect::run(&arguments).map_err(|error| (error.to_string(), 1))
        }
        Some(Command::Exercise(arguments)) => {
            exercise::run(&arguments).map_err(|error| (error.to_string(), error.exit_code()))
        }
        Some(Command::Explain(arguments)) => {
            explain::run(&arguments).map_err(|error| (error.to_string(), error.exit_code()))
        }
        Some(Command::Serve(arguments)) => serve(*arguments),
        None => serve(cli.serve),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err((error, code)) => {
            complain(&error);
            ExitCode::from(code)
        }
    }
}

fn serve(arguments: arguments::Arguments) -> Result<(), (String, u8)> {
    serve::run(arguments).map_err(|error| (error.to_string(), error.exit_code()))
}

/// Says what went wrong, in one line. Nobody to tell it to is no reason to panic, as `eprintln!`
/// would.
fn complain(error: &str) {
    let _ = writeln!(io::stderr(), "wigwag: {error}");
}

/// Help goes to standard output whole; a mistake is named in one line.
fn usage(error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // A reader that closes early (`| head`) is not an error.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let paragraph = text.lines().map(str::trim).take_while(|line| !line.is_empty());
    let line = paragraph.collect::<Vec<_>>().join(" ");
    complain(&format!("{line} (try wigwag --help)"));
    ExitCode::from(2)
}
