//! The inspector: what its feed tells, to whom, and what it costs to be slow.

mod common;

use common::{Client, PING, Server, TEXT, frame, handshake, handshake_with};
use serde_json::{Value, json};
use wigwag::trace::replay::{Reads, replay};
use wigwag::trace::script::Script;

/// A viewer: what a page of the inspector does.
struct Viewer {
    client: Client,
    connections: Vec<Value>,
    items: Vec<Value>,
    missed: u64,
    hello: Value,
}

impl Viewer {
    fn open(server: &Server) -> Self {
        let mut client = server.connect();
        client.send(asking(server, "http", &server.address().to_string()).as_bytes());
        assert!(client.head().starts_with("HTTP/1.1 101 "));
        let hello = serde_json::from_str(&client.text()).unwrap();
        Self { client, connections: Vec::new(), items: Vec::new(), missed: 0, hello }
    }

    fn ask(&mut self, request: &Value) {
        self.client.send_text(&request.to_string());
    }

    /// Takes what comes until a batch has come, and asks for the next one.
    fn next(&mut self) {
        let batch: Value = serde_json::from_str(&self.client.text()).unwrap();
        assert_eq!(batch["type"], "batch", "{batch}");
        if batch["anew"] == true {
            self.items.clear();
        }
        for changed in batch["connections"].as_array().unwrap() {
            self.connections.retain(|one| one["number"] != changed["number"]);
            self.connections.push(changed.clone());
        }
        self.items.extend(batch["items"].as_array().unwrap().iter().cloned());
        self.missed += batch["missed"].as_u64().unwrap();
        self.ask(&json!({ "type": "ack", "batch": batch["batch"] }));
    }

    /// Takes batches until this holds.
    fn until(&mut self, holds: impl Fn(&Self) -> bool) {
        while !holds(self) {
            self.next();
        }
    }

    /// Chooses the connection at this path, once it is known.
    fn choose(&mut self, path: &str) -> u64 {
        let at = |viewer: &Self| {
            viewer.connections.iter().find(|one| one["path"] == path)?["number"].as_u64()
        };
        self.until(|viewer| at(viewer).is_some());
        let number = at(self).unwrap();
        self.ask(&json!({ "type": "select", "connection": number }));
        number
    }

    fn summaries(&self) -> Vec<&str> {
        self.items.iter().map(|shown| shown["item"]["summary"].as_str().unwrap()).collect()
    }

    /// The file that is sent for this connection.
    fn export(&mut self, connection: u64, format: &str) -> Vec<u8> {
        self.ask(&json!({ "type": "export", "connection": connection, "format": format }));
        loop {
            let frame = self.client.frame();
            let message: Value = serde_json::from_slice(&frame.payload).unwrap();
            match message["type"].as_str() {
                Some("batch") => self.ask(&json!({ "type": "ack", "batch": message["batch"] })),
                Some("file") => break,
                _ => panic!("{message}"),
            }
        }
        self.client.frame().payload
    }
}

/// A request for the feed by a page of this origin, to a server that it calls `host`.
fn asking(server: &Server, scheme: &str, host: &str) -> String {
    let own = server.address().to_string();
    let origin = format!("Origin: {scheme}://{host}\r\n");
    handshake_with("/inspect/feed", &origin).replace("Host: localhost", &format!("Host: {own}"))
}

fn echo(server: &Server, text: &str) -> Client {
    let mut client = server.open("/echo");
    client.send_text(text);
    client.expect_text(text);
    client
}

#[test]
fn a_frame_of_another_connection_is_shown_with_its_fields_in_both_directions() {
    let server = Server::start(&[]);
    let mut viewer = Viewer::open(&server);
    let mut client = echo(&server, "Hello");
    viewer.choose("/echo");
    client.send(&frame(PING, b"p"));
    client.frame();
    viewer.until(|viewer| viewer.items.len() >= 6);
    let expected = [
        "GET /echo HTTP/1.1",
        "HTTP/1.1 101 Switching Protocols",
        "text \"Hello\"",
        "text \"Hello\"",
        "ping \"p\"",
        "pong \"p\"",
    ];
    assert_eq!(viewer.summaries(), expected);
    let item = &viewer.items[2]["item"];
    assert_eq!(item["from"], "client");
    assert_eq!(item["event"], json!({ "kind": "text", "length": 5, "text": "Hello" }));
    assert_eq!(item["fields"][0]["name"], "websocket.fin");
    assert_eq!(viewer.items[3]["item"]["from"], "server");
    let times: Vec<f64> = viewer.items.iter().map(|one| one["at"].as_f64().unwrap()).collect();
    assert!(times.is_sorted() && times[0] > 0.0, "{times:?}");

    client.send_close(1000);
    client.expect_close(1000);
    drop(client);
    viewer.until(|viewer| viewer.connections.iter().any(|one| one["closed"].is_number()));
    let closed = viewer.connections.iter().find(|one| one["closed"].is_number()).unwrap();
    assert_eq!((&closed["state"], &closed["code"]), (&json!("closed"), &json!(1000)));
}

