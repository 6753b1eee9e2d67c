//! Every way in which a connection ends: its application hears of it exactly once, and nothing
//! afterwards; and in the end the socket is dropped.

use super::*;

/// Far longer than any deadline.
const AGES: Duration = Duration::from_secs(3600);

/// Opens a connection, lets it end in some way, and looks at what remained.
fn ends(how: impl FnOnce(&mut World, &Peer)) -> Vec<String> {
    let mut world = World::new();
    let peer = world.open();
    let other = world.open();
    world.say(&peer, "timeout 3000000");
    world.settle();
    how(&mut world, &peer);
    world.settle();
    world.pass(AGES);
    assert!(peer.is_gone(), "the socket is dropped");
    let calls = world.calls(&peer);
    let closes = calls.iter().filter(|call| *call == "gone").count();
    assert_eq!(closes, 1, "{calls:?}");
    assert_eq!(calls.last().map(String::as_str), Some("gone"), "{calls:?}");
    world.reset(&other);
    world.settle();
    assert!(other.is_gone() && world.hub.is_empty());
    assert_eq!(world.queued(), 0);
    peer.received()
}

/// Fills the peer's side: its kernel takes nothing more.
fn clog(world: &mut World, peer: &Peer) {
    world.make_room(peer, 0);
    world.say(peer, &"x".repeat(1000));
    world.settle();
}

#[test]
fn by_the_peers_close_frame() {
    let received = ends(|world, peer| world.put(peer, &frame(0x88, &1000_u16.to_be_bytes())));
    assert_eq!(received, ["1000"]);
}

#[test]
fn by_the_peers_close_frame_and_its_end() {
    let received = ends(|world, peer| {
        world.put(peer, &frame(0x88, &1000_u16.to_be_bytes()));
        world.end(peer);
    });
    assert_eq!(received, ["1000"]);
}

#[test]
fn by_a_close_frame_of_one_who_does_not_read() {
    ends(|world, peer| {
        clog(world, peer);
        world.put(peer, &frame(0x88, &1000_u16.to_be_bytes()));
    });
}

#[test]
fn by_the_end_of_one_who_does_not_read() {
    ends(|world, peer| {
        clog(world, peer);
        world.end(peer);
    });
}

#[test]
fn by_a_violation_of_one_who_does_not_read() {
    ends(|world, peer| {
        clog(world, peer);
        world.put(peer, &frame(0xff, b""));
    });
}

#[test]
fn by_our_close_frame_answered() {
    let received = ends(|world, peer| {
        world.say(peer, "close");
        world.settle();
        world.put(peer, &frame(0x88, &1000_u16.to_be_bytes()));
    });
    assert_eq!(received, ["1000"]);
}

#[test]
fn by_our_close_frame_ignored() {
    assert_eq!(ends(|world, peer| world.say(peer, "close")), ["1000"]);
}

#[test]
fn by_our_close_frame_talked_over() {
    ends(|world, peer| {
        world.say(peer, "close");
        for _ in 0..100 {
            world.say(peer, "not listening");
        }
    });
}

#[test]
fn by_the_end_of_the_stream() {
    assert!(ends(|world, peer| world.end(peer)).is_empty());
}

#[test]
fn by_the_end_of_the_stream_in_the_middle_of_a_message() {
    ends(|world, peer| {
        world.put(peer, &frame(0x81, b"hello")[..8]);
        world.end(peer);
    });
}

#[test]
fn by_a_reset() {
    ends(|world, peer| world.reset(peer));
}

#[test]
fn by_a_reset_noticed_in_writing() {
    ends(|world, peer| {
        world.say(peer, "x");
        peer.wire.borrow_mut().room = 0;
        world.settle();
        peer.wire.borrow_mut().reset = true;
        world.make_room(peer, 0);
    });
}

#[test]
fn by_a_violation() {
    let received = ends(|world, peer| world.put(peer, &frame(0xff, b"")));
    assert_eq!(received, ["1002"]);
}

