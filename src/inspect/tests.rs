//! What is kept and what is forgotten, and what a reader makes of it who comes too late.

use std::time::{Duration, Instant};

use super::reader::Reader;
use super::recorder::{Bounds, Recorder};
use crate::apps::PeerId;
use crate::protocol::Limits;
use crate::protocol::deflate::DeflateParameters;
use crate::server::{Tap, Upgrade};

const HEAD: &[u8] = b"GET /a HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn recorder(connections: usize, bytes: usize) -> Recorder {
    Recorder::new(Bounds { connections, bytes }, 1, Instant::now(), Duration::ZERO)
}

/// A peer that has come and asked.
fn come(recorder: &Recorder, slot: u32) -> (PeerId, bool) {
    let peer = PeerId::new(0, slot, 0);
    let address = ([127, 0, 0, 1], 5000).into();
    let wanted = recorder.opened(peer, address, Instant::now());
    recorder.received(peer, HEAD, Instant::now());
    (peer, wanted)
}

fn upgrade(recorder: &Recorder, peer: PeerId, mount: &str, takeover: bool) -> bool {
    let deflate = takeover.then(DeflateParameters::default);
    let limits = Limits::default();
    let wanted =
        recorder.upgraded(peer, &Upgrade { mount, limits: &limits, deflate }, Instant::now());
    recorder.sent(peer, ANSWER, Instant::now());
    wanted
}

fn numbers(recorder: &Recorder) -> Vec<u64> {
    let mut numbers = Vec::new();
    recorder.for_each(|record| numbers.push(record.number));
    numbers.sort_unstable();
    numbers
}

#[test]
fn the_connection_that_closed_first_makes_room_and_open_ones_never_do() {
    let recorder = recorder(3, 1000);
    let peers: Vec<PeerId> = (0..3).map(|slot| come(&recorder, slot).0).collect();
    assert_eq!(come(&recorder, 3), (PeerId::new(0, 3, 0), false));
    assert_eq!((numbers(&recorder), recorder.unrecorded()), (vec![1, 2, 3], 1));
    recorder.closed(peers[1], Instant::now());
    recorder.closed(peers[0], Instant::now());
    assert_eq!(numbers(&recorder), [1, 2, 3]);
    assert!(come(&recorder, 4).1);
    assert_eq!(numbers(&recorder), [1, 3, 4]);
    assert!(come(&recorder, 5).1);
    assert_eq!(numbers(&recorder), [3, 4, 5]);
}

#[test]
fn the_feed_itself_is_forgotten_as_soon_as_it_is_known() {
    let recorder = recorder(3, 1000);
    let (peer, _) = come(&recorder, 0);
    assert!(!upgrade(&recorder, peer, super::FEED, false));
    recorder.received(peer, b"\x81\x80....", Instant::now());
    recorder.closed(peer, Instant::now());
    assert_eq!(numbers(&recorder), [] as [u64; 0]);
    let (peer, _) = come(&recorder, 0);
    assert!(upgrade(&recorder, peer, "/a", false));
}

#[test]
fn a_slot_that_is_used_again_is_another_connection() {
    let recorder = recorder(3, 1000);
    let (first, _) = come(&recorder, 0);
    recorder.closed(first, Instant::now());
    let second = PeerId::new(0, 0, 1);
    recorder.opened(second, ([127, 0, 0, 1], 1).into(), Instant::now());
    recorder.received(second, HEAD, Instant::now());
    recorder.received(first, b"from the grave", Instant::now());
    let lengths = |number| {
        recorder.with(number, |record| record.tape.length(crate::trace::dissect::Side::Client))
    };
    assert_eq!((lengths(1), lengths(2)), (Some(HEAD.len() as u64), Some(HEAD.len() as u64)));
}

#[test]
fn who_comes_too_late_starts_at_a_message_and_blames_nobody() {
    for takeover in [false, true] {
        let recorder = recorder(3, 200);
        let (peer, _) = come(&recorder, 0);
        upgrade(&recorder, peer, "/a", takeover);
        // A fragment, of which the rest comes when its start has gone.
        recorder.received(peer, b"\x01\x81\0\0\0\0a", Instant::now());
        for _ in 0..30 {
            recorder.received(peer, b"\x00\x82\0\0\0\0bc", Instant::now());
        }
        recorder.received(peer, b"\x80\x81\0\0\0\0d", Instant::now());
        // If compressed, it refers to what nobody knows any more.
        let first = if takeover { 0xc1 } else { 0x81 };
        recorder.received(peer, &[first, 0x83, 0, 0, 0, 0, 0x02, 0x13, 0x00], Instant::now());

        let reading = Reader::new(&recorder, 1).read(&recorder, 100);
        let summaries: Vec<_> = reading.items.iter().map(|one| &one.item.summary[..]).collect();
        assert_eq!(summaries.len(), 3, "{summaries:?}");
        assert!(summaries[0].starts_with("GET /a") && summaries[1].ends_with("Protocols"));
        assert_eq!(reading.missed, 7 + 30 * 8 + 7);
        let item = &reading.items[2].item;
        assert_eq!(item.offset, HEAD.len() as u64 + reading.missed);
        assert_eq!(item.violation, None);
        assert_eq!(item.event.is_none(), takeover);
    }
}
