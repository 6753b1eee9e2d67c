//! Rooms: create or join, roles, messages inside, and what is left of a room at its end.

use std::num::NonZeroUsize;

use super::{Board, Options, field};

const NOTHING: [&str; 0] = [];

fn large(capacity: usize, names: &[&str]) -> Board {
    let mut board = Board::with(Options {
        room_capacity: NonZeroUsize::new(capacity).unwrap(),
        ..Options::default()
    });
    for (peer, name) in (1..).zip(names) {
        board.login(peer, name);
    }
    board
}

fn join(board: &mut Board, peer: u32, room: &str) -> Vec<String> {
    board.say(peer, &format!(r#"{{"type":"join","room":"{room}"}}"#))
}

#[test]
fn create_or_join_as_the_tutorials_have_it() {
    let mut board = Board::with_users(&["alice", "bob", "carol"]);
    let request = r#"{"type":"create or join","room":"foo","id":5}"#;
    assert_eq!(
        board.say(1, request),
        [r#"1 {"type":"created","room":"foo","name":"alice","id":5}"#]
    );
    assert_eq!(
        board.say(2, request),
        [
            concat!(
                r#"2 {"type":"joined","room":"foo","name":"bob","peers":["alice"],"#,
                r#""polite":true,"id":5}"#
            ),
            r#"1 {"type":"join","room":"foo","name":"bob","polite":false}"#,
        ]
    );
    assert_eq!(
        board.say(3, request),
        [concat!(
            r#"3 {"type":"full","code":"room-full","message":"This room is full","#,
            r#""room":"foo","request":"create or join","id":5}"#
        )]
    );
    // Who did not get in is not in.
    let done = board.say(3, r#"{"type":"bye","room":"foo"}"#);
    assert_eq!(field(&done, "code"), "not-in-room");
    assert_eq!(board.close(3), NOTHING);
}

#[test]
fn peers_are_in_order_of_arrival_and_the_newcomer_is_polite_to_all() {
    let mut board = large(4, &["dave", "carol", "bob", "alice"]);
    join(&mut board, 3, "foo");
    join(&mut board, 1, "foo");
    join(&mut board, 4, "foo");
    board.say(1, r#"{"type":"leave-room","room":"foo"}"#);
    join(&mut board, 1, "foo");
    assert_eq!(
        join(&mut board, 2, "foo"),
        [
            concat!(
                r#"2 {"type":"joined","room":"foo","name":"carol","#,
                r#""peers":["bob","alice","dave"],"polite":true}"#
            ),
            r#"3 {"type":"join","room":"foo","name":"carol","polite":false}"#,
            r#"4 {"type":"join","room":"foo","name":"carol","polite":false}"#,
            r#"1 {"type":"join","room":"foo","name":"carol","polite":false}"#,
        ]
    );
}

#[test]
fn entering_again_is_answered_again_and_changes_nothing() {
    let mut board = large(3, &["alice", "bob", "carol"]);
    join(&mut board, 1, "foo");
    let alone = r#"1 {"type":"joined","room":"foo","name":"alice","peers":[]}"#;
    assert_eq!(join(&mut board, 1, "foo"), [alone]);
    join(&mut board, 2, "foo");
    join(&mut board, 3, "foo");
    let prefix = r#"{"type":"joined","room":"foo","name":"#;
    for (peer, rest) in [
        (1, r#""alice","peers":["bob","carol"],"polite":false}"#),
        (2, r#""bob","peers":["alice","carol"]}"#),
        (3, r#""carol","peers":["alice","bob"],"polite":true}"#),
    ] {
        // The room is full, but not for those inside.
        assert_eq!(join(&mut board, peer, "foo"), [format!("{peer} {prefix}{rest}")]);
    }
    board.say(1, r#"{"type":"leave-room","room":"foo"}"#);
    let done = board.say(1, r#"{"type":"leave-room","room":"foo"}"#);
    assert_eq!(field(&done, "code"), "not-in-room");
}

#[test]
fn leaving_a_room_is_heard_by_those_inside_and_makes_a_place() {
    let mut board = Board::with_users(&["alice", "bob", "carol"]);
    join(&mut board, 1, "foo");
    join(&mut board, 2, "foo");
    assert_eq!(
        board.say(1, r#"{"type":"leave-room","room":"foo"}"#),
        [r#"2 {"type":"leave-room","room":"foo","name":"alice"}"#]
    );
    assert_eq!(field(&join(&mut board, 3, "foo")[..1], "peers"), r#"["bob"]"#);
    // The connection closes: the same.
    assert_eq!(board.close(2), [r#"3 {"type":"leave-room","room":"foo","name":"bob"}"#]);
    assert_eq!(board.say(3, r#"{"type":"leave-room","room":"foo"}"#), NOTHING);
    // Nobody is left, so the room is no more.
    assert_eq!(field(&join(&mut board, 1, "foo"), "type"), "created");
    board.close(1);
    board.close(3);
    board.assert_empty();
}

#[test]
fn a_message_goes_to_the_others_or_to_one_of_them() {
    let mut board = large(3, &["alice", "bob", "carol", "dave"]);
    for peer in 1..=3 {
        join(&mut board, peer, "foo");
    }
    let heard = r#"{"type":"message","message":{ "x" : [1e400] },"room":"foo","name":"bob"}"#;
    assert_eq!(
        board.say(2, r#"{"type":"message","room":"foo","message":{ "x" : [1e400] }}"#),
        [format!("1 {heard}"), format!("3 {heard}")]
    );
    assert_eq!(
        board.say(
            2,
            r#"{"type":"message","room":"foo","message":{ "x" : [1e400] },"name":"carol"}"#
        ),
        [format!("3 {heard}")]
    );
    assert_eq!(board.say(2, r#"{"type":"message","room":"foo","message":null}"#).len(), 2);
    let to = |name| format!(r#"{{"type":"message","room":"foo","message":1,"name":"{name}"}}"#);
    // Dave is here, but not in the room; nobody in the room can tell.
    for name in ["dave", "erin"] {
        let done = board.say(2, &to(name));
        assert_eq!(
            done,
            [format!(
                concat!(
                    r#"2 {{"type":"error","code":"user-not-found","#,
                    r#""message":"Nobody of this name is here","#,
                    r#""name":"{}","room":"foo","request":"message"}}"#
                ),
                name
            )]
        );
    }
    assert_eq!(field(&board.say(2, &to("bob")), "code"), "to-yourself");
    let done = board.say(4, &to("alice"));
    assert_eq!(field(&done, "code"), "not-in-room");
    assert_eq!(field(&done, "room"), "foo");
}

#[test]
fn bye_is_heard_by_the_others_and_does_not_leave() {
    let mut board = Board::with_users(&["alice", "bob"]);
    join(&mut board, 1, "foo");
    join(&mut board, 2, "foo");
    for _ in 0..2 {
        assert_eq!(
            board.say(1, r#"{"type":"bye","room":"foo"}"#),
            [r#"2 {"type":"bye","room":"foo","name":"alice"}"#]
        );
    }
    let done = board.say(1, r#"{"type":"bye","room":"bar"}"#);
    assert_eq!(field(&done, "code"), "not-in-room");
}

#[test]
fn rooms_have_names_by_the_rules_of_names_and_may_be_called_like_users() {
    let mut board = Board::with_users(&["alice", "zo\u{e9}"]);
    for wrong in ["", " foo", "fo\u{200b}o", "\u{0}"] {
        let request = serde_json::json!({"type": "join", "room": wrong});
        let done = board.say(1, &request.to_string());
        assert_eq!(field(&done, "code"), "invalid-name");
        assert_eq!(field(&done, "room"), wrong);
    }
    for room in ["alice", "__proto__", "zo\u{e9}"] {
        assert_eq!(field(&join(&mut board, 1, room), "type"), "created");
    }
    let done = join(&mut board, 2, "zoe\u{301}");
    assert_eq!(field(&done[..1], "room"), "zo\u{e9}");
    assert_eq!(field(&done[..1], "peers"), r#"["alice"]"#);
}

#[test]
fn a_user_may_be_in_some_rooms_at_once() {
    let mut board = Board::with_users(&["alice", "bob"]);
    for room in 0..Options::ROOMS_PER_USER {
        assert_eq!(field(&join(&mut board, 1, &room.to_string()), "type"), "created");
    }
    let done = join(&mut board, 1, "one more");
    assert_eq!(field(&done, "type"), "error");
    assert_eq!(field(&done, "code"), "too-many-rooms");
    assert_eq!(field(&done, "room"), "one more");
    // Nothing was made of it; and inside, one may ask again.
    assert_eq!(field(&join(&mut board, 2, "one more"), "type"), "created");
    assert_eq!(field(&join(&mut board, 1, "0"), "type"), "joined");
    board.say(1, r#"{"type":"leave-room","room":"0"}"#);
    assert_eq!(field(&join(&mut board, 1, "one more")[..1], "type"), "joined");
}

#[test]
fn a_partner_in_the_same_room_hears_both_ends() {
    let mut board = Board::with_users(&["alice", "bob"]);
    join(&mut board, 1, "foo");
    join(&mut board, 2, "foo");
    board.offer(2, "alice");
    assert_eq!(
        board.close(1),
        [
            r#"2 {"type":"leave","name":"alice"}"#,
            r#"2 {"type":"leave-room","room":"foo","name":"alice"}"#,
        ]
    );
}

#[test]
fn many_rooms_entered_and_left_leave_nothing_behind() {
    let mut board = Board::with_users(&["alice", "bob"]);
    for room in 0..20_000 {
        join(&mut board, 1, &format!("room {room}"));
        if room % 3 == 0 {
            join(&mut board, 2, &format!("room {room}"));
        }
        board.say(1, &format!(r#"{{"type":"leave-room","room":"room {room}"}}"#));
        board.say(2, &format!(r#"{{"type":"leave-room","room":"room {room}"}}"#));
    }
    let [_, _, members, entered] = board.sizes();
    assert_eq!((members.0, entered.0), (0, 0));
    for (_, capacity) in board.sizes() {
        assert!(capacity < 300, "{:?}", board.sizes());
    }
}

#[test]
fn many_users_who_come_and_go_leave_nothing_behind() {
    let mut board = Board::new();
    let users = 5_000;
    for peer in 1..=users {
        board.login(peer, &peer.to_string());
        join(&mut board, peer, &format!("room {peer}"));
    }
    let sizes = board.sizes();
    assert!(sizes.iter().all(|(size, _)| *size == 5_000), "{sizes:?}");
    for peer in 1..=users {
        board.close(peer);
    }
    board.assert_empty();
    for (_, capacity) in board.sizes() {
        assert!(capacity < 300, "{:?}", board.sizes());
    }
}

#[test]
fn one_knock_at_a_large_full_room_is_one_answer() {
    let names: Vec<String> = (0..501).map(|name| name.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut board = large(500, &names);
    for peer in 1..=500 {
        join(&mut board, peer, "hall");
    }
    let done = join(&mut board, 501, "hall");
    assert_eq!(field(&done, "type"), "full");
    assert!(done[0].len() < 200);
}
