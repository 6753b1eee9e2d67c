//! The manual: chapters in Markdown, read in the crate's documentation or where they lie.
//!
//! For who wants to know how a WebSocket works, byte by byte, and where in this project each thing
//! is done:
//!
//! 1. [`bytes`]: bytes on a wire, and how to read a wire script;
//! 2. [`handshake`]: an HTTP request becomes a WebSocket;
//! 3. [`frame`]: the header in front of each payload;
//! 4. [`masks`]: what clients do to their payloads, and why;
//! 5. [`fragmentation`]: messages in several frames;
//! 6. [`utf8`]: text, judged as it arrives;
//! 7. [`control`]: ping, pong, and what they are good for;
//! 8. [`closing`]: the closing handshake, and the experiment of the lost bytes;
//! 9. [`compression`]: permessage-deflate, its price, and when to leave it off;
//! 10. [`readiness`]: one thread, many connections;
//! 11. [`signaling`]: how two browsers find each other;
//! 12. [`reading`]: the source of wigwag in an evening;
//! 13. [`tutorials`]: what tutorials get wrong.
//!
//! And two pages to look things up: [`conformance`], each MUST and MUST NOT of RFC 6455 and RFC 7692
//! that binds an endpoint, where it is kept, and what proves it; and [`attacks`], what ended other
//! servers, why it does not end this one, and what it does not defend.
//!
//! The page `src/server/page/illustrated.html` shows a whole connection, each byte with its why. It
//! is made of `src/manual/illustrated.ws`.
//!
//! Each chapter ends with three exercises; those that are wire scripts are in [`exercises`], and
//! `wigwag exercise` judges them.
//!
//! The manual says what tests say too. Its Rust is compiled and run, its wire scripts are played,
//! and the tests `tests/manual.rs` and `tests/conformance.rs` fail when a page names something that
//! is not there.

pub mod exercises;

/// A chapter. The links in `links.md` lead from page to page in the documentation; they stand
/// before those of the chapter itself, which lead from file to file, and so they win.
macro_rules! chapters {
    ($($name:ident)*) => {
        $(
            pub mod $name {
                #![doc = include_str!("links.md")]
                #![doc = include_str!(concat!(stringify!($name), ".md"))]
            }
        )*
    };
}

chapters! {
    bytes handshake frame masks fragmentation utf8 control closing compression readiness signaling
    reading tutorials
}

pub mod conformance {
    #![doc = include_str!("conformance.md")]
}

pub mod attacks {
    #![doc = include_str!("attacks.md")]
}
