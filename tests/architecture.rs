//! The picture of the house, enforced: which folder may know what, and what a reader can rely on.
//!
//! The sources are read, their comments, strings and tests are left out, and every path that stands
//! in the rest is resolved: `use` trees, `super`, and names that a `use` brought in. So neither
//! `use std::{fmt, io}` nor `time::Instant::now()` gets by. What a macro hides would.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

/// What the sources of one folder of `src` may know.
struct Rule {
    folder: &'static str,
    /// The folders and modules of this crate that it may name, besides itself.
    may_know: &'static [&'static str],
    /// What it must never name, wherever that lives.
    must_not_know: &'static [&'static str],
}

/// Whatever waits, or differs from one run to the next.
const OUTSIDE_WORLD: [&str; 11] = [
    "mio",
    "socket2",
    "signal_hook",
    "std::io",
    "std::fs",
    "std::os",
    "std::env",
    "std::process",
    "std::thread",
    "std::time::Instant::now",
    "std::time::SystemTime",
];

const RULES: [Rule; 10] = [
    Rule {
        folder: "protocol",
        may_know: &[],
        must_not_know: &["std::net", "serde", "serde_json", "log", "clap"],
    },
    Rule {
        folder: "signaling",
        may_know: &["apps", "protocol::CloseCode", "protocol::Closure"],
        must_not_know: &["std::net", "std::time::Instant", "log", "clap"],
    },
    Rule {
        folder: "apps",
        may_know: &["protocol"],
        must_not_know: &[
            "std::net::TcpStream",
            "std::net::TcpListener",
            "std::net::UdpSocket",
            "serde",
            "serde_json",
            "clap",
        ],
    },
    Rule {
        folder: "server",
        may_know: &["apps", "protocol", "transports"],
        must_not_know: &["serde", "serde_json", "clap"],
    },
    Rule {
        folder: "transports",
        may_know: &["apps::PeerId", "protocol"],
        must_not_know: &["std::net", "log", "clap"],
    },
    Rule { folder: "manual", may_know: &[], must_not_know: &[] },
    Rule { folder: "trace", may_know: &["protocol"], must_not_know: &["std::net", "log", "clap"] },
    Rule {
        folder: "inspect",
        may_know: &["apps", "protocol", "server::Tap", "server::Upgrade", "trace"],
        must_not_know: &["mio", "std::fs", "std::io", "std::net::TcpStream", "log", "clap"],
    },
    Rule { folder: "client", may_know: &["protocol", "trace"], must_not_know: &["clap"] },
    Rule {
        folder: "cli",
        may_know: &[
            "apps",
            "client",
            "inspect",
            "manual",
            "protocol",
            "server",
            "signaling",
            "trace",
            "transports",
        ],
        must_not_know: &[],
    },
];

/// The folders that are pure, so that what they do can be replayed.
const PURE: [&str; 5] = ["protocol", "signaling", "apps", "trace", "transports"];

/// The most lines of code in a file, its comments and tests not counted.
const LINES_IN_A_FILE: usize = 450;
/// The most lines of a function: one screen.
const LINES_IN_A_FUNCTION: usize = 70;

