//! Where things are in a spreadsheet: tabs by their names, columns by the headers in row 1.

mod misplaced;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::cell::{clip, text_of};
use super::names::Names;
use super::{AUDIT_COLUMNS, MADE_MARK, Mark, RawSpreadsheet, RawTab, Table};
use crate::problem::{Code, Kind, Problem};
use crate::tag::TagKey;
use misplaced::{misplaced, same_header};

/// A column of people's that may be left out of either tab.
pub(crate) const NOTES: &str = "notes";
/// Headers of the release tab that people own and must be there.
pub const RELEASE_NEEDS: [&str; 5] = ["channel", "desiredVersionA", "desiredVersionB", "enabled", "rollback"];
/// The same of the server tab.
pub const SERVER_NEEDS: [&str; 2] = ["serverId", "channel"];
/// Service columns of the release tab.
pub const RELEASE_SERVICE: [&str; 4] = ["releaseVersion", "previousVersion", "status", "updatedAt"];
/// Service columns of the server tab.
pub const SERVER_SERVICE: [&str; 7] = [
    "name",
    "account",
    "region",
    "state",
    "releaseVersion",
    "status",
    "updatedAt",
];

/// The service column of the server tab that shows what servers run. Sheets may go without it, and people may have a column of their own
/// under this header: only one that `init` made is ours.
pub const RUNNING: &str = "running";

/// Where the known columns of a tab are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The tab's id.
    pub sheet_id: i64,
    /// Its name.
    pub title: String,
    /// Canonical header to zero-based column.
    pub columns: BTreeMap<Arc<str>, u32>,
    /// Columns that the header row spans.
    pub width: u32,
    /// Rows that the grid has.
    pub row_count: u32,
    /// Service columns that a protection keeps from us, with what that says of itself.
    pub closed: BTreeMap<Arc<str>, String>,
    /// Whether its headers stand in another row than the first, so that no column is where it should be.
    pub misplaced: bool,
    /// The table that holds its header and the columns of people's, if there is one: it gets the rows that are appended.
    pub table: Option<Table>,
}

impl Layout {
    /// A cell's address, such as `ReleaseSheet!B4`; just the tab when the column is absent.
    #[must_use]
    pub fn place(&self, header: &str, row: u32) -> String {
        match self.columns.get(header) {
            Some(column) => format!("{}!{}{row}", quoted(&self.title), column_letters(*column)),
            None => format!("{} row {row}", quoted(&self.title)),
        }
    }
}

/// A `tag:` column of the sheet's authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagColumn {
    /// The tag.
    pub key: TagKey,
    /// Its header.
    pub header: Arc<str>,
}

/// The columns of the audit tab. One that cannot be written to stops nothing: what happened is in the history, too.
pub(super) fn audit_layout(tab: &RawTab, problems: &mut Vec<Problem>) -> Option<Layout> {
    let known: Vec<Arc<str>> = AUDIT_COLUMNS.iter().map(|h| (*h).into()).collect();
    let mut faults = Vec::new();
    let layout = layout(tab, &known, &[], &mut faults);
    if layout.columns.is_empty() && !layout.misplaced {
        let message = format!(
            "{} has none of the headers {} in row 1, so nothing is logged there; delete the rows above them, run fleetsheet \
             init, or delete the tab",
            quoted(&tab.title),
            AUDIT_COLUMNS.join(", ")
        );
        faults.push(Problem::new(Kind::Mismatch, Code::Audit, &*tab.title, message));
    }
    let whole = faults.is_empty();
    problems.extend(faults.into_iter().map(|fault| Problem {
        kind: Kind::Mismatch,
        code: Code::Audit,
        ..fault
    }));
    whole.then_some(layout)
}

pub(super) fn find_tab<'a>(raw: &'a RawSpreadsheet, title: &str, fatal: &mut Vec<Problem>) -> Option<&'a RawTab> {
    let found = raw.tabs.iter().find(|tab| tab.title == title);
    if found.is_none() {
        let message =
            format!("the tab {title} is missing; give the tab this name again, or make it with fleetsheet init");
        fatal.push(Problem::new(Kind::Belt, Code::Structure, title, message));
    }
    found
}

/// Finds the known headers of a tab in row 1: trimmed, in any letter case.
pub(crate) fn layout(tab: &RawTab, known: &[Arc<str>], needs: &[&str], fatal: &mut Vec<Problem>) -> Layout {
    let empty = Vec::new();
    let headers = tab.rows.first().unwrap_or(&empty);
    let mut layout = Layout {
        sheet_id: tab.sheet_id,
        title: tab.title.clone(),
        width: u32::try_from(headers.len()).unwrap_or(u32::MAX),
        row_count: tab.row_count,
        ..Layout::default()
    };
    for (column, cell) in headers.iter().enumerate() {
        let column = u32::try_from(column).unwrap_or(u32::MAX);
        let text = text_of(cell);
        let Some(header) = known.iter().find(|h| same_header(h, &text)) else {
            continue;
        };
        if let Some(first) = layout.columns.get(header) {
            let message = format!(
                "the header {header} stands twice, in columns {} and {} of {}; delete or rename one of them",
                column_letters(*first),
                column_letters(column),
                tab.title
            );
            fatal.push(Problem::new(
                Kind::Belt,
                Code::Structure,
                layout.place(header, 1),
                message,
            ));
        } else {
            layout.columns.insert(header.clone(), column);
        }
    }
    // Cells that are filled when a row is appended must lie in the table; the service's own are written by their columns.
    let own = |header: &str| needs.is_empty() || needs.contains(&header) || header == "hold";
    let filled: Vec<u32> = layout
        .columns
        .iter()
        .filter(|(header, _)| own(header))
        .map(|(_, column)| *column)
        .collect();
    let covers = |table: &&Table| table.covers(filled.iter().copied());
    layout.table = tab.tables.iter().find(covers).cloned();
    let has = |header: &&str| layout.columns.contains_key(*header);
    let absent: Vec<&str> = known
        .iter()
        .map(|header| &**header)
        .filter(|header| !has(header))
        .collect();
    if let Some(problem) = misplaced(tab, &absent, needs) {
        layout.misplaced = true;
        fatal.push(problem);
        return layout;
    }
    for need in needs.iter().filter(|need| !layout.columns.contains_key(**need)) {
        let message = format!(
            "{} has no column {need}; bring it back (Edit > Undo, or fleetsheet init adds an empty one)",
            tab.title
        );
        fatal.push(Problem::new(Kind::Belt, Code::Structure, &*tab.title, message));
    }
    layout
}

