#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../properties/handshake.rs"]
mod handshake;

fuzz_target!(|data: &[u8]| handshake::check(data));
