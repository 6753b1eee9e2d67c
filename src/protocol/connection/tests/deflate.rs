//! permessage-deflate on the wire: RFC 7692. What DEFLATE itself does is tested beside
//! `protocol::deflate`.

use super::*;
use crate::protocol::Role;
use crate::protocol::deflate::{DeflateMode, DeflateOptions, DeflateParameters, DeflatePool};
use proptest::collection::vec;
use proptest::prelude::*;
use zlib_rs::{Deflate, DeflateFlush};

const COMPRESSED_TEXT: u8 = 0xc1;
const COMPRESSED_BINARY: u8 = 0xc2;
const COMPRESSED_TEXT_BEGINS: u8 = 0x41;
const COMPRESSED_BINARY_BEGINS: u8 = 0x42;

/// RFC 7692, 7.2.3.1: "Hello" in a block with fixed Huffman codes.
const HELLO: &[u8] = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
/// RFC 7692, 7.2.3.2: "Hello" as a reference to the "Hello" of the message before.
const HELLO_AGAIN: &[u8] = b"\xf2\x00\x11\x00\x00";

const WITH_TAKEOVER: DeflateParameters = DeflateParameters {
    server_no_context_takeover: false,
    client_no_context_takeover: false,
    server_max_window_bits: 15,
    client_max_window_bits: 15,
};
const ANEW: DeflateParameters = DeflateParameters {
    server_no_context_takeover: true,
    client_no_context_takeover: true,
    ..WITH_TAKEOVER
};

/// Compresses every message, however short.
const EAGER: DeflateOptions =
    DeflateOptions { mode: DeflateMode::Takeover, threshold: 0, max_ratio: 512 };

impl Wire {
    fn agree_on(mut self, agreed: &DeflateParameters, options: &DeflateOptions) -> Self {
        let pool = Arc::new(DeflatePool::default());
        self.connection.use_deflate(agreed, options, &pool);
        self
    }
}

/// A server whose peer compresses.
fn server(agreed: &DeflateParameters) -> Wire {
    Wire::server().agree_on(agreed, &EAGER)
}

fn limited(agreed: &DeflateParameters, max_message: usize) -> Wire {
    let limits = Limits { max_message, ..Limits::default() };
    Wire::server_with(limits).agree_on(agreed, &EAGER)
}

fn violation(violation: Violation) -> Vec<Seen> {
    vec![Seen::Violation(violation)]
}

/// A message as a peer with plain zlib compresses it.
fn compressed(payload: &[u8]) -> Vec<u8> {
    let mut compressed = flushed(&mut Deflate::new(6, false, 15), payload);
    compressed.truncate(compressed.len() - 4);
    compressed
}

/// What zlib makes of a piece of a message, up to and with the empty block at its end.
fn flushed(deflate: &mut Deflate, payload: &[u8]) -> Vec<u8> {
    let mut output = vec![0; payload.len() * 2 + 100];
    let before = deflate.total_out();
    let flush = DeflateFlush::SyncFlush;
    deflate.compress(payload, &mut output, flush).unwrap();
    output.truncate((deflate.total_out() - before) as usize);
    assert!(output.ends_with(b"\0\0\xff\xff"));
    output
}

/// The payload in a block that is not compressed, with nothing after it.
fn stored(payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u16;
    let lengths = [length.to_le_bytes(), (!length).to_le_bytes()].concat();
    [&[0], &lengths[..], payload].concat()
}

/// Bytes that look random: nothing in them can be compressed.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Splits the payload of a compressed message into frames.
fn in_fragments(first: u8, payload: &[u8], size: usize) -> Vec<u8> {
    let mut pieces = payload.chunks(size).peekable();
    let mut opcode = first & 0x7f;
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next() {
        let fin = if pieces.peek().is_none() { ENDS } else { 0 };
        bytes.extend(masked(fin | opcode, piece));
        opcode = CONTINUES;
    }
    bytes
}

// --- The examples of RFC 7692, 7.2.3 -------------------------------------------------------------

