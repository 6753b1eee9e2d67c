//! Plays the conversations of `tests/scripts/`, each cut into reads in every way of which there are
//! not too many: see [`replay::every_way`]. A failure names file and line.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use wigwag::protocol::{EndedBy, Violation};
use wigwag::trace::replay;
use wigwag::trace::script::{Check, Happening, Script, Seen, Step};

const FOLDERS: [&str; 9] = [
    "client",
    "closing",
    "compression",
    "control",
    "fragmentation",
    "frames",
    "limits",
    "masking",
    "utf8",
];

fn scripts_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts")
}

/// The scripts of a folder: how a message names them, and what they say.
fn scripts(folder: &str) -> Vec<(String, Script)> {
    let mut scripts = Vec::new();
    for entry in fs::read_dir(scripts_folder().join(folder)).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        let name = path.file_name().and_then(|name| name.to_str());
        let name = format!("tests/scripts/{folder}/{}", name.expect("a name in UTF-8"));
        assert!(name.ends_with(".ws"), "{name} is no script");
        let text = fs::read_to_string(&path).expect("the script can be read");
        let script = Script::parse(&text).unwrap_or_else(|error| {
            panic!("{name}:{}: {}", error.line, error.message);
        });
        scripts.push((name, script));
    }
    scripts
}

fn play(folder: &str) {
    let mut failures = Vec::new();
    for (name, script) in scripts(folder) {
        match replay::every_way(&script, Instant::now()) {
            Ok(times) => assert_all_ways(&name, &script, times),
            Err(mismatch) => failures.push(format!("{name}:{}: {mismatch}", mismatch.line)),
        }
    }
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n"));
}

/// That a script was played as often as is said of every script of its size.
fn assert_all_ways(name: &str, script: &Script, times: usize) {
    let places = script.input().len().saturating_sub(1);
    let pairs = |places: usize| places * places.saturating_sub(1) / 2;
    let seams = replay::seams(script).len();
    let two_seams = match seams {
        // Each with the next eight, of which the last ones have fewer.
        193.. => seams * 8 - 36,
        _ => pairs(seams),
    };
    let expected = match script.input().len() {
        0..=13 => 1 << places,
        14..=192 => 2 + places + pairs(places),
        193..=2048 => 2 + places + two_seams,
        _ => 2 + seams + two_seams,
    };
    assert_eq!(times, expected, "{name}: {places} places to cut, {seams} seams");
    println!("{name}: {} bytes, {times} ways to cut them", places + 1);
}

#[test]
fn client() {
    play("client");
}

#[test]
fn closing() {
    play("closing");
}

#[test]
fn compression() {
    play("compression");
}

#[test]
fn control() {
    play("control");
}

#[test]
fn fragmentation() {
    play("fragmentation");
}

#[test]
fn frames() {
    play("frames");
}

#[test]
fn limits() {
    play("limits");
}

#[test]
fn masking() {
    play("masking");
}

#[test]
fn utf8() {
    play("utf8");
}

#[test]
fn no_folder_is_left_out() {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(scripts_folder()).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            let name = path.file_name().and_then(|name| name.to_str());
            found.insert(name.expect("a name in UTF-8").to_owned());
        }
    }
    assert_eq!(found, FOLDERS.map(str::to_owned).into());
}

#[test]
fn each_script_is_a_lesson_with_a_title_a_section_and_a_result() {
    for (name, script) in FOLDERS.into_iter().flat_map(scripts) {
        let first = script.lines.first().map(|line| &line.step);
        assert!(matches!(first, Some(Step::Prose(_))), "{name} begins without a title");
        let prose = script.lines.iter().filter_map(|line| match &line.step {
            Step::Prose(prose) => Some(prose.as_str()),
            _ => None,
        });
        let prose = prose.collect::<Vec<_>>().join(" ");
        let names_a_section = ["RFC 6455, ", "RFC 7692, "].iter().any(|rfc| prose.contains(rfc));
        assert!(names_a_section, "{name} names no section of an RFC");
        let expects = |step: &Step| matches!(step, Step::Expect(_) | Step::Check(_));
        let expects = script.lines.iter().any(|line| expects(&line.step));
        assert!(expects, "{name} expects nothing");
    }
}

#[test]
fn each_violation_of_the_table_has_a_script() {
    let mut missing = Violation::ALL.to_vec();
    for (_, script) in FOLDERS.into_iter().flat_map(scripts) {
        for line in &script.lines {
            let shown = match &line.step {
                Step::Expect(Happening::Event(Seen::Violation(violation))) => *violation,
                Step::Check(Check::Ended(closure)) => match closure.by {
                    EndedBy::Violation(violation) => violation,
                    _ => continue,
                },
                _ => continue,
            };
            missing.retain(|violation| *violation != shown);
        }
    }
    assert_eq!(missing, []);
}

/// What a README says must be so, too.
#[test]
fn the_example_of_the_readme_is_played() {
    let readme = include_str!("scripts/README.md");
    let (_, example) = readme.split_once("```ws\n").expect("an example");
    let (example, _) = example.split_once("```").expect("the end of the example");
    let script = Script::parse(example).unwrap_or_else(|error| panic!("{error}"));
    let times = replay::every_way(&script, Instant::now()).expect("what the README says");
    assert_all_ways("tests/scripts/README.md", &script, times);
}
