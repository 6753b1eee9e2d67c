//! The closing handshake, begun by either side, and the end of the transport.

use super::*;

fn closed(code: u16, reason: &str) -> Seen {
    Seen::Close(Some((code, reason.to_owned())))
}

#[test]
fn the_close_frame_of_the_peer_is_answered_with_its_code() {
    let bytes = masked(CLOSE, &close_body(1000, "bye"));
    for cut in 0..=bytes.len() {
        let mut wire = Wire::server();
        let mut seen = wire.read(&bytes[..cut]);
        seen.extend(wire.read(&bytes[cut..]));
        assert_eq!(seen, [closed(1000, "bye")], "cut at {cut}");
        assert_eq!(wire.state(), State::Closed);
        assert_eq!(wire.ended(), Some((EndedBy::Peer, Some(1000), true)));
        assert!(!wire.connection.wants_shutdown(), "the answer is still to be sent");
        assert_eq!(wire.sent(), unmasked(CLOSE, &close_body(1000, "bye")));
        assert!(wire.connection.wants_shutdown());
        assert!(!wire.connection.wants_drop());
        assert_eq!(wire.due_in(), None);
        wire.read(b"");
        assert_eq!(wire.connection.held(), 0);
    }
}

#[test]
fn a_close_frame_may_be_empty_and_so_is_the_answer() {
    let mut wire = Wire::server();
    assert_eq!(wire.read(&masked(CLOSE, b"")), [Seen::Close(None)]);
    assert_eq!(wire.ended(), Some((EndedBy::Peer, None, true)));
    assert_eq!(wire.sent(), b"\x88\x00");
}

#[test]
fn a_reason_may_have_123_bytes() {
    let reason = "é".repeat(61) + "!";
    let mut wire = Wire::server();
    let bytes = masked(CLOSE, &close_body(4999, &reason));
    assert_eq!(wire.drip(&bytes), [closed(4999, &reason)]);
    assert_eq!(wire.sent(), unmasked(CLOSE, &close_body(4999, &reason)));
}

#[test]
fn a_reason_of_ours_is_cut_at_a_character() {
    let mut wire = Wire::server();
    wire.close(CloseCode::GOING_AWAY, &"🎉".repeat(100));
    // 30 characters of four bytes are 120; the 31st would end at byte 124.
    let expected = close_body(1001, &"🎉".repeat(30));
    assert_eq!(wire.sent(), unmasked(CLOSE, &expected));
}

#[test]
fn what_follows_the_close_frame_of_the_peer_is_discarded() {
    let mut wire = Wire::server();
    let bytes = [masked(CLOSE, b""), masked(TEXT, b"x"), vec![0xff; 40]].concat();
    assert_eq!(wire.read(&bytes), [Seen::Close(None)]);
    assert_eq!(wire.read(&masked(CLOSE, b"")), []);
    assert_eq!(wire.drip(&[0xff; 40]), []);
    assert_eq!(wire.sent(), b"\x88\x00");
    assert_eq!(wire.ended(), Some((EndedBy::Peer, None, true)));
}

#[test]
fn a_peer_may_close_in_the_middle_of_a_message() {
    let mut wire = Wire::server();
    let bytes = [masked(TEXT_BEGINS, b"unfin"), masked(CLOSE, b"")].concat();
    assert_eq!(wire.read(&bytes), [Seen::Close(None)]);
    assert!(wire.connection.unfinished.is_none());
    assert_eq!(wire.state(), State::Closed);
}

#[test]
fn our_close_frame_is_awaited_and_messages_have_no_reader_any_more() {
    let mut wire = Wire::server();
    wire.read(&masked(TEXT_BEGINS, b"begun before, "));
    wire.close(CloseCode::GOING_AWAY, "bye");
    assert_eq!(wire.state(), State::Closing);
    assert_eq!(wire.sent(), unmasked(CLOSE, &close_body(1001, "bye")));
    assert!(!wire.connection.wants_shutdown());
    let bytes = [masked(PONG, b""), masked(ENDS, b"ended after"), masked(TEXT, b"x")].concat();
    assert_eq!(wire.read(&bytes), []);
    assert_eq!(wire.drip(&bytes[6..]), [Seen::Violation(Violation::NothingToContinue)]);

    let mut wire = Wire::server();
    wire.close(CloseCode::GOING_AWAY, "bye");
    wire.sent();
    for bytes in [masked(TEXT, b"x"), masked(BINARY, b""), masked(PONG, b"?")] {
        assert_eq!(wire.read(&bytes), []);
        assert_eq!(wire.drip(&bytes), []);
        assert!(wire.connection.unfinished.is_none());
    }
    assert_eq!(wire.read(&masked(CLOSE, &close_body(1001, ""))), [closed(1001, "")]);
    assert_eq!(wire.sent(), b"");
    assert_eq!(wire.ended(), Some((EndedBy::Local, Some(1001), true)));
    assert!(wire.connection.wants_shutdown());
}

