//! What one connection may use, to the byte.

use super::*;

fn limited(max_message: usize) -> Wire {
    Wire::server_with(Limits { max_message, ..Limits::default() })
}

const TOO_BIG: Seen = Seen::Violation(Violation::MessageTooBig);

#[test]
fn a_message_of_exactly_the_limit_is_delivered_and_one_byte_more_is_refused_at_its_header() {
    for limit in [0, 1, 125, 126, 65_535, 65_536] {
        let payload = vec![b'x'; limit + 1];
        let (fits, too_big) = (masked(BINARY, &payload[..limit]), masked(BINARY, &payload));
        let mut wire = limited(limit);
        assert_eq!(wire.read(&fits), [Seen::Binary(payload[..limit].to_vec())]);
        for chunk in fits.chunks(1 + limit / 3) {
            wire.read(chunk);
        }
        assert_eq!(wire.state(), State::Open);
        let header = too_big.len() - payload.len() - KEY.len();
        assert_eq!(wire.drip(&too_big[..header]), [TOO_BIG]);
    }
}

#[test]
fn fragments_count_together() {
    let mut wire = limited(10);
    let exact = [
        masked(BINARY_BEGINS, &[0; 4]),
        masked(CONTINUES, &[0; 0]),
        masked(CONTINUES, &[0; 5]),
        masked(ENDS, &[0; 1]),
    ]
    .concat();
    assert_eq!(wire.read(&exact), [Seen::Binary(vec![0; 10])]);
    assert_eq!(wire.drip(&exact), [Seen::Binary(vec![0; 10])]);
    wire.read(&masked(BINARY_BEGINS, &[0; 4]));
    wire.read(&masked(CONTINUES, &[0; 6]));
    // A control frame takes no room, and an empty fragment needs none.
    assert_eq!(wire.read(&masked(PING, &[0; 125])).len(), 1);
    assert_eq!(wire.read(&masked(CONTINUES, b"")), []);
    assert_eq!(wire.read(&masked(ENDS, b"!")[..2]), [TOO_BIG]);
}

#[test]
fn the_start_of_a_character_counts_while_it_waits_for_its_end() {
    let emoji = "🎉".as_bytes();
    for cut in 1..emoji.len() {
        let (first, last) = emoji.split_at(cut);
        let bytes = [masked(TEXT_BEGINS, first), masked(ENDS, last)].concat();
        assert_eq!(limited(4).read(&bytes), [text("🎉")]);
        assert_eq!(limited(4).drip(&bytes), [text("🎉")]);
        assert_eq!(limited(3).read(&bytes), [TOO_BIG]);
        assert_eq!(limited(3).drip(&bytes), [TOO_BIG]);
    }
}

#[test]
fn announced_lengths_are_not_summed_past_the_end_of_the_integers() {
    let huge = i64::MAX as u64;
    for max_message in [65_536, usize::MAX] {
        let mut wire = limited(max_message);
        wire.read(&masked(BINARY_BEGINS, b"xy"));
        let header = [&[CONTINUES, 0xff][..], &huge.to_be_bytes(), &KEY].concat();
        let seen = wire.read(&header);
        if max_message == usize::MAX {
            assert_eq!(seen, []);
            assert_eq!(wire.drip(b"some payload of the many bytes announced"), []);
            assert!(wire.connection.held() < 200);
        } else {
            assert_eq!(seen, [TOO_BIG]);
        }
    }
    // Two fragments of 2^63 - 1 bytes would overflow a signed sum, three an unsigned one; here the
    // second is refused whatever the sum is, since the first never ends.
    let mut wire = limited(usize::MAX);
    let header = [&[BINARY_BEGINS, 0xff][..], &huge.to_be_bytes(), &KEY].concat();
    assert_eq!(wire.read(&header), []);
    assert_eq!(wire.read(&header), [], "this is payload of the first");
}

#[test]
fn endless_fragments_end_at_the_limit() {
    let mut wire = limited(1000);
    wire.read(&masked(BINARY_BEGINS, b"x"));
    let mut fragments = 1;
    while wire.read(&masked(CONTINUES, b"x")).is_empty() {
        fragments += 1;
        assert!(wire.connection.held() <= 2 * 1000);
    }
    assert_eq!(fragments, 1000);
    assert_eq!(wire.state(), State::Closed);
    assert_eq!(wire.connection.closure().unwrap().code, Some(CloseCode::MESSAGE_TOO_BIG));
}

