//! Offers, answers, candidates and leaves.

use super::{Board, Options, field};

const NOTHING: [&str; 0] = [];

#[test]
fn a_call_as_the_tutorials_pages_make_it() {
    let mut board = Board::with_users(&["alice", "bob"]);
    let steps = [
        (
            1,
            r#"{"type":"offer","offer":{"type":"offer","sdp":"v=0\r\n"},"name":"bob"}"#,
            r#"2 {"type":"offer","offer":{"type":"offer","sdp":"v=0\r\n"},"name":"alice"}"#,
        ),
        (
            2,
            r#"{"type":"answer","answer":{"type":"answer","sdp":"v=0\r\n"},"name":"alice"}"#,
            r#"1 {"type":"answer","answer":{"type":"answer","sdp":"v=0\r\n"},"name":"bob"}"#,
        ),
        (
            1,
            r#"{"type":"candidate","candidate":{"candidate":"","sdpMid":"0"},"name":"bob"}"#,
            r#"2 {"type":"candidate","candidate":{"candidate":"","sdpMid":"0"},"name":"alice"}"#,
        ),
        (
            2,
            r#"{"type":"candidate","candidate":null,"name":"alice"}"#,
            r#"1 {"type":"candidate","candidate":null,"name":"bob"}"#,
        ),
        (1, r#"{"type":"leave","name":"bob"}"#, r#"2 {"type":"leave","name":"alice"}"#),
    ];
    for (peer, request, heard) in steps {
        assert_eq!(board.say(peer, request), [heard]);
    }
}

#[test]
fn a_payload_is_passed_on_byte_for_byte() {
    let mut board = Board::with_users(&["alice", "bob"]);
    let payloads = [
        "{ \"b\" : 1 ,\n\t\"a\" : [ ] }",
        r#"{"a":1,"a":2,"__proto__":{}}"#,
        "1.0e+400",
        "-0.000",
        "123456789012345678901234567890",
        r#""\ud800 \udc00 \u0061 \/ ü 🎉""#,
        "\"\u{2028}\u{202e}\u{feff}\"",
        r#"{"sdp":"a=x\r\n","type":"offer"}"#,
        "null",
        "true",
        "\"\"",
    ];
    for word in ["offer", "answer", "candidate"] {
        for payload in payloads {
            let request = format!(r#" {{"{word}" : {payload} , "name":"bob","type":"{word}"}} "#);
            let heard = format!(r#"2 {{"type":"{word}","{word}":{payload},"name":"alice"}}"#);
            assert_eq!(board.say(1, &request), [heard]);
        }
    }
}

#[test]
fn a_forged_source_is_overwritten() {
    let mut board = Board::with_users(&["alice", "bob", "carol"]);
    let request = r#"{"type":"offer","offer":1,"name":"bob","from":"carol","src":"carol"}"#;
    assert_eq!(board.say(1, request), [r#"2 {"type":"offer","offer":1,"name":"alice"}"#]);
}

#[test]
fn who_has_not_logged_in_reaches_nobody_and_learns_nothing() {
    let mut board = Board::with_users(&["alice", "bob"]);
    board.offer(1, "bob");
    for name in ["alice", "nobody"] {
        for request in [
            format!(r#"{{"type":"offer","offer":1,"name":"{name}","id":4}}"#),
            format!(r#"{{"type":"answer","answer":1,"name":"{name}","id":4}}"#),
            format!(r#"{{"type":"candidate","candidate":1,"name":"{name}","id":4}}"#),
            format!(r#"{{"type":"leave","name":"{name}","id":4}}"#),
            r#"{"type":"leave","id":4}"#.to_owned(),
            r#"{"type":"create or join","room":"foo","id":4}"#.to_owned(),
            r#"{"type":"join","room":"foo","id":4}"#.to_owned(),
            r#"{"type":"leave-room","room":"foo","id":4}"#.to_owned(),
            r#"{"type":"message","room":"foo","message":1,"id":4}"#.to_owned(),
            format!(r#"{{"type":"message","room":"foo","message":1,"name":"{name}","id":4}}"#),
            r#"{"type":"bye","room":"foo","id":4}"#.to_owned(),
        ] {
            let done = board.say(3, &request);
            assert!(done[0].starts_with("3 {\"type\":\"error\""), "{done:?}");
            assert_eq!(field(&done, "code"), "not-logged-in");
            assert_eq!(field(&done, "id"), "4");
            assert_eq!(field(&done, "name"), "");
        }
    }
    assert_eq!(board.close(3), NOTHING);
    assert_eq!(board.close(1), [r#"2 {"type":"leave","name":"alice"}"#]);
}

#[test]
fn a_message_to_somebody_who_is_not_here_is_an_error_for_its_sender() {
    let mut board = Board::with_users(&["alice", "bob"]);
    board.close(2);
    for word in ["offer", "answer", "candidate", "leave"] {
        let request = format!(r#"{{"type":"{word}","{word}":{{}},"name":"bob","id":"i-7"}}"#);
        let error = format!(
            concat!(
                r#"1 {{"type":"error","code":"user-not-found","#,
                r#""message":"Nobody of this name is here","#,
                r#""name":"bob","request":"{}","id":"i-7"}}"#
            ),
            word
        );
        assert_eq!(board.say(1, &request), [error]);
    }
    assert_eq!(board.close(1), NOTHING);
}

#[test]
fn nobody_calls_themselves() {
    let mut board = Board::with_users(&["alice"]);
    for word in ["offer", "answer", "candidate", "leave"] {
        let request = format!(r#"{{"type":"{word}","{word}":{{}},"name":"alice"}}"#);
        let done = board.say(1, &request);
        assert_eq!(field(&done, "code"), "to-yourself");
        assert_eq!(field(&done, "name"), "alice");
    }
    assert_eq!(board.close(1), NOTHING);
    board.assert_empty();
}

#[test]
fn a_user_in_many_calls_keeps_them_apart_and_each_partner_hears_one_leave() {
    let mut board = Board::with_users(&["alice", "bob", "carol", "dave"]);
    board.offer(1, "bob");
    board.offer(1, "carol");
    board.say(2, r#"{"type":"answer","answer":1,"name":"alice"}"#);
    board.say(2, r#"{"type":"answer","answer":1,"name":"alice"}"#);
    board.offer(2, "alice");
    board.offer(4, "alice");
    assert_eq!(
        board.close(1),
        [
            r#"2 {"type":"leave","name":"alice"}"#,
            r#"3 {"type":"leave","name":"alice"}"#,
            r#"4 {"type":"leave","name":"alice"}"#,
        ]
    );
    // The other side is free too: it has nobody left to tell.
    for peer in [2, 3, 4] {
        assert_eq!(board.close(peer), NOTHING);
    }
    board.assert_empty();
}

#[test]
fn after_an_explicit_leave_nobody_hears_it_again() {
    let mut board = Board::with_users(&["alice", "bob"]);
    board.offer(1, "bob");
    let leave = r#"{"type":"leave","name":"bob"}"#;
    assert_eq!(board.say(1, leave), [r#"2 {"type":"leave","name":"alice"}"#]);
    for request in [leave, r#"{"type":"leave","name":"bob","x":1}"#] {
        assert_eq!(field(&board.say(1, request), "code"), "not-in-call");
    }
    // Both hung up at the same time: the second is told that there is no call any more.
    let crossed = board.say(2, r#"{"type":"leave","name":"alice"}"#);
    assert_eq!(field(&crossed, "code"), "not-in-call");
    assert_eq!(board.say(2, r#"{"type":"leave"}"#), NOTHING);
    assert_eq!(board.close(1), NOTHING);
    assert_eq!(board.close(2), NOTHING);
}

#[test]
fn either_side_may_leave_also_the_one_that_never_answered() {
    let mut board = Board::with_users(&["alice", "bob"]);
    board.offer(1, "bob");
    let declined = board.say(2, r#"{"type":"leave","name":"alice"}"#);
    assert_eq!(declined, [r#"1 {"type":"leave","name":"bob"}"#]);
    assert_eq!(board.close(1), NOTHING);
}

#[test]
fn leave_without_a_name_leaves_all_partners() {
    let mut board = Board::with_users(&["alice", "bob", "carol"]);
    board.offer(1, "bob");
    board.offer(3, "alice");
    assert_eq!(
        board.say(1, r#"{"type":"leave"}"#),
        [r#"2 {"type":"leave","name":"alice"}"#, r#"3 {"type":"leave","name":"alice"}"#,]
    );
    assert_eq!(board.say(1, r#"{"type":"leave"}"#), NOTHING);
    for peer in [1, 2, 3] {
        assert_eq!(board.close(peer), NOTHING);
    }
}

#[test]
fn an_answer_makes_a_pair_too() {
    let mut board = Board::with_users(&["alice", "bob"]);
    board.say(2, r#"{"type":"answer","answer":1,"name":"alice"}"#);
    assert_eq!(board.close(1), [r#"2 {"type":"leave","name":"alice"}"#]);
}

#[test]
fn a_late_candidate_does_not_begin_a_call_anew() {
    let mut board = Board::with_users(&["alice", "bob"]);
    board.offer(1, "bob");
    board.say(1, r#"{"type":"leave","name":"bob"}"#);
    let late = board.say(2, r#"{"type":"candidate","candidate":1,"name":"alice"}"#);
    assert_eq!(late, [r#"1 {"type":"candidate","candidate":1,"name":"bob"}"#]);
    assert_eq!(board.close(2), NOTHING);
}

#[test]
fn closing_after_the_partner_has_gone_is_nothing_special() {
    let mut board = Board::with_users(&["alice", "bob"]);
    board.offer(1, "bob");
    assert_eq!(board.close(2), [r#"1 {"type":"leave","name":"bob"}"#]);
    let leave = board.say(1, r#"{"type":"leave","name":"bob"}"#);
    assert_eq!(field(&leave, "code"), "user-not-found");
    assert_eq!(board.close(1), NOTHING);
    board.assert_empty();
}

#[test]
fn whoever_takes_a_freed_name_does_not_inherit_its_calls() {
    let mut board = Board::with_users(&["alice", "bob"]);
    board.offer(1, "bob");
    board.close(2);
    board.login(3, "bob");
    assert_eq!(board.close(1), NOTHING);
    assert_eq!(board.close(3), NOTHING);
}

#[test]
fn the_number_of_partners_is_limited_on_both_sides() {
    let mut board = Board::with(Options { partners_per_user: 2, ..Options::default() });
    for (peer, name) in [(1, "alice"), (2, "bob"), (3, "carol"), (4, "dave")] {
        board.login(peer, name);
    }
    board.offer(1, "bob");
    board.offer(1, "carol");
    for (peer, to) in [(1, "dave"), (4, "alice")] {
        let done = board.offer(peer, to);
        assert_eq!(field(&done, "code"), "too-many-partners");
        assert_eq!(field(&done, "name"), to);
    }
    // With a partner one goes on; and a place that is free can be taken.
    let again = r#"2 {"type":"offer","offer":1,"name":"alice"}"#;
    assert_eq!(board.offer(1, "bob"), [again]);
    board.say(3, r#"{"type":"leave","name":"alice"}"#);
    let reached = r#"1 {"type":"offer","offer":1,"name":"dave"}"#;
    assert_eq!(board.offer(4, "alice"), [reached]);
}
