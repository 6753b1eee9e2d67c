//! Each way to be wrong, and the Close frame that says so.

use super::*;

/// What a client may not send to a server: the bytes, after which of them it must be noticed, and
/// the violation. Bytes that follow must not matter.
fn wrong() -> Vec<(Vec<u8>, usize, Violation)> {
    use Violation::*;
    let begun = masked(TEXT_BEGINS, b"x");
    let after = |bytes: &[u8]| [&begun[..], bytes].concat();
    let mut wrong = vec![
        (masked(0xc1, b"x"), 1, ReservedBits),
        (masked(0xa1, b"x"), 1, ReservedBits),
        (masked(0x91, b"x"), 1, ReservedBits),
        (masked(0xf9, b"x"), 1, ReservedBits),
        (after(&masked(0xc0, b"x")), 8, ReservedBits),
        (unmasked(TEXT, b"x"), 2, UnmaskedFrame),
        (unmasked(CLOSE, b""), 2, UnmaskedFrame),
        (after(&unmasked(ENDS, b"x")), 9, UnmaskedFrame),
        (masked(0x09, b"x"), 1, FragmentedControlFrame),
        (masked(0x08, b""), 1, FragmentedControlFrame),
        (masked(PING, &[0; 126]), 2, ControlFrameTooLong),
        (masked(CLOSE, &[0; 65_536]), 2, ControlFrameTooLong),
        (b"\x82\xfe\x00\x7d____".to_vec(), 4, LengthNotMinimal),
        (b"\x82\xff\0\0\0\0\0\0\xff\xff____".to_vec(), 8, LengthNotMinimal),
        (b"\x82\xff\x80\0\0\0\0\0\0\0____".to_vec(), 3, LengthTopBitSet),
        (b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff____".to_vec(), 3, LengthTopBitSet),
        (masked(ENDS, b"x"), 1, NothingToContinue),
        (masked(CONTINUES, b"x"), 1, NothingToContinue),
        (after(&masked(TEXT, b"x")), 8, MessageUnfinished),
        (after(&masked(BINARY_BEGINS, b"x")), 8, MessageUnfinished),
        (masked(CLOSE, b"\x03"), 7, CloseBodyOfOneByte),
        (masked(CLOSE, &close_body(1005, "")), 8, InvalidCloseCode),
        (masked(CLOSE, b"\x03\xe8\xff"), 9, InvalidUtf8InCloseReason),
        // The last character of a reason may not be cut.
        (masked(CLOSE, b"\x03\xe8\xe4\xbd"), 10, InvalidUtf8InCloseReason),
        // Text is judged byte by byte, not at the end of its frame or its message.
        (masked(TEXT, b"abc\xffdefgh"), 10, InvalidUtf8InText),
        (masked(TEXT, b"\xed\xa0\x80"), 8, InvalidUtf8InText),
        (after(&masked(CONTINUES, b"\xc0\x80")), 14, InvalidUtf8InText),
        // A character may be cut by a frame, but not by the end of its message.
        (masked(TEXT, b"\xe4\xbd"), 8, InvalidUtf8InText),
        (after(&masked(ENDS, b"\xe4\xbd")), 15, InvalidUtf8InText),
        ([masked(TEXT_BEGINS, b"\xe4"), masked(ENDS, b"")].concat(), 13, InvalidUtf8InText),
        (masked(BINARY, &[0; 65_537]), 10, MessageTooBig),
    ];
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        wrong.push((masked(0x80 | opcode, b"x"), 1, ReservedOpcode));
        wrong.push((masked(opcode, b"x"), 1, ReservedOpcode));
    }
    wrong
}

fn assert_failed(wire: &mut Wire, violation: Violation) {
    let rule = violation.rule();
    let body = close_body(rule.code.get(), rule.sentence);
    assert_eq!(wire.state(), State::Closed);
    let ended = (EndedBy::Violation(violation), Some(rule.code.get()), false);
    assert_eq!(wire.ended(), Some(ended));
    assert_eq!(wire.due_in(), None);
    assert!(!wire.connection.wants_shutdown(), "the Close frame goes first");
    assert_eq!(wire.sent(), unmasked(CLOSE, &body));
    assert!(wire.connection.wants_shutdown());
    assert_eq!(wire.connection.held(), 0);
    // 7.1.7: an endpoint "MUST NOT continue to attempt to process data".
    assert_eq!(wire.read(&masked(TEXT, b"afterwards")), []);
    assert_eq!(wire.read(&[0xff; 100]), []);
    assert_eq!(wire.sent(), b"");
    assert_eq!(wire.ended(), Some(ended));
}

#[test]
fn each_is_answered_with_the_close_frame_of_the_table() {
    for (bytes, _, violation) in wrong() {
        let mut wire = Wire::server();
        assert_eq!(wire.read(&bytes), [Seen::Violation(violation)], "{bytes:x?}");
        assert_failed(&mut wire, violation);
    }
}

#[test]
fn each_is_noticed_at_its_first_wrong_byte() {
    for (bytes, at, violation) in wrong() {
        let mut wire = Wire::server();
        assert_eq!(wire.drip(&bytes[..at - 1]), [], "{violation:?} in {bytes:x?}");
        let seen = wire.read(&bytes[at - 1..at]);
        assert_eq!(seen, [Seen::Violation(violation)], "{bytes:x?}");
        assert_failed(&mut wire, violation);
    }
}

#[test]
fn each_is_noticed_after_any_number_of_good_messages() {
    for (bytes, _, violation) in wrong() {
        let mut wire = Wire::server();
        let bytes = [masked(TEXT, b"good"), masked(PONG, b""), bytes].concat();
        let expected = [text("good"), Seen::Pong(vec![]), Seen::Violation(violation)];
        assert_eq!(wire.read(&bytes), expected);
    }
}

#[test]
fn a_masked_frame_from_a_server_fails_the_connection() {
    for first in [TEXT, BINARY, CLOSE, PING, PONG] {
        let mut wire = Wire::client();
        let seen = wire.drip(&masked(first, b""));
        assert_eq!(seen, [Seen::Violation(Violation::MaskedFrame)]);
        let rule = Violation::MaskedFrame.rule();
        let body = close_body(rule.code.get(), rule.sentence);
        assert_eq!(wire.sent(), masked(CLOSE, &body));
    }
}

#[test]
fn the_table_is_covered() {
    let seen: Vec<Violation> = wrong().into_iter().map(|(_, _, violation)| violation).collect();
    for violation in Violation::ALL {
        use Violation::{CompressionRatioTooHigh, InvalidCompressedData};
        use Violation::{MaskedFrame, ReassemblyTimedOut, TooManyEmptyFragments};
        let elsewhere = [
            MaskedFrame,             // above
            ReassemblyTimedOut,      // timeouts.rs
            TooManyEmptyFragments,   // limits.rs
            InvalidCompressedData,   // deflate.rs
            CompressionRatioTooHigh, // deflate.rs
        ];
        assert!(seen.contains(&violation) || elsewhere.contains(&violation), "{violation:?}");
    }
}

#[test]
fn after_our_own_close_frame_a_violation_is_told_but_no_second_close_frame_is_sent() {
    for (bytes, _, violation) in wrong() {
        let mut wire = Wire::server();
        wire.close(CloseCode::GOING_AWAY, "");
        wire.sent();
        assert_eq!(wire.read(&bytes), [Seen::Violation(violation)]);
        assert_eq!(wire.sent(), b"");
        assert_eq!(wire.state(), State::Closed);
        assert!(wire.connection.wants_shutdown());
    }
}
