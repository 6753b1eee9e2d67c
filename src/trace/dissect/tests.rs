//! What the dissector says, and that it says the same however the bytes are cut.

use super::item::UnmaskRow;
use super::*;
use crate::protocol::Violation;

const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n";
const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
const HELLO: [u8; 11] = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
const DEFLATE: DeflateParameters = DeflateParameters {
    server_no_context_takeover: false,
    client_no_context_takeover: false,
    server_max_window_bits: 15,
    client_max_window_bits: 15,
};

fn open() -> Conversation {
    Conversation::open(Options::default(), None, Instant::now())
}

fn push(conversation: &mut Conversation, from: Side, bytes: &[u8]) -> Vec<Item> {
    let mut items = Vec::new();
    conversation.push(from, bytes, &mut |item| items.push(item));
    items
}

/// What a client's or a server's bytes are, on an open connection.
fn dissect(from: Side, bytes: &[u8]) -> Vec<Item> {
    let mut conversation = open();
    let mut items = push(&mut conversation, from, bytes);
    conversation.finish(from, &mut |item| items.push(item));
    items
}

fn field<'a>(item: &'a Item, name: &str) -> &'a Field {
    let found = item.fields.iter().find(|field| field.name == name);
    found.unwrap_or_else(|| panic!("{name} in {:?}", item.fields))
}

fn stages(item: &Item) -> [Stage; 4] {
    let Item { receiver, sender, .. } = item;
    [receiver.before, receiver.after, sender.before, sender.after]
}

#[test]
fn the_hello_of_the_rfc_has_the_fields_of_wireshark() {
    let items = dissect(Side::Client, &HELLO);
    let [item] = &items[..] else { panic!("{items:?}") };
    let fields: Vec<_> = item
        .fields
        .iter()
        .map(|field| (field.name, field.start..field.end, field.bits.as_deref(), &field.value[..]))
        .collect();
    assert_eq!(
        fields,
        [
            ("websocket.fin", 0..1, Some("1... ...."), "1"),
            ("websocket.rsv", 0..1, Some(".000 ...."), "000"),
            ("websocket.opcode", 0..1, Some(".... 0001"), "1 (text)"),
            ("websocket.mask", 1..2, Some("1... ...."), "1"),
            ("websocket.payload_length", 1..2, Some(".000 0101"), "5"),
            ("websocket.masking_key", 2..6, None, "37 fa 21 3d"),
            ("websocket.masked_payload", 6..11, None, "7f 9f 4d 51 58"),
            ("websocket.payload.text", 6..11, None, "Hello"),
        ]
    );
    let Step::Unmask { rows, more: 0, .. } = &item.steps[0] else { panic!("{:?}", item.steps) };
    assert_eq!(rows[4], UnmaskRow { index: 4, masked: 0x58, key: 0x37, plain: b'o' });
    assert_eq!(item.event, Some(Told::Text { length: 5, text: "Hello".into() }));
    assert_eq!(stages(item), [Stage::Open; 4]);
}

#[test]
fn lengths_of_two_and_eight_bytes_are_fields_and_payloads_are_clipped() {
    let options = Options { clip: 3, ..Options::default() };
    let mut conversation = Conversation::open(options, None, Instant::now());
    let frame = [&b"\x82\x7e\x01\x00"[..], &[7; 256]].concat();
    let items = push(&mut conversation, Side::Server, &frame);
    let length = field(&items[0], "websocket.payload_length_ext_16");
    assert_eq!((length.start..length.end, &length.value[..]), (2..4, "256"));
    assert_eq!(field(&items[0], "websocket.payload").end, 260);
    assert_eq!((items[0].length, items[0].bytes.0.len()), (260, 7));
    assert_eq!(items[0].event, Some(Told::Binary { length: 256, bytes: Hex(vec![7; 3]) }));

    let items = dissect(Side::Server, b"\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff");
    assert_eq!(field(&items[0], "websocket.payload_length_ext_64").value, "65535");
    let fault = items[0].violation.as_ref().unwrap();
    assert_eq!(fault.name, "Violation::LengthNotMinimal");
    assert_eq!(fault.source, source::kept_at(Violation::LengthNotMinimal));
}

