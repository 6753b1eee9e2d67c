//! The lab of the inspector's page, on the running server: who may use it, and what it may cost.

mod common;

use common::{Client, Server, handshake, handshake_with};
use serde_json::{Value, json};

/// A page of the server that has opened its lab, and the server's hello.
fn open(server: &Server) -> (Client, Value) {
    open_at(server, "/inspect/lab")
}

fn open_at(server: &Server, path: &str) -> (Client, Value) {
    let host = server.address().to_string();
    let request = handshake_with(path, &format!("Origin: http://{host}\r\n"));
    let mut client = server.connect();
    client.send(request.replace("Host: localhost", &format!("Host: {host}")).as_bytes());
    assert!(client.head().starts_with("HTTP/1.1 101 "));
    let hello = serde_json::from_str(&client.text()).unwrap();
    (client, hello)
}

fn send(client: &mut Client, state: &str, from: &str, bytes: &str) -> Value {
    let request = json!({ "type": "send", "id": 1, "state": state, "from": from, "bytes": bytes });
    client.send_text(&request.to_string());
    serde_json::from_str(&client.text()).unwrap()
}

#[test]
fn every_mistake_of_the_shelf_breaks_its_rule_and_is_answered_with_the_code_of_the_rule() {
    let server = Server::start(&[]);
    let (mut client, hello) = open(&server);
    let shelf = hello["shelf"].as_array().unwrap();
    assert_eq!(shelf.len(), 20);
    for mistake in shelf {
        let text = |name: &str| mistake[name].as_str().unwrap();
        let reply = send(&mut client, text("state"), text("from"), text("bytes"));
        let outcome = &reply["outcome"];
        let items = outcome["items"].as_array().unwrap();
        let fault = items.iter().map(|item| &item["violation"]).find(|fault| !fault.is_null());
        let fault = fault.unwrap_or_else(|| panic!("{mistake} breaks nothing"));
        assert_eq!(fault["name"], format!("Violation::{}", text("breaks")), "{mistake}");
        let answer = &outcome["answer"].as_array().unwrap().last().unwrap()["event"];
        assert_eq!((&answer["kind"], &answer["code"]), (&json!("close"), &fault["close_code"]));
        let receiver = if text("from") == "client" { "server" } else { "client" };
        assert_eq!(outcome["after"][receiver], "closed", "{mistake}");
    }
}

#[test]
fn what_is_wrong_in_the_sandbox_does_no_harm_to_the_connection_that_carries_it() {
    let server = Server::start(&[]);
    let (mut client, _) = open(&server);
    let wrong = send(&mut client, "open", "client", "810548656c6c6f");
    assert_eq!(wrong["outcome"]["items"][0]["violation"]["close_code"], 1002);
    assert_eq!(send(&mut client, "open", "client", "8")["type"], "refused");
    let right = send(&mut client, "open", "server", "810548656c6c6f");
    assert_eq!(right["outcome"]["items"][0]["event"]["text"], "Hello");
}

#[test]
fn the_largest_requests_are_answered_in_bounds() {
    let server = Server::start(&[]);
    let (mut client, hello) = open(&server);
    let most = hello["most_bytes"].as_u64().unwrap() as usize;
    // Many small frames, one large one, and many that are answered.
    let large = format!("827e{:04x}{}", most - 4, "00".repeat(most - 4));
    let pings = format!("8906{}", "41".repeat(6)).repeat(most / 8);
    for bytes in ["8a00".repeat(most / 2), large, pings] {
        let reply = send(&mut client, "open", "server", &bytes);
        assert_eq!(reply["type"], "result");
        let length = reply.to_string().len();
        assert!(length < 256 << 10, "{length} bytes");
    }
    assert_eq!(send(&mut client, "open", "server", &"00".repeat(most + 1))["type"], "refused");
}

#[test]
fn the_lab_is_where_the_inspector_is_and_for_who_may_use_that() {
    for (flags, without_origin) in [(&[][..], 403), (&["--no-inspect"], 404)] {
        let server = Server::start(flags);
        let status = |request: &str| server.request(request).status;
        assert_eq!(status(&handshake("/inspect/lab")), without_origin, "{flags:?}");
        let evil = handshake_with("/inspect/lab", "Origin: https://evil.example\r\n");
        assert_eq!(status(&evil), without_origin, "{flags:?}");
        assert_eq!(server.get("/assets/lab.js").status == 200, flags.is_empty(), "{flags:?}");
    }
}

#[test]
fn the_inspector_does_not_show_the_lab() {
    let server = Server::start(&[]);
    let _lab = open(&server);
    let _echo = server.open("/echo");
    let (mut viewer, _) = open_at(&server, "/inspect/feed");
    let batch: Value = serde_json::from_str(&viewer.text()).unwrap();
    let paths = batch["connections"].as_array().unwrap().iter().map(|one| &one["path"]);
    assert_eq!(paths.collect::<Vec<_>>(), ["/echo"]);
}
