//! An exercise: a script whose answers are left out, and what a learner put in their place.
//!
//! An exercise is kept as a whole script, with its answers: the lines that tell what happens and
//! what is then so. Below them stands why, for who is wrong:
//!
//! ```
//! use std::time::Instant;
//! use wigwag::trace::exercise::{Exercise, Verdict};
//!
//! let exercise = Exercise::parse(
//!     "## Is anybody there?\n\
//!      > ping \"hello?\"\n\
//!      event ping \"hello?\"\n\
//!      < pong \"hello?\"\n\
//!      #= RFC 6455, 5.5.3: a pong carries what the ping carried.\n\
//!      #@ src/protocol/connection/step.rs:obey\n",
//! )?;
//! assert_eq!(exercise.blank(), "## Is anybody there?\n> ping \"hello?\"\n?\n?\n");
//!
//! let answers = "> ping \"hello?\"\nevent ping \"hello?\"\n< pong";
//! let judged = exercise.check(answers, Instant::now())?;
//! assert_eq!(judged[0].verdict, Verdict::Right);
//! assert_eq!(judged[1].verdict, Verdict::Wrong { found: "< pong \"hello?\"".to_owned() });
//! assert_eq!(judged[1].why.place, "src/protocol/connection/step.rs:obey");
//! # Ok::<(), wigwag::trace::script::ScriptError>(())
//! ```
//!
//! The answers that are written down are not what a learner's are compared with: each is put into
//! the script and the script is played, so it is the real connection that has the last word.

use std::mem::discriminant;
use std::time::Instant;

use super::replay::{Reads, replay};
use super::script::words::Words;
use super::script::{Check, Script, ScriptError, Step, step};

/// What begins a line that explains the answers above it.
const BECAUSE: &str = "#=";
/// What begins a line that names the place in the source, as `file:symbol`.
const PLACE: &str = "#@";

/// An exercise with its answers.
#[derive(Clone, Debug)]
pub struct Exercise {
    script: Script,
    rows: Vec<Row>,
    reasons: Vec<Why>,
}

/// A line of the exercise that a learner sees.
#[derive(Clone, Debug)]
enum Row {
    /// Prose, a blank line, or what is done: it stays as it is.
    Given(String),
    /// What is to be predicted: the line's index in the script, and that of its reason.
    Asked { line: usize, reason: usize },
}

/// Why an answer is what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Why {
    /// The rule, with its section.
    pub because: String,
    /// The code that keeps it, as `file:symbol`.
    pub place: String,
}

/// What a learner's line is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// So it happens.
    Right,
    /// Something else happens.
    Wrong {
        /// What really happens, as it would stand in a script.
        found: String,
    },
    /// The line cannot be read, or is not what was asked for, and why.
    Unreadable(String),
    /// There is still a question mark.
    Unanswered,
}

/// A learner's line, judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Its number in the learner's text, counted from 1.
    pub line: usize,
    /// The line.
    pub answer: String,
    /// What it is worth.
    pub verdict: Verdict,
    /// Why the right answer is right.
    pub why: Why,
}

