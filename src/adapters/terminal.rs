//! The terminal, where there is one: how wide it is, and whether it shows colours.

use std::env::var_os;
use std::io::{IsTerminal, stderr, stdout};
use std::os::fd::AsFd;

use terminal_size::{Width, terminal_size_of};

use crate::screen::Screen;

/// Narrower than this no terminal is taken for: its size was not set.
const NARROWEST: usize = 20;

/// What a report is shown on.
#[must_use]
pub fn of_stdout() -> Screen {
    screen(stdout())
}

/// What is said on standard error is shown on.
#[must_use]
pub fn of_stderr() -> Screen {
    screen(stderr())
}

/// Whether somebody reads standard error as it is written.
#[must_use]
pub fn is_stderr() -> bool {
    stderr().is_terminal()
}

fn screen(stream: impl IsTerminal + AsFd) -> Screen {
    if !stream.is_terminal() {
        return Screen::default();
    }
    let width = terminal_size_of(stream).map(|(Width(columns), _)| usize::from(columns));
    let no_colour = var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    // What cannot move its cursor can show no colour either, and often nobody knows how wide it is.
    let dumb = var_os("TERM").is_none_or(|term| term == "dumb" || term.is_empty());
    Screen {
        width: width.filter(|width| *width >= NARROWEST),
        colour: !no_colour && !dumb,
        moves: !dumb,
    }
}
