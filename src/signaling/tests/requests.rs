//! JSON of every shape: what is refused, in what words, and at what cost.

use std::borrow::Cow;

use super::super::request::{self, Request};
use super::{Board, field};

/// Every kind of JSON value.
const VALUES: [&str; 12] = [
    "null",
    "true",
    "0",
    "-1.5",
    "1e400",
    "\"\"",
    "\"bob\"",
    "\"\\ud800\"",
    "[]",
    "[\"bob\"]",
    "{}",
    "{\"name\":\"bob\"}",
];

fn is_string(value: &str) -> bool {
    value.starts_with('"')
}

#[test]
fn what_is_not_json_is_said_to_be_not_json() {
    let mut board = Board::with_users(&["alice"]);
    let deep = "[".repeat(100_000);
    for text in [
        "",
        " ",
        "hello",
        "{",
        "{\"type\"",
        "{\"type\":\"login\",}",
        "{'type':'login'}",
        "nul",
        "{\"type\":\"login\"} x",
        "\u{feff}{}",
        "{\"a\":01}",
        "\"\u{1}\"",
        "{\"a\":\"\\x\"}",
        &deep,
        "{\"type\":\"offer\",\"offer\":{\"name\":\"bob\"}",
        "Infinity",
        "{\"name\":\"\n\"}",
    ] {
        let done = board.say(1, text);
        assert_eq!(field(&done, "type"), "error");
        assert_eq!(field(&done, "code"), "invalid-json", "{text:?}");
        assert_eq!(field(&done, "id"), "");
    }
    assert_eq!(
        board.say(1, "{\"type\":}"),
        [concat!(
            r#"1 {"type":"error","code":"invalid-json","#,
            r#""message":"This is not JSON: expected value at line 1 column 9"}"#
        )]
    );
}

#[test]
fn json_that_is_no_object_is_no_request() {
    let mut board = Board::new();
    let closed = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for text in VALUES.into_iter().filter(|value| !value.starts_with('{')) {
        assert_eq!(field(&board.say(1, text), "code"), "invalid-message", "{text}");
    }
    for text in [r#"["login","alice"]"#, r#" [{"type":"login"}]"#, &closed] {
        let done = board.say(1, text);
        assert_eq!(field(&done, "code"), "invalid-message");
        assert_eq!(field(&done, "message"), "This is not a request: it is not an object");
    }
    board.login(2, "alice");
}

