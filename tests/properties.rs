//! What holds for any input: chunking is invisible, what one end sends the other receives, what is
//! encoded is read back, and the outbox loses nothing whatever the transport takes.

use std::sync::Arc;
use std::time::Instant;

use proptest::collection::vec;
use proptest::prelude::*;
use wigwag::protocol::frame::Expected;
use wigwag::protocol::masking::apply_mask;
use wigwag::protocol::utf8::Utf8Stream;
use wigwag::protocol::{
    CloseCode, Closure, Connection, FrameHeader, Limits, MaskingKey, Opcode, Outbox, Role, State,
};
use wigwag::trace::script::words::{Words, quote};
use wigwag::trace::script::{Seen, frame};

/// A failure prints its smallest input, which then becomes a test of its own: no file is kept.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

/// Small, so that random messages reach them.
fn limits() -> Arc<Limits> {
    Arc::new(Limits { max_message: 300, max_empty_fragments: 3, outbox: 2000, ..Limits::default() })
}

fn connection(role: Role, now: Instant) -> Connection {
    match role {
        Role::Server => Connection::server(limits(), now),
        Role::Client => Connection::client(limits(), now, Box::new(|| [1, 2, 3, 4])),
    }
}

/// What became of an input.
#[derive(Debug, PartialEq)]
struct Outcome {
    events: Vec<Seen>,
    output: Vec<u8>,
    state: State,
    closure: Option<Closure>,
}

/// Hands the input to a connection in reads of these sizes, again and again; each message is sent
/// back, and what is to be sent is taken at once.
fn converse(role: Role, input: &[u8], sizes: &[usize]) -> Outcome {
    let now = Instant::now();
    let mut connection = connection(role, now);
    let (mut events, mut output) = (Vec::new(), Vec::new());
    let mut input = input.to_vec();
    let mut rest = &mut input[..];
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let size = sizes.next().map_or(rest.len(), |size| (*size).min(rest.len()));
        let (mut read, behind) = std::mem::take(&mut rest).split_at_mut(size);
        rest = behind;
        while let Some((event, outbox)) = connection.receive(now, &mut read) {
            let seen = Seen::from(event);
            let _ = match &seen {
                Seen::Text(text) => outbox.text(text),
                Seen::Binary(payload) => outbox.binary(payload),
                _ => Ok(()),
            };
            events.push(seen);
            output.extend_from_slice(connection.pending_output());
            connection.advance_output(usize::MAX);
        }
    }
    let (state, closure) = (connection.state(), connection.closure());
    Outcome { events, output, state, closure }
}

fn opcode() -> impl Strategy<Value = Opcode> {
    use Opcode::{Binary, Close, Continuation, Ping, Pong, Text};
    prop::sample::select(vec![Continuation, Text, Binary, Close, Ping, Pong])
}

/// Mostly text, sometimes anything.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "[a-zü你🎉]{0,40}".prop_map(String::into_bytes),
        2 => vec(any::<u8>(), 0..20),
        1 => vec(any::<u8>(), 120..310),
    ]
}

/// Frames of a whole message, cut anywhere.
fn message() -> impl Strategy<Value = Vec<(bool, Opcode, Vec<u8>)>> {
    let opcode = prop::sample::select(vec![Opcode::Text, Opcode::Binary]);
    let cuts = vec(any::<prop::sample::Index>(), 0..4);
    (opcode, payload(), cuts).prop_map(|(opcode, payload, cuts)| {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
        cuts.sort_unstable();
        cuts.push(payload.len());
        let (mut frames, mut start) = (Vec::new(), 0);
        for (index, end) in cuts.iter().copied().enumerate() {
            let opcode = if index == 0 { opcode } else { Opcode::Continuation };
            let fin = index + 1 == cuts.len();
            frames.push((fin, opcode, payload[start..end].to_vec()));
            start = end;
        }
        frames
    })
}

