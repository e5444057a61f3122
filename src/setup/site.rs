//! A tab and what its template wants of it: columns, formats, boxes, help, colours.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Setup;
use super::template::{CellKind, Column, Owner, Template, rgb};
use crate::problem::{Code, Kind, Problem};
use crate::sheet::cell::describe;
use crate::sheet::layout::{Layout, column_letters, layout, quoted};
use crate::sheet::structure::{BuiltTab, Dress, Edit, Rows, Validation};
use crate::sheet::{Cell, ProtectedRange};

/// Cells of one column that are named one by one; the rest is counted.
const MISFITS_NAMED: usize = 5;

/// A tab under work. Columns and cells are as they will be after the steps found so far.
pub(super) struct Site<'a> {
    pub(super) template: &'a Template,
    pub(super) built: BuiltTab,
    pub(super) layout: Layout,
    /// The service account.
    account: &'a str,
    /// Nobody has used it yet.
    blank: bool,
    /// Columns that these steps make.
    made: BTreeSet<u32>,
}

impl<'a> Site<'a> {
    /// A tab that is there.
    pub(super) fn of(template: &'a Template, built: BuiltTab, account: &'a str, setup: &mut Setup) -> Self {
        let known: Vec<Arc<str>> = template.columns.iter().map(|column| column.header.clone()).collect();
        // Which headers stand twice; what is missing is our business, not a fault.
        let layout = layout(&built.tab, &known, &[], &mut setup.refused);
        let blank = built.tab.rows.is_empty();
        Self {
            template,
            built,
            layout,
            account,
            blank,
            made: BTreeSet::new(),
        }
    }

    /// A tab that is about to be made.
    pub(super) fn fresh(template: &'a Template, built: BuiltTab, account: &'a str, setup: &mut Setup) -> Self {
        let mut site = Self::of(template, built, account, setup);
        site.made = site.layout.columns.values().copied().collect();
        site
    }

    pub(super) fn sheet_id(&self) -> i64 {
        self.built.tab.sheet_id
    }

    /// The name of the tab as a formula would write it.
    pub(super) fn title(&self) -> String {
        quoted(&self.built.tab.title)
    }

    /// A column with its header, for people.
    pub(super) fn place(&self, column: u32) -> String {
        format!("{}!{}", self.title(), column_letters(column))
    }

    /// The columns of the template that are there, with their places.
    pub(super) fn columns(&self) -> impl Iterator<Item = (&'a Column, u32)> {
        self.template
            .columns
            .iter()
            .filter_map(|column| Some((column, *self.layout.columns.get(&column.header)?)))
    }

    /// Adds missing columns at the right end, behind everything that holds anything.
    pub(super) fn add_columns(&mut self, setup: &mut Setup) {
        let blank = self.blank;
        let missing: Vec<&Column> = self
            .template
            .columns
            .iter()
            .filter(|column| !self.layout.columns.contains_key(&column.header) && (blank || !column.optional))
            .collect();
        if missing.is_empty() {
            setup.right += 1;
            return;
        }
        let in_use = |dress: &Dress| dress.filled || dress.noted;
        let last = |row: &Vec<Dress>| row.iter().rposition(in_use).map_or(0, |last| last + 1);
        let used = self.built.dress.iter().map(last).max().unwrap_or(0);
        let at = u32::try_from(used).unwrap_or(u32::MAX).min(self.built.tab.column_count);
        if let Some(range) = self.barred_header(at) {
            setup.open.push(self.barred_problem(range));
            return;
        }
        let headers: Vec<String> = missing.iter().map(|column| column.header.to_string()).collect();
        for (column, wanted) in (at..).zip(&missing) {
            self.layout.columns.insert(wanted.header.clone(), column);
            self.made.insert(column);
        }
        let plural = if headers.len() == 1 { "" } else { "s" };
        let what = format!("add the column{plural} {} at the right end", headers.join(", "));
        let edit = Edit::InsertColumns {
            sheet_id: self.sheet_id(),
            at,
            at_end: at >= self.built.tab.column_count,
            headers,
        };
        self.built.tab.column_count += u32::try_from(missing.len()).unwrap_or(0);
        setup.step(self.title(), what, vec![edit]);
    }

    fn dress_of(&self, row: u32, column: u32) -> Dress {
        let row = self.built.dress.get(row as usize);
        row.and_then(|row| row.get(column as usize))
            .copied()
            .unwrap_or_default()
    }

