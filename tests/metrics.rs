//! `/metrics`: what is counted is what happened, and what is written is what Prometheus reads.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{Answer, BINARY, CLOSE, Client, End, PING, PONG, Server, eventually, frame};

/// One page of metrics, read strictly.
struct Metrics {
    /// The kind of each family, by its name.
    kinds: BTreeMap<String, String>,
    /// The value of each sample, by its name with its labels as they stand.
    samples: BTreeMap<String, f64>,
}

impl Metrics {
    fn scrape(admin: std::net::SocketAddr) -> Self {
        let answer = get(admin, "/metrics");
        assert_eq!(answer.status, 200);
        let content_type = answer.field("content-type");
        assert_eq!(content_type, Some("text/plain; version=0.0.4; charset=utf-8"));
        Self::parse(answer.text())
    }

    /// Reads the text format, version 0.0.4, and panics at whatever is not in it.
    fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has no end");
        let (mut kinds, mut samples) = (BTreeMap::new(), BTreeMap::new());
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let (name, help) = line
                .strip_prefix("# HELP ")
                .and_then(|rest| rest.split_once(' '))
                .unwrap_or_else(|| panic!("a family begins with its HELP: {line:?}"));
            assert!(!help.trim().is_empty() && !help.contains('\\'), "{line:?}");
            let line = lines.next().unwrap();
            let kind = line
                .strip_prefix(&format!("# TYPE {name} "))
                .unwrap_or_else(|| panic!("HELP is followed by TYPE: {line:?}"));
            check_name(name, kind);
            let before = kinds.insert(name.to_owned(), kind.to_owned());
            assert!(before.is_none(), "{name} comes twice");
            let mut count = 0;
            while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
                let (sample, value) = sample(line);
                let own = sample.split('{').next().unwrap();
                let suffix = own.strip_prefix(name);
                let suffixes: &[&str] =
                    if kind == "histogram" { &["_sum", "_count", "_bucket"] } else { &[""] };
                assert!(suffix.is_some_and(|s| suffixes.contains(&s)), "{line:?} under {name}");
                assert!(value >= 0.0, "{line:?}");
                assert!(samples.insert(sample, value).is_none(), "{line:?} comes twice");
                count += 1;
            }
            assert!(count > 0, "{name} has no sample");
        }
        Self { kinds, samples }
    }

    #[track_caller]
    fn get(&self, sample: &str) -> f64 {
        *self.samples.get(sample).unwrap_or_else(|| panic!("{sample} is missing"))
    }

    /// The sum of all samples of a family that are not zero, but for those given.
    fn others(&self, family: &str, but: &[&str]) -> Vec<&str> {
        let samples = self.samples.iter().filter(|(_, value)| **value != 0.0);
        let names = samples.map(|(name, _)| name.as_str());
        let names = names.filter(|name| name.split('{').next() == Some(family));
        names.filter(|name| !but.contains(name)).collect()
    }
}

/// <https://prometheus.io/docs/practices/naming/>: one prefix, base units, `_total` for counters.
fn check_name(name: &str, kind: &str) {
    let plain = |c: char| c.is_ascii_lowercase() || c == '_';
    assert!(name.chars().all(plain), "{name}");
    assert!(name.starts_with("wigwag_") || name.starts_with("process_"), "{name}");
    assert!(["counter", "gauge", "histogram"].contains(&kind), "{name} is a {kind}");
    assert_eq!(name.ends_with("_total"), kind == "counter", "{name} is a {kind}");
    for reserved in ["_sum", "_count", "_bucket"] {
        assert!(!name.ends_with(reserved), "{name}");
    }
    for unit in ["_ms", "_milliseconds", "_kilobytes", "_kb", "_percent"] {
        assert!(!name.contains(unit), "{name} has no base unit");
    }
}

/// Takes a sample's line apart.
fn sample(line: &str) -> (String, f64) {
    let (sample, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line:?}"));
    if let Some((_, labels)) = sample.split_once('{') {
        let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("{line:?}"));
        for label in labels.split(',') {
            let (key, value) = label.split_once('=').unwrap_or_else(|| panic!("{line:?}"));
            assert!(key.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{line:?}");
            let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            let value = value.unwrap_or_else(|| panic!("{line:?}"));
            assert!(!value.contains(['"', '\\', ' ']), "{line:?}");
        }
        assert!(!labels.is_empty(), "{line:?}");
    }
    (sample.to_owned(), value.parse().unwrap_or_else(|_| panic!("no number: {line:?}")))
}

