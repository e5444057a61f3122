//! What people do within one tab: rows and columns that they add, sort, rename and move.

use std::ops::Range;

use super::At;
use crate::sheets::batch;
use crate::sheets::cell::{Cell, CellValue};
use crate::sheets::model::{Tab, Table};
use crate::sheets::range::GridRange;

impl Tab {
    /// The cell, for a change; the grid grows where it has to.
    #[track_caller]
    pub(super) fn at(&mut self, at: impl At) -> &mut Cell {
        let Some((row, column)) = at.place(self) else {
            panic!("the script edits a cell of {:?} that does not exist", self.title);
        };
        let (height, width) = (self.rows.len().max(row + 1), self.columns.len().max(column + 1));
        self.resize_columns(width);
        self.resize_rows(height);
        &mut self.rows[row].cells[column]
    }

    /// The column of a header that the script takes for granted.
    #[track_caller]
    pub(super) fn column_or_panic(&self, header: &str) -> usize {
        match self.column(header) {
            Some(column) => column,
            None => panic!(
                "the script names the column {header:?} of {:?}, which does not exist",
                self.title
            ),
        }
    }

    /// Writes a row below the last one that holds anything; gives its number in the margin.
    ///
    /// # Panics
    /// If there is no such header.
    #[track_caller]
    pub fn add_row(&mut self, cells: &[(&str, CellValue)]) -> usize {
        let row = self.data_rows() + 1;
        for (header, value) in cells {
            self.at((row, *header)).value = value.clone();
        }
        row
    }

    /// Sorts the rows below the header by a column. Cells move; what hangs on the rows stays where it is.
    ///
    /// # Panics
    /// If there is no such header.
    #[track_caller]
    pub fn sort_rows(&mut self, header: &str, descending: bool) {
        let column = self.column_or_panic(header);
        let end = self.data_rows().max(1);
        let mut cells: Vec<Vec<Cell>> = self.rows[1..end]
            .iter_mut()
            .map(|row| std::mem::take(&mut row.cells))
            .collect();
        cells.sort_by(|one, two| batch::compare(&one[column].value, &two[column].value, descending));
        for (row, cells) in self.rows[1..end].iter_mut().zip(cells) {
            row.cells = cells;
        }
    }

    /// Sorts only some columns of the rows below the header: the classical accident.
    ///
    /// # Panics
    /// If there is no such header.
    #[track_caller]
    pub fn sort_columns_only(&mut self, columns: Range<usize>, by: &str, descending: bool) {
        let key = self.column_or_panic(by);
        let mut order: Vec<usize> = (1..self.data_rows().max(1)).collect();
        order.sort_by(|one, two| batch::compare(self.value(*one, key), self.value(*two, key), descending));
        let old = self.rows.clone();
        for (to, from) in order.into_iter().enumerate() {
            self.rows[to + 1].cells[columns.clone()].clone_from_slice(&old[from].cells[columns.clone()]);
        }
    }

    /// Makes a part of the tab a table (Format > Convert to table): rows and columns from zero, half open.
    pub fn make_table(&mut self, id: &str, rows: Range<usize>, columns: Range<usize>) {
        let range = GridRange {
            start_row_index: Some(rows.start),
            end_row_index: Some(rows.end),
            ..GridRange::columns(self.sheet_id, columns)
        };
        self.tables.push(Table {
            id: id.to_owned(),
            name: format!("Table_{id}"),
            range,
        });
    }

    /// Adds a column at the right end; with a header that stands there already, it stands there twice.
    pub fn add_column(&mut self, header: &str) {
        let filled = |column: &usize| !self.value(0, *column).is_empty();
        let column = (0..self.columns.len()).rev().find(filled).map_or(0, |last| last + 1);
        self.resize_columns(self.columns.len().max(column + 1));
        self.rows[0].cells[column].value = CellValue::from(header);
    }

    /// Changes a header.
    ///
    /// # Panics
    /// If there is no such header.
    #[track_caller]
    pub fn rename_column(&mut self, header: &str, to: &str) {
        let column = self.column_or_panic(header);
        self.rows[0].cells[column].value = CellValue::from(to);
    }

    /// Moves a column before the one that stands at `to` now.
    ///
    /// # Panics
    /// If there is no such header.
    #[track_caller]
    pub fn move_column(&mut self, header: &str, to: usize) {
        let column = self.column_or_panic(header);
        self.move_columns(column..column + 1, to);
    }

    /// Deletes a column.
    ///
    /// # Panics
    /// If there is no such header.
    #[track_caller]
    pub fn delete_column(&mut self, header: &str) {
        let column = self.column_or_panic(header);
        self.delete_columns(column..column + 1);
    }
}
