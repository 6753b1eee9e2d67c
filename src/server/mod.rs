//! The server: sockets, readiness, deadlines and limits around the pure [`protocol`].
//!
//! # In what order to read it
//!
//! 1. [`config`]: what a server can be told, and every number that bounds something;
//! 2. `reactor`: the event loop, around `poll`;
//! 3. `hub`: what happens between two calls of `poll`: reading, calling applications, writing;
//! 4. `session`: one connection's phases, from request head to lingering;
//! 5. `peers`: deliveries, closing, and how a session is brought up to date;
//! 6. `http`, `response`, `files`, `page`, `own_pages`: what a request gets;
//! 7. `site`: what all loops share;
//! 8. [`tap`]: looking on, for the trace and the inspector;
//! 9. [`DetachedLoop`]: a loop without sockets and clock, for simulations;
//! 10. `table`, `timers`, `budget`, `rate`, `visitors`, `metrics`, `notes`, `mailbox`, `listener`, `address`:
//!     one small idea each.
//!
//! # What it promises
//!
//! - One connection's error ends one connection: neither the loop nor the process. A panic of an
//!   application is the end of the connection that it was called for: it is closed with 1011, and
//!   one line of the log says where the panic happened. What the application had asked for before
//!   it is done. (To know the place, a panic hook is put in front of the one that was there; it
//!   passes on every panic that is not an application's.)
//! - An idle connection owns no buffer; replies of one turn leave with one system call.
//! - Every queue, buffer and wait has a limit, and a defined end when it is reached.
//! - A frame is never lost by closing: see `session`.
//!
//! # What it deliberately does not do
//!
//! - It does not know what a message means: that is an [`Application`](crate::apps::Application)'s.
//! - It is not a web server: one request for each connection, GET and HEAD, no ranges.
//! - It speaks no TLS: put a reverse proxy in front of it on an open network.
//!
//! [`protocol`]: crate::protocol

// A session's key, slot and generation, is one of mio's tokens, which are pointer-sized.
#[cfg(not(all(unix, target_pointer_width = "64")))]
compile_error!("wigwag's server needs a 64-bit Unix");

pub mod config;
pub mod mount;
pub mod tap;

mod address;
mod budget;
mod detached;
mod files;
mod http;
mod hub;
mod listener;
mod mailbox;
mod metrics;
mod notes;
mod own_pages;
mod page;
mod peers;
mod rate;
mod reactor;
mod response;
mod session;
mod site;
mod table;
mod text;
mod timers;
mod transport;
mod visitors;

use std::io;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use mio::{Poll, Waker};

pub use config::{Config, ServerLimits, Www};
pub use detached::DetachedLoop;
pub use hub::Readiness;
pub use listener::BindError;
pub use mount::{Mount, MountOptions};
pub use own_pages::OwnPages;
pub use rate::Rate;
pub use tap::{Tap, Upgrade};
pub use transport::Transport;
pub use visitors::{AddressLimits, Network};

use crate::transports;
use hub::Hub;
use mailbox::Mailbox;
use mount::{MountInfo, Mounted};
use reactor::{Reactor, Stop};
use site::{Shared, Site};
use tap::Taps;

/// A server that listens but does not run yet.
pub struct Server {
    reactors: Vec<Reactor>,
    addresses: Vec<SocketAddr>,
    admin_addresses: Vec<SocketAddr>,
    handle: Handle,
}

/// Stops a server from another thread.
#[derive(Clone)]
pub struct Handle {
    stop: Stop,
    shared: Arc<Shared>,
}

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The operating system refuses what an event loop needs.
    #[error("cannot set up the event loop: {0}")]
    Loop(#[from] io::Error),
}

impl Server {
    /// Binds the addresses. Connections wait in the backlog until the server runs.
    pub fn bind(config: Config) -> Result<Self, StartError> {
        let loops = config.loops.max(1);
        let mut listeners: Vec<Vec<_>> = (0..loops).map(|_| Vec::new()).collect();
        let mut addresses = Vec::new();
        for &address in &config.listen {
            let sockets = listener::bind(address, config.backlog, loops)?;
            addresses.extend(sockets.first().map(mio::net::TcpListener::local_addr).transpose()?);
            for (list, socket) in listeners.iter_mut().zip(sockets) {
                list.push(socket);
            }
        }

        // One loop has time enough for those who watch. What they see is the sum of all loops.
        let mut admin = Vec::new();
        for &address in &config.admin {
            admin.extend(listener::bind(address, config.backlog, 1)?);
        }
        let admin_addresses =
            admin.iter().map(mio::net::TcpListener::local_addr).collect::<Result<_, _>>()?;

        let mut polls = Vec::new();
        let mut mailboxes = Vec::new();
        for _ in 0..loops {
            let poll = Poll::new()?;
            mailboxes.push(Mailbox::new(Waker::new(poll.registry(), reactor::WAKER)?));
            polls.push(poll);
        }
        let (shared, applications) = furnish(config, mailboxes);
        let stop = Stop::default();
        let mut reactors = Vec::new();
        let parts = polls.into_iter().zip(listeners).zip(applications);
        for (index, ((poll, sockets), applications)) in (0..).zip(parts) {
            let hub = Hub::new(index, Arc::clone(&shared), applications, Instant::now());
            let (shared, stop) = (Arc::clone(&shared), Arc::clone(&stop));
            let admin = std::mem::take(&mut admin);
            reactors.push(Reactor::new(poll, hub, sockets, admin, shared, stop)?);
        }
        Ok(Self { reactors, addresses, admin_addresses, handle: Handle { stop, shared } })
    }

