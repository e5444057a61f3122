//! A tab and what its template asks of it: columns, formats, boxes, help, colours; and which of it we may not edit.

mod formats;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::model::Setup;
use super::template::{Column, Template};
use crate::problem::Code;
use crate::problem::Problem;
use crate::sheet::ProtectedRange;
use crate::sheet::layout::{Layout, column_letters, layout, made, own_column, quoted};
use crate::sheet::protection::{is_closed, named};
use crate::sheet::structure::{BuiltTab, CellFormat, Edit};

/// A tab under work. Columns and cells are as they will be after the steps found so far.
pub(super) struct TabSetup<'a> {
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

impl<'a> TabSetup<'a> {
    /// A tab that is there.
    pub(super) fn of(template: &'a Template, built: BuiltTab, account: &'a str, setup: &mut Setup) -> Self {
        let known = template.columns.iter().filter(|column| !column.marked);
        let known: Vec<Arc<str>> = known.map(|column| column.header.clone()).collect();
        // Which headers stand twice; what is missing is our business, not a fault.
        let mut layout = layout(&built.tab, &known, &[], &mut setup.refused);
        for column in template.columns.iter().filter(|column| column.marked) {
            if let (Some(at), _) = made(&built.tab, &column.header) {
                layout.columns.insert(column.header.clone(), at);
            }
        }
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
        let mut tab_setup = Self::of(template, built, account, setup);
        tab_setup.made = tab_setup.layout.columns.values().copied().collect();
        tab_setup
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
        let mut missing: Vec<&Column> = self
            .template
            .columns
            .iter()
            .filter(|column| !self.layout.columns.contains_key(&column.header) && (blank || !column.optional))
            .collect();
        missing.retain(|column| {
            let theirs = made(&self.built.tab, &column.header).1.filter(|_| column.marked);
            if let Some(at) = theirs {
                let place = self.place(at);
                setup
                    .notes
                    .push(Setup::problem(Code::OwnColumn, &place, own_column(&column.header)));
            }
            theirs.is_none()
        });
        if missing.is_empty() {
            setup.right += 1;
            return;
        }
        let in_use = |format: &CellFormat| format.filled || format.noted;
        let last = |row: &Vec<CellFormat>| row.iter().rposition(in_use).map_or(0, |last| last + 1);
        let used = self.built.formats.iter().map(last).max().unwrap_or(0);
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
        let mut edits = vec![Edit::InsertColumns {
            sheet_id: self.sheet_id(),
            at,
            at_end: at >= self.built.tab.column_count,
            headers,
        }];
        let marked = (at..).zip(&missing).filter(|(_, column)| column.marked);
        edits.extend(marked.map(|(column, wanted)| mark(self.sheet_id(), column, wanted)));
        self.built.tab.column_count += u32::try_from(missing.len()).unwrap_or(0);
        setup.step(self.title(), what, edits);
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
        let (place, name) = named(&self.built.tab.title, range);
        let message = format!(
            "{name} does not let {} edit; add it to the editors (Data > Protect sheets and ranges), or remove the protection, and \
             run fleetsheet init again",
            self.account
        );
        Setup::problem(Code::Barred, &place, message)
    }
}

/// Marks a column as one that we made.
pub(super) fn mark(sheet_id: i64, column: u32, of: &Column) -> Edit {
    Edit::Mark {
        sheet_id,
        column,
        header: of.header.to_string(),
    }
}

/// Whether a range lies over a column.
pub(super) fn covers(range: &ProtectedRange, column: u32) -> bool {
    range.range.start_column.is_none_or(|start| start <= column)
        && range.range.end_column.is_none_or(|end| column < end)
}
