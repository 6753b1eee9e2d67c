//! The page of the illustrated connection is what its script says, and no byte is left out.

#[expect(dead_code, reason = "the example's own main is not run here")]
#[path = "../examples/illustrated.rs"]
mod illustrated;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Instant;

use illustrated::{PARTS, REQUEST, SCRIPT, page, parts, records};
use wigwag::trace::dissect::Side;
use wigwag::trace::replay;
use wigwag::trace::script::{Happening, Script, Step};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn the_page_is_not_stale() {
    // Not `assert_eq`: nobody wants to see both pages.
    assert!(
        read("src/server/page/illustrated.html") == page().unwrap(),
        "stale: cargo run --example illustrated > src/server/page/illustrated.html"
    );
}

#[test]
fn its_script_is_played() {
    let script = Script::parse(SCRIPT).unwrap_or_else(|error| panic!("{error}"));
    replay::every_way(&script, Instant::now()).unwrap_or_else(|mismatch| panic!("{mismatch}"));
}

#[test]
fn each_byte_stands_in_one_part_and_each_part_says_what_it_is() {
    let script = Script::parse(SCRIPT).unwrap();
    let mut from_client = REQUEST.as_bytes().to_vec();
    from_client.extend(script.input());
    let mut from_server: Vec<u8> = Vec::new();
    for line in &script.lines {
        if let Step::Expect(Happening::Output(bytes, _)) = &line.step {
            from_server.extend(bytes);
        }
    }
    let (mut client, mut server): (Vec<u8>, Vec<u8>) = (Vec::new(), Vec::new());
    for record in records().unwrap() {
        let item = &record.item;
        assert!(item.complete && item.violation.is_none(), "{item:?}");
        assert!(record.prose.lines().count() > 1, "{}: a title and a paragraph", item.summary);
        let parts = parts(item);
        assert!(parts.len() <= PARTS, "{}: {} parts", item.summary, parts.len());
        for part in parts {
            match item.from {
                Side::Client => client.extend(part.bytes),
                Side::Server => server.extend(part.bytes),
            }
            let known = [&b" "[..], b"\r\n", b"\r\n\r\n"].contains(&part.bytes);
            assert!(!part.fields.is_empty() || known, "{}: {:?}", item.summary, part.bytes);
        }
    }
    assert_eq!(client, from_client);
    let response = server.len() - from_server.len();
    assert!(server[..response].starts_with(b"HTTP/1.1 101 Switching Protocols\r\n"));
    assert_eq!(server[response..], from_server);
}

#[test]
fn the_nonce_the_mask_and_the_words_are_those_of_the_rfc() {
    let page = page().unwrap();
    for words in [
        "dGhlIHNhbXBsZSBub25jZQ==",
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        ">37 fa 21 3d<",
        ">7f 9f 4d 51 58<",
        ">48 65 6c 6c 6f<",
    ] {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn each_link_has_its_target_and_lights_up_by_the_style_sheet_alone() {
    let page = page().unwrap();
    let values = |attribute: &str| {
        let pieces = page.split(attribute).skip(1);
        pieces.map(|piece| piece.split('"').next().unwrap()).collect::<Vec<_>>()
    };
    let ids = values(" id=\"");
    let unique: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), unique.len());
    let links = values("href=\"#");
    assert!(links.len() > 50);
    for link in links {
        assert!(unique.contains(link), "{link}");
    }
    let style = read("src/server/page/assets/illustrated.css");
    for part in 0..PARTS {
        for way in ["hover", "focus"] {
            assert!(style.contains(&format!(".record:has(.p{part}:{way}) .p{part}")), "{part}");
        }
    }
    // The server's content security policy allows neither.
    assert!(!page.contains(" style=") && !page.contains("<style") && !page.contains("<script"));
}
