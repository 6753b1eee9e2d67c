//! `wigwag exercise`: the manual's exercises, given out and judged.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use wigwag::manual::exercises::{ALL, Exercise as Entry};
use wigwag::protocol::Violation;
use wigwag::trace::exercise::{Exercise, Judged, Verdict};
use wigwag::trace::script::{Happening, ScriptError, Seen, Step};

/// The largest file of answers that is read: many times any exercise.
const MAX_ANSWERS: u64 = 64 * 1024;

#[derive(Args)]
pub(super) struct Arguments {
    /// The exercise, such as closing-2; without it all are listed
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Judge the answers in this file, line by line; - is standard input
    #[arg(long, value_name = "FILE", requires = "name")]
    check: Option<PathBuf>,
    /// Print the exercise with its answers and their reasons
    #[arg(long, requires = "name", conflicts_with = "check")]
    answer: bool,
}

/// Why an exercise came to no good end.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExerciseError {
    #[error("there is no exercise {0:?}; wigwag exercise lists them")]
    Unknown(String),
    #[error("{0}: {1}")]
    File(String, io::Error),
    #[error("{0}: more than 64 KiB are no answers")]
    TooLong(String),
    #[error("{0}: {1}")]
    Answers(String, ScriptError),
    #[error("cannot write: {0}")]
    Output(io::Error),
    #[error("{0} of {1} right")]
    NotAllRight(usize, usize),
}

impl ExerciseError {
    pub(super) fn exit_code(&self) -> u8 {
        if matches!(self, Self::Unknown(_)) { 2 } else { 1 }
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<(), ExerciseError> {
    let Some(name) = &arguments.name else {
        return print(&list());
    };
    let entry = ALL.iter().find(|entry| entry.name == name);
    let entry = entry.ok_or_else(|| ExerciseError::Unknown(name.clone()))?;
    if arguments.answer {
        return print(entry.script);
    }
    let exercise = read(entry)?;
    match &arguments.check {
        None => print(&sheet(entry, &exercise)),
        Some(path) => {
            let (file, answers) = answers(path)?;
            let judged = exercise.check(&answers, Instant::now());
            let judged = judged.map_err(|error| ExerciseError::Answers(file, error))?;
            let right = judged.iter().filter(|judged| judged.verdict == Verdict::Right).count();
            print(&report(entry, &exercise, &judged, right))?;
            if right < judged.len() {
                return Err(ExerciseError::NotAllRight(right, judged.len()));
            }
            Ok(())
        }
    }
}

fn read(entry: &Entry) -> Result<Exercise, ExerciseError> {
    let read = Exercise::parse(entry.script);
    read.map_err(|error| ExerciseError::Answers(entry.name.to_owned(), error))
}

/// A reader that closes early (`| head`) is not an error.
fn print(text: &str) -> Result<(), ExerciseError> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(ExerciseError::Output(error))
        }
        _ => Ok(()),
    }
}

fn answers(path: &PathBuf) -> Result<(String, String), ExerciseError> {
    let is_stdin = path.as_os_str() == "-";
    let name = if is_stdin { "standard input".to_owned() } else { path.display().to_string() };
    let failed = |error| ExerciseError::File(name.clone(), error);
    let mut text = String::new();
    let read = if is_stdin {
        io::stdin().take(MAX_ANSWERS + 1).read_to_string(&mut text)
    } else {
        let file = fs::File::open(path).map_err(failed)?;
        file.take(MAX_ANSWERS + 1).read_to_string(&mut text)
    };
    if read.map_err(failed)? as u64 > MAX_ANSWERS {
        return Err(ExerciseError::TooLong(name));
    }
    Ok((name, text))
}

