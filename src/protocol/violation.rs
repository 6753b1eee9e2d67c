//! Every way in which a peer can break the protocol, in one table.
//!
//! The close frame, the log, the trace, the manual and the tests all read this table, so that a
//! rule has one wording and one close code everywhere.

use std::fmt;

use super::CloseCode;

/// A rule that the peer broke. The connection is failed (RFC 6455, 7.1.7) with the code of
/// [`Violation::rule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Violation {
    /// A reserved bit is set and no negotiated extension gives it a meaning.
    ReservedBits,
    /// An opcode among 3-7 or 11-15.
    ReservedOpcode,
    /// A client's frame without a mask.
    UnmaskedFrame,
    /// A server's frame with a mask.
    MaskedFrame,
    /// A control frame with FIN clear.
    FragmentedControlFrame,
    /// A control frame of more than 125 bytes.
    ControlFrameTooLong,
    /// A length written in more bytes than it needs.
    LengthNotMinimal,
    /// A 64-bit length with its most significant bit set.
    LengthTopBitSet,
    /// A continuation frame with no message to continue.
    NothingToContinue,
    /// A new text or binary frame while a message is unfinished.
    MessageUnfinished,
    /// A Close frame whose body is one byte.
    CloseBodyOfOneByte,
    /// A close code that must not be sent.
    InvalidCloseCode,
    /// Text that is not UTF-8.
    InvalidUtf8InText,
    /// A close reason that is not UTF-8.
    InvalidUtf8InCloseReason,
    /// A message over the limit.
    MessageTooBig,
    /// More empty fragments in a row than the limit.
    TooManyEmptyFragments,
    /// A fragmented message that was not finished in time.
    ReassemblyTimedOut,
    /// A compressed message that is no DEFLATE stream.
    InvalidCompressedData,
    /// A compressed message that inflates to far more than its size.
    CompressionRatioTooHigh,
}

/// What the table says of one violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The code of the Close frame that answers it.
    pub code: CloseCode,
    /// The RFC that was broken: 6455, or 7692 for compression.
    pub rfc: u16,
    /// The section that was broken; for limits, the one that allows them.
    pub section: &'static str,
    /// What was wrong, for a human; it fits into a close reason.
    pub sentence: &'static str,
}

impl Violation {
    /// Every violation, in the order of the table.
    pub const ALL: [Self; 19] = [
        Self::ReservedBits,
        Self::ReservedOpcode,
        Self::UnmaskedFrame,
        Self::MaskedFrame,
        Self::FragmentedControlFrame,
        Self::ControlFrameTooLong,
        Self::LengthNotMinimal,
        Self::LengthTopBitSet,
        Self::NothingToContinue,
        Self::MessageUnfinished,
        Self::CloseBodyOfOneByte,
        Self::InvalidCloseCode,
        Self::InvalidUtf8InText,
        Self::InvalidUtf8InCloseReason,
        Self::MessageTooBig,
        Self::TooManyEmptyFragments,
        Self::ReassemblyTimedOut,
        Self::InvalidCompressedData,
        Self::CompressionRatioTooHigh,
    ];

    /// The table.
    pub const fn rule(self) -> Rule {
        const PROTOCOL: CloseCode = CloseCode::PROTOCOL_ERROR;
        const PAYLOAD: CloseCode = CloseCode::INVALID_PAYLOAD;
        const POLICY: CloseCode = CloseCode::POLICY_VIOLATION;
        const TOO_BIG: CloseCode = CloseCode::MESSAGE_TOO_BIG;

        let (code, section, sentence) = match self {
            Self::ReservedBits => (PROTOCOL, "5.2", "a reserved bit is set without an extension"),
            Self::ReservedOpcode => (PROTOCOL, "5.2", "a reserved opcode"),
            Self::UnmaskedFrame => (PROTOCOL, "5.1", "a client must mask its frames"),
            Self::MaskedFrame => (PROTOCOL, "5.1", "a server must not mask its frames"),
            Self::FragmentedControlFrame => (PROTOCOL, "5.5", "a control frame is fragmented"),
            Self::ControlFrameTooLong => (PROTOCOL, "5.5", "a control frame is over 125 bytes"),
            Self::LengthNotMinimal => (PROTOCOL, "5.2", "a length is not in its shortest form"),
            Self::LengthTopBitSet => (PROTOCOL, "5.2", "the top bit of a 64-bit length is set"),
            Self::NothingToContinue => (PROTOCOL, "5.4", "there is no message to continue"),
            Self::MessageUnfinished => (PROTOCOL, "5.4", "the message before is unfinished"),
            Self::CloseBodyOfOneByte => (PROTOCOL, "5.5.1", "a close body of one byte"),
            Self::InvalidCloseCode => (PROTOCOL, "7.4", "a close code that must not be sent"),
            Self::InvalidUtf8InText => (PAYLOAD, "8.1", "text is not valid UTF-8"),
            Self::InvalidUtf8InCloseReason => (PAYLOAD, "8.1", "a close reason is not valid UTF-8"),
            Self::MessageTooBig => (TOO_BIG, "10.4", "a message is over the limit"),
            Self::TooManyEmptyFragments => (POLICY, "10.4", "too many empty fragments in a row"),
            Self::ReassemblyTimedOut => (POLICY, "10.4", "a message was not finished in time"),
            Self::InvalidCompressedData => (PAYLOAD, "7.2.2", "compressed data is not DEFLATE"),
            Self::CompressionRatioTooHigh => (TOO_BIG, "8", "a message inflates suspiciously"),
        };
        let rfc = match self {
            Self::InvalidCompressedData | Self::CompressionRatioTooHigh => 7692,
            _ => 6455,
        };
        Rule { code, rfc, section, sentence }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rule { code, rfc, section, sentence } = self.rule();
        write!(f, "{sentence} (RFC {rfc}, {section}; close code {code})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::close::MAX_REASON;

    #[test]
    fn the_table_is_complete_and_each_sentence_is_its_own_and_fits_a_close_frame() {
        for (index, violation) in Violation::ALL.into_iter().enumerate() {
            assert_eq!(violation as usize, index, "{violation:?} is out of order");
            assert!(violation.rule().sentence.len() <= MAX_REASON);
            let twins = Violation::ALL.into_iter();
            let twins = twins.filter(|v| v.rule().sentence == violation.rule().sentence);
            assert_eq!(twins.count(), 1, "{violation:?} shares its sentence");
        }
    }

    #[test]
    fn a_violation_is_told_with_the_rule_that_was_broken() {
        let told = Violation::NothingToContinue.to_string();
        assert_eq!(told, "there is no message to continue (RFC 6455, 5.4; close code 1002)");
        let told = Violation::InvalidCompressedData.to_string();
        assert_eq!(told, "compressed data is not DEFLATE (RFC 7692, 7.2.2; close code 1007)");
    }
}
