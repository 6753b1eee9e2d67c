//! What real servers died of, tried on the whole way from bytes to a response.
//!
//! No test here measures time. That the time is linear is shown by structure, beside the code: a
//! scanner that does not look back, lists whose elements are disjoint pieces of the input.

use proptest::prelude::*;

use super::*;

const KEY: &[u8] = b"dGhlIHNhbXBsZSBub25jZQ==";

/// Every header whose value is read, with a value that is right.
const HEADERS: [(&str, &[u8]); 10] = [
    ("Host", b"server.example.com"),
    ("Upgrade", b"websocket"),
    ("Connection", b"Upgrade"),
    ("Sec-WebSocket-Key", KEY),
    ("Sec-WebSocket-Version", b"13"),
    ("Sec-WebSocket-Protocol", b"chat"),
    ("Sec-WebSocket-Extensions", b"permessage-deflate; a=\"b\""),
    ("Origin", b"http://example.com"),
    ("Content-Length", b"0"),
    ("Transfer-Encoding", b""),
];

/// The headers that are right, and needed or harmless: all but the last.
fn right_headers() -> Vec<(&'static str, Vec<u8>)> {
    let right = HEADERS.iter().take(HEADERS.len() - 1);
    right.map(|&(name, value)| (name, value.to_vec())).collect()
}

fn head(headers: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut head = b"GET /chat HTTP/1.1\r\n".to_vec();
    for (name, value) in headers {
        head.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    head.extend(b"\r\n");
    head
}

/// What a server does with these bytes; `None`: it waits for more.
fn answer(bytes: &[u8]) -> Option<Vec<u8>> {
    let subprotocols = ["chat".to_owned(), "X-Evil: a\r\n\r\n".to_owned()];
    let origins = ["http://example.com".to_owned()];
    let options = ServerOptions {
        subprotocols: &subprotocols,
        origins: Some(&origins),
        ..ServerOptions::default()
    };
    let mut out = Vec::new();
    let judged = || {
        let Some(length) = HeadScanner::new(1 << 20).scan(bytes)? else {
            return Ok(None);
        };
        let request = Request::parse(&bytes[..length], 64)?;
        let _ = (request.is_websocket_attempt(), request.query(), format!("{request:?}"));
        accept(&request, &options).map(Some)
    };
    match judged() {
        Ok(None) => return None,
        Ok(Some(accepted)) => accepted.write_response(&mut out),
        Err(error) => error.write_response(&mut out),
    }
    Some(out)
}

/// The status of a response, after a look at the whole of it: its headers are among our own, and it
/// is one response with nothing behind it.
fn status(response: &[u8]) -> u16 {
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut parsed = httparse::Response::new(&mut headers);
    let body_at = parsed.parse(response).unwrap().unwrap();
    let status = parsed.code.unwrap();
    let allowed: &[&str] = match status {
        101 => &["Upgrade", "Connection", "Sec-WebSocket-Accept", "Sec-WebSocket-Protocol"],
        _ => &[
            "Content-Type",
            "Content-Length",
            "Connection",
            "X-Content-Type-Options",
            "Allow",
            "Upgrade",
            "Sec-WebSocket-Version",
        ],
    };
    for header in parsed.headers.iter() {
        assert!(allowed.contains(&header.name), "{} in a {status}", header.name);
        let (name, value) = (header.name, header.value);
        assert!(name != "Sec-WebSocket-Protocol" || value == b"chat");
    }
    let length = parsed.headers.iter().find(|header| header.name == "Content-Length");
    let length = length.map_or(0, |header| str::from_utf8(header.value).unwrap().parse().unwrap());
    assert_eq!(response.len() - body_at, length);
    status
}

#[test]
fn a_right_request_is_answered_with_101() {
    assert_eq!(status(&answer(&head(&right_headers())).unwrap()), 101);
}

/// Many headers crashed a server that counted on a limit of its HTTP parser.
#[test]
#[cfg_attr(miri, ignore = "takes minutes there")]
fn any_number_of_headers_is_an_answer() {
    for with_upgrade in [true, false] {
        for count in (0..70).chain([128, 129, 500, 1000, 2000]) {
            let mut headers = right_headers();
            headers.retain(|(name, _)| with_upgrade || *name != "Upgrade");
            headers.extend(std::iter::repeat_n(("X", b"a".to_vec()), count));
            let expected = match headers.len() {
                65.. => 431,
                _ if with_upgrade => 101,
                _ => 426,
            };
            assert_eq!(status(&answer(&head(&headers)).unwrap()), expected, "{count}");
        }
    }
}

/// Patterns that made the regular expressions of other servers take quadratic or exponential time.
/// Here they are only judged: 32 KiB of each in each list header, with a result for each.
#[test]
#[cfg_attr(miri, ignore = "takes minutes there")]
fn long_values_are_judged_like_short_ones() {
    let patterns: [fn(usize) -> Vec<u8>; 8] = [
        |n| [b"b", &b" ".repeat(n)[..], b"x"].concat(),
        |n| b",".repeat(n),
        |n| b", ".repeat(n),
        |n| b"constructor,".repeat(n),
        |n| (0..n).flat_map(|i| format!("p{i},").into_bytes()).collect(),
        |n| [b"a; b=\"", &b"\\a".repeat(n)[..], b"\""].concat(),
        |n| [b"a; b=\"", &b"\\a".repeat(n)[..]].concat(),
        |n| b"a;b;".repeat(n),
    ];
    for (position, (name, _)) in HEADERS.iter().enumerate().take(HEADERS.len() - 1) {
        for pattern in patterns {
            let status_for = |n: usize| {
                let mut headers = right_headers();
                headers[position].1 = pattern(n);
                status(&answer(&head(&headers)).unwrap())
            };
            let expected = status_for(100);
            for n in [1_000, 8_000, 32_000] {
                assert_eq!(status_for(n), expected, "{name}");
            }
        }
    }
}

/// Every byte at the start, inside and at the end of every value that is read; and those that mean
/// something to some grammar in the place of every byte of a request.
#[test]
#[cfg_attr(miri, ignore = "takes minutes there")]
fn every_byte_everywhere_is_an_answer() {
    for byte in 0..=u8::MAX {
        for (name, value) in HEADERS {
            for at in [0, value.len() / 2, value.len()] {
                let mut headers = right_headers();
                headers.retain(|(other, _)| *other != name);
                let mut changed = value.to_vec();
                changed.insert(at, byte);
                headers.push((name, changed));
                status(&answer(&head(&headers)).unwrap());
            }
        }
    }
    let whole = head(&right_headers());
    for at in 0..whole.len() {
        for byte in *b"\0\t\n\r \"#,/:;=?\\a1\x16\x7f\x80\xc3\xff" {
            let mut changed = whole.clone();
            changed[at] = byte;
            answer(&changed).as_deref().map(status);
        }
    }
}

/// Requests that a proxy in front might see with other eyes.
#[test]
fn what_smuggles_is_refused() {
    let with = |name: &'static str, value: &[u8]| {
        let mut headers = right_headers();
        headers.retain(|(other, _)| *other != "Content-Length");
        headers.push((name, value.to_vec()));
        status(&answer(&head(&headers)).unwrap())
    };
    assert_eq!(with("X", b"a"), 101);
    assert_eq!(with("Content-Length", b"5"), 400);
    assert_eq!(with("Transfer-Encoding", b"chunked"), 400);
    assert_eq!(with("Transfer-Encoding ", b"chunked"), 400);
    assert_eq!(with("X", b"a\r\n folded"), 400);
    assert_eq!(with("X", b"a\nTransfer-Encoding: chunked"), 400);
    assert_eq!(with("Host", b"other"), 400);
    assert_eq!(with("Sec-WebSocket-Version", b"8"), 426);
}

