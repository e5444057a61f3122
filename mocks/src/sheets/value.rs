//! Cell values: what is typed becomes a value, a value is shown.

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use serde_json::{Value, json};

use super::a1;
use super::cell::{Cell, CellValue};
use super::error::{ApiError, Result};
use super::model::Spreadsheet;

const MAX_CHARACTERS: usize = 50_000;
/// References followed before they count as circular.
const MAX_DEPTH: u32 = 20;

/// How `values.*` answers show cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Render {
    #[default]
    Formatted,
    Unformatted {
        /// Dates as text instead of serial numbers.
        dates_as_text: bool,
    },
    Formula {
        dates_as_text: bool,
    },
}

impl Render {
    pub(super) fn parse(value: Option<&str>, dates: Option<&str>) -> Result<Self> {
        let dates_as_text = match dates {
            None | Some("SERIAL_NUMBER") => false,
            Some("FORMATTED_STRING") => true,
            Some(other) => return Err(bad_enum("date_time_render_option", other)),
        };
        match value {
            None | Some("FORMATTED_VALUE") => Ok(Self::Formatted),
            Some("UNFORMATTED_VALUE") => Ok(Self::Unformatted { dates_as_text }),
            Some("FORMULA") => Ok(Self::Formula { dates_as_text }),
            Some(other) => Err(bad_enum("value_render_option", other)),
        }
    }
}

pub(super) fn bad_enum(field: &str, given: &str) -> ApiError {
    ApiError::malformed(field, format!("Invalid value at '{field}' (TYPE_ENUM), \"{given}\""))
}

/// A whole number without a decimal point, as the service writes it.
pub(super) fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    if value.fract() == 0.0 && value.abs() < 1e15 {
        json!(value as i64)
    } else {
        json!(value)
    }
}

fn day_zero() -> NaiveDate {
    NaiveDate::from_ymd_opt(1899, 12, 30).unwrap_or_default()
}

fn serial(date: NaiveDate, time: NaiveTime) -> f64 {
    let days = (date - day_zero()).num_days();
    #[expect(clippy::cast_precision_loss, reason = "days of a calendar are few")]
    let days = days as f64;
    days + f64::from(time.num_seconds_from_midnight()) / 86_400.0
}

fn moment(serial: f64) -> Option<NaiveDateTime> {
    if !(0.0..3_000_000.0).contains(&serial) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked"
    )]
    let (days, seconds) = (serial.trunc() as u64, (serial.fract() * 86_400.0).round() as u32);
    let time = NaiveTime::from_num_seconds_from_midnight_opt(seconds.min(86_399), 0)?;
    Some(day_zero().checked_add_days(Days::new(days))?.and_time(time))
}

/// What is typed into a cell, as the service takes it; the second part is the number format that comes with it.
pub(super) fn typed(text: &str, plain_text: bool) -> (CellValue, Option<&'static str>) {
    if plain_text || text.is_empty() {
        return (CellValue::from(text), None);
    }
    if let Some(text) = text.strip_prefix('\'') {
        return (CellValue::from(text), None);
    }
    if text.len() > 1 && text.starts_with('=') {
        return (CellValue::formula(text, CellValue::Error("#NAME?".to_owned())), None);
    }
    let trimmed = text.trim();
    if trimmed.eq_ignore_ascii_case("true") || trimmed.eq_ignore_ascii_case("false") {
        return (CellValue::Bool(trimmed.eq_ignore_ascii_case("true")), None);
    }
    if let Some(value) = typed_number(trimmed) {
        return (CellValue::Number(value), None);
    }
    if let Some(value) = trimmed.strip_suffix('%').and_then(typed_number) {
        return (CellValue::Number(value / 100.0), Some("PERCENT"));
    }
    if let Some((value, format)) = typed_date(trimmed) {
        return (CellValue::Number(value), Some(format));
    }
    (CellValue::Text(text.to_owned()), None)
}

fn typed_number(text: &str) -> Option<f64> {
    // "inf" and "nan" are numbers to Rust only.
    let looks = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE,".contains(&byte));
    let starts = text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first));
    if looks && starts {
        text.replace(',', "").parse().ok()
    } else {
        None
    }
}

fn typed_date(text: &str) -> Option<(f64, &'static str)> {
    for format in ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%m/%d/%Y %H:%M:%S"] {
        if let Ok(at) = NaiveDateTime::parse_from_str(text, format) {
            return Some((serial(at.date(), at.time()), "DATE_TIME"));
        }
    }
    let this_year = format!("{}-{}", crate::clock::now().year(), text.replace('/', "-"));
    let date = ["%Y-%m-%d", "%m/%d/%Y", "%m-%d-%Y"]
        .iter()
        .find_map(|format| NaiveDate::parse_from_str(text, format).ok())
        .or_else(|| NaiveDate::parse_from_str(&this_year, "%Y-%m-%d").ok())?;
    Some((serial(date, NaiveTime::MIN), "DATE"))
}

/// Refuses text that no cell can hold.
pub(super) fn fits(text: &str) -> Result<()> {
    if text.chars().count() > MAX_CHARACTERS {
        let message = "Your input contains more than the maximum of 50000 characters in a single cell.";
        return Err(ApiError::invalid(message));
    }
    Ok(())
}

impl Cell {
    /// Takes the text as if a person had typed it into the cell.
    pub(super) fn type_in(&mut self, text: &str) {
        let (value, format) = typed(text, self.is_plain_text());
        self.value = value;
        if let (Some(kind), None) = (format, &self.format) {
            self.format = Some(Box::new(json!({ "numberFormat": { "type": kind } })));
        }
    }
}

