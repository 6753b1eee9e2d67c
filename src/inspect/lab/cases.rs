//! Which case of the Autobahn test suite looks for a violation.
//!
//! The numbers are those of the suite's report, of cases that end with this violation. The suite
//! tests either role with the same cases.

use serde::Serialize;

use crate::protocol::Violation;
use crate::trace::dissect::Item;

/// Cases of the suite.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Cases {
    /// The one that sends just this.
    exact: Option<String>,
    /// All that end with this violation; none if no case does.
    all: Option<&'static str>,
}

/// The cases for what this item breaks, if it breaks anything.
pub(super) fn cases(item: &Item, deflate: bool) -> Option<Cases> {
    let name = item.violation.as_ref()?.name.trim_start_matches("Violation::");
    let violation = Violation::ALL.into_iter().find(|one| format!("{one:?}") == name)?;
    Some(Cases { exact: exact(violation, item, deflate), all: all(violation) })
}

const fn all(violation: Violation) -> Option<&'static str> {
    match violation {
        Violation::ReservedBits => Some("3.1 to 3.7"),
        Violation::ReservedOpcode => Some("4.1.1 to 4.1.5 and 4.2.1 to 4.2.5"),
        Violation::FragmentedControlFrame => Some("5.1 and 5.2"),
        Violation::ControlFrameTooLong => Some("2.5 and 7.3.6"),
        Violation::NothingToContinue => Some("5.9 to 5.17"),
        Violation::MessageUnfinished => Some("5.18"),
        Violation::CloseBodyOfOneByte => Some("7.3.2"),
        Violation::InvalidCloseCode => Some("7.9.1 to 7.9.9, 7.13.1 and 7.13.2"),
        Violation::InvalidUtf8InText => Some("6.3.1 to 6.4.4, and many of 6.6 to 6.21"),
        Violation::InvalidUtf8InCloseReason => Some("7.5.1"),
        Violation::UnmaskedFrame
        | Violation::MaskedFrame
        | Violation::LengthNotMinimal
        | Violation::LengthTopBitSet
        | Violation::MessageTooBig
        | Violation::TooManyEmptyFragments
        | Violation::ReassemblyTimedOut
        | Violation::InvalidCompressedData
        | Violation::CompressionRatioTooHigh => None,
    }
}

fn exact(violation: Violation, item: &Item, deflate: bool) -> Option<String> {
    let frame = item.frame.as_ref()?;
    match (violation, frame.opcode) {
        // The suite agrees on no extension in these.
        (Violation::ReservedBits, _) if !deflate => Some(format!("3.{}", frame.rsv)),
        (Violation::ReservedOpcode, 3..=7) => Some(format!("4.1.{}", frame.opcode - 2)),
        (Violation::ReservedOpcode, 11..=15) => Some(format!("4.2.{}", frame.opcode - 10)),
        (Violation::FragmentedControlFrame, 9) => Some("5.1".into()),
        (Violation::FragmentedControlFrame, 10) => Some("5.2".into()),
        (Violation::ControlFrameTooLong, 9) => Some("2.5".into()),
        (Violation::ControlFrameTooLong, 8) => Some("7.3.6".into()),
        (Violation::InvalidCloseCode, _) => {
            let code = frame.payload.0.first_chunk().map(|code| u16::from_be_bytes(*code))?;
            let case = match code {
                0 => "7.9.1",
                999 => "7.9.2",
                1004 => "7.9.3",
                1005 => "7.9.4",
                1006 => "7.9.5",
                1016 => "7.9.6",
                1100 => "7.9.7",
                2000 => "7.9.8",
                2999 => "7.9.9",
                5000 => "7.13.1",
                65535 => "7.13.2",
                _ => return None,
            };
            Some(case.into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sandbox::bytes_of;
    use super::*;
    use crate::trace::dissect::{Conversation, Options, Side};
    use std::time::Instant;

    fn exact_for(words: &str) -> Option<String> {
        let mut found = None;
        let mut conversation = Conversation::open(Options::default(), None, Instant::now());
        conversation.push(Side::Client, &bytes_of(words, Side::Client), &mut |item| {
            found = cases(&item, false);
        });
        found.unwrap().exact
    }

    #[test]
    fn the_case_that_sends_the_same_is_found() {
        for (words, case) in [
            ("text rsv3 \"a\"", "3.1"),
            ("text rsv1 \"a\"", "3.4"),
            ("close rsv1 rsv2 rsv3", "3.7"),
            ("opcode 3", "4.1.1"),
            ("opcode 7", "4.1.5"),
            ("opcode 11", "4.2.1"),
            ("opcode 15", "4.2.5"),
            ("pong fin=0", "5.2"),
            ("ping \"*\" * 126", "2.5"),
            ("close hex 03ed", "7.9.4"),
            ("close hex 07d0", "7.9.8"),
            ("close hex ffff", "7.13.2"),
        ] {
            assert_eq!(exact_for(words).as_deref(), Some(case), "{words}");
        }
        assert_eq!(exact_for("close hex 03f7"), None);
        assert_eq!(exact_for("text mask=none"), None);
    }
}