#[test]
fn no_folder_knows_what_it_must_not() {
    let mut found = Vec::new();
    for source in sources() {
        found.extend(forbidden(&source));
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn each_folder_has_its_rule() {
    let ruled: BTreeSet<String> = RULES.iter().map(|rule| rule.folder.to_owned()).collect();
    for source in sources() {
        if let Some(folder) = source.folder() {
            assert!(ruled.contains(folder), "no rule is known for src/{folder}/");
        }
    }
}

#[test]
fn each_file_says_what_lives_there_and_each_folder_has_a_front_door() {
    let sources = sources();
    let paths: BTreeSet<&str> = sources.iter().map(|source| source.path.as_str()).collect();
    for source in &sources {
        let path = &source.path;
        assert!(source.text.starts_with("//! "), "{path}:1: does not begin with `//!`");
        let Some((folder, _)) = path.rsplit_once('/').filter(|(folder, _)| *folder != "src") else {
            continue;
        };
        let doors = [format!("{folder}/mod.rs"), format!("{folder}.rs")];
        let has_door = doors.iter().any(|door| paths.contains(door.as_str()));
        assert!(has_door, "{folder}/ has neither {} nor {}", doors[0], doors[1]);
    }
}

#[test]
fn files_and_functions_can_be_read_without_losing_the_place() {
    let mut found = Vec::new();
    for source in sources() {
        let Source { path, code, .. } = &source;
        let lines = code.lines().filter(|line| !line.trim().is_empty()).count();
        if lines > LINES_IN_A_FILE {
            found.push(format!("{path}: {lines} lines of code are too many for one file"));
        }
        for (name, line, lines) in functions(&source.tokens) {
            if lines > LINES_IN_A_FUNCTION {
                found.push(format!("{path}:{line}: {name} has {lines} lines"));
            }
        }
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn the_readme_explains_each_dependency() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name| fs::read_to_string(root.join(name)).expect("it can be read");
    let section = |text: &str, start: &str, end: &str| {
        let (_, behind) = text.split_once(start).expect("the section is there");
        behind.split(end).next().unwrap_or_default().to_owned()
    };
    let manifest = section(&read("Cargo.toml"), "\n[dependencies]\n", "\n[");
    let built: BTreeSet<_> = manifest
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_alphanumeric()))
        .filter_map(|line| Some(line.split_once('=')?.0.trim().to_owned()))
        .collect();
    let table = section(&read("README.md"), "\n## What it is built from\n", "\n## ");
    let explained: BTreeSet<_> = table
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned()))
        .collect();
    assert!(!built.is_empty());
    assert_eq!(explained, built);
}

/// The tables of the standard library hash with random keys, so that nobody can choose what
/// collides. They can be given other hashes, which are faster.
#[test]
fn tables_have_no_hashes_of_their_own() {
    for source in sources() {
        let found = names_a_hasher(&source.code);
        assert!(!found, "{} names a hasher: can a peer choose its keys?", source.path);
    }
    assert!(names_a_hasher("HashMap::with_hasher(state)"));
    assert!(names_a_hasher("use std::hash::BuildHasherDefault;"));
    assert!(!names_a_hasher("fn hash<H: Hasher>(&self, state: &mut H) { HashMap::new() }"));
}

fn names_a_hasher(code: &str) -> bool {
    let others = ["BuildHasher", "_hasher", "DefaultHasher", "Fx", "ahash", "hashbrown"];
    let mut words = code.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.any(|word| others.iter().any(|other| word.starts_with(other) || word.ends_with(other)))
}

/// A source file without its tests.
struct Source {
    /// Relative to the crate, with `/`.
    path: String,
    text: String,
    /// The text with comments, strings and tests blanked out; its lines are those of the text.
    code: String,
    tokens: Vec<Token>,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let mut code = blank_comments_and_strings(text);
        blank_tests(&mut code);
        Self { path: path.to_owned(), text: text.to_owned(), tokens: tokens(&code), code }
    }

    /// The folder of `src` in which it lives; none for `lib.rs` and `main.rs`.
    fn folder(&self) -> Option<&str> {
        let path = self.path.strip_prefix("src/")?;
        path.split_once('/').map(|(folder, _)| folder)
    }

    /// The path of the module, such as `crate::protocol::frame`.
    fn module(&self) -> Vec<String> {
        let path = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let path = path.strip_suffix(".rs").unwrap_or(path);
        let mut module = vec!["crate".to_owned()];
        module.extend(path.split('/').map(str::to_owned));
        if module.last().is_some_and(|last| ["mod", "lib"].contains(&last.as_str())) {
            module.pop();
        }
        module
    }
}

/// All sources of the crate, the files that hold nothing but tests left out.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    rust_files(&root.join("src"), &mut files);
    let mut sources = Vec::new();
    let mut tests = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a source can be read");
        let path = file.strip_prefix(root).expect("it is in the crate");
        let path = path.to_str().expect("a path in UTF-8").replace('\\', "/");
        let source = Source::new(&path, &text);
        for module in test_modules(&text) {
            tests.insert([source.module(), vec![module]].concat());
        }
        sources.push(source);
    }
    assert!(sources.len() > 20, "only {} sources were found", sources.len());
    sources.retain(|source| {
        let module = source.module();
        !(1..=module.len()).any(|end| tests.contains(&module[..end]))
    });
    sources
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
}

