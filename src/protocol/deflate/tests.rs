//! States, windows, and both halves against each other. What stands on the wire is tested in
//! `connection/tests/deflate.rs`.

mod slow;

use super::*;
use slow::SlowInflater;

const AGREED: DeflateParameters = DeflateParameters {
    server_no_context_takeover: false,
    client_no_context_takeover: false,
    server_max_window_bits: 15,
    client_max_window_bits: 15,
};
const ANEW: DeflateParameters = DeflateParameters {
    server_no_context_takeover: true,
    client_no_context_takeover: true,
    ..AGREED
};
const OPTIONS: DeflateOptions =
    DeflateOptions { mode: DeflateMode::Takeover, threshold: 0, max_ratio: 512 };

fn inflater(agreed: &DeflateParameters, pool: &Arc<DeflatePool>) -> Inflater {
    Inflater::new(Role::Server, agreed, &OPTIONS, Arc::clone(pool))
}

fn deflater(agreed: &DeflateParameters, pool: &Arc<DeflatePool>) -> Deflater {
    Deflater::new(Role::Server, agreed, &OPTIONS, Arc::clone(pool))
}

/// So many idle inflaters and deflaters a pool has.
fn idle(pool: &DeflatePool) -> (usize, usize) {
    let inflaters = pool.inflaters.lock().unwrap().len();
    (inflaters, pool.deflaters.lock().unwrap().len())
}

fn inflated(inflater: &mut Inflater, pieces: &[&[u8]]) -> Result<Vec<u8>, Violation> {
    let mut inflated = Vec::new();
    for piece in pieces {
        inflater.push(piece, &mut |some| {
            inflated.extend_from_slice(some);
            Ok(())
        })?;
    }
    inflater.finish().map(|()| inflated)
}

/// Messages like those of a call: alike, and longer than the small windows.
fn messages() -> Vec<Vec<u8>> {
    let line = |number: usize| {
        let priority = number * 7919 % 65_521;
        format!("a=candidate:{number} 1 udp {priority} 192.0.2.{} typ host\r\n", number % 251)
    };
    (0..40)
        .map(|message| (message..message * 3 + 1).flat_map(|n| line(n).into_bytes()).collect())
        .collect()
}

#[test]
fn there_is_no_state_before_the_first_compressed_message() {
    let pool = Arc::default();
    for agreed in [AGREED, ANEW] {
        let mut inflater = inflater(&agreed, &pool);
        let eager = deflater(&agreed, &pool);
        assert!(inflater.state.is_none() && eager.state.is_none());
        // Nor for a first fragment without payload, or a message under the threshold.
        inflater.push(b"", &mut |_| Ok(())).unwrap();
        let options = DeflateOptions { threshold: 128, ..OPTIONS };
        let mut patient = Deflater::new(Role::Server, &agreed, &options, Arc::clone(&pool));
        assert_eq!(patient.deflate(&[b'x'; 127]), None);
        assert!(inflater.state.is_none() && patient.state.is_none());
        assert!(patient.deflate(&[b'x'; 128]).is_some());
    }
}

#[test]
fn without_context_takeover_states_are_the_pool_s_between_messages() {
    let pool = Arc::default();
    let mut connections: Vec<_> =
        (0..3 * POOLED).map(|_| (inflater(&ANEW, &pool), deflater(&ANEW, &pool))).collect();
    for round in 0..3 {
        for (inflater, deflater) in &mut connections {
            let payload = format!("message number {round} {}", "x".repeat(100));
            let compressed = deflater.deflate(payload.as_bytes()).unwrap();
            let back = inflated(inflater, &[&compressed[..5], &compressed[5..]]);
            assert_eq!(back.as_deref(), Ok(payload.as_bytes()));
            assert!(inflater.state.is_none() && deflater.state.is_none());
            assert_eq!(inflater.borrowed(), 0);
        }
        // One after the other they all got along with one of each kind.
        assert_eq!(idle(&pool), (1, 1));
    }
    // Messages that are unfinished at the same time need one each; the pool keeps a few of them.
    for (inflater, _) in &mut connections {
        inflater.push(b"\xf2", &mut |_| Ok(())).unwrap();
        assert_eq!(inflater.borrowed(), INFLATER_SIZE);
    }
    assert_eq!(idle(&pool), (0, 1));
    for (inflater, _) in &mut connections {
        let back = inflated(inflater, &[b"\x48\xcd\xc9\xc9\x07\x00"]);
        assert_eq!(back.as_deref(), Ok(&b"Hello"[..]));
    }
    assert_eq!(idle(&pool), (POOLED, 1));
}

