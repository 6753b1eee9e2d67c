//! Offers of extensions: RFC 6455, section 9.1.
//!
//! ```text
//! Sec-WebSocket-Extensions = extension-list
//! extension-list           = 1#extension
//! extension                = extension-token *( ";" extension-param )
//! extension-param          = token [ "=" (token | quoted-string) ]
//! ```
//!
//! A client lists the extensions it can speak, with parameters, the one it likes best first. The
//! server answers with those it agrees to. This project knows one, permessage-deflate (RFC 7692);
//! but what any offer says must be well formed: "If a value is received [...] that does not conform
//! to the ABNF below, the recipient of such malformed data MUST immediately _Fail the WebSocket
//! Connection_."

use std::borrow::Cow;

use super::error::HandshakeError;
use super::tokens::{is_tchar, token};
use crate::protocol::deflate::{DeflateMode, DeflateParameters, WINDOW_BITS};

/// An extension that a client offers to speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer<'a> {
    /// The name, such as `permessage-deflate`.
    pub name: &'a str,
    /// The parameters, in the order in which they were sent; a name may occur more than once.
    pub parameters: Vec<Parameter<'a>>,
}

/// One parameter of an [`Offer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// The name, such as `client_max_window_bits`.
    pub name: &'a str,
    /// The value, if there is one; of a quoted one, what the quotes mean. It is a token either way.
    pub value: Option<Cow<'a, str>>,
}

/// The offers in the values of all `Sec-WebSocket-Extensions` headers of a request, in order.
///
/// # Errors
///
/// [`HandshakeError::MalformedExtensions`] if they break the grammar.
pub fn parse<'a>(values: impl Iterator<Item = &'a [u8]>) -> Result<Vec<Offer<'a>>, HandshakeError> {
    let mut offers = Vec::new();
    let mut present = false;
    for value in values {
        present = true;
        parse_value(value, &mut offers).ok_or(HandshakeError::MalformedExtensions)?;
    }
    // "1#extension": at least one. A header that is not there at all is another matter.
    if present && offers.is_empty() {
        return Err(HandshakeError::MalformedExtensions);
    }
    Ok(offers)
}

/// The name of the extension of RFC 7692.
pub const PERMESSAGE_DEFLATE: &str = "permessage-deflate";

/// An extension that both ends can agree on, with its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// RFC 7692, section 7.
    PermessageDeflate(DeflateParameters),
}

impl Extension {
    /// Appends the extension and its parameters as they stand in the response. A parameter that
    /// says what holds without it is left out.
    pub fn write(self, out: &mut Vec<u8>) {
        let Self::PermessageDeflate(parameters) = self;
        out.extend_from_slice(PERMESSAGE_DEFLATE.as_bytes());
        let flags = [
            ("; server_no_context_takeover", parameters.server_no_context_takeover),
            ("; client_no_context_takeover", parameters.client_no_context_takeover),
        ];
        for (text, _) in flags.into_iter().filter(|(_, set)| *set) {
            out.extend_from_slice(text.as_bytes());
        }
        let windows = [
            ("; server_max_window_bits=", parameters.server_max_window_bits),
            ("; client_max_window_bits=", parameters.client_max_window_bits),
        ];
        for (text, bits) in windows.into_iter().filter(|(_, bits)| bits < WINDOW_BITS.end()) {
            out.extend_from_slice(text.as_bytes());
            out.extend_from_slice(bits.to_string().as_bytes());
        }
    }
}

/// What both ends agreed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agreed {
    /// The extension that will be used, if there is one.
    pub extension: Option<Extension>,
}

impl Agreed {
    /// The parameters of permessage-deflate, if it will be used.
    pub fn deflate(&self) -> Option<DeflateParameters> {
        self.extension.map(|Extension::PermessageDeflate(parameters)| parameters)
    }
}

