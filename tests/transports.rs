//! The page that compares transports: the same messages by polling, long polling, events and
//! WebSocket, and what the server counts for each.

mod common;

use std::io::Write;

use common::{Client, Server, TEXT, frame, handshake};

/// A request on a connection that may carry more of them.
fn request(client: &mut Client, target: &str) -> String {
    let method = if target.starts_with("send") { "POST" } else { "GET" };
    let request = format!("{method} /transports/{target} HTTP/1.1\r\nHost: a\r\n\r\n");
    client.send(request.as_bytes());
    request
}

/// The answer's head and body, which has a length.
fn answer(client: &mut Client) -> (String, String) {
    let head = client.head();
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    let length = length.map_or(0, |length| length.parse().unwrap());
    let body = client.try_bytes(length).unwrap().to_vec();
    (head, String::from_utf8(body).unwrap())
}

fn ask(client: &mut Client, target: &str) -> String {
    request(client, target);
    answer(client).1
}

#[test]
fn messages_come_back_by_polling_once_and_in_order() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    assert_eq!(ask(&mut client, "poll?channel=c"), "[]");
    for message in ["one", "two%20%26%20three"] {
        assert_eq!(ask(&mut client, &format!("send?channel=c&message={message}")), "");
    }
    assert_eq!(ask(&mut client, "poll?channel=c"), r#"["one","two & three"]"#);
    assert_eq!(ask(&mut client, "poll?channel=c"), "[]");
}

