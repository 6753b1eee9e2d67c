//! The measured part: many connections, each with a fixed number of messages in flight.
//!
//! It is a mio loop like the servers it drives, because a slow client would measure itself: while
//! it is late, the server wakes for a few messages at a time, which costs more for each of them.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::client::Client;
use crate::message::{Messages, Random, check};

/// More than the longest message.
const SCRATCH: usize = 256 * 1024;

pub struct Load<'m> {
    poll: Poll,
    flights: Vec<Flight>,
    messages: &'m Messages,
    scratch: Vec<u8>,
    expected: Vec<u8>,
}

struct Flight {
    id: usize,
    stream: TcpStream,
    random: Random,
    sent: u64,
    echoed: u64,
    /// The beginning of an echo that has not come whole.
    inbox: Vec<u8>,
    outbox: Vec<u8>,
}

impl<'m> Load<'m> {
    pub fn new(clients: Vec<Client>, messages: &'m Messages) -> std::io::Result<Self> {
        let poll = Poll::new()?;
        let mut flights = Vec::new();
        for Client {
            id,
            stream,
            random,
            sequence,
        } in clients
        {
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry()
                .register(&mut stream, Token(flights.len()), interest)?;
            let (inbox, outbox) = (Vec::new(), Vec::new());
            let flight = Flight {
                id,
                stream,
                random,
                sent: sequence,
                echoed: sequence,
                inbox,
                outbox,
            };
            flights.push(flight);
        }
        Ok(Self {
            poll,
            flights,
            messages,
            scratch: vec![0; SCRATCH],
            expected: Vec::new(),
        })
    }

    /// Sends `count` messages over all connections, up to `depth` of each in flight, and waits for
    /// every echo. The messages belong to whoever has room for one, not to a connection: all of
    /// them stay busy until the last few messages.
    pub fn run(&mut self, count: u64, depth: u64, deadline: Duration) -> Result<Duration, String> {
        let start = Instant::now();
        let (mut unsent, mut unechoed) = (count, count);
        for flight in &mut self.flights {
            let share = depth.min(unsent);
            unsent -= share;
            flight.send(share, self.messages)?;
        }
        let mut events = Events::with_capacity(1024);
        while unechoed > 0 {
            let left = deadline.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Err(format!(
                    "{unechoed} of {count} echoes did not come in {deadline:?}"
                ));
            }
            match self.poll.poll(&mut events, Some(left)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                result => result.map_err(|error| error.to_string())?,
            }
            for event in &events {
                let flight = &mut self.flights[event.token().0];
                let came = flight.receive(self.messages, &mut self.scratch, &mut self.expected)?;
                unechoed = unechoed.checked_sub(came).ok_or("an echo of nothing")?;
                let next = came.min(unsent);
                unsent -= next;
                flight.send(next, self.messages)?;
            }
        }
        Ok(start.elapsed())
    }

    /// Gives the connections back, quiet, to be closed.
    pub fn into_clients(self) -> std::io::Result<Vec<Client>> {
        let registry = self.poll.registry();
        self.flights
            .into_iter()
            .map(
                |Flight {
                     id,
                     mut stream,
                     random,
                     sent,
                     ..
                 }| {
                    registry.deregister(&mut stream)?;
                    let stream = std::net::TcpStream::from(stream);
                    stream.set_nonblocking(false)?;
                    Ok(Client {
                        id,
                        stream,
                        random,
                        sequence: sent,
                    })
                },
            )
            .collect()
    }
}

impl Flight {
    fn fail(&self, what: impl std::fmt::Display) -> String {
        format!("connection {}: {what}", self.id)
    }

    /// Sends that many more messages with one write.
    fn send(&mut self, count: u64, messages: &Messages) -> Result<(), String> {
        for _ in 0..count {
            let mask = self.random.next() as u32;
            messages.push_request(self.id, self.sent, mask, &mut self.outbox);
            self.sent += 1;
        }
        while !self.outbox.is_empty() {
            match self.stream.write(&self.outbox) {
                Ok(count) if count == self.outbox.len() => self.outbox.clear(),
                Ok(count) => drop(self.outbox.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(self.fail(error)),
            }
        }
        Ok(())
    }

    /// Reads and judges what has come; returns the number of whole echoes.
    fn receive(
        &mut self,
        messages: &Messages,
        scratch: &mut [u8],
        expected: &mut Vec<u8>,
    ) -> Result<u64, String> {
        let before = self.echoed;
        loop {
            let kept = self.inbox.len();
            scratch[..kept].copy_from_slice(&self.inbox);
            let end = match self.stream.read(&mut scratch[kept..]) {
                Ok(0) => return Err(self.fail("closed by the server")),
                Ok(count) => kept + count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(self.fail(error)),
            };
            let mut came = &scratch[..end];
            while !came.is_empty() {
                messages.reply(self.id, self.echoed, expected);
                if self.echoed == self.sent {
                    return Err(self.fail("an echo of nothing"));
                }
                if !check(came, expected).map_err(|error| self.fail(error))? {
                    break;
                }
                self.echoed += 1;
                came = &came[expected.len()..];
            }
            self.inbox.clear();
            self.inbox.extend_from_slice(came);
            // epoll(7): a short read means that the socket is exhausted.
            if end < scratch.len() {
                break;
            }
        }
        Ok(self.echoed - before)
    }
}
