//! Pings and pongs: RFC 6455, 5.5.2 and 5.5.3.

use super::*;
use crate::protocol::outbox::PONG_BACKLOG;

#[test]
fn a_ping_is_answered_with_its_payload() {
    for payload in [&b""[..], b"Hello", &[0xff; 125]] {
        let mut wire = Wire::server();
        let expected = [Seen::Ping(payload.to_vec())];
        assert_eq!(wire.read(&masked(PING, payload)), expected);
        assert_eq!(wire.sent(), unmasked(PONG, payload));
        assert_eq!(wire.drip(&masked(PING, payload)), expected);
        assert_eq!(wire.sent(), unmasked(PONG, payload));
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes there")]
fn a_ping_cut_anywhere_even_inside_a_message_is_answered_once() {
    let payload: Vec<u8> = (0..125).collect();
    let ping = masked(PING, &payload);
    for cut in 0..=ping.len() {
        let mut wire = Wire::server();
        wire.read(&masked(TEXT_BEGINS, b"a"));
        let mut seen = wire.read(&ping[..cut]);
        seen.extend(wire.read(&ping[cut..]));
        assert_eq!(seen, [Seen::Ping(payload.clone())], "cut at {cut}");
        assert_eq!(wire.sent(), unmasked(PONG, &payload), "cut at {cut}");
        assert_eq!(wire.read(&masked(ENDS, b"b")), [text("ab")], "cut at {cut}");
        assert!(wire.connection.unfinished.is_none());
    }
}

#[test]
fn a_pong_needs_no_ping_and_gets_no_answer() {
    let mut wire = Wire::server();
    for _ in 0..1000 {
        assert_eq!(wire.read(&masked(PONG, b"x")), [Seen::Pong(b"x".to_vec())]);
    }
    assert_eq!(wire.sent(), b"");
    assert_eq!(wire.connection.held(), 0);
}

#[test]
fn ten_pings_in_a_row_get_ten_pongs() {
    let mut wire = Wire::server();
    let pings: Vec<u8> = (0..10).flat_map(|i| masked(PING, &[i])).collect();
    let pongs: Vec<u8> = (0..10).flat_map(|i| unmasked(PONG, &[i])).collect();
    assert_eq!(wire.read(&pings).len(), 10);
    assert_eq!(wire.sent(), pongs);
}

/// 5.5.3: "MAY elect to send a Pong frame for only the most recently processed Ping frame."
#[test]
#[cfg_attr(miri, ignore = "takes minutes there")]
fn a_peer_that_pings_and_does_not_read_gets_its_latest_ping_answered() {
    let mut wire = Wire::server();
    let pings = if cfg!(debug_assertions) { 100_000 } else { 10_000_000 };
    for number in 0..pings as u32 {
        wire.read(&masked(PING, &number.to_be_bytes()));
        assert!(wire.connection.pending_output().len() < PONG_BACKLOG + 6);
        assert!(wire.connection.held() <= 2 * PONG_BACKLOG);
    }
    assert_eq!(wire.state(), State::Open);
    // It reads at last: what was queued first, and then the answer to its latest ping.
    wire.sent();
    let latest = (pings as u32 - 1).to_be_bytes();
    assert_eq!(wire.sent(), unmasked(PONG, &latest));
    assert_eq!(wire.read(&masked(PING, b"now")).len(), 1);
    assert_eq!(wire.sent(), unmasked(PONG, b"now"));
    assert_eq!(wire.connection.held(), 0);
}

#[test]
fn the_pong_owed_leaves_as_soon_as_there_is_room() {
    let mut wire = Wire::server();
    let outbox = wire.connection.outbox(wire.now);
    outbox.binary(&vec![0; 2 * PONG_BACKLOG]).unwrap();
    wire.read(&masked(PING, b"owed"));
    let backlog = wire.connection.pending_output().len();
    wire.connection.advance_output(PONG_BACKLOG);
    assert_eq!(wire.connection.pending_output().len(), backlog - PONG_BACKLOG);
    wire.connection.advance_output(backlog - 2 * PONG_BACKLOG + 1);
    assert_eq!(wire.connection.pending_output().len(), PONG_BACKLOG - 1 + 6);
    assert!(wire.connection.pending_output().ends_with(b"\x8a\x04owed"));
}

#[test]
fn a_pong_owed_is_sent_behind_our_close_frame() {
    let mut wire = Wire::server();
    let outbox = wire.connection.outbox(wire.now);
    outbox.binary(&vec![0; PONG_BACKLOG]).unwrap();
    wire.read(&masked(PING, b"owed"));
    wire.close(CloseCode::NORMAL, "");
    let sent = [wire.sent(), wire.sent()].concat();
    assert!(sent.ends_with(b"\x00\x88\x02\x03\xe8\x8a\x04owed"));
}

#[test]
fn a_pong_owed_is_forgotten_when_the_peer_closes() {
    let mut wire = Wire::server();
    let outbox = wire.connection.outbox(wire.now);
    outbox.binary(&vec![0; PONG_BACKLOG]).unwrap();
    wire.read(&masked(PING, b"owed"));
    wire.read(&masked(CLOSE, b""));
    let sent = [wire.sent(), wire.sent()].concat();
    assert!(sent.ends_with(b"\x00\x88\x00"));
}

/// 5.5.2: a Pong is due "unless it already received a Close frame": ours is no reason.
#[test]
fn a_ping_is_answered_after_our_close_frame_and_not_after_the_peers() {
    for mut wire in [Wire::server(), Wire::client()] {
        let bytes = |opcode, payload: &[u8]| match wire.connection.role {
            Role::Server => masked(opcode, payload),
            Role::Client => unmasked(opcode, payload),
        };
        let (ping, pong_begins) = (bytes(PING, b"?"), 0x8a);
        wire.close(CloseCode::NORMAL, "");
        wire.sent();
        for _ in 0..10 {
            // The application hears of nothing any more.
            assert_eq!(wire.read(&ping), []);
            assert_eq!(wire.sent()[0], pong_begins);
            assert_eq!(wire.drip(&ping), []);
            assert_eq!(wire.sent()[0], pong_begins);
        }
    }
    let mut wire = Wire::server();
    let bytes = [masked(CLOSE, b""), masked(PING, b"?")].concat();
    assert_eq!(wire.read(&bytes), [Seen::Close(None)]);
    assert_eq!(wire.sent(), b"\x88\x00");

    let mut wire = Wire::server();
    wire.close(CloseCode::NORMAL, "");
    wire.sent();
    let bytes = [masked(PING, b"?"), masked(CLOSE, b""), masked(PING, b"!")].concat();
    assert_eq!(wire.read(&bytes), [Seen::Close(None)]);
    assert_eq!(wire.sent(), unmasked(PONG, b"?"));
    assert_eq!(wire.sent(), b"");
}

#[test]
fn whoever_pings_on_after_our_close_frame_gains_no_time() {
    let mut wire = Wire::server();
    wire.close(CloseCode::NORMAL, "");
    wire.sent();
    for second in 1..5 {
        wire.wait(Duration::from_secs(1));
        wire.read(&masked(PING, b"wait!"));
        assert_eq!(wire.sent(), unmasked(PONG, b"wait!"));
        assert_eq!(wire.due_in(), Some(Duration::from_secs(5 - second)));
    }
    wire.wait(Duration::from_secs(1));
    assert!(wire.connection.wants_drop());
    assert_eq!(wire.ended(), Some((EndedBy::Local, Some(1000), false)));
}
