//! What happens in a turn, what is left for the next one, and what it costs.

use super::*;

#[test]
fn a_short_read_is_the_last_one() {
    let mut world = World::new();
    let peer = world.open();
    world.say(&peer, "hello");
    world.turn();
    assert_eq!(peer.received(), ["hello"]);
    assert_eq!(peer.wire.borrow().reads, 1, "one more would only say no");
    assert!(!world.hub.must_not_wait());
}

#[test]
fn a_full_read_is_followed_by_another() {
    let limits = ServerLimits { read_per_turn: 11, ..ServerLimits::default() };
    let mut world = World::with(limits, Limits::default());
    let peer = world.open();
    world.say(&peer, "hello"); // 11 bytes
    world.turn();
    assert_eq!(peer.received(), ["hello"]);
    assert!(world.hub.must_not_wait(), "it may have more");
    world.turn();
    assert_eq!(peer.wire.borrow().vain_reads, 1);
    assert!(!world.hub.must_not_wait());
}

#[test]
fn after_a_hang_up_it_is_read_to_the_end() {
    let mut world = World::new();
    let peer = world.open();
    world.say(&peer, "the last words");
    world.end(&peer);
    world.settle();
    // A short read, and yet the end of the stream was not missed.
    assert_eq!(peer.received(), ["the last words"]);
    assert_eq!(world.calls(&peer), ["open", "the last words", "gone"]);
    assert!(peer.is_gone());
}

#[test]
fn one_who_floods_keeps_nobody_waiting() {
    let limits = ServerLimits { read_per_turn: 110, ..ServerLimits::default() };
    let mut world = World::with(limits, Limits::default());
    let (flooder, quiet) = (world.open(), world.open());
    for number in 0..1000 {
        world.say(&flooder, &format!("{number:05}"));
    }
    let mut received = 0;
    for number in 0..10 {
        world.say(&quiet, &number.to_string());
        world.turn();
        assert_eq!(quiet.received(), [number.to_string()]);
        // Its share of the turn, not more and not less.
        assert_eq!(flooder.received().len(), 10);
        assert_eq!(flooder.wire.borrow().reads, number + 1);
        received += 10;
        assert!(world.hub.must_not_wait(), "no event will say it again");
    }
    world.settle();
    assert_eq!(flooder.received().len(), 1000 - received);
}

#[test]
fn one_who_sends_thousands_of_messages_at_once_keeps_nobody_waiting_for_all_of_them() {
    let mut world = World::new();
    let (flooder, quiet) = (world.open(), world.open());
    for number in 0..3000 {
        world.say(&flooder, &number.to_string());
    }
    world.say(&quiet, "me too");
    world.turn();
    assert_eq!(quiet.received(), ["me too"]);
    let served = flooder.received();
    assert!((1..=ITEMS_PER_TURN).contains(&served.len()), "{} in one turn", served.len());
    assert!(world.hub.must_not_wait(), "no event will say it again");
    world.settle();
    let all: Vec<_> = served.into_iter().chain(flooder.received()).collect();
    let expected: Vec<_> = (0..3000).map(|number| number.to_string()).collect();
    assert_eq!(all, expected, "in order, and each once");
}

#[test]
fn replies_of_one_turn_leave_with_one_write() {
    let mut world = World::new();
    let peer = world.open();
    for number in 0..ITEMS_PER_TURN {
        world.say(&peer, &number.to_string());
    }
    world.turn();
    assert_eq!(peer.received().len(), ITEMS_PER_TURN);
    assert_eq!(peer.wire.borrow().writes, 1);
}

#[test]
fn deliveries_of_one_turn_leave_with_one_write() {
    let mut world = World::new();
    let receiver = world.open();
    let senders: Vec<_> = (0..10).map(|_| world.open()).collect();
    for (number, sender) in senders.iter().enumerate() {
        world.say(sender, &format!("all {number}"));
        world.say(sender, &format!("all {number} again"));
    }
    world.turn();
    assert_eq!(receiver.received().len(), 20);
    assert_eq!(receiver.wire.borrow().writes, 1);
}

#[test]
fn what_a_peer_is_sent_by_itself_and_by_others_leaves_at_most_twice() {
    let mut world = World::new();
    let (one, two) = (world.open(), world.open());
    for peer in [&one, &two] {
        world.say(peer, "to myself");
        world.say(peer, "all to the other");
    }
    world.turn();
    for peer in [&one, &two] {
        assert_eq!(peer.received().len(), 2);
        assert!(peer.wire.borrow().writes <= 2);
    }
}

