//! What a call that may be made gets for an answer: endpoints that write change a copy, the others only look.

use axum::extract::Query;
use axum::http::Uri;
use serde_json::{Value, json};

use super::a1;
use super::append::{self, Options};
use super::batch;
use super::error::{ApiError, Result};
use super::grid::{self, View};
use super::mask::Mask;
use super::metadata::{self, DataFilter};
use super::model::Spreadsheet;
use super::range::GridRange;
use super::route::{Endpoint, Traits};
use super::token::SERVICE_ACCOUNT;
use super::txn::Txn;
use super::value::{Render, bad_enum};
use super::values::{self, from_json};
use super::world::World;
use super::write::batch_update;

/// The parameters of a call.
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads the query of a call; a name that the endpoint does not know is refused.
    pub(super) fn read(uri: &Uri, traits: &Traits) -> Result<Self> {
        let Ok(Query(query)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else {
            return Err(ApiError::invalid("Invalid query."));
        };
        if let Some(name) = traits.unknown(&query) {
            let text = format!(
                "Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter. Field '{name}' \
                 could not be found in request message."
            );
            return Err(ApiError::malformed("", text));
        }
        Ok(Self(query))
    }

    /// The value of a parameter that comes once.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(held, _)| held == name)
            .map(|(_, value)| value.as_str())
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(held, _)| held == name)
            .map(|(_, value)| value.as_str())
    }

    fn flag(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }
}

/// Answers an endpoint that writes; what it does counts only if all of it is done.
pub(super) fn write(
    world: &mut World,
    endpoint: &Endpoint,
    traits: &Traits,
    params: &Params,
    body: Value,
) -> Result<Value> {
    let (caller, method) = (SERVICE_ACCOUNT, traits.name);
    let mut txn = Txn {
        book: world.book.clone(),
        caller,
        method,
        writes: Vec::new(),
    };
    let answer = match endpoint {
        Endpoint::BatchUpdate => batch::batch_update(&mut txn, body)?,
        Endpoint::ValuesBatchUpdate => batch_update(&mut txn, body, false)?,
        Endpoint::ValuesBatchUpdateByDataFilter => batch_update(&mut txn, body, true)?,
        Endpoint::ValuesAppend(range) => {
            let insert_rows = match params.get("insertDataOption") {
                None | Some("OVERWRITE") => false,
                Some("INSERT_ROWS") => true,
                Some(other) => return Err(bad_enum("insert_data_option", other)),
            };
            let options = Options {
                raw: values::is_raw(params.get("valueInputOption"))?,
                insert_rows,
                by_rows: values::by_rows(body["majorDimension"].as_str())?,
                show: values::response_render(
                    params.flag("includeValuesInResponse"),
                    params.get("responseValueRenderOption"),
                    params.get("responseDateTimeRenderOption"),
                )?,
                range,
            };
            append::append(&mut txn, &body, &options)?
        }
        _ => return Err(ApiError::status(500)),
    };
    let Txn { book, writes, .. } = txn;
    world.book = book;
    world.writes.extend(writes);
    Ok(answer)
}

/// Answers an endpoint that only looks. Cells are shown as the mask has it, editors as the caller may see them.
pub(super) fn read(
    book: &Spreadsheet,
    caller: &str,
    endpoint: &Endpoint,
    params: &Params,
    body: Value,
    mask: Option<&Mask>,
) -> Result<Value> {
    // A mask decides on cells, and then the flag has no say.
    let cells = |flag: bool| mask.map_or(flag, |mask| mask.meets(&["sheets", "data"]));
    let show = |ranges: Option<Vec<GridRange>>, cells: bool| {
        let view = View { caller, ranges, cells };
        grid::spreadsheet(book, &view)
    };
    let values = |range: &str| {
        let by_rows = values::by_rows(params.get("majorDimension"))?;
        let how = Render::parse(params.get("valueRenderOption"), params.get("dateTimeRenderOption"))?;
        let a1 = a1::parse(book, range)?;
        Ok(values::read(book, a1.tab, &a1.range, by_rows, how))
    };
    match endpoint {
        Endpoint::Get => {
            let ranges: Vec<_> = params
                .all("ranges")
                .map(|text| Ok(a1::parse(book, text)?.range))
                .collect::<Result<_>>()?;
            let ranges = (!ranges.is_empty()).then_some(ranges);
            let cells = cells(params.flag("includeGridData"));
            Ok(show(ranges, cells))
        }
        Endpoint::GetByDataFilter => {
            let filters: Vec<DataFilter> = from_json(body.get("dataFilters").cloned().unwrap_or(json!([])))?;
            let mut ranges = Vec::new();
            for filter in &filters {
                ranges.extend(filter.ranges(book)?);
            }
            let ranges = (!filters.is_empty()).then_some(ranges);
            let cells = cells(body["includeGridData"] == json!(true));
            Ok(show(ranges, cells))
        }
        Endpoint::ValuesGet(range) => values(range),
        Endpoint::ValuesBatchGet => {
            let ranges: Vec<_> = params.all("ranges").map(values).collect::<Result<_>>()?;
            let mut answer = json!({ "spreadsheetId": book.id });
            if !ranges.is_empty() {
                answer["valueRanges"] = json!(ranges);
            }
            Ok(answer)
        }
        Endpoint::ValuesBatchGetByDataFilter => values::batch_get_by_data_filter(book, body),
        Endpoint::MetadataSearch => search(book, &body),
        Endpoint::MetadataGet(id) => {
            let all = metadata::all(book);
            let found = all.iter().find(|(_, meta)| meta.id.to_string() == *id);
            found
                .map(|(place, meta)| metadata::json(book, *place, meta))
                .ok_or_else(ApiError::not_found)
        }
        _ => Err(ApiError::status(500)),
    }
}

fn search(book: &Spreadsheet, body: &Value) -> Result<Value> {
    let mut found: Vec<(Value, Vec<Value>)> = Vec::new();
    for filter in body["dataFilters"].as_array().into_iter().flatten() {
        for (place, meta) in from_json::<DataFilter>(filter.clone())?.metadata(book)? {
            let json = metadata::json(book, place, &meta);
            match found.iter_mut().find(|(held, _)| *held == json) {
                Some((_, filters)) => filters.push(filter.clone()),
                None => found.push((json, vec![filter.clone()])),
            }
        }
    }
    let found: Vec<_> = found
        .into_iter()
        .map(|(meta, filters)| json!({ "developerMetadata": meta, "dataFilters": filters }))
        .collect();
    Ok(if found.is_empty() {
        json!({})
    } else {
        json!({ "matchedDeveloperMetadata": found })
    })
}
