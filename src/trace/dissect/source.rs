//! Where each rule is kept: the file, and the line in it.
//!
//! The lines are found by the compiler, in the sources that it compiles, so they cannot be out of
//! date: each is the line of the check that yields the violation.

use serde::Serialize;

use crate::protocol::Violation;

/// A line of a source file of this project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file, from the root of the project.
    pub file: &'static str,
    /// The line, counted from 1.
    pub line: u32,
}

/// Where the check of this rule stands.
pub const fn kept_at(violation: Violation) -> Place {
    macro_rules! places {
        ($($violation:ident: $file:literal, $start:literal;)*) => {
            match violation {
                $(Violation::$violation => {
                    const PLACE: Place = Place {
                        file: concat!("src/protocol/", $file),
                        line: line_of(
                            include_str!(concat!("../../protocol/", $file)).as_bytes(),
                            concat!($start, stringify!($violation)).as_bytes(),
                        ),
                    };
                    PLACE
                })*
            }
        };
    }
    places! {
        ReservedBits: "frame.rs", "return Err(Violation::";
        ReservedOpcode: "frame.rs", "ok_or(Violation::";
        UnmaskedFrame: "frame.rs", "return Err(Violation::";
        MaskedFrame: "frame.rs", "return Err(Violation::";
        FragmentedControlFrame: "frame.rs", "return Err(Violation::";
        ControlFrameTooLong: "frame.rs", "return Err(Violation::";
        LengthNotMinimal: "frame.rs", "return Err(Violation::";
        LengthTopBitSet: "frame.rs", "return Err(Violation::";
        NothingToContinue: "frame.rs", "return Err(Violation::";
        MessageUnfinished: "frame.rs", "return Err(Violation::";
        CloseBodyOfOneByte: "close.rs", "Err(Violation::";
        InvalidCloseCode: "close.rs", "ok_or(Violation::";
        InvalidUtf8InText: "message.rs", "map_err(|_| Violation::";
        InvalidUtf8InCloseReason: "close.rs", "map_err(|_| Violation::";
        MessageTooBig: "frame.rs", "return Err(Violation::";
        TooManyEmptyFragments: "message.rs", "return Err(Violation::";
        ReassemblyTimedOut: "connection.rs", "fail(Violation::";
        InvalidCompressedData: "deflate.rs", "return Err(Violation::";
        CompressionRatioTooHigh: "deflate.rs", "return Err(Violation::";
    }
}

/// Where requests that cannot become a WebSocket are refused.
pub(super) const REQUESTS: Place = Place {
    file: "src/protocol/handshake/server.rs",
    line: line_of(include_str!("../../protocol/handshake/server.rs").as_bytes(), b"pub fn accept<"),
};

/// Where request heads that cannot be read are refused.
pub(super) const HEADS: Place = Place {
    file: "src/protocol/handshake/request.rs",
    line: line_of(include_str!("../../protocol/handshake/request.rs").as_bytes(), b"pub fn parse("),
};

/// Where the end of a head is searched for.
pub(super) const SCANNER: Place = Place {
    file: "src/protocol/handshake/head.rs",
    line: line_of(include_str!("../../protocol/handshake/head.rs").as_bytes(), b"pub fn scan("),
};

/// Where a client judges a response.
pub(super) const RESPONSES: Place = Place {
    file: "src/protocol/handshake/client.rs",
    line: line_of(include_str!("../../protocol/handshake/client.rs").as_bytes(), b"pub fn verify("),
};

/// The line on which `wanted` stands first. A source without it does not compile.
const fn line_of(source: &[u8], wanted: &[u8]) -> u32 {
    let mut line = 1;
    let mut at = 0;
    while at + wanted.len() <= source.len() {
        let mut same = 0;
        while same < wanted.len() && source[at + same] == wanted[same] {
            same += 1;
        }
        if same == wanted.len() {
            return line;
        }
        if source[at] == b'\n' {
            line += 1;
        }
        at += 1;
    }
    panic!("the check has moved to another file")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn on_each_line_stands_the_violation_that_it_is_said_to_check() {
        for violation in Violation::ALL {
            let Place { file, line } = kept_at(violation);
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
            let source = std::fs::read_to_string(path).unwrap();
            let text = source.lines().nth(line as usize - 1).unwrap();
            assert!(text.contains(&format!("Violation::{violation:?}")), "{file}:{line}: {text}");
            let tests = source.find("#[cfg(test)]").unwrap_or(source.len());
            let before = source.find(text).unwrap();
            assert!(before < tests, "{file}:{line} is in a test");
        }
    }
}
