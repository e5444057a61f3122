//! Ranges as numbers: a part of a tab that says which tab, and which of its rows and columns.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// A part of a tab; what is absent is unbounded. Indexes count from zero, ends are exclusive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GridRange {
    /// The tab.
    #[serde(default)]
    pub sheet_id: i64,
    /// First row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_row_index: Option<usize>,
    /// The row after the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_row_index: Option<usize>,
    /// First column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_column_index: Option<usize>,
    /// The column after the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_column_index: Option<usize>,
}

impl GridRange {
    /// The whole tab.
    #[must_use]
    pub fn sheet(sheet_id: i64) -> Self {
        Self {
            sheet_id,
            ..Self::default()
        }
    }

    /// Whole columns.
    #[must_use]
    pub fn columns(sheet_id: i64, columns: Range<usize>) -> Self {
        let (start, end) = (Some(columns.start), Some(columns.end));
        Self {
            start_column_index: start,
            end_column_index: end,
            ..Self::sheet(sheet_id)
        }
    }

    /// Whole rows.
    #[must_use]
    pub fn rows(sheet_id: i64, rows: Range<usize>) -> Self {
        Self {
            start_row_index: Some(rows.start),
            end_row_index: Some(rows.end),
            ..Self::sheet(sheet_id)
        }
    }

    /// Whether it is the whole tab.
    #[must_use]
    pub fn is_sheet(&self) -> bool {
        *self == Self::sheet(self.sheet_id)
    }

    /// Whether it covers the cell.
    #[must_use]
    pub fn covers(&self, row: usize, column: usize) -> bool {
        let within = |at, start: Option<usize>, end: Option<usize>| {
            start.is_none_or(|start| start <= at) && end.is_none_or(|end| at < end)
        };
        within(row, self.start_row_index, self.end_row_index)
            && within(column, self.start_column_index, self.end_column_index)
    }
}