#[test]
fn one_empty_fragment_more_than_the_limit_in_a_row_is_refused() {
    let refused = Seen::Violation(Violation::TooManyEmptyFragments);
    let mut wire = Wire::server();
    // The first fragment counts like the others; what is not empty begins the count anew.
    for round in 0..3 {
        let first = if round == 0 { TEXT_BEGINS } else { CONTINUES };
        assert_eq!(wire.read(&masked(first, b"")), []);
        for _ in 1..256 {
            assert_eq!(wire.read(&masked(CONTINUES, b"")), []);
        }
        assert_eq!(wire.read(&masked(CONTINUES, b"x")), []);
    }
    assert_eq!(wire.read(&masked(ENDS, b"")), [text("xxx")]);

    let mut wire = Wire::server();
    assert_eq!(wire.read(&masked(TEXT_BEGINS, b"")), []);
    for _ in 1..256 {
        assert_eq!(wire.drip(&masked(CONTINUES, b"")), []);
    }
    // A control frame in between does not make the row shorter.
    assert_eq!(wire.read(&masked(PONG, b"")).len(), 1);
    assert_eq!(wire.read(&masked(CONTINUES, b"")), [refused]);
    let code = wire.connection.closure().unwrap().code;
    assert_eq!(code, Some(CloseCode::POLICY_VIOLATION));
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes there")]
fn ten_million_empty_fragments_cost_nothing_and_are_cut_off_early() {
    let mut wire = Wire::server();
    let mut bytes = masked(TEXT_BEGINS, b"");
    let fragments = if cfg!(debug_assertions) { 100_000 } else { 10_000_000 };
    bytes.extend(masked(CONTINUES, b"").repeat(fragments));
    let mut input = &mut bytes[..];
    let (event, _) = wire.connection.receive(wire.now, &mut input).unwrap();
    assert_eq!(event, Event::Violation(Violation::TooManyEmptyFragments));
    assert_eq!(input.len(), (fragments - 256) * 6);
    assert!(wire.connection.receive(wire.now, &mut input).is_none());
}

/// A counter that is never reset kills a healthy connection after a day.
#[test]
#[cfg_attr(miri, ignore = "takes minutes there")]
fn a_healthy_connection_lives_for_ever() {
    let mut wire = Wire::server();
    let (ordinary, fragmented) =
        if cfg!(debug_assertions) { (20_000, 5_000) } else { (1_000_000, 100_000) };
    let message = masked(TEXT, b"hello");
    for _ in 0..ordinary {
        assert_eq!(wire.read(&message), [text("hello")]);
    }
    let message = [
        masked(TEXT_BEGINS, b""),
        masked(CONTINUES, b"hel"),
        masked(PING, b""),
        masked(CONTINUES, b""),
        masked(ENDS, b"lo"),
    ]
    .concat();
    for _ in 0..fragmented {
        assert_eq!(wire.read(&message)[1..], [text("hello")]);
        assert_eq!(wire.sent(), b"\x8a\x00");
    }
    assert_eq!(wire.state(), State::Open);
    assert_eq!(wire.connection.held(), 0);
}

#[test]
fn a_limit_of_nothing_lets_empty_messages_and_control_frames_through() {
    let mut wire = limited(0);
    let bytes = [masked(TEXT, b""), masked(PING, b"x")].concat();
    assert_eq!(wire.read(&bytes), [text(""), Seen::Ping(b"x".to_vec())]);
    assert_eq!(wire.read(&masked(TEXT, b"x")), [TOO_BIG]);
}

#[test]
fn an_outbox_at_its_limit_takes_no_message_and_below_it_takes_one_of_any_size() {
    let mut wire = Wire::server_with(Limits { outbox: 12, ..Limits::default() });
    let outbox = wire.connection.outbox(wire.now);
    assert_eq!(outbox.text("123456789"), Ok(())); // 11 bytes with its header
    assert_eq!(outbox.binary(&[0; 1000]), Ok(()));
    assert_eq!(outbox.text(""), Err(crate::protocol::SendError::Full));
    wire.sent();
    let outbox = wire.connection.outbox(wire.now);
    assert_eq!(outbox.text("1234567890"), Ok(())); // 12
    assert_eq!(outbox.text(""), Err(crate::protocol::SendError::Full));
    assert_eq!(outbox.ping(b""), Ok(()), "a control frame always has room");
}
