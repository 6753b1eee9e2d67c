//! Colours, lines and escapes.

/// Puts ANSI colours around text, or does not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    pub(super) color: bool,
}

impl Paint {
    /// The codes for what each side sends, and for what is wrong. Cyan, magenta and red are told
    /// apart on dark and on light ground.
    pub(super) const CLIENT: &'static str = "1;36";
    pub(super) const SERVER: &'static str = "1;35";
    pub(super) const WRONG: &'static str = "1;31";

    pub(super) fn with(self, code: &str, text: &str) -> String {
        if self.color && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    pub(super) fn strong(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    /// Bits where they stand: the dots are dim.
    pub(super) fn bits(self, drawn: &str) -> String {
        if !self.color {
            return drawn.to_owned();
        }
        let mut painted = String::new();
        let mut rest = drawn;
        while let Some(first) = rest.chars().next() {
            let end = rest.find(|c: char| (c == '.') != (first == '.')).unwrap_or(rest.len());
            let (run, behind) = rest.split_at(end);
            rest = behind;
            painted.push_str(&if first == '.' { self.dim(run) } else { self.with("33", run) });
        }
        painted
    }
}

/// Text as it may be shown on a terminal: whatever is not to be seen, or moves something, is
/// written as an escape.
pub fn escape(text: &str) -> String {
    escaped(text)
}

pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // A quote is harmless, and a backslash stands for itself: this is to be read.
            '"' | '\'' | '\\' => out.push(c),
            c => out.extend(c.escape_debug()),
        }
    }
    out
}

/// Cuts prose into lines of at most `room` columns, the first of which is `used` already.
pub(super) fn wrap(text: &str, room: usize, used: usize) -> std::vec::IntoIter<String> {
    let mut lines = vec![String::new()];
    let mut column = used;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        let Some(line) = lines.last_mut() else { break };
        let begins = line.is_empty();
        if column + length + usize::from(!begins) > room && column > 0 {
            lines.push(word.to_owned());
            column = length;
            continue;
        }
        if !begins {
            line.push(' ');
            column += 1;
        }
        line.push_str(word);
        column += length;
    }
    lines.into_iter()
}
