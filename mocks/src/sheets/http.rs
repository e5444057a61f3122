//! The server: who calls, whether they may, and what they get.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::to_bytes;
use axum::extract::{Form, FromRequest, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::a1::{self, GridRange};
use super::append::{self, Options};
use super::error::{ApiError, Result};
use super::grid::{self, View};
use super::mask::Mask;
use super::metadata::{self, DataFilter};
use super::model::Spreadsheet;
use super::route::{Endpoint, Traits};
use super::token::{self, SERVICE_ACCOUNT, Tokens};
use super::txn::{Txn, Write};
use super::value::Render;
use super::values::{self, from_json};
use super::{batch, page, schema};
use crate::faults::{Refusal, Script};

const LARGEST_BODY: usize = 64 << 20;

/// Requests left in the minute that runs.
#[derive(Debug)]
pub(super) struct Quota {
    /// Reads and writes a minute.
    pub(super) limits: [u32; 2],
    /// How long a minute takes.
    pub(super) period: Duration,
    since: Instant,
    used: [u32; 2],
}

impl Quota {
    pub(super) fn new(reads: u32, writes: u32, period: Duration) -> Self {
        Self {
            limits: [reads, writes],
            period,
            since: Instant::now(),
            used: [0, 0],
        }
    }

    fn take(&mut self, writes: bool) -> Result<()> {
        if self.since.elapsed() >= self.period {
            (self.since, self.used) = (Instant::now(), [0, 0]);
        }
        let kind = usize::from(writes);
        if self.used[kind] >= self.limits[kind] {
            return Err(ApiError::quota(!writes, self.limits[kind]));
        }
        self.used[kind] += 1;
        Ok(())
    }
}

/// All that the emulator knows.
#[derive(Debug)]
pub(super) struct World {
    pub(super) book: Spreadsheet,
    pub(super) tokens: Tokens,
    pub(super) writes: Vec<Write>,
    /// Whether the file is shared with the service account.
    pub(super) shared: bool,
    /// Whether it is shared for looking only.
    pub(super) viewer: bool,
    pub(super) quota: Option<Quota>,
}

/// The world and the script, as handlers and handles share them.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) world: Arc<Mutex<World>>,
    pub(super) script: Script,
}