#[test]
fn the_examples_of_the_rfc_are_read() {
    let examples: [(&str, &[u8], &str); 8] = [
        ("7.2.3.1", b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00", "Hello"),
        ("7.2.3.1, in fragments", b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00", "Hello"),
        (
            "7.2.3.3, a block without compression",
            b"\xc1\x0b\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00",
            "Hello",
        ),
        ("7.2.3.4, a block with BFINAL set", b"\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "Hello"),
        (
            "7.2.3.5, two blocks",
            b"\xc1\x0d\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
            "Hello",
        ),
        ("7.2.3.6, an empty message", b"\xc1\x01\x00", ""),
        ("the same from an encoder that has sent nothing", b"\xc1\x02\x02\x00", ""),
        ("the same from one that was flushed twice", b"\xc1\x00", ""),
    ];
    for (example, bytes, expected) in examples {
        for agreed in [WITH_TAKEOVER, ANEW] {
            let client = || Wire::client().agree_on(&agreed, &EAGER);
            assert_eq!(client().read(bytes), [text(expected)], "{example}");
            assert_eq!(client().drip(bytes), [text(expected)], "{example}");
            // What follows is read as well as if nothing had been before.
            let mut client = client();
            for _ in 0..3 {
                assert_eq!(client.drip(bytes), [text(expected)], "{example}");
                assert_eq!(client.read(bytes), [text(expected)], "{example}");
                let hello = unmasked(COMPRESSED_TEXT, HELLO);
                assert_eq!(client.read(&hello), [text("Hello")], "{example}");
            }
        }
    }
}

#[test]
fn a_message_may_refer_to_the_one_before_it_with_context_takeover_only() {
    let two = [masked(COMPRESSED_TEXT, HELLO), masked(COMPRESSED_TEXT, HELLO_AGAIN)].concat();
    let hello = text("Hello");
    let mut wire = server(&WITH_TAKEOVER);
    assert_eq!(wire.read(&two), [hello.clone(), hello.clone()]);
    assert_eq!(wire.drip(&two), [hello.clone(), hello.clone()]);
    let invalid = Seen::Violation(Violation::InvalidCompressedData);
    let seen = [hello, invalid];
    assert_eq!(server(&ANEW).read(&two), seen);
    assert_eq!(server(&ANEW).drip(&two), seen);
    // What the other side promised of its own messages says nothing about these.
    let other = DeflateParameters { client_no_context_takeover: false, ..ANEW };
    assert_eq!(server(&other).read(&two).len(), 2);
    assert_eq!(server(&other).state(), State::Open);
}

#[test]
fn what_is_sent_is_what_the_examples_show() {
    let sent = |agreed: &DeflateParameters| {
        let mut wire = server(agreed);
        for _ in 0..2 {
            wire.connection.outbox(wire.now).text("Hello").unwrap();
        }
        wire.sent()
    };
    let hello = unmasked(COMPRESSED_TEXT, HELLO);
    // The RFC's encoder looks one byte further before it takes a match, and so sends the H again;
    // level 1 does not: all five letters are one reference.
    let again = unmasked(COMPRESSED_TEXT, b"\x02\x13\x00\x00");
    assert_eq!(sent(&WITH_TAKEOVER), [hello, again].concat());
    let mut client = Wire::client().agree_on(&WITH_TAKEOVER, &EAGER);
    assert_eq!(client.read(&sent(&WITH_TAKEOVER)), [text("Hello"), text("Hello")]);
    // Without context takeover a message that does not shrink is better sent as it is.
    let plain = unmasked(TEXT, b"Hello");
    assert_eq!(sent(&ANEW), plain.repeat(2));
}

#[test]
fn short_messages_and_control_frames_are_sent_uncompressed() {
    let options = DeflateOptions { threshold: 10, ..EAGER };
    for agreed in [WITH_TAKEOVER, ANEW] {
        let mut wire = Wire::server().agree_on(&agreed, &options);
        let outbox = wire.connection.outbox(wire.now);
        outbox.text("aaaaaaaaa").unwrap();
        outbox.text("").unwrap();
        outbox.ping(b"aaaaaaaaaaaaaaaaaaaa").unwrap();
        let plain = [
            unmasked(TEXT, b"aaaaaaaaa"),
            unmasked(TEXT, b""),
            unmasked(PING, b"aaaaaaaaaaaaaaaaaaaa"),
        ];
        assert_eq!(wire.sent(), plain.concat());
        wire.connection.outbox(wire.now).text("aaaaaaaaaa").unwrap();
        assert_eq!(wire.sent()[0], COMPRESSED_TEXT);
        wire.close(CloseCode::NORMAL, "aaaaaaaaaaaaaaaaaaaa");
        assert_eq!(wire.sent()[0], CLOSE);
    }
}

// --- Frames ---------------------------------------------------------------------------------------

#[test]
fn uncompressed_messages_in_between_are_read_and_leave_the_window_as_it_was() {
    let between = noise(40_000);
    let bytes = [
        masked(COMPRESSED_TEXT, HELLO),
        masked(BINARY, &between),
        masked(TEXT_BEGINS, b"x"),
        masked(ENDS, b"y"),
        masked(COMPRESSED_TEXT, HELLO_AGAIN),
    ]
    .concat();
    let expected = [text("Hello"), Seen::Binary(between), text("xy"), text("Hello")];
    assert_eq!(server(&WITH_TAKEOVER).read(&bytes), expected);
    assert_eq!(server(&WITH_TAKEOVER).drip(&bytes), expected);
}

#[test]
fn control_frames_pass_between_compressed_fragments() {
    let bytes = [
        masked(COMPRESSED_TEXT_BEGINS, &HELLO[..2]),
        masked(PING, b"!"),
        masked(CONTINUES, b""),
        masked(CONTINUES, &HELLO[2..6]),
        masked(PONG, b""),
        masked(CONTINUES, &HELLO[6..]),
        masked(ENDS, b""),
    ]
    .concat();
    let expected = [Seen::Ping(b"!".to_vec()), Seen::Pong(vec![]), text("Hello")];
    for agreed in [WITH_TAKEOVER, ANEW] {
        let mut wire = server(&agreed);
        assert_eq!(wire.read(&bytes), expected);
        assert_eq!(wire.drip(&bytes), expected);
        assert_eq!(wire.sent(), unmasked(PONG, b"!").repeat(2));
    }
}

#[test]
fn rsv1_stands_on_the_first_frame_of_a_message_only() {
    let begun = masked(COMPRESSED_TEXT_BEGINS, &HELLO[..2]);
    let plainly_begun = masked(TEXT_BEGINS, b"x");
    let wrong = [
        // Without the extension RSV1 has no meaning on a control frame, and RFC 7692, 6.1 gives
        // it none: "An endpoint MUST NOT set the "Per-Message Compressed" bit of control frames
        // and non-first fragments of a data message."
        masked(0xc8, b""),
        masked(0xc9, b""),
        masked(0xca, b""),
        [begun.clone(), masked(0xc0, &HELLO[2..])].concat(),
        [begun.clone(), masked(0x40, &HELLO[2..])].concat(),
        [plainly_begun.clone(), masked(0xc0, b"y")].concat(),
        [begun, masked(0xc9, b"")].concat(),
        // The other two mean nothing, with RSV1 or without.
        masked(0xa1, b"x"),
        masked(0x91, b"x"),
        masked(0xe1, HELLO),
        masked(0xd1, HELLO),
        masked(0xf1, HELLO),
    ];
    for bytes in wrong {
        let expected = violation(Violation::ReservedBits);
        assert_eq!(server(&WITH_TAKEOVER).read(&bytes), expected, "{bytes:x?}");
        assert_eq!(server(&WITH_TAKEOVER).drip(&bytes), expected, "{bytes:x?}");
    }
    // A continuation of nothing and a message in a message are wrong as without compression.
    let orphan = violation(Violation::NothingToContinue);
    assert_eq!(server(&ANEW).read(&masked(ENDS, HELLO)), orphan);
    let nested = [plainly_begun, masked(COMPRESSED_TEXT, HELLO)].concat();
    let unfinished = violation(Violation::MessageUnfinished);
    assert_eq!(server(&ANEW).read(&nested), unfinished);
}

// --- What is wrong inside -------------------------------------------------------------------------

/// Compressed messages that are wrong, and the byte of the payload at which it is noticed; `None`:
/// only where the message ends.
fn wrong() -> Vec<(Vec<u8>, Option<usize>, Violation)> {
    use Violation::{InvalidCompressedData, InvalidUtf8InText};
    let after_hello = |bytes: &[u8]| [&stored(b"Hello"), bytes].concat();
    vec![
        // BTYPE 11 is "reserved (error)": RFC 1951, 3.2.3.
        (b"\x06".to_vec(), Some(1), InvalidCompressedData),
        (after_hello(b"\x06"), Some(11), InvalidCompressedData),
        // A stored block whose NLEN is not the complement of LEN.
        (b"\x00\x05\x00\xfa\xfe".to_vec(), Some(5), InvalidCompressedData),
        // A distance to before the start of the message.
        (HELLO_AGAIN.to_vec(), Some(3), InvalidCompressedData),
        // Dynamic codes of more lengths than there are: HLIT is 31.
        (b"\xfc\xff\xff".to_vec(), Some(3), InvalidCompressedData),
        // A message that is cut: in a stored block, in a code, before the header of the last block.
        (stored(b"Hello")[..7].to_vec(), None, InvalidCompressedData),
        (HELLO[..4].to_vec(), None, InvalidCompressedData),
        (stored(b"Hello"), None, InvalidCompressedData),
        // Text is judged as it comes out of the inflater.
        (stored(b"abc\xffdefgh"), Some(9), InvalidUtf8InText),
        (stored(b"\xed\xa0\x80"), Some(7), InvalidUtf8InText),
        ([&stored(b"\xe4\xbd")[..], b"\0"].concat(), None, InvalidUtf8InText),
        // What comes first counts, also when both arrive at once.
        ([&stored(b"abc\xff")[..], b"\x06"].concat(), Some(9), InvalidUtf8InText),
        ([&stored(b"abc")[..], b"\x06\xff"].concat(), Some(9), InvalidCompressedData),
    ]
}

#[test]
fn what_is_no_deflate_stream_or_no_text_is_noticed_at_its_first_wrong_byte() {
    for (payload, at, expected) in wrong() {
        for agreed in [WITH_TAKEOVER, ANEW] {
            let bytes = masked(COMPRESSED_TEXT, &payload);
            let expected = violation(expected);
            assert_eq!(server(&agreed).read(&bytes), expected, "{payload:x?}");
            let at = bytes.len() - payload.len() + at.unwrap_or(payload.len());
            let mut wire = server(&agreed);
            assert_eq!(wire.drip(&bytes[..at - 1]), [], "{payload:x?}");
            assert_eq!(wire.drip(&bytes[at - 1..at]), expected, "{payload:x?}");
            assert_eq!(wire.sent().first(), Some(&CLOSE));
            assert_eq!((wire.state(), wire.connection.held()), (State::Closed, 0));
            let fragments = in_fragments(COMPRESSED_TEXT, &payload, 1);
            assert_eq!(server(&agreed).drip(&fragments), expected, "{payload:x?}");
        }
    }
}

#[test]
fn an_error_in_one_read_with_much_else_is_the_one_that_a_byte_at_a_time_finds() {
    let limit = 40_000;
    let deflate = |payload: &[u8]| {
        let mut bytes = flushed(&mut Deflate::new(6, false, 15), payload);
        bytes.push(0x06);
        bytes
    };
    let mut bad_text = vec![b'x'; 39_000];
    bad_text.push(0xff);
    bad_text.extend([b'x'; 2_000]);
    let cases = [
        // Bad text, then over the limit, then no DEFLATE: all of it in the last 2,000 bytes.
        (deflate(&bad_text), Violation::InvalidUtf8InText),
        (deflate(&[b'x'; 41_000]), Violation::MessageTooBig),
        (deflate(&[b'x'; 40_001]), Violation::MessageTooBig),
        (deflate(&[b'x'; 40_000]), Violation::InvalidCompressedData),
    ];
    for (payload, expected) in cases {
        let bytes = masked(COMPRESSED_TEXT, &payload);
        let mut wire = limited(&ANEW, limit);
        assert_eq!(wire.read(&bytes), violation(expected));
        let mut wire = limited(&ANEW, limit);
        assert_eq!(wire.drip(&bytes), violation(expected));
    }
}

// --- Limits ---------------------------------------------------------------------------------------

#[test]
#[cfg_attr(miri, ignore = "takes minutes there")]
fn a_message_that_inflates_to_the_limit_is_delivered_and_one_byte_more_is_too_big() {
    for limit in [1, 100, 8_191, 8_192, 8_193, 65_536, 100_000] {
        for payload in [vec![b'x'; limit + 1], noise(limit + 1)] {
            let fits = masked(COMPRESSED_BINARY, &compressed(&payload[..limit]));
            let over = masked(COMPRESSED_BINARY, &compressed(&payload));
            for agreed in [WITH_TAKEOVER, ANEW] {
                let mut wire = limited(&agreed, limit);
                let expected = [Seen::Binary(payload[..limit].to_vec())];
                assert_eq!(wire.read(&fits), expected);
                assert_eq!(wire.drip(&fits), expected);
                assert_eq!(wire.read(&over), violation(Violation::MessageTooBig));
                let mut wire = limited(&agreed, limit);
                assert_eq!(wire.drip(&over), violation(Violation::MessageTooBig));
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes there")]
fn a_frame_that_announces_more_than_could_fit_is_refused_at_its_header() {
    let limit = 65_536;
    let too_big = violation(Violation::MessageTooBig);
    for announced in [80_000, 1 << 40, i64::MAX as u64] {
        let mut wire = limited(&ANEW, limit);
        let header = [&[COMPRESSED_BINARY, 0xff][..], &announced.to_be_bytes()].concat();
        assert_eq!(wire.read(&header), too_big);
        // And so is a continuation, by what is left.
        let mut wire = limited(&ANEW, limit);
        wire.read(&masked(COMPRESSED_BINARY_BEGINS, &compressed(&noise(60_000))));
        let header = [&[ENDS, 0xff][..], &announced.to_be_bytes()].concat();
        assert_eq!(wire.read(&header), too_big);
    }
}

#[test]
fn a_message_at_the_limit_may_take_more_than_the_limit_on_the_wire() {
    let payload = noise(8_000);
    let mut blocks: Vec<u8> = payload.chunks(50).flat_map(stored).collect();
    blocks.push(0);
    assert_eq!(blocks.len(), 8_000 + 160 * 5 + 1);
    let mut wire = limited(&ANEW, payload.len());
    assert_eq!(wire.read(&masked(COMPRESSED_BINARY, &blocks)), [Seen::Binary(payload)]);
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes there")]
fn a_message_may_be_flushed_as_often_as_its_sender_likes() {
    // Each flush adds five bytes, so this takes many times its size on the wire.
    let payload = noise(2_000);
    let mut deflate = Deflate::new(6, false, 15);
    let mut bytes = masked(COMPRESSED_BINARY_BEGINS, b"");
    for byte in payload.chunks(1) {
        bytes.extend(masked(CONTINUES, &flushed(&mut deflate, byte)));
    }
    bytes.extend(masked(ENDS, b"\0"));
    assert!(bytes.len() > 5 * payload.len());
    let mut wire = limited(&ANEW, payload.len());
    assert_eq!(wire.read(&bytes), [Seen::Binary(payload)]);
}

/// Zeros, as a bomb has them: about 1000 of them for each byte.
fn bomb(size: usize) -> Vec<u8> {
    compressed(&vec![0; size])
}

/// Attack B12. What is more than the limit is never even held.
#[test]
#[cfg_attr(miri, ignore = "takes minutes there")]
fn a_bomb_is_stopped_while_it_inflates() {
    let (limit, size) = (1 << 20, 32 << 20);
    let bomb = bomb(size);
    assert!(bomb.len() < size / 1000, "{} bytes", bomb.len());
    let lenient = DeflateOptions { max_ratio: u32::MAX, ..EAGER };
    let whole = masked(COMPRESSED_BINARY, &bomb);
    let fragmented = in_fragments(COMPRESSED_BINARY, &bomb, 100);
    for agreed in [WITH_TAKEOVER, ANEW] {
        for bytes in [&whole, &fragmented] {
            for size in [1, 100, bytes.len()] {
                let limits = Limits { max_message: limit, ..Limits::default() };
                let mut wire = Wire::server_with(limits).agree_on(&agreed, &lenient);
                let mut most = 0;
                let mut read = 0;
                let seen = bytes.chunks(size).find_map(|chunk| {
                    read += chunk.len();
                    let seen = wire.read(chunk).pop();
                    most = most.max(wire.connection.message().map_or(0, |message| message.len()));
                    seen
                });
                assert_eq!(seen, Some(Seen::Violation(Violation::MessageTooBig)));
                assert!(most <= limit, "{most} bytes were held");
                // It took no more of the bomb than the limit is worth, and what one read brought.
                let worth = bytes.len() / (32 - 2);
                assert!(read <= worth + size, "{read} bytes were read");
                wire.sent();
                assert_eq!(wire.connection.held(), 0);
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes there")]
fn a_message_that_inflates_too_much_for_its_size_is_refused_however_it_is_cut() {
    let bomb = bomb(4 << 20);
    let whole = masked(COMPRESSED_BINARY, &bomb);
    let fragmented = in_fragments(COMPRESSED_BINARY, &bomb, 50);
    let limits = || Limits { max_message: 16 << 20, ..Limits::default() };
    for max_ratio in [10, 512, 1000] {
        let options = DeflateOptions { max_ratio, ..EAGER };
        let server = || Wire::server_with(limits()).agree_on(&ANEW, &options);
        for bytes in [&whole, &fragmented] {
            let expected = violation(Violation::CompressionRatioTooHigh);
            assert_eq!(server().read(bytes), expected);
            assert_eq!(server().drip(bytes), expected);
        }
    }
    // DEFLATE does no better than 1032 to 1.
    let options = DeflateOptions { max_ratio: 1032, ..EAGER };
    let mut wire = Wire::server_with(limits()).agree_on(&ANEW, &options);
    assert_eq!(wire.read(&whole), [Seen::Binary(vec![0; 4 << 20])]);
}

/// Where the ratio is too high for a moment only, it must not matter how the moment was cut.
#[test]
#[cfg_attr(miri, ignore = "takes minutes there")]
fn a_ratio_is_judged_at_the_same_places_however_a_message_is_cut() {
    let mut deflate = Deflate::new(6, false, 15);
    let mut payload = flushed(&mut deflate, &vec![0; 2 << 20]);
    payload.extend(flushed(&mut deflate, &noise(8_000)));
    payload.push(0);
    let bytes = masked(COMPRESSED_BINARY, &payload);
    let limits = || Limits { max_message: 4 << 20, ..Limits::default() };
    for max_ratio in [195, 200, 202, 204, 206, 208, 210, 250, 950, 1000, 1031] {
        let options = DeflateOptions { max_ratio, ..EAGER };
        let server = || Wire::server_with(limits()).agree_on(&ANEW, &options);
        let mut bytewise = server();
        let dripped = bytewise.drip(&bytes);
        for size in [3, 100, bytes.len()] {
            let mut wire = server();
            let seen: Vec<Seen> = bytes.chunks(size).flat_map(|chunk| wire.read(chunk)).collect();
            assert!(seen == dripped, "ratio {max_ratio}, reads of {size}");
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes there")]
fn a_message_of_a_megabyte_is_never_held_against_its_ratio() {
    let payload = vec![b'x'; 1 << 20];
    let bytes = masked(COMPRESSED_BINARY, &compressed(&payload));
    let mut wire = limited(&ANEW, 1 << 20);
    assert_eq!(wire.read(&bytes), [Seen::Binary(payload)]);
}

/// A megabyte is free; with one byte more the ratio is looked at, after each 256 compressed bytes.
#[test]
#[cfg_attr(miri, ignore = "takes minutes there")]
fn a_message_is_held_against_its_ratio_from_one_byte_over_a_megabyte_on() {
    let options = DeflateOptions { max_ratio: 1, ..EAGER };
    let read = |size: usize| {
        let payload = vec![b'x'; size];
        let mut blocks = flushed(&mut Deflate::new(6, false, 15), &payload);
        while !blocks.len().is_multiple_of(256) {
            blocks.extend(stored(b""));
        }
        blocks.push(0);
        let limits = Limits { max_message: 1 << 21, ..Limits::default() };
        let mut wire = Wire::server_with(limits).agree_on(&ANEW, &options);
        (wire.read(&masked(COMPRESSED_BINARY, &blocks)), [Seen::Binary(payload)])
    };
    let (seen, message) = read(1 << 20);
    assert_eq!(seen, message);
    let (seen, _) = read((1 << 20) + 1);
    assert_eq!(seen, violation(Violation::CompressionRatioTooHigh));
}

// --- What is kept ---------------------------------------------------------------------------------

#[test]
fn an_idle_connection_that_may_compress_is_small_and_holds_nothing() {
    let mut wire = server(&ANEW);
    let held_before = wire.connection.held();
    assert_eq!(held_before, 0);
    for _ in 0..3 {
        wire.read(&masked(COMPRESSED_TEXT, HELLO));
        wire.connection.outbox(wire.now).text("aaaaaaaaaaaaaaaaaaa").unwrap();
        wire.sent();
        // The message is gone with the next call.
        wire.read(&masked(PONG, b""));
        assert_eq!(wire.connection.held(), 0);
        assert!(wire.connection.unfinished.is_none());
    }
}

/// A byte of a compressed message makes us take a state of some 40 KiB from the pool, so that
/// state counts as held as long as the message is not complete.
#[test]
fn the_state_that_an_unfinished_message_has_borrowed_is_counted() {
    let mut wire = server(&ANEW);
    wire.read(&masked(COMPRESSED_TEXT_BEGINS, &HELLO[..1]));
    assert!(wire.connection.held() > 32 * 1024);
    assert_eq!(wire.read(&masked(ENDS, &HELLO[1..])), [text("Hello")]);
    wire.read(&masked(PONG, b""));
    assert_eq!(wire.connection.held(), 0);
    wire.read(&masked(COMPRESSED_TEXT_BEGINS, &HELLO[..1]));
    wire.connection.receive_eof();
    assert_eq!(wire.connection.held(), 0);
}

/// Then the states of that connection are gone too: with context takeover, some 220 KB.
#[test]
fn an_ended_connection_keeps_no_deflate_state() {
    let endings: [fn(&mut Wire); 3] = [
        |wire| wire.connection.receive_eof(),
        |wire| drop(wire.read(&masked(CLOSE, b""))),
        |wire| drop(wire.read(&masked(CONTINUES, b""))),
    ];
    for end in endings {
        let pool = Arc::new(DeflatePool::default());
        let mut wire = Wire::server();
        wire.connection.use_deflate(&WITH_TAKEOVER, &EAGER, &pool);
        // Each direction knows the pool, for as long as it is there.
        assert_eq!(Arc::strong_count(&pool), 3);
        end(&mut wire);
        assert_eq!(Arc::strong_count(&pool), 1);
    }
    // After a Close frame of ours nothing is compressed any more, but messages may arrive.
    let pool = Arc::new(DeflatePool::default());
    let mut wire = Wire::server();
    wire.connection.use_deflate(&WITH_TAKEOVER, &EAGER, &pool);
    wire.close(CloseCode::NORMAL, "");
    assert_eq!(Arc::strong_count(&pool), 2);
}

// --- Both roles against each other ----------------------------------------------------------------

/// Both ends of one connection, and what is on its way.
struct Pair {
    client: Wire,
    server: Wire,
    sizes: Vec<usize>,
    reads: usize,
}

impl Pair {
    fn new(agreed: &DeflateParameters, options: &DeflateOptions, sizes: Vec<usize>) -> Self {
        let (client, server) = (Wire::client(), Wire::server());
        let reads = 0;
        Self {
            client: client.agree_on(agreed, options),
            server: server.agree_on(agreed, options),
            sizes,
            reads,
        }
    }

    /// Hands `bytes` to one end in reads of the sizes given, over and over.
    fn hand(&mut self, role: Role, mut bytes: &[u8]) -> Vec<Seen> {
        let mut seen = Vec::new();
        while !bytes.is_empty() {
            let size = self.sizes[self.reads % self.sizes.len()].min(bytes.len());
            self.reads += 1;
            let wire = match role {
                Role::Server => &mut self.server,
                Role::Client => &mut self.client,
            };
            let (read, rest) = bytes.split_at(size);
            seen.extend(wire.read(read));
            bytes = rest;
        }
        seen
    }
}

fn send(wire: &mut Wire, message: &Seen) -> Vec<u8> {
    let outbox = wire.connection.outbox(wire.now);
    match message {
        Seen::Text(text) => outbox.text(text).unwrap(),
        Seen::Binary(payload) => outbox.binary(payload).unwrap(),
        other => panic!("{other:?} is no message"),
    }
    wire.sent()
}

/// Cuts the one frame in `bytes` into several, as our own side never does.
fn cut_into_fragments(bytes: &[u8], role: Role, size: usize) -> Vec<u8> {
    let expected = crate::protocol::frame::Expected {
        role,
        in_message: false,
        extension_bits: RSV1,
        room: u64::MAX,
        compressed_room: u64::MAX,
    };
    let (header, start) = FrameHeader::parse(bytes, &expected).unwrap().unwrap();
    let mut payload = bytes[start..].to_vec();
    apply_mask(&mut payload, header.masking_key.unwrap_or_default(), 0);
    let mut first = header.reserved | header.opcode as u8;
    let mut fragments = Vec::new();
    for piece in payload.chunks(size) {
        fragments.extend(frame(first, piece, header.masking_key));
        if first != CONTINUES {
            fragments.extend(frame(PING, b"between", header.masking_key));
        }
        first = CONTINUES;
    }
    fragments.extend(frame(first | ENDS, b"", header.masking_key));
    fragments
}

/// Messages that can be compressed, and some that cannot.
fn message() -> impl Strategy<Value = Seen> {
    let alike = "(a=candidate:[0-9]{1,2} 1 udp [0-9]{1,3} 192\\.0\\.2\\.[0-9]{1,2} é\n){0,20}";
    prop_oneof![
        alike.prop_map(Seen::Text),
        "\\PC{0,30}".prop_map(Seen::Text),
        vec(any::<u8>(), 0..300).prop_map(Seen::Binary),
        (any::<u8>(), 0_usize..20_000).prop_map(|(byte, length)| Seen::Binary(vec![byte; length])),
        (1_usize..6_000).prop_map(|length| Seen::Binary(noise(length))),
    ]
}

fn parameters() -> impl Strategy<Value = DeflateParameters> {
    let bits = 8_u8..=15;
    (any::<bool>(), any::<bool>(), bits.clone(), bits).prop_map(|(server, client, ours, theirs)| {
        DeflateParameters {
            server_no_context_takeover: server,
            client_no_context_takeover: client,
            server_max_window_bits: ours,
            client_max_window_bits: theirs,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is agreed on, sent, cut into fragments and into reads: what arrives is what was
    /// sent, both ways.
    #[test]
    fn what_one_end_sends_the_other_receives(
        agreed in parameters(),
        messages in vec((message(), any::<bool>(), 1_usize..500), 1..12),
        sizes in vec(prop_oneof![1_usize..10, 1_usize..5_000], 1..8),
        threshold in prop_oneof![Just(0), Just(128)],
    ) {
        let options = DeflateOptions { threshold, ..EAGER };
        let mut pair = Pair::new(&agreed, &options, sizes);
        for (message, fragmented, size) in messages {
            for role in [Role::Server, Role::Client] {
                let sender = match role {
                    Role::Server => &mut pair.client,
                    Role::Client => &mut pair.server,
                };
                let mut bytes = send(sender, &message);
                if fragmented {
                    bytes = cut_into_fragments(&bytes, role, size);
                }
                let mut seen = pair.hand(role, &bytes);
                seen.retain(|seen| !matches!(seen, Seen::Ping(_)));
                prop_assert!(seen == [message.clone()], "{seen:?}");
                // The pong that the ping was answered with.
                pair.client.sent();
                pair.server.sent();
            }
        }
    }

    /// However wrong a compressed message is, it is judged the same when it comes byte by byte.
    #[test]
    fn any_bytes_are_judged_the_same_however_they_are_cut(
        agreed in parameters(),
        messages in vec((vec(any::<u8>(), 0..40), any::<bool>(), any::<bool>()), 1..6),
        sizes in vec(1_usize..40, 1..5),
    ) {
        let mut bytes = Vec::new();
        for (payload, is_text, valid) in messages {
            let payload = if valid { compressed(&payload) } else { payload };
            let first = if is_text { COMPRESSED_TEXT } else { COMPRESSED_BINARY };
            bytes.extend(masked(first, &payload));
        }
        let (mut whole, mut dripped) = (server(&agreed), server(&agreed));
        let expected = whole.read(&bytes);
        prop_assert_eq!(&dripped.drip(&bytes), &expected);
        let mut pair = Pair::new(&agreed, &EAGER, sizes);
        prop_assert_eq!(pair.hand(Role::Server, &bytes), expected);
        let sent = whole.sent();
        prop_assert_eq!(dripped.sent(), &sent[..]);
        prop_assert_eq!(pair.server.sent(), sent);
    }
}
