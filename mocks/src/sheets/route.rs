//! Which method a request means, and what it may carry.

use axum::http::{Method, Uri};

/// A method of the API, with what its path holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Get,
    GetByDataFilter,
    BatchUpdate,
    ValuesGet(String),
    ValuesBatchGet,
    ValuesBatchGetByDataFilter,
    ValuesBatchUpdate,
    ValuesBatchUpdateByDataFilter,
    ValuesAppend(String),
    MetadataSearch,
    MetadataGet(String),
}

/// What a method is called, demands and answers.
pub(super) struct Traits {
    pub(super) name: &'static str,
    /// Counts against the quota of writes.
    pub(super) writes: bool,
    /// Is not covered by a scope for reading only.
    pub(super) full_scope: bool,
    pub(super) request: Option<&'static str>,
    pub(super) response: &'static str,
    pub(super) query: &'static [&'static str],
}

const COMMON: &[&str] = &[
    "access_token",
    "alt",
    "callback",
    "fields",
    "key",
    "oauth_token",
    "prettyPrint",
    "quotaUser",
    "upload_protocol",
    "uploadType",
    "$.xgafv",
];
const READ: &[&str] = &["ranges", "majorDimension", "valueRenderOption", "dateTimeRenderOption"];
const APPEND: &[&str] = &[
    "valueInputOption",
    "insertDataOption",
    "includeValuesInResponse",
    "responseValueRenderOption",
    "responseDateTimeRenderOption",
];

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match (first, code.and_then(|code| u8::from_str_radix(code, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Endpoint {
    /// The method and the spreadsheet's id.
    pub(super) fn find(method: &Method, uri: &Uri) -> Option<(String, Self)> {
        let path = uri.path().strip_prefix("/v4/spreadsheets/")?;
        let parts: Vec<String> = path.split('/').map(decode).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let get = method == Method::GET;
        if !get && method != Method::POST {
            return None;
        }
        let (id, endpoint) = match (get, parts.as_slice()) {
            (true, [id]) => (*id, Self::Get),
            (true, [id, "values:batchGet"]) => (*id, Self::ValuesBatchGet),
            (true, [id, "values", range]) => (*id, Self::ValuesGet((*range).to_owned())),
            (true, [id, "developerMetadata", meta]) => (*id, Self::MetadataGet((*meta).to_owned())),
            (false, [id, "values:batchUpdate"]) => (*id, Self::ValuesBatchUpdate),
            (false, [id, "values:batchGetByDataFilter"]) => (*id, Self::ValuesBatchGetByDataFilter),
            (false, [id, "values:batchUpdateByDataFilter"]) => (*id, Self::ValuesBatchUpdateByDataFilter),
            (false, [id, "developerMetadata:search"]) => (*id, Self::MetadataSearch),
            (false, [id, "values", range]) => (*id, Self::ValuesAppend(range.strip_suffix(":append")?.to_owned())),
            (false, [id]) => match id.rsplit_once(':')? {
                (id, "batchUpdate") => (id, Self::BatchUpdate),
                (id, "getByDataFilter") => (id, Self::GetByDataFilter),
                _ => return None,
            },
            _ => return None,
        };
        Some((id.to_owned(), endpoint))
    }

    /// What the method is called, demands and answers.
    pub(super) fn traits(&self) -> Traits {
        let read = |name, response, query| Traits {
            name,
            writes: false,
            full_scope: false,
            request: None,
            response,
            query,
        };
        let post = |name, writes, request, response| Traits {
            name,
            writes,
            full_scope: true,
            request: Some(request),
            response,
            query: &[],
        };
        match self {
            Self::Get => read(
                "sheets.get",
                "Spreadsheet",
                &["ranges", "includeGridData", "excludeTablesInBandedRanges"],
            ),
            Self::GetByDataFilter => post("sheets.getByDataFilter", false, "GetByDataFilter", "Spreadsheet"),
            Self::BatchUpdate => post("sheets.batchUpdate", true, "BatchUpdate", "BatchUpdateResponse"),
            Self::ValuesGet(_) => read("sheets.values.get", "ValueRange", &READ[1..]),
            Self::ValuesBatchGet => read("sheets.values.batchGet", "BatchGetResponse", READ),
            Self::ValuesBatchGetByDataFilter => {
                let (request, response) = ("BatchGetByDataFilter", "BatchGetByDataFilterResponse");
                post("sheets.values.batchGetByDataFilter", false, request, response)
            }
            Self::ValuesBatchUpdate => post(
                "sheets.values.batchUpdate",
                true,
                "ValuesBatchUpdate",
                "ValuesBatchUpdateResponse",
            ),
            Self::ValuesBatchUpdateByDataFilter => {
                let (request, response) = ("ValuesBatchUpdateByDataFilter", "ValuesBatchUpdateResponse");
                post("sheets.values.batchUpdateByDataFilter", true, request, response)
            }
            Self::ValuesAppend(_) => Traits {
                query: APPEND,
                ..post("sheets.values.append", true, "ValueRange", "AppendResponse")
            },
            Self::MetadataSearch => post(
                "sheets.developerMetadata.search",
                false,
                "SearchMetadata",
                "SearchMetadataResponse",
            ),
            Self::MetadataGet(_) => read("sheets.developerMetadata.get", "DeveloperMetadata", &[]),
        }
    }
}

impl Traits {
    /// The first query parameter that the method does not know.
    pub(super) fn unknown<'a>(&self, query: &'a [(String, String)]) -> Option<&'a str> {
        let mut names = query.iter().map(|(name, _)| name.as_str());
        names.find(|name| !COMMON.contains(name) && !self.query.contains(name))
    }
}