#[test]
fn a_wrong_frame_carries_its_rule_its_answer_and_the_end_of_the_connection() {
    let items = dissect(Side::Client, b"\x81\x05Hello");
    let fault = items[0].violation.as_ref().unwrap();
    assert_eq!(fault.close_code, Some(1002));
    assert_eq!(fault.section, "RFC 6455, 5.1");
    assert_eq!(fault.sentence, "a client must mask its frames");
    assert_eq!(fault.source.file, "src/protocol/frame.rs");
    assert_eq!(items[0].event, Some(Told::Violation));
    assert_eq!(items[0].answer.0[..4], *b"\x88\x1f\x03\xea");
    assert_eq!(stages(&items[0])[..2], [Stage::Open, Stage::Closed]);
    // All of it is shown all the same.
    assert_eq!(field(&items[0], "websocket.payload.text").value, "Hello");

    // For the other side it is as it should be.
    let items = dissect(Side::Server, b"\x81\x05Hello");
    assert_eq!(items[0].violation, None);
    let items = dissect(Side::Server, &HELLO);
    assert_eq!(items[0].violation.as_ref().unwrap().name, "Violation::MaskedFrame");
}

#[test]
fn every_violation_that_a_frame_can_commit_has_its_own_name() {
    let masked = |first: u8, payload: &[u8]| {
        [&[first, 0x80 | payload.len() as u8, 0, 0, 0, 0], payload].concat()
    };
    let two = |one: &[u8], other: &[u8]| [one, other].concat();
    let cases = [
        (masked(0x91, b""), "ReservedBits"),
        (masked(0x83, b""), "ReservedOpcode"),
        (masked(0x09, b""), "FragmentedControlFrame"),
        (b"\x89\xfe\x00\x7e".to_vec(), "ControlFrameTooLong"),
        (b"\x82\xfe\x00\x05".to_vec(), "LengthNotMinimal"),
        (b"\x82\xff\x80".to_vec(), "LengthTopBitSet"),
        (masked(0x80, b""), "NothingToContinue"),
        (two(&masked(0x01, b"a"), &masked(0x81, b"b")), "MessageUnfinished"),
        (masked(0x88, b"\x03"), "CloseBodyOfOneByte"),
        (masked(0x88, b"\x03\xed"), "InvalidCloseCode"),
        (masked(0x81, b"\xff"), "InvalidUtf8InText"),
        (masked(0x88, b"\x03\xe8\xff"), "InvalidUtf8InCloseReason"),
        (b"\x82\xff\x00\x00\x00\x00\x00\x01\x00\x01".to_vec(), "MessageTooBig"),
    ];
    for (bytes, name) in cases {
        let items = dissect(Side::Client, &bytes);
        let fault = items.last().unwrap().violation.as_ref();
        let fault = fault.unwrap_or_else(|| panic!("{name}: {items:?}"));
        assert_eq!(fault.name, format!("Violation::{name}"));
    }
}

#[test]
fn both_ends_close_and_what_comes_after_is_discarded() {
    let mut conversation = open();
    let close = push(&mut conversation, Side::Server, b"\x88\x05\x03\xe8bye");
    assert_eq!(field(&close[0], "websocket.payload.close.status_code").value, "1000");
    assert_eq!(field(&close[0], "websocket.payload.close.reason").value, "bye");
    assert_eq!(close[0].summary, "close 1000 \"bye\"");
    use Stage::{Closed, Closing, Open};
    assert_eq!(stages(&close[0]), [Open, Closed, Open, Closing]);

    // A message that was on its way is not delivered any more.
    let late = push(&mut conversation, Side::Client, &HELLO);
    assert_eq!((&late[0].event, &late[0].violation), (&None, &None));
    assert!(late[0].notes[0].contains("has sent a Close frame"), "{:?}", late[0].notes);

    let answer = push(&mut conversation, Side::Client, b"\x88\x82\x00\x00\x00\x00\x03\xe8");
    assert_eq!(stages(&answer[0]), [Closing, Closed, Closed, Closed]);
    let after = push(&mut conversation, Side::Client, &HELLO);
    assert_eq!(after[0].event, None);
    assert!(after[0].notes[0].contains("discards"), "{:?}", after[0].notes);
}