#[test]
fn without_context_takeover_a_message_that_does_not_shrink_is_sent_as_it_is() {
    let pool = Arc::<DeflatePool>::default();
    let mut as_long = 0;
    for repeats in 0..40 {
        let mut payload: Vec<u8> = (0..30).map(|i: u8| i.wrapping_mul(97) ^ 0x5a).collect();
        payload.extend(vec![b'x'; repeats]);
        let compressed = deflate_message(&mut pool.deflater(15), &payload).unwrap();
        let sent = deflater(&ANEW, &pool).deflate(&payload);
        let shrinks = compressed.len() < payload.len();
        assert_eq!(sent, shrinks.then_some(compressed.clone()), "{repeats}");
        as_long += usize::from(compressed.len() == payload.len());
    }
    assert!(as_long > 0);
}

/// Five bytes for each block: with the small states of context takeover, blocks are short.
#[test]
#[cfg_attr(miri, ignore = "takes minutes there")]
fn a_message_that_grows_by_being_compressed_is_sent_whole() {
    let mut state = 0x2545_f491_u32;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 16) as u8
    });
    let payload: Vec<u8> = noise.take(200_000).collect();
    let pool = Arc::default();
    let compressed = deflater(&AGREED, &pool).deflate(&payload).unwrap();
    assert!(compressed.len() > payload.len() + 64);
    let back = inflated(&mut inflater(&AGREED, &pool), &[&compressed]);
    assert!(back.is_ok_and(|back| back == payload));
}

/// Several loops may compress at the same time.
#[test]
fn a_pool_keeps_a_few_states_of_each_kind_and_no_more() {
    let pool = DeflatePool::default();
    let inflaters: Vec<_> = (0..2 * POOLED).map(|_| pool.inflater()).collect();
    let deflaters: Vec<_> = (0..2 * POOLED).map(|_| pool.deflater(15)).collect();
    inflaters.into_iter().for_each(|state| pool.return_inflater(state));
    deflaters.into_iter().for_each(|state| pool.return_deflater(state, 15));
    assert_eq!(idle(&pool), (POOLED, POOLED));
}

#[test]
fn with_context_takeover_the_state_stays_and_the_pool_is_left_alone() {
    let pool = Arc::default();
    let (mut inflater, mut deflater) = (inflater(&AGREED, &pool), deflater(&AGREED, &pool));
    let payload = "the same again and again, ".repeat(10);
    let first = deflater.deflate(payload.as_bytes()).unwrap();
    let second = deflater.deflate(payload.as_bytes()).unwrap();
    assert!(second.len() < first.len() / 2);
    for compressed in [first, second] {
        let back = inflated(&mut inflater, &[&compressed]);
        assert_eq!(back.as_deref(), Ok(payload.as_bytes()));
    }
    assert!(inflater.state.is_some() && deflater.state.is_some());
    assert_eq!((inflater.borrowed(), idle(&pool)), (0, (0, 0)));
}

#[test]
fn a_state_from_the_pool_knows_nothing_of_the_message_before() {
    let pool = Arc::default();
    let mut secret = deflater(&ANEW, &pool);
    let first = secret.deflate(&b"ice-pwd:asd88fgpdd777uzjYhagZg".repeat(4)).unwrap();
    let mut other = deflater(&ANEW, &pool);
    let again = other.deflate(&b"ice-pwd:asd88fgpdd777uzjYhagZg".repeat(4)).unwrap();
    assert_eq!(first, again, "the second is no shorter for what the first said");
    assert_eq!(idle(&pool), (0, 1));
    inflated(&mut inflater(&ANEW, &pool), &[&first]).unwrap();
    // RFC 7692, 7.2.3.2: it refers five bytes back, to the message before.
    let back = inflated(&mut inflater(&ANEW, &pool), &[b"\xf2\x00\x11\x00\x00"]);
    assert_eq!(back, Err(Violation::InvalidCompressedData));
}

#[test]
fn a_smaller_window_is_never_taken_from_the_pool_nor_put_there() {
    let pool = Arc::default();
    let narrow = DeflateParameters { server_max_window_bits: 9, ..ANEW };
    deflater(&ANEW, &pool).deflate(&[b'x'; 100]).unwrap();
    assert_eq!(idle(&pool), (0, 1));
    deflater(&narrow, &pool).deflate(&[b'x'; 100]).unwrap();
    assert_eq!(idle(&pool), (0, 1));
}