impl Exercise {
    /// Reads an exercise with its answers.
    ///
    /// # Errors
    ///
    /// The first line that is not in the grammar of scripts.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let script = Script::parse(text)?;
        let mut rows = Vec::new();
        let mut reasons = vec![Why::default()];
        for (line, number) in text.lines().zip(1..) {
            let trimmed = line.trim();
            let reason = reasons.len().saturating_sub(1);
            if let Some(because) = trimmed.strip_prefix(BECAUSE) {
                if let Some(why) = reasons.last_mut() {
                    let gap = if why.because.is_empty() { "" } else { " " };
                    why.because = format!("{}{gap}{}", why.because, because.trim());
                }
            } else if let Some(place) = trimmed.strip_prefix(PLACE) {
                if let Some(why) = reasons.last_mut() {
                    place.trim().clone_into(&mut why.place);
                }
                reasons.push(Why::default());
            } else {
                let found = script.lines.iter().position(|line| {
                    line.number == number && matches!(line.step, Step::Expect(_) | Step::Check(_))
                });
                rows.push(match found {
                    Some(line) => Row::Asked { line, reason },
                    None => Row::Given(line.to_owned()),
                });
            }
        }
        Ok(Self { script, rows, reasons })
    }

    /// The script that the answers make of it.
    pub fn script(&self) -> &Script {
        &self.script
    }

    /// The reason of each answer, in their order.
    pub fn reasons(&self) -> Vec<Why> {
        let reasons = self.rows.iter().filter_map(|row| match row {
            Row::Asked { reason, .. } => Some(self.why(*reason)),
            Row::Given(_) => None,
        });
        reasons.collect()
    }

    /// The exercise as a learner gets it: with `?` for each thing that happens, and `state ?` and
    /// the like where a question is asked.
    pub fn blank(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            match row {
                Row::Given(line) => text.push_str(line),
                Row::Asked { line, .. } => text.push_str(match self.step(*line) {
                    Some(Step::Check(Check::State(_))) => "state ?",
                    Some(Step::Check(Check::Ended(_))) => "ended ?",
                    Some(Step::Check(Check::Wants(_))) => "wants ?",
                    Some(Step::Check(Check::Timeout(_))) => "timeout ?",
                    _ => "?",
                }),
            }
            text.push('\n');
        }
        text
    }

    /// Judges a blank that was filled in, line by line.
    ///
    /// # Errors
    ///
    /// A line that was given is not there any more, or there is one too many: then it cannot be
    /// told which answer belongs where.
    pub fn check(&self, answers: &str, now: Instant) -> Result<Vec<Judged>, ScriptError> {
        let mut lines = significant(answers);
        let mut judged = Vec::new();
        for row in &self.rows {
            match row {
                Row::Given(given) => {
                    if significant(given).next().is_some() {
                        expect_given(given, lines.next(), answers)?;
                    }
                }
                Row::Asked { line, reason } => {
                    let Some((number, answer)) = lines.next() else {
                        return Err(short(answers, "the answer to a question mark"));
                    };
                    judged.push(Judged {
                        line: number,
                        answer: answer.to_owned(),
                        verdict: self.judge(*line, answer, now),
                        why: self.why(*reason),
                    });
                }
            }
        }
        match lines.next() {
            None => Ok(judged),
            Some((line, extra)) => {
                Err(ScriptError { line, message: format!("here is a line too many: {extra}") })
            }
        }
    }

    /// Puts one answer in the place of the right one, and plays all.
    fn judge(&self, line: usize, answer: &str, now: Instant) -> Verdict {
        if Words::of(answer).is_ok_and(|mut words| {
            [words.word(), words.word()].iter().flatten().any(|word| word == "?")
        }) {
            return Verdict::Unanswered;
        }
        let predicted = match read(answer, &self.script) {
            Ok(predicted) => predicted,
            Err(message) => return Verdict::Unreadable(message),
        };
        let mut script = self.script.clone();
        let Some(place) = script.lines.get_mut(line) else {
            return Verdict::Right;
        };
        let right = match (&place.step, &predicted) {
            (Step::Expect(right), Step::Expect(predicted)) => {
                let right = right.to_string();
                if gives_the_code(&predicted.to_string(), &right) {
                    return Verdict::Right;
                }
                right
            }
            (Step::Check(right), Step::Check(predicted))
                if discriminant(right) == discriminant(predicted) =>
            {
                right.to_string()
            }
            (Step::Check(_), _) => {
                return Verdict::Unreadable("the first word of this line was given".to_owned());
            }
            _ => {
                let wanted = "here is asked what happens: event, <, or refused".to_owned();
                return Verdict::Unreadable(wanted);
            }
        };
        place.step = predicted;
        let number = place.number;
        match replay(&script, now, Reads::Whole) {
            Ok(()) => Verdict::Right,
            // What comes after it is asked for by other lines.
            Err(mismatch) if mismatch.line == number && mismatch.found.lines().count() == 1 => {
                Verdict::Wrong { found: mismatch.found }
            }
            Err(_) => Verdict::Wrong { found: right },
        }
    }

    fn step(&self, line: usize) -> Option<&Step> {
        self.script.lines.get(line).map(|line| &line.step)
    }

    fn why(&self, reason: usize) -> Why {
        self.reasons.get(reason).cloned().unwrap_or_default()
    }
}

/// The lines that are neither blank nor prose, with their numbers.
fn significant(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = (1..).zip(text.lines().map(str::trim));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

fn expect_given(
    given: &str,
    found: Option<(usize, &str)>,
    answers: &str,
) -> Result<(), ScriptError> {
    let given = given.trim();
    let Some((line, found)) = found else {
        return Err(short(answers, &format!("this line: {given}")));
    };
    if Words::of(found) == Words::of(given) {
        return Ok(());
    }
    let message = format!("here must stand the line that was given: {given}; not: {found}");
    Err(ScriptError { line, message })
}

fn short(answers: &str, what: &str) -> ScriptError {
    let line = answers.lines().count().saturating_add(1);
    ScriptError { line, message: format!("the end; before it must stand {what}") }
}

/// A line of a script.
fn read(answer: &str, script: &Script) -> Result<Step, String> {
    let mut words = Words::of(answer)?;
    let first = words.expect("an answer")?;
    let step = step::parse(&first, &mut words, script.role)?;
    words.end()?;
    Ok(step)
}

/// Whether a Close frame was predicted with its code and without a reason: nobody can know our
/// words.
fn gives_the_code(predicted: &str, right: &str) -> bool {
    predicted.starts_with("< close ")
        && right.strip_prefix(predicted).is_some_and(|rest| rest.starts_with(" \""))
}