#[test]
fn an_event_for_one_who_has_gone_reaches_nobody() {
    let mut world = World::new();
    let first = world.open();
    world.reset(&first);
    world.settle();
    assert!(first.is_gone());
    let second = world.open();
    assert_eq!(first.key.slot, second.key.slot);
    second.wire.borrow_mut().incoming.extend(frame(0x81, b"x"));
    world.reset(&first);
    world.settle();
    assert_eq!(second.wire.borrow().reads, 0);
    assert!(!second.is_gone());
}

#[test]
fn above_the_high_water_mark_nothing_is_read() {
    let mut world = World::new();
    let peer = world.open();
    let text = "x".repeat(1000);
    for _ in 0..1000 {
        world.say(&peer, &text);
    }
    world.make_room(&peer, 0);
    world.settle();
    let high_water = world.hub.peers.shared.limits.high_water;
    let read_per_turn = world.hub.peers.shared.limits.read_per_turn;
    assert!(world.held(&peer) <= 2 * high_water + read_per_turn);
    let reads = peer.wire.borrow().reads;
    assert!(reads <= 3, "{reads}");
    // More arrives; it waits in the kernel.
    world.say(&peer, &text);
    world.settle();
    assert_eq!(peer.wire.borrow().reads, reads);

    let mut received = 0;
    while received < 1001 {
        world.make_room(&peer, 20_000);
        world.settle();
        // Frames may be cut by now, so whole ones are counted by their length.
        let bytes = peer.wire.borrow().outgoing.len();
        assert!(bytes > received * 1004, "it goes on");
        received = bytes / 1004;
    }
    world.settle();
    assert_eq!(peer.received().len(), 1001);
    assert_eq!(world.held(&peer), 0);
    assert!(!world.hub.must_not_wait());
}

#[test]
fn an_idle_session_holds_nothing() {
    let mut world = World::new();
    let (one, two) = (world.open(), world.open());
    assert_eq!((world.held(&one), world.held(&two)), (0, 0));
    world.say(&one, "to myself");
    world.say(&one, "all to the other");
    world.settle();
    assert_eq!((world.held(&one), world.held(&two)), (0, 0));

    // What the kernel refuses stays, at its own size; the lent buffer is taken back.
    world.make_room(&two, 0);
    world.say(&one, "all waits");
    world.settle();
    let held = world.held(&two);
    assert!((7..100).contains(&held), "{held}");
    assert_eq!(world.queued(), held);
    world.make_room(&two, 7);
    world.settle();
    assert_eq!((world.held(&two), world.queued()), (0, 0));

    // Half a message is kept as it came, and let go with the rest.
    let message = frame(0x81, &[b'x'; 1000]);
    world.put(&one, &message[..500]);
    world.settle();
    assert!((490..2000).contains(&world.held(&one)));
    world.put(&one, &message[500..]);
    world.settle();
    assert_eq!((world.held(&one), world.queued()), (0, 0));
}

#[test]
fn half_a_request_head_is_let_go_with_its_connection() {
    let mut world = World::new();
    let peer = world.connect();
    world.put(&peer, &HANDSHAKE.as_bytes()[..100]);
    world.settle();
    assert!(world.queued() >= 100);
    world.end(&peer);
    world.settle();
    assert!(peer.is_gone());
    assert_eq!(world.queued(), 0);
}

#[test]
fn activity_does_not_move_timers() {
    let mut world = World::new();
    let start = world.now;
    let peer = world.open();
    let armed = world.hub.next_deadline().unwrap();
    for _ in 0..1000 {
        world.now += Duration::from_millis(1);
        world.say(&peer, "busy");
        world.turn();
        assert_eq!(world.hub.next_deadline(), Some(armed));
    }
    // It comes up, and is found to be too early.
    world.now = armed;
    world.turn();
    let silent_since = start + Duration::from_secs(1);
    let ping_after = Limits::default().ping_after;
    let due = world.hub.next_deadline().unwrap();
    // Never early, and late by no more than a deadline is rounded.
    assert!(due >= silent_since + ping_after);
    assert!(due <= silent_since + ping_after + Duration::from_micros(1));
    peer.received();
    world.pass(Duration::from_secs(25));
    assert_eq!(peer.received(), ["ping"]);
}

