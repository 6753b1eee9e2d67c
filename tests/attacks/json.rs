//! JSON of every shape, for what the core's own tests cannot see: the memory of the process. C5.

use crate::suite::arena::Arena;
use crate::suite::canary::login_at;
use crate::suite::common::{TEXT, frame};

type Row = (&'static str, &'static str, &'static [&'static str], fn(&mut Arena) -> String);

pub const ROWS: &[Row] = &[(
    "C5",
    "JSON of every shape",
    &["--mount", "/wide=signaling,max-message=8M,rate=off"],
    every_shape,
)];

/// A tree of what was received takes many times its bytes, and a parser that calls itself for each
/// level ends the process.
fn every_shape(arena: &mut Arena) -> String {
    let width = arena.many(200_000, 500_000);
    let depth = arena.many(100_000, 1_000_000);
    let mut keys: String = (0..width).map(|key| format!(r#""k{key}":0,"#)).collect();
    keys.pop();
    let shapes = [
        format!("{}{}", "[".repeat(depth), "]".repeat(depth)),
        "[".repeat(2 * depth),
        format!("{{{keys}}}"),
        format!(r#"{{"type":"offer","name":"nobody","offer":{{{keys}}}}}"#),
        format!(r#"{{"type":"login","name":{}1{}}}"#, "[".repeat(depth), "]".repeat(depth)),
        format!(r#"{{"type":"login","name":[{}1e400]}}"#, "0,".repeat(width)),
        format!(r#"{{"type":"{}"}}"#, r"\u0061".repeat(width)),
        format!(r#"{{"type":"login","name":"{}"}}"#, r"\ud800".repeat(width)),
    ];
    let mut client = login_at(arena.server.address(), "/wide", "shapes");
    let before = arena.server.memory();
    let longest = shapes.iter().map(String::len).max().unwrap();
    for shape in &shapes {
        client.send(&frame(TEXT, shape.as_bytes()));
        let reply = client.text();
        let refused = reply.contains(r#""type":"error""#) || reply.contains(r#""success":false"#);
        assert!(refused && reply.len() < 1024, "{reply}");
    }
    let grown = arena.grown(before);
    assert!(grown <= 2 * longest + (256 << 10), "{grown} bytes for {longest}");
    client.send_close(1000);
    client.rest();
    format!("{} shapes of up to {longest} B, {grown} B held at most", shapes.len())
}
