//! The exercises of the manual: each can be solved, by its own answers, and a wrong answer is
//! noticed. And `wigwag exercise`, as a learner uses it.

mod common;

use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::Instant;

use common::{Folder, wigwag};
use wigwag::manual::exercises::{ALL, Exercise as Entry};
use wigwag::trace::exercise::{Exercise, Verdict};
use wigwag::trace::replay;
use wigwag::trace::script::{Check, Step};

fn read(entry: &Entry) -> Exercise {
    Exercise::parse(entry.script).unwrap_or_else(|error| panic!("{}: {error}", entry.name))
}

/// The verdicts on these answers.
fn verdicts(exercise: &Exercise, answers: &str) -> Vec<Verdict> {
    let judged = exercise.check(answers, Instant::now()).unwrap_or_else(|e| panic!("{e}"));
    judged.into_iter().map(|judged| judged.verdict).collect()
}

/// The lines of the blank with each question replaced by what `answer` says to its number.
fn fill(exercise: &Exercise, answer: impl Fn(usize) -> String) -> String {
    let mut filled = String::new();
    let mut question = 0;
    for line in exercise.blank().lines() {
        if line == "?" || line.ends_with(" ?") {
            filled.push_str(&answer(question));
            question += 1;
        } else {
            filled.push_str(line);
        }
        filled.push('\n');
    }
    filled
}

/// The right answers, as they stand in the exercise.
fn answers(exercise: &Exercise) -> Vec<String> {
    let lines = exercise.script().lines.iter().filter_map(|line| match &line.step {
        Step::Expect(happening) => Some(happening.to_string()),
        Step::Check(check) => Some(check.to_string()),
        _ => None,
    });
    lines.collect()
}

#[test]
fn each_exercise_is_played_as_it_stands() {
    for entry in ALL {
        let exercise = read(entry);
        let played = replay::every_way(exercise.script(), Instant::now());
        played.unwrap_or_else(|mismatch| panic!("{}: {mismatch}", entry.name));
    }
}

#[test]
fn each_exercise_is_solved_by_its_answers_and_the_blank_gives_none_away() {
    for entry in ALL {
        let exercise = read(entry);
        let answers = answers(&exercise);
        assert!(!answers.is_empty(), "{} asks nothing", entry.name);
        let blank = exercise.blank();
        assert!(!blank.contains("#=") && !blank.contains("#@"), "{blank}");
        assert_eq!(verdicts(&exercise, &blank), vec![Verdict::Unanswered; answers.len()]);
        let solved = fill(&exercise, |question| answers[question].clone());
        assert_eq!(
            verdicts(&exercise, &solved),
            vec![Verdict::Right; answers.len()],
            "{}",
            entry.name
        );
        // Nor does it matter that the answers stand in the whole script, with all its remarks.
        assert_eq!(verdicts(&exercise, entry.script), vec![Verdict::Right; answers.len()]);
    }
}

#[test]
fn a_wrong_answer_is_noticed_in_its_place_and_told_what_happens() {
    for entry in ALL {
        let exercise = read(entry);
        let right = answers(&exercise);
        let checks: Vec<Option<Check>> = exercise
            .script()
            .lines
            .iter()
            .filter_map(|line| match &line.step {
                Step::Expect(_) => Some(None),
                Step::Check(check) => Some(Some(check.clone())),
                _ => None,
            })
            .collect();
        for wrong in 0..right.len() {
            let lie = match &checks[wrong] {
                None if right[wrong].starts_with('<') => "< close 4999 \"no\"",
                None => "event text \"no\"",
                Some(Check::State(_)) if right[wrong] == "state open" => "state closing",
                Some(Check::State(_)) => "state open",
                Some(Check::Ended(_)) => "ended by peer 4999 uncleanly",
                Some(Check::Wants(_)) if right[wrong] == "wants nothing" => "wants drop",
                Some(Check::Wants(_)) => "wants nothing",
                Some(Check::Timeout(_)) => "timeout in 77s",
            };
            let told = fill(&exercise, |question| match question == wrong {
                true => lie.to_owned(),
                false => right[question].clone(),
            });
            let mut expected = vec![Verdict::Right; right.len()];
            expected[wrong] = Verdict::Wrong { found: right[wrong].clone() };
            assert_eq!(verdicts(&exercise, &told), expected, "{}", entry.name);
        }
    }
}

#[test]
fn each_answer_has_its_reason_with_a_section_and_a_place_that_is_there() {
    for entry in ALL {
        for why in read(entry).reasons() {
            let name = entry.name;
            let rfc = ["RFC 6455, ", "RFC 7692, "].iter().any(|rfc| why.because.starts_with(rfc));
            assert!(rfc, "{name}: {:?} names no section", why.because);
            assert_eq!(why.because.matches('"').count() % 2, 0, "{name}: {}", why.because);
            let (file, symbol) = why.place.split_once(':').unwrap_or_else(|| panic!("{name}"));
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
            let source = fs::read_to_string(path).unwrap_or_else(|e| panic!("{name}: {file}: {e}"));
            let defined = [format!("fn {symbol}("), format!("fn {symbol}<")];
            assert!(defined.iter().any(|fun| source.contains(fun)), "{name}: {}", why.place);
        }
    }
}

