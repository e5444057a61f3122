//! Credentials, token and spreadsheet: each is checked only when the one before is good.

use std::time::{Duration, Instant};

use super::persist::persist;
use crate::adapters::google_sheets::GoogleSheets;
use crate::adapters::google_sheets::auth::place::Place;
use crate::calls::Calls;
use crate::clients::{connect_sheets, names};
use crate::config::Config;
use crate::prerequisites::{Finding, Item, Seen, judge_spreadsheet, judge_unseen_spreadsheet};
use crate::sheet::names::address_of;
use crate::sheet::{RawSpreadsheet, SheetError, SheetErrorKind, SheetReader as _, TabRequest};

/// Checks everything up to the spreadsheet's contents, and gives those if they could be read.
pub(super) async fn check_spreadsheet(config: &Config, calls: Calls) -> (Vec<Finding>, Option<Seen>) {
    let mut findings = Vec::new();
    let unseen = |mut findings: Vec<Finding>, first: &[Item], needs: &str| {
        findings.extend(first.iter().map(|item| Finding::not_checked(*item, "", needs)));
        findings.extend(judge_unseen_spreadsheet(needs));
        (findings, None)
    };
    let sheets = match connect_sheets(config, calls).await {
        Ok(sheets) => sheets,
        Err(error) => {
            findings.push(Finding::wrong(Item::Credentials, source(config), error.message));
            let needs = "Google's credentials must be usable first";
            return unseen(findings, &[Item::Token, Item::Spreadsheet], needs);
        }
    };
    let account = sheets.service_account_email().to_owned();
    findings.push(usable(&sheets, config));
    let account = if account.is_empty() {
        "the account of the credentials".to_owned()
    } else {
        account
    };
    if let Err(error) = token(&sheets, config.limits.request_timeout).await {
        findings.push(Finding::wrong(Item::Token, account, error.message));
        return unseen(findings, &[Item::Spreadsheet], "there must be an access token first");
    }
    findings.push(Finding::ok(Item::Token, account.clone(), "Google issued a token"));
    let id = &config.sheets.spreadsheet_id;
    let raw = match read(&sheets, config).await {
        Ok(raw) => raw,
        Err(error) => {
            findings.push(unreadable(id, &account, error));
            return unseen(findings, &[], "the spreadsheet must be readable first");
        }
    };
    let message = format!("{:?} can be read by {account}", raw.title);
    findings.push(Finding::ok(Item::Spreadsheet, id, message));
    let email = sheets.service_account_email();
    let names = names(config, email);
    let seen = judge_spreadsheet(&raw, &names, config.dual_key.require_protection, email);
    findings.extend(seen.findings.iter().cloned());
    (findings, Some(seen))
}

fn source(config: &Config) -> String {
    Place::find(config.sheets.credentials_file.as_deref()).to_string()
}

/// Which credentials are used, and whose they are.
fn usable(sheets: &GoogleSheets, config: &Config) -> Finding {
    let what = sheets.credentials();
    match sheets.service_account_email() {
        "" => {
            let why = sheets.without_email();
            Finding::note(Item::Credentials, source(config), format!("usable: {what}; {why}"))
        }
        // A person's login: the service can type both keys, and who holds one must not run it as themselves.
        email if holds_a_key(email, config) => Finding::wrong(
            Item::Credentials,
            source(config),
            format!("{what}: {email} holds a key (dual_key), and as the service could type the other one, too"),
        )
        .fix("let the service be an account that holds no key, such as a service account"),
        email => {
            let whose = if email.ends_with(".gserviceaccount.com") {
                "service account"
            } else {
                "account"
            };
            Finding::ok(
                Item::Credentials,
                source(config),
                format!("usable: {what}; the {whose} is {email}"),
            )
        }
    }
}

fn holds_a_key(email: &str, config: &Config) -> bool {
    let keys = &config.dual_key;
    let mut holders = keys.a_editors.iter().chain(&keys.b_editors);
    holders.any(|entry| address_of(entry) == email.to_lowercase())
}

fn unreadable(id: &str, account: &str, error: SheetError) -> Finding {
    // Google says the same of a wrong id and of some files that it hides. Other refusals may quote the id, too.
    let hidden =
        error.kind == SheetErrorKind::Denied && error.message.contains(&format!("there is no spreadsheet {id}"));
    let finding = Finding::wrong(Item::Spreadsheet, id, error.message);
    if hidden {
        finding.fix(format!(
            "if the id is right, share the spreadsheet with {account} as Editor"
        ))
    } else {
        finding
    }
}

async fn token(sheets: &GoogleSheets, limit: Duration) -> Result<(), SheetError> {
    persist(
        limit,
        || sheets.check_token(),
        |error| error.kind == SheetErrorKind::Transient,
    )
    .await
}

async fn read(sheets: &GoogleSheets, config: &Config) -> Result<RawSpreadsheet, SheetError> {
    let sheets = sheets.with_deadline(Instant::now() + config.limits.request_timeout);
    let names = &config.sheets;
    let wishes = [
        TabRequest::whole(&names.release_tab),
        TabRequest::whole(&names.server_tab),
        TabRequest::header(&names.audit_tab),
    ];
    sheets.read(&wishes).await
}
