//! Twenty mistakes that were made in earnest, ready to be sent.

use serde::Serialize;

use super::sandbox::{Setting, bytes_of};
use crate::trace::dissect::Side;
use crate::trace::dissect::item::Hex;

/// A mistake on the shelf.
#[derive(Debug, Serialize)]
pub(super) struct Mistake {
    title: &'static str,
    story: &'static str,
    state: &'static str,
    from: Side,
    bytes: Hex,
    /// What it breaks, as the source calls it.
    breaks: &'static str,
}

/// Title, story; state, sender, frames in the words of a wire script; the violation.
type Row = (&'static str, &'static str, Setting, Side, &'static str, &'static str);

const CLIENT: Side = Side::Client;

const SHELF: [Row; 20] = [
    (
        "The client that forgot its mask",
        "It worked against the test server, which never looked.",
        Setting::Open,
        CLIENT,
        "text mask=none \"Hello\"",
        "UnmaskedFrame",
    ),
    (
        "The server that masks",
        "One function wrote the frames of both ends.",
        Setting::Open,
        Side::Server,
        "text mask=37fa213d \"Hello\"",
        "MaskedFrame",
    ),
    (
        "Compressed without asking",
        "RSV1 was set, though the handshake agreed on no extension.",
        Setting::Open,
        CLIENT,
        "text rsv1 hex f248cdc9c90700",
        "ReservedBits",
    ),
    (
        "RSV1 on every fragment",
        "Only the first frame of a compressed message may say that it is compressed.",
        Setting::Deflate,
        CLIENT,
        "text fin=0 rsv1 hex f248cd;continuation rsv1 hex c9c90700",
        "ReservedBits",
    ),
    (
        "Not DEFLATE at all",
        "RSV1 announces compressed data; what follows was never compressed.",
        Setting::Deflate,
        CLIENT,
        "text rsv1 \"Hello\"",
        "InvalidCompressedData",
    ),
    (
        "An opcode of one's own",
        "3 was free, so it became the opcode for JSON.",
        Setting::Open,
        CLIENT,
        "opcode 3 \"{}\"",
        "ReservedOpcode",
    ),
    (
        "A ping in two parts",
        "A loop that cuts everything into fragments did not look at the opcode.",
        Setting::Open,
        CLIENT,
        "ping fin=0 \"are you \";continuation \"there?\"",
        "FragmentedControlFrame",
    ),
    (
        "A ping that says too much",
        "Statistics for every heartbeat: 126 bytes, one more than fits.",
        Setting::Open,
        CLIENT,
        "ping \"*\" * 126",
        "ControlFrameTooLong",
    ),
    (
        "Five, in sixteen bits",
        "A writer with a single form for lengths writes 7e 00 05.",
        Setting::Open,
        CLIENT,
        "hex 81fe000537fa213d7f9f4d5158",
        "LengthNotMinimal",
    ),
    (
        "A negative length",
        "A signed 64-bit length that was never set stood at -1.",
        Setting::Open,
        CLIENT,
        "hex 82ffffffffffffffffff37fa213d",
        "LengthTopBitSet",
    ),
    (
        "Little end first",
        "70,000, written by a machine that begins with the low byte.",
        Setting::Open,
        CLIENT,
        "hex 82ff701101000000000037fa213d",
        "MessageTooBig",
    ),
    (
        "A second half without a first",
        "The first fragment went out on the connection before the reconnect.",
        Setting::Open,
        CLIENT,
        "continuation \"lo\"",
        "NothingToContinue",
    ),
    (
        "Text, text, text",
        "Every fragment has the opcode of its message; only the first one should.",
        Setting::InText,
        CLIENT,
        "text \"lo\"",
        "MessageUnfinished",
    ),
    (
        "Half a close code",
        "The code was written as one byte, because it was small once.",
        Setting::Open,
        CLIENT,
        "close hex e8",
        "CloseBodyOfOneByte",
    ),
    (
        "Passing on 1005",
        "The API reported 1005, \"no code\", and a proxy sent that on.",
        Setting::Open,
        CLIENT,
        "close hex 03ed",
        "InvalidCloseCode",
    ),
    (
        "1000, back to front",
        "e8 03 is 59395 for everybody else.",
        Setting::Open,
        CLIENT,
        "close hex e803",
        "InvalidCloseCode",
    ),
    (
        "Latin-1 in a text frame",
        "\"café\" from an old database: its é is one byte, e9.",
        Setting::Open,
        CLIENT,
        "text \"caf\" hex e9",
        "InvalidUtf8InText",
    ),
    (
        "Half an emoji, twice",
        "UTF-16 surrogates, each encoded on its own: ed a0 bd ed b8 80.",
        Setting::Open,
        CLIENT,
        "text hex eda0bdedb880",
        "InvalidUtf8InText",
    ),
    (
        "The character that never ended",
        "The buffer was cut after c3, and the rest of the é was dropped.",
        Setting::InCharacter,
        CLIENT,
        "continuation",
        "InvalidUtf8InText",
    ),
    (
        "A reason cut to fit",
        "A close reason cut after a number of bytes, through the middle of a character.",
        Setting::Open,
        CLIENT,
        "close 1000 \"adi\" hex c3",
        "InvalidUtf8InCloseReason",
    ),
];

/// The shelf.
pub(super) fn mistakes() -> Vec<Mistake> {
    let mistake = |(title, story, setting, from, words, breaks): Row| Mistake {
        title,
        story,
        state: setting.name(),
        from,
        bytes: Hex(bytes_of(words, from)),
        breaks,
    };
    SHELF.into_iter().map(mistake).collect()
}

#[cfg(test)]
mod tests {
    use super::super::sandbox::send;
    use super::*;

    #[test]
    fn each_mistake_breaks_the_rule_that_the_shelf_names() {
        for mistake in mistakes() {
            let setting = Setting::named(mistake.state).unwrap();
            let outcome = send(setting, mistake.from, &mistake.bytes.0);
            let mut faults = outcome.items.iter().filter_map(|item| item.violation.as_ref());
            let name = faults.next().map(|fault| &fault.name[..]);
            let expected = format!("Violation::{}", mistake.breaks);
            assert_eq!(name, Some(&expected[..]), "{}", mistake.title);
        }
    }

    #[test]
    fn the_words_of_all_mistakes_are_read_to_the_end() {
        for (title, _, _, from, words, _) in SHELF {
            for words in words.split(';') {
                assert!(!bytes_of(words, from).is_empty(), "{title}: {words}");
            }
        }
    }
}
