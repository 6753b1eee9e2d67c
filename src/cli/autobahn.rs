//! `wigwag connect --autobahn`: the client's part of Autobahn|Testsuite.
//!
//! The suite's fuzzing server tests clients. It says how many cases it has at `/getCaseCount`;
//! plays one at `/runCase`, to a client that sends back each message as it came; and is told at
//! `/updateReports` that this was all. The verdicts are the server's.

use std::io::{self, Write};

use wigwag::client::{Options, Url};
use wigwag::protocol::{Event, Limits, Outbox};

use super::dial::{Error, open};

/// The suite's name for what it tests.
const AGENT: &str = "wigwag";

/// The suite sends messages of up to 16 MiB.
const LARGEST: usize = 32 << 20;

/// Plays all cases.
pub(super) fn run(url: &Url, options: &Options) -> Result<(), Error> {
    let limits = Limits { max_message: LARGEST, outbox: LARGEST, ..options.limits.clone() };
    let options = Options { limits, ..options.clone() };

    let mut count = String::new();
    play(&url.with_path("/getCaseCount"), &options, &mut |event, _| {
        if let Event::Text(text) = event {
            text.clone_into(&mut count);
        }
    })?;
    let no_count = || Error::Ended("this server does not say how many cases it has".to_owned());
    let count: u32 = count.trim().parse().map_err(|_| no_count())?;
    for case in 1..=count {
        let path = format!("/runCase?case={case}&agent={AGENT}");
        play(&url.with_path(path), &options, &mut echo)?;
    }
    let path = format!("/updateReports?agent={AGENT}");
    play(&url.with_path(path), &options, &mut |_, _| {})?;
    let _ = writeln!(io::stderr(), "{count} cases played; the verdicts are the server's");
    Ok(())
}

/// However a connection ends, it is for the suite to judge.
fn play(
    url: &Url,
    options: &Options,
    handler: &mut dyn FnMut(Event<'_>, &mut Outbox),
) -> Result<(), Error> {
    let mut client = open(url, options)?;
    while client.turn(None, handler)? {}
    Ok(())
}

fn echo(event: Event<'_>, outbox: &mut Outbox) {
    // Refused only after a Close frame.
    let _ = match event {
        Event::Text(text) => outbox.text(text),
        Event::Binary(payload) => outbox.binary(payload),
        _ => Ok(()),
    };
}
