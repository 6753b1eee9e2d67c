//! The command line of wigwag.
//!
//! Exit codes: 0 when all went well, 1 when something could not be done, 2 when the command was
//! wrong. Every error is one line on standard error.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
