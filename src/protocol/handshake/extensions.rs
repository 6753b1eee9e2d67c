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
//! server answers with those it agrees to. This server agrees to none yet; what an offer says is
//! read all the same: "If a value is received [...] that does not conform to the ABNF below, the
//! recipient of such malformed data MUST immediately _Fail the WebSocket Connection_."

use std::borrow::Cow;

use super::error::HandshakeError;
use super::tokens::{is_tchar, token};

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

/// An extension that this server can agree to. There is none yet, so this type has no values, and
/// the compiler knows that no response names an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {}

impl Extension {
    /// Appends the extension and its parameters as they stand in the response.
    pub fn write(self, _out: &mut Vec<u8>) {
        match self {}
    }
}

/// What both ends agreed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agreed {
    /// The extension that will be used, if there is one.
    pub extension: Option<Extension>,
}

/// Chooses among the offers.
///
/// 9.1: "the client is only offering to use any advertised extensions and MUST NOT use them unless
/// the server indicates that it wishes to use the extension." So to decline all is always allowed.
pub fn negotiate(_offers: &[Offer<'_>]) -> Agreed {
    Agreed::default()
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
            let value = if self.take(b'=') {
                Some(self.token_or_quoted_string()?)
            } else {
                None
            };
            parameters.push(Parameter { name, value });
        }
        Some(Offer { name, parameters })
    }

    fn token_or_quoted_string(&mut self) -> Option<Cow<'a, str>> {
        if self.take(b'"') {
            self.rest_of_quoted_string()
        } else {
            self.token().map(Cow::Borrowed)
        }
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
    bytes
        .split_at_checked(end.unwrap_or(bytes.len()))
        .unwrap_or_default()
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
        let parameters = parameters.iter().map(|&(name, value)| Parameter {
            name,
            value: value.map(Cow::Borrowed),
        });
        Offer {
            name,
            parameters: parameters.collect(),
        }
    }

    #[test]
    fn what_browsers_offer_is_read() {
        let chrome = parsed(&["permessage-deflate; client_max_window_bits"]);
        let expected = offer("permessage-deflate", &[("client_max_window_bits", None)]);
        assert_eq!(chrome, Ok(vec![expected]));
        assert_eq!(
            parsed(&["permessage-deflate"]),
            Ok(vec![offer("permessage-deflate", &[])])
        );
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

    #[test]
    fn all_is_declined() {
        let offers = parsed(&["permessage-deflate; client_max_window_bits"]).unwrap();
        assert_eq!(negotiate(&offers).extension, None);
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
