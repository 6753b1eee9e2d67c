#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../properties/pair.rs"]
mod pair;

fuzz_target!(|data: &[u8]| pair::check(data));
