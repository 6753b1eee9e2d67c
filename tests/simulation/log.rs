//! What happened, line by line: a hash of all, and the last lines in full.

use std::collections::VecDeque;

use crate::network::Time;

const KEPT: usize = 60;

pub struct Log {
    pub now: Time,
    pub hash: u64,
    pub last: VecDeque<String>,
    pub print: bool,
}

impl Log {
    pub fn new(print: bool) -> Self {
        Self { now: 0, hash: 0xcbf2_9ce4_8422_2325, last: VecDeque::new(), print }
    }

    pub fn note(&mut self, who: Option<usize>, what: &str) {
        let who = who.map_or_else(|| "server".to_owned(), |client| format!("client {client}"));
        let (seconds, rest) = (self.now / 1_000_000, self.now % 1_000_000);
        let line = format!("{seconds:3}.{rest:06}  {who:9}  {what}");
        for byte in line.bytes() {
            // FNV-1a.
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.print {
            println!("{line}");
        }
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }
}
