//! Keeps the manual true: its wire scripts are played, and what its chapters name is there.
//!
//! That its Rust compiles and runs is seen by the tests of the documentation.

#[expect(dead_code, reason = "the example's own main is not run here")]
#[path = "../examples/lost_bytes.rs"]
mod lost_bytes;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use lost_bytes::Ending;
use wigwag::manual::exercises::ALL;
use wigwag::trace::replay;
use wigwag::trace::script::words::bytes_of_hex;
use wigwag::trace::script::{Action, Happening, Script, Step};

/// In the order in which they are to be read.
const CHAPTERS: [&str; 13] = [
    "bytes",
    "handshake",
    "frame",
    "masks",
    "fragmentation",
    "utf8",
    "control",
    "closing",
    "compression",
    "readiness",
    "signaling",
    "reading",
    "tutorials",
];

struct Chapter {
    name: &'static str,
    text: String,
}

/// A fenced block: its language, the number of its first line, and what is in it.
struct Block {
    language: String,
    line: usize,
    text: String,
}

impl Chapter {
    fn file(&self) -> String {
        format!("src/manual/{}.md", self.name)
    }

    /// The fenced blocks, and the lines that are in none, with their numbers.
    fn parts(&self) -> (Vec<Block>, Vec<(usize, &str)>) {
        let (mut blocks, mut prose) = (Vec::<Block>::new(), Vec::new());
        let mut inside = false;
        for (number, line) in (1..).zip(self.text.lines()) {
            match line.trim_start().strip_prefix("```") {
                Some(_) if inside => inside = false,
                Some(language) => {
                    inside = true;
                    let language = language.to_owned();
                    blocks.push(Block { language, line: number + 1, text: String::new() });
                }
                None if inside => {
                    let block = blocks.last_mut().unwrap();
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                None => prose.push((number, line)),
            }
        }
        assert!(!inside, "{} ends inside a block", self.file());
        (blocks, prose)
    }

    fn scripts(&self) -> Vec<(usize, Script)> {
        let (blocks, _) = self.parts();
        let blocks = blocks.into_iter().filter(|block| block.language == "ws");
        let read = |block: Block| match Script::parse(&block.text) {
            Ok(script) => (block.line, script),
            Err(error) => {
                let line = block.line + error.line - 1;
                panic!("{}:{line}: {}", self.file(), error.message)
            }
        };
        blocks.map(read).collect()
    }

    /// What stands between backquotes, with its line.
    fn spans(&self) -> Vec<(usize, &str)> {
        let (_, prose) = self.parts();
        let mut spans = Vec::new();
        for (number, line) in prose {
            assert_eq!(line.matches('`').count() % 2, 0, "{}:{number}: {line}", self.file());
            spans.extend(line.split('`').skip(1).step_by(2).map(|span| (number, span)));
        }
        spans
    }

    /// The definitions of its links: label and target.
    fn links(&self) -> BTreeMap<&str, &str> {
        let lines = self.text.lines();
        let links = lines.filter_map(|line| line.strip_prefix('[')?.split_once("]: "));
        links.collect()
    }

    /// The lines of a section, up to the next heading.
    fn section(&self, heading: &str) -> Vec<&str> {
        let lines = self.text.lines().skip_while(|line| *line != heading);
        lines.skip(1).take_while(|line| !line.starts_with("## ")).collect()
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn chapters() -> impl Iterator<Item = Chapter> {
    CHAPTERS.iter().map(|name| Chapter { name, text: read(&format!("src/manual/{name}.md")) })
}

fn assert_no(found: &[String]) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn each_page_is_a_chapter_and_the_front_door_knows_it() {
    let mut pages: Vec<String> = fs::read_dir(root().join("src/manual"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".md"))
        .collect();
    let mut expected: Vec<String> = CHAPTERS.map(|name| format!("{name}.md")).to_vec();
    expected.extend(["attacks.md", "conformance.md", "links.md"].map(str::to_owned));
    pages.sort();
    expected.sort();
    assert_eq!(pages, expected);

    let door = read("src/manual/mod.rs");
    for (number, name) in (1..).zip(CHAPTERS) {
        assert!(door.contains(&format!("//! {number}. [`{name}`]: ")), "{name}");
    }
}

#[test]
fn each_wire_script_is_played_and_names_a_section() {
    let mut found = Vec::new();
    for chapter in chapters() {
        for (line, script) in chapter.scripts() {
            let place = format!("{}:{line}", chapter.file());
            if let Err(mismatch) = replay::every_way(&script, Instant::now()) {
                found.push(format!("{place}: {mismatch}"));
            }
            let names_a_section = script.lines.iter().any(|line| match &line.step {
                Step::Prose(prose) => prose.contains("RFC 6455, ") || prose.contains("RFC 7692, "),
                _ => false,
            });
            if script.title().is_empty() || !names_a_section {
                found.push(format!("{place}: a script has a title, and names a section"));
            }
        }
    }
    assert_no(&found);
}

/// `81 85` in the text of a chapter is shown by one of its scripts, or is in its Rust.
#[test]
fn bytes_in_the_text_are_bytes_of_a_script_or_of_the_code() {
    let mut found = Vec::new();
    for chapter in chapters() {
        let mut shown = Vec::new();
        for (_, script) in chapter.scripts() {
            for line in &script.lines {
                match &line.step {
                    Step::Act(Action::Receive(bytes)) => shown.extend_from_slice(bytes),
                    Step::Expect(Happening::Output(bytes, _)) => shown.extend_from_slice(bytes),
                    _ => {}
                }
            }
        }
        let (blocks, _) = chapter.parts();
        for block in blocks.iter().filter(|block| block.language == "rust") {
            shown.extend(bytes_of_rust(&block.text));
        }
        for (line, span) in chapter.spans() {
            let is_hex = |word: &str| {
                word.len() >= 2
                    && word.len().is_multiple_of(2)
                    && word.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
            };
            if span.split(' ').all(is_hex) {
                let bytes = bytes_of_hex(&span.replace(' ', "")).unwrap();
                if !shown.windows(bytes.len()).any(|window| window == bytes) {
                    found.push(format!("{}:{line}: `{span}` is shown nowhere", chapter.file()));
                }
            }
        }
    }
    assert_no(&found);
}

/// Whatever is written as `0x81` or, in a string, as `\x81`, in its order.
fn bytes_of_rust(code: &str) -> Vec<u8> {
    let pieces = code.split(['x']).skip(1);
    pieces.filter_map(|piece| bytes_of_hex(piece.get(..2)?).ok()).flatten().collect()
}

#[test]
fn links_lead_somewhere_in_the_repository_and_in_the_documentation() {
    let mut found = Vec::new();
    let mut documented = BTreeMap::new();
    for chapter in chapters() {
        let file = chapter.file();
        let links = chapter.links();
        for (label, target) in &links {
            if !root().join("src/manual").join(target).is_file() {
                found.push(format!("{file}: {target} is not there"));
            }
            let used = chapter.text.matches(&format!("[{label}]")).count() > 1;
            if !used {
                found.push(format!("{file}: nothing leads to {label}"));
            }
            let page = match target.strip_suffix(".md") {
                Some(name) => format!("../{name}/index.html"),
                None => format!("../../../src/wigwag/{}.html", target.trim_start_matches("../")),
            };
            documented.insert(label.to_string(), page);
        }
        let (_, prose) = chapter.parts();
        for (number, line) in prose {
            if line.contains("](") {
                found.push(format!("{file}:{number}: this link is lost in the documentation"));
            }
            for (_, rest) in line.match_indices("][").map(|(at, _)| line.split_at(at + 2)) {
                let label = rest.split(']').next().unwrap_or_default();
                if !links.contains_key(label) {
                    found.push(format!("{file}:{number}: [{label}] is not defined"));
                }
            }
            for (at, _) in line.match_indices("[`") {
                let label = line[at + 1..].split(']').next().unwrap_or_default();
                if !links.contains_key(label) {
                    found.push(format!("{file}:{number}: [{label}] is not defined"));
                }
            }
        }
    }
    assert_no(&found);

    let mut expected = String::new();
    for (label, page) in documented {
        expected.push_str(&format!("[{label}]: {page}\n"));
    }
    assert!(read("src/manual/links.md") == expected, "src/manual/links.md must be\n{expected}");
}

#[test]
fn files_that_are_named_are_there() {
    let mut found = Vec::new();
    for chapter in chapters() {
        for (line, span) in chapter.spans() {
            let folders = ["src/", "tests/", "examples/", "fuzz/", "benches/"];
            let path = span.split_whitespace().next().unwrap_or_default();
            if folders.iter().any(|folder| path.starts_with(folder)) && !root().join(path).exists()
            {
                found.push(format!("{}:{line}: {path} is not there", chapter.file()));
            }
        }
    }
    assert_no(&found);
}

/// A name in the text, such as `wants_shutdown` or `FrameHeader`, is a name in the sources.
#[test]
fn names_of_the_code_are_in_the_code() {
    let mut code = String::new();
    for folder in ["src", "tests", "examples"] {
        gather(&root().join(folder), &mut code);
    }
    let words: std::collections::BTreeSet<&str> =
        code.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
    let mut found = Vec::new();
    for chapter in chapters() {
        for (line, span) in chapter.spans() {
            let names = span.split("::").map(|name| name.trim_end_matches("()"));
            for name in names {
                let is_word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                let humps = name.chars().skip(1).any(|c| c.is_ascii_uppercase())
                    && name.starts_with(|c: char| c.is_ascii_uppercase())
                    && name.chars().any(|c| c.is_ascii_lowercase());
                if is_word && (name.contains('_') || humps) && !words.contains(name) {
                    found.push(format!("{}:{line}: nothing is called {name}", chapter.file()));
                }
            }
        }
    }
    assert_no(&found);
}

fn gather(folder: &Path, code: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, code);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            code.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn each_chapter_can_be_read_in_one_sitting_and_leads_on() {
    let mut found = Vec::new();
    for (index, chapter) in chapters().enumerate() {
        let file = chapter.file();
        let lines = chapter.text.lines().count();
        if !(80..=200).contains(&lines) {
            found.push(format!("{file}: {lines} lines"));
        }
        let (_, prose) = chapter.parts();
        for (number, line) in prose {
            if line.chars().count() > 100 && !line.starts_with('|') && !line.starts_with('[') {
                found.push(format!("{file}:{number}: the line is too long"));
            }
        }
        let lead = chapter.section("## Where to go on").join("\n");
        let mut expected = vec!["- A script to read: ".to_owned(), "- A file to open: ".to_owned()];
        if let Some(next) = CHAPTERS.get(index + 1) {
            expected.push(format!("[{next}]"));
        }
        for part in expected {
            if !lead.contains(&part) {
                found.push(format!("{file}: `Where to go on` has no {part}"));
            }
        }
        if !lead.contains(".ws`") {
            found.push(format!("{file}: no wire script is named to go on with"));
        }

        let exercises = chapter.section("## Exercises");
        let numbered = |line: &&&str| line.starts_with(|c: char| c.is_ascii_digit());
        if exercises.iter().filter(numbered).count() != 3 {
            found.push(format!("{file}: there are not three exercises"));
        }
        let own = ALL.iter().filter(|entry| entry.chapter() == chapter.name);
        let own: Vec<&str> = own.map(|entry| entry.name).collect();
        for (number, name) in (1..).zip(&own) {
            let beginning = format!("{number}. `wigwag exercise {name}`: ");
            if !exercises.iter().any(|line| line.starts_with(&beginning)) {
                found.push(format!("{file}: exercise {name} is not in the chapter"));
            }
        }
        let answered = chapter.section("## Answers").iter().filter(numbered).count();
        if answered != 3 - own.len() {
            found.push(format!("{file}: {answered} answers for {} questions", 3 - own.len()));
        }
    }
    assert_no(&found);
}

/// The chapter on closing tells of it.
#[test]
fn a_socket_that_is_dropped_loses_what_the_peer_has_not_read() {
    let dropped = lost_bytes::run(Ending::Dropped).unwrap();
    assert!(dropped.received < dropped.taken, "{dropped:?}");
    assert!(!dropped.saw_close && dropped.error.is_some(), "{dropped:?}");
    let in_order = lost_bytes::run(Ending::InOrder).unwrap();
    assert_eq!(in_order.received, in_order.taken, "{in_order:?}");
    assert_eq!(in_order.error, None);
    // Unless this kernel's buffers are too small for the experiment as it is told.
    assert!(in_order.saw_close || in_order.taken < 2_000_014, "{in_order:?}");
}
