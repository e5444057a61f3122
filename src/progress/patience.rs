//! What is waited for, on one line of a terminal, once there was no word for a while. A pipe gets nothing of it.

use std::io::{Write as _, stderr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, interval};

use crate::adapters::terminal;
use crate::calls::Calls;
use crate::screen::Screen;
use crate::text::{few, plain};

/// How long somebody waits without a word.
const SILENCE: Duration = Duration::from_secs(2);
/// How often is looked what is waited for.
const LOOK: Duration = Duration::from_millis(200);
/// So much of it is named.
const NAMED: usize = 2;

/// Tells what is waited for, until it is dropped.
pub struct Patience {
    line: Arc<Mutex<Line>>,
    telling: Option<JoinHandle<()>>,
}

impl Patience {
    /// Tells what these clients wait for, if standard error is a terminal.
    #[must_use]
    pub fn watch(calls: &Calls) -> Self {
        let line = Arc::new(Mutex::new(Line::new(terminal::of_stderr())));
        let telling = terminal::is_stderr().then(|| {
            let (calls, line) = (calls.clone(), Arc::clone(&line));
            tokio::spawn(async move {
                let mut ticks = interval(LOOK);
                loop {
                    ticks.tick().await;
                    draw(&lock(&line).next(&calls.awaited(), Instant::now()));
                }
            })
        });
        Self { line, telling }
    }

    /// Takes the line away, because something else is about to be shown.
    pub fn hush(&self) {
        draw(&lock(&self.line).next(&[], Instant::now()));
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        if let Some(telling) = self.telling.take() {
            telling.abort();
        }
        self.hush();
    }
}

fn lock(line: &Mutex<Line>) -> std::sync::MutexGuard<'_, Line> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

fn draw(text: &str) {
    if !text.is_empty() {
        let mut out = stderr().lock();
        let _ = out.write_all(text.as_bytes());
        let _ = out.flush();
    }
}

/// What the line shows.
struct Line {
    screen: Screen,
    /// Since when there has been no word.
    quiet: Instant,
    shown: String,
}

impl Line {
    fn new(screen: Screen) -> Self {
        Self {
            screen,
            quiet: Instant::now(),
            shown: String::new(),
        }
    }

    /// What to write so that the line shows what is waited for. A terminal without colours can do no more than print lines.
    fn next(&mut self, awaited: &[String], now: Instant) -> String {
        let words = if awaited.is_empty() || now < self.quiet + SILENCE {
            String::new()
        } else {
            let named = plain(&few(awaited.iter().map(String::as_str), NAMED));
            // A line that breaks could not be taken away again.
            let room = self.screen.width.unwrap_or(80).saturating_sub(3);
            let shown: String = named.chars().take(room).collect();
            format!("{shown} …")
        };
        if words == self.shown {
            return String::new();
        }
        let before = std::mem::replace(&mut self.shown, words);
        match (self.screen.moves, before.is_empty(), self.shown.is_empty()) {
            (false, _, true) => String::new(),
            (false, ..) => format!("{}\n", self.shown),
            // Whatever is written next, such as a log line, begins where this does.
            (true, _, false) => format!("\r\x1b[2K{}\r", self.shown),
            (true, false, true) => {
                self.quiet = now;
                "\r\x1b[2K".to_owned()
            }
            (true, true, true) => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(moves: bool) -> Line {
        Line::new(Screen {
            width: Some(40),
            colour: moves,
            moves,
        })
    }

    #[test]
    fn nothing_is_said_for_two_seconds_and_then_what_changes() {
        let mut line = line(true);
        let at = |line: &Line, millis| line.quiet + Duration::from_millis(millis);
        let (start, sheet) = (line.quiet, ["reading the sheet".to_owned()]);
        assert_eq!(line.next(&sheet, at(&line, 1900)), "");
        assert_eq!(line.next(&sheet, at(&line, 2100)), "\r\x1b[2Kreading the sheet …\r");
        assert_eq!(line.next(&sheet, at(&line, 2300)), "", "once");
        let tried = ["reading the sheet (try 2 of 5)".to_owned()];
        assert!(line.next(&tried, at(&line, 2500)).contains("(try 2 of 5) …"));
        assert_eq!(line.next(&[], start + Duration::from_secs(3)), "\r\x1b[2K");
        assert_eq!(line.next(&[], start + Duration::from_secs(4)), "");
        assert_eq!(
            line.next(&sheet, start + Duration::from_millis(4900)),
            "",
            "two seconds again"
        );
    }

    #[test]
    fn it_stays_one_plain_line() {
        let mut line = line(true);
        let later = line.quiet + SILENCE;
        let many = vec!["listing the servers of \u{1b}[31mprod/eu-west-1".to_owned(); 9];
        let shown = line.next(&many, later);
        let shown = shown.trim_matches('\r').trim_start_matches("\x1b[2K");
        assert!(shown.chars().count() < 40 && !shown.contains('\u{1b}'), "{shown:?}");
    }

    #[test]
    fn a_terminal_that_cannot_move_its_cursor_gets_lines() {
        let mut line = line(false);
        let later = line.quiet + SILENCE;
        assert_eq!(line.next(&["one".to_owned()], later), "one …\n");
        assert_eq!(line.next(&["two".to_owned()], later), "two …\n");
        assert_eq!(line.next(&[], later), "");
    }
}
