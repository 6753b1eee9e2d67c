//! Listening and accepting.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::{debug, warn};
use mio::net::{TcpListener, TcpStream};
use socket2::{Domain, Protocol, Socket, Type};

use super::metrics::{Count, Counters};

/// While nothing can be accepted, it is tried again after this time.
const RETRY: Duration = Duration::from_millis(100);

/// No descriptor is left in the system, or in the process: numbers that all Unixes agree on.
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;

/// Why a server cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    /// Where.
    pub address: SocketAddr,
    /// Why not.
    pub source: io::Error,
}

/// Listens on `address`, once for each of `loops` loops.
pub(super) fn bind(
    address: SocketAddr,
    backlog: u32,
    loops: u16,
) -> Result<Vec<TcpListener>, BindError> {
    let listen = |address, share| {
        listen(address, backlog, share).map_err(|source| BindError { address, source })
    };
    if loops <= 1 {
        return Ok(vec![listen(address, false)?]);
    }
    // Sockets that share a port do not notice that another program shares it too. One that does not
    // share finds out, and finds a free port if any will do.
    let probe = listen(address, false)?;
    let address = probe.local_addr().map_err(|source| BindError { address, source })?;
    drop(probe);
    (0..loops).map(|_| listen(address, true)).collect()
}

fn listen(address: SocketAddr, backlog: u32, share: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // `::` and `0.0.0.0` can then be listened on side by side.
        socket.set_only_v6(true)?;
    }
    // A server that is started again gets its port at once, though old connections linger.
    socket.set_reuse_address(true)?;
    #[cfg(target_os = "linux")]
    if share {
        // Linux spreads connections over the sockets that share a port.
        socket.set_reuse_port(true)?;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = share;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(TcpListener::from_std(socket.into()))
}

/// The listening sockets of one loop.
pub(super) struct Listeners {
    sockets: Vec<Listening>,
    /// Given up when no descriptor is left, so that a connection can be accepted in order to be
    /// closed: left in the backlog, its client would wait for nothing.
    spare: Option<File>,
    /// Nothing is accepted before this time.
    paused_until: Option<Instant>,
    counters: Arc<Counters>,
}

struct Listening {
    socket: TcpListener,
    /// Its place in the order in which the sockets were given, which its token names.
    place: usize,
    /// The kernel said that there is somebody, and has not yet said that there is nobody.
    pending: bool,
}

impl Listeners {
    pub(super) fn new(sockets: Vec<TcpListener>, counters: Arc<Counters>) -> Self {
        let spare = if sockets.is_empty() { None } else { open_spare() };
        let sockets = sockets.into_iter();
        Self {
            sockets: sockets
                .enumerate()
                .map(|(place, socket)| Listening { socket, place, pending: true })
                .collect(),
            spare,
            paused_until: None,
            counters,
        }
    }

    pub(super) fn sockets(&mut self) -> impl Iterator<Item = &mut TcpListener> {
        self.sockets.iter_mut().map(|listening| &mut listening.socket)
    }

    pub(super) fn ready(&mut self, place: usize) {
        if let Some(listening) = self.sockets.iter_mut().find(|listening| listening.place == place)
        {
            listening.pending = true;
        }
    }

    /// When accepting must be tried again; the kernel will not say it twice.
    pub(super) fn next_try(&self, now: Instant) -> Option<Instant> {
        let pending = self.sockets.iter().any(|listening| listening.pending);
        pending.then(|| self.paused_until.unwrap_or(now))
    }

    /// No more for a while: the backlog holds who comes.
    pub(super) fn pause(&mut self, now: Instant) {
        self.paused_until = now.checked_add(RETRY);
    }

    /// Accepts one connection; `None` if there is none to be had now.
    pub(super) fn accept(&mut self, now: Instant) -> Option<(TcpStream, SocketAddr)> {
        if !self.sockets.iter().any(|listening| listening.pending)
            || self.paused_until.is_some_and(|until| until > now)
        {
            return None;
        }
        self.paused_until = None;
        if self.spare.is_none() {
            self.spare = open_spare();
        }
        // Whoever listens first would starve the others in a flood, so they take turns.
        let turn = self.sockets.len().min(1);
        self.sockets.rotate_left(turn);
        let mut index = 0;
        while let Some(listening) = self.sockets.get_mut(index) {
            if !listening.pending {
                index += 1;
                continue;
            }
            match listening.socket.accept() {
                Ok(accepted) => return Some(accepted),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => listening.pending = false,
                    // The client has gone before we came to it.
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted => {}
                    _ => {
                        warn!("cannot accept, trying again in {RETRY:?}: {error}");
                        if matches!(error.raw_os_error(), Some(ENFILE | EMFILE)) {
                            self.counters.count(Count::OutOfDescriptors);
                            self.shed(index);
                        }
                        self.pause(now);
                        return None;
                    }
                },
            }
        }
        None
    }

    /// Out of descriptors: accepts one connection on the spare one and closes it.
    fn shed(&mut self, index: usize) {
        self.spare = None;
        if let Some(listening) = self.sockets.get_mut(index)
            && let Ok((stream, address)) = listening.socket.accept()
        {
            debug!("{address} turned away");
            drop(stream);
        }
        self.spare = open_spare();
    }
}

/// Says why a connection is not wanted, and drops it: three calls, and nothing to remember. That is
/// as polite as it can be to one of a flood. The answer arrives unless the request comes after it,
/// and is read by many clients even then.
pub(super) fn turn_away(mut stream: TcpStream, address: SocketAddr) {
    debug!("{address} turned away");
    // What lies unread would make the end a reset, which throws the answer away.
    let _ = stream.read(&mut [0; 4096]);
    let _ = stream.write(
        b"HTTP/1.1 429 Too Many Requests\r\n\
          Content-Type: text/plain; charset=utf-8\r\n\
          Content-Length: 43\r\n\
          Retry-After: 10\r\n\
          Connection: close\r\n\r\n\
          There are too many connections from there.\n",
    );
    let _ = stream.shutdown(Shutdown::Write);
}

fn open_spare() -> Option<File> {
    File::open("/dev/null").ok()
}