#[test]
fn a_ping_is_answered() {
    let items = dissect(Side::Client, b"\x89\x82\x00\x00\x00\x00hi");
    assert_eq!(items[0].event, Some(Told::Ping { bytes: Hex(b"hi".to_vec()) }));
    assert_eq!(items[0].answer.0, b"\x8a\x02hi");
}

#[test]
fn fragments_are_counted_and_the_last_brings_the_message() {
    let items = dissect(Side::Server, b"\x01\x03Hel\x89\x00\x80\x02lo\x81\x00");
    let frames: Vec<_> = items.iter().map(|item| item.frame.as_ref().unwrap()).collect();
    let numbers: Vec<_> = frames.iter().map(|f| (f.message, f.fragment)).collect();
    let some = |message, fragment| (Some(message), Some(fragment));
    assert_eq!(numbers, [some(1, 1), (None, None), some(1, 2), some(2, 1)]);
    assert_eq!(items[0].event, None);
    assert_eq!(items[0].summary, "text fin=0 \"Hel\"");
    assert!(matches!(items[1].event, Some(Told::Ping { .. })));
    assert_eq!(items[2].event, Some(Told::Text { length: 5, text: "Hello".into() }));
    assert_eq!(items[2].offset, 7);
}

#[test]
fn compressed_messages_are_inflated_with_what_came_before() {
    // RFC 7692, 7.2.3.2: "Hello", then "Hello" again, which refers to the first.
    let options = Options::default();
    let mut conversation = Conversation::open(options, Some(DEFLATE), Instant::now());
    let first = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
    let second = b"\xc1\x05\xf2\x00\x11\x00\x00";
    let items = push(&mut conversation, Side::Server, &[&first[..], second].concat());
    for (item, compressed_length) in items.iter().zip([7, 5]) {
        assert_eq!(item.event, Some(Told::Text { length: 5, text: "Hello".into() }));
        assert_eq!(field(item, "websocket.pmc").bits.as_deref(), Some(".1.. ...."));
        let inflate = Step::Inflate {
            compressed: Hex(item.bytes.0[2..].to_vec()),
            compressed_length,
            tail: Hex(vec![0, 0, 0xff, 0xff]),
            inflated_length: 5,
            context_takeover: true,
        };
        assert_eq!(item.steps, [inflate]);
    }
}

#[test]
fn the_handshake_of_the_rfc_is_followed_by_frames() {
    let mut conversation = Conversation::new(Options::default(), Instant::now());
    let mut items = Vec::new();
    let request = format!("{REQUEST}\r\n");
    // Frames that come along with the request wait for the response.
    let early = [request.as_bytes(), &HELLO].concat();
    conversation.push(Side::Client, &early, &mut |item| items.push(item));
    assert_eq!(items.len(), 1);
    conversation.push(Side::Server, format!("{RESPONSE}\r\n").as_bytes(), &mut |item| {
        items.push(item);
    });
    let [request, response, hello] = &items[..] else { panic!("{items:?}") };
    assert_eq!(request.kind, Kind::Request);
    assert_eq!(request.summary, "GET /chat HTTP/1.1");
    let key = field(request, "http.sec_websocket_key");
    assert_eq!(key.value, "dGhlIHNhbXBsZSBub25jZQ==");
    let at = REQUEST.find("Sec-WebSocket-Key").unwrap() as u64;
    assert_eq!(key.start..key.end, at..at + 43);
    assert_eq!(field(request, "http.request.uri").start, 4);

    assert_eq!(response.event, Some(Told::Upgraded { subprotocol: None, deflate: None }));
    assert_eq!(stages(response), [Stage::Connecting, Stage::Open, Stage::Connecting, Stage::Open]);
    let Step::Accept { sha1, accept, .. } = &response.steps[0] else { panic!() };
    // RFC 6455, 1.3
    assert_eq!(frame::spaced(&sha1.0[..4]), "b3 7a 4f 2c");
    assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(hello.event, Some(Told::Text { length: 5, text: "Hello".into() }));
    assert_eq!(hello.offset, items[0].length);
}

