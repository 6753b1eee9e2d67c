//! What the terminal is like, if there is one: colours and width.

use std::env;
use std::io::IsTerminal;
use std::os::fd::AsFd;

use clap::ValueEnum;
use terminal_size::{Width, terminal_size_of};
use wigwag::trace::render::{Renderer, Style};

/// How wide lines are where nobody tells, such as in a file.
const WIDTH: usize = 96;
/// Narrower than this, the columns have no room; wider than that, lines are hard to read.
const WIDTHS: (usize, usize) = (72, 110);

/// When to print in colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// A renderer that suits what it writes to.
pub(super) fn renderer<T: IsTerminal + AsFd>(out: &T, when: When, style: Style) -> Renderer {
    let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
    let color = match when {
        When::Auto => out.is_terminal() && !set("NO_COLOR") && !dumb,
        When::Always => true,
        When::Never => false,
    };
    let width = match terminal_size_of(out).filter(|_| out.is_terminal()) {
        Some((Width(columns), _)) => usize::from(columns).clamp(WIDTHS.0, WIDTHS.1),
        None => WIDTH,
    };
    Renderer { style, color, width }
}
