//! UTF-8 in pieces is what the standard library says of the whole, and refused at the same byte.
//!
//! Input: how many piece sizes, the sizes, the text.

use wigwag::protocol::utf8::Utf8Stream;

pub fn check(data: &[u8]) {
    let Some((&count, data)) = data.split_first() else {
        return;
    };
    let (sizes, bytes) = data.split_at(usize::from(count % 8).min(data.len()));
    let sizes = sizes.iter().map(|&size| usize::from(size)).chain([1]);
    let mut sizes = sizes.collect::<Vec<_>>().into_iter().cycle();

    let (mut stream, mut text) = (Utf8Stream::default(), String::new());
    let (mut rest, mut refused, mut arrived) = (bytes, false, 0);
    while !rest.is_empty() && !refused {
        let size = sizes.next().unwrap_or(1).min(rest.len());
        let (piece, behind) = rest.split_at(size);
        refused = stream.push(piece, &mut text).is_err();
        rest = behind;
        arrived += size;
        if !refused {
            assert_eq!(text.len() + stream.carried_len(), arrived);
        }
    }
    match str::from_utf8(bytes) {
        Ok(whole) => assert!(!refused && stream.is_complete() && text == whole),
        Err(error) => {
            assert_eq!(refused, error.error_len().is_some());
            assert_eq!(text.as_bytes(), &bytes[..error.valid_up_to()]);
            if refused {
                // In the piece that holds the first wrong byte, and not later.
                let wrong = error.valid_up_to() + error.error_len().unwrap_or(0);
                assert!(arrived >= wrong.min(bytes.len()) || arrived > error.valid_up_to());
            }
        }
    }
}