#[test]
fn a_held_request_and_a_stream_hear_at_once_whichever_loop_they_are_on() {
    let server = Server::start(&["--loops", "2"]);
    // The kernel spreads connections over the loops; some of these are apart.
    for number in 0..8 {
        let (mut sender, mut waiting) = (server.connect(), server.connect());
        let mut events = server.connect();
        request(&mut waiting, &format!("wait?channel=w{number}"));
        request(&mut events, &format!("events?channel=e{number}"));
        assert!(events.head().contains("text/event-stream"));
        ask(&mut sender, &format!("send?channel=w{number}&message=hello"));
        assert_eq!(answer(&mut waiting).1, r#"["hello"]"#);
        for message in ["1", "2"] {
            ask(&mut sender, &format!("send?channel=e{number}&message={message}"));
            let event = format!("data: \"{message}\"\n\n");
            assert_eq!(events.try_bytes(event.len()).unwrap(), event.as_bytes());
        }
    }
}

#[test]
fn what_each_way_costs_is_what_went_over_the_socket() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let sent = request(&mut client, "send?channel=poll&message=x");
    let taken = answer(&mut client).0;
    let asked = request(&mut client, "poll?channel=poll");
    let (head, body) = answer(&mut client);
    let up = sent.len() + asked.len();
    let down = taken.len() + head.len() + body.len();

    let mut socket = server.connect();
    let shake = handshake("/transports/socket?channel=socket");
    socket.send(shake.as_bytes());
    let head = socket.head();
    socket.send_text("x");
    socket.expect_text("x");
    let expected = format!(r#""poll":{{"requests":2,"received":{up},"sent":{down}}}"#);
    let counts = ask(&mut client, "counts?channel=poll,socket");
    assert!(counts.contains(&expected), "{counts}, not {expected}");
    let (up, down) = (shake.len() + frame(TEXT, b"x").len(), head.len() + 3);
    let expected = format!(r#""socket":{{"requests":1,"received":{up},"sent":{down}}}"#);
    assert!(counts.contains(&expected), "{counts}, not {expected}");
}

#[test]
fn requests_may_come_cut_anywhere_and_several_at_once() {
    let server = Server::start(&[]);
    let three = "POST /transports/send?channel=c&message=x HTTP/1.1\r\nHost: a\r\n\r\n\
        GET /transports/poll?channel=c HTTP/1.1\r\nHost: a\r\n\r\n\
        GET /transports/poll?channel=c HTTP/1.1\r\nHost: a\r\n\r\n";
    for cut in (1..three.len()).step_by(7) {
        let mut client = server.connect();
        client.send(&three.as_bytes()[..cut]);
        client.send(&three.as_bytes()[cut..]);
        assert!(answer(&mut client).0.starts_with("HTTP/1.1 204 "), "{cut}");
        assert_eq!(answer(&mut client).1, r#"["x"]"#, "{cut}");
        assert_eq!(answer(&mut client).1, "[]", "{cut}");
    }
}

#[test]
fn a_connection_serves_what_a_browser_wants_next() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    assert_eq!(ask(&mut client, "poll?channel=c"), "[]");
    client.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer().status, 200);
    // And a WebSocket, in one packet with the request before.
    let mut client = server.connect();
    let poll = "GET /transports/poll?channel=c HTTP/1.1\r\nHost: a\r\n\r\n";
    let both = [poll.as_bytes(), handshake("/echo").as_bytes(), &frame(TEXT, b"hello")].concat();
    client.send(&both);
    assert_eq!(answer(&mut client).1, "[]");
    assert!(client.head().starts_with("HTTP/1.1 101 "));
    client.expect_text("hello");
}

#[test]
fn a_method_that_no_transport_has_is_refused_like_anywhere() {
    let server = Server::start(&[]);
    for method in ["PUT", "DELETE", "OPTIONS"] {
        let request = format!("{method} /transports/poll?channel=c HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(server.request(&request).status, 405, "{method}");
        let mut client = server.connect();
        assert_eq!(ask(&mut client, "poll?channel=c"), "[]");
        client.send(request.as_bytes());
        assert_eq!(client.answer().status, 405, "{method}, as the second request");
    }
}

#[test]
fn what_was_asked_behind_a_held_request_is_answered_too() {
    let server = Server::start(&[]);
    let (mut sender, mut waiting) = (server.connect(), server.connect());
    let two = "GET /transports/wait?channel=c HTTP/1.1\r\nHost: a\r\n\r\n\
        GET /transports/poll?channel=c HTTP/1.1\r\nHost: a\r\n\r\n";
    waiting.send(two.as_bytes());
    ask(&mut sender, "send?channel=c&message=x");
    assert_eq!(answer(&mut waiting).1, r#"["x"]"#);
    assert_eq!(answer(&mut waiting).1, "[]");
    // And hundreds of them, more than a turn has room for.
    let many = "GET /transports/poll?channel=c HTTP/1.1\r\nHost: a\r\n\r\n".repeat(500);
    waiting.send(many.as_bytes());
    for _ in 0..500 {
        assert_eq!(answer(&mut waiting).1, "[]");
    }
}

#[test]
fn what_is_wrong_is_said() {
    let server = Server::start(&[]);
    for (target, status) in [
        ("poll", 400),
        ("poll?channel=a/b", 400),
        ("nothing?channel=c", 404),
        ("send?channel=c&message=%ff", 400),
    ] {
        let mut client = server.connect();
        request(&mut client, target);
        let head = answer(&mut client).0;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{target}: {head}");
    }
    // A body would say where the next request begins.
    let mut client = server.connect();
    let body =
        "POST /transports/send?channel=c HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /";
    client.stream.write_all(body.as_bytes()).unwrap();
    assert!(client.head().starts_with("HTTP/1.1 400 "));
}

#[test]
fn the_ends_of_the_server_and_of_the_page_are_not_waited_for() {
    let mut server = Server::start(&["--drain", "10m"]);
    let mut waiting = server.connect();
    request(&mut waiting, "wait?channel=c");
    let mut events = server.connect();
    request(&mut events, "events?channel=c");
    events.head();
    server.signal("TERM");
    assert!(server.wait().success());
    // With a folder of one's own there is no such page, and no such paths.
    let folder = common::Folder::new("transports");
    let server = Server::start(&["--www", folder.str()]);
    assert_eq!(server.get("/transports/poll?channel=c").status, 404);
}