/// Rows that may hold an array formula.
const ANCHORS: usize = 3;

/// The column that `=ARRAYFORMULA(D2:D)` shows, row by row, from its own row downward.
fn array_of(formula: &str) -> Option<usize> {
    let body = formula.trim_start_matches('=').trim();
    let inner = body.strip_prefix("ARRAYFORMULA(")?.strip_suffix(')')?;
    let (first, last) = inner.split_once(':')?;
    let (Some(column), Some(_)) = a1::corner(first)? else {
        return None;
    };
    first.starts_with(last).then_some(column)
}

impl Spreadsheet {
    /// What the cell evaluates to: never a formula.
    #[must_use]
    pub fn shown(&self, tab: usize, row: usize, column: usize) -> CellValue {
        self.follow(tab, row, column, 0)
    }

    fn follow(&self, tab: usize, row: usize, column: usize, depth: u32) -> CellValue {
        let Some(grid) = self.tabs.get(tab) else {
            return CellValue::Error("#REF!".to_owned());
        };
        let CellValue::Formula { formula, shown } = grid.value(row, column) else {
            return match grid.value(row, column) {
                CellValue::Empty => self.spilled(tab, row, column, depth),
                entered => entered.clone(),
            };
        };
        if depth > MAX_DEPTH {
            return CellValue::Error("#REF!".to_owned());
        }
        if let Some(source) = array_of(formula) {
            return if self.is_blocked(tab, row, column) {
                CellValue::Error("#REF!".to_owned())
            } else {
                self.follow(tab, row, source, depth + 1)
            };
        }
        let body = formula.trim_start_matches('=').trim();
        if let Some(text) = body.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
            return CellValue::Text(text.replace("\"\"", "\""));
        }
        if let (value @ (CellValue::Bool(_) | CellValue::Number(_)), None) = typed(body, false) {
            return value;
        }
        let (title, cell) = a1::split(body);
        let Some((Some(column), Some(row))) = cell.and_then(a1::corner) else {
            return shown.as_ref().clone();
        };
        match title {
            None => self.follow(tab, row, column, depth + 1),
            Some(title) => match self.tabs.iter().position(|tab| tab.title == title) {
                Some(tab) => self.follow(tab, row, column, depth + 1),
                None => CellValue::Error("#REF!".to_owned()),
            },
        }
    }

    /// What an array formula further up in the column shows in a cell that nobody filled. Only the first rows are looked at for one,
    /// or a tab of many rows would be looked through for each of its blank cells.
    fn spilled(&self, tab: usize, row: usize, column: usize, depth: u32) -> CellValue {
        let grid = &self.tabs[tab];
        let anchor = (0..row.min(ANCHORS))
            .rev()
            .find_map(|above| match grid.value(above, column) {
                CellValue::Formula { formula, .. } => Some((above, array_of(formula)?)),
                _ => None,
            });
        match anchor {
            Some((above, source)) if depth <= MAX_DEPTH && !self.is_blocked(tab, above, column) => {
                self.follow(tab, row, source, depth + 1)
            }
            _ => CellValue::Empty,
        }
    }

    /// Whether something entered below an array formula keeps it from showing anything.
    fn is_blocked(&self, tab: usize, anchor: usize, column: usize) -> bool {
        let grid = &self.tabs[tab];
        (anchor + 1..grid.rows.len()).any(|row| !grid.value(row, column).is_empty())
    }

    /// The cell as `values.*` answers show it; `None` if it is blank.
    pub(super) fn render(&self, tab: usize, row: usize, column: usize, how: Render) -> Option<Value> {
        let cell = self.tabs.get(tab)?.cell(row, column)?;
        if cell.value.is_empty() && self.shown(tab, row, column).is_empty() {
            return None;
        }
        if let (Render::Formula { .. }, CellValue::Formula { formula, .. }) = (how, &cell.value) {
            return Some(json!(formula));
        }
        let shown = self.shown(tab, row, column);
        let dates_as_text = match how {
            Render::Formatted => return Some(json!(formatted(cell, &shown))),
            Render::Unformatted { dates_as_text } | Render::Formula { dates_as_text } => dates_as_text,
        };
        Some(match shown {
            CellValue::Number(_) if dates_as_text && cell.number_format().starts_with("DATE") => {
                json!(formatted(cell, &shown))
            }
            CellValue::Number(value) => number(value),
            CellValue::Bool(value) => json!(value),
            shown => json!(formatted(cell, &shown)),
        })
    }
}

/// The value as it stands in the browser.
pub(super) fn formatted(cell: &Cell, shown: &CellValue) -> String {
    match shown {
        CellValue::Empty => String::new(),
        CellValue::Bool(value) => value.to_string().to_uppercase(),
        CellValue::Text(text) | CellValue::Error(text) => text.clone(),
        CellValue::Formula { shown, .. } => formatted(cell, shown),
        CellValue::Number(value) => match (cell.number_format(), moment(*value)) {
            ("DATE", Some(at)) => format!("{}/{}/{}", at.month(), at.day(), at.year()),
            ("DATE_TIME", Some(at)) => {
                format!("{}/{}/{} {}", at.month(), at.day(), at.year(), at.format("%-H:%M:%S"))
            }
            ("PERCENT", _) => format!("{}%", value * 100.0),
            _ => format!("{value}"),
        },
    }
}
