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
