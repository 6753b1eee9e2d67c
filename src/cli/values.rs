//! Sizes, times, rates and mounts as a human writes them.

use std::str::FromStr;
use std::time::Duration;

use wigwag::protocol::deflate::DeflateMode;
use wigwag::server;

/// A number of bytes: `4096`, `64K`, `1M`, `1MiB`. A K is 1024.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size(pub(super) usize);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a size is a number of bytes from 1 on, such as 4096, 64K or 1M".to_owned();
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = text.get(digits.len()..).unwrap_or_default().to_ascii_lowercase();
        let factor: usize = match unit.as_str() {
            "" | "b" => 1,
            "k" | "kb" | "kib" => 1 << 10,
            "m" | "mb" | "mib" => 1 << 20,
            "g" | "gb" | "gib" => 1 << 30,
            _ => return Err(wrong()),
        };
        let number: usize = digits.parse().map_err(|_| wrong())?;
        let bytes = number.checked_mul(factor).filter(|&bytes| bytes > 0);
        bytes.map(Self).ok_or_else(wrong)
    }
}

/// A time: `30s`, `500ms`, `2m`, `1h`. A bare number is in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time(pub(super) Duration);

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a time is more than 0, such as 30s, 500ms, 2m or 1h".to_owned();
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let number: u64 = digits.parse().map_err(|_| wrong())?;
        let milliseconds = match text.get(digits.len()..).unwrap_or_default() {
            "ms" => Some(number),
            "" | "s" => number.checked_mul(1000),
            "m" => number.checked_mul(60_000),
            "h" => number.checked_mul(3_600_000),
            _ => None,
        };
        // Beyond this, adding it to a point in time might not be possible.
        let longest = 1000 * 365 * 24 * 3_600_000;
        let milliseconds = milliseconds.filter(|&ms| ms > 0 && ms < longest).ok_or_else(wrong)?;
        Ok(Self(Duration::from_millis(milliseconds)))
    }
}

/// How fast a peer may send: `50/200`, messages a second and at once; or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate(pub(super) Option<server::Rate>);

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || "a rate is so many a second / so many at once, such as 50/200, or off".to_owned();
        if text == "off" {
            return Ok(Self(None));
        }
        let (per_second, burst) = text.split_once('/').ok_or_else(wrong)?;
        let number = |text: &str| text.parse().ok().filter(|&number| number > 0).ok_or_else(wrong);
        let (per_second, burst) = (number(per_second)?, number(burst)?);
        Ok(Self(Some(server::Rate { per_second, burst })))
    }
}

/// Networks: `10.0.0.0/8` or an address; or `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exempt(pub(super) Option<server::Network>);

impl FromStr for Exempt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(if matches!(text, "none" | "") { None } else { Some(text.parse()?) }))
    }
}

/// A path where something is mounted: `/echo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MountPath(pub(super) String);

impl FromStr for MountPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with('/') && !text.contains(['?', '#', ' ']) {
            Ok(Self(text.to_owned()))
        } else {
            Err("a path starts with a slash and has no ?, # or space".into())
        }
    }
}

/// An origin as a browser writes it: `https://example.org`, `http://localhost:3000`, or `null`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin(pub(super) String);

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let host =
            text.split_once("://").map(|(scheme, host)| (scheme, host.trim_end_matches('/')));
        let plain = |part: &str| {
            let allowed = |b: u8| b.is_ascii_graphic() && !b.is_ascii_uppercase();
            !part.is_empty() && part.bytes().all(allowed) && !part.contains(['/', '?', '#', '@'])
        };
        let whole = host.is_some_and(|(scheme, host)| plain(scheme) && plain(host));
        // Compared to the letter with what a browser sends, another spelling would match nobody.
        if text.is_empty() || text == "null" || (whole && !text.ends_with('/')) {
            return Ok(Self(text.to_owned()));
        }
        Err("an origin is such as https://example.org or http://localhost:3000, in lower case, \
             without a path or a slash at its end"
            .to_owned())
    }
}

/// Whether to compress: `off`, `shared` or `takeover`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deflate(pub(super) DeflateMode);

impl FromStr for Deflate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self(DeflateMode::Off)),
            "shared" => Ok(Self(DeflateMode::Shared)),
            "takeover" => Ok(Self(DeflateMode::Takeover)),
            _ => Err("compression is off, shared or takeover".to_owned()),
        }
    }
}

/// A header: `Name: value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header(pub(super) String, pub(super) String);