/// Where a source names what its folder must not know: one line for each.
fn forbidden(source: &Source) -> Vec<String> {
    let Some(rule) = RULES.iter().find(|rule| Some(rule.folder) == source.folder()) else {
        return Vec::new();
    };
    let mut must_not_know = rule.must_not_know.to_vec();
    if PURE.contains(&rule.folder) {
        must_not_know.extend(OUTSIDE_WORLD);
    }
    let mut found = Vec::new();
    for (path, line) in paths(source) {
        let within = |known: &str| path == known || path.starts_with(&format!("{known}::"));
        let place = format!("{}:{line}: src/{}/", source.path, rule.folder);
        if let Some(known) = must_not_know.iter().find(|known| within(known)) {
            found.push(format!("{place} must not know {known}, but names {path}"));
        } else if path.starts_with("crate::") {
            let mut may_know = rule.may_know.iter().chain([&rule.folder]);
            if !may_know.any(|known| within(&format!("crate::{known}"))) {
                found.push(format!("{place} may not know {path}"));
            }
        }
    }
    found
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    text: String,
    line: usize,
}

/// Identifiers, `::`, and all else one by one.
fn tokens(code: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (line, number) in code.lines().zip(1..) {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let length = if is_word(first) {
                rest.find(|c| !is_word(c)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            let (text, behind) = rest.split_at(length);
            let text = text.to_owned();
            tokens.push(Token { text, line: number });
            rest = behind.trim_start();
        }
    }
    tokens
}

/// Every path that stands in the source, as far from its root as it can be told, with its line.
fn paths(source: &Source) -> Vec<(String, usize)> {
    let mut uses = Vec::new();
    let mut others = Vec::new();
    let mut rest = &source.tokens[..];
    while let Some(token) = rest.first() {
        if token.text == "use" {
            rest = use_tree(&rest[1..], &[], &mut uses);
            continue;
        }
        let mut path = Vec::new();
        while let [name, behind @ ..] = rest
            && name.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        {
            path.push(name.text.clone());
            rest = behind;
            match rest {
                [colons, behind @ ..] if colons.text == "::" => rest = behind,
                _ => break,
            }
        }
        if path.is_empty() {
            rest = &rest[1..];
        } else {
            others.push((path, token.line));
        }
    }
    // What a `use` brought in is known under its last name, or under another.
    let mut known = HashMap::new();
    let mut found = Vec::new();
    for Use { path, alias, line } in uses {
        let path = absolute(path, source);
        if let Some(last) = alias.or_else(|| path.last().cloned()) {
            known.insert(last, path.clone());
        }
        found.push((path.join("::"), line));
    }
    for (path, line) in others {
        let path = match known.get(&path[0]) {
            Some(start) => [start, &path[1..]].concat(),
            None => absolute(path, source),
        };
        if path.len() > 1 {
            found.push((path.join("::"), line));
        }
    }
    found
}

struct Use {
    path: Vec<String>,
    alias: Option<String>,
    line: usize,
}

/// Reads one branch of a `use`, up to and with its end, and tells what is behind.
fn use_tree<'t>(mut rest: &'t [Token], before: &[String], uses: &mut Vec<Use>) -> &'t [Token] {
    let mut path = before.to_vec();
    let line = rest.first().map_or(0, |token| token.line);
    let mut alias = None;
    while let [token, behind @ ..] = rest {
        rest = behind;
        match token.text.as_str() {
            "{" => {
                while let Some(token) = rest.first().filter(|token| token.text != "}") {
                    rest = match token.text.as_str() {
                        "," => &rest[1..],
                        _ => use_tree(rest, &path, uses),
                    };
                }
                return rest.get(1..).unwrap_or_default();
            }
            "as" => {
                alias = rest.first().map(|token| token.text.clone());
                rest = rest.get(1..).unwrap_or_default();
            }
            // `use a::{self}` names `a`.
            "self" if !path.is_empty() => {}
            "::" => {}
            name => path.push(name.to_owned()),
        }
        if let Some(next) = rest.first()
            && [",", "}", ";"].contains(&next.text.as_str())
        {
            break;
        }
    }
    uses.push(Use { path, alias, line });
    rest
}

