//! Frames become messages.

use super::*;

#[test]
fn a_masked_hello_is_delivered_and_its_echo_is_queued() {
    let now = Instant::now();
    let mut connection = Connection::server(Arc::new(Limits::default()), now);
    let mut input = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    let mut input = &mut input[..];
    let (event, outbox) = connection.receive(now, &mut input).unwrap();
    assert_eq!(event, Event::Text("Hello"));
    outbox.text("Hello").unwrap();
    assert!(connection.receive(now, &mut input).is_none());
    assert_eq!(connection.pending_output(), b"\x81\x05Hello");
}

#[test]
fn one_item_per_call_and_the_reply_is_queued_before_the_next_frame_is_looked_at() {
    let mut wire = Wire::server();
    let mut bytes = [masked(TEXT, b"a"), masked(PING, b"b"), masked(0xff, b"")].concat();
    let mut input = &mut bytes[..];
    let (event, outbox) = wire.connection.receive(wire.now, &mut input).unwrap();
    assert_eq!(event, Event::Text("a"));
    outbox.text("A").unwrap();
    assert_eq!(input.len(), 13, "the frames behind are untouched");
    let (event, outbox) = wire.connection.receive(wire.now, &mut input).unwrap();
    assert_eq!(event, Event::Ping(b"b"));
    outbox.text("B").unwrap();
    let (event, _) = wire.connection.receive(wire.now, &mut input).unwrap();
    assert_eq!(event, Event::Violation(Violation::ReservedBits));
    let sent = wire.sent();
    assert!(sent.starts_with(b"\x81\x01A\x8a\x01b\x81\x01B\x88"));
}

#[test]
fn a_message_whose_header_and_payload_come_in_two_reads_is_not_left_unfinished() {
    for first in [TEXT, BINARY] {
        let mut wire = Wire::server();
        let bytes = masked(first, b"Hello");
        assert_eq!(wire.read(&bytes[..6]), []);
        assert_eq!(wire.read(&bytes[6..]).len(), 1);
        // Its end is its end: another message may begin, and nothing is kept of this one.
        assert_eq!(wire.read(&masked(TEXT, b"again")), [text("again")]);
        assert_eq!(wire.connection.held(), 0);
        assert_eq!(wire.due_in(), Some(Limits::default().ping_after));
    }
}

#[test]
fn a_message_may_be_empty() {
    let mut wire = Wire::server();
    let bytes = [masked(TEXT, b""), masked(BINARY, b""), masked(TEXT, b"x")].concat();
    let expected = [text(""), Seen::Binary(vec![]), text("x")];
    assert_eq!(wire.read(&bytes), expected);
    assert_eq!(wire.drip(&bytes), expected);
    assert_eq!(wire.state(), State::Open);
}

#[test]
fn fragments_are_one_message_even_when_some_are_empty() {
    let bytes = [
        masked(TEXT_BEGINS, b""),
        masked(CONTINUES, "fr".as_bytes()),
        masked(CONTINUES, b""),
        masked(CONTINUES, "agm".as_bytes()),
        masked(ENDS, b""),
        masked(BINARY_BEGINS, b"\x00"),
        masked(ENDS, b"\xff"),
        masked(BINARY_BEGINS, b""),
        masked(ENDS, b""),
    ]
    .concat();
    let expected = [text("fragm"), Seen::Binary(vec![0, 255]), Seen::Binary(vec![])];
    let mut wire = Wire::server();
    assert_eq!(wire.read(&bytes), expected);
    assert_eq!(wire.drip(&bytes), expected);
}

#[test]
fn text_may_be_cut_inside_a_character_by_frames_and_by_reads() {
    let whole = "κόσμε 你好 🎉";
    for cut in 0..=whole.len() {
        let (first, last) = whole.as_bytes().split_at(cut);
        let bytes = [masked(TEXT_BEGINS, first), masked(ENDS, last)].concat();
        let mut wire = Wire::server();
        assert_eq!(wire.read(&bytes), [text(whole)], "cut at {cut}");
        assert_eq!(wire.drip(&bytes), [text(whole)], "cut at {cut}");
    }
}

