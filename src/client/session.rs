//! An open WebSocket at the client's end, driven turn by turn.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token, Waker};

use super::opening::{ConnectError, Options, open};
use super::transport::Transport;
use super::url::Url;
use crate::protocol::deflate::DeflatePool;
use crate::protocol::handshake::Established;
use crate::protocol::{Closure, Connection, Event, Outbox};

const SOCKET: Token = Token(0);
const WAKER: Token = Token(1);

/// How much is read at once.
const READ: usize = 64 * 1024;

/// With so much waiting to be sent nothing is read, so that answers cannot pile up.
const HIGH_WATER: usize = 256 * 1024;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From us to the server.
    Sent,
    /// From the server to us.
    Received,
}

/// Is shown all bytes of a WebSocket as they are on the wire; under TLS, as they are inside it.
pub type Tap = Box<dyn FnMut(Direction, &[u8])>;

/// A WebSocket client.
///
/// It is non-blocking inside, so that it can wait for the server and for its caller at the same
/// time: another thread that has something to say wakes it with [`Client::waker`].
pub struct Client {
    poll: Poll,
    events: Events,
    waker: Arc<Waker>,
    stream: Transport<TcpStream>,
    connection: Connection,
    established: Established,
    handshake: (Vec<u8>, Vec<u8>),
    tap: Option<Tap>,
    /// What came with the handshake and is to be read first.
    early: Vec<u8>,
    scratch: Vec<u8>,
    readable: bool,
    writable: bool,
    shut: bool,
    over: bool,
}

impl Client {
    /// Opens a WebSocket. This blocks.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn connect(url: &Url, options: &Options) -> Result<Self, ConnectError> {
        let mut opened = open(url, options)?;
        opened.stream.socket().set_nonblocking(true)?;
        let mut stream = opened.stream.map(TcpStream::from_std);
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(stream.socket(), SOCKET, interest)?;
        let limits = Arc::new(options.limits.clone());
        let mut connection = Connection::client(limits, Instant::now(), opened.masking_keys);
        if let Some(agreed) = opened.established.extensions.deflate() {
            let pool = Arc::new(DeflatePool::default());
            connection.use_deflate(&agreed, &options.deflate, &pool);
        }
        Ok(Self {
            poll,
            events: Events::with_capacity(8),
            waker,
            stream,
            connection,
            established: opened.established,
            handshake: opened.handshake,
            tap: None,
            early: opened.early,
            scratch: vec![0; READ],
            readable: true,
            writable: true,
            shut: false,
            over: false,
        })
    }

    /// What the handshake agreed on.
    pub fn established(&self) -> &Established {
        &self.established
    }

    /// Attaches a tap, which is shown the handshake at once, and from now on each piece of bytes when
    /// it was read or written.
    pub fn tap(&mut self, mut tap: Tap) {
        tap(Direction::Sent, &self.handshake.0);
        tap(Direction::Received, &self.handshake.1);
        self.tap = Some(tap);
    }

    /// Ends the wait of [`Client::turn`], from any thread.
    pub fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }

    /// To send something. The next turn puts it on its way.
    pub fn outbox(&mut self) -> &mut Outbox {
        self.connection.outbox(Instant::now())
    }

    /// How many bytes wait to be sent.
    pub fn backlog(&self) -> usize {
        self.connection.pending_output().len()
    }

    /// How it ended; `None` as long as it has not.
    pub fn closure(&self) -> Option<Closure> {
        self.connection.closure()
    }

    /// Sends what waits, and hands what has arrived to `handler`, event by event. If nothing has,
    /// it waits until something happens or `until` has come, then returns for the caller to look
    /// around. False: the WebSocket is over.
    ///
    /// # Errors
    ///
    /// The system cannot wait; a connection that breaks is no error but a [`Closure`].
    pub fn turn(
        &mut self,
        until: Option<Instant>,
        handler: &mut dyn FnMut(Event<'_>, &mut Outbox),
    ) -> io::Result<bool> {
        if !self.early.is_empty() {
            let mut early = std::mem::take(&mut self.early);
            self.process(&mut early, handler);
        }
        self.flush();
        if self.over {
            return Ok(false);
        }
        if self.readable && self.backlog() < HIGH_WATER {
            self.read(handler);
            self.flush();
        } else {
            self.wait(until)?;
        }
        self.over |= self.connection.wants_drop();
        Ok(!self.over)
    }

    fn process(&mut self, mut input: &mut [u8], handler: &mut dyn FnMut(Event<'_>, &mut Outbox)) {
        let now = Instant::now();
        if let Some(tap) = &mut self.tap {
            tap(Direction::Received, input);
        }
        while let Some((event, outbox)) = self.connection.receive(now, &mut input) {
            handler(event, outbox);
        }
    }

    fn read(&mut self, handler: &mut dyn FnMut(Event<'_>, &mut Outbox)) {
        let mut scratch = std::mem::take(&mut self.scratch);
        match self.stream.read(&mut scratch) {
            Ok(0) => self.end(),
            Ok(count) => self.process(scratch.get_mut(..count).unwrap_or_default(), handler),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => self.readable = false,
                io::ErrorKind::Interrupted => {}
                _ => self.end(),
            },
        }
        self.scratch = scratch;
    }

    fn flush(&mut self) {
        while self.writable && !self.connection.pending_output().is_empty() {
            match self.stream.write(self.connection.pending_output()) {
                Ok(count) => {
                    if let Some(tap) = &mut self.tap {
                        let written = self.connection.pending_output().get(..count);
                        tap(Direction::Sent, written.unwrap_or_default());
                    }
                    self.connection.advance_output(count);
                }
                Err(error) => self.write_failed(&error),
            }
        }
        if self.writable
            && let Err(error) = self.stream.flush()
        {
            self.write_failed(&error);
        }
        if self.connection.wants_shutdown() && self.writable && !self.shut {
            self.shut = true;
            self.stream.finish();
            // A connection that the server has reset already is as good.
            let _ = self.stream.socket().shutdown(Shutdown::Write);
        }
    }

    fn write_failed(&mut self, error: &io::Error) {
        match error.kind() {
            io::ErrorKind::WouldBlock => self.writable = false,
            io::ErrorKind::Interrupted => {}
            // What the server has sent can still be read, up to its end.
            _ => {
                self.connection.advance_output(usize::MAX);
                self.writable = false;
                self.shut = true;
                let _ = self.stream.socket().shutdown(Shutdown::Write);
            }
        }
    }

    /// No byte will come any more, and none would be read.
    fn end(&mut self) {
        self.connection.receive_eof();
        self.over = true;
    }

    fn wait(&mut self, until: Option<Instant>) -> io::Result<()> {
        let due = [self.connection.next_timeout(), until].into_iter().flatten().min();
        // The system's clock of whole milliseconds may come up just too early: one more then.
        let margin = Duration::from_millis(1);
        let left = |due: Instant| due.saturating_duration_since(Instant::now()) + margin;
        match self.poll.poll(&mut self.events, due.map(left)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in self.events.iter().filter(|event| event.token() == SOCKET) {
            self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
            self.writable |= event.is_writable();
        }
        self.connection.handle_timeout(Instant::now());
        Ok(())
    }
}
