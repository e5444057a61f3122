//! How cells of a tab look and what they take: formats, boxes, dropdowns, help and colours; and cells that no format can fix.

use super::super::model::Setup;
use super::super::template::{CellKind, Column, Owner, rgb};
use super::TabSetup;
use crate::problem::{Code, Kind, Problem};
use crate::sheet::Cell;
use crate::sheet::cell::describe;
use crate::sheet::structure::{CellFormat, Edit, Rows, Validation};

/// Cells of one column that are named one by one; the rest is counted.
const MISFITS_NAMED: usize = 5;

impl TabSetup<'_> {
    fn format_of(&self, row: u32, column: u32) -> CellFormat {
        let row = self.built.formats.get(row as usize);
        row.and_then(|row| row.get(column as usize))
            .copied()
            .unwrap_or_default()
    }

    /// Stretches of rows below the header whose cells lack something. Blank rows count too, because people type there next.
    /// A stretch that reaches the last row has no end, so that Google applies it to later rows where it can.
    fn lacking(&self, column: u32, has: impl Fn(CellFormat) -> bool) -> Vec<Rows> {
        let end = self.built.tab.row_count;
        let mut stretches: Vec<Rows> = Vec::new();
        for row in 1..end {
            if has(self.format_of(row, column)) {
                continue;
            }
            let next = (row + 1 < end).then_some(row + 1);
            match stretches.last_mut() {
                Some((_, last)) if *last == Some(row) => *last = next,
                _ => stretches.push((row, next)),
            }
        }
        stretches
    }

    /// Looks of the header row and of each column.
    pub(in crate::setup) fn format(&self, channels: Option<&(String, u32)>, setup: &mut Setup) {
        let mut edits = Vec::new();
        let mut words = Vec::new();
        if self.built.frozen_rows < self.template.frozen_rows {
            edits.push(Edit::Freeze {
                sheet_id: self.sheet_id(),
                rows: self.template.frozen_rows,
            });
            words.push("freeze the header row");
        }
        let thin = self.columns().filter(|(_, at)| !self.format_of(0, *at).bold);
        let thin: Vec<u32> = thin
            .map(|(_, at)| at)
            .filter(|at| self.barred_header(*at).is_none())
            .collect();
        if !thin.is_empty() {
            words.push("make its headers bold");
        }
        edits.extend(thin.into_iter().map(|column| Edit::Bold {
            sheet_id: self.sheet_id(),
            column,
        }));
        if edits.is_empty() {
            setup.right += 1;
        } else {
            setup.step(self.title(), words.join(" and "), edits);
        }
        for (column, at) in self.columns() {
            self.format_column(column, at, channels, setup);
        }
    }

    fn format_column(&self, column: &Column, at: u32, channels: Option<&(String, u32)>, setup: &mut Setup) {
        let sheet_id = self.sheet_id();
        let (mut edits, mut words) = (Vec::new(), Vec::new());
        if matches!(column.kind, CellKind::Text | CellKind::Channel) {
            // Only the number format is set, so cells that have it can be set again: one stretch is enough.
            if let Some((first, _)) = self.lacking(at, |format| format.plain_text).first() {
                words.push("plain text");
                edits.push(Edit::PlainText {
                    sheet_id,
                    column: at,
                    rows: (*first, None),
                });
            }
        }
        if let Some((rule, word)) = rule_of(column.kind, channels) {
            // Cells that have a rule of people's own keep it.
            let lacking = self.lacking(at, |format| format.validated);
            if !lacking.is_empty() {
                words.push(word);
            }
            edits.extend(lacking.into_iter().map(|rows| Edit::Validate {
                sheet_id,
                column: at,
                rows,
                rule: rule.clone(),
            }));
        }
        let below = !edits.is_empty();
        let noted = self.format_of(0, at).noted;
        if !noted {
            words.push("a help note");
            edits.push(Edit::Note {
                sheet_id,
                column: at,
                text: column.note.clone(),
            });
        }
        if self.made.contains(&at) {
            edits.push(Edit::Width {
                sheet_id,
                column: at,
                pixels: column.width,
            });
        }
        let barred = self.barred_below(at).filter(|_| below);
        if let Some(range) = barred.or_else(|| self.barred_header(at).filter(|_| !noted)) {
            setup.open.push(self.barred_problem(range));
        } else if edits.is_empty() {
            setup.right += 1;
        } else {
            let what = format!("give {} {}", column.header, words.join(", "));
            setup.step(self.place(at), what, edits);
        }
    }

    /// Colours for what cells begin with. A rule for the same text is left as it is, whatever its colour.
    pub(in crate::setup) fn colour(&self, setup: &mut Setup) {
        let mut edits = Vec::new();
        let mut index = self.built.colour_rules;
        let mut place = None;
        for colour in &self.template.colours {
            let (Some(column), Some(rgb)) = (self.layout.columns.get(&*colour.header), rgb(&colour.background)) else {
                continue;
            };
            let covers = |range: &crate::sheet::GridRange| {
                range.start_column.is_none_or(|start| start <= *column)
                    && range.end_column.is_none_or(|end| *column < end)
            };
            let mut rules = self.built.colours.iter();
            if !self.made.contains(column)
                && rules.any(|rule| rule.starts == colour.starts && rule.ranges.iter().any(covers))
            {
                continue;
            }
            place = Some(self.place(*column));
            edits.push(Edit::Colour {
                sheet_id: self.sheet_id(),
                column: *column,
                starts: colour.starts.clone(),
                rgb,
                index,
            });
            index += 1;
        }
        match place {
            Some(place) => setup.step(place, format!("colour {} kinds of status", edits.len()), edits),
            None => setup.right += 1,
        }
    }

    /// Views that people may choose. One of the same name is somebody's, or ours as somebody changed it.
    pub(in crate::setup) fn filter_views(&self, setup: &mut Setup) {
        for view in &self.template.filter_views {
            let Some(column) = self.layout.columns.get(&*view.header) else {
                continue;
            };
            if self.built.filter_views.contains(&view.title) {
                setup.right += 1;
                continue;
            }
            let edit = Edit::FilterView {
                sheet_id: self.sheet_id(),
                title: view.title.clone(),
                column: *column,
                hidden: view.hidden.clone(),
            };
            let what = format!(
                "make the filter view {}, which hides {} rows",
                view.title,
                view.hidden.join(" and ")
            );
            setup.step(self.title(), what, vec![edit]);
        }
    }

    /// People's cells that do not hold text where only text can be read. They are left as they are.
    pub(in crate::setup) fn misfits(&self, setup: &mut Setup) {
        for (column, at) in self.columns() {
            if column.owner != Owner::Human || !matches!(column.kind, CellKind::Text | CellKind::Channel) {
                continue;
            }
            let rows = self.built.tab.rows.iter().enumerate().skip(1);
            let misfits: Vec<(usize, &Cell)> = rows
                .filter_map(|(row, cells)| Some((row + 1, cells.get(at as usize)?)))
                .filter(|(_, cell)| matches!(cell, Cell::Number(_) | Cell::Bool(_) | Cell::Error(_)))
                .collect();
            for (row, cell) in misfits.iter().take(MISFITS_NAMED) {
                let place = format!("{}{row}", self.place(at));
                let message = format!(
                    "{place} holds {}, which is left as it is; type it again, now that the column is plain text",
                    describe(cell)
                );
                setup
                    .notes
                    .push(Problem::new(Kind::BadCell, Code::NotText, place, message));
            }
            if let Some(more) = misfits.len().checked_sub(MISFITS_NAMED).filter(|more| *more > 0) {
                let place = self.place(at);
                let message = format!("{more} more cells of {place} do not hold text; type them again");
                setup
                    .notes
                    .push(Problem::new(Kind::BadCell, Code::NotText, place, message));
            }
        }
    }
}

/// What cells of a kind take, and its name; `None`: anything. Channels are listed from the tab and column given.
fn rule_of(kind: CellKind, channels: Option<&(String, u32)>) -> Option<(Validation, &'static str)> {
    match (kind, channels) {
        (CellKind::Checkbox, _) => Some((Validation::Checkbox, "checkboxes")),
        (CellKind::Channel, Some((tab, column))) => {
            let (tab, column) = (tab.clone(), *column);
            Some((Validation::ListOf { tab, column }, "a dropdown of channels"))
        }
        _ => None,
    }
}
