#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../properties/utf8.rs"]
mod utf8;

fuzz_target!(|data: &[u8]| utf8::check(data));