fn get(address: std::net::SocketAddr, path: &str) -> Answer {
    let mut client = Client::connect(address);
    client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
    client.answer()
}

/// Scrapes until a sample has a value: what a loop counts after its last answer is not there at
/// once.
fn until(admin: std::net::SocketAddr, sample: &str, value: f64) -> Metrics {
    eventually(sample, || Some(Metrics::scrape(admin)).filter(|found| found.get(sample) == value))
}

#[test]
fn what_is_counted_is_what_happened() {
    for loops in ["1", "2"] {
        let mut server = Server::start(&["--admin", "0", "--loops", loops]);
        let admin = server.admin();
        let handshake = {
            let mut client = server.connect();
            client.send(common::handshake("/echo").as_bytes());
            let length = client.head().len();
            client.send_text("one");
            client.expect_text("one");
            client.send(&frame(BINARY, &[7; 200]));
            assert_eq!(client.frame().payload, [7; 200]);
            client.send(&frame(PING, b"?"));
            assert_eq!(client.frame().opcode, PONG);
            client.send_close(1000);
            client.expect_close(1000);
            assert_eq!(client.rest().1, End::Closed);
            length
        };
        let request = common::handshake("/echo").len();

        let mut wrong = server.open("/echo");
        wrong.send(&[0xf1, 0x80, 0, 0, 0, 0]);
        wrong.expect_close(1002);
        drop(wrong);
        let mut strange = server.open("/echo");
        strange.send_close(4321);
        strange.expect_close(4321);
        drop(strange);
        server.open("/echo"); // and gone
        assert_eq!(server.get("/healthz").status, 200);
        assert_eq!(server.get("/nothing").status, 404);
        assert_eq!(server.request("nonsense\r\n\r\n").status, 400);
        let open = server.open("/echo");

        let found = until(admin, "wigwag_connections_closed_total{kind=\"public\"}", 7.0);
        for (sample, value) in [
            ("wigwag_connections_accepted_total{kind=\"public\"}", 8.0),
            ("wigwag_connections{kind=\"websocket\"}", 1.0),
            ("wigwag_connections{kind=\"other\"}", 0.0),
            ("wigwag_connections{kind=\"admin\"}", 1.0),
            ("wigwag_connections_limit", 65536.0),
            ("wigwag_handshakes_total{status=\"101\"}", 5.0),
            ("wigwag_handshakes_total{status=\"400\"}", 1.0),
            ("wigwag_http_responses_total{status=\"404\"}", 1.0),
            ("wigwag_messages_received_total", 2.0),
            ("wigwag_messages_sent_total", 2.0),
            ("wigwag_control_frames_received_total{opcode=\"ping\"}", 1.0),
            ("wigwag_control_frames_received_total{opcode=\"close\"}", 2.0),
            ("wigwag_closes_total{by=\"peer\",code=\"1000\"}", 1.0),
            ("wigwag_closes_total{by=\"peer\",code=\"4000-4999\"}", 1.0),
            ("wigwag_closes_total{by=\"violation\",code=\"1002\"}", 1.0),
            ("wigwag_closes_total{by=\"transport\",code=\"none\"}", 1.0),
            ("wigwag_violations_total{violation=\"reserved_bits\"}", 1.0),
            ("wigwag_queued_limit_bytes", 67_108_864.0),
            ("wigwag_queued_state{state=\"none\"}", 1.0),
            ("wigwag_draining", 0.0),
            ("wigwag_loops", loops.parse().unwrap()),
            ("wigwag_build_info{version=\"0.1.0\"}", 1.0),
        ] {
            assert_eq!(found.get(sample), value, "{sample}");
        }
        for family in ["violations", "limits_hit", "deadlines_hit", "application_panics"] {
            let but = ["wigwag_violations_total{violation=\"reserved_bits\"}"];
            assert_eq!(found.others(&format!("wigwag_{family}_total"), &but), [""; 0]);
        }
        let received = found.get("wigwag_received_bytes_total");
        let sent = found.get("wigwag_sent_bytes_total");
        let echoes = request + handshake + (2 + 3) + (4 + 200);
        assert!(received > echoes as f64 && sent > echoes as f64, "{received} {sent}");
        let bucket = found.get("wigwag_loop_turn_duration_seconds_bucket{le=\"+Inf\"}");
        assert_eq!(found.get("wigwag_loop_turn_duration_seconds_count"), bucket);
        assert!(bucket > 8.0 && found.get("wigwag_loop_turn_duration_seconds_sum") > 0.0);
        drop(open);
    }
}

