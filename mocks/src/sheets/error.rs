//! Refusals in the shape that Google's front end gives them.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A refused call: nothing of it was applied.
#[derive(Clone, Debug)]
pub(super) struct ApiError {
    code: u16,
    status: &'static str,
    message: String,
    details: Option<Value>,
}

pub(super) type Result<T> = std::result::Result<T, ApiError>;

/// What Sheets says of any write that touches a cell protected against the caller.
pub(super) const PROTECTED: &str = "You are trying to edit a protected cell or object. Please contact the spreadsheet \
                                    owner to remove protection if you need to edit.";

fn error_info(reason: &str, metadata: &Value) -> Value {
    json!([{
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": metadata,
    }])
}

impl ApiError {
    /// Why, in words.
    pub(super) fn into_message(self) -> String {
        self.message
    }

    /// 400, for whatever is wrong with the request.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self {
            code: 400,
            status: "INVALID_ARGUMENT",
            message: message.into(),
            details: None,
        }
    }

    /// 400, for a request that is no valid message of its type.
    pub(super) fn malformed(field: &str, description: String) -> Self {
        let violation = json!({ "field": field, "description": description });
        let violation = if field.is_empty() {
            json!({ "description": description })
        } else {
            violation
        };
        let details = json!([{ "@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation] }]);
        Self {
            details: Some(details),
            ..Self::invalid(description)
        }
    }

    /// 404, for a spreadsheet or a piece of metadata that does not exist.
    pub(super) fn not_found() -> Self {
        let message = "Requested entity was not found.".to_owned();
        Self {
            code: 404,
            status: "NOT_FOUND",
            message,
            details: None,
        }
    }

    /// 401.
    pub(super) fn unauthenticated() -> Self {
        let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or \
                       other valid authentication credential. See \
                       https://developers.google.com/identity/sign-in/web/devconsole-project.";
        Self {
            code: 401,
            status: "UNAUTHENTICATED",
            message: message.to_owned(),
            details: None,
        }
    }

    /// 403, for a file that is not shared with the caller.
    pub(super) fn denied() -> Self {
        let message = "The caller does not have permission".to_owned();
        Self {
            code: 403,
            status: "PERMISSION_DENIED",
            message,
            details: None,
        }
    }

    /// 403, for a token whose scopes do not cover the method.
    pub(super) fn scope() -> Self {
        let metadata = json!({ "service": "sheets.googleapis.com" });
        Self {
            message: "Request had insufficient authentication scopes.".to_owned(),
            details: Some(error_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT", &metadata)),
            ..Self::denied()
        }
    }

    /// 429, naming the limit that was hit.
    pub(super) fn quota(reads: bool, limit: u32) -> Self {
        let (group, name, metric) = if reads {
            (
                "Read requests",
                "ReadRequestsPerMinutePerUser",
                "sheets.googleapis.com/read_requests",
            )
        } else {
            (
                "Write requests",
                "WriteRequestsPerMinutePerUser",
                "sheets.googleapis.com/write_requests",
            )
        };
        let message = format!(
            "Quota exceeded for quota metric '{group}' and limit '{group} per minute per user' of service \
             'sheets.googleapis.com' for consumer 'project_number:1'."
        );
        let metadata = json!({
            "quota_limit": name,
            "quota_limit_value": limit.to_string(),
            "quota_metric": metric,
            "quota_location": "global",
            "service": "sheets.googleapis.com",
            "consumer": "projects/1",
        });
        let details = Some(error_info("RATE_LIMIT_EXCEEDED", &metadata));
        Self {
            code: 429,
            status: "RESOURCE_EXHAUSTED",
            message,
            details,
        }
    }

    /// Any other status, for scripted faults.
    pub(super) fn status(code: u16) -> Self {
        let (status, message) = match code {
            400 => ("INVALID_ARGUMENT", "Request contains an invalid argument."),
            401 => return Self::unauthenticated(),
            403 => return Self::denied(),
            404 => return Self::not_found(),
            409 => ("ABORTED", "The operation was aborted."),
            429 => return Self::quota(true, 60),
            500 => ("INTERNAL", "Internal error encountered."),
            503 => ("UNAVAILABLE", "The service is currently unavailable."),
            504 => ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
            _ => ("UNKNOWN", "Unknown Error."),
        };
        Self {
            code,
            status,
            message: message.to_owned(),
            details: None,
        }
    }

    /// The same refusal, saying which part of the request it is about.
    pub(super) fn within(mut self, part: &str) -> Self {
        self.message = format!("Invalid {part}: {}", self.message);
        self
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut error = json!({ "code": self.code, "message": self.message, "status": self.status });
        if let Some(details) = self.details {
            error["details"] = details;
        }
        let status = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(json!({ "error": error }))).into_response()
    }
}
