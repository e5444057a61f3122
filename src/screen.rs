//! Pages for people, as lines that know how they may be wrapped and coloured, and the screens that they are shown on.
//!
//! A pipe gets each line whole and without colour. A terminal gets lines of its width, broken between words only, that go on
//! under the text they belong to. What is put on a page must already be plain text: this module escapes nothing.

use std::fmt::{self, Write as _};

use anstyle::{AnsiColor, Style};
use textwrap::core::display_width;
use textwrap::{Options, WordSeparator, WordSplitter};

/// The narrowest column that text is wrapped in; where less is left, it goes below what leads it.
const NARROW: usize = 24;
/// How far such text is set in.
const BELOW: usize = 6;
/// A cell that is wider does not widen its column.
const WIDEST: usize = 60;

/// A space at which no line is broken. It is shown as any other space, and no plain text has it.
pub const GLUE: char = '\u{1f}';
/// What textwrap breaks no line at.
const NO_BREAK: &str = "\u{a0}";

/// How a piece of text looks where there is colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// As everything else.
    #[default]
    Plain,
    /// Less important.
    Dim,
    /// In order.
    Good,
    /// It waits for somebody.
    Waiting,
    /// Something is wrong.
    Bad,
}

impl Look {
    fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Dim => Style::new().dimmed(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Waiting => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default(),
        }
    }
}

/// What a page is shown on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Screen {
    /// Its width in columns; `None` where lines have no end.
    pub width: Option<usize>,
    /// Whether it shows colours.
    pub colour: bool,
    /// Whether a line of it can be written over.
    pub moves: bool,
}

/// A page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page(Vec<Line>);

/// What leads a line is never wrapped; its text goes on under its own beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    lead: (String, Look),
    text: (String, Look),
}

/// A row of a table: its cells, and how the last one looks.
pub type Row = (Vec<String>, Look);

impl Page {
    /// Adds a line.
    pub fn line(&mut self, text: impl Into<String>) {
        self.looking(text, Look::Plain);
    }

    /// Adds a line that looks so.
    pub fn looking(&mut self, text: impl Into<String>, look: Look) {
        let text: String = text.into();
        let start = text.len() - text.trim_start_matches(' ').len();
        let (lead, rest) = text.split_at(start);
        self.0.push(Line {
            lead: (lead.to_owned(), Look::Plain),
            text: (rest.to_owned(), look),
        });
    }

    /// Adds a line whose text stands in a column of its own, after `lead`.
    pub fn entry(&mut self, lead: (impl Into<String>, Look), text: (impl Into<String>, Look)) {
        let (lead, text) = ((lead.0.into(), lead.1), (text.0.into(), text.1));
        self.0.push(Line { lead, text });
    }

    /// Adds an empty line.
    pub fn blank(&mut self) {
        self.line("");
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds another page.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Adds a table whose columns are two spaces apart; the last column is wrapped.
    pub fn table(&mut self, head: &[&str], rows: Vec<Row>) {
        let Some((last, leading)) = head.split_last() else {
            return;
        };
        let width = |i: usize, name: &&str| {
            let cells = rows.iter().filter_map(|(cells, _)| cells.get(i));
            let widths = cells.map(|cell| display_width(cell));
            widths.chain([display_width(name)]).max().unwrap_or(0).min(WIDEST)
        };
        let widths: Vec<usize> = leading.iter().enumerate().map(|(i, name)| width(i, name)).collect();
        let lead = |cells: &[String]| {
            let mut lead = String::from("  ");
            for (cell, width) in cells.iter().zip(&widths) {
                lead.push_str(cell);
                lead.extend(std::iter::repeat_n(' ', width.saturating_sub(display_width(cell)) + 2));
            }
            lead
        };
        let names: Vec<String> = leading.iter().map(|&name| name.to_owned()).collect();
        self.entry((lead(&names), Look::Dim), (*last, Look::Dim));
        for (mut cells, look) in rows {
            let text = if cells.len() == head.len() {
                cells.pop().unwrap_or_default()
            } else {
                String::new()
            };
            self.entry((lead(&cells), Look::Plain), (text, look));
        }
    }

    /// The page as this screen shows it.
    #[must_use]
    pub fn on(&self, screen: Screen) -> String {
        let mut out = String::new();
        for line in &self.0 {
            // Writing to a string does not fail.
            let _ = line.show(&mut out, screen);
        }
        out
    }
}

impl fmt::Display for Page {
    /// As a pipe gets it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.on(Screen::default()))
    }
}

impl Line {
    fn show(&self, out: &mut String, screen: Screen) -> fmt::Result {
        let paint = |out: &mut String, text: &str, look: Look| match (screen.colour, look) {
            (true, look) if look != Look::Plain && !text.trim().is_empty() => {
                write!(out, "{}{text}{}", look.style().render(), look.style().render_reset())
            }
            _ => out.write_str(text),
        };
        let ((lead, lead_look), (text, look)) = (&self.lead, &self.text);
        if text.is_empty() {
            paint(out, lead.trim_end(), *lead_look)?;
            return out.write_char('\n');
        }
        let hang = display_width(lead);
        let Some(width) = screen.width else {
            paint(out, lead, *lead_look)?;
            paint(out, &text.trim_end().replace(GLUE, " "), *look)?;
            return out.write_char('\n');
        };
        let fits = hang + display_width(text) <= width;
        let blank = lead.trim().is_empty();
        // Text that has a line for itself goes on a little further in.
        let hang = if blank { hang + 2 } else { hang };
        if !fits && !blank && width < hang + NARROW {
            for (i, part) in wrapped(&tight(lead), width.saturating_sub(BELOW), BELOW)
                .iter()
                .enumerate()
            {
                if i > 0 {
                    let _ = write!(out, "{:BELOW$}", "");
                }
                paint(out, part, *lead_look)?;
                out.write_char('\n')?;
            }
            for part in wrapped(text, width.saturating_sub(BELOW), 0) {
                let _ = write!(out, "{:BELOW$}", "");
                paint(out, &part, *look)?;
                out.write_char('\n')?;
            }
            return Ok(());
        }
        paint(out, lead, *lead_look)?;
        let sooner = if blank { 2 } else { 0 };
        for (i, part) in wrapped(text, width.saturating_sub(hang), sooner).iter().enumerate() {
            if i > 0 {
                let _ = write!(out, "{:hang$}", "");
            }
            paint(out, part, *look)?;
            out.write_char('\n')?;
        }
        Ok(())
    }
}

/// The cells of a lead, no further apart than they must be.
fn tight(lead: &str) -> String {
    let indent = lead.len() - lead.trim_start_matches(' ').len();
    let cells = lead.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
    format!("{:indent$}{}", "", cells.collect::<Vec<_>>().join("  "))
}

/// Text in lines of this width, the first one `more` wider. No word is broken, however long it is.
fn wrapped(text: &str, width: usize, more: usize) -> Vec<String> {
    let indent = " ".repeat(more);
    let options = Options::new(width.max(1) + more)
        .subsequent_indent(&indent)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    let text = text.replace(GLUE, NO_BREAK);
    let lines = textwrap::wrap(&text, options).into_iter().enumerate();
    let shown = lines.map(|(i, line)| line[if i == 0 { 0 } else { more }..].replace(NO_BREAK, " "));
    shown.collect()
}

#[cfg(test)]
mod tests;
