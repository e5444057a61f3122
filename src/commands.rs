//! Puts the parts together for each command, and turns how it ended into an exit code.

mod check;
mod init;
mod look;
mod mail;
mod once;
mod service;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::json;

use crate::adapters::ec2::{Account, Ec2, Ec2Settings};
use crate::adapters::google_sheets::{GoogleSheets, Settings};
use crate::calls::Calls;
use crate::cli::{self, Command, Format, Invocation};
use crate::config::{Config, Mode, TagAuthority};
use crate::pacing::{Limits, Pacing};
use crate::pass_end::PassEnd;
use crate::plan::{Belt, Policy};
use crate::problem::{Code, Kind, Problem};
use crate::report::{Report, json_line};
use crate::sheet::parse::Names;
use crate::sheet::protection::Keyholders;
use crate::text::plain;
use crate::{sandbox, telemetry};

pub use mail::send_test_mail;
pub use once::{Pass, once, once_at};

/// Why a command could not begin: the exit code and what to do, in words.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The exit code.
    pub code: u8,
    /// What is wrong and how to mend it.
    pub message: String,
}

impl Refusal {
    /// The configuration, or what it names, cannot work.
    pub fn config(message: impl ToString) -> Self {
        Self {
            code: 2,
            message: message.to_string(),
        }
    }

    /// The message on one line, safe for a log or a page.
    #[must_use]
    pub fn line(&self) -> String {
        plain(&self.message.lines().collect::<Vec<_>>().join("; "))
    }

    /// Something failed.
    pub fn failed(message: impl ToString) -> Self {
        Self {
            code: 1,
            message: message.to_string(),
        }
    }
}

/// Access key and secret that come with an embedded sandbox.
pub type StaticCredentials = Option<(String, SecretString)>;

/// The parts of a pass, connected.
pub struct Parts {
    /// The configuration they were made from.
    pub config: Config,
    /// Names of tabs and columns.
    pub names: Names,
    /// The spreadsheet.
    pub sheets: GoogleSheets,
    /// The cloud.
    pub cloud: Ec2,
    /// The limits that both share.
    pub pacing: Pacing,
    /// Counts requests.
    pub calls: Calls,
}

/// Connects the parts.
///
/// # Errors
/// When settings or credentials cannot work.
pub async fn connect(config: Config, credentials: StaticCredentials) -> Result<Parts, Refusal> {
    connect_after(None, config, credentials).await
}

/// Connects the parts anew when the configuration or the credentials changed: counts go on where they were, and so do
/// the limits if they stayed the same, because EC2's buckets do not start anew either.
///
/// # Errors
/// As [`connect`].
pub async fn connect_after(
    old: Option<&Parts>,
    config: Config,
    credentials: StaticCredentials,
) -> Result<Parts, Refusal> {
    let calls = old.map(|old| old.calls.clone()).unwrap_or_default();
    let pacing = pacing(old, &config, &calls);
    let sheets = connect_sheets(&config, calls.clone()).await?;
    let cloud = connect_cloud(&config, credentials, pacing.clone(), calls.clone()).await;
    let names = names(&config, sheets.service_account_email());
    Ok(Parts {
        config,
        names,
        sheets,
        cloud,
        pacing,
        calls,
    })
}

fn pacing(old: Option<&Parts>, config: &Config, calls: &Calls) -> Pacing {
    let limits = &config.limits;
    let paced = Limits {
        batch_size: limits.batch_size,
        concurrency: limits.concurrency,
        create_tags_per_second: limits.create_tags_per_second.get(),
        create_tags_burst: limits.create_tags_burst.get(),
        describe_per_second: limits.describe_per_second.get(),
        ..Limits::default()
    };
    match old {
        Some(old) if *old.pacing.limits() == paced => old.pacing.clone(),
        _ => Pacing::counting(paced, calls.clone()),
    }
}

/// A key file that cannot work is a fault of the configuration that names it; credentials that were only found are not.
async fn connect_sheets(config: &Config, calls: Calls) -> Result<GoogleSheets, Refusal> {
    let named = config.sheets.credentials_file.is_some();
    let settings = Settings {
        spreadsheet_id: config.sheets.spreadsheet_id.clone(),
        credentials_file: config.sheets.credentials_file.clone(),
        endpoint: config.sheets.endpoint.clone(),
        request_timeout: config.limits.request_timeout,
        sheets_per_minute: config.limits.sheets_per_minute.get(),
    };
    GoogleSheets::connect(settings, calls)
        .await
        .map_err(|e| if named { Refusal::config(e) } else { Refusal::failed(e) })
}

async fn connect_cloud(config: &Config, credentials: StaticCredentials, pacing: Pacing, calls: Calls) -> Ec2 {
    let account = |a: &crate::config::Account| Account {
        name: a.name.clone(),
        role_arn: a.role_arn.clone(),
        regions: a.regions.clone(),
    };
    let settings = Ec2Settings {
        accounts: config.aws.accounts.iter().map(account).collect(),
        endpoint_url: config.aws.endpoint_url.clone(),
        request_timeout: config.limits.request_timeout,
        pacing,
        static_credentials: credentials,
    };
    Ec2::connect(&settings, calls).await
}