/// RFC 7692, 7.1.2.1: the server must not use "an LZ77 sliding window size of more than" what was
/// agreed on. The client of the window bits that it set for itself: 7.1.2.2.
#[test]
#[cfg_attr(miri, ignore = "takes minutes there")]
fn nothing_refers_further_back_than_the_window_that_was_agreed_on() {
    for bits in WINDOW_BITS {
        for role in [Role::Server, Role::Client] {
            let (ours, theirs) = (bits, *WINDOW_BITS.end());
            let (server, client) = match role {
                Role::Server => (ours, theirs),
                Role::Client => (theirs, ours),
            };
            for anew in [false, true] {
                let agreed = DeflateParameters {
                    server_no_context_takeover: anew,
                    client_no_context_takeover: anew,
                    server_max_window_bits: server,
                    client_max_window_bits: client,
                };
                let farthest = farthest_distance(role, &agreed);
                assert!(farthest <= 1 << bits, "{farthest} with {bits} bits, {agreed:?}");
                // The messages are such that a good part of the window is of use.
                let useful = farthest * 3 > 1 << bits.min(12);
                assert!(useful, "{farthest} with {bits} bits, {agreed:?}");
            }
        }
    }
}

/// Sends the messages, checks that a slow inflater and one of the library's that has no more than
/// the agreed window read them, and tells how far they refer back.
fn farthest_distance(role: Role, agreed: &DeflateParameters) -> usize {
    let mut deflater = Deflater::new(role, agreed, &OPTIONS, Arc::default());
    let mut slow = SlowInflater::default();
    let mut strict = Inflate::new(false, deflater.window_bits);
    for message in messages() {
        let Some(mut compressed) = deflater.deflate(&message) else {
            continue;
        };
        compressed.extend(TAIL);
        assert_eq!(slow.inflate(&compressed), message);
        // With room for one byte at a time, what the library has inflated before is in its window
        // or lost.
        let mut inflated = Vec::new();
        let mut input = &compressed[..];
        loop {
            let mut byte = [0];
            let step = Step::take(&mut strict, input, &mut byte, InflateFlush::SyncFlush);
            step.status.unwrap();
            input = &input[step.consumed..];
            if step.produced == 0 {
                break;
            }
            inflated.extend(byte);
        }
        assert_eq!((inflated, input.len()), (message, 0));
        if !deflater.takeover {
            slow = SlowInflater::after(&slow);
            strict = Inflate::new(false, deflater.window_bits);
        }
    }
    slow.farthest
}

#[test]
fn a_block_with_bfinal_set_ends_the_stream_and_empties_the_window() {
    let pool = Arc::default();
    for agreed in [AGREED, ANEW] {
        let mut inflater = inflater(&agreed, &pool);
        let final_hello = b"\xf3\x48\xcd\xc9\xc9\x07\x00";
        for after in [&b"\x00"[..], b"", b"\x01", b"\x02\x00", final_hello] {
            let back = inflated(&mut inflater, &[final_hello, after]);
            let expected = if after == final_hello { "HelloHello" } else { "Hello" };
            assert_eq!(back.as_deref(), Ok(expected.as_bytes()), "{after:x?}");
        }
        let back = inflated(&mut inflater, &[b"\xf2\x00\x11\x00\x00"]);
        assert_eq!(back, Err(Violation::InvalidCompressedData));
    }
}

/// RFC 7692, 7.2.3.4 with 7.2.2: the block whose last four bytes were left out may be the one with
/// BFINAL set.
#[test]
fn a_stream_that_ends_with_the_bytes_that_were_left_out_is_followed_by_a_new_one() {
    let mut inflater = inflater(&AGREED, &Arc::default());
    for _ in 0..3 {
        let back = inflated(&mut inflater, &[b"\xf2\x48\xcd\xc9\xc9\x07\x04"]);
        assert_eq!(back.as_deref(), Ok(&b"Hello"[..]));
    }
    let back = inflated(&mut inflater, &[b"\xf2\x00\x11\x00\x00"]);
    assert_eq!(back, Err(Violation::InvalidCompressedData));
}

#[test]
fn nothing_is_compressed_unless_it_is_asked_for_and_small_messages_never() {
    let options = DeflateOptions::default();
    assert_eq!(options, DeflateOptions { mode: DeflateMode::Off, threshold: 128, max_ratio: 512 });
}
