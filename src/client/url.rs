//! `ws://host:port/path?query`, and `wss` for TLS: RFC 6455, section 3.

use std::fmt;
use std::str::FromStr;

/// The ports of `ws` and `wss` where the URL names none: RFC 6455, 3.
const DEFAULT_PORT: u16 = 80;
const DEFAULT_TLS_PORT: u16 = 443;

/// Where a WebSocket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Whether TLS is between: `wss`.
    pub tls: bool,
    /// Name or address, an IPv6 address without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Path and query; it starts with `/`.
    pub path: String,
}

/// Why a text is no address of a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// No scheme, or another one.
    #[error("it does not start with ws:// or wss://")]
    Scheme,
    /// `wss` or `https`, in a build without TLS.
    #[cfg(not(feature = "tls"))]
    #[error("wss needs TLS, which this build leaves out: build with --features tls")]
    Tls,
    /// `user:password@`.
    #[error("it holds credentials; send them with --header instead")]
    Credentials,
    /// No host, or brackets that are not a pair around it.
    #[error("its host is missing or malformed")]
    Host,
    /// A port that is not a number from 1 to 65535.
    #[error("its port is not a number from 1 to 65535")]
    Port,
    /// Section 3: "Fragment identifiers are meaningless in the context of WebSocket URIs and MUST
    /// NOT be used on these URIs."
    #[error("it has a fragment, which means nothing here: write %23 for a #")]
    Fragment,
}

impl Url {
    /// The same host and port with another path.
    #[must_use]
    pub fn with_path(&self, path: impl Into<String>) -> Self {
        Self { path: path.into(), ..self.clone() }
    }

    /// The value of the Host header. RFC 6455, 4.1: "/host/ plus optionally ":" followed by /port/
    /// (when not using the default port)".
    pub fn authority(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == default_port(self.tls) { host } else { format!("{host}:{}", self.port) }
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            // The server prints its address with http, for browsers.
            "ws" | "http" => false,
            #[cfg(feature = "tls")]
            "wss" | "https" => true,
            #[cfg(not(feature = "tls"))]
            "wss" | "https" => return Err(UrlError::Tls),
            _ => return Err(UrlError::Scheme),
        };
        if rest.contains('#') {
            return Err(UrlError::Fragment);
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        if authority.contains('@') {
            return Err(UrlError::Credentials);
        }
        let (host, port) = split_port(authority)?;
        let port = match port {
            None => default_port(tls),
            Some(port) if port.starts_with('+') => return Err(UrlError::Port),
            Some(port) => port.parse().ok().filter(|&port| port > 0).ok_or(UrlError::Port)?,
        };
        Ok(Self { tls, host: host.to_owned(), port, path })
    }
}

fn default_port(tls: bool) -> u16 {
    if tls { DEFAULT_TLS_PORT } else { DEFAULT_PORT }
}

fn split_port(authority: &str) -> Result<(&str, Option<&str>), UrlError> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or(UrlError::Host)?;
            match rest.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if rest.is_empty() => (host, None),
                None => return Err(UrlError::Host),
            }
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    if host.is_empty() { Err(UrlError::Host) } else { Ok((host, port)) }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "wss" } else { "ws" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart_and_put_together() {
        let cases = [
            ("ws://localhost", "localhost", 80, "/", "ws://localhost/"),
            ("WS://h:8888/echo", "h", 8888, "/echo", "ws://h:8888/echo"),
            ("http://127.0.0.1:80/a?b=c://d", "127.0.0.1", 80, "/a?b=c://d", ""),
            ("ws://h?x", "h", 80, "/?x", "ws://h/?x"),
            ("ws://[::1]:9001/", "::1", 9001, "/", "ws://[::1]:9001/"),
            ("ws://[::1]", "::1", 80, "/", "ws://[::1]/"),
        ];
        for (text, host, port, path, shown) in cases {
            let url: Url = text.parse().unwrap();
            assert_eq!((url.host.as_str(), url.port, url.path.as_str()), (host, port, path));
            let shown = if shown.is_empty() { "ws://127.0.0.1/a?b=c://d" } else { shown };
            assert_eq!(url.to_string(), shown);
        }
    }

    #[test]
    #[cfg(feature = "tls")]
    fn wss_has_a_default_port_of_its_own() {
        for (text, port, shown) in [
            ("wss://h/", 443, "wss://h/"),
            ("https://h:80/", 80, "wss://h:80/"),
            ("WSS://h:443", 443, "wss://h/"),
        ] {
            let url: Url = text.parse().unwrap();
            assert_eq!((url.tls, url.port, url.to_string().as_str()), (true, port, shown));
        }
    }

    #[test]
    #[cfg(not(feature = "tls"))]
    fn a_build_without_tls_says_so() {
        for text in ["wss://h/", "https://h/"] {
            assert_eq!(text.parse::<Url>(), Err(UrlError::Tls), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_named() {
        let cases = [
            ("localhost:8888", UrlError::Scheme),
            ("ftp://h/", UrlError::Scheme),
            ("", UrlError::Scheme),
            ("ws://u:p@h/", UrlError::Credentials),
            ("ws://", UrlError::Host),
            ("ws:///x", UrlError::Host),
            ("ws://:80/", UrlError::Host),
            ("ws://[::1/", UrlError::Host),
            ("ws://[::1]8/", UrlError::Host),
            ("ws://[]/", UrlError::Host),
            ("ws://h:/", UrlError::Port),
            ("ws://h:0/", UrlError::Port),
            ("ws://h:65536/", UrlError::Port),
            ("ws://h:+1/", UrlError::Port),
            ("ws://::1/", UrlError::Host),
            ("ws://h:1:2/", UrlError::Port),
            ("ws://h/a#b", UrlError::Fragment),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<Url>(), Err(error), "{text}");
        }
    }
}
