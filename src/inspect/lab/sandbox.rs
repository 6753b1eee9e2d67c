//! A sandbox: two ends of a connection in memory, brought into a state, and what bytes do there.

use std::time::Instant;

use serde::Serialize;

use super::cases::{Cases, cases};
use crate::protocol::Role;
use crate::protocol::deflate::DeflateParameters;
use crate::trace::dissect::{Conversation, Item, Options, Side, Stage};
use crate::trace::script::frame;
use crate::trace::script::words::Words;

/// The most items in an outcome: the smallest frames have two bytes, and 8 KiB of them would be
/// explained in megabytes. What breaks a rule is always among them.
const MOST_ITEMS: usize = 24;

/// What has happened before the learner's bytes arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    Open,
    InText,
    InBinary,
    InCharacter,
    Deflate,
    AfterTheirClose,
    AfterYourClose,
}

impl Setting {
    pub(super) const ALL: [Self; 7] = [
        Self::Open,
        Self::InText,
        Self::InBinary,
        Self::InCharacter,
        Self::Deflate,
        Self::AfterTheirClose,
        Self::AfterYourClose,
    ];

    /// As it stands in a link.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::InText => "in-text",
            Self::InBinary => "in-binary",
            Self::InCharacter => "in-character",
            Self::Deflate => "deflate",
            Self::AfterTheirClose => "after-their-close",
            Self::AfterYourClose => "after-your-close",
        }
    }

    /// For the learner, who is the sender.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Open => "Open, nothing sent yet",
            Self::InText => "Inside a fragmented text",
            Self::InBinary => "Inside a fragmented binary",
            Self::InCharacter => "Inside a text, cut in the middle of a character",
            Self::Deflate => "Open, with permessage-deflate",
            Self::AfterTheirClose => "After the other end's Close",
            Self::AfterYourClose => "After your Close",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|setting| setting.name() == name)
    }

    /// What was sent before, in the words of a wire script, and whether the learner sent it.
    const fn before(self) -> Option<(&'static str, bool)> {
        match self {
            Self::Open | Self::Deflate => None,
            Self::InText => Some(("text fin=0 \"Hel\"", true)),
            Self::InBinary => Some(("binary fin=0 hex c0ffee", true)),
            // "é" is c3 a9, and its second byte is still to come.
            Self::InCharacter => Some(("text fin=0 \"caf\" hex c3", true)),
            Self::AfterTheirClose => Some(("close 1001 \"going away\"", false)),
            Self::AfterYourClose => Some(("close 1000 \"bye\"", true)),
        }
    }
}

/// What happened in the sandbox.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    state: &'static str,
    from: Side,
    /// What was sent to bring the connection into its state.
    setup: Vec<Item>,
    before: Stages,
    pub(super) items: Vec<Item>,
    /// How many items there were besides those.
    left_out: usize,
    /// What the receiving end has answered, frame by frame.
    answer: Vec<Item>,
    after: Stages,
    /// Where the test suite looks for the violation, if there is one.
    cases: Option<Cases>,
}

#[derive(Debug, Serialize)]
struct Stages {
    client: Stage,
    server: Stage,
}

impl Stages {
    fn of(conversation: &Conversation) -> Self {
        let stage = |side| conversation.stage(side);
        Self { client: stage(Side::Client), server: stage(Side::Server) }
    }
}

/// Sends `bytes` to a connection for which everything before is as `setting` says.
pub(super) fn send(setting: Setting, from: Side, bytes: &[u8]) -> Outcome {
    let deflate = (setting == Setting::Deflate).then(DeflateParameters::default);
    let mut conversation = Conversation::open(Options::default(), deflate, Instant::now());
    let mut setup = Vec::new();
    if let Some((words, by_learner)) = setting.before() {
        let sender = if by_learner { from } else { from.other() };
        let bytes = bytes_of(words, sender);
        conversation.push(sender, &bytes, &mut |item| setup.push(item));
    }
    let before = Stages::of(&conversation);

    let mut items = Vec::new();
    let mut left_out = 0;
    let mut said = Vec::new();
    let mut keep = |item: Item| {
        said.extend_from_slice(&item.answer.0);
        if items.len() < MOST_ITEMS || item.violation.is_some() {
            items.push(item);
        } else {
            left_out += 1;
        }
    };
    conversation.push(from, bytes, &mut keep);
    conversation.finish(from, &mut keep);

    let mut answer = Vec::new();
    let mut answers = 0;
    conversation.push(from.other(), &said, &mut |item| {
        answers += 1;
        // The last answers are as interesting as the first: one of them may be the Close.
        if answer.len() >= MOST_ITEMS {
            answer.pop();
        }
        answer.push(item);
    });
    let cases = items.iter().find_map(|item| cases(item, deflate.is_some()));
    let after = Stages::of(&conversation);
    Outcome { state: setting.name(), from, setup, before, items, left_out, answer, after, cases }
}

