#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../properties/frame_header.rs"]
mod frame_header;

fuzz_target!(|data: &[u8]| frame_header::check(data));
