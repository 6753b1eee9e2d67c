//! Mounts: which application serves which path, and what its peers may use.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::own_pages::OwnPages;
use super::rate::Rate;
use crate::apps::Application;
use crate::protocol::Limits;
use crate::protocol::deflate::DeflateOptions;

/// An application at a path, or at several.
pub struct Mount {
    pub(super) paths: Vec<String>,
    pub(super) options: MountOptions,
    maker: Maker,
}

/// What the peers of one mount may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MountOptions {
    /// What each connection may use.
    pub limits: Limits,
    /// How fast each peer may send; `None`: as fast as it likes.
    pub rate: Option<Rate>,
    /// Whether messages may be compressed, and with what memory.
    pub deflate: DeflateOptions,
    /// Only pages that this server has served may connect here, whatever the server's list of
    /// origins says; and nobody who sends no `Origin`.
    pub own_pages_only: Option<OwnPages>,
}

enum Maker {
    One(Box<dyn Application>),
    ForEachLoop(Box<dyn Fn() -> Box<dyn Application>>),
}

impl Mount {
    /// Mounts one application, which serves the peers of all loops, one call at a time.
    pub fn new(path: impl Into<String>, application: impl Application + 'static) -> Self {
        let maker = Maker::One(Box::new(application));
        Self { paths: vec![path.into()], options: MountOptions::default(), maker }
    }

    /// Mounts an application that knows nothing of its peers, or of which each loop may have its
    /// own: loops then never wait for each other here.
    pub fn for_each_loop<A: Application + 'static>(
        path: impl Into<String>,
        make: impl Fn() -> A + 'static,
    ) -> Self {
        let maker = Maker::ForEachLoop(Box::new(move || Box::new(make())));
        Self { paths: vec![path.into()], options: MountOptions::default(), maker }
    }

    /// Mounts the same application at one more path: peers of all its paths meet.
    #[must_use]
    pub fn also_at(mut self, path: impl Into<String>) -> Self {
        self.paths.push(path.into());
        self
    }

    /// Sets what its peers may use.
    #[must_use]
    pub fn with_options(mut self, options: MountOptions) -> Self {
        self.options = options;
        self
    }

    /// The application as each of `loops` loops holds it.
    pub(super) fn for_loops(self, loops: u16) -> Vec<Mounted> {
        match self.maker {
            Maker::One(application) if loops == 1 => vec![Mounted::Own(application)],
            Maker::One(application) => {
                let shared = Arc::new(Mutex::new(application));
                (0..loops).map(|_| Mounted::Shared(Arc::clone(&shared))).collect()
            }
            Maker::ForEachLoop(make) => (0..loops).map(|_| Mounted::Own(make())).collect(),
        }
    }
}

/// An application as one loop holds it.
pub(super) enum Mounted {
    Own(Box<dyn Application>),
    Shared(Arc<Mutex<Box<dyn Application>>>),
}

/// The right to call an application. While a shared one is held, no other loop calls it, so what it
/// asks for is done in the order of its calls.
pub(super) enum Held<'a> {
    Own(&'a mut dyn Application),
    Shared(MutexGuard<'a, Box<dyn Application>>),
}

impl Mounted {
    pub(super) fn hold(&mut self) -> Held<'_> {
        match self {
            Self::Own(application) => Held::Own(application.as_mut()),
            // A panic inside a call is caught before it could poison the lock.
            Self::Shared(shared) => {
                Held::Shared(shared.lock().unwrap_or_else(PoisonError::into_inner))
            }
        }
    }
}

impl Held<'_> {
    pub(super) fn application(&mut self) -> &mut dyn Application {
        match self {
            Self::Own(application) => *application,
            Self::Shared(guard) => guard.as_mut(),
        }
    }
}

/// What a loop knows of a mount besides its application.
#[derive(Clone, Debug)]
pub(super) struct MountInfo {
    pub(super) paths: Vec<String>,
    pub(super) limits: Arc<Limits>,
    pub(super) rate: Option<Rate>,
    pub(super) deflate: DeflateOptions,
    pub(super) own_pages_only: Option<OwnPages>,
}