/// Chooses among the offers: the first that can be agreed to, since the client lists the one it
/// likes best first.
///
/// 9.1: "the client is only offering to use any advertised extensions and MUST NOT use them unless
/// the server indicates that it wishes to use the extension." So to decline all is always allowed.
pub fn negotiate(offers: &[Offer<'_>], mode: DeflateMode) -> Agreed {
    if mode == DeflateMode::Off {
        return Agreed::default();
    }
    let extension = offers.iter().find_map(|offer| {
        let offered = read_deflate(offer, Side::Offer)?;
        let shared = mode == DeflateMode::Shared;
        Some(Extension::PermessageDeflate(DeflateParameters {
            // RFC 7692, 7.1.1.1: a server accepts the offer of this "by including the
            // |server_no_context_takeover| extension parameter in the corresponding extension
            // negotiation response"; it may do so unasked, and ask the same of the client
            // (7.1.1.2).
            server_no_context_takeover: offered.server_no_context_takeover || shared,
            client_no_context_takeover: offered.client_no_context_takeover || shared,
            // 7.1.2.1: the response's value must be no larger than the offer's.
            server_max_window_bits: offered.server_max_window_bits,
            // 7.1.2.2: what the offer says of the client's own window is a hint, and we inflate
            // with the largest in any case.
            client_max_window_bits: *WINDOW_BITS.end(),
        }))
    });
    Agreed { extension }
}

/// Reads what a server agreed to, of a client's offer of `permessage-deflate` alone.
///
/// # Errors
///
/// `Err` if it agreed to what was not offered, or to something that makes no sense. RFC 7692, 5.1:
/// then "the client MUST _Fail the WebSocket Connection_".
pub fn read_response(extensions: &[Offer<'_>]) -> Result<Agreed, UnexpectedExtension> {
    match extensions {
        [] => Ok(Agreed::default()),
        [only] => {
            let parameters = read_deflate(only, Side::Response).ok_or(UnexpectedExtension)?;
            Ok(Agreed { extension: Some(Extension::PermessageDeflate(parameters)) })
        }
        _ => Err(UnexpectedExtension),
    }
}

/// A server agreed to something that was not offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnexpectedExtension;

/// In what a parameter stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Offer,
    Response,
}

/// The parameters of an offer or response of permessage-deflate. RFC 7692, 7.1: one is to be
/// declined that has a parameter which is not defined, has an invalid value, or stands twice.
fn read_deflate(offer: &Offer<'_>, side: Side) -> Option<DeflateParameters> {
    if offer.name != PERMESSAGE_DEFLATE {
        return None;
    }
    let mut read = DeflateParameters::default();
    let mut seen = Vec::new();
    for Parameter { name, value } in &offer.parameters {
        if seen.contains(name) {
            return None;
        }
        seen.push(*name);
        match (*name, value.as_deref()) {
            ("server_no_context_takeover", None) => read.server_no_context_takeover = true,
            ("client_no_context_takeover", None) => read.client_no_context_takeover = true,
            ("server_max_window_bits", Some(bits)) => {
                read.server_max_window_bits = window_bits(bits)?;
            }
            ("client_max_window_bits", Some(bits)) => {
                read.client_max_window_bits = window_bits(bits)?;
            }
            // 7.1.2.2: in an offer it may say no more than that the parameter is known.
            ("client_max_window_bits", None) if side == Side::Offer => {}
            _ => return None,
        }
    }
    Some(read)
}

/// 7.1.2.1: "a decimal integer value without leading zeroes between 8 to 15, inclusive".
fn window_bits(text: &str) -> Option<u8> {
    let bits = text.parse().ok().filter(|bits| WINDOW_BITS.contains(bits))?;
    (!text.starts_with(['0', '+'])).then_some(bits)
}

/// Reads one header value; none if it breaks the grammar.
fn parse_value<'a>(value: &'a [u8], offers: &mut Vec<Offer<'a>>) -> Option<()> {
    let mut cursor = Cursor { rest: value };
    loop {
        // RFC 2616, 2.1: "null elements are allowed, but do not contribute to the count of
        // elements present."
        while cursor.take(b',') {}
        if cursor.is_at_end() {
            return Some(());
        }
        offers.push(cursor.offer()?);
        if !cursor.is_at_end() && !cursor.next_is(b',') {
            return None;
        }
    }
}

