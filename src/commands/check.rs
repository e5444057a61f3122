//! Looks whether everything that a pass needs is there, and says what to do where it is not.
//!
//! All is looked at in one go, each within the time for a request; nothing is written anywhere. The words are those of
//! `prerequisites`.

mod cloud;
mod google;

use std::io;
use std::path::Path;

use super::{Refusal, mail, names, pacing, policy, print, run_id, store_url};
use crate::adapters::files;
use crate::adapters::sqlite::{Access, SqliteStore, probe};
use crate::calls::Calls;
use crate::cli::Invocation;
use crate::config::Config;
use crate::memory::{Memory, StoreReader as _};
use crate::prerequisites::{
    Findings, Item, Line, judge_backlog, judge_config, judge_directory, judge_environment, judge_permissions,
    judge_store, judge_test_mail,
};
use crate::{sandbox, telemetry};

pub(super) async fn run(asked: &Invocation, send_test_mail: bool) -> Result<u8, Refusal> {
    let calls = Calls::default();
    let rust_log = std::env::var("RUST_LOG").ok();
    let config = match Config::load(&asked.config, &Config::environment()) {
        Ok(config) => config,
        Err(errors) => return Ok(tell(asked, Findings::new(judge_config(&errors)), &calls)),
    };
    let mut lines = vec![Line::ok(
        Item::Config,
        asked.config.display().to_string(),
        "can be read",
    )];
    let mut log = config.log.clone();
    // Commands that only look leave nothing behind, log files neither.
    log.dir = None;
    let logs = telemetry::init(&log, asked.verbosity, rust_log.as_deref());
    if let Err(error) = &logs {
        lines.push(Line::wrong(Item::Environment, "RUST_LOG", error.to_string()));
    }
    if let Some(dir) = &config.log.dir {
        lines.push(judge_directory(dir, &files::can_make_files_in(dir)));
    }
    lines.extend(judge_environment(&environment(), config.aws.endpoint_url.is_some()));
    let (config, credentials, _sandbox) = sandbox::embed(config).await?;

    let policy = policy(&config, &[], false);
    let pacing = pacing(None, &config, &calls);
    let ((google, seen), (state, memory), (cloud, regions), mail) = tokio::join!(
        google::look(&config, calls.clone()),
        look_at_state(&config),
        cloud::look(&config, credentials, pacing, calls.clone()),
        look_at_mail(&config, send_test_mail),
    );
    lines.extend(secrets(&config));
    lines.extend(google);
    lines.push(state);
    lines.extend(cloud);
    lines.extend(mail);
    if let Some(memory) = memory.as_ref().filter(|_| config.email.is_some()) {
        lines.extend(judge_backlog(&memory.mail.backlog()));
    }
    let sheet = seen.as_ref().map(|seen| &seen.sheet);
    lines.extend(cloud::look_at_tagging(regions, sheet, &config, &policy).await);
    if let Some(seen) = &seen {
        lines.extend(judge_store(seen, memory.as_ref(), &policy, super::now()));
    }
    Ok(tell(asked, Findings::new(lines), &calls))
}

fn tell(asked: &Invocation, findings: Findings, calls: &Calls) -> u8 {
    let run = run_id(super::now());
    print(asked.format, &findings.json(&run, &calls.snapshot()), &findings.text());
    findings.exit_code()
}

fn environment() -> std::collections::BTreeMap<String, String> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

/// The files that hold secrets, but for what is in them. One that is missing is reported by whoever needs it.
fn secrets(config: &Config) -> Vec<Line> {
    let judge = |setting: &str, path: &Path| match files::permissions(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        found => Some(judge_permissions(setting, path, &found)),
    };
    let mut lines = Vec::new();
    match (&config.sheets.credentials_file, google::named_key_file()) {
        (Some(path), _) => lines.extend(judge("sheets.credentials_file", path)),
        (None, Some(path)) => lines.extend(judge(google::KEY_FILE_VARIABLE, &path)),
        (None, None) => {}
    }
    let password = config
        .email
        .as_ref()
        .and_then(|email| email.smtp_password_file.as_ref());
    if let Some(path) = password {
        lines.extend(judge("email.smtp_password_file", path));
    }
    lines
}

/// Whether the store could be written, and what it remembers.
async fn look_at_state(config: &Config) -> (Line, Option<Memory>) {
    let url = store_url(config);
    let place = config.state.path.display().to_string();
    let line = match probe(&url).await {
        Ok(probed) => match (probed.holder, probed.exists) {
            (Some(holder), _) => Line::note(Item::State, place, holder),
            (None, true) => Line::ok(Item::State, place, "can be written"),
            (None, false) => Line::ok(Item::State, place, "is not there yet; the first pass can make it"),
        },
        Err(error) => Line::wrong(Item::State, place, error.to_string()),
    };
    if !line.is_ok() {
        return (line, None);
    }
    let read = async {
        let store = SqliteStore::open(&url, Access::Read, super::now()).await?;
        store.load().await
    };
    match read.await {
        Ok(memory) => (line, Some(memory)),
        Err(error) => (Line::wrong(Item::State, line.place, error.to_string()), None),
    }
}

async fn look_at_mail(config: &Config, send_test_mail: bool) -> Vec<Line> {
    let Some(email) = &config.email else {
        let mut lines = vec![Line::note(
            Item::Smtp,
            "email",
            "there is no [email] section, so no mail is sent",
        )];
        if send_test_mail {
            let message = "there is nobody to send a mail to";
            lines.push(Line::wrong(Item::TestMail, "email", message).fix("add the [email] section"));
        }
        return lines;
    };
    let place = format!("{}:{}", email.smtp.host, email.smtp.port);
    let mut lines = vec![match mail::probe(email, config.limits.request_timeout).await {
        Ok(()) => Line::ok(Item::Smtp, place, "takes our login"),
        Err(why) => Line::wrong(Item::Smtp, "email", why),
    }];
    if send_test_mail {
        let outcomes = mail::send_test_mail(config, &names(config, ""), super::now()).await;
        lines.extend(judge_test_mail(outcomes));
    }
    lines
}
