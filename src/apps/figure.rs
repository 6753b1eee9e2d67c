//! What an application counts, for whoever watches the server.
//!
//! An application makes its figures once and shows them with
//! [`Application::figures`](super::Application::figures); then it changes them as it goes, and the
//! server reads them whenever it is asked. Neither waits for the other. What becomes of them, and
//! where, is no concern of the application's.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number with its name.
#[derive(Debug)]
pub struct Figure {
    /// In lower case with underscores, its unit at the end if it has one: `signaling_users`.
    pub name: &'static str,
    /// What is counted, in one line.
    pub help: &'static str,
    /// How it moves.
    pub kind: FigureKind,
    value: AtomicU64,
}

/// How a figure moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FigureKind {
    /// It only grows: how often something has happened.
    Total,
    /// It comes and goes: how much there is now.
    Now,
}

impl Figure {
    /// A figure that is zero.
    pub const fn new(name: &'static str, kind: FigureKind, help: &'static str) -> Self {
        Self { name, help, kind, value: AtomicU64::new(0) }
    }

    /// One more.
    pub fn increase(&self) {
        self.value.fetch_add(1, Ordering::Relaxed);
    }

    /// It is this now.
    pub fn set(&self, value: usize) {
        self.value.store(value as u64, Ordering::Relaxed);
    }

    /// What it is now.
    pub fn get(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }
}
