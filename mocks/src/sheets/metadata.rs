//! Developer metadata: where it hangs, how it is looked up, and the data filters that address ranges by it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::a1;
use super::error::{ApiError, Result};
use super::model::{Metadata, Spreadsheet};
use super::range::GridRange;

/// Rows or columns of a tab.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DimensionRange {
    pub(super) sheet_id: i64,
    pub(super) dimension: String,
    pub(super) start_index: Option<usize>,
    pub(super) end_index: Option<usize>,
}

impl DimensionRange {
    /// Whether it is about rows.
    pub(super) fn is_rows(&self) -> Result<bool> {
        match self.dimension.as_str() {
            "ROWS" => Ok(true),
            "COLUMNS" => Ok(false),
            _ => Err(ApiError::invalid("No dimension specified.")),
        }
    }
}

/// What a piece of metadata hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Spreadsheet,
    Sheet(usize),
    Row(usize, usize),
    Column(usize, usize),
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Location {
    spreadsheet: bool,
    sheet_id: Option<i64>,
    dimension_range: Option<DimensionRange>,
}

impl Location {
    pub(super) fn place(&self, book: &Spreadsheet) -> Result<Place> {
        let tab = |id: i64| {
            book.position(id)
                .ok_or_else(|| ApiError::invalid(format!("No grid with id: {id}")))
        };
        match (self.spreadsheet, self.sheet_id, &self.dimension_range) {
            (true, None, None) => Ok(Place::Spreadsheet),
            (false, Some(id), None) => Ok(Place::Sheet(tab(id)?)),
            (false, None, Some(lines)) => {
                let tab = tab(lines.sheet_id)?;
                let (Some(start), Some(end)) = (lines.start_index, lines.end_index) else {
                    return Err(ApiError::invalid("A dimension range must be bounded."));
                };
                let rows = lines.is_rows()?;
                let size = if rows {
                    book.tabs[tab].rows.len()
                } else {
                    book.tabs[tab].columns.len()
                };
                if end != start + 1 || end > size {
                    return Err(ApiError::invalid("The location must be one existing row or column."));
                }
                Ok(if rows {
                    Place::Row(tab, start)
                } else {
                    Place::Column(tab, start)
                })
            }
            _ => Err(ApiError::invalid("Exactly one location must be specified.")),
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Lookup {
    location_type: Option<String>,
    metadata_location: Option<Location>,
    location_matching_strategy: Option<String>,
    metadata_id: Option<i64>,
    metadata_key: Option<String>,
    metadata_value: Option<String>,
    visibility: Option<String>,
}

/// A filter of the `ByDataFilter` methods.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DataFilter {
    developer_metadata_lookup: Option<Lookup>,
    a1_range: Option<String>,
    grid_range: Option<GridRange>,
}

impl Place {
    fn kind(self) -> &'static str {
        match self {
            Self::Spreadsheet => "SPREADSHEET",
            Self::Sheet(_) => "SHEET",
            Self::Row(..) => "ROW",
            Self::Column(..) => "COLUMN",
        }
    }

    fn json(self, book: &Spreadsheet) -> Value {
        let lines = |tab: usize, dimension: &str, at: usize| {
            let sheet = book.tabs[tab].sheet_id;
            json!({ "sheetId": sheet, "dimension": dimension, "startIndex": at, "endIndex": at + 1 })
        };
        let (field, value) = match self {
            Self::Spreadsheet => ("spreadsheet", json!(true)),
            Self::Sheet(tab) => ("sheetId", json!(book.tabs[tab].sheet_id)),
            Self::Row(tab, at) => ("dimensionRange", lines(tab, "ROWS", at)),
            Self::Column(tab, at) => ("dimensionRange", lines(tab, "COLUMNS", at)),
        };
        json!({ "locationType": self.kind(), field: value })
    }

    /// Whether the other place is this one, or in it, or crosses it.
    fn meets(self, other: Self) -> bool {
        let tab = |place: Self| match place {
            Self::Spreadsheet => None,
            Self::Sheet(tab) | Self::Row(tab, _) | Self::Column(tab, _) => Some(tab),
        };
        let (Some(here), Some(there)) = (tab(self), tab(other)) else {
            return true;
        };
        here == there
            && match (self, other) {
                (Self::Row(_, one), Self::Row(_, two)) | (Self::Column(_, one), Self::Column(_, two)) => one == two,
                _ => true,
            }
    }

    fn range(self, book: &Spreadsheet) -> Vec<GridRange> {
        match self {
            Self::Spreadsheet => book.tabs.iter().map(|tab| GridRange::sheet(tab.sheet_id)).collect(),
            Self::Sheet(tab) => vec![GridRange::sheet(book.tabs[tab].sheet_id)],
            Self::Row(tab, at) => vec![GridRange::rows(book.tabs[tab].sheet_id, at..at + 1)],
            Self::Column(tab, at) => vec![GridRange::columns(book.tabs[tab].sheet_id, at..at + 1)],
        }
    }
}

/// All metadata with their places, in the order of the file.
pub(super) fn all(book: &Spreadsheet) -> Vec<(Place, &Metadata)> {
    let mut all: Vec<_> = book.metadata.iter().map(|meta| (Place::Spreadsheet, meta)).collect();
    for (at, tab) in book.tabs.iter().enumerate() {
        all.extend(tab.metadata.iter().map(|meta| (Place::Sheet(at), meta)));
        for (row, line) in tab.rows.iter().enumerate() {
            all.extend(line.line.metadata.iter().map(|meta| (Place::Row(at, row), meta)));
        }
        for (column, line) in tab.columns.iter().enumerate() {
            all.extend(line.metadata.iter().map(|meta| (Place::Column(at, column), meta)));
        }
    }
    all
}

/// The list that holds the metadata of a place.
pub(super) fn list(book: &mut Spreadsheet, place: Place) -> &mut Vec<Metadata> {
    match place {
        Place::Spreadsheet => &mut book.metadata,
        Place::Sheet(tab) => &mut book.tabs[tab].metadata,
        Place::Row(tab, at) => &mut book.tabs[tab].rows[at].line.metadata,
        Place::Column(tab, at) => &mut book.tabs[tab].columns[at].metadata,
    }
}

/// The metadata as answers show it.
pub(super) fn json(book: &Spreadsheet, place: Place, meta: &Metadata) -> Value {
    let mut json = json!({
        "metadataId": meta.id,
        "metadataKey": meta.key,
        "location": place.json(book),
        "visibility": meta.visibility,
    });
    if let Some(value) = &meta.value {
        json["metadataValue"] = json!(value);
    }
    json
}

impl Lookup {
    fn finds(&self, book: &Spreadsheet, place: Place, meta: &Metadata) -> Result<bool> {
        let is = |wanted: &Option<String>, held: Option<&str>| wanted.as_deref().is_none_or(|text| Some(text) == held);
        let mut found = self.metadata_id.is_none_or(|id| id == meta.id)
            && is(&self.metadata_key, Some(&meta.key))
            && is(&self.metadata_value, meta.value.as_deref())
            && is(&self.visibility, Some(&meta.visibility))
            && is(&self.location_type, Some(place.kind()));
        if let Some(location) = &self.metadata_location {
            let wanted = location.place(book)?;
            found &= match self.location_matching_strategy.as_deref() {
                Some("EXACT_LOCATION") => wanted == place,
                _ => wanted.meets(place),
            };
        }
        Ok(found)
    }
}

impl DataFilter {
    /// The metadata that the filter selects.
    pub(super) fn metadata(&self, book: &Spreadsheet) -> Result<Vec<(Place, Metadata)>> {
        let ranges = match &self.developer_metadata_lookup {
            Some(_) => Vec::new(),
            None => self.ranges(book)?,
        };
        let mut found = Vec::new();
        for (place, meta) in all(book) {
            let selected = match &self.developer_metadata_lookup {
                Some(lookup) => lookup.finds(book, place, meta)?,
                None => place.range(book).iter().any(|range| ranges.contains(range)),
            };
            if selected {
                found.push((place, meta.clone()));
            }
        }
        Ok(found)
    }

    /// The ranges that the filter selects; none if no metadata matches its lookup.
    pub(super) fn ranges(&self, book: &Spreadsheet) -> Result<Vec<GridRange>> {
        match (&self.developer_metadata_lookup, &self.a1_range, &self.grid_range) {
            (Some(lookup), None, None) => {
                let mut ranges = Vec::new();
                for (place, meta) in all(book) {
                    if lookup.finds(book, place, meta)? {
                        ranges.extend(place.range(book));
                    }
                }
                Ok(ranges)
            }
            (None, Some(text), None) => Ok(vec![a1::parse(book, text)?.range]),
            (None, None, Some(range)) => match book.position(range.sheet_id) {
                Some(_) => Ok(vec![range.clone()]),
                None => Err(ApiError::invalid(format!("No grid with id: {}", range.sheet_id))),
            },
            _ => Err(ApiError::invalid(
                "Exactly one filter must be specified in a data filter.",
            )),
        }
    }
}