#[test]
fn who_comes_late_sees_what_was_before_and_what_went_wrong() {
    let server = Server::start(&[]);
    let mut client = echo(&server, "before");
    client.send(&[0xf1, 0x80, 0, 0, 0, 0]);
    client.expect_close(1002);
    let mut viewer = Viewer::open(&server);
    viewer.choose("/echo");
    viewer.until(|viewer| viewer.items.len() >= 6);
    let violation = &viewer.items[4]["item"]["violation"];
    assert_eq!(violation["name"], "Violation::ReservedBits");
    assert!(violation["source"]["file"].as_str().unwrap().starts_with("src/protocol/"));
    viewer.until(|viewer| viewer.connections[0]["violation"] == "ReservedBits");
    assert_eq!(viewer.connections[0]["code"], 1002);
}

#[test]
fn neither_viewers_nor_who_loads_a_page_are_shown() {
    let server = Server::start(&["--loops", "2"]);
    let mut viewers: Vec<Viewer> = (0..4).map(|_| Viewer::open(&server)).collect();
    assert_eq!(server.get("/inspect").status, 200);
    // A request that is refused is.
    let refused = handshake("/echo").replace("Version: 13", "Version: 12");
    assert_eq!(server.request(&refused).status, 426);
    let _clients: Vec<Client> = (0..4).map(|_| echo(&server, "x")).collect();
    for viewer in &mut viewers {
        viewer.until(|viewer| viewer.connections.len() >= 5);
        let paths: Vec<&Value> = viewer.connections.iter().map(|one| &one["path"]).collect();
        assert_eq!(paths, ["/echo"; 5]);
    }
}

#[test]
fn only_a_page_of_this_server_may_look_whatever_the_list_of_origins_says() {
    let evil = "https://evil.example";
    for flags in [&[][..], &["--origin", evil]] {
        let server = Server::start(flags);
        let own = server.address().to_string();
        let port = server.address().port();
        let asking = |host: &str, origin: &str| {
            let request = handshake_with("/inspect/feed", origin);
            server.request(&request.replace("Host: localhost", &format!("Host: {host}"))).status
        };
        for (host, origin) in [
            (own.clone(), format!("Origin: {evil}\r\n")),
            (own.clone(), format!("Origin: http://127.0.0.1:{}\r\n", port ^ 1)),
            (own.clone(), "Origin: null\r\n".to_owned()),
            (own.clone(), String::new()),
            // DNS rebinding: the name is the page's own, and points here.
            (format!("evil.example:{port}"), format!("Origin: http://evil.example:{port}\r\n")),
        ] {
            assert_eq!(asking(&host, &origin), 403, "{host} {origin}");
        }
        for host in [own, format!("localhost:{port}")] {
            let mut client = server.connect();
            let request = handshake_with("/inspect/feed", &format!("Origin: http://{host}\r\n"));
            client.send(request.replace("Host: localhost", &format!("Host: {host}")).as_bytes());
            assert!(client.head().starts_with("HTTP/1.1 101 "), "{host}");
        }
    }
}

#[test]
fn there_is_an_inspector_on_loopback_unless_not_wanted_and_elsewhere_only_if_wanted() {
    for (flags, status) in [
        (&[][..], 200),
        (&["--no-inspect"], 404),
        (&["--host", "0.0.0.0"], 404),
        (&["--host", "0.0.0.0", "--inspect"], 200),
    ] {
        let server = Server::start(flags);
        assert_eq!(server.get("/inspect").status, status, "{flags:?}");
        assert_eq!(server.get("/assets/dissection.js").status, status, "{flags:?}");
        let feed = if status == 404 { 404 } else { 403 };
        assert_eq!(server.request(&handshake("/inspect/feed")).status, feed, "{flags:?}");
    }
}