#[test]
fn control_frames_pass_between_fragments() {
    let bytes = [
        masked(TEXT_BEGINS, b"one "),
        masked(PING, b"in"),
        masked(CONTINUES, b"mess"),
        masked(PONG, b"between"),
        masked(PING, b""),
        masked(ENDS, b"age"),
    ]
    .concat();
    let expected = [
        Seen::Ping(b"in".to_vec()),
        Seen::Pong(b"between".to_vec()),
        Seen::Ping(vec![]),
        text("one message"),
    ];
    let mut wire = Wire::server();
    assert_eq!(wire.read(&bytes), expected);
    assert_eq!(wire.sent(), b"\x8a\x02in\x8a\x00");
    assert_eq!(wire.drip(&bytes), expected);
    assert_eq!(wire.sent(), b"\x8a\x02in\x8a\x00");
}

/// Messages of every kind, cut at every two places.
#[test]
#[cfg_attr(miri, ignore = "takes minutes there")]
fn chunking_is_invisible() {
    let bytes = [
        masked(TEXT, "grün".as_bytes()),
        masked(BINARY_BEGINS, b"ab"),
        masked(PING, b"?"),
        masked(ENDS, b"c"),
        masked(TEXT_BEGINS, b"\xe4"),
        masked(ENDS, b"\xbd\xa0"),
        masked(CLOSE, &close_body(1000, "bye")),
        masked(TEXT, b"never"),
    ]
    .concat();
    let mut wire = Wire::server();
    let (expected, sent) = (wire.read(&bytes), wire.sent());
    assert_eq!(expected.len(), 5);
    for first in 0..=bytes.len() {
        for second in first..=bytes.len() {
            let mut wire = Wire::server();
            let reads = [&bytes[..first], &bytes[first..second], &bytes[second..]];
            let seen: Vec<Seen> = reads.into_iter().flat_map(|read| wire.read(read)).collect();
            assert_eq!(seen, expected, "cut at {first} and {second}");
            assert_eq!(wire.sent(), sent, "cut at {first} and {second}");
        }
    }
}

#[test]
fn a_client_reads_what_a_server_sends_and_masks_what_it_sends() {
    let mut wire = Wire::client();
    let bytes = [unmasked(TEXT, b"Hello"), unmasked(PING, b"?")].concat();
    assert_eq!(wire.read(&bytes), [text("Hello"), Seen::Ping(b"?".to_vec())]);
    assert_eq!(wire.sent(), masked(PONG, b"?"));
    wire.connection.outbox(wire.now).text("Hello").unwrap();
    assert_eq!(wire.sent(), b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
}

#[test]
fn each_frame_of_a_client_has_a_key_of_its_own() {
    let now = Instant::now();
    let mut next = 0_u8;
    let keys = move || {
        next += 1;
        [next; 4]
    };
    let mut client = Connection::client(Arc::new(Limits::default()), now, Box::new(keys));
    client.outbox(now).text("ab").unwrap();
    client.outbox(now).ping(b"c").unwrap();
    let expected = [frame(TEXT, b"ab", Some([1; 4])), frame(PING, b"c", Some([2; 4]))];
    assert_eq!(client.pending_output(), expected.concat());
}

#[test]
fn a_mask_of_zeros_is_a_mask() {
    let mut wire = Wire::server();
    assert_eq!(wire.read(&frame(TEXT, b"plain", Some([0; 4]))), [text("plain")]);
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes there")]
fn every_length_around_the_three_forms_is_read_and_sent() {
    let mut wire = Wire::server_with(Limits { max_message: 70_000, ..Limits::default() });
    for length in [1, 124, 125, 126, 127, 128, 255, 256, 65_534, 65_535, 65_536, 65_537] {
        let payload: Vec<u8> = (0..length).map(|i| i as u8).collect();
        assert_eq!(wire.read(&masked(BINARY, &payload)), [Seen::Binary(payload.clone())]);
        wire.connection.outbox(wire.now).binary(&payload).unwrap();
        assert_eq!(wire.sent(), unmasked(BINARY, &payload));
    }
}
