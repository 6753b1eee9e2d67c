//! The command line of wigwag.
fn main() {}
