//! Which items of which connections are to be shown.
//!
//! A filter is a list of conditions with commas between them, all of which must hold. A condition
//! may name alternatives with `|`, and be turned round with `!`:
//!
//! | condition | holds for |
//! | --- | --- |
//! | `conn=3` or `conn=3\|5` | the third connection of all, or the fifth |
//! | `peer=127.0.0.1`, `peer=[::1]:5000` | an address, with or without a port |
//! | `path=/echo`, `path=/room/*` | the path of the request; `*` at the end stands for anything |
//! | `from=client`, `from=server` | one direction |
//! | `kind=request`, `response`, `frame`, `data` | what it is |
//! | `opcode=text`, `binary`, `continuation`, `close`, `ping`, `pong`, `reserved` | frames of a kind |
//! | `violation` | what breaks a rule |
//!
//! ```
//! use wigwag::trace::filter::Filter;
//!
//! let filter: Filter = "path=/echo,!opcode=ping|pong".parse()?;
//! assert!("opcode=tex".parse::<Filter>().is_err());
//! # Ok::<(), String>(())
//! ```

use std::str::FromStr;

use super::dissect::{Item, Side};

/// A filter; the default one lets everything pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    conditions: Vec<Condition>,
}

/// What is known of the connection of an item.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Its number, from 1.
    pub number: u64,
    /// The peer's address with its port.
    pub peer: &'a str,
    /// The path that was asked for; none before it is known.
    pub path: Option<&'a str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    negated: bool,
    subject: Subject,
    alternatives: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Connection,
    Peer,
    Path,
    From,
    Kind,
    Opcode,
    Violation,
}

impl Filter {
    /// Whether the filter lets this item pass.
    pub fn item(&self, about: &About<'_>, item: &Item) -> bool {
        self.conditions.iter().all(|condition| condition.holds(about, Some(item)))
    }

    /// Whether the filter lets the connection itself pass: its beginning and its end. One that
    /// chooses among items is not about those.
    pub fn connection(&self, about: &About<'_>) -> bool {
        self.conditions.iter().all(|condition| condition.holds(about, None))
    }

    /// Whether a connection of which this is known might have something to show.
    pub fn may_pass(&self, about: &About<'_>) -> bool {
        self.conditions.iter().all(|condition| {
            let known = match condition.subject {
                Subject::Connection | Subject::Peer => true,
                Subject::Path => about.path.is_some(),
                Subject::From | Subject::Kind | Subject::Opcode | Subject::Violation => false,
            };
            !known || condition.holds(about, None)
        })
    }
}

impl Condition {
    fn holds(&self, about: &About<'_>, item: Option<&Item>) -> bool {
        let any = |value: &str| self.alternatives.iter().any(|wanted| wanted == value);
        let holds = match self.subject {
            Subject::Connection => any(&about.number.to_string()),
            Subject::Peer => self.alternatives.iter().any(|wanted| is_peer(about.peer, wanted)),
            Subject::Path => match about.path {
                Some(path) => self.alternatives.iter().any(|wanted| is_path(path, wanted)),
                None => return false,
            },
            Subject::From => match item {
                Some(item) => any(item.from.name()),
                None => return false,
            },
            Subject::Kind => match item {
                Some(item) => any(item.kind.name()),
                None => return false,
            },
            Subject::Opcode => match item {
                Some(item) => item.frame.as_ref().is_some_and(|frame| any(frame.opcode_name)),
                None => return false,
            },
            Subject::Violation => match item {
                Some(item) => item.violation.is_some(),
                None => return false,
            },
        };
        holds != self.negated
    }
}

fn is_peer(peer: &str, wanted: &str) -> bool {
    let host = peer.rsplit_once(':').map_or(peer, |(host, _)| host);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    [peer, host, bare].contains(&wanted)
}

fn is_path(path: &str, wanted: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(start) => path.starts_with(start),
        None => path == wanted,
    }
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let conditions: Result<_, String> = words.map(condition).collect();
        Ok(Self { conditions: conditions? })
    }
}