#[test]
fn a_wrong_accept_value_and_a_request_without_a_key_are_told() {
    let mut conversation = Conversation::new(Options::default(), Instant::now());
    push(&mut conversation, Side::Client, format!("{REQUEST}\r\n").as_bytes());
    let wrong = RESPONSE.replace("s3pP", "XXXX");
    let items = push(&mut conversation, Side::Server, format!("{wrong}\r\n").as_bytes());
    let fault = items[0].violation.as_ref().unwrap();
    assert_eq!(fault.name, "ClientHandshakeError::Accept");

    let mut conversation = Conversation::new(Options::default(), Instant::now());
    let keyless = REQUEST.replace("Sec-WebSocket-Key", "X");
    let items = push(&mut conversation, Side::Client, format!("{keyless}\r\n").as_bytes());
    let fault = items[0].violation.as_ref().unwrap();
    assert_eq!((fault.name.as_str(), fault.status), ("HandshakeError::MissingKey", Some(400)));
    let items = push(&mut conversation, Side::Server, b"HTTP/1.1 400 Bad Request\r\n\r\nno");
    assert_eq!(items[0].event, Some(Told::Answered { status: 400 }));
    assert_eq!(items[1].kind, Kind::Data);
    assert_eq!(conversation.stage(Side::Client), Stage::Http);
}

#[test]
fn a_key_with_bits_left_over_is_answered_as_it_was_sent() {
    // RFC 6455, 4.1, item 7 has such a key.
    let key = "AQIDBAUGBwgJCgsMDQ4PEC==";
    let accept = crate::protocol::handshake::accept_key(key);
    let mut conversation = Conversation::new(Options::default(), Instant::now());
    let request = REQUEST.replace("dGhlIHNhbXBsZSBub25jZQ==", key);
    push(&mut conversation, Side::Client, format!("{request}\r\n").as_bytes());
    let response = RESPONSE.replace("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", &accept);
    let items = push(&mut conversation, Side::Server, format!("{response}\r\n").as_bytes());
    assert_eq!(items[0].violation, None);
}

#[test]
fn a_response_alone_is_judged_as_far_as_it_can_be() {
    let mut conversation = Conversation::new(Options::default(), Instant::now());
    let response = format!(
        "{RESPONSE}Sec-WebSocket-Protocol: chat\r\n\
         Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n\r\n"
    );
    let items = push(&mut conversation, Side::Server, response.as_bytes());
    assert!(conversation.deflate().unwrap().server_no_context_takeover);
    assert!(items[0].notes[0].contains("unknown"), "{:?}", items[0].notes);
}

#[test]
fn what_is_incomplete_is_shown_at_the_end() {
    for end in 1..HELLO.len() {
        let items = dissect(Side::Client, &HELLO[..end]);
        assert_eq!((items.len(), items[0].complete), (1, false));
        assert_eq!(
            items[0].missing,
            if end < 6 { 5 * u64::from(end > 1) } else { 11 - end as u64 }
        );
    }
    let mut conversation = Conversation::new(Options::default(), Instant::now());
    push(&mut conversation, Side::Client, b"GET / HTTP/1.1\r\nHo");
    let mut items = Vec::new();
    conversation.finish(Side::Client, &mut |item| items.push(item));
    assert_eq!((items[0].complete, items[0].fields.len()), (false, 4));
}