fn names(config: &Config, service_account: &str) -> Names {
    let managed = config.tags.managed.iter().map(|key| key.as_str().into()).collect();
    let server = |key: &&String| config.authority.of(key) == TagAuthority::Server;
    let keys = &config.dual_key;
    Names {
        release_tab: config.sheets.release_tab.clone(),
        server_tab: config.sheets.server_tab.clone(),
        audit_tab: config.sheets.audit_tab.clone(),
        managed,
        server_authority: config
            .tags
            .managed
            .iter()
            .filter(server)
            .map(|key| key.as_str().into())
            .collect(),
        keyholders: Keyholders::new(&keys.a_editors, &keys.b_editors, &keys.owners, Some(service_account)),
    }
}

/// How to decide, from the configuration and the command line.
#[must_use]
pub fn policy(config: &Config, allow: &[Belt], takeover: bool) -> Policy {
    Policy {
        spreadsheet: config.sheets.spreadsheet_id.clone(),
        channel_tag: config.tags.channel.as_str().into(),
        version_tag: config.tags.version.as_str().into(),
        observe: config.mode == Mode::Observe,
        require_protection: config.dual_key.require_protection,
        max_row_drop: config.belts.max_row_drop,
        max_fleet_drop: config.belts.max_fleet_drop,
        max_unapproved_change: config.belts.max_unapproved_change,
        allow: allow.iter().copied().collect(),
        takeover,
    }
}

/// The store's address.
#[must_use]
pub fn store_url(config: &Config) -> String {
    format!("sqlite:{}", config.state.path.display())
}

/// The present time. The only place that asks the clock for decisions.
#[must_use]
pub fn now() -> DateTime<Utc> {
    #[expect(clippy::disallowed_methods, reason = "the edge, where the time comes in")]
    Utc::now()
}

/// A pass's id: its time, and enough chance to tell passes of two machines apart.
#[must_use]
pub fn run_id(now: DateTime<Utc>) -> String {
    let chance = uuid::Uuid::new_v4().simple().to_string();
    format!("{}-{}", now.format("%Y%m%dT%H%M%SZ"), &chance[..8])
}

/// Does what was asked, prints the report on standard output and gives the exit code.
pub async fn run(asked: Invocation) -> u8 {
    match dispatch(&asked).await {
        Ok(code) => code,
        Err(refusal) => {
            let lines = refusal.message.lines().map(plain).collect::<Vec<_>>().join("\n  ");
            say_error(&format!("fleetsheet: {lines}"));
            if asked.format == Format::Json {
                let place = if refusal.code == 2 {
                    "configuration"
                } else {
                    "fleetsheet"
                };
                let message = refusal.message.lines().map(str::trim).collect::<Vec<_>>().join("; ");
                let problem = Problem::new(Kind::ApiFailure, Code::Refused, place, message);
                let report = Report::new(&run_id(now()), &PassEnd::Blind(problem), None);
                print(Format::Json, &report.json(), "");
            }
            refusal.code
        }
    }
}

async fn dispatch(asked: &Invocation) -> Result<u8, Refusal> {
    if asked.command == Command::Sandbox {
        return sandbox::serve(&asked.config).await.map(|()| 0);
    }
    if let Some(text) = cli::shell::text(&asked.command) {
        print(Format::Text, &json!(null), &text);
        return Ok(0);
    }
    if let Command::Check { send_test_mail } = asked.command {
        return check::run(asked, send_test_mail).await;
    }
    let config = Config::load(&asked.config, &Config::environment()).map_err(Refusal::config)?;
    let rust_log = std::env::var("RUST_LOG").ok();
    let mut log = config.log.clone();
    if !matches!(asked.command, Command::Service | Command::Once { .. }) {
        // Commands that only look leave nothing behind, log files neither.
        log.dir = None;
    }
    let _logs = telemetry::init(&log, asked.verbosity, rust_log.as_deref()).map_err(Refusal::config)?;
    match &asked.command {
        Command::History { channel, limit } => look::history(config, channel.as_deref(), *limit, asked.format).await,
        Command::Once { allow, takeover } => {
            let (config, credentials, _sandbox) = sandbox::embed(config).await?;
            let parts = connect(config, credentials).await?;
            let policy = policy(&parts.config, allow, *takeover);
            let grace = parts.config.schedule.shutdown_grace;
            let format = asked.format;
            let show = move |report: &Report| print(format, &report.json(), &report.text());
            let pass = |stop| {
                once(
                    &parts,
                    &policy,
                    Pass::shown(parts.config.log.format).until(stop).showing(show),
                )
            };
            let report = match service::stoppable(grace, pass).await {
                Ok(ended) => ended?,
                Err(code) => return Ok(code),
            };
            Ok(report.outcome.exit_code())
        }
        Command::Plan { exit_code } => look::show_plan(config, *exit_code, asked.format).await,
        Command::Explain { name } => look::show_explanation(config, name, asked.format).await,
        Command::Init {
            channel,
            dry_run,
            a_editors,
            b_editors,
        } => {
            let wish = init::Asked {
                channel: channel.as_deref(),
                dry_run: *dry_run,
                a_editors,
                b_editors,
            };
            init::run(config, &wish, asked.format).await
        }
        Command::Service => service::run(asked, config).await,
        Command::Check { .. } | Command::Sandbox | Command::Completions { .. } | Command::Man => Ok(0),
    }
}

/// Prints a result on standard output; a reader that went away is no failure.
pub fn print(format: Format, json: &serde_json::Value, page: &str) {
    use std::io::Write as _;
    let text = match format {
        Format::Json => format!("{}\n", json_line(json)),
        Format::Text => page.to_owned(),
    };
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

fn say_error(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