fn encode(role: Role, (fin, opcode, payload): (bool, Opcode, Vec<u8>), out: &mut Vec<u8>) {
    // What this end is to receive, the other end has sent.
    let masking_key = (role == Role::Server).then_some([0xa1, 0x02, 0x73, 0xf4]);
    let header = FrameHeader { fin, masking_key, ..FrameHeader::new(opcode, payload.len() as u64) };
    header.encode(out);
    let start = out.len();
    out.extend(payload);
    if let Some(key) = masking_key {
        apply_mask(&mut out[start..], key, 0);
    }
}

/// Bytes on the wire, mostly of right messages, with some single frames that may stand wrongly.
fn wire(role: Role) -> impl Strategy<Value = Vec<u8>> {
    let ping = vec(any::<u8>(), 0..125).prop_map(|payload| vec![(true, Opcode::Ping, payload)]);
    let any_frame = (any::<bool>(), opcode(), payload()).prop_map(|frame| vec![frame]);
    let close = prop_oneof![
        1 => (prop::sample::select(vec![1000_u16, 1001, 1002, 3000, 4999]), "[a-zü]{0,20}"),
        1 => (any::<u16>(), "[a-z]{0,5}"),
    ];
    let close = close.prop_map(|(code, reason)| {
        let body = [&code.to_be_bytes()[..], reason.as_bytes()].concat();
        vec![(true, Opcode::Close, body)]
    });
    let frames = prop_oneof![8 => message(), 4 => ping, 1 => close, 1 => any_frame];
    let damage = prop::option::weighted(0.2, (any::<prop::sample::Index>(), any::<u8>()));
    (vec(frames, 1..8), damage).prop_map(move |(frames, damage)| {
        let mut bytes = Vec::new();
        for frame in frames.into_iter().flatten() {
            encode(role, frame, &mut bytes);
        }
        if let Some((index, value)) = damage {
            let index = index.index(bytes.len());
            bytes[index] = value;
        }
        bytes
    })
}

