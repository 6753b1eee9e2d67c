use super::*;
use crate::protocol::{CloseCode, State, Violation};

fn steps(text: &str) -> Vec<Step> {
    let script = Script::parse(text).unwrap_or_else(|error| panic!("{error}"));
    script.lines.into_iter().map(|line| line.step).collect()
}

fn bytes(frame: &str) -> Vec<u8> {
    Script::parse(&format!("> {frame}")).unwrap().input()
}

#[test]
fn frames_are_written_in_words() {
    let hello = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    assert_eq!(bytes("text \"Hello\""), hello);
    assert_eq!(bytes("hex 8185 37fa213d 7f 9f 4d 51 58 # the same"), hello);
    assert_eq!(bytes("text mask=none \"Hello\""), b"\x81\x05Hello");
    assert_eq!(bytes("text mask=00000000 fin=0 \"Hi\""), b"\x01\x82\0\0\0\0Hi");
    assert_eq!(bytes("close mask=none 1000 \"bye\""), b"\x88\x05\x03\xe8bye");
    assert_eq!(bytes("close mask=none hex 03"), b"\x88\x01\x03");
    assert_eq!(bytes("close mask=none"), b"\x88\x00");
    assert_eq!(bytes("opcode 11 rsv1 rsv3 mask=none"), b"\xdb\x00");
    assert_eq!(bytes("binary mask=none \"ab\" * 2 hex 00ff \"c\""), b"\x82\x07abab\x00\xffc");
    assert_eq!(bytes("binary mask=none length=256 \"a\""), b"\x82\x7e\x01\x00a");
    assert_eq!(bytes("ping mask=none \"\\x00\\n\\\"\\\\ü\""), b"\x89\x06\0\n\"\\\xc3\xbc");
}

#[test]
fn who_masks_depends_on_the_role() {
    let script = Script::parse("role client\n> text \"x\"\n< text \"x\"").unwrap();
    assert_eq!(script.input(), b"\x81\x01x");
    let Step::Expect(Happening::Output(bytes, _)) = &script.lines[1].step else {
        panic!("{script:?}")
    };
    assert_eq!(bytes, b"\x81\x81\x37\xfa\x21\x3d\x4f");
}

#[test]
fn each_kind_of_line_is_read() {
    assert_eq!(
        steps("# A title\n\nstate closed # and a remark\nwait 500ms\n> eof\necho on"),
        [
            Step::Prose("A title".to_owned()),
            Step::Check(Check::State(State::Closed)),
            Step::Act(Action::Wait(std::time::Duration::from_millis(500))),
            Step::Act(Action::End),
            Step::Act(Action::Echo(true)),
        ]
    );
    assert_eq!(
        steps("event violation ReservedBits\nevent close 1000 \"bye\"\nsend close"),
        [
            Step::Expect(Happening::Event(Seen::Violation(Violation::ReservedBits))),
            Step::Expect(Happening::Event(Seen::Close(Some((
                CloseCode::NORMAL,
                "bye".to_owned()
            ))))),
            Step::Act(Action::Send(Sending::Close(None))),
        ]
    );
}

#[test]
fn what_happened_is_told_as_it_would_stand_in_a_script() {
    for line in [
        "event text \"a \\\"quoted\\\" ü\\n\"",
        "event binary hex 00 ff",
        "event binary \"*\" * 100",
        "event close 1000 \"bye\"",
        "event violation MessageTooBig",
        "< text \"Hello\"\n< close 1002 \"no\"",
        "< continuation fin=0 \"x\"",
        "< ping",
        "refused full",
    ] {
        let told = steps(line).into_iter().map(|step| match step {
            Step::Expect(happening) => happening.to_string(),
            step => panic!("{step:?}"),
        });
        assert_eq!(told.collect::<Vec<_>>().join("\n"), line);
    }
    for line in [
        "state closing",
        "wants shutdown",
        "timeout in 500ms",
        "timeout never",
        "ended by peer 1000 cleanly",
        "ended by violation ReservedBits 1002 uncleanly",
        "ended by silence uncleanly",
    ] {
        let [Step::Check(check)] = &steps(line)[..] else { panic!("{line}") };
        assert_eq!(check.to_string(), line);
    }
}

#[test]
fn a_line_that_means_nothing_is_named_and_explained() {
    for (text, line, message) in [
        ("\n\nhello", 3, "no line begins with \"hello\""),
        ("> tex \"x\"", 1, "\"tex\" is no kind of frame"),
        ("> text fin=2", 1, "\"fin=2\" says nothing about a frame"),
        ("> text \"x", 1, "a string does not end on its line"),
        ("> text \"\\q\"", 1, "\\q means nothing in a string"),
        ("> text \"\\x4\"", 1, "only hexadecimal digits may stand here"),
        ("> hex 123", 1, "a byte is two hexadecimal digits"),
        ("> text mask=0102", 1, "a masking key has four bytes"),
        ("> opcode 9", 1, "an opcode without a name is one of 3-7 or 11-15"),
        ("> close 70000", 1, "a close code has two bytes"),
        ("event close 1005", 1, "1005 is no close code that may be sent"),
        ("event text hex ff", 1, "this must be UTF-8"),
        ("event violation Boredom", 1, "no violation is called \"Boredom\""),
        ("wait 5", 1, "a time is like 25s, 500ms or 2m, not \"5\""),
        ("limit size 5", 1, "no limit is called \"size\""),
        ("> eof\nlimit outbox 5", 2, "limit must come before anything happens"),
        ("state open closed", 1, "\"closed\" is one word too many"),
        ("state ajar", 1, "\"ajar\" is none of open, closing, closed"),
        ("\"x\"", 1, "here may not stand a string"),
    ] {
        let error = Script::parse(text).unwrap_err();
        assert_eq!(error.line, line, "{error}");
        assert!(error.message.starts_with(message), "{error}");
    }
}
