//! `spreadsheets.batchUpdate`: a list of requests that are applied together or not at all.

mod cells;
mod lines;
mod marks;
mod protection;
mod tabs;

pub(super) use lines::compare;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::a1;
use super::error::{ApiError, Result};
use super::grid::{self, View};
use super::txn::Txn;
use super::values::from_json;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct BatchUpdate {
    requests: Vec<Map<String, Value>>,
    include_spreadsheet_in_response: bool,
    response_ranges: Vec<String>,
    response_include_grid_data: bool,
}

/// Applies the requests in their order.
pub(super) fn batch_update(txn: &mut Txn<'_>, body: Value) -> Result<Value> {
    let batch: BatchUpdate = from_json(body)?;
    if batch.requests.is_empty() {
        return Err(ApiError::invalid("Must specify at least one request."));
    }
    let mut replies = Vec::new();
    for (at, request) in batch.requests.into_iter().enumerate() {
        let mut kinds = request.into_iter();
        let (Some((kind, body)), None) = (kinds.next(), kinds.next()) else {
            return Err(ApiError::invalid(format!(
                "Invalid requests[{at}]: exactly one kind must be set."
            )));
        };
        let reply = apply(txn, &kind, body).map_err(|error| error.within(&format!("requests[{at}].{kind}")))?;
        replies.push(match reply {
            Value::Null => json!({}),
            reply => json!({ kind: reply }),
        });
    }
    let mut answer = json!({ "spreadsheetId": txn.book.id, "replies": replies });
    if batch.include_spreadsheet_in_response {
        let ranges: Result<Vec<_>> = batch
            .response_ranges
            .iter()
            .map(|text| Ok(a1::parse(&txn.book, text)?.range))
            .collect();
        let ranges = if batch.response_ranges.is_empty() {
            None
        } else {
            Some(ranges?)
        };
        let view = View {
            caller: txn.caller,
            ranges,
            cells: batch.response_include_grid_data,
        };
        answer["updatedSpreadsheet"] = grid::spreadsheet(&txn.book, &view);
    }
    Ok(answer)
}

/// Applies one request; `Null` where the service replies with nothing.
fn apply(txn: &mut Txn<'_>, kind: &str, body: Value) -> Result<Value> {
    match kind {
        "addSheet" => tabs::add(txn, &body["properties"]),
        "deleteSheet" => tabs::delete(txn, from_json(body)?),
        "updateSheetProperties" => tabs::update(txn, &body),
        "appendCells" => cells::append(txn, from_json(body)?),
        "updateCells" => cells::update(txn, from_json(body)?),
        "repeatCell" => cells::repeat(txn, &from_json(body)?),
        "setDataValidation" => cells::validate(txn, &from_json(body)?),
        "addConditionalFormatRule" => marks::add_rule(txn, from_json(body)?),
        "updateConditionalFormatRule" => marks::update_rule(txn, from_json(body)?),
        "deleteConditionalFormatRule" => marks::delete_rule(txn, &from_json(body)?),
        "addFilterView" => marks::add_filter_view(txn, body),
        "addProtectedRange" => protection::add(txn, from_json(body)?),
        "updateProtectedRange" => protection::update(txn, body),
        "deleteProtectedRange" => protection::delete(txn, &from_json(body)?),
        "createDeveloperMetadata" => marks::create_metadata(txn, from_json(body)?),
        "updateDeveloperMetadata" => marks::update_metadata(txn, from_json(body)?),
        "deleteDeveloperMetadata" => marks::delete_metadata(txn, &from_json(body)?),
        "insertDimension" => lines::insert(txn, &from_json(body)?),
        "deleteDimension" => lines::delete(txn, &from_json(body)?),
        "moveDimension" => lines::shift(txn, &from_json(body)?),
        "appendDimension" => lines::append(txn, &from_json(body)?),
        "updateDimensionProperties" => lines::update(txn, &from_json(body)?),
        "sortRange" => lines::sort(txn, &from_json(body)?),
        "autoResizeDimensions" => lines::auto_resize(txn, &from_json(body)?),
        // The schema lets nothing else through.
        other => Err(ApiError::invalid(format!("Unknown name \"{other}\""))),
    }
}