    /// Stretches of rows below the header whose cells lack something. Every row of the grid is looked at, blank ones
    /// too, because that is where people type next. A stretch that reaches the last row has no end: what Google then
    /// does for rows to come, it does.
    fn lacking(&self, column: u32, has: impl Fn(Dress) -> bool) -> Vec<Rows> {
        let end = self.built.tab.row_count;
        let mut stretches: Vec<Rows> = Vec::new();
        for row in 1..end {
            if has(self.dress_of(row, column)) {
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
    pub(super) fn dress(&self, channels: Option<&(String, u32)>, setup: &mut Setup) {
        let mut edits = Vec::new();
        let mut words = Vec::new();
        if self.built.frozen_rows < self.template.frozen_rows {
            edits.push(Edit::Freeze {
                sheet_id: self.sheet_id(),
                rows: self.template.frozen_rows,
            });
            words.push("freeze the header row");
        }
        let thin = self.columns().filter(|(_, at)| !self.dress_of(0, *at).bold);
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
            self.dress_column(column, at, channels, setup);
        }
    }

    fn dress_column(&self, column: &Column, at: u32, channels: Option<&(String, u32)>, setup: &mut Setup) {
        let sheet_id = self.sheet_id();
        let (mut edits, mut words) = (Vec::new(), Vec::new());
        if matches!(column.kind, CellKind::Text | CellKind::Channel) {
            // Only the number format is set, so cells that have it can be set again: one stretch is enough.
            if let Some((first, _)) = self.lacking(at, |dress| dress.plain_text).first() {
                words.push("plain text");
                edits.push(Edit::PlainText {
                    sheet_id,
                    column: at,
                    rows: (*first, None),
                });
            }
        }
        let rule = match (column.kind, channels) {
            (CellKind::Checkbox, _) => Some((Validation::Checkbox, "checkboxes")),
            (CellKind::Channel, Some((tab, column))) => {
                let (tab, column) = (tab.clone(), *column);
                Some((Validation::ListOf { tab, column }, "a dropdown of channels"))
            }
            _ => None,
        };
        if let Some((rule, word)) = rule {
            // Cells that have a rule of people's own keep it.
            let lacking = self.lacking(at, |dress| dress.validated);
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
        let noted = self.dress_of(0, at).noted;
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
    pub(super) fn colour(&self, setup: &mut Setup) {
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

    /// Cells of people that hold no text where only text can be read. They are left as they are.
    pub(super) fn misfits(&self, setup: &mut Setup) {
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
                let message = format!("{more} more cells of {place} hold no text; type them again");
                setup
                    .notes
                    .push(Problem::new(Kind::BadCell, Code::NotText, place, message));
            }
        }
    }

    /// A range that keeps us out of the header of a column.
    pub(super) fn barred_header(&self, column: u32) -> Option<&ProtectedRange> {
        self.barred(column, 0)
    }

    /// A range that keeps us out of some cell below the header of a column.
    pub(super) fn barred_below(&self, column: u32) -> Option<&ProtectedRange> {
        self.barred(column, 1)
    }

    fn barred(&self, column: u32, row: u32) -> Option<&ProtectedRange> {
        let hits = |range: &&ProtectedRange| {
            let area = &range.range;
            let columns =
                area.start_column.is_none_or(|start| start <= column) && area.end_column.is_none_or(|end| column < end);
            let header = area.start_row.is_none_or(|start| start == 0) && area.end_row.is_none_or(|end| end > 0);
            let below = area.end_row.is_none_or(|end| end > 1);
            is_closed(range) && columns && if row == 0 { header } else { below }
        };
        self.built.tab.protected.iter().find(hits)
    }

    /// What to do about a range that keeps us out.
    pub(super) fn barred_problem(&self, range: &ProtectedRange) -> Problem {
        let place = format!("{}!{}", self.title(), extent(range));
        let named = if range.description.is_empty() {
            String::new()
        } else {
            format!(" {:?}", range.description)
        };
        let message = format!(
            "the protection{named} of {place} does not let {} edit; add it to the editors (Data > Protect sheets and \
             ranges), or remove the protection, and run fleetsheet init again",
            self.account
        );
        Setup::problem(Code::Barred, &place, message)
    }
}

/// Whether we may not edit a range: Google shows the editors to those who may.
pub(super) fn is_closed(range: &ProtectedRange) -> bool {
    !range.warning_only && range.editors.is_none()
}

/// What a range covers, such as `B2:C10`, `B:B` or `all cells`.
fn extent(range: &ProtectedRange) -> String {
    let area = &range.range;
    let corner = |column: Option<u32>, row: Option<u32>| {
        let letters = column.map(column_letters).unwrap_or_default();
        let number = row.map(|row| row.to_string()).unwrap_or_default();
        format!("{letters}{number}")
    };
    let start = corner(
        area.start_column,
        area.start_row.filter(|row| *row > 0).map(|row| row + 1),
    );
    let end = corner(area.end_column.map(|end| end.saturating_sub(1)), area.end_row);
    match (start.as_str(), end.as_str()) {
        ("", "") => "all cells".into(),
        (start, "") => format!("{start} and beyond"),
        ("", end) => format!("A1:{end}"),
        (start, end) => format!("{start}:{end}"),
    }
}