fn role() -> impl Strategy<Value = Role> {
    prop::sample::select(vec![Role::Server, Role::Client])
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    vec(1..60_usize, 1..20)
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn chunking_is_invisible(
        (role, input) in role().prop_flat_map(|role| (Just(role), wire(role))),
        sizes in sizes(),
    ) {
        let whole = converse(role, &input, &[]);
        prop_assert_eq!(&converse(role, &input, &sizes), &whole);
        prop_assert_eq!(&converse(role, &input, &[1]), &whole);
    }

    #[test]
    fn what_is_no_websocket_at_all_is_refused_alike_however_cut(
        role in role(),
        input in vec(any::<u8>(), 1..200),
        sizes in sizes(),
    ) {
        let whole = converse(role, &input, &[]);
        prop_assert_eq!(&converse(role, &input, &sizes), &whole);
    }

    /// Our own output is judged by the strictest reader there is here.
    #[test]
    fn what_we_send_breaks_no_rule(
        (role, input) in role().prop_flat_map(|role| (Just(role), wire(role))),
    ) {
        let output = converse(role, &input, &[]).output;
        let reader = match role {
            Role::Server => Role::Client,
            Role::Client => Role::Server,
        };
        let read = converse(reader, &output, &[]);
        let wrong = read.events.iter().find(|seen| matches!(seen, Seen::Violation(_)));
        prop_assert_eq!(wrong, None);
    }

    #[test]
    fn what_is_encoded_is_read_back_and_no_prefix_is_judged_otherwise(
        fin: bool,
        opcode in opcode(),
        reserved in prop::sample::select(vec![0_u8, 0x40]),
        masking_key: Option<MaskingKey>,
        payload_length in prop_oneof![0..70_000_u64, 0..=i64::MAX as u64],
        behind in vec(any::<u8>(), 0..5),
    ) {
        let mut header = FrameHeader { fin, reserved, opcode, masking_key, payload_length };
        if opcode.is_control() {
            header.fin = true;
            header.payload_length %= 126;
        }
        if !matches!(opcode, Opcode::Text | Opcode::Binary) {
            header.reserved = 0;
        }
        let expected = Expected {
            role: if masking_key.is_some() { Role::Server } else { Role::Client },
            in_message: opcode == Opcode::Continuation,
            extension_bits: 0x40,
            room: u64::MAX,
            compressed_room: u64::MAX,
        };
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        for cut in 0..bytes.len() {
            prop_assert_eq!(FrameHeader::parse(&bytes[..cut], &expected), Ok(None));
        }
        let size = bytes.len();
        bytes.extend(behind);
        prop_assert_eq!(FrameHeader::parse(&bytes, &expected), Ok(Some((header, size))));
    }

    #[test]
    fn utf8_in_pieces_is_utf8(
        bytes in prop_oneof![
            vec(any::<u8>(), 0..30),
            (".{0,20}", vec(any::<u8>(), 0..3), ".{0,5}").prop_map(|(before, between, behind)| {
                [before.as_bytes(), &between, behind.as_bytes()].concat()
            }),
        ],
        sizes in vec(1..7_usize, 1..10),
    ) {
        let (mut stream, mut text) = (Utf8Stream::default(), String::new());
        let mut rest = &bytes[..];
        let mut refused = false;
        for size in sizes.iter().cycle() {
            if rest.is_empty() || refused {
                break;
            }
            let (piece, behind) = rest.split_at((*size).min(rest.len()));
            refused = stream.push(piece, &mut text).is_err();
            rest = behind;
        }
        match str::from_utf8(&bytes) {
            Ok(whole) => prop_assert!(!refused && stream.is_complete() && text == whole),
            Err(error) => {
                prop_assert_eq!(refused, error.error_len().is_some());
                prop_assert_eq!(text.as_bytes(), &bytes[..error.valid_up_to()]);
                prop_assert!(refused || !stream.is_complete());
            }
        }
    }

    #[test]
    fn bytes_in_a_script_are_read_back(bytes in prop_oneof![
        vec(any::<u8>(), 0..40),
        ".{0,40}".prop_map(String::into_bytes),
        (any::<u8>(), 0..40_usize).prop_map(|(byte, times)| vec![byte; times]),
    ]) {
        let mut words = Words::of(&quote(&bytes)).map_err(TestCaseError::fail)?;
        prop_assert_eq!(words.payload(), Ok(bytes.clone()));
        let mut line = Words::of(&quote(&bytes)).map_err(TestCaseError::fail)?;
        let sent = frame::parse("binary", &mut line, Role::Client).map_err(TestCaseError::fail)?;
        let described = frame::describe(&sent, Role::Client);
        let expected = match bytes.is_empty() {
            true => "binary".to_owned(),
            false => format!("binary {}", quote(&bytes)),
        };
        prop_assert_eq!(described, [expected]);
    }
}

/// Something that an end of a connection does.
#[derive(Clone, Debug)]
enum Deed {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    /// The transport carries so many bytes of what waits.
    Carry(usize),
    /// The storage of the outbox is lent by its driver, and taken back.
    Lend,
    Reclaim,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => "[a-zü你🎉]{0,30}".prop_map(Deed::Text),
        3 => vec(any::<u8>(), 0..300).prop_map(Deed::Binary),
        1 => vec(any::<u8>(), 0..=125).prop_map(Deed::Ping),
        4 => (0..400_usize).prop_map(Deed::Carry),
        1 => Just(Deed::Lend),
        1 => Just(Deed::Reclaim),
    ]
}

/// Sends, and tells what the other end must see if that was taken.
fn send(outbox: &mut Outbox, deed: &Deed) -> Option<Seen> {
    let (sent, seen) = match deed {
        Deed::Text(text) => (outbox.text(text), Seen::Text(text.clone())),
        Deed::Binary(payload) => (outbox.binary(payload), Seen::Binary(payload.clone())),
        Deed::Ping(payload) => (outbox.ping(payload), Seen::Ping(payload.clone())),
        Deed::Lend => {
            outbox.lend(Vec::with_capacity(4096));
            return None;
        }
        Deed::Reclaim => {
            outbox.reclaim();
            return None;
        }
        Deed::Carry(_) => return None,
    };
    sent.ok().map(|()| seen)
}