#[test]
fn an_unknown_type_is_named_in_the_tutorials_words() {
    let mut board = Board::new();
    assert_eq!(
        board.say(1, r#"{"type":"dance","id":-1.50}"#),
        [concat!(
            r#"1 {"type":"error","code":"unrecognized-command","#,
            r#""message":"Unrecognized command: dance","request":"dance","id":-1.50}"#
        )]
    );
    for (kind, escaped) in [
        (r#""#, r#""#),
        ("Login", "Login"),
        (r#"a\"b\\c\n\u0000"#, r#"a\"b\\c\u000a\u0000"#),
        (r#"\u003cscript\u003e"#, "<script>"),
    ] {
        let done = board.say(1, &format!(r#"{{"type":"{kind}"}}"#));
        let expected = format!(
            concat!(
                r#"1 {{"type":"error","code":"unrecognized-command","#,
                r#""message":"Unrecognized command: {}","request":"{}"}}"#
            ),
            escaped, escaped
        );
        assert_eq!(done, [expected]);
    }
    // Long ones are clipped, between characters.
    let done = board.say(1, &format!(r#"{{"type":"{}"}}"#, "€".repeat(20_000)));
    assert_eq!(field(&done, "request"), "€".repeat(85));
    assert!(done[0].len() < 700);
}

/// The fields that must be strings, the request that each is judged in, and what else that needs.
const STRINGS: [(&str, &str); 13] = [
    ("type", r#""name":"x""#),
    ("name", r#""type":"login""#),
    ("name", r#""type":"offer","offer":1"#),
    ("name", r#""type":"answer","answer":1"#),
    ("name", r#""type":"candidate","candidate":1"#),
    ("name", r#""type":"leave""#),
    ("name", r#""type":"message","room":"foo","message":1"#),
    ("room", r#""type":"create or join""#),
    ("room", r#""type":"join""#),
    ("room", r#""type":"leave-room""#),
    ("room", r#""type":"message","message":1"#),
    ("room", r#""type":"bye""#),
    ("room", r#""type":"message","message":1,"name":"bob""#),
];

#[test]
fn a_field_of_a_wrong_type_is_named() {
    let mut board = Board::with_users(&["alice", "bob"]);
    for (name, rest) in STRINGS {
        for value in VALUES.into_iter().filter(|value| !is_string(value)) {
            let done = board.say(1, &format!(r#"{{"{name}":{value},{rest},"id":9}}"#));
            assert_eq!(field(&done, "code"), "invalid-message");
            let message = format!("This is not a request: `{name}` must be a string");
            assert_eq!(field(&done, "message"), message);
            assert_eq!(field(&done, "id"), "9");
        }
        let done = board.say(1, &format!(r#"{{"{name}":"a\ud800b",{rest}}}"#));
        assert_eq!(field(&done, "code"), "invalid-message", "{name}, {rest}");
        let message = format!("This is not a request: `{name}` has half of a surrogate pair");
        assert_eq!(field(&done, "message"), message);
    }
}

#[test]
fn a_long_string_with_escapes_is_not_even_decoded() {
    let mut board = Board::new();
    for kind in ["type", "name"] {
        let text = "\\u0061".repeat(10_000);
        let rest = if kind == "type" { "" } else { r#","type":"login""# };
        let done = board.say(1, &format!(r#"{{"{kind}":"{text}"{rest}}}"#));
        assert_eq!(field(&done, "code"), "invalid-message");
        let message = format!("This is not a request: `{kind}` is too long");
        assert_eq!(field(&done, "message"), message);
    }
    // The longest name, with every byte an escape, is read all the same.
    let name = "\\u0061".repeat(64);
    let done = board.say(1, &format!(r#"{{"type":"login","name":"{name}"}}"#));
    assert!(done[1].contains(&format!(r#""success":true,"name":"{}""#, "a".repeat(64))));
}

#[test]
fn a_field_that_is_missing_is_named() {
    let mut board = Board::with_users(&["alice", "bob"]);
    let may_be_absent = |(name, rest): &(&str, &str)| {
        *name == "name" && (rest.contains("leave") || rest.contains("message"))
    };
    let strings = STRINGS.into_iter().filter(|string| !may_be_absent(string));
    let payloads = [
        ("offer", r#""type":"offer","name":"bob","answer":1"#),
        ("answer", r#""type":"answer","name":"bob","offer":1"#),
        ("candidate", r#""type":"candidate","name":"bob""#),
        ("message", r#""type":"message","room":"foo""#),
    ];
    for (name, rest) in strings.chain(payloads) {
        let done = board.say(1, &format!("{{{rest}}}"));
        assert_eq!(field(&done, "code"), "invalid-message");
        let message = format!("This is not a request: `{name}` is missing");
        assert_eq!(field(&done, "message"), message);
    }
}

#[test]
fn a_field_that_stands_twice_is_refused_however_it_is_spelt() {
    let mut board = Board::with_users(&["alice", "bob"]);
    for twice in [
        r#"{"type":"login","name":"a","name":"b"}"#,
        r#"{"type":"login","name":"a","n\u0061me":"b"}"#,
        r#"{"type":"offer","offer":1,"name":"bob","type":"login"}"#,
        r#"{"type":"offer","offer":1,"name":"bob","offer":null}"#,
        r#"{"type":"leave","id":1,"id":1}"#,
    ] {
        let done = board.say(1, twice);
        assert_eq!(field(&done, "code"), "invalid-message");
        assert!(field(&done, "message").contains("duplicate field"), "{done:?}");
    }
    // Others are nobody's business.
    let done = board.say(1, r#"{"type":"offer","offer":1,"name":"bob","x":1,"x":2}"#);
    assert_eq!(done, [r#"2 {"type":"offer","offer":1,"name":"alice"}"#]);
}

#[test]
fn fields_that_a_request_does_not_need_may_be_anything() {
    let mut board = Board::with_users(&["alice", "bob"]);
    for value in VALUES {
        let others = format!(r#""room":{value},"message":{value},"x":{value}"#);
        let request = format!(r#"{{"type":"offer","offer":1,"name":"bob",{others}}}"#);
        assert_eq!(board.say(1, &request), [r#"2 {"type":"offer","offer":1,"name":"alice"}"#]);
    }
}

#[test]
fn an_id_comes_back_byte_for_byte() {
    let mut board = Board::with_users(&["alice"]);
    let longest = format!("\"{}\"", "x".repeat(62));
    for id in ["0", "-0.0", "1e400", "\"\"", r#""\u0061\/""#, r#""\ud800""#, "\"ü\"", &longest] {
        let done = board.say(1, &format!(r#"{{"id" : {id} ,"type":"login","name":"alice"}}"#));
        let reply = r#"1 {"type":"login","success":true,"name":"alice","id":"#;
        assert_eq!(done, [format!("{reply}{id}}}")]);
        let done = board.say(1, &format!(r#"{{"type":"offer","id":{id}}}"#));
        assert!(done[0].ends_with(&format!(r#","request":"offer","id":{id}}}"#)));
    }
    let too_long = format!("\"{}\"", "x".repeat(63));
    for id in ["null", "true", "[]", "{}", "[1]", &too_long] {
        let done = board.say(1, &format!(r#"{{"type":"login","name":"new","id":{id}}}"#));
        assert_eq!(field(&done, "code"), "invalid-message");
        assert_eq!(field(&done, "id"), "");
        assert!(field(&done, "message").contains("`id` must be a string or a number"));
    }
}

#[test]
fn depth_and_width_do_not_matter() {
    let mut board = Board::with_users(&["alice", "bob"]);
    let arrays = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let objects = format!("{}1{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
    for payload in [&arrays, &objects] {
        let request = format!(r#"{{"type":"offer","offer":{payload},"name":"bob"}}"#);
        let heard = format!(r#"2 {{"type":"offer","offer":{payload},"name":"alice"}}"#);
        assert!(board.say(1, &request) == [heard]);
        // Where a string belongs, in the id, and in a field that nobody reads.
        let request = format!(r#"{{"type":"offer","offer":1,"name":{payload}}}"#);
        assert_eq!(field(&board.say(1, &request), "code"), "invalid-message");
        let request = format!(r#"{{"id":{payload},"type":"leave"}}"#);
        assert_eq!(field(&board.say(1, &request), "code"), "invalid-message");
        let request = format!(r#"{{"x":{payload},"type":"candidate","candidate":1,"name":"bob"}}"#);
        let heard = r#"2 {"type":"candidate","candidate":1,"name":"alice"}"#;
        assert_eq!(board.say(1, &request), [heard]);
    }
    let keys: String = (0..100_000).map(|key| format!(r#""k{key}":{key},"#)).collect();
    let wide = format!(r#"{{{keys}"type":"offer","offer":{{{keys}"z":0}},"name":"bob"}}"#);
    let done = board.say(1, &wide);
    assert!(done[0].starts_with(r#"2 {"type":"offer","offer":{"k0":0,"k1":1,"#));
}

#[test]
fn a_request_borrows_from_its_text() {
    let text = r#"{"type":"offer","offer":{"sdp":"v=0"},"name":"bob","id":"abc"}"#;
    let inside = |part: &str| text.as_bytes().as_ptr_range().contains(&part.as_ptr());
    let (envelope, request) = request::parse(text);
    assert!(matches!(&envelope.request, Some(Cow::Borrowed(kind)) if inside(kind)));
    assert!(inside(envelope.id.unwrap().get()));
    let Ok(Request::Signal { payload, to, .. }) = request else {
        panic!("{request:?}");
    };
    assert!(inside(payload.get()));
    assert!(inside(to.as_str()));
}