#[test]
fn by_silence() {
    assert_eq!(ends(|_, _| {}), ["ping"]);
}

#[test]
fn by_reading_too_slowly() {
    ends(|world, peer| {
        let sender = world.open();
        peer.wire.borrow_mut().room = 0;
        for _ in 0..300 {
            world.say(&sender, &format!("all {}", "x".repeat(1000)));
            world.settle();
        }
        // Its limit, and what a growing buffer keeps in reserve.
        assert!(world.held(peer) < 2 * 300_000);
        world.reset(&sender);
    });
}

#[test]
fn by_taking_nothing_however_lively_it_is() {
    let stall = ServerLimits::default().stall;
    ends(|world, peer| {
        clog(world, peer);
        let start = world.now;
        while !peer.is_gone() {
            world.put(peer, &frame(0x8a, b""));
            world.pass(Duration::from_secs(1));
            assert!(world.now <= start + stall);
        }
        assert_eq!(world.now, start + stall);
    });
}

#[test]
fn by_vanishing_without_a_word() {
    // Whatever it was doing: its last byte was the last.
    let limits = Limits::default();
    for last in [&b""[..], &frame(0x81, b"hello"), &frame(0x01, b"hel")[..7]] {
        let mut world = World::new();
        let peer = world.open();
        world.pass(Duration::from_secs(3));
        world.put(&peer, last);
        world.settle();
        let since = if last.is_empty() { Duration::from_secs(3) } else { Duration::ZERO };
        world.pass(limits.ping_after + limits.pong_wait - since - Duration::from_millis(1));
        assert!(!peer.is_gone() || last.len() == 7, "not before its time");
        world.pass(Duration::from_millis(1));
        assert!(peer.is_gone());
        assert_eq!(world.calls(&peer).last().unwrap(), "gone");
    }
}

#[test]
fn by_an_unfinished_message() {
    let received = ends(|world, peer| {
        world.put(peer, &frame(0x01, b"never finished"));
        // It keeps talking, so it is not its silence.
        for _ in 0..40 {
            world.pass(Duration::from_secs(1));
            world.put(peer, &frame(0x8a, b""));
        }
    });
    assert_eq!(received, ["1008"]);
}

#[test]
fn by_another_peers_wish() {
    let received = ends(|world, peer| {
        let other = world.open();
        world.say(&other, "kick");
        world.settle();
        world.reset(&other);
        let _ = peer;
    });
    assert_eq!(received, ["1008"]);
}

#[test]
fn by_a_panic_of_the_application() {
    assert_eq!(ends(|world, peer| world.say(peer, "panic")), ["1011"]);
}

#[test]
fn by_the_end_of_the_server() {
    let received = ends(|world, _| world.hub.drain(world.now));
    assert_eq!(received, ["1001"]);
}

#[test]
fn by_the_end_of_the_servers_patience() {
    ends(|world, _| {
        world.hub.drain(world.now);
        world.hub.end(world.now);
        assert!(world.hub.is_empty());
    });
    ends(|world, _| world.hub.end(world.now));
}

#[test]
fn who_has_asked_before_the_drain_is_answered_in_it() {
    let mut world = World::new();
    let (silent, asks) = (world.connect(), world.connect());
    world.put(&asks, &HANDSHAKE.as_bytes()[..50]);
    world.settle();
    world.hub.drain(world.now);
    assert!(silent.is_gone());
    world.put(&asks, &HANDSHAKE.as_bytes()[50..]);
    world.settle();
    assert!(asks.wire.borrow().outgoing.starts_with(b"HTTP/1.1 503 "));
    world.end(&asks);
    world.settle();
    assert!(world.hub.is_empty());
}

