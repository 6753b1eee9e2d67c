//! The property is in `properties/deflate.rs`, where zlib-rs is asked. Here another DEFLATE reads
//! the same: miniz_oxide, by way of flate2.

#![no_main]

use flate2::{Decompress, FlushDecompress, Status};
use libfuzzer_sys::fuzz_target;

#[path = "../properties/deflate.rs"]
mod deflate;

fuzz_target!(|data: &[u8]| deflate::check(data, &[deflate::zlib, miniz]));

fn miniz(stream: &[u8]) -> deflate::Inflated {
    let mut state = Decompress::new(false);
    let mut output = Vec::with_capacity(4096);
    loop {
        let consumed = state.total_in() as usize;
        let room = output.capacity() - output.len();
        let status = state.decompress_vec(&stream[consumed..], &mut output, FlushDecompress::None);
        let ended = matches!(status, Ok(Status::StreamEnd));
        if ended || status.is_err() || output.capacity() > output.len() || room == 0 {
            return deflate::Inflated { output, consumed: state.total_in() as usize, ended };
        }
        output.reserve(output.len());
    }
}
