//! What a connection holds.

use super::*;

#[test]
fn an_idle_connection_is_small() {
    assert!(size_of::<Connection>() <= 200, "{} bytes", size_of::<Connection>());
}

/// The most that may be held for so many bytes: a growing buffer doubles, and starts with a few.
fn bound(arrived: usize) -> usize {
    2 * arrived + 64
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes there")]
fn what_is_held_follows_what_arrived() {
    let long = "long text, große Wörter ".repeat(2000);
    let fragments: Vec<u8> = (0..20_000).flat_map(|_| masked(CONTINUES, b"x")).collect();
    let tiny_text = [masked(TEXT_BEGINS, b"x"), fragments.clone()].concat();
    let tiny_binary = [masked(BINARY_BEGINS, b"x"), fragments].concat();
    let whole_text = masked(TEXT, long.as_bytes());
    let whole_binary = masked(BINARY, &[7; 50_000]);
    for bytes in [whole_text, whole_binary, tiny_text, tiny_binary] {
        for size in [1, 3, 7, 1000, 4096] {
            let mut wire = Wire::server();
            let mut arrived = 0;
            for read in bytes.chunks(size) {
                arrived += read.len();
                wire.read(read);
                let held = wire.connection.held();
                assert!(held <= bound(arrived), "{held} bytes for {arrived}");
            }
        }
    }
}

#[test]
fn an_announced_length_costs_nothing() {
    for announced in [65_536_u64, 1 << 40, i64::MAX as u64] {
        let mut wire = Wire::server_with(Limits { max_message: usize::MAX, ..Limits::default() });
        let header = [&[BINARY, 0xff][..], &announced.to_be_bytes(), &KEY].concat();
        wire.read(&header);
        assert_eq!(wire.connection.held(), 0);
        wire.read(b"0123456789");
        assert!(wire.connection.held() <= bound(10));
    }
}

#[test]
fn a_message_in_one_read_is_never_copied() {
    let mut wire = Wire::server();
    let mut bytes = masked(TEXT, b"where it lies");
    let place = bytes[6..].as_ptr();
    let mut input = &mut bytes[..];
    let (event, _) = wire.connection.receive(wire.now, &mut input).unwrap();
    let Event::Text(text) = event else { panic!("{event:?}") };
    assert_eq!(text.as_ptr(), place);
    assert!(wire.connection.unfinished.is_none());
}

#[test]
fn an_idle_connection_owns_nothing() {
    let message = [masked(TEXT_BEGINS, b"fragm"), masked(ENDS, b"ents")].concat();
    let inputs = [masked(TEXT, b"Hello"), masked(PONG, b"Hello"), masked(PONG, b""), message];
    for bytes in inputs {
        for size in 1..=bytes.len() {
            let mut wire = Wire::server();
            let seen: Vec<Seen> = bytes.chunks(size).flat_map(|read| wire.read(read)).collect();
            assert_eq!(seen.len(), 1);
            assert!(wire.connection.unfinished.is_none());
            assert_eq!(wire.connection.held(), 0);
        }
    }
}

#[test]
fn an_ended_connection_keeps_no_message() {
    let begun = masked(BINARY_BEGINS, &[0; 5000]);
    let endings: [fn(&mut Wire); 5] = [
        |wire| wire.connection.receive_eof(),
        |wire| drop(wire.read(&masked(CLOSE, b""))),
        |wire| drop(wire.read(&masked(TEXT, b"not a continuation"))),
        |wire| wire.wait(Duration::from_secs(30)), // reassembly
        |wire| {
            wire.close(CloseCode::NORMAL, "");
            wire.wait(Duration::from_secs(5));
        },
    ];
    for (number, end) in endings.into_iter().enumerate() {
        let mut wire = Wire::server();
        wire.read(&begun);
        assert!(wire.connection.held() >= 5000);
        end(&mut wire);
        wire.sent();
        assert_eq!(wire.state(), State::Closed, "ending {number}");
        assert!(wire.connection.unfinished.is_none(), "ending {number}");
        assert_eq!(wire.connection.held(), 0, "ending {number}");
    }
}