#[test]
fn many_deliveries_wait_for_the_next_turn() {
    let mut world = World::new();
    // So many that the deliveries end the sender's turn, and not its share of messages.
    let receivers: Vec<_> = (0..200).map(|_| world.open()).collect();
    let (sender, quiet) = (world.open(), world.open());
    for _ in 0..60 {
        world.say(&sender, "all x");
    }
    for number in 0..ITEMS_PER_TURN {
        world.say(&quiet, &number.to_string());
    }
    world.turn();
    let first: Vec<_> = receivers.iter().map(|peer| peer.received().len()).collect();
    assert!(first.iter().all(|&count| (1..ITEMS_PER_TURN).contains(&count)));
    assert!(world.hub.must_not_wait());
    let texts = quiet.received();
    let own = texts.iter().filter(|text| *text != "x").count();
    assert_eq!(own, ITEMS_PER_TURN, "who delivers to nobody is not held up");
    world.settle();
    for (receiver, first) in receivers.iter().zip(first) {
        assert_eq!(receiver.received().len(), 60 - first);
    }
}

/// A hub with a small budget.
fn frugal(queued: usize) -> World {
    let server = ServerLimits { queued, ..ServerLimits::default() };
    World::with(server, Limits::default())
}

#[test]
fn from_half_of_the_budget_newcomers_are_refused() {
    let mut world = frugal(100_000);
    let (hog, sender) = (world.open(), world.open());
    world.make_room(&hog, 0);
    world.say(&sender, &format!("all {}", "x".repeat(60_000)));
    world.settle();
    assert!(world.queued() >= 50_000);
    let newcomer = world.connect();
    world.put(&newcomer, HANDSHAKE.as_bytes());
    world.settle();
    let answer = std::mem::take(&mut newcomer.wire.borrow_mut().outgoing);
    assert!(answer.starts_with(b"HTTP/1.1 503 "));
    // Those who are in stay in.
    world.say(&sender, "hello");
    world.settle();
    assert_eq!(sender.received(), ["hello"]);
    // The step ends by itself.
    world.make_room(&hog, usize::MAX);
    world.settle();
    world.open();
}

#[test]
fn from_three_quarters_of_the_budget_the_largest_queue_is_closed() {
    let mut world = frugal(100_000);
    let (small, large, sender) = (world.open(), world.open(), world.open());
    world.make_room(&small, 0);
    world.say(&sender, &format!("all {}", "x".repeat(10_000)));
    world.settle();
    world.make_room(&large, 0);
    world.say(&sender, &format!("all {}", "x".repeat(60_000)));
    world.settle();
    // Both were sent the second message, but only one had the first before it.
    assert!(small.is_gone() && !large.is_gone() && !sender.is_gone());
    assert_eq!(world.calls(&small), ["open", "gone"]);
    assert!(world.queued() < 75_000);
    world.reset(&large);
    world.settle();
    assert_eq!(world.queued(), 0, "the sum does not drift");
}

#[test]
fn a_loop_closes_nobody_for_what_another_holds() {
    let server = ServerLimits { queued: 100_000, ..ServerLimits::default() };
    let mut worlds = World::loops(2, server, Limits::default());
    let (mut idle, mut busy) = (worlds.remove(0), worlds.remove(0));
    let modest = idle.connect();
    idle.put(&modest, &HANDSHAKE.as_bytes()[..100]);
    idle.settle();
    let (one, two, sender) = (busy.open(), busy.open(), busy.open());
    busy.make_room(&one, 0);
    busy.make_room(&two, 0);
    // Not settled yet: the hub of the other loop has its turn first.
    busy.say(&sender, &format!("all {}", "x".repeat(40_000)));
    busy.hub.peers.shared.budget.account(0, 80_000);
    idle.settle();
    assert!(!modest.is_gone());
    busy.hub.peers.shared.budget.account(80_000, 0);
    busy.settle();
    assert!(one.is_gone() != two.is_gone(), "the loop that holds it sees to it");
    idle.settle();
    assert!(!modest.is_gone());
}

#[test]
fn messages_cross_loops_in_order() {
    let mut worlds = World::loops(2, ServerLimits::default(), Limits::default());
    let (mut one, mut two) = (worlds.remove(0), worlds.remove(0));
    let (sender, receiver) = (one.open(), two.open());
    for number in 0..ITEMS_PER_TURN {
        one.say(&sender, &format!("all {number}"));
    }
    one.turn();
    two.turn();
    let expected: Vec<_> = (0..ITEMS_PER_TURN).map(|number| number.to_string()).collect();
    assert_eq!(receiver.received(), expected);
    assert_eq!(receiver.wire.borrow().writes, 1);
}