impl FromStr for Header {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once(':').ok_or("a header is NAME: VALUE")?;
        Ok(Self(name.to_owned(), value.trim().to_owned()))
    }
}

/// The applications that can be mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum App {
    Signaling,
    Echo,
    Broadcast,
    Chat { prefixed: bool },
}

/// What is mounted where: `/echo=echo,max-message=16M`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MountValue {
    pub(super) path: String,
    /// `None` takes the path's application away.
    pub(super) app: Option<App>,
    pub(super) max_message: Option<Size>,
    pub(super) outbox: Option<Size>,
    pub(super) rate: Option<Rate>,
    pub(super) deflate: Option<Deflate>,
}

impl FromStr for MountValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = "a mount is PATH=APP, such as /echo=echo";
        let (path, rest) = text.split_once('=').ok_or(form)?;
        let MountPath(path) = path.parse()?;
        let mut parts = rest.split(',');
        let app = match parts.next().unwrap_or_default() {
            "signaling" => Some(App::Signaling),
            "echo" => Some(App::Echo),
            "broadcast" => Some(App::Broadcast),
            "chat" => Some(App::Chat { prefixed: false }),
            "off" => None,
            _ => {
                return Err("the applications are signaling, echo, broadcast, chat and off".into());
            }
        };
        let mut mount =
            Self { path, app, max_message: None, outbox: None, rate: None, deflate: None };
        for option in parts {
            mount.set(option)?;
        }
        Ok(mount)
    }
}

impl MountValue {
    /// An application at a path, with the options that the flags give.
    pub(super) fn new(path: &str, app: App) -> Self {
        let path = path.to_owned();
        Self { path, app: Some(app), max_message: None, outbox: None, rate: None, deflate: None }
    }

    /// Whether the other differs in its path only.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        Self { path: String::new(), ..self.clone() }
            == Self { path: String::new(), ..other.clone() }
    }

    fn set(&mut self, option: &str) -> Result<(), String> {
        match option.split_once('=') {
            Some(("max-message", value)) => self.max_message = Some(value.parse()?),
            Some(("outbox", value)) => self.outbox = Some(value.parse()?),
            Some(("rate", value)) => self.rate = Some(value.parse()?),
            Some(("deflate", value)) => self.deflate = Some(value.parse()?),
            None if option == "prefix" && matches!(self.app, Some(App::Chat { .. })) => {
                self.app = Some(App::Chat { prefixed: true });
            }
            _ => {
                return Err(
                    "the options of a mount are max-message=SIZE, outbox=SIZE, rate=N/BURST, \
                     deflate=MODE, \
                            and for chat prefix"
                        .into(),
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        let size = |text: &str| text.parse::<Size>().ok().map(|size| size.0);
        assert_eq!(size("4096"), Some(4096));
        assert_eq!(size("64K"), Some(65536));
        assert_eq!(size("16MiB"), Some(16 << 20));
        for wrong in
            ["", "0", "K", "-1", "1.5M", "1X", "99999999999999999999", "9999999999999G", "1 K"]
        {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn times_are_read() {
        let time = |text: &str| text.parse::<Time>().ok().map(|time| time.0.as_millis());
        assert_eq!(time("500ms"), Some(500));
        assert_eq!(time("30"), Some(30_000));
        assert_eq!(time("2m"), Some(120_000));
        for wrong in ["", "s", "0", "-1s", "1.5s", "1d", "18446744073709551615h", "99999999h"] {
            assert_eq!(time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn origins_are_read() {
        for right in ["https://example.org", "http://localhost:3000", "http://[::1]:8", "null", ""]
        {
            assert!(right.parse::<Origin>().is_ok(), "{right}");
        }
        let wrong = ["https://example.org/", "https://Example.org", "example.org", "https://", "x"];
        for wrong in wrong {
            assert!(wrong.parse::<Origin>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn mounts_are_read() {
        let mount: MountValue = "/c=chat,prefix,max-message=1K,rate=5/10".parse().unwrap();
        assert_eq!(mount.app, Some(App::Chat { prefixed: true }));
        assert_eq!(mount.max_message, Some(Size(1024)));
        assert_eq!(mount.rate, Some(Rate(Some(server::Rate { per_second: 5, burst: 10 }))));
        for wrong in
            ["", "/a", "a=echo", "/a=nothing", "/a=echo,prefix", "/a=echo,x=1", "/a?b=echo"]
        {
            assert!(wrong.parse::<MountValue>().is_err(), "{wrong}");
        }
    }
}