#[test]
fn each_file_is_an_exercise_and_each_chapter_has_three() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manual/exercises");
    let mut files: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut names: Vec<String> = ALL.iter().map(|entry| format!("{}.ws", entry.name)).collect();
    files.sort();
    names.sort();
    assert_eq!(files, names);
    for three in ALL.chunks(3) {
        let chapter = three[0].chapter();
        let expected: Vec<String> = (1..=3).map(|number| format!("{chapter}-{number}")).collect();
        assert_eq!(three.iter().map(|entry| entry.name).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn what_is_no_answer_is_said_so() {
    let text = "> ping\nevent ping\n< pong\nstate open\n#= RFC 6455, 5.5.2\n#@ a:b\n";
    let exercise = Exercise::parse(text).unwrap();
    let unreadable = |answers: &str, at: usize| {
        let verdicts = verdicts(&exercise, answers);
        assert!(matches!(verdicts[at], Verdict::Unreadable(_)), "{answers:?}: {verdicts:?}");
    };
    unreadable("> ping\nevent pang\n< pong\nstate open", 0);
    unreadable("> ping\nevent ping\n> pong\nstate open", 1);
    unreadable("> ping\nevent ping\nstate open\nstate open", 1);
    unreadable("> ping\nevent ping\n< pong \"x\nstate open", 1);
    unreadable("> ping\nevent ping\n< pong\nwants nothing", 2);
    unreadable("> ping\nevent ping\n< pong\nevent ping", 2);

    let misplaced = |answers: &str, line: usize| {
        let error = exercise.check(answers, Instant::now()).unwrap_err();
        assert_eq!(error.line, line, "{answers:?}: {error}");
    };
    misplaced("", 1);
    misplaced("> pong\nevent ping\n< pong\nstate open", 1);
    misplaced("> ping\nevent ping\n< pong", 4);
    misplaced("> ping\n\n# so\nevent ping\n< pong\nstate open\nstate open", 7);
    // The given line may be written in another way.
    let answers = "  >   ping  # yes\nevent ping\n< pong\nstate open\n";
    assert_eq!(verdicts(&exercise, answers), vec![Verdict::Right; 3]);
}

#[test]
fn the_words_of_our_close_frames_need_not_be_known() {
    let text = "> ping fin=0\nevent violation FragmentedControlFrame\n\
                < close 1002 \"a control frame is fragmented\"\n";
    let exercise = Exercise::parse(text).unwrap();
    let close = |answer: &str| {
        let answers = format!("> ping fin=0\nevent violation FragmentedControlFrame\n{answer}");
        verdicts(&exercise, &answers).pop().unwrap() == Verdict::Right
    };
    assert!(close("< close 1002"));
    assert!(close("< close 1002 \"a control frame is fragmented\""));
    assert!(!close("< close 1002 \"fragmented\""));
    assert!(!close("< close 1007"));
    assert!(!close("< close"));
}

fn exercise(arguments: &[&str]) -> Output {
    let mut command = wigwag();
    command.arg("exercise").args(arguments).output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn the_command_lists_gives_out_and_judges() {
    let list = exercise(&[]);
    assert!(list.status.success());
    assert!(ALL.iter().all(|entry| text(&list.stdout).contains(entry.name)));

    let sheet = exercise(&["closing-2"]);
    assert!(sheet.status.success());
    let sheet = text(&sheet.stdout);
    assert!(sheet.contains("> close 1006\n?\n?\n"), "{sheet}");
    assert!(sheet.contains("InvalidCloseCode"), "the names are told: {sheet}");

    let folder = Folder::new("exercise");
    let file = folder.path().join("my.ws");
    let check = |answers: &str| {
        folder.put("my.ws", answers);
        exercise(&["closing-2", "--check", file.to_str().unwrap()])
    };
    let open = check(sheet);
    assert_eq!(open.status.code(), Some(1));
    assert_eq!(text(&open.stderr), "wigwag: 0 of 2 right\n");

    let wrong = sheet.replace("?\n?\n", "event close 1000\n< close 1006\n");
    let wrong = check(&wrong);
    assert_eq!(wrong.status.code(), Some(1));
    let told = text(&wrong.stdout);
    assert!(told.contains("what happens: event violation InvalidCloseCode\n"), "{told}");
    assert!(told.contains("RFC 6455, 7.4.1"), "{told}");
    assert!(told.contains("open: src/protocol/close.rs, and look for new\n"), "{told}");
    assert!(told.lines().all(|line| line.chars().count() <= 100), "{told}");

    let answer = "event violation InvalidCloseCode\n< close 1002\n";
    let right = check(&sheet.replace("?\n?\n", answer));
    assert_eq!(right.status.code(), Some(0), "{right:?}");
    assert!(text(&right.stdout).contains("All 2 right"));

    let answered = exercise(&["closing-2", "--answer"]);
    assert_eq!(check(text(&answered.stdout)).status.code(), Some(0));
}

#[test]
fn what_cannot_be_judged_is_said_in_one_line() {
    let fails = |arguments: &[&str], code: i32, hint: &str| {
        let output = exercise(arguments);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.starts_with("wigwag: ") && stderr.contains(hint), "{stderr}");
        assert_eq!(text(&output.stdout), "");
    };
    fails(&["no-such-exercise"], 2, "no-such-exercise");
    fails(&["--check", "my.ws"], 2, "NAME");
    fails(&["frame-1", "--check", "my.ws", "--answer"], 2, "--answer");
    fails(&["frame-1", "--check", "/no/such/file"], 1, "/no/such/file");
    let folder = Folder::new("exercise-bad");
    let file = folder.path().join("my.ws");
    let file = file.to_str().unwrap();
    folder.put("my.ws", [0xff]);
    fails(&["frame-1", "--check", file], 1, "my.ws");
    folder.put("my.ws", "#".repeat(65 * 1024));
    fails(&["frame-1", "--check", file], 1, "64 KiB");
    folder.put("my.ws", "> ping");
    fails(&["frame-1", "--check", file], 1, "line 1: here must stand the line that was given");
    // Nothing on standard input.
    fails(&["frame-1", "--check", "-"], 1, "standard input: line 1");
}
