//! Silence, unanswered Close frames and endless messages, with times that never passed.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_silent_peer_is_pinged_and_then_dropped() {
    let mut wire = Wire::server();
    assert_eq!(wire.due_in(), Some(25 * SECOND));
    wire.wait(24 * SECOND);
    assert_eq!(wire.sent(), b"", "calling early does no harm");
    assert_eq!(wire.due_in(), Some(SECOND));
    wire.wait(SECOND);
    assert_eq!(wire.sent(), b"\x89\x00");
    assert_eq!(wire.due_in(), Some(10 * SECOND));
    wire.wait(9 * SECOND);
    assert_eq!(wire.sent(), b"", "one ping is enough");
    assert_eq!(wire.state(), State::Open);
    assert!(!wire.connection.wants_drop());
    wire.wait(SECOND);
    assert_eq!(wire.state(), State::Closed);
    assert_eq!(wire.ended(), Some((EndedBy::Silence, None, false)));
    assert!(wire.connection.wants_drop());
    assert_eq!(wire.due_in(), None);
    wire.wait(100 * SECOND);
    assert_eq!(wire.sent(), b"");
    assert_eq!(wire.ended(), Some((EndedBy::Silence, None, false)));
}

#[test]
fn any_byte_is_a_sign_of_life() {
    // Not only a pong: the first byte of any frame will do.
    for sign in [masked(PONG, b""), masked(TEXT, b"x"), vec![0x81]] {
        let mut wire = Wire::server();
        wire.wait(25 * SECOND);
        wire.wait(9 * SECOND);
        wire.read(&sign);
        assert_eq!(wire.due_in(), Some(25 * SECOND));
        wire.wait(10 * SECOND);
        assert_eq!(wire.state(), State::Open);
    }
    // No byte is none.
    let mut wire = Wire::server();
    wire.now += 5 * SECOND;
    wire.read(b"");
    assert_eq!(wire.due_in(), Some(20 * SECOND));
}

#[test]
fn a_peer_that_talks_is_never_pinged() {
    let mut wire = Wire::server();
    for _ in 0..1000 {
        wire.wait(24 * SECOND);
        wire.read(&masked(TEXT, b"x"));
    }
    assert_eq!(wire.sent(), b"");
    assert_eq!(wire.state(), State::Open);
}

#[test]
fn a_peer_that_only_answers_pings_stays() {
    let mut wire = Wire::server();
    for _ in 0..1000 {
        wire.wait(25 * SECOND);
        assert_eq!(wire.sent(), b"\x89\x00");
        wire.wait(SECOND);
        wire.read(&masked(PONG, b""));
    }
    assert_eq!(wire.state(), State::Open);
}

#[test]
fn a_late_call_does_one_thing_at_a_time() {
    // A loop that was held up for a minute: the peer still gets its ping and its ten seconds.
    let mut wire = Wire::server();
    wire.wait(60 * SECOND);
    assert_eq!(wire.sent(), b"\x89\x00");
    assert_eq!(wire.due_in(), Some(10 * SECOND));
}

#[test]
fn an_unanswered_close_frame_is_waited_for_five_seconds_whatever_else_comes() {
    let mut wire = Wire::server();
    wire.wait(10 * SECOND);
    wire.close(CloseCode::GOING_AWAY, "");
    assert_eq!(wire.due_in(), Some(5 * SECOND));
    for _ in 0..4 {
        wire.wait(SECOND);
        wire.read(&masked(TEXT, b"still talking"));
        assert_eq!(wire.state(), State::Closing);
    }
    assert_eq!(wire.due_in(), Some(SECOND));
    wire.wait(SECOND);
    assert_eq!(wire.ended(), Some((EndedBy::Local, Some(1001), false)));
    assert!(wire.connection.wants_drop());
    assert_eq!(wire.due_in(), None);
}

#[test]
fn the_wait_for_a_close_frame_begins_when_ours_is_queued_also_in_an_answer_or_while_pinging() {
    let mut wire = Wire::server();
    wire.wait(25 * SECOND);
    wire.wait(9 * SECOND);
    let mut bytes = masked(TEXT, b"quit");
    let mut input = &mut bytes[..];
    let (_, outbox) = wire.connection.receive(wire.now, &mut input).unwrap();
    outbox.close(CloseCode::NORMAL, "").unwrap();
    assert_eq!(wire.due_in(), Some(5 * SECOND));
    wire.wait(4 * SECOND);
    assert_eq!(wire.due_in(), Some(SECOND));

    let mut wire = Wire::server();
    wire.wait(25 * SECOND);
    wire.wait(9 * SECOND);
    wire.close(CloseCode::NORMAL, "");
    assert_eq!(wire.due_in(), Some(5 * SECOND), "and not the second left of the pong's ten");
}

#[test]
fn a_message_must_be_complete_in_time_however_lively_its_sender() {
    let mut wire = Wire::server();
    wire.wait(10 * SECOND);
    wire.read(&masked(TEXT_BEGINS, b"x"));
    assert_eq!(wire.due_in(), Some(25 * SECOND));
    for _ in 0..29 {
        wire.wait(SECOND);
        wire.read(&masked(CONTINUES, b"x"));
    }
    assert_eq!(wire.due_in(), Some(SECOND));
    wire.wait(SECOND);
    let rule = Violation::ReassemblyTimedOut.rule();
    let ended = (EndedBy::Violation(Violation::ReassemblyTimedOut), Some(1008), false);
    assert_eq!(wire.ended(), Some(ended));
    assert_eq!(wire.sent(), unmasked(CLOSE, &close_body(1008, rule.sentence)));
    assert!(wire.connection.wants_shutdown());
    assert!(!wire.connection.wants_drop());
    assert_eq!(wire.due_in(), None);
    assert_eq!(wire.read(&masked(ENDS, b"x")), []);
}

