//! `[[gate]]`: a query of Prometheus, alarms of CloudWatch or what agents say, and how often they must say so.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config::model::Account;
use crate::config::read::Reader;
use crate::config::syntax::{self, DAY, SECOND};
use crate::config::table::{GATE, Table};
use crate::fleet::Source;
use crate::gate::{Agents, Alarms, Gate, Kind, Query, Template};
use crate::text::nearest;

const PATH: &str = "gate";
/// What a query may say besides.
const OF_QUERIES: [&str; 7] = ["max", "min", "ratio", "slack", "samples", "min_samples", "window"];
/// What alarms may say besides.
const OF_ALARMS: [&str; 3] = ["account", "region", "trust_missing"];
/// What agents may say besides.
const OF_AGENTS: [&str; 2] = ["min_running", "max_bad"];

const MIN_RUNNING: f64 = 0.95;
const MAX_BAD: f64 = 0.02;

const INTERVAL: Duration = Duration::from_secs(45);
const INTERVALS: RangeInclusive<Duration> = Duration::ZERO..=DAY;
const WINDOW: Duration = Duration::from_secs(5 * 60);
const WINDOWS: RangeInclusive<Duration> = SECOND..=Duration::from_secs(30 * DAY.as_secs());

/// The names of all gates, those with mistakes too, and the gates if none has any.
pub(super) fn gates(
    r: &mut Reader,
    accounts: Option<&[Account]>,
    nowhere_to_ask: bool,
) -> (Option<BTreeSet<String>>, Option<Vec<Gate>>) {
    let Some(tables) = r.tables(PATH) else {
        return (None, None);
    };
    let (mut names, mut read) = (BTreeSet::new(), Vec::with_capacity(tables.len()));
    for (i, fields) in tables.into_iter().enumerate() {
        let mut table = Table::new(r, PATH, format!("{PATH}[{i}]"), fields);
        let name = table.required("name", "give the gate a name for strategies to name", |name| {
            Ok(name.to_owned())
        });
        if let Some(name) = &name
            && !names.insert(name.clone())
        {
            table.fail("name", format!("{name:?} names two gates; give each its own"));
        }
        read.push(gate(&mut table, name, accounts, nowhere_to_ask));
    }
    (Some(names), read.into_iter().collect())
}

fn gate(
    table: &mut Table<'_>,
    name: Option<String>,
    accounts: Option<&[Account]>,
    nowhere_to_ask: bool,
) -> Option<Gate> {
    table.refuse_unknown(GATE, |_| None);
    let agents = table.flag("agents")?;
    let kind = match (table.has("query"), table.has("alarms"), agents) {
        (true, _, true) | (_, true, true) => {
            let other = if table.has("query") { "a query" } else { "alarms" };
            table.fail("agents", format!("stands beside {other}; make two gates of them"));
            None
        }
        (true, true, false) => {
            table.fail("alarms", "stand beside a query; make two gates of them");
            None
        }
        (false, false, false) => {
            table.fail_whole(
                "looks at nothing; write a query of Prometheus in query, names of CloudWatch in alarms, or agents = true",
            );
            None
        }
        (false, false, true) => {
            refuse(table, &OF_QUERIES, "a query", "agents");
            refuse(table, &OF_ALARMS, "alarms", "agents");
            self::agents(table).map(Kind::Agents)
        }
        (true, false, false) => {
            refuse(table, &OF_ALARMS, "alarms", "query");
            refuse(table, &OF_AGENTS, "agents", "query");
            if nowhere_to_ask {
                table.fail(
                    "query",
                    "cannot be asked, because prometheus.url is not set; write url = \"https://HOST\" under [prometheus]",
                );
            }
            query(table).map(Kind::Query)
        }
        (false, true, false) => {
            refuse(table, &OF_QUERIES, "a query", "alarms");
            refuse(table, &OF_AGENTS, "agents", "alarms");
            alarms(table, accounts).map(Kind::Alarms)
        }
    };
    let passes = table.positive("passes", 3, 1000);
    let failures = table.positive("failures", 2, 1000);
    let interval = table.duration("interval", INTERVAL, &INTERVALS);
    let report_only = table.flag("report_only");
    Some(Gate {
        name: name?,
        kind: kind?,
        passes: passes?,
        failures: failures?,
        interval: interval?,
        report_only: report_only?,
    })
}

