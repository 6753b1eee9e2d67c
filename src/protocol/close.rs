//! Close codes and close reasons: RFC 6455, sections 5.5.1 and 7.4.

use std::fmt;

use super::Violation;

/// The most payload a control frame may carry: RFC 6455, 5.5.
pub const MAX_CONTROL_PAYLOAD: usize = 125;

/// The most bytes a close reason may have: what a control frame holds less the two of the code.
pub const MAX_REASON: usize = MAX_CONTROL_PAYLOAD - 2;

/// A close code that may stand in a Close frame. A value of this type is always such a code: there
/// is no way to make one of 1005, 1006 or 1015, which RFC 6455 (7.4.1) reserves for reports inside
/// an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose for which the connection was made has been fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: a server going down, or a page left.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: a kind of data that this endpoint cannot accept, such as binary where text is
    /// expected.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// 1007: data that is not what its type says, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: a rule of this endpoint, not of the protocol, was broken.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: a message too big to process.
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    /// 1010: the server did not negotiate an extension that the client needs.
    pub const MANDATORY_EXTENSION: Self = Self(1010);
    /// 1011: the server met a condition that it did not expect.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1013: try again later; registered at IANA after the RFC.
    pub const TRY_AGAIN_LATER: Self = Self(1013);

    /// The code, if it may stand on the wire.
    ///
    /// 1000 to 1003 and 1007 to 1011 are the RFC's, 1012 to 1014 were registered later; 3000 to
    /// 3999 are for registration by libraries, 4000 to 4999 for private use (7.4.2).
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    /// The number, as it stands on the wire.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// The registered name of the code, or what range it belongs to.
    pub const fn name(self) -> &'static str {
        match self.0 {
            1000 => "normal closure",
            1001 => "going away",
            1002 => "protocol error",
            1003 => "unsupported data",
            1007 => "invalid frame payload data",
            1008 => "policy violation",
            1009 => "message too big",
            1010 => "mandatory extension",
            1011 => "internal error",
            1012 => "service restart",
            1013 => "try again later",
            1014 => "bad gateway",
            3000..=3999 => "registered by a library",
            _ => "private use",
        }
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0, self.name())
    }
}

/// What a Close frame said: its code, and a reason that is possibly empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseReason<'a> {
    /// The close code.
    pub code: CloseCode,
    /// The reason; UTF-8 of at most [`MAX_REASON`] bytes.
    pub reason: &'a str,
}

impl<'a> CloseReason<'a> {
    /// Reads the payload of a Close frame. `Ok(None)`: the frame was empty, which is allowed.
    pub fn parse(payload: &'a [u8]) -> Result<Option<Self>, Violation> {
        // 5.5.1: "If there is a body, the first two bytes of the body MUST be a 2-byte unsigned
        // integer (in network byte order) representing a status code"
        let (code, reason) = match payload {
            [] => return Ok(None),
            [_] => return Err(Violation::CloseBodyOfOneByte),
            [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
        };
        let code = CloseCode::new(code).ok_or(Violation::InvalidCloseCode)?;
        // 5.5.1: "the body MAY contain UTF-8-encoded data"
        let reason = str::from_utf8(reason).map_err(|_| Violation::InvalidUtf8InCloseReason)?;
        Ok(Some(Self { code, reason }))
    }
}

/// As much of a reason as a Close frame can carry, cut at a character, never inside one.
pub fn fit_reason(reason: &str) -> &str {
    let end = reason.floor_char_boundary(MAX_REASON);
    reason.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "takes minutes there")]
    fn all_65536_codes_are_sorted_into_sendable_and_not() {
        for number in 0..=u16::MAX {
            let sendable = matches!(number, 1000..=1003 | 1007..=1014 | 3000..=4999);
            assert_eq!(CloseCode::new(number).map(CloseCode::get), sendable.then_some(number));
        }
    }

    #[test]
    fn a_code_is_printed_as_its_number_and_explained_by_its_name() {
        // As IANA's registry has them, and RFC 6455, 7.4.2, the ranges.
        let names = [
            (1000, "normal closure"),
            (1001, "going away"),
            (1002, "protocol error"),
            (1003, "unsupported data"),
            (1007, "invalid frame payload data"),
            (1008, "policy violation"),
            (1009, "message too big"),
            (1010, "mandatory extension"),
            (1011, "internal error"),
            (1012, "service restart"),
            (1013, "try again later"),
            (1014, "bad gateway"),
            (3000, "registered by a library"),
            (3999, "registered by a library"),
            (4000, "private use"),
            (4999, "private use"),
        ];
        for (number, name) in names {
            let code = CloseCode::new(number).unwrap();
            assert_eq!(code.name(), name);
            assert_eq!(code.to_string(), number.to_string());
            assert_eq!(format!("{code:?}"), format!("{number} ({name})"));
        }
    }

    #[test]
    fn an_empty_body_says_nothing_and_one_byte_is_wrong() {
        assert_eq!(CloseReason::parse(b""), Ok(None));
        assert_eq!(CloseReason::parse(b"\x03"), Err(Violation::CloseBodyOfOneByte));
    }

    #[test]
    fn a_body_is_a_code_and_a_reason() {
        let expected = CloseReason { code: CloseCode::NORMAL, reason: "bye" };
        assert_eq!(CloseReason::parse(b"\x03\xe8bye"), Ok(Some(expected)));
        assert_eq!(CloseReason::parse(b"\x03\xed"), Err(Violation::InvalidCloseCode));
        assert_eq!(CloseReason::parse(b"\x03\xe8\xff"), Err(Violation::InvalidUtf8InCloseReason));
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let reason = "ü".repeat(70); // 140 bytes; byte 123 is inside a character
        assert_eq!(fit_reason(&reason), "ü".repeat(61));
        assert_eq!(fit_reason("bye"), "bye");
    }
}
