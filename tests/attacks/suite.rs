//! The table of attacks, and the command line of this test.

#[path = "../common/mod.rs"]
mod common;

#[path = "arena.rs"]
mod arena;
#[path = "canary.rs"]
mod canary;
#[path = "frames.rs"]
mod frames;
#[path = "handshake.rs"]
mod handshake;
#[path = "json.rs"]
mod json;
#[path = "resources.rs"]
mod resources;
#[path = "signaling.rs"]
mod signaling;
#[path = "soak.rs"]
mod soak;

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use arena::{Arena, Scale};

/// An attack: its number in the list, what it does, and how.
struct Row {
    id: &'static str,
    what: &'static str,
    /// Runs it and returns its figures; panics if the server does not stand it.
    run: fn(&mut Arena) -> String,
    /// The flags of the server that it is tried on.
    flags: &'static [&'static str],
}

fn rows() -> Vec<Row> {
    [handshake::ROWS, frames::ROWS, resources::ROWS, signaling::ROWS, json::ROWS]
        .into_iter()
        .flatten()
        .map(|&(id, what, flags, run)| Row { id, what, run, flags })
        .collect()
}

pub fn main() -> ExitCode {
    let mut scale = Scale::Small;
    let mut wanted = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--full" => scale = Scale::Full,
            "--soak" => {
                let time = arguments.next().and_then(|time| minutes(&time));
                let Some(time) = time else {
                    eprintln!("--soak wants a time, such as 30m or 90s");
                    return ExitCode::from(2);
                };
                return soak::run(time);
            }
            "--list" => {
                for row in rows() {
                    println!("{}: test", row.id);
                }
                return ExitCode::SUCCESS;
            }
            // What `cargo test` hands to every test program.
            "--nocapture" | "--quiet" | "-q" | "--ignored" | "--include-ignored" => {}
            flag if flag.starts_with('-') => {
                eprintln!("there is no flag {flag}; there are --full, --soak TIME and --list");
                return ExitCode::from(2);
            }
            id => wanted.push(id.to_uppercase()),
        }
    }
    let all = rows();
    let rows: Vec<_> = all
        .into_iter()
        .filter(|row| wanted.is_empty() || wanted.iter().any(|w| w == row.id))
        .collect();
    // A word for all test programs may be one that this one does not know; not so with `--full`.
    if rows.is_empty() && scale == Scale::Full {
        eprintln!("there is no attack {}; --list names them", wanted.join(" or "));
        return ExitCode::from(2);
    }
    println!("running {} attacks, {scale}", rows.len());
    let mut failed = 0;
    for row in &rows {
        if !attack(row, scale) {
            failed += 1;
        }
    }
    let passed = rows.len() - failed;
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {verdict}. {passed} passed; {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Tries one row on a server of its own, and prints its line of the table.
fn attack(row: &Row, scale: Scale) -> bool {
    let (run, flags) = (row.run, row.flags);
    let start = Instant::now();
    // On a thread of its own: a panic is a failed row, not the end of the table.
    let outcome = thread::spawn(move || {
        let mut arena = Arena::new(scale, flags);
        let figures = run(&mut arena);
        format!("{figures}; {}", arena.conclude())
    })
    .join();
    let seconds = start.elapsed().as_secs_f32();
    match &outcome {
        Ok(figures) => println!("{:4} ok     {seconds:5.1} s  {}: {figures}", row.id, row.what),
        Err(_) => println!("{:4} FAILED {seconds:5.1} s  {}", row.id, row.what),
    }
    outcome.is_ok()
}

/// A time such as `30m` or `90s`.
fn minutes(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = number.parse().ok()?;
    match unit {
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number * 60)),
        _ => None,
    }
}
