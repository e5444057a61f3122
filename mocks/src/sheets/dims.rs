//! Rows and columns that come, go and move, and what follows them: their metadata, protected ranges, format rules.

use std::ops::Range;

use serde_json::{Value, json};

use super::cell::Cell;
use super::model::{Line, Row, Tab};
use super::range::GridRange;

/// What happens to the lines of one dimension.
#[derive(Clone)]
enum Shift {
    Insert(usize, usize),
    Delete(Range<usize>),
    Move(Range<usize>, usize),
}

impl Shift {
    /// Where a bounded stretch of lines ends up; `None` if nothing is left of it.
    fn apply(&self, start: usize, end: usize) -> Option<(usize, usize)> {
        match self {
            Self::Insert(at, count) => {
                let shifted = |edge: usize| edge + count;
                Some((
                    if start >= *at { shifted(start) } else { start },
                    if end > *at { shifted(end) } else { end },
                ))
            }
            Self::Delete(gone) => {
                let count = gone.len();
                let pull = |edge: usize| {
                    if edge >= gone.end {
                        edge - count
                    } else {
                        edge.min(gone.start)
                    }
                };
                let (start, end) = (pull(start), pull(end));
                (start < end).then_some((start, end))
            }
            Self::Move(lines, to) => {
                let mut places: Vec<usize> = (start..end).map(|line| moved(line, lines, *to)).collect();
                places.sort_unstable();
                longest_run(&places)
            }
        }
    }
}

/// Where a line stands after others, or it, were moved.
fn moved(line: usize, lines: &Range<usize>, to: usize) -> usize {
    let count = lines.len();
    if lines.contains(&line) {
        let start = if to > lines.start { to - count } else { to };
        return start + (line - lines.start);
    }
    if line >= lines.end && line < to {
        line - count
    } else if line >= to && line < lines.start {
        line + count
    } else {
        line
    }
}

/// A stretch that a move tore apart keeps its longest part: what the service does is not documented.
fn longest_run(places: &[usize]) -> Option<(usize, usize)> {
    let mut best: Option<(usize, usize)> = None;
    let mut run: Option<(usize, usize)> = None;
    for place in places {
        run = match run {
            Some((start, end)) if end == *place => Some((start, end + 1)),
            _ => Some((*place, *place + 1)),
        };
        if run.map(|(start, end)| end - start) > best.map(|(start, end)| end - start) {
            best = run;
        }
    }
    best
}

/// Shifts a range; `false` if nothing is left of it.
fn shift_range(range: &mut GridRange, rows: bool, shift: &Shift, size: usize) -> bool {
    let (start, end) = if rows {
        (&mut range.start_row_index, &mut range.end_row_index)
    } else {
        (&mut range.start_column_index, &mut range.end_column_index)
    };
    if start.is_none() && end.is_none() {
        return true;
    }
    // An open end stays open, whatever the grid's size becomes.
    let Some((from, to)) = shift.apply(start.unwrap_or(0), end.unwrap_or(size.max(1))) else {
        return false;
    };
    *start = start.map(|_| from);
    *end = end.map(|_| to);
    true
}

fn move_lines<T>(items: &mut Vec<T>, lines: &Range<usize>, to: usize) {
    let taken: Vec<T> = items.drain(lines.clone()).collect();
    let at = if to > lines.start { to - lines.len() } else { to };
    items.splice(at..at, taken);
}

impl Tab {
    fn shift(&mut self, rows: bool, shift: &Shift) {
        let size = if rows { self.rows.len() } else { self.columns.len() };
        self.protected.retain_mut(|protected| {
            protected
                .unprotected
                .retain_mut(|hole| shift_range(hole, rows, shift, size));
            shift_range(&mut protected.range, rows, shift, size)
        });
        self.tables
            .retain_mut(|table| shift_range(&mut table.range, rows, shift, size));
        self.conditional.retain_mut(|rule| {
            let Some(ranges) = rule.get_mut("ranges").and_then(Value::as_array_mut) else {
                return true;
            };
            ranges.retain_mut(|json| {
                let Ok(mut range) = serde_json::from_value::<GridRange>(json.clone()) else {
                    return true;
                };
                let left = shift_range(&mut range, rows, shift, size);
                *json = json!(range);
                left
            });
            !ranges.is_empty()
        });
    }

    /// Inserts blank rows before the row `at`.
    pub fn insert_rows(&mut self, at: usize, count: usize) {
        self.shift(true, &Shift::Insert(at, count));
        let width = self.columns.len();
        let blank = || Row {
            cells: vec![Cell::default(); width],
            line: Line::default(),
        };
        let at = at.min(self.rows.len());
        self.rows.splice(at..at, std::iter::repeat_with(blank).take(count));
    }

    /// Deletes rows, with their metadata.
    pub fn delete_rows(&mut self, rows: Range<usize>) {
        let rows = rows.start.min(self.rows.len())..rows.end.min(self.rows.len());
        self.shift(true, &Shift::Delete(rows.clone()));
        self.rows.drain(rows);
    }

    /// Moves rows before the row that stands at `to` now, with their metadata.
    pub fn move_rows(&mut self, rows: Range<usize>, to: usize) {
        self.shift(true, &Shift::Move(rows.clone(), to));
        move_lines(&mut self.rows, &rows, to);
    }

    /// Inserts blank columns before the column `at`.
    pub fn insert_columns(&mut self, at: usize, count: usize) {
        self.shift(false, &Shift::Insert(at, count));
        let at = at.min(self.columns.len());
        self.columns
            .splice(at..at, std::iter::repeat_with(Line::default).take(count));
        for row in &mut self.rows {
            row.cells
                .splice(at..at, std::iter::repeat_with(Cell::default).take(count));
        }
    }

    /// Deletes columns, with their metadata.
    pub fn delete_columns(&mut self, columns: Range<usize>) {
        let columns = columns.start.min(self.columns.len())..columns.end.min(self.columns.len());
        self.shift(false, &Shift::Delete(columns.clone()));
        for row in &mut self.rows {
            row.cells.drain(columns.clone());
        }
        self.columns.drain(columns);
    }

    /// Moves columns before the column that stands at `to` now, with their metadata.
    pub fn move_columns(&mut self, columns: Range<usize>, to: usize) {
        self.shift(false, &Shift::Move(columns.clone(), to));
        for row in &mut self.rows {
            move_lines(&mut row.cells, &columns, to);
        }
        move_lines(&mut self.columns, &columns, to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_follow_what_happens_to_their_lines() {
        let insert = |at| Shift::Insert(at, 2).apply(3, 5);
        assert_eq!(insert(3), Some((5, 7)));
        assert_eq!(insert(4), Some((3, 7)));
        assert_eq!(insert(5), Some((3, 5)));
        let delete = |lines| Shift::Delete(lines).apply(3, 5);
        assert_eq!(delete(0..1), Some((2, 4)));
        assert_eq!(delete(4..9), Some((3, 4)));
        assert_eq!(delete(3..5), None);
        let carry = |lines, to| Shift::Move(lines, to).apply(3, 5);
        assert_eq!(carry(3..5, 0), Some((0, 2)));
        assert_eq!(carry(3..5, 9), Some((7, 9)));
        assert_eq!(carry(0..1, 9), Some((2, 4)));
        assert_eq!(carry(7..8, 0), Some((4, 6)));
        assert_eq!(carry(4..5, 0), Some((0, 1)));
    }
}
