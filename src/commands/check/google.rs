//! Credentials, token and spreadsheet: each is looked at only when the one before is good.

use std::future::Future;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::names;
use crate::adapters::google_sheets::GoogleSheets;
use crate::calls::Calls;
use crate::commands::connect_sheets;
use crate::config::Config;
use crate::prerequisites::{Item, Line, Seen, judge_spreadsheet, judge_unseen_spreadsheet};
use crate::sheet::{RawSpreadsheet, SheetError, SheetErrorKind, SheetReader as _, TabRequest};

/// The variable that names a key file where the configuration names none, as in all Google clients.
pub(super) const KEY_FILE_VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";

/// How often a token is asked for while that may help.
const ATTEMPTS: u32 = 3;

/// The wait before the next attempt.
const PAUSE: Duration = Duration::from_millis(300);

/// The key file that the environment names.
pub(super) fn named_key_file() -> Option<PathBuf> {
    let path = std::env::var_os(KEY_FILE_VARIABLE)?;
    (!path.is_empty()).then(|| path.into())
}

/// Everything up to the spreadsheet's contents, and those where they could be read.
pub(super) async fn look(config: &Config, calls: Calls) -> (Vec<Line>, Option<Seen>) {
    let mut lines = Vec::new();
    let unseen = |mut lines: Vec<Line>, first: &[Item], needs: &str| {
        lines.extend(first.iter().map(|item| Line::not_checked(*item, "", needs)));
        lines.extend(judge_unseen_spreadsheet(needs));
        (lines, None)
    };
    let sheets = match connect_sheets(config, calls).await {
        Ok(sheets) => sheets,
        Err(error) => {
            lines.push(Line::wrong(Item::Credentials, source(config), error.message));
            let needs = "Google's credentials have to be usable first";
            return unseen(lines, &[Item::Token, Item::Spreadsheet], needs);
        }
    };
    let account = sheets.service_account_email().to_owned();
    let message = format!("usable; the service account is {account}");
    lines.push(Line::ok(Item::Credentials, source(config), message));
    if let Err(error) = token(&sheets, config.limits.request_timeout).await {
        lines.push(Line::wrong(Item::Token, account, error.message));
        return unseen(lines, &[Item::Spreadsheet], "there has to be an access token first");
    }
    lines.push(Line::ok(Item::Token, account.clone(), "Google gives one"));
    let id = &config.sheets.spreadsheet_id;
    let raw = match read(&sheets, config).await {
        Ok(raw) => raw,
        Err(error) => {
            lines.push(unreadable(id, &account, error));
            return unseen(lines, &[], "the spreadsheet has to be readable first");
        }
    };
    let message = format!("{:?} can be read by {account}", raw.title);
    lines.push(Line::ok(Item::Spreadsheet, id, message));
    let names = names(config, &account);
    let seen = judge_spreadsheet(&raw, &names, config.dual_key.require_protection, &account);
    lines.extend(seen.lines.iter().cloned());
    (lines, Some(seen))
}

fn source(config: &Config) -> String {
    let file = config.sheets.credentials_file.clone().or_else(named_key_file);
    file.map_or_else(|| "this machine".to_owned(), |path| path.display().to_string())
}

fn unreadable(id: &str, account: &str, error: SheetError) -> Line {
    // Google says the same of a wrong id and of some files that it hides.
    let hidden = error.kind == SheetErrorKind::Denied && error.message.contains(id);
    let line = Line::wrong(Item::Spreadsheet, id, error.message);
    if hidden {
        line.fix(format!(
            "where the id is right, share the spreadsheet with {account} as Editor"
        ))
    } else {
        line
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

/// Tries again while the failure may pass and there is time for it.
pub(super) async fn persist<T, E, F: Future<Output = Result<T, E>>>(
    limit: Duration,
    attempt: impl Fn() -> F,
    passes: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let began = tokio::time::Instant::now();
    let mut attempts = 1;
    loop {
        match attempt().await {
            Err(error) if passes(&error) && attempts < ATTEMPTS && began.elapsed() * 2 < limit => {
                tokio::time::sleep(PAUSE * attempts).await;
                attempts += 1;
            }
            done => return done,
        }
    }
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