/// The path from the root of its crate.
fn absolute(path: Vec<String>, source: &Source) -> Vec<String> {
    let mut module = source.module();
    let mut rest = &path[..];
    match rest.first().map(String::as_str) {
        Some("self") => rest = &rest[1..],
        Some("super") => {}
        _ => return path,
    }
    while let [first, behind @ ..] = rest
        && first == "super"
    {
        module.pop();
        rest = behind;
    }
    [&module, rest].concat()
}

/// The functions: name, line, and how many lines they have.
fn functions(tokens: &[Token]) -> Vec<(String, usize, usize)> {
    let mut functions = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let Some(name) = tokens.get(index + 1).filter(|_| token.text == "fn") else {
            continue;
        };
        let mut depth = 0;
        for token in &tokens[index..] {
            match token.text.as_str() {
                // A function of a trait may have no body.
                ";" if depth == 0 => break,
                "{" | "[" | "(" => depth += 1,
                "]" | ")" => depth -= 1,
                "}" => {
                    depth -= 1;
                    if depth == 0 {
                        functions.push((name.text.clone(), name.line, token.line - name.line + 1));
                        break;
                    }
                }
                _ => {}
            }
        }
    }
    functions
}

/// The same text, with blanks for each comment and for what is between quotes.
fn blank_comments_and_strings(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = string_length(rest, &code) {
            length
        } else {
            code.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        let (blanked, behind) = rest.split_at(length);
        code.extend(blanked.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = behind;
    }
    code
}

/// How long the string or character at the start of `text` is; none if there is none.
fn string_length(text: &str, before: &str) -> Option<usize> {
    let in_word = before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
    let raw = text.strip_prefix("br").or(text.strip_prefix('r')).filter(|_| !in_word);
    if let Some(raw) = raw {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let content = text.len() - raw.len() + hashes + 1;
            let length = text[content..].find(&end)?;
            return Some(content + length + end.len());
        }
    }
    let quote = text.chars().next().filter(|&c| c == '"' || c == '\'')?;
    let mut escaped = false;
    for (index, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(index + 1),
            // `'a` without a second quote is a lifetime.
            _ if quote == '\'' && index > 1 && !text[1..].starts_with('\\') => return None,
            _ => {}
        }
    }
    None
}

/// Blanks out each module behind `#[cfg(test)]`.
fn blank_tests(code: &mut String) {
    const TEST: &str = "#[cfg(test)]";
    while let Some(start) = code.find(TEST) {
        let behind = &code[start..];
        let semicolon = behind.find(';').unwrap_or(behind.len());
        let length = match behind.find('{').filter(|&brace| brace < semicolon) {
            None => (semicolon + 1).min(behind.len()),
            Some(brace) => {
                let mut depth = 0;
                let end = behind[brace..].find(|c| {
                    depth += i32::from(c == '{') - i32::from(c == '}');
                    depth == 0
                });
                end.map_or(behind.len(), |end| brace + end + 1)
            }
        };
        let blanks: String =
            behind[..length].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        code.replace_range(start..start + length, &blanks);
    }
}

/// The modules behind `#[cfg(test)]` that have files of their own.
fn test_modules(text: &str) -> Vec<String> {
    let code = blank_comments_and_strings(text);
    let mut modules = Vec::new();
    for behind in code.split("#[cfg(test)]").skip(1) {
        let name = behind.trim_start().strip_prefix("mod ");
        if let Some((name, _)) = name.and_then(|name| name.split_once(';'))
            && name.chars().all(|c| c.is_alphanumeric() || c == '_')
        {
            modules.push(name.to_owned());
        }
    }
    modules
}

