//! The canary pair: two peers who call each other ten times a second, and notice everything.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::suite::common::{Client, Server, TEXT, frame};

/// The time from call to call.
const PERIOD: Duration = Duration::from_millis(100);

pub struct Canary {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<Song>>,
}

/// What a canary has lived through.
pub struct Song {
    calls: usize,
    /// The times from sending a message to having it, in order of length.
    times: Vec<Duration>,
}

impl Canary {
    /// Logs two peers in, and lets them call each other until concluded.
    pub fn start(server: &Server) -> Self {
        let address = server.address();
        let mut alice = login(address, "canary-alice");
        let mut bob = login(address, "canary-bob");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut song = Song { calls: 0, times: Vec::new() };
            while !stopped.load(Ordering::Relaxed) {
                let number = song.calls;
                song.relay(&mut alice, &mut bob, "canary-bob", "offer", number)?;
                song.relay(&mut bob, &mut alice, "canary-alice", "answer", number)?;
                song.relay(&mut alice, &mut bob, "canary-bob", "candidate", number)?;
                song.calls += 1;
                thread::sleep(PERIOD);
            }
            Ok(song)
        });
        Self { stop, thread }
    }

    /// Ends the calls. Panics if one of them failed.
    pub fn conclude(self) -> Song {
        self.stop.store(true, Ordering::Relaxed);
        let song = self.thread.join().expect("the canary lives");
        let mut song = song.expect("the canary's connections live");
        song.times.sort();
        song
    }
}

pub fn login(address: SocketAddr, name: &str) -> Client {
    login_at(address, "/signal", name)
}

pub fn login_at(address: SocketAddr, path: &str, name: &str) -> Client {
    let mut client = Client::open(address, path);
    client.send_text(&format!(r#"{{"type":"login","name":"{name}"}}"#));
    let reply = client.text();
    assert!(reply.contains(r#""success":true"#), "{reply}");
    client
}

impl Song {
    /// Sends one message from peer to peer, and sees it arrive whole and next in order.
    fn relay(
        &mut self,
        from: &mut Client,
        to: &mut Client,
        name: &str,
        kind: &str,
        number: usize,
    ) -> io::Result<()> {
        use std::io::Write;
        let sent = Instant::now();
        let text = format!(r#"{{"type":"{kind}","{kind}":{{"n":{number}}},"name":"{name}"}}"#);
        from.stream.write_all(&frame(TEXT, text.as_bytes()))?;
        let received = loop {
            let frame = to.try_frame()?;
            match frame.opcode {
                TEXT => break String::from_utf8_lossy(&frame.payload).into_owned(),
                // It was kept waiting for long enough to be asked whether it lives.
                9 => to.stream.write_all(&crate::suite::common::frame(10, &frame.payload))?,
                opcode => return Err(io::Error::other(format!("opcode {opcode}"))),
            }
        };
        self.times.push(sent.elapsed());
        let payload = format!(r#""{kind}":{{"n":{number}}}"#);
        if !received.contains(&payload) {
            return Err(io::Error::other(format!("{text} sent, {received} received")));
        }
        Ok(())
    }

    fn percentile(&self, percent: usize) -> Duration {
        let last = self.times.len().saturating_sub(1);
        self.times.get(last * percent / 100).copied().unwrap_or_default()
    }
}

impl fmt::Display for Song {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, longest] = [50, 100].map(|percent| self.percentile(percent));
        write!(f, "canary: {} calls, median {median:.1?}, longest {longest:.1?}", self.calls)
    }
}