#[test]
fn nothing_can_be_sent_after_our_close_frame() {
    let mut wire = Wire::server();
    wire.close(CloseCode::NORMAL, "");
    let outbox = wire.connection.outbox(wire.now);
    assert_eq!(outbox.text("x"), Err(crate::protocol::SendError::Closed));
    assert_eq!(outbox.ping(b""), Err(crate::protocol::SendError::Closed));
    assert_eq!(wire.sent(), b"\x88\x02\x03\xe8");
}

#[test]
fn an_application_may_close_in_its_answer_to_a_message() {
    let mut wire = Wire::server();
    let mut bytes = [masked(TEXT, b"quit"), masked(TEXT, b"x"), masked(CLOSE, b"")].concat();
    let mut input = &mut bytes[..];
    let (_, outbox) = wire.connection.receive(wire.now, &mut input).unwrap();
    outbox.close(CloseCode::NORMAL, "").unwrap();
    assert_eq!(wire.state(), State::Closing);
    let (event, _) = wire.connection.receive(wire.now, &mut input).unwrap();
    assert_eq!(event, Event::Close(None), "the message between is dropped");
    assert_eq!(wire.ended(), Some((EndedBy::Local, Some(1000), true)));
}

#[test]
fn when_both_close_at_once_ours_is_the_only_one_we_send() {
    let mut wire = Wire::server();
    wire.close(CloseCode::GOING_AWAY, "");
    let bytes = masked(CLOSE, &close_body(1000, "mine"));
    assert_eq!(wire.read(&bytes), [closed(1000, "mine")]);
    assert_eq!(wire.sent(), unmasked(CLOSE, &close_body(1001, "")));
    assert_eq!(wire.ended(), Some((EndedBy::Local, Some(1001), true)));
}

#[test]
fn a_close_frame_of_ours_may_have_no_code() {
    let mut wire = Wire::server();
    wire.connection.outbox(wire.now).close_without_code().unwrap();
    assert_eq!(wire.sent(), b"\x88\x00");
    wire.read(&masked(CLOSE, b""));
    assert_eq!(wire.ended(), Some((EndedBy::Local, None, true)));
}

