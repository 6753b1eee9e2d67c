//! One TCP connection between a client and the server, as a bad network would treat it.
//!
//! It keeps the promises that a kernel makes and no others: bytes arrive in order or not at all; who
//! is told that a send buffer is full is told later when there is room; a connection that is closed
//! with unread input is reset, and a reset throws away what was not read yet.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;

use wigwag::server::Transport;

use crate::random::Random;

/// Microseconds since the beginning.
pub type Time = u64;
pub const MILLISECOND: Time = 1000;
pub const SECOND: Time = 1_000_000;

/// What travels in one direction.
#[derive(Clone, Debug)]
pub enum Flight {
    Bytes(Vec<u8>),
    End,
    Reset,
}

/// How the network treats one connection.
#[derive(Clone, Debug)]
pub struct Weather {
    /// The longest delay of a segment.
    pub delay: Time,
    /// The longest segment.
    pub segment: u64,
    /// How much the server may write before the client has read.
    pub room: usize,
    /// How often a write is cut short, in percent.
    pub short_writes: u64,
    /// How often a call is interrupted, in percent.
    pub interrupts: u64,
}

pub struct Wire {
    pub weather: Weather,
    random: Random,
    pub now: Time,
    /// With the server's kernel, not read yet.
    pub up: VecDeque<u8>,
    pub up_ended: bool,
    /// Written by the server, not yet on its way.
    pub written: Vec<u8>,
    /// With the client's kernel, not read yet.
    pub down: VecDeque<u8>,
    pub down_ended: bool,
    /// So much the server may still write.
    pub room: usize,
    /// The server was told to wait until it may write again.
    pub blocked: bool,
    /// A reset has reached the server.
    pub reset: bool,
    pub shut_down: bool,
    pub dropped: bool,
    /// Whether input was unread when the server dropped the connection: then it is reset.
    pub rude: bool,
    /// When the server last read a byte.
    pub last_read: Time,
    /// When the last segment of each direction arrives: none overtakes another.
    last_up: Time,
    last_down: Time,
    pub fault: Option<&'static str>,
}

pub type Shared = Rc<RefCell<Wire>>;

impl Wire {
    pub fn new(weather: Weather, random: Random, now: Time) -> Shared {
        let room = weather.room;
        Rc::new(RefCell::new(Self {
            weather,
            random,
            now,
            up: VecDeque::new(),
            up_ended: false,
            written: Vec::new(),
            down: VecDeque::new(),
            down_ended: false,
            room,
            blocked: false,
            reset: false,
            shut_down: false,
            dropped: false,
            rude: false,
            last_read: now,
            last_up: now,
            last_down: now,
            fault: None,
        }))
    }

    pub fn delay(&mut self) -> Time {
        let longest = self.weather.delay;
        self.random.within(1, longest.max(1))
    }

    /// Cuts bytes into segments, and says when each arrives.
    pub fn send_up(&mut self, now: Time, bytes: &[u8]) -> Vec<(Time, Flight)> {
        let segments = self.cut(bytes);
        segments.into_iter().map(|flight| (self.time_up(now), flight)).collect()
    }

    pub fn time_up(&mut self, now: Time) -> Time {
        self.last_up = self.last_up.max(now + self.delay());
        self.last_up
    }

    pub fn send_down(&mut self, now: Time, bytes: &[u8]) -> Vec<(Time, Flight)> {
        let segments = self.cut(bytes);
        segments.into_iter().map(|flight| (self.time_down(now), flight)).collect()
    }

    pub fn time_down(&mut self, now: Time) -> Time {
        self.last_down = self.last_down.max(now + self.delay());
        self.last_down
    }

    /// When a reset arrives at the client. It waits for nobody: who resets forgets at once what it
    /// would have had to send again, so what is still on its way is lost.
    pub fn time_reset(&mut self, now: Time) -> Time {
        now + self.delay()
    }

    fn cut(&mut self, mut bytes: &[u8]) -> Vec<Flight> {
        let mut segments = Vec::new();
        while !bytes.is_empty() {
            // However small the segments, a long message is not a million events.
            let longest = self.weather.segment.max(bytes.len() as u64 / 64);
            let length = self.random.within(1, longest).min(bytes.len() as u64);
            let (segment, rest) = bytes.split_at(length as usize);
            segments.push(Flight::Bytes(segment.to_vec()));
            bytes = rest;
        }
        segments
    }

    fn is_interrupted(&mut self) -> bool {
        let percent = self.weather.interrupts;
        self.random.percent(percent)
    }
}

/// The server's end.
pub struct Pipe(pub Shared);

impl Transport for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut wire = self.0.borrow_mut();
        if wire.reset {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if wire.is_interrupted() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if wire.up.is_empty() && !wire.up_ended {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = buffer.len().min(wire.up.len());
        for (to, from) in buffer.iter_mut().zip(wire.up.drain(..count)) {
            *to = from;
        }
        if count > 0 {
            wire.last_read = wire.now;
        }
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut wire = self.0.borrow_mut();
        if wire.shut_down {
            wire.fault = Some("the server wrote after the end of its direction");
        }
        if wire.reset {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if wire.is_interrupted() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if wire.room == 0 {
            wire.blocked = true;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut count = bytes.len().min(wire.room);
        let short_writes = wire.weather.short_writes;
        if wire.random.percent(short_writes) {
            count = wire.random.within(1, count as u64) as usize;
        }
        wire.blocked |= count < bytes.len();
        wire.room -= count;
        wire.written.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        let mut wire = self.0.borrow_mut();
        wire.shut_down = true;
        if wire.reset {
            return Err(io::ErrorKind::NotConnected.into());
        }
        Ok(())
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let mut wire = self.0.borrow_mut();
        wire.dropped = true;
        wire.rude = !wire.up.is_empty();
    }
}
