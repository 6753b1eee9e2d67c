//! The committed seeds of the fuzz targets, through the same properties: what a fuzzer once found
//! is checked again without one.
//!
//! One target is not among these. `differential` compares with another implementation, which is a
//! dependency of `fuzz/` only; its seeds are replayed when it is fuzzed.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

#[path = "../fuzz/properties/deflate.rs"]
mod deflate;
#[path = "../fuzz/properties/frame_header.rs"]
mod frame_header;
#[path = "../fuzz/properties/handshake.rs"]
mod handshake;
#[path = "../fuzz/properties/pair.rs"]
mod pair;
#[path = "../fuzz/properties/session.rs"]
mod session;
#[path = "../fuzz/properties/signaling.rs"]
mod signaling;
#[path = "../fuzz/properties/utf8.rs"]
mod utf8;

/// Hands each seed of a target to its property, and tells which ones fail.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut seeds = 0;
    let mut failed = Vec::new();
    for entry in fs::read_dir(&folder).expect("seeds are committed") {
        let path = entry.expect("a readable folder").path();
        let seed = fs::read(&path).expect("a readable seed");
        seeds += 1;
        if catch_unwind(|| check(&seed)).is_err() {
            failed.push(path);
        }
    }
    assert!(seeds > 0, "no seed in {}", folder.display());
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn deflate() {
    replay("deflate", |data| deflate::check(data, &[deflate::zlib]));
}

#[test]
fn frame_header() {
    replay("frame_header", frame_header::check);
}

#[test]
fn handshake() {
    replay("handshake", handshake::check);
}

#[test]
fn pair() {
    replay("pair", pair::check);
}

#[test]
fn session() {
    replay("session", session::check);
}

#[test]
fn signaling() {
    replay("signaling", signaling::check);
}

#[test]
fn utf8() {
    replay("utf8", utf8::check);
}
