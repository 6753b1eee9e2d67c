#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../properties/signaling.rs"]
mod signaling;

fuzz_target!(|data: &[u8]| signaling::check(data));
