//! What real servers died of, tried on the real binary.
//!
//! Each row is an attack that ended, starved or bloated somebody's server. While it runs, a canary
//! pair of peers calls each other; afterwards the server must be the same process with as many
//! descriptors, connections and queued bytes as before. The figures are printed as a table.
//!
//! ```text
//! cargo test --test attacks                       every row, small: some seconds
//! cargo test --release --test attacks -- --full   every row in full, against the release binary
//! cargo test --release --test attacks -- --full C1 C3
//! cargo test --release --test attacks -- --soak 30m
//! ```
//!
//! What needs no socket is tried by tests of the core; the manual's chapter on attacks names them all.

#[cfg(target_os = "linux")]
mod suite;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    suite::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("no attacks are tried here: what they cost is read from Linux's /proc");
}
