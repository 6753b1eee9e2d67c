//! What a line of `wigwag connect` asks for: a message, or a command that starts with a slash.

use wigwag::protocol::frame::Opcode;
use wigwag::protocol::{CloseCode, Outbox, SendError};

/// What `/help` says.
pub(super) const HELP: &str = "\
a line is sent as a text message; //line sends /line
/binary HEX          send a binary message, such as /binary deadbeef
/frag A|B|C          send a text message in these fragments
/frag N TEXT         send it in N fragments, cut anywhere, even inside a character
/ping [TEXT]         send a ping
/pong [TEXT]         send a pong that nobody asked for
/close [CODE [WHY]]  send a Close frame, such as /close 1000 bye
/raw HEX             send these bytes as they are, right or wrong, such as /raw 8a00
/help                this
/quit                close and leave (as does Ctrl-D)";

/// A line, read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Text(String),
    Binary(Vec<u8>),
    Fragments(Vec<Vec<u8>>),
    Ping(String),
    Pong(String),
    Close(Option<CloseCode>, String),
    Raw(Vec<u8>),
    Help,
    Quit,
}

impl Command {
    /// Reads a line.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn read(line: &str) -> Result<Self, String> {
        let Some(rest) = line.strip_prefix('/') else { return Ok(Self::Text(line.to_owned())) };
        if rest.starts_with('/') {
            return Ok(Self::Text(rest.to_owned()));
        }
        let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        match name {
            "binary" => Ok(Self::Binary(hex(rest)?)),
            "frag" => Ok(Self::Fragments(fragments(rest)?)),
            "ping" => Ok(Self::Ping(rest.to_owned())),
            "pong" => Ok(Self::Pong(rest.to_owned())),
            "close" => close(rest),
            "raw" => Ok(Self::Raw(hex(rest)?)),
            "help" => Ok(Self::Help),
            "quit" => Ok(Self::Quit),
            _ => Err(format!("there is no command /{name}: see /help, or send it with //{name}")),
        }
    }

    /// Sends it. `/help` and `/quit` send nothing.
    ///
    /// # Errors
    ///
    /// Why it cannot be sent.
    pub(super) fn send(&self, outbox: &mut Outbox) -> Result<(), &'static str> {
        let sent = match self {
            Self::Text(text) => outbox.text(text),
            Self::Binary(payload) => outbox.binary(payload),
            Self::Fragments(parts) => outbox.fragments(Opcode::Text, parts),
            Self::Ping(text) => outbox.ping(text.as_bytes()),
            Self::Pong(text) => outbox.pong(text.as_bytes()),
            Self::Close(Some(code), reason) => outbox.close(*code, reason),
            Self::Close(None, _) => outbox.close_without_code(),
            Self::Raw(bytes) => outbox.raw(bytes),
            Self::Help | Self::Quit => Ok(()),
        };
        sent.map_err(|error| match error {
            SendError::Closed => "nothing can follow a Close frame (RFC 6455, 5.5.1)",
            SendError::ControlFrameTooLong => {
                "a control frame holds at most 125 bytes (RFC 6455, 5.5)"
            }
            SendError::Full => "too much is waiting to be sent",
        })
    }
}

/// Bytes in hexadecimal, with spaces or without.
fn hex(text: &str) -> Result<Vec<u8>, String> {
    let wrong = || "bytes are pairs of hexadecimal digits, such as de ad be ef".to_owned();
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).and_then(|digit| digit.try_into().ok()))
        .collect();
    let (pairs, rest) = digits.as_deref().ok_or_else(wrong)?.as_chunks::<2>();
    if rest.is_empty() { Ok(pairs.iter().map(|[h, l]| h << 4 | l).collect()) } else { Err(wrong()) }
}

fn fragments(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let wrong = || "fragments are /frag one|two|three, or /frag 3 text".to_owned();
    if text.contains('|') {
        return Ok(text.split('|').map(|part| part.as_bytes().to_vec()).collect());
    }
    let (count, text) = text.split_once(' ').ok_or_else(wrong)?;
    let count = count.parse().ok().filter(|count| (1..=1000).contains(count)).ok_or_else(wrong)?;
    // As even as can be; with more fragments than bytes, some are empty, which is allowed.
    let cut = |index: usize| text.len().saturating_mul(index).checked_div(count).unwrap_or(0);
    let part = |index: usize| text.as_bytes().get(cut(index)..cut(index.saturating_add(1)));
    Ok((0..count).map(|index| part(index).unwrap_or_default().to_vec()).collect())
}

fn close(text: &str) -> Result<Command, String> {
    if text.is_empty() {
        return Ok(Command::Close(None, String::new()));
    }
    let (code, reason) = text.split_once(' ').unwrap_or((text, ""));
    let wrong = || format!("{code} may not stand in a Close frame (RFC 6455, 7.4)");
    let code = code.parse().ok().and_then(CloseCode::new).ok_or_else(wrong)?;
    Ok(Command::Close(Some(code), reason.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_messages_and_commands() {
        let text = |text: &str| Command::Text(text.to_owned());
        for (line, command) in [
            ("hello", text("hello")),
            ("", text("")),
            (" /ping", text(" /ping")),
            ("//ping", text("/ping")),
            ("/binary deadBEEF", Command::Binary(vec![0xde, 0xad, 0xbe, 0xef])),
            ("/binary", Command::Binary(vec![])),
            ("/raw 8a 00", Command::Raw(vec![0x8a, 0])),
            ("/ping", Command::Ping(String::new())),
            ("/pong a b ", Command::Pong("a b ".to_owned())),
            ("/close", Command::Close(None, String::new())),
            ("/close 1000", Command::Close(Some(CloseCode::NORMAL), String::new())),
            ("/close 1000 bye bye", Command::Close(Some(CloseCode::NORMAL), "bye bye".to_owned())),
            ("/frag a||b", Command::Fragments(vec![b"a".into(), b"".into(), b"b".into()])),
            ("/frag 2 hello", Command::Fragments(vec![b"he".into(), b"llo".into()])),
            ("/frag 3 é", Command::Fragments(vec![b"".into(), b"\xc3".into(), b"\xa9".into()])),
            ("/help", Command::Help),
            ("/quit", Command::Quit),
        ] {
            assert_eq!(Command::read(line), Ok(command), "{line}");
        }
    }

    #[test]
    fn what_is_no_command_is_named() {
        for (line, hint) in [
            ("/nothing", "//nothing"),
            ("/", "no command"),
            ("/binary abc", "hexadecimal"),
            ("/raw xy", "hexadecimal"),
            ("/close 1005", "7.4"),
            ("/close bye", "7.4"),
            ("/frag hello", "/frag"),
            ("/frag 0 hello", "/frag"),
            ("/frag 1001 hello", "/frag"),
        ] {
            let error = Command::read(line).unwrap_err();
            assert!(error.contains(hint), "{line}: {error}");
        }
    }
}