impl Shared {
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn router(shared: Shared) -> Router {
    Router::new().fallback(answer).with_state(shared)
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    if let Some((id, endpoint)) = Endpoint::find(request.method(), request.uri()) {
        let traits = endpoint.traits();
        let handle = async {
            match call(&shared, &id, &endpoint, &traits, request).await {
                Ok(value) => Json(value).into_response(),
                Err(error) => error.into_response(),
            }
        };
        let refuse = |refusal| refuse(refusal, traits.writes);
        return shared.script.run(traits.name, refuse, handle).await;
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    match (method, path.as_str()) {
        (Method::POST, "/token") => {
            let handle = async {
                match Form::<HashMap<String, String>>::from_request(request, &()).await {
                    Ok(Form(form)) => shared.world().tokens.grant(&form),
                    Err(_) => token::refusal(StatusCode::BAD_REQUEST, "invalid_request", "No form."),
                }
            };
            shared.script.run("oauth2.token", refuse_token, handle).await
        }
        (Method::GET, "/") => page::show(&shared.world().book).into_response(),
        (Method::POST, "/edit") => edit(&shared, request).await,
        _ => ApiError::status(404).into_response(),
    }
}

/// Whether the request comes from a page of another site, which must not edit through the browser of whoever tries the
/// sandbox.
fn is_foreign(headers: &HeaderMap) -> bool {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let own = format!("http://{}", header(header::HOST).unwrap_or_default());
    header(header::ORIGIN).is_some_and(|origin| origin != own)
}

async fn edit(shared: &Shared, request: Request) -> Response {
    if is_foreign(request.headers()) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let Ok(Form(edit)) = Form::<page::Edit>::from_request(request, &()).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    match edit.apply(&mut shared.world().book) {
        Some(sheet) => Redirect::to(&format!("/#s{sheet}")).into_response(),
        None => StatusCode::BAD_REQUEST.into_response(),
    }
}

fn refuse(refusal: Refusal, writes: bool) -> Response {
    let error = match refusal {
        Refusal::Throttle | Refusal::Status(429) => ApiError::quota(!writes, 60),
        Refusal::Status(code) => ApiError::status(code),
        Refusal::Unauthorized => ApiError::unauthenticated(),
        Refusal::Forbidden => ApiError::denied(),
    };
    error.into_response()
}

fn refuse_token(refusal: Refusal) -> Response {
    let (code, error, description) = match refusal {
        Refusal::Throttle => (429, "rate_limit_exceeded", "Too many requests."),
        Refusal::Status(code) => (code, "internal_failure", "Something went wrong."),
        Refusal::Unauthorized => (401, "invalid_client", "The account is not known."),
        Refusal::Forbidden => (403, "access_denied", "The account is disabled."),
    };
    token::refusal(
        StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST),
        error,
        description,
    )
}

/// The parameters of a call.
struct Params(Vec<(String, String)>);

impl Params {
    fn get(&self, name: &str) -> Option<&str> {
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

fn params(parts: &Parts, traits: &Traits) -> Result<Params> {
    let Ok(Query(query)) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri) else {
        return Err(ApiError::invalid("Invalid query."));
    };
    if let Some(name) = traits.unknown(&query) {
        let text = format!(
            "Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter. Field '{name}' \
             could not be found in request message."
        );
        return Err(ApiError::malformed("", text));
    }
    Ok(Params(query))
}

async fn call(shared: &Shared, id: &str, endpoint: &Endpoint, traits: &Traits, request: Request) -> Result<Value> {
    let (parts, body) = request.into_parts();
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let bytes = to_bytes(body, LARGEST_BODY)
        .await
        .map_err(|_| ApiError::invalid("The body is cut off."))?;
    let mut world = shared.world();
    match world.tokens.allows(header("authorization"), traits.full_scope) {
        None => return Err(ApiError::unauthenticated()),
        Some(false) => return Err(ApiError::scope()),
        Some(true) => {}
    }
    if let Some(quota) = &mut world.quota {
        quota.take(traits.writes)?;
    }
    let params = params(&parts, traits)?;
    let body = match traits.request {
        Some(kind) => {
            let body = if bytes.is_empty() {
                Ok(json!({}))
            } else {
                serde_json::from_slice(&bytes)
            };
            let body =
                body.map_err(|error| ApiError::malformed("", format!("Invalid JSON payload received. {error}")))?;
            schema::check(kind, &body)?;
            body
        }
        None => Value::Null,
    };
    let mask = params.get("fields").or_else(|| header("x-goog-fieldmask"));
    let mask = mask.map(|text| Mask::parse(text, traits.response)).transpose()?;
    if world.book.id != id {
        return Err(ApiError::not_found());
    }
    if !world.shared {
        return Err(ApiError::denied());
    }
    if world.viewer && traits.writes {
        return Err(ApiError::denied());
    }
    let answer = if traits.writes {
        write(&mut world, endpoint, traits, &params, body)?
    } else {
        // Editors are shown to those only who may edit both the range and the file.
        let caller = if world.viewer { "" } else { SERVICE_ACCOUNT };
        read(&world.book, caller, endpoint, &params, body, mask.as_ref())?
    };
    Ok(match mask {
        Some(mask) => mask.apply(answer),
        None => answer,
    })
}

fn write(world: &mut World, endpoint: &Endpoint, traits: &Traits, params: &Params, body: Value) -> Result<Value> {
    let (caller, method) = (SERVICE_ACCOUNT, traits.name);
    let mut txn = Txn {
        book: world.book.clone(),
        caller,
        method,
        writes: Vec::new(),
    };
    let answer = match endpoint {
        Endpoint::BatchUpdate => batch::batch_update(&mut txn, body)?,
        Endpoint::ValuesBatchUpdate => values::batch_update(&mut txn, body, false)?,
        Endpoint::ValuesBatchUpdateByDataFilter => values::batch_update(&mut txn, body, true)?,
        Endpoint::ValuesAppend(range) => {
            let insert_rows = match params.get("insertDataOption") {
                None | Some("OVERWRITE") => false,
                Some("INSERT_ROWS") => true,
                Some(other) => return Err(super::value::bad_enum("insert_data_option", other)),
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

fn read(
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