    /// The addresses that the server listens on; where port 0 was asked for, with the real port.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The addresses of `/metrics`, likewise.
    pub fn admin_addresses(&self) -> &[SocketAddr] {
        &self.admin_addresses
    }

    /// The means to stop the server once it runs.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Takes each byte that can be read from `signals` as a call of [`Handle::stop`]. Signal
    /// handlers can do little more than write a byte somewhere.
    pub fn stop_on(&mut self, signals: UnixStream) -> io::Result<()> {
        match self.reactors.first_mut() {
            Some(reactor) => reactor.watch(signals),
            None => Ok(()),
        }
    }

    /// Runs until stopped. The first loop runs on this thread, each other on one of its own.
    ///
    /// # Errors
    ///
    /// A loop could not wait for events any more. The others have been stopped.
    pub fn run(self) -> io::Result<()> {
        let Self { mut reactors, handle, .. } = self;
        let others = reactors.split_off(1.min(reactors.len()));
        let mut threads = Vec::new();
        for (index, reactor) in (1..).zip(others) {
            let handle = handle.clone();
            let run = move || {
                let _guard = StopOnPanic(&handle);
                reactor.run().inspect_err(|_| handle.stop())
            };
            threads.push(thread::Builder::new().name(format!("loop-{index}")).spawn(run)?);
        }
        let mut result = Ok(());
        for reactor in reactors {
            result = reactor.run().inspect_err(|_| handle.stop());
        }
        for thread in threads {
            let ended = thread.join().unwrap_or_else(|_| Err(io::Error::other("a loop panicked")));
            result = result.and(ended);
        }
        result
    }
}

/// What all loops share, and the applications as each of them holds them. There are as many loops as
/// mailboxes.
fn furnish(config: Config, mailboxes: Vec<Mailbox>) -> (Arc<Shared>, Vec<Vec<Mounted>>) {
    let loops = mailboxes.len() as u16;
    let mut applications: Vec<Vec<Mounted>> = (0..loops).map(|_| Vec::new()).collect();
    let mut mounts = Vec::new();
    let mut figures = Vec::new();
    for mount in config.mounts {
        mounts.push(MountInfo {
            paths: mount.paths.clone(),
            limits: Arc::new(mount.options.limits.clone()),
            rate: mount.options.rate,
            deflate: mount.options.deflate,
            own_pages_only: mount.options.own_pages_only,
        });
        let path = mount.paths.first().cloned().unwrap_or_default();
        for (list, mut mounted) in applications.iter_mut().zip(mount.for_loops(loops)) {
            let counted = mounted.hold().application().figures();
            // An application that loops share is asked by each of them.
            if !figures.iter().any(|(_, known)| Arc::ptr_eq(known, &counted)) {
                figures.push((path.clone(), counted));
            }
            list.push(mounted);
        }
    }
    let counted = |mount: &MountInfo| mount.paths.iter().any(|path| path == transports::SOCKET);
    let site = Site {
        counted: mounts.iter().position(counted).map(|index| index as u16),
        mounts,
        subprotocols: config.subprotocols,
        origins: config.origins,
        www: config.www,
        inspector: config.inspector,
    };
    let mut shared = Shared::new(site, config.limits, mailboxes);
    shared.metrics.figures = figures;
    shared.taps = Taps::new(config.taps);
    (Arc::new(shared), applications)
}

/// Stops the other loops if the thread of one unwinds: its peers could not be reached any more.
struct StopOnPanic<'a>(&'a Handle);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stop();
        }
    }
}

impl Handle {
    /// Asks the server to stop: it sends each peer a Close frame with 1001, spread over a window,
    /// and ends when all have closed or the drain time is over. Until then it listens, and answers
    /// 503 to new WebSockets and at `/healthz`. Asked again, it ends at once.
    pub fn stop(&self) {
        self.stop.fetch_add(1, Ordering::Relaxed);
        for mailbox in &self.shared.mailboxes {
            mailbox.wake();
        }
    }
}
