//! Channels: what was sent into one comes out of it, once and in order.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::apps::PeerId;

/// The most channels at a time: a page uses four.
const MAX_CHANNELS: usize = 1024;

/// The most messages that wait in a channel; the page never has more than a few on their way.
const MAX_WAITING: usize = 256;

/// The most bytes that wait in all channels together.
const MAX_BYTES: usize = 1024 * 1024;

/// A channel that nobody has used for so long is forgotten when somebody uses another.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(300);

/// How often it is looked whether there are such.
const SWEPT_EVERY: Duration = Duration::from_secs(30);

/// The longest name of a channel, in bytes. A page makes up a UUID.
const MAX_NAME: usize = 64;

/// What a channel has cost, in bytes at the socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// HTTP requests, of which a WebSocket needs one.
    requests: u64,
    /// Bytes read.
    received: u64,
    /// Bytes written.
    sent: u64,
}

/// All channels. They are few and short-lived, so one lock is enough.
#[derive(Default)]
pub struct Channels {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    channels: HashMap<String, Channel>,
    /// Which WebSocket counts for which channel.
    sockets: HashMap<PeerId, String>,
    /// The bytes that wait in all channels.
    bytes: usize,
    swept: Option<Instant>,
}

struct Channel {
    /// How many WebSockets count for it.
    sockets: usize,
    waiting: VecDeque<String>,
    /// Who holds a request until there is something.
    reader: Option<PeerId>,
    counts: Counts,
    used: Instant,
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    #[error("There are too many channels.\n")]
    Channels,
    #[error("Nobody takes the messages out of this channel.\n")]
    Messages,
}

impl Channels {
    /// Puts a message into a channel. Returns who waits for it.
    pub(super) fn send(
        &self,
        name: &str,
        message: String,
        now: Instant,
    ) -> Result<Option<PeerId>, Full> {
        let mut table = self.table();
        let bytes = table.bytes.saturating_add(message.len());
        let channel = table.channel(name, now).ok_or(Full::Channels)?;
        if channel.waiting.len() >= MAX_WAITING || bytes > MAX_BYTES {
            return Err(Full::Messages);
        }
        channel.waiting.push_back(message);
        let reader = channel.reader.take();
        table.bytes = bytes;
        Ok(reader)
    }

    /// Takes all messages out of a channel. If there are none, `reader` is who will wait for them.
    pub(super) fn take(&self, name: &str, reader: Option<PeerId>, now: Instant) -> Vec<String> {
        let mut table = self.table();
        let Some(channel) = table.channel(name, now) else {
            return Vec::new();
        };
        if channel.waiting.is_empty() {
            channel.reader = reader;
        }
        table.drain(name)
    }

    /// Takes messages as [`take`](Self::take) does and stays their reader: a stream goes on.
    pub(super) fn follow(&self, name: &str, reader: PeerId, now: Instant) -> Vec<String> {
        let mut table = self.table();
        let Some(channel) = table.channel(name, now) else {
            return Vec::new();
        };
        channel.reader = Some(reader);
        table.drain(name)
    }

    /// A request of so many bytes was read for a channel. False if there are too many channels.
    pub(super) fn count_request(&self, name: &str, received: usize, now: Instant) -> bool {
        let mut table = self.table();
        let Some(channel) = table.channel(name, now) else {
            return false;
        };
        channel.counts.add(1, received, 0);
        true
    }

    /// So many bytes were written for a channel.
    pub(super) fn count_sent(&self, name: &str, sent: usize) {
        if let Some(channel) = self.table().channels.get_mut(name) {
            channel.counts.add(0, 0, sent);
        }
    }

