//! What a reader sees.

use std::time::Instant;

use super::*;
use crate::trace::dissect::{Conversation, Options};

fn renderer(color: bool) -> Renderer {
    Renderer { style: Style::Full, color, width: 96 }
}

fn rendered(renderer: Renderer, from: Side, bytes: &[u8]) -> String {
    let mut conversation = Conversation::open(Options::default(), None, Instant::now());
    let mut out = String::new();
    let mut show = |item: Item| out.push_str(&renderer.item("*", &item));
    conversation.push(from, bytes, &mut show);
    conversation.finish(from, &mut show);
    out
}

#[test]
fn colours_are_all_that_colours_change() {
    let frames = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x89\x80\0\0\0\0\x81\x05Hello";
    let coloured = rendered(renderer(true), Side::Client, frames);
    let mut plain = String::new();
    for (index, piece) in coloured.split("\x1b[").enumerate() {
        let text = if index == 0 { piece } else { piece.split_once('m').unwrap().1 };
        plain.push_str(text);
    }
    assert_eq!(plain, rendered(renderer(false), Side::Client, frames));
    assert!(coloured.contains("\x1b[1;31m"), "what is wrong is red");
}

#[test]
fn no_line_is_wider_than_the_page_and_none_ends_in_blanks() {
    let header = b"\x82\xfe\x01\x00\x01\x02\x03\x04";
    let frame = [&header[..], &[b'x'; 256]].concat();
    for width in [80, 96] {
        let out = rendered(Renderer { width, ..renderer(false) }, Side::Client, &frame);
        for line in out.lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
            assert_eq!(line.trim_end(), line);
        }
    }
}

#[test]
fn a_payload_that_was_not_worked_out_byte_by_byte_is_shown_all_the_same() {
    let out = rendered(renderer(false), Side::Server, b"\x82\x03\x00a\xff");
    assert!(out.contains("  payload       00 61 ff"), "{out}");
    assert!(out.contains(".a."), "{out}");
    let masked = [&b"\x82\x94\0\0\0\0"[..], &[b'x'; 20]].concat();
    let out = rendered(renderer(false), Side::Client, &masked);
    assert!(out.contains("... and so on, for 4 bytes more"), "{out}");
    assert!(out.contains("payload       78 78"), "{out}");
}

#[test]
fn what_is_missing_is_told() {
    let out = rendered(renderer(false), Side::Server, b"\x81\x05He");
    assert!(out.starts_with("*  text \"He\"  (4 bytes, 3 missing)\n"), "{out}");
    assert!(out.contains("note          3 bytes of the payload are missing"), "{out}");
    let out = rendered(renderer(false), Side::Server, b"\x81");
    assert!(out.starts_with("*  text  (1 byte, incomplete)\n"), "{out}");
}

#[test]
fn prose_is_cut_between_words() {
    let lines: Vec<String> = wrap("one two three four", 9, 4).collect();
    assert_eq!(lines, ["one", "two three", "four"]);
    let lines: Vec<String> = wrap("unbreakable", 5, 3).collect();
    assert_eq!(lines, ["", "unbreakable"]);
    assert_eq!(wrap("", 10, 0).collect::<Vec<_>>(), [""]);
}

#[test]
fn text_of_others_is_escaped_and_stays_readable() {
    assert_eq!(escape("a\"b\\c'ü"), "a\"b\\c'ü");
    assert_eq!(escape("\u{1b}[0m\u{9b}\u{202e}\u{200b}\0"), r"\u{1b}[0m\u{9b}\u{202e}\u{200b}\0");
}