/// What is left of a header value. Each step takes something off the front, so that a value is read
/// once from end to end.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn offer(&mut self) -> Option<Offer<'a>> {
        let name = self.token()?;
        let mut parameters = Vec::new();
        while self.take(b';') {
            let name = self.token()?;
            let value = if self.take(b'=') { Some(self.token_or_quoted_string()?) } else { None };
            parameters.push(Parameter { name, value });
        }
        Some(Offer { name, parameters })
    }

    fn token_or_quoted_string(&mut self) -> Option<Cow<'a, str>> {
        if self.take(b'"') { self.rest_of_quoted_string() } else { self.token().map(Cow::Borrowed) }
    }

    /// What follows the opening quote. 9.1: "When using the quoted-string syntax variant, the value
    /// after quoted-string unescaping MUST conform to the 'token' ABNF." So between the quotes
    /// there are token characters, each possibly behind a backslash, and at least one.
    fn rest_of_quoted_string(&mut self) -> Option<Cow<'a, str>> {
        let (plain, mut rest) = split_tchars(self.rest);
        if let [b'"', after @ ..] = rest {
            self.rest = after;
            return token(plain).map(Cow::Borrowed);
        }
        // A backslash or a mistake comes next, so what is between the quotes is not empty.
        let mut unescaped = String::from_utf8(plain.to_vec()).ok()?;
        loop {
            match rest {
                [b'"', after @ ..] => {
                    self.rest = after;
                    return Some(Cow::Owned(unescaped));
                }
                [b'\\', byte, after @ ..] | [byte, after @ ..] if is_tchar(*byte) => {
                    unescaped.push(char::from(*byte));
                    rest = after;
                }
                _ => return None,
            }
        }
    }

    fn token(&mut self) -> Option<&'a str> {
        self.skip_white_space();
        let (taken, rest) = split_tchars(self.rest);
        self.rest = rest;
        token(taken)
    }

    fn take(&mut self, byte: u8) -> bool {
        let next = self.next_is(byte);
        if next {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        next
    }

    fn next_is(&mut self, byte: u8) -> bool {
        self.skip_white_space();
        self.rest.first() == Some(&byte)
    }

    fn is_at_end(&mut self) -> bool {
        self.skip_white_space();
        self.rest.is_empty()
    }

    /// RFC 2616, 2.1, "implied *LWS": between any two parts of the grammar may be white space.
    fn skip_white_space(&mut self) {
        while let [b' ' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }
}

/// The token characters at the front, and the rest.
fn split_tchars(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|&byte| !is_tchar(byte));
    bytes.split_at_checked(end.unwrap_or(bytes.len())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed<'a>(values: &[&'a str]) -> Result<Vec<Offer<'a>>, HandshakeError> {
        parse(values.iter().map(|value| value.as_bytes()))
    }

    /// An offer written as its name and its parameters.
    fn offer<'a>(name: &'a str, parameters: &[(&'a str, Option<&'a str>)]) -> Offer<'a> {
        let parameters = parameters
            .iter()
            .map(|&(name, value)| Parameter { name, value: value.map(Cow::Borrowed) });
        Offer { name, parameters: parameters.collect() }
    }

    #[test]
    fn what_browsers_offer_is_read() {
        let chrome = parsed(&["permessage-deflate; client_max_window_bits"]);
        let expected = offer("permessage-deflate", &[("client_max_window_bits", None)]);
        assert_eq!(chrome, Ok(vec![expected]));
        assert_eq!(parsed(&["permessage-deflate"]), Ok(vec![offer("permessage-deflate", &[])]));
        assert_eq!(parsed(&[]), Ok(vec![]));
    }

    #[test]
    fn offers_are_lists_over_repeated_headers_with_empty_elements_and_white_space() {
        let expected = Ok(vec![
            offer("a", &[("x", Some("1")), ("y", None)]),
            offer("a", &[]),
            offer("b", &[("z", Some("2"))]),
        ]);
        assert_eq!(parsed(&["a;x=1;y,a,b;z=2"]), expected);
        assert_eq!(parsed(&["a;x=1;y", "a,b;z=2"]), expected);
        assert_eq!(parsed(&["", ",a;x=1;y,,", " , ,a , b;z=2 ,\t"]), expected);
        assert_eq!(parsed(&["\ta ; x\t=\t1 ;y , a , b ; z = \"2\" "]), expected);
    }

    #[test]
    fn a_quoted_value_means_what_is_between_its_quotes() {
        let value = |quoted: &str| {
            let header = format!("a; b={quoted}");
            let mut offers = parse([header.as_bytes()].into_iter()).ok()?;
            let value = offers.remove(0).parameters.remove(0).value?;
            Some(value.into_owned())
        };
        assert_eq!(value("\"15\"").as_deref(), Some("15"));
        assert_eq!(value("\"1\\5\"").as_deref(), Some("15"));
        assert_eq!(value("\"\\1\\5\"").as_deref(), Some("15"));
        let wrong = [
            "\"\"",
            "\"15",
            "\"",
            "15\"",
            "\"1 5\"",
            "\" 15\"",
            "\"1,5\"",
            "\"1;5\"",
            "\"1\\\"5\"",
            "\"15\\\"",
            "\"15\\",
            "\"1\\ 5\"",
            "\"\\\\\"",
            "\"1\u{e9}\"",
            "\"15\"\"16\"",
            "\"15\"16",
            "16\"15\"",
            "\"15\" 16",
        ];
        for wrong in wrong {
            assert_eq!(value(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_breaks_the_grammar_is_refused() {
        let wrong = [
            "",
            ",",
            " , ",
            ";",
            "a;",
            "a;;b",
            "a;=",
            "a;b=",
            "a;b==c",
            "a;b=c=d",
            "a=b",
            "=a",
            "a b",
            "a;b c",
            "a;b=c d",
            "a;,b",
            "a/b",
            "a;b=c/d",
            "\"a\"",
            "a;\"b\"=c",
            "a,;b",
            "é",
        ];
        for wrong in wrong {
            let error = parsed(&[wrong]);
            assert_eq!(error, Err(HandshakeError::MalformedExtensions), "{wrong:?}");
            let error = parsed(&["a", wrong, "b"]);
            let empty = wrong.trim_matches([',', ' ']).is_empty();
            assert_eq!(error.is_ok(), empty, "{wrong:?} between others");
        }
    }

    /// What is answered to the value of Sec-WebSocket-Extensions.
    fn answer(value: &str, mode: DeflateMode) -> Option<String> {
        let offers = parsed(&[value]).unwrap();
        let mut out = Vec::new();
        negotiate(&offers, mode).extension?.write(&mut out);
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn an_offer_is_answered_by_the_mode() {
        let chrome = "permessage-deflate; client_max_window_bits";
        assert_eq!(answer(chrome, DeflateMode::Off), None);
        let shared = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        assert_eq!(answer(chrome, DeflateMode::Shared).as_deref(), Some(shared));
        assert_eq!(answer(chrome, DeflateMode::Takeover).as_deref(), Some("permessage-deflate"));
    }

    #[test]
    fn what_the_client_asks_of_the_server_is_kept() {
        let offer = "permessage-deflate; server_no_context_takeover; server_max_window_bits=10";
        assert_eq!(answer(offer, DeflateMode::Takeover).as_deref(), Some(offer));
        let offer = "permessage-deflate; client_no_context_takeover";
        assert_eq!(answer(offer, DeflateMode::Takeover).as_deref(), Some(offer));
        for bits in 8..15 {
            let offer = format!("permessage-deflate; server_max_window_bits={bits}");
            assert_eq!(answer(&offer, DeflateMode::Takeover), Some(offer));
        }
        // 15 is what holds without a word.
        let offer = "permessage-deflate; server_max_window_bits=15; client_max_window_bits=8";
        assert_eq!(answer(offer, DeflateMode::Takeover).as_deref(), Some("permessage-deflate"));
    }

    #[test]
    fn an_offer_that_makes_no_sense_is_declined_and_the_next_one_taken() {
        let wrong = [
            "unknown",
            "server_no_context_takeover=1",
            "client_no_context_takeover=true",
            "server_max_window_bits",
            "server_max_window_bits=7",
            "server_max_window_bits=16",
            "server_max_window_bits=08",
            "server_max_window_bits=+9",
            "server_max_window_bits=1e1",
            "server_max_window_bits=99999999999",
            "client_max_window_bits=7",
            "client_max_window_bits=16",
            "client_max_window_bits=010",
            "server_no_context_takeover; server_no_context_takeover",
            "client_max_window_bits; client_max_window_bits",
            "server_max_window_bits=9; server_max_window_bits=9",
        ];
        for wrong in wrong {
            let alone = format!("permessage-deflate; {wrong}");
            assert_eq!(answer(&alone, DeflateMode::Takeover), None, "{wrong}");
            let with_another = format!("x-unknown, {alone}, permessage-deflate");
            let taken = answer(&with_another, DeflateMode::Takeover);
            assert_eq!(taken.as_deref(), Some("permessage-deflate"), "{wrong}");
        }
    }

    #[test]
    fn a_response_may_say_no_more_than_the_offer_allows() {
        let read = |value: &str| read_response(&parsed(&[value]).unwrap());
        let agreed = read("permessage-deflate; server_max_window_bits=9").unwrap();
        assert_eq!(agreed.deflate().unwrap().server_max_window_bits, 9);
        assert_eq!(read_response(&[]), Ok(Agreed::default()));
        for wrong in [
            "x-unknown",
            "permessage-deflate, permessage-deflate",
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; unknown",
        ] {
            assert_eq!(read(wrong), Err(UnexpectedExtension), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_offer_or_refused(value in "[a\" \t\\\\,;=\u{e9}]{0,40}") {
            for offer in parse([value.as_bytes()].into_iter()).unwrap_or_default() {
                prop_assert!(token(offer.name.as_bytes()).is_some());
                for parameter in offer.parameters {
                    prop_assert!(token(parameter.name.as_bytes()).is_some());
                    if let Some(value) = parameter.value {
                        prop_assert!(token(value.as_bytes()).is_some());
                    }
                }
            }
        }

        /// Linear time by structure: the names are disjoint pieces of the value, in its order.
        #[test]
        fn names_are_disjoint_pieces_in_order(value in "(ab?( ?; ?c(=\"?d\"?)?)?[ ,]?){0,40}") {
            let mut end = value.as_ptr() as usize;
            for offer in parse([value.as_bytes()].into_iter()).unwrap_or_default() {
                let names = offer.parameters.iter().map(|parameter| parameter.name);
                for name in [offer.name].into_iter().chain(names) {
                    let start = name.as_ptr() as usize;
                    prop_assert!(start >= end);
                    end = start + name.len();
                }
            }
        }
    }
}
