//! What a connection holds.

use super::*;

#[test]
fn an_idle_connection_is_small() {
    assert!(
        size_of::<Connection>() <= 200,
        "{} bytes",
        size_of::<Connection>()
    );
}
