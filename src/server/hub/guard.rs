//! A panic of an application ends one connection, and the log says where it happened.
//!
//! The panic is caught, but what is caught does not say its place in the source: only the panic
//! hook is told that. So there is a hook in front of the one that was there before. It remembers
//! the place if the panic is an application's; any other goes to the hook behind it.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;

use log::error;

use super::super::text::Escaped;

thread_local! {
    /// Whether an application is being called on this thread.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    /// Where and why it panicked.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs application code for the connection from `address`. A panic there is the end of that
/// connection, not of the loop.
pub(super) fn guarded<R>(address: SocketAddr, f: impl FnOnce() -> R) -> Result<R, ()> {
    GUARDED.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    GUARDED.set(false);
    result.map_err(|_| {
        let place = PANIC.take().unwrap_or_else(|| "a place that is not known".to_owned());
        error!("{address} the application panicked at {}", Escaped(&place));
    })
}

/// Sees to it that [`guarded`] learns where a panic happened.
pub(super) fn watch_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let behind = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if GUARDED.get() {
                PANIC.set(Some(describe(info)));
            }
            // Who asks for backtraces (RUST_BACKTRACE=1) is to get this one too.
            let wanted = || Backtrace::capture().status() == BacktraceStatus::Captured;
            if !GUARDED.get() || wanted() {
                behind(info);
            }
        }));
    });
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("no message");
    match info.location() {
        Some(place) => format!("{}:{}: {message}", place.file(), place.line()),
        None => message.to_owned(),
    }
}
