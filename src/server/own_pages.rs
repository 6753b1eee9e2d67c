//! Whether a page that connects is one that this server has served.
//!
//! A browser lets any page open a WebSocket anywhere: one from elsewhere that could talk to the
//! inspector would read what all others say to each other (cross-site WebSocket hijacking). The
//! browser says which page it is in `Origin`, and no page can change that.

use std::net::{IpAddr, Ipv6Addr};

use crate::protocol::handshake::Request;

/// Under which names a server's own pages are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnPages {
    /// Under names of this machine only, `localhost` and the addresses of its loopback. Somebody
    /// who owns a name can let it point to 127.0.0.1 once a page of theirs is loaded (DNS
    /// rebinding): then that page's `Origin` and the `Host` of its requests are the same, but they
    /// are not one of these.
    Loopback,
    /// Under any name: whoever can reach the server can see its pages anyway.
    Anywhere,
}

/// What proxies add to a request that they pass on; not all of them do.
const PROXIED: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

impl OwnPages {
    /// The origins of this server's pages, from what the request says that the server is called.
    pub(super) fn origins(self, request: &Request<'_>) -> Vec<String> {
        // What has passed a proxy comes from anywhere, and the proxy may have named us by our
        // loopback address.
        let passed_on = |name| request.header_values(name).next().is_some();
        if self == Self::Loopback && PROXIED.into_iter().any(passed_on) {
            return Vec::new();
        }
        let mut hosts = request.header_values("host");
        let host = hosts.next().and_then(|host| std::str::from_utf8(host).ok());
        match host {
            Some(host) if self == Self::Anywhere || is_loopback(host) => {
                ["http", "https"].iter().map(|scheme| format!("{scheme}://{host}")).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Whether this is a name or an address of this machine, with or without a port.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        Some((address, _)) => return address.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback()),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    // RFC 6761, 6.3: "localhost." and names within it always mean the loopback address.
    let name_is_ours = name == "localhost" || name.ends_with(".localhost");
    name_is_ours || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_somebody_can_own_is_not_of_this_machine() {
        for host in
            ["localhost", "localhost:8888", "127.0.0.1:1", "127.9.9.9", "[::1]:8888", "[::1]"]
        {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "evil.example:8888",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "[::2]",
            "localhost.evil.example",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