#[test]
fn bytes_are_exact() {
    let mut server = Server::start(&["--admin", "0"]);
    let admin = server.admin();
    let before = Metrics::scrape(admin);
    let mut client = server.open("/echo");
    for _ in 0..100 {
        client.send_text("0123456789");
        client.expect_text("0123456789");
    }
    let between = until(admin, "wigwag_messages_sent_total", 100.0);
    client.send(&frame(BINARY, &[0; 70_000]));
    assert_eq!(client.frame().payload.len(), 70_000);
    let after = until(admin, "wigwag_messages_sent_total", 101.0);
    let page = |name| {
        // What a scrape adds: its request, and its answer, which the counters of the next have.
        let more = between.get(name) - before.get(name);
        let most = after.get(name) - between.get(name);
        (more, most)
    };
    let (_, received) = page("wigwag_received_bytes_total");
    let request = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n".len();
    let scrapes = after.get("wigwag_connections_accepted_total{kind=\"admin\"}")
        - between.get("wigwag_connections_accepted_total{kind=\"admin\"}");
    assert_eq!(received, (14 + 70_000) as f64 + scrapes * request as f64);
    let (_, sent) = page("wigwag_sent_bytes_total");
    assert!(sent > 70_010.0, "{sent}");
}

#[test]
fn the_switchboard_tells_how_many_are_there() {
    for loops in ["1", "2"] {
        let mut server = Server::start(&["--admin", "0", "--loops", loops]);
        let admin = server.admin();
        let mut users = Vec::new();
        for name in ["alice", "bob", "carol"] {
            let mut user = server.open("/signal");
            user.send_text(&format!("{{\"type\":\"login\",\"name\":\"{name}\"}}"));
            assert!(user.text().contains("true"));
            users.push(user);
        }
        users[0].send_text("{\"type\":\"create or join\",\"room\":\"foo\"}");
        assert!(users[0].text().contains("created"));
        let found = until(admin, "wigwag_signaling_rooms{mount=\"/\"}", 1.0);
        assert_eq!(found.get("wigwag_signaling_users{mount=\"/\"}"), 3.0);
        assert_eq!(found.get("wigwag_signaling_logins_total{mount=\"/\"}"), 3.0);
        users.remove(0);
        let found = until(admin, "wigwag_signaling_users{mount=\"/\"}", 2.0);
        assert_eq!(found.get("wigwag_signaling_rooms{mount=\"/\"}"), 0.0);
        assert_eq!(found.get("wigwag_signaling_logins_total{mount=\"/\"}"), 3.0);
    }
}

#[test]
fn limits_and_deadlines_are_counted() {
    let flags = ["--admin", "0", "--handshake", "50ms", "--login", "60ms", "--pong-wait", "50ms"];
    let more = ["--ping-after", "1s", "--mount", "/limited=echo,rate=1/1"];
    let mut server = Server::start(&[&flags[..], &more[..]].concat());
    let admin = server.admin();
    let _silent = server.connect();
    until(admin, "wigwag_deadlines_hit_total{deadline=\"handshake\"}", 1.0);
    let mut stranger = server.open("/signal");
    stranger.expect_close(1008);
    until(admin, "wigwag_deadlines_hit_total{deadline=\"application\"}", 1.0);
    let mut hasty = server.open("/limited");
    hasty.send(&frame(1, b"a").repeat(4));
    hasty.expect_text("a");
    let found = until(admin, "wigwag_limits_hit_total{limit=\"message_rate_twice\"}", 1.0);
    assert_eq!(found.get("wigwag_limits_hit_total{limit=\"message_rate\"}"), 1.0);
    let _deaf = server.open("/echo");
    until(admin, "wigwag_deadlines_hit_total{deadline=\"pong\"}", 1.0);
}