fn refuse(table: &mut Table<'_>, keys: &[&str], whose: &str, here: &str) {
    for key in keys {
        if table.has(key) {
            table.fail(key, format!("is for {whose}, and this gate has {here}; take it out"));
        }
    }
}

fn query(table: &mut Table<'_>) -> Option<Query> {
    let query = table.lines("query", Template::query);
    let samples = table.lines("samples", Template::query);
    let [min, max, ratio, slack, min_samples] =
        ["min", "max", "ratio", "slack", "min_samples"].map(|name| table.number(name));
    let window = table.duration("window", WINDOW, &WINDOWS);
    // The numbers are looked at beside a query that has mistakes, too: with one that fits them.
    let stand_in = || Template::query("{{version}}").ok();
    let (good, good_samples) = (query.is_some(), samples.is_some());
    let query = Query {
        query: query.flatten().or_else(stand_in)?,
        min: min?,
        max: max?,
        ratio: ratio?,
        slack: slack?.unwrap_or_default(),
        samples: samples.unwrap_or_else(stand_in),
        min_samples: min_samples?,
        window: window?,
    };
    let wrongs = query.wrongs();
    for wrong in &wrongs {
        table.fail(wrong.key, &*wrong.why);
    }
    (good && good_samples && wrongs.is_empty()).then_some(query)
}

fn alarms(table: &mut Table<'_>, accounts: Option<&[Account]>) -> Option<Alarms> {
    let names = table.list("alarms", Template::name);
    if matches!(&names, Some(Some(names)) if names.is_empty()) {
        table.fail("alarms", "is empty; name at least one alarm of CloudWatch");
    }
    let account = table.required("account", "name the [[aws.account]] that has the alarms", |name| {
        known_account(name, accounts)
    });
    let region = table.required(
        "region",
        "name the region of the alarms, such as \"eu-west-1\"",
        syntax::region,
    );
    let trust_missing = table.flag("trust_missing");
    Some(Alarms {
        names: names??,
        source: Source {
            account: account?.as_str().into(),
            region: region?.as_str().into(),
        },
        trust_missing: trust_missing?,
    })
}

fn agents(table: &mut Table<'_>) -> Option<Agents> {
    let min_running = table.number("min_running");
    let max_bad = table.number("max_bad");
    let (min_running, max_bad) = (min_running?.unwrap_or(MIN_RUNNING), max_bad?.unwrap_or(MAX_BAD));
    let fits = |share: f64| (0.0..=1.0).contains(&share);
    let (runs, bad) = (fits(min_running) && min_running > 0.0, fits(max_bad) && max_bad < 1.0);
    if !runs {
        let message = format!("{min_running} is not a share that must run the version; use more than 0, at most 1");
        table.fail("min_running", message);
    }
    if !bad {
        let message = format!("{max_bad} is not a share that may be in trouble; use 0 or more, less than 1");
        table.fail("max_bad", message);
    }
    (runs && bad).then_some(Agents { min_running, max_bad })
}

fn known_account(name: &str, accounts: Option<&[Account]>) -> Result<String, String> {
    let Some(accounts) = accounts else {
        return Ok(name.to_owned());
    };
    let known = || accounts.iter().map(|account| account.name.as_str());
    if known().any(|known| known == name) {
        return Ok(name.to_owned());
    }
    Err(match nearest(name, known()) {
        Some(meant) => format!("{name:?} is not an account; write {meant:?}"),
        None => {
            let known: Vec<&str> = known().collect();
            format!(
                "{name:?} is not an account; use one of [[aws.account]]: {}",
                known.join(", ")
            )
        }
    })
}