/// Columns under a header that `init` made, and those that people made.
pub(crate) fn made(tab: &RawTab, header: &str) -> (Option<u32>, Option<u32>) {
    let headers = tab.rows.first().into_iter().flatten().enumerate();
    let (mut ours, mut theirs) = (None, None);
    for (column, cell) in headers {
        let column = u32::try_from(column).unwrap_or(u32::MAX);
        if !same_header(header, &text_of(cell)) {
            continue;
        }
        let is_made = |mark: &Mark| mark.key == MADE_MARK && mark.value == header && mark.column == Some(column);
        let found = if tab.marks.iter().any(is_made) {
            &mut ours
        } else {
            &mut theirs
        };
        found.get_or_insert(column);
    }
    (ours, theirs)
}

/// Finds the column that shows what servers run. One of people's own is left alone, and reported.
pub(super) fn find_running(tab: &RawTab, layout: &mut Layout, problems: &mut Vec<Problem>) {
    let (ours, theirs) = made(tab, RUNNING);
    if let Some(column) = ours {
        layout.columns.insert(RUNNING.into(), column);
    } else if let Some(column) = theirs.filter(|_| !layout.misplaced) {
        let place = format!("{}!{}1", quoted(&tab.title), column_letters(column));
        problems.push(Problem::new(Kind::BadCell, Code::OwnColumn, place, own_column(RUNNING)));
    }
}

/// What is said of a column of people's own where the service would have one.
pub(crate) fn own_column(header: &str) -> String {
    format!(
        "the column {header} is left alone: fleetsheet init did not make it; rename it and run fleetsheet init, which adds the \
         column that shows what servers run"
    )
}

pub(super) fn missing_service(layout: &Layout, service: &[&str], problems: &mut Vec<Problem>) {
    if layout.misplaced {
        return;
    }
    for header in service.iter().filter(|h| !layout.columns.contains_key(**h)) {
        let message = format!(
            "{} has no column {header} to write to; fleetsheet init adds it",
            layout.title
        );
        problems.push(Problem::new(Kind::BadCell, Code::NoColumn, &*layout.title, message));
    }
}

/// Sorts the `tag:` columns into those of the sheet's and of the server's authority; others are reported and left alone.
pub(super) fn tag_columns(
    tab: &RawTab,
    names: &Names,
    problems: &mut Vec<Problem>,
) -> (Vec<TagColumn>, Vec<TagColumn>) {
    let (mut tags, mut shown): (Vec<TagColumn>, Vec<TagColumn>) = (Vec::new(), Vec::new());
    for (column, cell) in tab.rows.first().into_iter().flatten().enumerate() {
        let text = text_of(cell);
        let header = text.trim();
        let Some(key) = header
            .get(..4)
            .filter(|p| p.eq_ignore_ascii_case("tag:"))
            .map(|_| header[4..].trim())
        else {
            continue;
        };
        let exact = names.managed.iter().find(|m| m.as_str() == key);
        let mut folded = names.managed.iter().filter(|m| m.as_str().eq_ignore_ascii_case(key));
        let found = exact.or_else(|| folded.next().filter(|_| folded.next().is_none()));
        let Some(found) = found else {
            let at = column_letters(u32::try_from(column).unwrap_or(u32::MAX));
            let fix = if key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
                "nobody can change a tag of AWS, so rename the column"
            } else {
                "add it there, or rename the column (the channel and version tags have columns of their own)"
            };
            let message = format!(
                "the column {} is left alone: \"{}\" is not among tags.managed in the configuration; {fix}",
                clip(header),
                clip(key)
            );
            problems.push(Problem::new(
                Kind::BadCell,
                Code::TagColumn,
                format!("{}!{at}1", quoted(&tab.title)),
                message,
            ));
            continue;
        };
        let list = if names.server_authority.contains(found) {
            &mut shown
        } else {
            &mut tags
        };
        if list.iter().all(|t| t.key != *found) {
            list.push(TagColumn {
                key: found.clone(),
                header: format!("tag:{found}").into(),
            });
        }
    }
    (tags, shown)
}

/// The letters of a zero-based column: 0 is `A`, 26 is `AA`.
#[must_use]
pub(crate) fn column_letters(column: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = u64::from(column) + 1;
    while rest > 0 {
        rest -= 1;
        letters.push(b'A' + u8::try_from(rest % 26).unwrap_or(0));
        rest /= 26;
    }
    letters.iter().rev().map(|b| char::from(*b)).collect()
}

/// A tab's name as a formula would write it.
#[must_use]
pub fn quoted(title: &str) -> String {
    if !title.is_empty() && title.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        title.to_owned()
    } else {
        format!("'{}'", title.replace('\'', "''"))
    }
}