#[test]
fn a_frame_that_breaks_a_rule_is_shown_at_once_and_the_next_one_where_it_begins() {
    let mut conversation = open();
    let items = push(&mut conversation, Side::Client, b"\xc1\x83\x00\x00");
    assert_eq!(items[0].violation.as_ref().unwrap().name, "Violation::ReservedBits");
    assert_eq!((items[0].length, items[0].complete), (4, false));
    let items = push(&mut conversation, Side::Client, b"\x00\x00abc\x89\x80\x00\x00\x00\x00");
    let [ping] = &items[..] else { panic!("{items:?}") };
    assert_eq!((&ping.summary[..], ping.offset), ("ping", 9));
}

#[test]
fn how_the_bytes_are_cut_makes_no_difference() {
    let server = [
        format!("{RESPONSE}\r\n").as_bytes(),
        b"\x01\x03Hel\x89\x01a\x80\x02lo\x82\x7e\x01\x00",
        &[1; 256],
        b"\x88\x02\x03\xe8",
    ]
    .concat();
    let all = |size: usize| {
        let mut conversation = Conversation::new(Options::default(), Instant::now());
        let mut items = Vec::new();
        let request = format!("{REQUEST}\r\n");
        let streams = [(Side::Client, request.as_bytes()), (Side::Server, &server)];
        for (from, bytes) in streams {
            for piece in bytes.chunks(size) {
                conversation.push(from, piece, &mut |item| items.push(item));
            }
        }
        items
    };
    let whole = all(usize::MAX);
    assert_eq!(whole.len(), 7);
    for size in 1..40 {
        assert_eq!(all(size), whole, "in pieces of {size}");
    }
}

#[test]
fn every_wire_script_is_judged_as_the_script_says() {
    use crate::trace::script::{Action, Happening, Script, Seen, Sending, Step};
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut scripts = 0;
    for group in std::fs::read_dir(folder).unwrap() {
        let group = group.unwrap().path();
        for file in std::fs::read_dir(group).into_iter().flatten() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let script = Script::parse(&text).unwrap();
            let told = |step: &Step| match step {
                Step::Expect(Happening::Event(seen)) => Some(seen.clone()),
                _ => None,
            };
            let expected: Vec<Seen> =
                script.lines.iter().filter_map(|line| told(&line.step)).collect();
            // What happens by time or by an application has no bytes that the peer sent.
            let own_doing = |step: &Step| {
                matches!(step, Step::Act(Action::Send(Sending::Close(_)) | Action::Wait(_)))
            };
            if script.lines.iter().any(|line| own_doing(&line.step)) {
                continue;
            }
            let from = Side::from(script.role).other();
            let options = Options { limits: script.limits.clone(), ..Options::default() };
            let mut conversation = Conversation::open(options, script.deflate, Instant::now());
            let items = push(&mut conversation, from, &script.input());
            let events: Vec<&Told> = items.iter().filter_map(|item| item.event.as_ref()).collect();
            for (event, seen) in events.iter().zip(&expected) {
                let same = matches!(
                    (event, seen),
                    (Told::Text { .. }, Seen::Text(_))
                        | (Told::Binary { .. }, Seen::Binary(_))
                        | (Told::Ping { .. }, Seen::Ping(_))
                        | (Told::Pong { .. }, Seen::Pong(_))
                        | (Told::Close { .. }, Seen::Close(_))
                        | (Told::Violation, Seen::Violation(_))
                );
                assert!(same, "{}: {event:?}, not {seen:?}", script.title());
            }
            assert_eq!(events.len(), expected.len(), "{}", script.title());
            scripts += 1;
        }
    }
    assert!(scripts > 50, "{scripts}");
}
