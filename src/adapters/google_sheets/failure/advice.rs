//! What a refusal of Google means and what a person can do about it. Advice follows the reason that Google gave; where it gave
//! none, the causes are told as what they are: possible.

use super::body::{ANSWERED, ErrorBody};
use crate::sheet::SheetErrorKind::{self, Denied, Quota, Refused};

/// What a refusal for want of quota says.
pub(super) const USED_UP: &str = "Google's quota for this minute is used up";

/// The account and the spreadsheet that the advice in a message names.
#[derive(Clone, Copy, Debug)]
pub(in crate::adapters::google_sheets) struct Subject<'a> {
    /// The address of the service account.
    pub(in crate::adapters::google_sheets) account: &'a str,
    /// The spreadsheet.
    pub(in crate::adapters::google_sheets) spreadsheet_id: &'a str,
}

/// What an answer means, and the advice.
pub(super) struct Advice {
    /// `None`: it says nothing about what became of the request.
    pub(super) kind: Option<SheetErrorKind>,
    pub(super) text: String,
}

fn tells(kind: SheetErrorKind, text: impl Into<String>) -> Advice {
    Advice {
        kind: Some(kind),
        text: text.into(),
    }
}

/// Reads an answer of this status.
pub(super) fn advice(status: u16, body: &ErrorBody<'_>, subject: Subject<'_>) -> Advice {
    let account = subject.account;
    match status {
        _ if status == 429 || body.has("RATE_LIMIT_EXCEEDED") || body.has("RESOURCE_EXHAUSTED") => {
            let which = body.quota.map(|quota| format!(" ({quota})")).unwrap_or_default();
            tells(Quota, format!("{USED_UP}{which}"))
        }
        401 => tells(
            Denied,
            format!(
                "Google does not accept the access token of {account}; check that the account and its key are enabled and that \
                 this machine's clock is right"
            ),
        ),
        403 => tells(Denied, forbidden(body, account)),
        404 => tells(
            Denied,
            format!(
                "there is no spreadsheet {}; check sheets.spreadsheet_id (the part of its address between /d/ and /edit)",
                subject.spreadsheet_id
            ),
        ),
        400 => tells(Refused, invalid(body, account)),
        400..=499 if status != 408 && status != 409 => tells(Refused, answered(status)),
        _ => Advice {
            kind: None,
            text: answered(status),
        },
    }
}

/// What it says beside that is quoted with it.
fn answered(status: u16) -> String {
    format!("{ANSWERED}{status}")
}

fn invalid(body: &ErrorBody<'_>, account: &str) -> String {
    let says = |words: &str| body.message.is_some_and(|said| said.contains(words));
    if says("protected cell") {
        format!(
            "a protected range does not let {account} edit; whoever may edit that range, or the file's owner, makes {account} one \
             of its editors or removes it (Data > Protect sheets and ranges)"
        )
    } else if says("not supported for this document") {
        "the file is an Office document; open it in Google Sheets, choose File, Save as Google Sheets, and use that id"
            .into()
    } else {
        answered(400)
    }
}

/// 403 is the answer to a file that is not shared, to a policy, to an API that is off and to much else.
fn forbidden(body: &ErrorBody<'_>, account: &str) -> String {
    if body.is_perimeter() {
        let uid = body
            .identifier("uid")
            .or_else(|| body.identifier("VPC_SERVICE_CONTROLS"));
        let uid = uid.map(|uid| format!(" with the identifier {uid}")).unwrap_or_default();
        return format!(
            "a VPC service perimeter refuses the request; its administrator finds the refusal{uid} in the audit log and lets {account} \
             reach sheets.googleapis.com from here (an ingress rule or an access level)"
        );
    }
    if body.message.is_some_and(|said| said.contains("quota project")) {
        return "a person's login needs a quota project here, which fleetsheet cannot name to Google; let the login act for a service \
                account (gcloud auth application-default login --impersonate-service-account=ADDRESS), or use a service account's key"
            .into();
    }
    let project = body.identifier("consumer").unwrap_or("the service account's project");
    match body.reason() {
        Some("SERVICE_DISABLED" | "accessNotConfigured") => {
            format!("the Google Sheets API is switched off in {project}; enable it in the Google Cloud console")
        }
        Some("ACCESS_TOKEN_SCOPE_INSUFFICIENT") => {
            "the credentials lack the scope https://www.googleapis.com/auth/spreadsheets; log in again with it among the --scopes, \
             give this machine that access scope, or name a service account's key in sheets.credentials_file"
                .into()
        }
        Some(reason @ ("BILLING_DISABLED" | "CONSUMER_SUSPENDED" | "CONSUMER_INVALID" | "USER_PROJECT_DENIED")) => {
            format!("Google refuses {project} ({reason}); ask whoever runs that project")
        }
        Some(reason) => {
            format!("permission denied ({reason}); ask whoever runs the Google account {account} about this reason")
        }
        None if !body.is_json => format!(
            "403 without a reason, as from a proxy or firewall on the way; if it is Google's, share the spreadsheet with {account} \
             as Editor"
        ),
        None => format!(
            "permission denied; share the spreadsheet with {account} as Editor (where it is shared, ask a Workspace administrator \
             whether a policy keeps the account out)"
        ),
    }
}