fn condition(word: &str) -> Result<Condition, String> {
    const SIDES: [&str; 2] = [Side::Client.name(), Side::Server.name()];
    const KINDS: [&str; 4] = ["request", "response", "frame", "data"];
    const OPCODES: [&str; 7] =
        ["text", "binary", "continuation", "close", "ping", "pong", "reserved"];
    let (negated, bare) = match word.strip_prefix('!') {
        Some(bare) => (true, bare),
        None => (false, word),
    };
    if bare == "violation" {
        let subject = Subject::Violation;
        return Ok(Condition { negated, subject, alternatives: Vec::new() });
    }
    let (name, values) = bare.split_once('=').unwrap_or((bare, ""));
    let (subject, known): (_, &[&str]) = match name {
        "conn" => (Subject::Connection, &[]),
        "peer" => (Subject::Peer, &[]),
        "path" => (Subject::Path, &[]),
        "from" => (Subject::From, &SIDES),
        "kind" => (Subject::Kind, &KINDS),
        "opcode" => (Subject::Opcode, &OPCODES),
        _ => {
            return Err(format!(
                "{word:?} is no condition; there are conn=, peer=, path=, from=, kind=, opcode= \
                 and violation"
            ));
        }
    };
    let alternatives: Vec<String> = values.split('|').map(str::to_owned).collect();
    for value in &alternatives {
        let number = value.trim_start_matches('#').parse::<u64>();
        let wrong = value.is_empty()
            || !known.is_empty() && !known.contains(&value.as_str())
            || subject == Subject::Connection && number.is_err();
        if wrong {
            let wanted = match subject {
                Subject::Connection => "a number".to_owned(),
                Subject::Peer => "an address".to_owned(),
                Subject::Path => "a path".to_owned(),
                _ => format!("one of {}", known.join(", ")),
            };
            return Err(format!("{name}={value} is no condition: it wants {wanted}"));
        }
    }
    let bare = |value: String| value.trim_start_matches('#').to_owned();
    let alternatives = match subject {
        Subject::Connection => alternatives.into_iter().map(bare).collect(),
        _ => alternatives,
    };
    Ok(Condition { negated, subject, alternatives })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::dissect::{Conversation, Options};
    use std::time::Instant;

    const ABOUT: About<'_> = About { number: 3, peer: "127.0.0.1:5000", path: Some("/echo") };

    fn items() -> Vec<Item> {
        let mut conversation = Conversation::open(Options::default(), None, Instant::now());
        let mut items = Vec::new();
        conversation.push(Side::Server, b"\x89\x00", &mut |item| items.push(item));
        conversation.push(Side::Client, b"\x81\x00", &mut |item| items.push(item));
        items
    }

    /// Whether a server's ping and a client's wrong text pass, and the connection.
    fn passes(filter: &str) -> [bool; 3] {
        let filter: Filter = filter.parse().unwrap();
        let items = items();
        [filter.item(&ABOUT, &items[0]), filter.item(&ABOUT, &items[1]), filter.connection(&ABOUT)]
    }

    #[test]
    fn each_condition_holds_for_what_it_says() {
        for (filter, expected) in [
            ("", [true; 3]),
            ("conn=3", [true; 3]),
            ("conn=#3|4", [true; 3]),
            ("conn=4", [false; 3]),
            ("!conn=4", [true; 3]),
            ("peer=127.0.0.1", [true; 3]),
            ("peer=127.0.0.1:5000", [true; 3]),
            ("peer=127.0.0.1:5001", [false; 3]),
            ("path=/echo", [true; 3]),
            ("path=/e*", [true; 3]),
            ("path=/ech", [false; 3]),
            ("from=server", [true, false, false]),
            ("!from=server", [false, true, false]),
            ("kind=frame", [true, true, false]),
            ("kind=request|response", [false; 3]),
            ("opcode=ping|pong", [true, false, false]),
            ("!opcode=ping|pong", [false, true, false]),
            ("violation", [false, true, false]),
            ("!violation", [true, false, false]),
            ("path=/echo , from=client, opcode=text", [false, true, false]),
        ] {
            assert_eq!(passes(filter), expected, "{filter}");
        }
    }

    #[test]
    fn what_is_not_known_yet_does_not_speak_against_a_connection() {
        let unknown = About { path: None, ..ABOUT };
        for (filter, before, after) in [
            ("path=/chat", true, false),
            ("path=/echo,violation", true, true),
            ("conn=1", false, false),
        ] {
            let filter: Filter = filter.parse().unwrap();
            assert_eq!([filter.may_pass(&unknown), filter.may_pass(&ABOUT)], [before, after]);
            assert!(!filter.connection(&unknown));
        }
    }

    #[test]
    fn what_is_no_filter_is_named() {
        for (filter, named) in [
            ("foo", "\"foo\" is no condition"),
            ("opcode=tex", "opcode=tex is no condition: it wants one of text,"),
            ("conn=x", "it wants a number"),
            ("path=", "it wants a path"),
            ("from=client|", "it wants one of client, server"),
        ] {
            let error = filter.parse::<Filter>().unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }
}