#[test]
fn the_time_of_a_message_begins_with_its_header_and_ends_with_the_message() {
    let mut wire = Wire::server();
    wire.read(&masked(TEXT, b"slow")[..6]);
    wire.wait(20 * SECOND);
    wire.read(&masked(TEXT, b"slow")[6..8]);
    assert_eq!(wire.due_in(), Some(10 * SECOND));
    assert_eq!(wire.read(&masked(TEXT, b"slow")[8..]), [text("slow")]);
    assert_eq!(wire.due_in(), Some(25 * SECOND));
    wire.read(&masked(TEXT_BEGINS, b"another"));
    wire.wait(20 * SECOND);
    assert_eq!(wire.state(), State::Open);
    assert_eq!(wire.read(&masked(ENDS, b"")), [text("another")]);
}

#[test]
fn a_ping_is_sent_while_a_message_is_unfinished() {
    let mut wire = Wire::server();
    wire.read(&masked(TEXT_BEGINS, b"x"));
    wire.wait(25 * SECOND);
    assert_eq!(wire.sent(), b"\x89\x00");
    assert_eq!(wire.due_in(), Some(5 * SECOND), "the message is due before the pong");
}

#[test]
fn a_closed_server_waits_for_nothing() {
    let mut wire = Wire::server();
    wire.read(&masked(CLOSE, b""));
    assert_eq!(wire.due_in(), None);
    wire.wait(1000 * SECOND);
    assert!(!wire.connection.wants_drop());
    assert_eq!(wire.sent(), b"\x88\x00");
}

#[test]
fn a_peer_whom_we_do_not_read_is_excused() {
    let mut wire = Wire::server();
    wire.wait(25 * SECOND);
    wire.wait(9 * SECOND);
    wire.connection.excuse_silence(wire.now);
    assert_eq!(wire.due_in(), Some(25 * SECOND));
    // But not from its Close frame.
    wire.close(CloseCode::NORMAL, "");
    wire.wait(SECOND);
    wire.connection.excuse_silence(wire.now);
    assert_eq!(wire.due_in(), Some(4 * SECOND));
}

#[test]
fn a_message_is_not_late_because_we_did_not_read_it() {
    let mut wire = Wire::server();
    wire.read(&masked(TEXT_BEGINS, b"x"));
    wire.wait(20 * SECOND);
    wire.connection.excuse_silence(wire.now);
    wire.wait(20 * SECOND);
    assert_eq!(wire.connection.state(), State::Open);
    wire.wait(10 * SECOND);
    assert_eq!(wire.connection.state(), State::Closed);
}

#[test]
fn whoever_still_reads_what_came_before_our_close_frame_has_time_to_answer_it() {
    let mut wire = Wire::server();
    wire.connection.outbox(wire.now).binary(&[0; 100]).unwrap();
    wire.close(CloseCode::NORMAL, "");
    for _ in 0..10 {
        wire.wait(4 * SECOND);
        wire.connection.advance_output(1);
    }
    assert!(!wire.connection.wants_drop());
    wire.wait(5 * SECOND);
    assert!(wire.connection.wants_drop());
}

#[test]
fn a_transport_that_takes_nothing_is_no_peer_that_reads() {
    let mut wire = Wire::server();
    wire.close(CloseCode::NORMAL, "");
    wire.wait(4 * SECOND);
    wire.connection.advance_output(0);
    assert_eq!(wire.due_in(), Some(SECOND));
}

/// RFC 6455, 7.1.1: the server is to close the transport first. A client that still has something
/// to send then does not wait the longer for it.
#[test]
fn a_client_waits_for_the_end_of_the_transport_from_the_close_frame_on() {
    let mut wire = Wire::client();
    wire.read(&unmasked(CLOSE, b""));
    wire.wait(4 * SECOND);
    assert!(!wire.sent().is_empty());
    assert_eq!(wire.due_in(), Some(SECOND));
    assert!(!wire.connection.wants_shutdown());
    wire.wait(SECOND);
    assert!(wire.connection.wants_drop());
}

#[test]
fn times_without_end_do_not_overflow() {
    let mut wire = Wire::server_with(Limits {
        reassembly: Duration::MAX,
        ping_after: Duration::MAX,
        pong_wait: Duration::MAX,
        close_wait: Duration::MAX,
        ..Limits::default()
    });
    wire.read(&masked(TEXT_BEGINS, b"x"));
    assert_eq!(wire.due_in(), None);
    wire.wait(1_000_000 * SECOND);
    wire.close(CloseCode::NORMAL, "");
    wire.wait(1_000_000 * SECOND);
    assert_eq!(wire.due_in(), None);
    assert_eq!(wire.state(), State::Closing);
    assert!(!wire.connection.wants_drop());
}

#[test]
fn a_message_that_was_delivered_is_not_waited_for() {
    // Who has no room for replies stops right behind a message, and asks for no further event.
    let mut wire = Wire::server();
    wire.read(&masked(TEXT_BEGINS, b"x"));
    let mut rest = masked(ENDS, b"y");
    let event = wire.connection.receive(wire.now, &mut &mut rest[..]);
    assert_eq!(event.map(|(event, _)| Seen::from(event)), Some(text("xy")));
    wire.wait(25 * SECOND);
    wire.wait(5 * SECOND);
    assert_eq!(wire.state(), State::Open);
}
