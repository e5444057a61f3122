//! Puts the sections together from single values, and checks what must hold between them.

mod agent;
mod cloud;
mod people;
mod rollouts;
mod state;

pub(super) use state::another as another_store;

use std::time::Duration;

use super::model::{
    Belts, Config, Discovery, DiscoveryRows, Http, Limits, Log, LogFormat, Mode, Sandbox, Schedule, Sheets,
};
use super::read::{Reader, length_within};
use super::syntax::{self, DAY, SECOND};

/// Reads everything. `None`, or errors in the reader, when something is wrong.
pub(super) fn config(r: &mut Reader) -> Option<Config> {
    let in_sandbox = r.mentions("sandbox");
    let mode = r.text(
        "mode",
        syntax::one_of(&[("enforce", Mode::Enforce), ("observe", Mode::Observe)]),
    );
    let limits = limits(r);
    let schedule = schedule(r, limits.as_ref());
    let sheets = sheets(r, in_sandbox);
    let aws = cloud::aws(r, in_sandbox);
    let tags = cloud::tags(r);
    let agent = agent::agent(r, tags.as_ref());
    let authority = cloud::authority(r, tags.as_ref());
    let belts = belts(r);
    let rows = r.text(
        "discovery.rows",
        syntax::one_of(&[
            ("all", DiscoveryRows::All),
            ("persistent", DiscoveryRows::Persistent),
            ("none", DiscoveryRows::None),
        ]),
    );
    let dual_key = people::dual_key(r, in_sandbox);
    let email = if r.mentions("email") {
        people::email(r).map(Some)
    } else {
        Some(None)
    };
    let (prometheus, rollouts) = rollouts::rollouts(r, aws.as_ref(), tags.as_ref(), in_sandbox);
    let state = state::state(r);
    let replicas = state::replicas(r, limits.as_ref(), state.as_ref());
    let log = log(r);
    let http = http(r);
    let sandbox = if in_sandbox { sandbox(r).map(Some) } else { Some(None) };
    Some(Config {
        mode: mode?,
        schedule: schedule?,
        sheets: sheets?,
        aws: aws?,
        tags: tags?,
        agent: agent?,
        authority: authority?,
        limits: limits?,
        belts: belts?,
        discovery: Discovery { rows: rows? },
        prometheus: prometheus?,
        rollouts: rollouts?.into(),
        dual_key: dual_key?,
        email: email?,
        state: state?,
        replicas: replicas?,
        log: log?,
        http: http?,
        sandbox: sandbox?,
    })
}

fn schedule(r: &mut Reader, limits: Option<&Limits>) -> Option<Schedule> {
    let cron = r.text("schedule.cron", syntax::cron);
    let run_at_start = r.flag("schedule.run_at_start");
    let pass_timeout = r.duration("schedule.pass_timeout", SECOND..=DAY);
    let shutdown_grace = r.duration("schedule.shutdown_grace", Duration::ZERO..=DAY);
    let rollout_every = r.text("schedule.rollout_every", |text| {
        let length = length_within(text, &(Duration::ZERO..=DAY))?;
        match length {
            // It would be nothing but passes.
            _ if length > Duration::ZERO && length < SECOND => Err(format!(
                "{text} is too short; use 1s to 1d, or \"0s\" for passes by schedule.cron alone"
            )),
            _ => Ok(length),
        }
    });
    if let (Some(pass), Some(limits)) = (pass_timeout, limits)
        && pass < limits.request_timeout
    {
        r.fail(
            "schedule.pass_timeout",
            "is shorter than limits.request_timeout; a pass makes several requests: raise it",
        );
    }
    Some(Schedule {
        cron: cron?,
        run_at_start: run_at_start?,
        pass_timeout: pass_timeout?,
        shutdown_grace: shutdown_grace?,
        rollout_every: rollout_every?,
    })
}