#[test]
fn the_admin_listener_has_no_other_pages_and_the_public_one_no_metrics() {
    let mut server = Server::start(&["--admin", "127.0.0.1:0"]);
    let admin = server.admin();
    assert_eq!(get(admin, "/healthz").text(), "ok\n");
    for path in ["/", "/echo", "/demo.js", "/metrics/", "/metrics2"] {
        assert_eq!(get(admin, path).status, 404, "{path}");
    }
    assert!(Client::try_open(admin, "/echo").is_err());
    assert!(Client::try_open(admin, "/metrics").is_err());
    assert_eq!(server.get("/metrics").status, 404);
    let mut client = Client::connect(admin);
    client.send(b"HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer().body, b"");
    let mut client = Client::connect(admin);
    client.send(b"POST /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer().status, 405);
}

#[test]
fn a_full_server_still_tells_how_full_it_is() {
    let mut server = Server::start(&["--admin", "0", "--max-connections", "3"]);
    let admin = server.admin();
    let _clients: Vec<_> = (0..3).map(|_| server.open("/echo")).collect();
    let waits = server.connect();
    let found = until(admin, "wigwag_limits_hit_total{limit=\"accepting\"}", 1.0);
    assert_eq!(found.get("wigwag_connections{kind=\"websocket\"}"), 3.0);
    assert_eq!(found.get("wigwag_connections_limit"), 3.0);
    assert_eq!(get(admin, "/healthz").status, 200);
    drop(waits);
}

#[test]
fn the_admin_listener_has_a_limit_of_its_own_and_leaves_the_public_one_alone() {
    let mut server = Server::start(&["--admin", "0", "--handshake", "60s"]);
    let admin = server.admin();
    let mut idle: Vec<_> = (0..16).map(|_| Client::connect(admin)).collect();
    let refused = eventually("one is turned away", || {
        let mut client = Client::connect(admin);
        client.try_bytes(1).err()
    });
    assert_ne!(refused.kind(), std::io::ErrorKind::WouldBlock);
    assert!(server.serves());
    idle.pop();
    let found = eventually("there is room again", || {
        let mut client = Client::connect(admin);
        client.send(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
        client.try_head().ok().map(|_| client.rest().0)
    });
    let found = Metrics::parse(std::str::from_utf8(&found).unwrap());
    assert!(found.get("wigwag_limits_hit_total{limit=\"admin_connections\"}") >= 1.0);
    assert_eq!(found.get("wigwag_connections{kind=\"admin\"}"), 16.0);
}

#[test]
fn while_it_drains_it_says_so() {
    let mut server = Server::start(&["--admin", "0", "--drain", "60s", "--close-wait", "60s"]);
    let admin = server.admin();
    let mut client = server.open("/echo");
    client.send_text("here");
    client.expect_text("here");
    server.signal("TERM");
    assert_eq!(client.frame().opcode, CLOSE); // and is not answered
    assert_eq!(get(admin, "/healthz").status, 503);
    assert_eq!(Metrics::scrape(admin).get("wigwag_draining"), 1.0);
    drop(client);
    assert!(server.wait().success());
}

#[test]
fn nothing_that_a_peer_sends_becomes_a_name_or_a_label() {
    let mut server = Server::start(&["--admin", "0"]);
    let admin = server.admin();
    let names = |metrics: &Metrics| metrics.samples.keys().cloned().collect::<BTreeSet<_>>();
    let before = Metrics::scrape(admin);
    for code in 3000..3050 {
        let mut client = server.open("/signal");
        client.send_text(&format!("{{\"type\":\"login\",\"name\":\"evil{code}\"}}"));
        client.text();
        client.send_close(code);
        client.expect_close(code);
    }
    for number in 0..20 {
        assert_eq!(server.get(&format!("/evil{number}")).status, 404);
    }
    let after = until(admin, "wigwag_closes_total{by=\"peer\",code=\"3000-3999\"}", 50.0);
    assert_eq!(names(&before), names(&after));
    assert_eq!(before.kinds, after.kinds);
}

#[test]
fn a_wrong_address_is_refused_in_one_line() {
    for value in ["nonsense", "127.0.0.1:", ":9000", "1:2:x", "127.0.0.1:65536"] {
        let output = common::wigwag().args(["--port", "0", "--admin", value]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{value}: {text}");
        assert!(text.contains("--admin"), "{value}: {text}");
        assert_eq!(text.lines().count(), 1, "{value}: {text}");
    }
    let mut server = Server::start(&["--admin", "[::1]:0"]);
    assert!(server.admin().is_ipv6());
    assert!(!server.log().contains("loopback"));
}

#[test]
fn the_dashboard_asks_only_for_what_there_is_and_for_all_of_it() {
    let mut server = Server::start(&["--admin", "0"]);
    let found = Metrics::scrape(server.admin());
    let text = include_str!("../src/server/grafana.json");
    let dashboard: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let mut asked = BTreeSet::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        for target in panel["targets"].as_array().expect("targets") {
            let query = target["expr"].as_str().expect("a query");
            let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let names =
                words.filter(|word| ["wigwag_", "process_"].iter().any(|p| word.starts_with(p)));
            asked.extend(names.map(|name| {
                let histogram = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| {
                    let family = name.strip_suffix(suffix)?;
                    (found.kinds.get(family)? == "histogram").then_some(family)
                });
                histogram.unwrap_or(name).to_owned()
            }));
        }
    }
    assert_eq!(asked, found.kinds.into_keys().collect());
}
