//! A letter as plain text: everything that the HTML says, wrapped for a terminal.

use super::page::{Entry, Line, Page};
use super::safe;

/// Where lines are wrapped; quoted twice they still fit 80 columns.
const WIDTH: usize = 76;

/// The whole text.
pub(super) fn render(page: &Page) -> String {
    let mut out = String::new();
    wrap(&mut out, "", &page.lead);
    out.push('\n');
    for section in &page.sections {
        out.push_str(&section.title);
        out.push('\n');
        out.push_str(&"-".repeat(section.title.chars().count()));
        out.push_str("\n\n");
        for line in &section.lines {
            match line {
                Line::Entry(entry) => show(&mut out, entry),
                Line::Folded(words) => wrap(&mut out, "  ", words),
            }
            out.push('\n');
        }
    }
    out.push_str("-- \n");
    out.push_str(&page.sheet);
    out.push('\n');
    for words in &page.footer {
        wrap(&mut out, "", words);
    }
    out
}

fn show(out: &mut String, entry: &Entry) {
    let Entry {
        tone: _,
        label,
        title,
        link,
        what,
        fix,
        when,
        table,
    } = entry;
    wrap(out, "", &format!("* {title} ({label}, {when})"));
    if !what.is_empty() {
        wrap(out, "  ", what);
    }
    rows(out, table);
    if !fix.is_empty() {
        wrap(out, "  ", &format!("To do: {fix}."));
    }
    if !link.is_empty() {
        out.push_str("  ");
        out.push_str(link);
        out.push('\n');
    }
}

/// A table in columns.
fn rows(out: &mut String, table: &[Vec<String>]) {
    let columns = table.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = table.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in table {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        out.push_str("    ");
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

/// Adds words on lines of at most [`WIDTH`] characters; a word that is longer stands alone.
fn wrap(out: &mut String, indent: &str, words: &str) {
    let words = safe::line(words, usize::MAX);
    let mut line = String::from(indent);
    for word in words.split(' ') {
        let begun = line.chars().count() > indent.len();
        if begun && line.chars().count() + 1 + word.chars().count() > WIDTH {
            out.push_str(&line);
            out.push('\n');
            line = String::from(indent);
        } else if begun {
            line.push(' ');
        }
        line.push_str(word);
    }
    out.push_str(line.trim_end());
    out.push('\n');
}