/// Frames, one after another with `;` between them, as `sender` would write them.
pub(super) fn bytes_of(words: &str, sender: Side) -> Vec<u8> {
    let role = match sender {
        Side::Client => Role::Client,
        Side::Server => Role::Server,
    };
    let one = |words: &str| {
        let mut words = Words::of(words).ok()?;
        let kind = words.word()?;
        frame::parse(&kind, &mut words, role).ok()
    };
    // The words are in this module and in the shelf, and a test reads all of them.
    words.split(';').filter_map(one).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::dissect::Told;

    fn after(name: &str, words: &str, from: Side) -> Outcome {
        send(Setting::named(name).unwrap(), from, &bytes_of(words, from))
    }

    fn broken(outcome: &Outcome) -> Option<&str> {
        let mut faults = outcome.items.iter().filter_map(|item| item.violation.as_ref());
        faults.next().map(|fault| fault.name.trim_start_matches("Violation::"))
    }

    fn heard(outcome: &Outcome) -> Option<&Told> {
        outcome.items.iter().find_map(|item| item.event.as_ref())
    }

    #[test]
    fn each_state_is_what_it_says_for_a_sender_of_either_role() {
        for from in [Side::Client, Side::Server] {
            let told = |state, words| after(state, words, from);
            let text = |text: &str| Told::Text { length: text.len() as u64, text: text.into() };

            assert_eq!(heard(&told("open", "text \"hi\"")), Some(&text("hi")));
            assert!(told("open", "text \"hi\"").setup.is_empty());
            assert_eq!(broken(&told("open", "continuation \"lo\"")), Some("NothingToContinue"));

            assert_eq!(heard(&told("in-text", "continuation \"lo\"")), Some(&text("Hello")));
            assert_eq!(broken(&told("in-text", "text \"lo\"")), Some("MessageUnfinished"));

            let told_binary = told("in-binary", "continuation hex 00");
            let Some(Told::Binary { bytes, .. }) = heard(&told_binary) else { panic!() };
            assert_eq!(bytes.0, [0xc0, 0xff, 0xee, 0]);

            let end = told("in-character", "continuation hex a9");
            assert_eq!(heard(&end), Some(&text("café")));
            let cut = told("in-character", "continuation \"e\"");
            assert_eq!(broken(&cut), Some("InvalidUtf8InText"));

            // RFC 7692, 7.2.3.1: "Hello", compressed.
            let hello = "text rsv1 hex f248cdc9c90700";
            assert_eq!(heard(&told("deflate", hello)), Some(&text("Hello")));
            assert_eq!(broken(&told("open", hello)), Some("ReservedBits"));
        }
    }

    #[test]
    fn after_a_close_of_either_end_nothing_is_delivered() {
        for from in [Side::Client, Side::Server] {
            let stage = |stages: &Stages| match from {
                Side::Client => stages.server,
                Side::Server => stages.client,
            };
            let theirs = after("after-their-close", "text \"late\"", from);
            assert_eq!(stage(&theirs.before), Stage::Closing);
            assert_eq!((heard(&theirs), stage(&theirs.after)), (None, Stage::Closing));
            let answered = after("after-their-close", "close 1001", from);
            assert_eq!(stage(&answered.after), Stage::Closed);
            assert_eq!(answered.answer, []);

            let yours = after("after-your-close", "text \"late\"", from);
            assert_eq!((heard(&yours), stage(&yours.before)), (None, Stage::Closed));
        }
    }

    #[test]
    fn the_answer_is_told_frame_by_frame() {
        let outcome = after("open", "ping \"a\"; ping \"b\"; ping fin=0", Side::Client);
        let summaries: Vec<&str> = outcome.answer.iter().map(|item| &item.summary[..]).collect();
        assert_eq!(summaries[..2], ["pong \"a\"", "pong \"b\""]);
        assert_eq!(summaries[2], "close 1002 \"a control frame is fragmented\"");
        assert_eq!(outcome.after.client, Stage::Closed);
    }

    #[test]
    fn however_many_frames_are_sent_few_are_told_and_the_wrong_one_is_among_them() {
        let mut bytes = bytes_of("pong", Side::Server).repeat(4000);
        bytes.extend(bytes_of("opcode 3", Side::Server));
        let outcome = send(Setting::Open, Side::Server, &bytes);
        assert_eq!(outcome.items.len(), MOST_ITEMS + 1);
        assert_eq!(outcome.left_out, 4000 - MOST_ITEMS);
        assert_eq!(broken(&outcome), Some("ReservedOpcode"));
        let pings = bytes_of("ping", Side::Server).repeat(4000);
        assert_eq!(send(Setting::Open, Side::Server, &pings).answer.len(), MOST_ITEMS);
    }

    #[test]
    fn a_frame_that_is_incomplete_is_told_as_far_as_it_goes() {
        let outcome = send(Setting::Open, Side::Server, &[0x81, 0x05, b'H']);
        assert_eq!((outcome.items.len(), outcome.items[0].missing), (1, 4));
        assert!(send(Setting::Open, Side::Client, &[]).items.is_empty());
    }
}