    /// What these channels have cost; none for one that does not exist.
    pub(super) fn counts<'n>(
        &self,
        names: impl Iterator<Item = &'n str>,
    ) -> HashMap<&'n str, Counts> {
        let table = self.table();
        names.filter_map(|name| Some((name, table.channels.get(name)?.counts))).collect()
    }

    /// From now on the bytes of this WebSocket count for a channel, those of its request first. With
    /// too many channels, they do not.
    pub fn adopt(&self, socket: PeerId, name: &str, request: usize, now: Instant) {
        let mut table = self.table();
        if let Some(channel) = table.channel(name, now) {
            channel.counts.add(1, request, 0);
            channel.sockets += 1;
            table.sockets.insert(socket, name.to_owned());
        }
    }

    /// Bytes of a WebSocket that was adopted.
    pub fn count_socket(&self, socket: PeerId, received: usize, sent: usize) {
        let mut table = self.table();
        let Table { channels, sockets, .. } = &mut *table;
        if let Some(channel) = sockets.get(&socket).and_then(|name| channels.get_mut(name)) {
            channel.counts.add(0, received, sent);
        }
    }

    /// A WebSocket that was adopted is gone.
    pub fn release(&self, socket: PeerId) {
        let mut table = self.table();
        let Table { channels, sockets, .. } = &mut *table;
        if let Some(channel) = sockets.remove(&socket).and_then(|name| channels.get_mut(&name)) {
            channel.sockets -= 1;
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// The channel of this name, made if there is room for it.
    fn channel(&mut self, name: &str, now: Instant) -> Option<&mut Channel> {
        let due = |swept: Instant| now.saturating_duration_since(swept) >= SWEPT_EVERY;
        if self.swept.is_none_or(due) {
            self.swept = Some(now);
            self.sweep(now);
        }
        if !self.channels.contains_key(name) && self.channels.len() >= MAX_CHANNELS {
            return None;
        }
        let channel = self.channels.entry(name.to_owned()).or_insert_with(|| Channel {
            sockets: 0,
            waiting: VecDeque::new(),
            reader: None,
            counts: Counts::default(),
            used: now,
        });
        channel.used = now;
        Some(channel)
    }

    /// Takes all messages out of a channel.
    fn drain(&mut self, name: &str) -> Vec<String> {
        let waiting =
            self.channels.get_mut(name).map(|channel| std::mem::take(&mut channel.waiting));
        let messages: Vec<String> = waiting.into_iter().flatten().collect();
        self.bytes -= messages.iter().map(String::len).sum::<usize>();
        messages
    }

    /// Forgets what nobody uses.
    fn sweep(&mut self, now: Instant) {
        let Self { channels, bytes, .. } = self;
        channels.retain(|_, channel| {
            let idle = now.saturating_duration_since(channel.used);
            let stays = channel.sockets > 0 || idle < FORGOTTEN_AFTER;
            if !stays {
                *bytes -= channel.waiting.iter().map(String::len).sum::<usize>();
            }
            stays
        });
    }
}

impl Counts {
    fn add(&mut self, requests: u64, received: usize, sent: usize) {
        self.requests += requests;
        self.received += received as u64;
        self.sent += sent as u64;
    }
}

/// The channel that a request names.
pub fn name_in(query: Option<&str>) -> Option<&str> {
    parameter(query, "channel").filter(|name| is_name(name))
}

/// The value of a query's parameter, as it stands there.
pub(super) fn parameter<'q>(query: Option<&'q str>, name: &str) -> Option<&'q str> {
    let mut pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}

pub(super) fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_once_and_in_order() {
        let (channels, now) = (Channels::default(), Instant::now());
        assert_eq!(channels.send("c", "1".into(), now), Ok(None));
        assert_eq!(channels.send("c", "2".into(), now), Ok(None));
        assert_eq!(channels.send("other", "3".into(), now), Ok(None));
        assert_eq!(channels.take("c", None, now), ["1", "2"]);
        assert!(channels.take("c", None, now).is_empty());
    }

    #[test]
    fn who_waits_is_told_once_and_who_follows_waits_again() {
        let (channels, now, reader) = (Channels::default(), Instant::now(), PeerId::new(0, 1, 1));
        assert!(channels.take("c", Some(reader), now).is_empty());
        assert_eq!(channels.send("c", "1".into(), now), Ok(Some(reader)));
        assert_eq!(channels.send("c", "2".into(), now), Ok(None));
        assert_eq!(channels.follow("c", reader, now), ["1", "2"]);
        assert_eq!(channels.send("c", "3".into(), now), Ok(Some(reader)));
    }

    #[test]
    fn there_is_an_end_to_messages_and_to_channels() {
        let (channels, now) = (Channels::default(), Instant::now());
        for _ in 0..MAX_WAITING {
            assert!(channels.send("c", String::new(), now).is_ok());
        }
        assert_eq!(channels.send("c", String::new(), now), Err(Full::Messages));
        for number in 1..MAX_CHANNELS {
            assert!(channels.send(&number.to_string(), String::new(), now).is_ok());
        }
        assert_eq!(channels.send("new", String::new(), now), Err(Full::Channels));
        let later = now + FORGOTTEN_AFTER;
        assert_eq!(channels.send("new", String::new(), later), Ok(None));
    }

    #[test]
    fn the_names_of_channels_are_plain() {
        assert_eq!(name_in(Some("a=b&channel=c-1&d")), Some("c-1"));
        for query in ["", "channel=", "channel=a%20b", "channel=a/b", "Channel=c", "xchannel=c"] {
            assert_eq!(name_in(Some(query)), None, "{query}");
        }
        assert!(!is_name(&"x".repeat(MAX_NAME + 1)));
    }
}
