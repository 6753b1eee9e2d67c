#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../properties/session.rs"]
mod session;

fuzz_target!(|data: &[u8]| session::check(data));
