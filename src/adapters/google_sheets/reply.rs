//! A reply as far as it is asked for. The API crate's cell has 2,960 bytes, whatever is asked for of it, and a sheet of 100,000
//! servers has over a million cells: those are read into a few bytes each. What comes in small numbers is of the crate's types.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use google_sheets4::api;
use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::value::{Value, cell};
use crate::sheet::Cell;
use crate::text::shared;

/// A cell as it is kept.
pub(super) trait Kept: DeserializeOwned + Default + Send {
    /// Whether it says nothing: at the end of a row or a tab it is left out.
    fn is_blank(&self) -> bool;
}

/// The rows of a grid, without what is blank at the ends.
pub(super) type Rows<C> = Vec<Vec<C>>;

/// The answer of `spreadsheets.get`.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", bound = "C: Kept")]
pub(super) struct Spreadsheet<C> {
    pub(super) properties: Option<Properties>,
    pub(super) developer_metadata: Option<Vec<api::DeveloperMetadata>>,
    pub(super) sheets: Option<Vec<Sheet<C>>>,
}

/// What is asked of a spreadsheet itself.
#[derive(serde::Deserialize)]
pub(super) struct Properties {
    pub(super) title: Option<String>,
}

/// A tab.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", bound = "C: Kept")]
pub(super) struct Sheet<C> {
    pub(super) properties: Option<api::SheetProperties>,
    pub(super) protected_ranges: Option<Vec<api::ProtectedRange>>,
    pub(super) tables: Option<Vec<api::Table>>,
    pub(super) conditional_formats: Option<Vec<api::ConditionalFormatRule>>,
    pub(super) filter_views: Option<Vec<api::FilterView>>,
    pub(super) data: Option<Vec<Grid<C>>>,
}

/// The cells of a range.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", bound = "C: Kept")]
pub(super) struct Grid<C> {
    pub(super) start_row: Option<i32>,
    pub(super) start_column: Option<i32>,
    pub(super) column_metadata: Option<Vec<api::DimensionProperties>>,
    pub(super) row_data: Option<RowData<C>>,
}

/// The rows of a grid: here, or taken out of the text before it was read, under a number.
pub(super) enum RowData<C> {
    Here(Rows<C>),
    Apart(u64),
}

impl<C> RowData<C> {
    /// The rows, if they are here.
    pub(super) fn here(self) -> Option<Rows<C>> {
        match self {
            Self::Here(rows) => Some(rows),
            Self::Apart(_) => None,
        }
    }
}

impl<'de, C: Kept> Deserialize<'de> for RowData<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read<C>(PhantomData<C>);
        impl<'de, C: Kept> Visitor<'de> for Read<C> {
            type Value = RowData<C>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("rows")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
                Ok(RowData::Apart(number))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Self::Value, A::Error> {
                let mut kept = Trimmed::default();
                while let Some(Row(row)) = rows.next_element()? {
                    kept.push(row, Vec::is_empty);
                }
                Ok(RowData::Here(kept.items))
            }
        }
        deserializer.deserialize_any(Read(PhantomData))
    }
}

/// Items without blank ones at their end: Google sometimes sends those (formatted cells) and sometimes does not.
pub(super) struct Trimmed<T> {
    pub(super) items: Vec<T>,
    /// Blank ones since the last that is not.
    blank: usize,
}

impl<T> Default for Trimmed<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            blank: 0,
        }
    }
}

impl<T: Default> Trimmed<T> {
    pub(super) fn push(&mut self, item: T, is_blank: impl Fn(&T) -> bool) {
        if is_blank(&item) {
            self.blank += 1;
        } else {
            let between = std::mem::take(&mut self.blank);
            self.items.extend(std::iter::repeat_with(T::default).take(between));
            self.items.push(item);
        }
    }
}

/// One row.
pub(super) struct Row<C>(pub(super) Vec<C>);

impl<'de, C: Kept> Deserialize<'de> for Row<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(bound = "C: Kept")]
        struct Fields<C> {
            values: Option<Cells<C>>,
        }
        let fields: Fields<C> = Deserialize::deserialize(deserializer)?;
        Ok(Self(fields.values.map(|cells| cells.0).unwrap_or_default()))
    }
}

struct Cells<C>(Vec<C>);

impl<'de, C: Kept> Deserialize<'de> for Cells<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read<C>(PhantomData<C>);
        impl<'de, C: Kept> Visitor<'de> for Read<C> {
            type Value = Cells<C>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("cells")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut cells: A) -> Result<Self::Value, A::Error> {
                let mut kept = Trimmed::default();
                while let Some(cell) = cells.next_element::<C>()? {
                    kept.push(cell, C::is_blank);
                }
                // They stay as long as a pass decides, and were given room for half as many again.
                kept.items.shrink_to_fit();
                Ok(Cells(kept.items))
            }
        }
        deserializer.deserialize_seq(Read(PhantomData))
    }
}

/// A cell of which its value is asked for.
#[derive(Default)]
pub(super) struct Pictured(pub(super) Cell);

impl Kept for Pictured {
    fn is_blank(&self) -> bool {
        self.0 == Cell::Blank
    }
}

impl<'de> Deserialize<'de> for Pictured {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Fields<'a> {
            #[serde(borrow)]
            user_entered_value: Option<Value<'a>>,
            #[serde(borrow)]
            effective_value: Option<Value<'a>>,
        }
        let fields: Fields<'_> = Deserialize::deserialize(deserializer)?;
        Ok(Self(cell(fields.user_entered_value, fields.effective_value)))
    }
}

/// The answer of `values.batchGetByDataFilter`.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MatchedRanges {
    pub(super) value_ranges: Option<Vec<MatchedRange>>,
}

/// A range, and what it was found by.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MatchedRange {
    pub(super) data_filters: Option<Vec<api::DataFilter>>,
    pub(super) value_range: Option<ValueRange>,
}

/// The values of a range, in rows or columns.
#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ValueRange {
    pub(super) major_dimension: Option<String>,
    pub(super) values: Option<Vec<Vec<Shown>>>,
}

/// What a cell shows, of a value as the `values` methods give it. White space alone is nothing.
pub(super) struct Shown(pub(super) Arc<str>);

/// A number as it is compared with what was written: the sheet makes numbers of texts that people type again.
fn number<E>(value: f64) -> Result<Shown, E> {
    Ok(Shown(shared(&value.to_string())))
}

impl<'de> Deserialize<'de> for Shown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Shown;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Shown, E> {
                Ok(Shown(shared(if value { "TRUE" } else { "FALSE" })))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Shown, E> {
                number(value as f64)
            }

            fn visit_i64<E>(self, value: i64) -> Result<Shown, E> {
                number(value as f64)
            }

            fn visit_f64<E>(self, value: f64) -> Result<Shown, E> {
                number(value)
            }

            fn visit_str<E>(self, text: &str) -> Result<Shown, E> {
                let blank = text.trim().is_empty();
                Ok(Shown(shared(if blank { "" } else { text })))
            }

            fn visit_unit<E>(self) -> Result<Shown, E> {
                Ok(Shown(shared("")))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Shown, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Shown(shared("")))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Shown, A::Error> {
                while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Shown(shared("")))
            }
        }
        deserializer.deserialize_any(Read)
    }
}
