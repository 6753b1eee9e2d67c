//! Text of up to four bytes, all of it, against the standard library.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use wigwag::protocol::utf8::{Utf8Stream, whole};

/// All 2^32 inputs of four bytes, and on the way there all of one, two and three.
///
/// Four bytes are enough: a character has no more, so whatever the stream can carry from one piece
/// to the next, and whatever can come then, is among them.
///
/// To run it: `cargo test --release --test exhaustive -- --ignored`. It took 297 s of processor time, on
/// two cores of a Xeon that had other work too.
#[test]
#[ignore = "four thousand million texts: for a release build"]
fn all_4294967296_texts_of_four_bytes_are_judged_as_by_the_standard_library_however_cut() {
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let judged: u64 = thread::scope(|scope| {
        let work = || {
            let mut judge = Judge::default();
            while let Ok(first) = u8::try_from(next.fetch_add(1, Ordering::Relaxed)) {
                judge.all_that_begin_with(&mut [first, 0, 0, 0], 1, 4);
            }
            judge.judged
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().expect("no text was judged wrongly")).sum()
    });
    assert_eq!(judged, (1 << 8) + (1 << 16) + (1 << 24) + (1 << 32));
}

/// The same for all of one and two bytes, and those of three and four that begin with one of these.
/// They take every branch, so that a build of any kind tells soon if there is something to find.
#[test]
fn texts_that_begin_with_each_kind_of_byte_are_judged_as_by_the_standard_library() {
    let mut judge = Judge::default();
    for first in 0..=u8::MAX {
        judge.all_that_begin_with(&mut [first, 0, 0, 0], 1, 2);
    }
    let firsts: [(u8, u8); 9] = [
        (b'a', 0xc3),
        (0xc3, 0xa9),
        (0xc1, 0xbf),
        (0xe0, 0xa0),
        (0xe0, 0x9f),
        (0xed, 0x9f),
        (0xf0, 0x90),
        (0xf4, 0x8f),
        (0xf4, 0x90),
    ];
    for (first, second) in firsts {
        judge.one(&[first], true);
        judge.all_that_begin_with(&mut [first, second, 0, 0], 2, 4);
    }
    assert_eq!(judge.judged, 256 * 257 + 9 * (1 + 1 + 256 + 65_536));
}

/// Walks the tree of all texts, and remembers the way from its root.
#[derive(Default)]
struct Judge {
    /// After so many bytes that came one at a time: the stream and the text, or `None` when they
    /// were refused.
    after: [Option<(Utf8Stream, String)>; 5],
    /// Where the text of one push goes.
    text: String,
    /// How many texts were judged.
    judged: u64,
}

impl Judge {
    /// Judges the first `length` of the bytes, and then all texts of at most `most` bytes that
    /// begin so.
    fn all_that_begin_with(&mut self, bytes: &mut [u8; 4], length: usize, most: usize) {
        self.after[0] = Some((Utf8Stream::default(), String::new()));
        self.one(&bytes[..length], length < most);
        if length < most {
            for next in 0..=u8::MAX {
                bytes[length] = next;
                self.all_that_begin_with(bytes, length + 1, most);
            }
        }
    }

    /// Judges a text whose beginnings, all of them, were judged before.
    fn one(&mut self, bytes: &[u8], is_beginning: bool) {
        self.judged += 1;
        let expected = str::from_utf8(bytes);
        assert_eq!(whole(bytes).ok(), expected.ok(), "{bytes:x?}");
        // An error without a length is a character cut short: more bytes could make it right.
        let (refused, valid) = match expected {
            Ok(_) => (false, bytes.len()),
            Err(error) => (error.error_len().is_some(), error.valid_up_to()),
        };
        // The last piece begins at `cut`; what came before has come one byte at a time. If it was
        // refused there is no last piece: bad text fails at the first byte that cannot continue it,
        // and that is asserted below, where that byte was the last.
        for cut in 0..bytes.len() {
            let Some((before, text_before)) = &self.after[cut] else { break };
            // A cut between two characters carries nothing over, so it makes a text of what
            // follows that was judged on its own. Bytes that come alone are pushed all the same.
            let alone = cut + 1 == bytes.len();
            if cut > 0 && before.is_complete() && !alone {
                continue;
            }
            let mut stream = *before;
            self.text.clear();
            self.text.push_str(text_before);
            let pushed = stream.push(&bytes[cut..], &mut self.text);
            assert_eq!(pushed.is_err(), refused, "{bytes:x?} cut at {cut}");
            assert_eq!(self.text.as_bytes(), &bytes[..valid], "{bytes:x?} cut at {cut}");
            if !refused {
                let carried = bytes.len() - valid;
                assert_eq!(stream.carried_len(), carried, "{bytes:x?} cut at {cut}");
                assert_eq!(stream.is_complete(), carried == 0, "{bytes:x?} cut at {cut}");
            }
            if alone && is_beginning {
                let text = self.text.clone();
                self.after[bytes.len()] = (!refused).then_some((stream, text));
            }
        }
        if is_beginning && self.after[..bytes.len()].iter().any(Option::is_none) {
            self.after[bytes.len()] = None;
        }
    }
}