#[test]
fn hidden_payloads_do_not_leave_the_server() {
    let server = Server::start(&["--inspect-hide-payloads"]);
    let mut viewer = Viewer::open(&server);
    assert_eq!(viewer.hello["hides"], true);
    let mut client = server.connect();
    client.send(handshake_with("/echo", "Cookie: id=s3cr3t\r\n").as_bytes());
    client.head();
    client.send_text("s3cr3t");
    client.expect_text("s3cr3t");
    client.send(&frame(PING, b"s3cr3t"));
    client.frame();
    client.send(&frame(8, b"\x03\xe8s3cr3t"));
    client.frame();
    // A viewer cannot undo it.
    viewer.ask(&json!({ "type": "hide", "payloads": false }));
    let number = viewer.choose("/echo");
    viewer.until(|viewer| viewer.items.len() >= 8);
    let secret: String = b"s3cr3t".iter().map(|byte| format!("{byte:02x}")).collect();
    let lines = String::from_utf8(viewer.export(number, "jsonl")).unwrap();
    for told in [json!(viewer.items).to_string(), lines] {
        assert!(!told.contains("s3cr3t") && !told.contains(&secret), "{told}");
        assert!(told.contains("text (6 bytes)"));
    }
    viewer.ask(&json!({ "type": "export", "connection": number, "format": "pcap" }));
    assert!(viewer.client.text().contains("refused"));
}

#[test]
fn a_viewer_who_takes_nothing_costs_nothing_and_is_told_what_it_has_missed() {
    let server = Server::start(&[]);
    let mut viewer = Viewer::open(&server);
    let mut client = echo(&server, "first");
    viewer.choose("/echo");
    viewer.until(|viewer| viewer.items.len() >= 4);
    // From here on it says nothing, while far more goes by than a tape holds.
    let message = frame(TEXT, &[b'x'; 4000]);
    for _ in 0..500 {
        client.send(&message);
        client.frame();
    }
    assert!(server.memory() < 64 << 20, "{} bytes", server.memory());
    client.send_text("last");
    client.expect_text("last");
    viewer.until(|viewer| {
        viewer.summaries().iter().filter(|one| **one == "text \"last\"").count() == 2
    });
    assert!(viewer.missed > 1 << 20, "{} bytes", viewer.missed);
    // What it missed has confused nothing: no rule seems to be broken.
    assert!(viewer.items.iter().all(|shown| shown["item"]["violation"].is_null()));
    let last = &viewer.items.last().unwrap()["item"];
    assert!(last["offset"].as_u64().unwrap() > 1 << 20);
}

#[test]
fn an_exported_script_replays_and_an_exported_capture_has_the_bytes() {
    let server = Server::start(&[]);
    let mut viewer = Viewer::open(&server);
    let deflate = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    let mut client = server.connect();
    client.send(handshake_with("/echo", deflate).as_bytes());
    client.head();
    let long = "so long that it is compressed ".repeat(10);
    client.send_text("one");
    client.expect_text("one");
    client.send_text(&long);
    // The answer is compressed, which this client does not understand.
    let &[0xc1, length] = client.try_bytes(2).unwrap() else { panic!("not compressed") };
    client.try_bytes(usize::from(length)).unwrap();
    client.send(&[0x01, 0x82, 1, 2, 3, 4, b'a' ^ 1, b'b' ^ 2]);
    client.send(&frame(PING, b"in between"));
    client.frame();
    client.send(&[0x80, 0x81, 1, 2, 3, 4, b'c' ^ 1]);
    client.frame();
    client.send_close(1000);
    client.frame();
    let number = viewer.choose("/echo");

    let script = String::from_utf8(viewer.export(number, "ws")).unwrap();
    let parsed = Script::parse(&script).unwrap_or_else(|error| panic!("{error}\n{script}"));
    let played = replay(&parsed, std::time::Instant::now(), Reads::Whole);
    assert_eq!(played, Ok(()), "{script}");
    assert!(script.contains("event text \"abc\""), "{script}");

    let capture = viewer.export(number, "pcap");
    let find = |bytes: &[u8]| capture.windows(bytes.len()).any(|window| window == bytes);
    assert!(find(b"GET /echo HTTP/1.1") && find(b"101 Switching"));
    assert!(find(&frame(PING, b"in between")) && find(b"\x8a\x0ain between"));

    let lines = String::from_utf8(viewer.export(number, "jsonl")).unwrap();
    let items: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(items[2]["item"]["summary"], "text \"one\"");
    assert_eq!(items.len(), 2 + 6 + 5);
}

#[test]
fn what_is_no_request_is_refused_and_harms_nobody() {
    let server = Server::start(&[]);
    let mut viewer = Viewer::open(&server);
    for request in ["", "{}", "[1]", r#"{"type":"select","connection":-1}"#] {
        viewer.client.send_text(request);
        assert!(viewer.client.text().contains("refused"), "{request}");
    }
    viewer.ask(&json!({ "type": "export", "connection": 99, "format": "pcap" }));
    assert!(viewer.client.text().contains("not recorded"));
    viewer.ask(&json!({ "type": "select", "connection": 99 }));
    let _client = echo(&server, "x");
    viewer.choose("/echo");
    viewer.until(|viewer| viewer.items.len() >= 4);
}
