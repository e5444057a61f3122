//! `check`: finds out whether everything that a pass needs is there, and says what to do where it is not.
//!
//! Everything is checked at once, each thing within the time for a request, and nothing is written anywhere. The words are
//! those of `prerequisites`.

mod cloud;
mod google;
mod persist;
mod rollouts;

use std::io;
use std::path::Path;

use super::output::{Logs, print, start_logs};
use super::store;
use crate::adapters::files;
use crate::adapters::google_sheets::auth::place::{Place, holds_secret};
use crate::calls::Calls;
use crate::cli::Invocation;
use crate::clients::{StaticCredentials, names, pacing, policy, store_place};
use crate::clock::{now, run_id};
use crate::config::{Config, variables};
use crate::locked_pass::mail;
use crate::memory::Memory;
use crate::plan::Allowed;
use crate::prerequisites::{
    Finding, Findings, Item, judge_backlog, judge_config, judge_directory, judge_environment, judge_permissions,
    judge_placeholders, judge_store, judge_test_mail,
};
use crate::progress::patience::Patience;
use crate::refusal::Refusal;
use crate::sandbox;

pub(super) async fn run(asked: &Invocation, send_test_mail: bool) -> Result<u8, Refusal> {
    let calls = Calls::default();
    let config = match Config::load(&asked.config, &Config::environment()) {
        Ok(config) => config,
        Err(errors) => return tell(asked, judge_config(&errors), &calls),
    };
    store::must_serve(&config).await?;
    let place = asked.config.display().to_string();
    let mut findings = vec![Finding::ok(Item::Config, place, "can be read")];
    findings.extend(judge_placeholders(&config));
    let logs = start_logs(&config.log, asked.verbosity, Logs::NoFiles);
    if let Err(error) = &logs {
        findings.push(Finding::wrong(Item::Environment, "RUST_LOG", error.to_string()));
    }
    if let Some(dir) = &config.log.dir {
        findings.push(judge_directory(dir, &files::can_make_files_in(dir)));
    }
    findings.extend(judge_environment(&variables(), config.aws.endpoint_url.is_some()));
    let (config, credentials, _sandbox) = sandbox::embed(config).await?;
    findings.extend(check_secrets(&config));
    let patience = Patience::watch(&calls);
    findings.extend(check_services(&config, credentials, send_test_mail, &calls).await);
    drop(patience);
    tell(asked, findings, &calls)
}

fn tell(asked: &Invocation, findings: Vec<Finding>, calls: &Calls) -> Result<u8, Refusal> {
    let findings = Findings::new(findings);
    let json = findings.json(&run_id(now()), &calls.snapshot());
    print(asked.format, &json, &findings.text())?;
    Ok(findings.exit_code())
}

/// Everything that answers over the network, and the state store, side by side.
async fn check_services(
    config: &Config,
    credentials: StaticCredentials,
    send_test_mail: bool,
    calls: &Calls,
) -> Vec<Finding> {
    let policy = policy(config, &Allowed::default(), false);
    let pacing = pacing(None, config, calls);
    let ((mut findings, seen), (state, memory), (cloud, regions), mail) = tokio::join!(
        google::check_spreadsheet(config, calls.clone()),
        check_state(config),
        cloud::check_regions(config, credentials, pacing, calls.clone()),
        check_mail(config, send_test_mail, calls),
    );
    findings.push(state);
    findings.extend(cloud);
    findings.extend(mail);
    if let Some(memory) = memory.as_ref().filter(|_| config.email.is_some()) {
        findings.extend(judge_backlog(&memory.mail.backlog()));
    }
    let sheet = seen.as_ref().map(|seen| &seen.sheet);
    findings.extend(rollouts::check_rollouts(config, &regions.cloud, sheet, memory.as_ref(), calls, now()).await);
    findings.extend(cloud::check_tagging(regions, sheet, config, &policy).await);
    if let Some(seen) = &seen {
        findings.extend(judge_store(seen, memory.as_ref(), &policy, now()));
    }
    findings
}

/// Who may read the files that hold secrets. A file that is missing is reported by the client that needs it.
fn check_secrets(config: &Config) -> Vec<Finding> {
    let judge = |setting: &str, path: &Path| match files::permissions(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        found => Some(judge_permissions(setting, path, &found)),
    };
    let mut findings = Vec::new();
    if let Place::File(path, named) = Place::find(config.sheets.credentials_file.as_deref())
        && holds_secret(&path)
    {
        findings.extend(judge(named, &path));
    }
    let password = config
        .email
        .as_ref()
        .and_then(|email| email.smtp_password_file.as_ref());
    if let Some(path) = password {
        findings.extend(judge("email.smtp_password_file", path));
    }
    let asked = &config.prometheus;
    for (setting, path) in [
        ("prometheus.token_file", &asked.token_file),
        ("prometheus.password_file", &asked.password_file),
    ] {
        findings.extend(path.as_ref().and_then(|path| judge(setting, path)));
    }
    findings
}

/// Whether the store could be written, and what it remembers.
async fn check_state(config: &Config) -> (Finding, Option<Memory>) {
    let store = store_place(config);
    let place = config.state.place.to_string();
    let finding = match store.probe().await {
        Ok((_, None, Some(unprotected))) => Finding::note(Item::State, place, unprotected),
        Ok((exists, holder, _)) => match (holder, exists) {
            (Some(holder), _) => Finding::note(Item::State, place, holder),
            (None, true) => Finding::ok(Item::State, place, "can be written"),
            (None, false) => Finding::ok(Item::State, place, "is not there yet; the first pass can make it"),
        },
        Err(error) => Finding::wrong(Item::State, place, error.to_string()),
    };
    if !finding.is_ok() {
        return (finding, None);
    }
    let read = async {
        let store = store.to_read(now()).await?;
        store.load().await
    };
    match read.await {
        Ok(memory) => (finding, Some(memory)),
        Err(error) => (Finding::wrong(Item::State, finding.place, error.to_string()), None),
    }
}

async fn check_mail(config: &Config, send_test_mail: bool, calls: &Calls) -> Vec<Finding> {
    let Some(email) = &config.email else {
        let message = "there is no [email] section, so no mail is sent";
        let mut findings = vec![Finding::note(Item::Smtp, "email", message)];
        if send_test_mail {
            let message = "there is nobody to send a mail to";
            findings.push(Finding::wrong(Item::TestMail, "email", message).fix("add the [email] section"));
        }
        return findings;
    };
    let place = format!("{}:{}", email.smtp.host, email.smtp.port);
    let _waits = calls.wait(format!("asking the mail server {place}"));
    let mut findings = vec![match mail::probe(email, config.limits.request_timeout).await {
        Ok(()) if email.smtp.user.is_some() => Finding::ok(Item::Smtp, place, "takes our login"),
        Ok(()) => Finding::ok(Item::Smtp, place, "takes connections (no login is configured)"),
        Err(why) => Finding::wrong(Item::Smtp, "email", why),
    }];
    if send_test_mail {
        let outcomes = mail::send_test_mail(config, &names(config, ""), now()).await;
        findings.extend(judge_test_mail(outcomes));
    }
    findings
}