/// A second request behind the first is no part of it.
#[test]
fn what_follows_the_head_changes_nothing() {
    let head = head(&right_headers());
    let expected = answer(&head);
    for follows in [&head[..], b"\x81\x80\0\0\0\0", b"\n", b"\r\n\r\n", b"GET / HTTP/1.1\r\n"] {
        assert_eq!(answer(&[&head[..], follows].concat()), expected);
    }
}

/// Pieces of which a header's value is put together: what the grammars are made of, and what would
/// end a line.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known: Vec<&[u8]> = vec![
        b"websocket",
        b"Upgrade",
        b"keep-alive",
        b"chat",
        b"X-Evil: a",
        b"permessage-deflate",
        b"http://example.com",
        KEY,
        b"13",
        b",",
        b";",
        b"=",
        b"\"",
        b"\\",
        b" ",
        b"\r\n",
    ];
    prop_oneof![
        8 => prop::sample::select(known).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(piece(), 0..5).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// `status` looks at every header of the response.
    #[test]
    fn a_response_holds_only_our_own_names_and_values(
        changes in prop::collection::vec((0..HEADERS.len(), value(), any::<bool>()), 0..3),
    ) {
        let mut headers = right_headers();
        for (position, value, replace) in changes {
            let name = HEADERS[position].0;
            if replace {
                headers.retain(|(other, _)| *other != name);
            }
            headers.push((name, value));
        }
        answer(&head(&headers)).as_deref().map(status);
    }

    #[test]
    fn any_bytes_are_an_answer_or_a_wait(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        answer(&bytes).as_deref().map(status);
    }

    /// However a request is cut into reads, the answer is the same.
    #[test]
    #[cfg_attr(miri, ignore = "takes minutes there")]
    fn chunking_is_invisible(
        changed in (0..HEADERS.len(), value()),
        cuts in prop::collection::vec(0.0..1.0, 0..8),
        limit in 1_usize..400,
    ) {
        let mut headers = right_headers();
        headers.push((HEADERS[changed.0].0, changed.1));
        let head = head(&headers);
        let whole = HeadScanner::new(limit).scan(&head);
        let mut ends: Vec<_> = cuts.iter().map(|cut| (head.len() as f64 * cut) as usize).collect();
        ends.push(head.len());
        ends.sort_unstable();
        let mut scanner = HeadScanner::new(limit);
        let mut scans = ends.iter().map(|&end| scanner.scan(&head[..end]));
        let in_parts = scans.find(|scan| *scan != Ok(None)).unwrap_or(Ok(None));
        prop_assert_eq!(in_parts, whole);
    }
}
