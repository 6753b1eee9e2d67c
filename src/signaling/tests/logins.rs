//! Names: who gets one, who keeps it, and when it is free again.

use super::{Board, field};

#[test]
fn a_login_succeeds_and_tells_the_name_as_it_is_used() {
    let mut board = Board::new();
    assert_eq!(
        board.say(1, r#"{"type":"login","name":"alice"}"#),
        ["1 timeout None", r#"1 {"type":"login","success":true,"name":"alice"}"#]
    );
    let done = board.say(2, "{\"type\":\"login\",\"name\":\"zoe\u{301}\",\"id\":1}");
    assert_eq!(
        done.last().unwrap(),
        "2 {\"type\":\"login\",\"success\":true,\"name\":\"zo\u{e9}\",\"id\":1}"
    );
}

#[test]
fn a_name_that_is_taken_is_refused_and_its_first_owner_keeps_it() {
    let mut board = Board::with_users(&["alice"]);
    assert_eq!(
        board.say(2, r#"{"type":"login","name":"alice","id":"q"}"#),
        [concat!(
            r#"2 {"type":"login","success":false,"code":"name-taken","#,
            r#""message":"Somebody else has this name","name":"alice","id":"q"}"#
        )]
    );
    board.login(3, "carol");
    assert_eq!(board.offer(3, "alice"), [r#"1 {"type":"offer","offer":1,"name":"carol"}"#]);
}

#[test]
fn another_spelling_of_a_taken_name_is_taken() {
    let mut board = Board::with_users(&["zo\u{e9}"]);
    let done = board.say(2, "{\"type\":\"login\",\"name\":\"zoe\u{301}\"}");
    assert_eq!(field(&done, "code"), "name-taken");
    let done = board.say(2, r#"{"type":"login","name":"zo\u0065\u0301"}"#);
    assert_eq!(field(&done, "code"), "name-taken");
    // And it reaches the owner.
    board.login(3, "carol");
    let reached = r#"1 {"type":"offer","offer":1,"name":"carol"}"#;
    assert_eq!(board.offer(3, "zoe\u{301}"), [reached]);
}

#[test]
fn what_cannot_be_seen_cannot_make_another_name() {
    let mut board = Board::with_users(&["alice"]);
    let disguises = [
        "alice\u{200b}",
        "al\u{ad}ice",
        "alice ",
        " alice",
        "alice\u{feff}",
        "\u{202e}ecila",
        "alice\u{fe0f}",
        "alice\0",
        "alice\n",
        "\u{3164}",
        "",
        "alice\u{e0061}",
        "ali\u{34f}ce",
    ];
    for disguise in disguises {
        let request = serde_json::json!({"type": "login", "name": disguise}).to_string();
        let done = board.say(2, &request);
        assert_eq!(field(&done, "success"), "false");
        assert_eq!(field(&done, "code"), "invalid-name", "{disguise:?}");
        assert_eq!(field(&done, "name"), disguise);
    }
    assert_eq!(field(&board.offer(2, "alice"), "code"), "not-logged-in");
}

#[test]
fn names_that_javascript_gives_every_object_are_ordinary_names() {
    let names = ["__proto__", "toString", "constructor", "hasOwnProperty", "undefined"];
    let mut board = Board::with_users(&["alice"]);
    for name in names {
        assert_eq!(field(&board.offer(1, name), "code"), "user-not-found");
        board.login(2, name);
        let reached = r#"2 {"type":"offer","offer":1,"name":"alice"}"#;
        assert_eq!(board.offer(1, name), [reached]);
        board.close(2);
    }
}

#[test]
fn a_login_without_a_name_fails_as_a_login() {
    let mut board = Board::new();
    assert_eq!(
        board.say(1, r#"{"type":"login"}"#),
        [concat!(
            r#"1 {"type":"login","success":false,"code":"invalid-message","#,
            r#""message":"This is not a request: `name` is missing"}"#
        )]
    );
    board.login(2, "bob");
    assert_eq!(field(&board.offer(2, "undefined"), "code"), "user-not-found");
}

#[test]
fn a_second_login_renames_and_frees_the_old_name() {
    let mut board = Board::with_users(&["alice", "bob", "carol"]);
    board.offer(1, "bob");
    board.offer(3, "alice");
    board.say(1, r#"{"type":"join","room":"foo"}"#);
    board.say(3, r#"{"type":"join","room":"foo"}"#);
    assert_eq!(
        board.say(1, r#"{"type":"login","name":"anna"}"#),
        [
            r#"2 {"type":"leave","name":"alice"}"#,
            r#"3 {"type":"leave","name":"alice"}"#,
            r#"3 {"type":"leave-room","room":"foo","name":"alice"}"#,
            "1 timeout None",
            r#"1 {"type":"login","success":true,"name":"anna"}"#,
        ]
    );
    assert_eq!(field(&board.offer(2, "alice"), "code"), "user-not-found");
    board.login(4, "alice");
    // What the old name had is over: nobody hears of it again.
    assert_eq!(board.close(1), [""; 0]);
    assert_eq!(field(&board.offer(2, "anna"), "code"), "user-not-found");
    let reached = r#"4 {"type":"offer","offer":1,"name":"bob"}"#;
    assert_eq!(board.offer(2, "alice"), [reached]);
}

#[test]
fn the_same_name_again_succeeds_and_changes_nothing() {
    let mut board = Board::with_users(&["zo\u{e9}", "bob"]);
    board.offer(1, "bob");
    for spelling in ["zo\u{e9}", "zoe\u{301}"] {
        let request = format!(r#"{{"type":"login","name":"{spelling}"}}"#);
        let success = "1 {\"type\":\"login\",\"success\":true,\"name\":\"zo\u{e9}\"}";
        assert_eq!(board.say(1, &request), [success]);
    }
    assert_eq!(board.close(1), ["2 {\"type\":\"leave\",\"name\":\"zo\u{e9}\"}"]);
    board.close(2);
    board.assert_empty();
}

#[test]
fn a_failed_second_login_leaves_the_first_in_place() {
    let mut board = Board::with_users(&["alice", "bob"]);
    board.offer(1, "bob");
    for wrong in [r#""bob""#, r#""""#, "7", "null"] {
        let request = format!(r#"{{"type":"login","name":{wrong}}}"#);
        assert_eq!(field(&board.say(1, &request), "success"), "false");
    }
    let reached = r#"1 {"type":"offer","offer":1,"name":"bob"}"#;
    assert_eq!(board.offer(2, "alice"), [reached]);
    assert_eq!(board.close(1), [r#"2 {"type":"leave","name":"alice"}"#]);
}

/// Login, leave and close of two peers who want one name, in every order.
#[test]
fn whatever_the_order_a_name_is_freed_once_and_only_by_its_owner() {
    let steps: [fn(&mut Board); 5] = [
        |board| drop(board.say(1, r#"{"type":"login","name":"x"}"#)),
        |board| drop(board.say(2, r#"{"type":"login","name":"x"}"#)),
        |board| drop(board.say(1, r#"{"type":"leave"}"#)),
        |board| drop(board.close(1)),
        |board| drop(board.say(1, r#"{"type":"login","name":"y"}"#)),
    ];
    for order in 0..5_usize.pow(5) {
        let mut board = Board::with_users(&[]);
        board.login(3, "probe");
        // The model: who owns `x`.
        let mut owner: Option<u32> = None;
        let mut rest = order;
        for _ in 0..5 {
            let step = rest % 5;
            rest /= 5;
            steps[step](&mut board);
            owner = match (step, owner) {
                (0, None) => Some(1),
                (1, None) => Some(2),
                (3 | 4, Some(1)) => None,
                (_, owner) => owner,
            };
            let done = board.offer(3, "x");
            match owner {
                Some(peer) => assert!(done[0].starts_with(&format!("{peer} "))),
                None => assert_eq!(field(&done, "code"), "user-not-found"),
            }
        }
    }
}