fn sheets(r: &mut Reader, in_sandbox: bool) -> Option<Sheets> {
    let mut spreadsheet_id = r.optional("sheets.spreadsheet_id", syntax::spreadsheet_id);
    if spreadsheet_id == Some(None) {
        if in_sandbox {
            spreadsheet_id = Some(Some("sandbox".to_owned()));
        } else {
            r.fail_missing("sheets.spreadsheet_id");
        }
    }
    let credentials_file = r.optional("sheets.credentials_file", syntax::path);
    let server_tab = r.text("sheets.server_tab", syntax::tab);
    let release_tab = r.text("sheets.release_tab", syntax::tab);
    let audit_tab = r.text("sheets.audit_tab", syntax::tab);
    let endpoint = r.optional("sheets.endpoint", syntax::endpoint);
    let mut seen: Vec<(&str, String)> = Vec::new();
    for (path, name) in [
        ("sheets.server_tab", &server_tab),
        ("sheets.release_tab", &release_tab),
        ("sheets.audit_tab", &audit_tab),
    ] {
        let Some(name) = name.as_ref().map(|name| name.to_lowercase()) else {
            continue;
        };
        match seen.iter().find(|(_, other)| *other == name) {
            Some((other, _)) => r.fail(
                path,
                format!("names the same tab as {other}; give each tab its own name"),
            ),
            None => seen.push((path, name)),
        }
    }
    Some(Sheets {
        spreadsheet_id: spreadsheet_id??,
        credentials_file: credentials_file?,
        server_tab: server_tab?,
        release_tab: release_tab?,
        audit_tab: audit_tab?,
        endpoint: endpoint?,
    })
}

fn limits(r: &mut Reader) -> Option<Limits> {
    let batch_size = r.whole("limits.batch_size", 1..=1000);
    let concurrency = r.whole("limits.concurrency", 1..=64);
    let create_tags_per_second = r.positive("limits.create_tags_per_second", 1000);
    let create_tags_burst = r.positive("limits.create_tags_burst", 1000);
    let describe_per_second = r.positive("limits.describe_per_second", 1000);
    let sheets_per_minute = r.positive("limits.sheets_per_minute", 6000);
    // The Sheets API gives a request up after 180 seconds.
    let request_timeout = r.duration("limits.request_timeout", SECOND..=SECOND * 180);
    Some(Limits {
        batch_size: usize::try_from(batch_size?).ok()?,
        concurrency: usize::try_from(concurrency?).ok()?,
        create_tags_per_second: create_tags_per_second?,
        create_tags_burst: create_tags_burst?,
        describe_per_second: describe_per_second?,
        sheets_per_minute: sheets_per_minute?,
        request_timeout: request_timeout?,
    })
}

fn belts(r: &mut Reader) -> Option<Belts> {
    let max_row_drop = r.share("belts.max_row_drop");
    let max_fleet_drop = r.share("belts.max_fleet_drop");
    let max_unapproved_change = r.share("belts.max_unapproved_change");
    Some(Belts {
        max_row_drop: max_row_drop?,
        max_fleet_drop: max_fleet_drop?,
        max_unapproved_change: max_unapproved_change?,
    })
}

fn log(r: &mut Reader) -> Option<Log> {
    let dir = r.optional("log.dir", syntax::path);
    let format = r.text(
        "log.format",
        syntax::one_of(&[("text", LogFormat::Text), ("json", LogFormat::Json)]),
    );
    let keep_days = r.positive("log.keep_days", 3650);
    Some(Log {
        dir: dir?,
        format: format?,
        keep_days: keep_days?.get(),
    })
}

fn http(r: &mut Reader) -> Option<Http> {
    let listen = r.optional("http.listen", |text| {
        text.parse().map_err(|_| {
            format!(
                "{text:?} is not an address and a port; write numbers, such as \"127.0.0.1:9464\", or \"\" for none"
            )
        })
    });
    Some(Http { listen: listen? })
}

fn sandbox(r: &mut Reader) -> Option<Sandbox> {
    let servers = r.positive("sandbox.servers", 100_000);
    let seed = r.whole("sandbox.seed", 0..=u64::MAX);
    let latency = r.duration("sandbox.latency", Duration::ZERO..=SECOND * 60);
    Some(Sandbox {
        servers: servers?.get(),
        seed: seed?,
        latency: latency?,
    })
}
