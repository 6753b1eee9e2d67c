//! Tokens, and lists of them: `Connection: keep-alive, Upgrade`.
//!
//! RFC 6455 takes its grammar from RFC 2616, section 2. A list is written `1#token`: elements with
//! commas between them, white space around them, and empty elements that count for nothing. A
//! header that is repeated means what its values mean when they are joined with commas.
//!
//! All here is done in one pass over the bytes, without regular expressions and without copies.

/// Whether a token may hold this byte: RFC 7230, 3.2.6. These are the visible ASCII characters that
/// are not separators.
pub const fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// These bytes as a token, if they are one.
pub fn token(bytes: &[u8]) -> Option<&str> {
    if bytes.is_empty() || !bytes.iter().copied().all(is_tchar) {
        return None;
    }
    str::from_utf8(bytes).ok()
}

/// Bytes without the spaces and tabs at both ends.
pub fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// The elements of a list that is spread over these header values, trimmed, without the empty ones.
/// They are whatever stands between two commas; whether they are tokens is for the caller to judge.
pub fn elements<'a>(values: impl Iterator<Item = &'a [u8]>) -> impl Iterator<Item = &'a [u8]> {
    values
        .flat_map(|value| value.split(|&byte| byte == b','))
        .map(trim)
        .filter(|element| !element.is_empty())
}

/// Whether a list that is spread over these header values holds a token, in upper or lower case.
pub fn contains<'a>(values: impl Iterator<Item = &'a [u8]>, token: &str) -> bool {
    elements(values).any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list<'a>(values: &[&'a str]) -> Vec<&'a [u8]> {
        elements(values.iter().map(|value| value.as_bytes())).collect()
    }

    #[test]
    fn a_list_has_white_space_empty_elements_and_repeated_headers() {
        assert_eq!(list(&["a"]), [b"a"]);
        assert_eq!(list(&["keep-alive, Upgrade"]), [&b"keep-alive"[..], b"Upgrade"]);
        assert_eq!(list(&[" \ta\t ,,\t, b , "]), [b"a", b"b"]);
        assert_eq!(list(&["a,b", "", "c"]), [b"a", b"b", b"c"]);
        assert!(list(&["", ",", " , \t,"]).is_empty());
        assert!(list(&[]).is_empty());
    }

    #[test]
    fn a_token_is_found_whole_and_in_either_case() {
        let contains = |value: &str| contains([value.as_bytes()].into_iter(), "upgrade");
        assert!(contains("upgrade"));
        assert!(contains("keep-alive, UPGRADE"));
        for value in ["", "upgraded", "up grade", "\"upgrade\"", "keep-alive; upgrade", "upgrade/1"]
        {
            assert!(!contains(value), "{value}");
        }
    }

    #[test]
    fn a_token_is_what_the_grammar_says_for_every_byte() {
        for byte in 0..=u8::MAX {
            // RFC 2616, 2.2: any CHAR except CTLs or separators
            let separator = b"()<>@,;:\\\"/[]?={} \t".contains(&byte);
            let expected = byte.is_ascii() && !byte.is_ascii_control() && !separator;
            assert_eq!(token(&[b'a', byte]).is_some(), expected, "{byte:02x}");
        }
        assert_eq!(token(b""), None);
    }

    proptest! {
        /// Linear time by structure: the elements are disjoint pieces of the value, in its order.
        #[test]
        fn elements_are_disjoint_pieces_in_order(value in "[ab, \t]{0,200}") {
            let mut end = value.as_ptr() as usize;
            for element in elements([value.as_bytes()].into_iter()) {
                let start = element.as_ptr() as usize;
                prop_assert!(start >= end);
                end = start + element.len();
            }
            prop_assert!(end <= value.as_ptr() as usize + value.len());
        }
    }
}