#[test]
fn goodbyes_are_spread_evenly_over_the_first_part_of_the_drain() {
    let second = Duration::from_secs(1);
    let limits = ServerLimits { drain_spread: 2 * second, ..ServerLimits::default() };
    let mut world = World::with(limits, Limits::default());
    let peers: Vec<_> = (0..1064).map(|_| world.open()).collect();
    world.hub.drain(world.now);
    let told = |range: &[Peer]| range.iter().filter(|peer| peer.received() == ["1001"]).count();
    assert_eq!(told(&peers), 64, "so few are told at once");
    // Those who leave of their own accord, before their turn.
    for peer in &peers[500..600] {
        world.reset(peer);
    }
    for expected in [250, 250 - 64, 250 - 36, 250] {
        assert!(world.hub.next_deadline().unwrap() <= world.now + second / 2);
        world.pass(second / 2);
        assert_eq!(told(&peers), expected);
    }
    // Nothing more is to be said: the peers have the rest of the time to close.
    assert!(!world.hub.is_idle());
    for peer in &peers {
        world.end(peer);
    }
    world.settle();
    assert!(world.hub.is_empty());
}

#[test]
fn health_is_answered_in_a_drain_and_who_says_nothing_does_not_prolong_it() {
    let mut world = World::new();
    let stays = world.open();
    world.hub.drain(world.now);
    assert_eq!(stays.received(), ["1001"]);
    let (poller, newcomer, silent) = (world.connect(), world.connect(), world.connect());
    world.put(&poller, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    world.put(&newcomer, HANDSHAKE.as_bytes());
    world.settle();
    for peer in [&poller, &newcomer] {
        assert!(peer.wire.borrow().outgoing.starts_with(b"HTTP/1.1 503 "));
        world.end(peer);
    }
    world.put(&stays, &frame(0x88, &1001_u16.to_be_bytes()));
    world.settle();
    assert!(!world.hub.is_idle(), "it may still have to read");
    world.end(&stays);
    world.settle();
    assert!(world.hub.is_idle() && !silent.is_gone());
}

#[test]
fn a_panic_reaches_nobody_else() {
    let mut world = World::new();
    let (one, two) = (world.open(), world.open());
    world.say(&one, "panic");
    world.say(&two, "hello");
    world.turn();
    assert_eq!(one.received(), ["1011"]);
    assert_eq!(two.received(), ["hello"]);
}

#[test]
fn what_an_application_asked_for_before_it_panicked_is_done() {
    let mut world = World::new();
    let (one, two) = (world.open(), world.open());
    world.say(&one, "late-panic hello");
    world.say(&one, "not heard any more");
    world.settle();
    assert_eq!(one.received(), ["hello", "1011"]);
    assert_eq!(two.received(), ["hello"]);
    assert_eq!(world.calls(&one), ["open", "late-panic hello", "gone"]);
}

#[test]
fn a_timeout_is_told_once_and_to_the_one_who_asked() {
    let mut world = World::new();
    let (one, two) = (world.open(), world.open());
    world.say(&one, "timeout 1000");
    world.settle();
    world.pass(Duration::from_secs(5));
    assert_eq!(world.calls(&one), ["open", "timeout 1000", "timed out"]);
    assert_eq!(world.calls(&two), ["open"]);
}

#[test]
fn a_slow_reader_gets_all_that_was_queued_before_the_end() {
    let mut world = World::new();
    let peer = world.open();
    peer.wire.borrow_mut().room = 0;
    for _ in 0..50 {
        world.say(&peer, &"x".repeat(1000));
    }
    world.put(&peer, &frame(0x88, &1000_u16.to_be_bytes()));
    world.settle();
    // As long as it makes progress it is not hurried.
    for _ in 0..51 {
        world.pass(Duration::from_secs(4));
        assert!(!peer.is_gone());
        world.make_room(&peer, 1000);
        world.settle();
    }
    let received = peer.received();
    assert_eq!(received.len(), 51);
    assert_eq!(received.last().unwrap(), "1000");
    world.pass(AGES);
    assert!(peer.is_gone());
}