/// Carries up to `count` bytes from one end to the other, and tells what the other saw.
fn carry(from: &mut Connection, to: &mut Connection, count: usize, now: Instant) -> Vec<Seen> {
    let count = count.min(from.pending_output().len());
    let mut bytes = from.pending_output()[..count].to_vec();
    from.advance_output(count);
    let mut input = &mut bytes[..];
    let mut seen = Vec::new();
    while let Some((event, _)) = to.receive(now, &mut input) {
        seen.push(event.into());
    }
    seen
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn what_one_end_sends_the_other_sees(
        deeds in vec((any::<bool>(), deed()), 0..60),
        client_closes: bool,
    ) {
        let now = Instant::now();
        let mut ends = [connection(Role::Client, now), connection(Role::Server, now)];
        // What each end is to see of the other, and what it saw. Pongs are seen for pings.
        let (mut sent, mut seen) = ([vec![], vec![]], [vec![], vec![]]);
        for (by_client, deed) in deeds {
            let (by, other) = if by_client { (0, 1) } else { (1, 0) };
            if let Deed::Carry(count) = deed {
                let [client, server] = &mut ends;
                let (from, to) = if by_client { (client, server) } else { (server, client) };
                seen[other].extend(carry(from, to, count, now));
            } else {
                sent[other].extend(send(ends[by].outbox(now), &deed));
            }
        }
        let closer = if client_closes { 0 } else { 1 };
        let all_is_sent = |ends: &[Connection; 2]| {
            ends.iter().all(|end| end.pending_output().is_empty())
        };
        while !all_is_sent(&ends) {
            let [client, server] = &mut ends;
            seen[1].extend(carry(client, server, 1000, now));
            seen[0].extend(carry(server, client, 1000, now));
        }
        for end in [0, 1] {
            seen[end].retain(|event| !matches!(event, Seen::Pong(_)));
            prop_assert_eq!(&seen[end], &sent[end]);
        }
        ends[closer].outbox(now).close(CloseCode::NORMAL, "done").map_err(|error| {
            TestCaseError::fail(format!("{error:?}"))
        })?;
        while !all_is_sent(&ends) {
            let [client, server] = &mut ends;
            carry(client, server, 1, now);
            carry(server, client, 1, now);
        }
        for end in &mut ends {
            end.outbox(now).reclaim();
            let closure = end.closure();
            prop_assert!(closure.is_some_and(|closure| closure.clean), "{:?}", closure);
            prop_assert_eq!(end.held(), 0);
        }
    }

    #[test]
    fn the_outbox_loses_nothing_whatever_the_transport_takes(deeds in vec(deed(), 0..80)) {
        let now = Instant::now();
        let mut connection = connection(Role::Server, now);
        let (mut taken, mut expected) = (Vec::new(), Vec::new());
        for deed in deeds {
            if let Deed::Carry(count) = deed {
                let pending = connection.pending_output();
                let count = count.min(pending.len());
                taken.extend_from_slice(&pending[..count]);
                connection.advance_output(count);
                continue;
            }
            let waiting = connection.pending_output().len();
            let sent = send(connection.outbox(now), &deed);
            if matches!(deed, Deed::Text(_) | Deed::Binary(_)) {
                prop_assert_eq!(sent.is_some(), waiting < limits().outbox, "{} waited", waiting);
            }
            // An independent encoder: the client's view of these frames.
            match sent {
                Some(Seen::Text(text)) => plain_frame(0x81, text.as_bytes(), &mut expected),
                Some(Seen::Binary(payload)) => plain_frame(0x82, &payload, &mut expected),
                Some(Seen::Ping(payload)) => plain_frame(0x89, &payload, &mut expected),
                _ => {}
            }
            let waiting = expected.len() - taken.len();
            prop_assert_eq!(connection.pending_output().len(), waiting);
            prop_assert!(waiting < 2000 + 304 + 8000);
        }
        taken.extend_from_slice(connection.pending_output());
        prop_assert_eq!(taken, expected);
    }
}

fn plain_frame(first: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.push(first);
    match payload.len() {
        length @ 0..126 => out.push(length as u8),
        length => out.extend([126, (length >> 8) as u8, length as u8]),
    }
    out.extend_from_slice(payload);
}