/// What 7.4.1 and 7.4.2 say of a code in a Close frame, range by range, and what IANA has
/// registered since.
fn may_be_sent(code: u16) -> bool {
    match code {
        0..=999 => false,       // "not used"
        1000..=1003 => true,    // normal, going away, protocol error, unacceptable data
        1004..=1006 => false,   // reserved; "MUST NOT be set" in a Close frame
        1007..=1011 => true,    // defined in 7.4.1
        1012..=1014 => true,    // registered later
        1015 => false,          // "MUST NOT be set" in a Close frame
        1016..=2999 => false,   // for the protocol's future
        3000..=4999 => true,    // for libraries, and for private use
        5000..=65_535 => false, // in no range
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes there")]
fn all_65536_close_codes_are_accepted_or_refused() {
    let mut accepted = 0;
    for code in 0..=u16::MAX {
        for (role, reason) in [(Role::Server, ""), (Role::Client, "why")] {
            let server = role == Role::Server;
            let wire = || if server { Wire::server() } else { Wire::client() };
            let to_it = |payload: &[u8]| frame(CLOSE, payload, server.then_some(KEY));
            let from_it = |payload: &[u8]| frame(CLOSE, payload, (!server).then_some(KEY));
            let bytes = to_it(&close_body(code, reason));
            let violation = Violation::InvalidCloseCode;
            let (seen, answer, by, said) = if may_be_sent(code) {
                accepted += 1;
                (closed(code, reason), close_body(code, reason), EndedBy::Peer, code)
            } else {
                let answer = close_body(1002, violation.rule().sentence);
                (Seen::Violation(violation), answer, EndedBy::Violation(violation), 1002)
            };
            let clean = may_be_sent(code);

            let mut open = wire();
            assert_eq!(open.read(&bytes), std::slice::from_ref(&seen), "{code}");
            assert_eq!(open.sent(), from_it(&answer), "{code}");
            assert_eq!(open.ended(), Some((by, Some(said), clean)), "{code}");

            // Our own Close frame was first, so the peer's is told of and not answered.
            let mut closing = wire();
            closing.close(CloseCode::GOING_AWAY, "");
            closing.sent();
            assert_eq!(closing.read(&bytes), [seen], "{code}");
            assert_eq!(closing.sent(), b"", "{code}");
            let ended = if clean { (EndedBy::Local, Some(1001)) } else { (by, Some(said)) };
            assert_eq!(closing.ended(), Some((ended.0, ended.1, clean)), "{code}");
        }
    }
    assert_eq!(accepted, 2 * (4 + 8 + 2000));
}

#[test]
fn the_end_of_the_transport_ends_an_open_connection() {
    let mut wire = Wire::server();
    wire.connection.outbox(wire.now).text("unsent").unwrap();
    wire.read(&masked(TEXT_BEGINS, b"unfinished"));
    wire.connection.receive_eof();
    assert_eq!(wire.state(), State::Closed);
    assert_eq!(wire.ended(), Some((EndedBy::Transport, None, false)));
    assert_eq!(wire.due_in(), None);
    assert!(!wire.connection.wants_shutdown(), "a half-closed peer still reads");
    assert_eq!(wire.sent(), b"\x81\x06unsent");
    assert!(wire.connection.wants_shutdown());
    assert!(wire.connection.unfinished.is_none(), "there will be no rest of it");
    assert_eq!(wire.read(&masked(TEXT, b"x")), [], "nothing comes after the end");
}

#[test]
fn the_end_of_the_transport_while_our_close_frame_is_unanswered_is_not_clean() {
    let mut wire = Wire::server();
    wire.close(CloseCode::GOING_AWAY, "");
    wire.read(b"");
    wire.connection.receive_eof();
    assert_eq!(wire.ended(), Some((EndedBy::Local, Some(1001), false)));
    wire.sent();
    assert!(wire.connection.wants_shutdown());
}

#[test]
fn the_end_of_the_transport_right_after_our_close_frame_was_queued_is_ours_too() {
    let mut wire = Wire::server();
    wire.close(CloseCode::GOING_AWAY, "");
    wire.connection.receive_eof();
    assert_eq!(wire.ended(), Some((EndedBy::Local, Some(1001), false)));
}

#[test]
fn the_end_of_the_transport_changes_nothing_in_a_closed_connection() {
    let mut wire = Wire::server();
    wire.read(&masked(CLOSE, &close_body(1000, "")));
    wire.connection.receive_eof();
    wire.connection.receive_eof();
    assert_eq!(wire.ended(), Some((EndedBy::Peer, Some(1000), true)));
}

/// 7.1.1: the transport "SHOULD be closed first by the server".
#[test]
fn a_client_waits_for_the_server_to_close_the_transport() {
    let close_wait = Limits::default().close_wait;
    let close = close_body(1000, "");

    let mut wire = Wire::client();
    wire.read(&unmasked(CLOSE, &close));
    assert_eq!(wire.sent(), masked(CLOSE, &close));
    assert_eq!(wire.ended(), Some((EndedBy::Peer, Some(1000), true)));
    assert!(!wire.connection.wants_shutdown());
    assert_eq!(wire.due_in(), Some(close_wait));
    wire.connection.receive_eof();
    assert!(wire.connection.wants_shutdown());
    assert_eq!(wire.due_in(), None);

    // The same when the client began; and a server that does not close is left at the deadline.
    let mut wire = Wire::client();
    wire.close(CloseCode::NORMAL, "");
    wire.sent();
    wire.read(&unmasked(CLOSE, &close));
    assert!(!wire.connection.wants_shutdown());
    assert_eq!(wire.ended(), Some((EndedBy::Local, Some(1000), true)));
    wire.wait(close_wait);
    assert!(wire.connection.wants_shutdown());
    assert!(wire.connection.wants_drop());
    assert_eq!(wire.ended(), Some((EndedBy::Local, Some(1000), true)));
}

#[test]
fn a_client_does_not_wait_for_a_server_that_broke_the_protocol() {
    let mut wire = Wire::client();
    wire.read(&masked(TEXT, b"x"));
    wire.sent();
    assert!(wire.connection.wants_shutdown());
}