/// The lines of a made-up source that are refused.
fn refused(path: &str, text: &str) -> Vec<String> {
    forbidden(&Source::new(path, text))
}

#[test]
fn what_is_forbidden_is_found_however_it_is_written() {
    for text in [
        "use std::io;",
        "use std::io::Read;",
        "use std::{fmt, io::{Read}};",
        "use std::{fmt, io::{self}};",
        "use std::{\n    fmt,\n    io,\n};",
        "fn f() { std::io::stdout(); }",
        "use std as s;\nfn f() { s::io::stdout(); }",
        "fn f() -> std::time::Instant { std::time::Instant::now() }",
        "use std::time::Instant;\nfn f() { Instant::now(); }",
        "use std::time;\nfn f() { time::Instant::now(); }",
        "use std::time::Instant as Moment;\nfn f() { Moment::now(); }",
        "use mio::Poll;",
        "use log;",
        "fn f() { log::info!(\"x\"); }",
        "use serde_json::Value;",
        "use crate::server;",
        "use crate::{protocol::Role, apps::Echo};",
        "use super::super::server::Config;",
        "fn f<'a>(x: &'a str) -> char { crate::apps::Echo; 'x' }",
        "#[cfg(test)]\nmod tests { fn f() { } }\nuse std::net::TcpStream;",
    ] {
        let found = refused("src/protocol/frame.rs", text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].starts_with("src/protocol/frame.rs:"), "{}", found[0]);
    }
}

#[test]
fn what_is_allowed_is_left_alone() {
    for text in [
        "//! use std::io;\n// crate::server::X\n/* mio::Poll */ const S: &str = \"std::io::Read\";",
        "use std::fmt;\nuse std::time::{Duration, Instant};\nfn f(now: Instant) {}",
        "use super::masking::Role;\nuse crate::protocol::{Violation, frame::*};",
        "#[cfg(test)]\nmod tests {\n  use std::io;\n  fn f() { let x = \"}\"; io::empty(); }\n}",
        "const R: &str = r#\"use \"std::io\";\"#;",
        "const C: char = '\"'; const D: &str = \"std::io\"; const E: char = '\\'';",
        "fn f<'a, 'b>(io: &'a str, mio: &'b str) {}",
    ] {
        assert_eq!(refused("src/protocol/frame.rs", text), [] as [&str; 0], "{text}");
    }
}

#[test]
fn the_rules_of_the_other_folders_bite_too() {
    for (path, text) in [
        ("src/signaling/mod.rs", "use crate::protocol::Connection;"),
        ("src/signaling/mod.rs", "use crate::server::Config;"),
        ("src/signaling/mod.rs", "use std::time::Instant;"),
        ("src/apps/echo.rs", "use std::net::TcpStream;"),
        ("src/apps/echo.rs", "use crate::server::Config;"),
        ("src/apps/echo.rs", "use crate::signaling::Signaling;"),
        ("src/server/hub.rs", "use crate::signaling::Signaling;"),
        ("src/server/hub.rs", "fn f() { serde_json::from_str(\"\"); }"),
        ("src/trace/mod.rs", "use crate::server::Config;"),
        ("src/client/mod.rs", "use crate::server::Config;"),
    ] {
        assert_eq!(refused(path, text).len(), 1, "{path}: {text}");
    }
    for (path, text) in [
        ("src/signaling/mod.rs", "use crate::protocol::{CloseCode, Closure};"),
        ("src/apps/context.rs", "use std::net::SocketAddr;"),
        ("src/server/hub.rs", "use std::time::Instant;\nfn f() { Instant::now(); }"),
        ("src/main.rs", "use wigwag::server;"),
    ] {
        assert_eq!(refused(path, text), [] as [&str; 0], "{path}: {text}");
    }
}

#[test]
fn functions_are_measured_with_their_signatures() {
    let source = Source::new(
        "src/x.rs",
        "trait T { fn none(&self) -> [u8; 4]; }\nfn two(\n) { let x = |y: u8| { y }; }\n",
    );
    assert_eq!(functions(&source.tokens), [("two".to_owned(), 2, 2)]);
}