fn list() -> String {
    let mut text = String::from(
        "Exercises: conversations with the answers left out. Say what happens, and be told.\n",
    );
    let mut chapter = "";
    for entry in ALL {
        if entry.chapter() != chapter {
            chapter = entry.chapter();
            let _ = writeln!(text, "\n{chapter} (src/manual/{chapter}.md)");
        }
        let title = entry.script.lines().next().unwrap_or_default();
        let title = title.trim_start_matches(['#', ' ']);
        let _ = writeln!(text, "  {:<16} {title}", entry.name);
    }
    text.push_str(
        "\nwigwag exercise frame-1 > my.ws           prints one; edit its lines with a ?\n\
         wigwag exercise frame-1 --check my.ws     judges what you wrote\n\
         wigwag exercise frame-1 --answer          gives it away\n",
    );
    text
}

/// An exercise as a learner gets it, with what can be said in an answer.
fn sheet(entry: &Entry, exercise: &Exercise) -> String {
    let name = entry.name;
    let mut text = exercise.blank();
    text.push_str(
        "\n# Put a line in the place of each ?, in the order in which it happens:\n\
         #   event text \"Hi\"              the application hears a message; or binary, ping, pong\n\
         #   event close 1000 \"bye\"       it hears the peer's Close frame\n\
         #   event violation NAME         the peer broke this rule\n\
         #   < pong \"Hi\"                  a frame is sent; or text, binary, ping\n\
         #   < close 1002                 a Close frame is sent; its reason may be left out\n\
         # Bytes may stand as: hex 00 01 02\n",
    );
    let words = [
        ("state ?", "state open, closing, or closed"),
        ("ended ?", "ended by peer, local, transport, silence, or violation NAME; then the code"),
        ("wants ?", "wants nothing, shutdown, or drop: what becomes of the transport"),
        ("timeout ?", "timeout in 25s, or never"),
    ];
    for (blank, meaning) in words {
        if exercise.blank().lines().any(|line| line == blank) {
            let _ = writeln!(text, "#   {meaning}");
            if blank == "ended ?" {
                text.push_str("#         if there was one; then cleanly or uncleanly\n");
            }
        }
    }
    let about_violations = exercise
        .script()
        .lines
        .iter()
        .any(|line| matches!(line.step, Step::Expect(Happening::Event(Seen::Violation(_)))));
    if about_violations {
        text.push_str("# The names of violations:\n");
        for violations in Violation::ALL.chunks(3) {
            let names: Vec<String> = violations.iter().map(|v| format!("{v:?}")).collect();
            let _ = writeln!(text, "#   {}", names.join(", "));
        }
    }
    let _ = writeln!(text, "# Then: wigwag exercise {name} --check FILE");
    text
}

fn report(entry: &Entry, exercise: &Exercise, judged: &[Judged], right: usize) -> String {
    let mut text = format!("{}: {}\n", entry.name, exercise.script().title());
    for Judged { line, answer, verdict, why } in judged {
        let (word, remark) = match verdict {
            Verdict::Right => ("right", None),
            Verdict::Wrong { found } => ("wrong", Some(format!("what happens: {found}"))),
            Verdict::Unreadable(message) => ("not read", Some(message.clone())),
            Verdict::Unanswered => ("open", None),
        };
        let _ = writeln!(text, "{line:>4}  {word:<8}  {answer}");
        if let Some(remark) = remark {
            let _ = writeln!(text, "                {remark}");
        }
        if matches!(verdict, Verdict::Wrong { .. }) {
            wrapped(&mut text, &format!("why: {}", why.because));
            let (file, symbol) = why.place.split_once(':').unwrap_or((&why.place, ""));
            let _ = writeln!(text, "                open: {file}, and look for {symbol}");
        }
    }
    if right == judged.len() {
        let _ = writeln!(text, "\nAll {right} right. Read on in src/manual/{}.md", entry.chapter());
    }
    text
}

/// Appends a paragraph, indented, in lines that a terminal can show.
fn wrapped(text: &mut String, paragraph: &str) {
    const WIDTH: usize = 76;
    let mut length = WIDTH;
    for word in paragraph.split(' ') {
        let word_length = word.chars().count();
        if length + 1 + word_length > WIDTH {
            let end = if text.ends_with('\n') { "" } else { "\n" };
            let _ = write!(text, "{end}                {word}");
            length = word_length;
        } else {
            let _ = write!(text, " {word}");
            length += 1 + word_length;
        }
    }
    text.push('\n');
}
