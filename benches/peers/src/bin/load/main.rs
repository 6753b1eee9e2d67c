//! The load: a WebSocket client that checks every echo. `benches/compare/run` drives it.
//!
//! It speaks to its driver in lines, so that the driver can read the server's clocks at the right
//! moment: it says `ready`, waits for a line, does its work, says what came of it, waits for
//! another line, and closes. Any failure is one line on standard error and exit 1.

mod client;
mod echo;
mod message;

use std::collections::HashMap;
use std::io::BufRead;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use client::{Client, Target};
use echo::Load;
use message::{Expect, Messages};
use peers::{MAX_SIZE, Opcode};

const USAGE: &str = "\
load echo --address IP:PORT --path PATH [options]   echo messages, and say how long it took
load idle --address IP:PORT --path PATH [options]   open connections, and keep them idle

  --opcode text|binary   (text)
  --size BYTES           payload of each message (20)
  --expect payload|zeros zeros: the echoes of the bare loop (payload)
  --connections N        (64)
  --messages N           echo: messages in all that are measured (100000)
  --warmup N             echo: messages in all before that (10000)
  --depth N              echo: messages in flight for each connection (1)
  --deadline SECONDS     echo: for the messages (120)
  --warm N               idle: connections that are open before the others (64)
  --per-source N         connections from one source address, before 127.0.0.2 and so on (20000)";

type Flags = HashMap<String, String>;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let mode = arguments.next().unwrap_or_default();
    let mut flags = Flags::new();
    while let (Some(flag), value) = (arguments.next(), arguments.next()) {
        flags.insert(flag, value.unwrap_or_default());
    }
    let result = match mode.as_str() {
        "echo" => echo(&mut flags),
        "idle" => idle(&mut flags),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn echo(flags: &mut Flags) -> Result<(), String> {
    let (target, messages) = common(flags)?;
    let connections = take(flags, "--connections", 64)?;
    let count: u64 = take(flags, "--messages", 100_000)?;
    let warmup: u64 = take(flags, "--warmup", 10_000)?;
    let depth: u64 = take(flags, "--depth", 1)?;
    let deadline = Duration::from_secs(take(flags, "--deadline", 120)?);
    none_left(flags)?;

    let clients = open(&target, 0..connections)?;
    let mut load = Load::new(clients, &messages).map_err(|error| error.to_string())?;
    load.run(warmup, depth, deadline)?;
    say_and_wait("ready");
    let wall = load.run(count, depth, deadline)?;
    say_and_wait(&format!("{}", wall.as_nanos()));
    let clients = load.into_clients().map_err(|error| error.to_string())?;
    clients.into_iter().try_for_each(Client::close)
}

/// The warm connections make the server touch its code and its tables before the first look at its
/// memory; they stay open, so that the others cannot live in what they left.
fn idle(flags: &mut Flags) -> Result<(), String> {
    let (target, messages) = common(flags)?;
    let connections: usize = take(flags, "--connections", 5000)?;
    let warm: usize = take(flags, "--warm", 64)?;
    none_left(flags)?;

    let mut clients = open(&target, 0..warm)?;
    clients
        .iter_mut()
        .try_for_each(|client| client.exchange(&messages))?;
    say_and_wait("ready");
    for id in warm..warm + connections {
        let mut client = Client::open(&target, id)?;
        client.exchange(&messages)?;
        clients.push(client);
    }
    say_and_wait("idle");
    // Memory of connections that had been dropped meanwhile would be no memory of connections.
    clients
        .iter_mut()
        .try_for_each(|client| client.exchange(&messages))?;
    say_and_wait("alive");
    clients.into_iter().try_for_each(Client::close)
}

fn open(target: &Target, ids: std::ops::Range<usize>) -> Result<Vec<Client>, String> {
    ids.map(|id| Client::open(target, id)).collect()
}

fn say_and_wait(line: &str) {
    println!("{line}");
    // The end of input lets the work go on: the driver has gone, and nothing is left to wait for.
    let _ = std::io::stdin().lock().read_line(&mut String::new());
}

fn common(flags: &mut Flags) -> Result<(Target, Messages), String> {
    let address = flags.remove("--address").ok_or("--address is missing")?;
    let target = Target {
        address: address
            .parse()
            .map_err(|_| format!("--address: no IPv4:PORT: {address}"))?,
        path: flags.remove("--path").ok_or("--path is missing")?,
        per_source: take(flags, "--per-source", 20_000usize)?.max(1),
    };
    let opcode: String = take(flags, "--opcode", "text".to_owned())?;
    let opcode = Opcode::from_name(&opcode).ok_or("--opcode: text or binary")?;
    let size = take(flags, "--size", 20)?;
    if size > MAX_SIZE {
        return Err(format!("--size: up to {MAX_SIZE}"));
    }
    let expect = match take(flags, "--expect", "payload".to_owned())?.as_str() {
        "payload" => Expect::Payload,
        "zeros" => Expect::Zeros,
        other => return Err(format!("--expect: payload or zeros, not {other}")),
    };
    Ok((target, Messages::new(opcode, size, expect)))
}

fn take<T: FromStr>(flags: &mut Flags, name: &str, default: T) -> Result<T, String> {
    match flags.remove(name) {
        None => Ok(default),
        Some(text) => text
            .parse()
            .map_err(|_| format!("{name}: wrong value: {text}")),
    }
}

fn none_left(flags: &Flags) -> Result<(), String> {
    match flags.keys().next() {
        None => Ok(()),
        Some(flag) => Err(format!("unknown option: {flag}")),
    }
}
