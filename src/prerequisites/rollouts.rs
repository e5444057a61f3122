//! What rollouts are watched by and when they may move: gates as they answer now, and windows as they open next.

use chrono::{DateTime, Days, TimeDelta, Utc};

use super::{Finding, Item};
use crate::config::Config;
use crate::gate::{Gate, Taken, Verdict};
use crate::memory::Memory;
use crate::plan::gate::Cohorts;
use crate::plan::window::openings;
use crate::rollout::{Globs, Rollouts};
use crate::sheet::parse::Sheet;
use crate::tag::{ChannelName, Version};
use crate::window::{Edge, Freeze, Window, data_version};

/// How many openings of a window are shown.
const OPENINGS: usize = 3;
/// Stands for a version where no channel has one yet.
const PLACEHOLDER: &str = "fleetsheet-check";

/// A channel to ask a gate about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    channel: String,
    version: String,
    former: Option<String>,
    /// Whether the channel is there, and has a version.
    real: bool,
}

impl Watched {
    /// What a gate is asked about.
    #[must_use]
    pub fn cohorts(&self) -> Cohorts<'_> {
        Cohorts {
            channel: &self.channel,
            version: &self.version,
            former: self.former.as_deref(),
            last_wave: false,
        }
    }

    fn words(&self) -> String {
        match &self.former {
            Some(former) if former == PLACEHOLDER => {
                format!("{} {} (before: a made-up version)", self.channel, self.version)
            }
            Some(former) => format!("{} {} (before: {former})", self.channel, self.version),
            None => format!("{} {}", self.channel, self.version),
        }
    }
}

/// Every channel that is known: those of the sheet, then those that are remembered.
fn channels<'a>(sheet: Option<&'a Sheet>, memory: Option<&'a Memory>) -> impl Iterator<Item = &'a ChannelName> {
    let rows = sheet.into_iter().flat_map(|sheet| &sheet.intent.channels);
    let known = memory.into_iter().flat_map(|memory| memory.channels.keys());
    rows.map(|row| &row.channel).chain(known)
}

/// Picks a channel to ask a gate about: one of a strategy that names the gate, in mid-rollout if there is one, else one that has a
/// release and a former version, else any.
#[must_use]
pub fn watched(gate: &Gate, rollouts: &Rollouts, sheet: Option<&Sheet>, memory: Option<&Memory>) -> Watched {
    let names_it = |channel: &&ChannelName| {
        let strategy = rollouts.strategy_of(channel);
        strategy.is_some_and(|strategy| strategy.gates.contains(&gate.name))
    };
    // One that only compares would not be asked at all, and a mistake in its query would show in a rollout.
    let stand_in = || gate.only_compares().then(|| PLACEHOLDER.to_owned());
    let of = |channel: &ChannelName| {
        let known = memory.and_then(|memory| memory.channels.get(channel));
        let release = known.and_then(|known| known.release.as_ref());
        let former = known.and_then(|known| known.prior.as_ref());
        Watched {
            channel: channel.to_string(),
            version: release.map_or_else(|| PLACEHOLDER.to_owned(), Version::to_string),
            former: former.map(Version::to_string).or_else(stand_in),
            real: release.is_some(),
        }
    };
    let rank = |channel: &&ChannelName| {
        let known = memory.and_then(|memory| memory.channels.get(*channel));
        known.map(|known| (known.rollout.is_some(), known.prior.is_some(), known.release.is_some()))
    };
    let own = channels(sheet, memory).filter(names_it).max_by_key(rank);
    let nobody = || Watched {
        channel: PLACEHOLDER.to_owned(),
        version: PLACEHOLDER.to_owned(),
        former: stand_in(),
        real: false,
    };
    own.map_or_else(nobody, of)
}

/// What a gate gives now.
#[must_use]
pub fn judge_gate(gate: &Gate, asked: &Watched, taken: &Taken) -> Finding {
    let reading = &taken.reading;
    let place = format!("gate {}", gate.name);
    if !gate.is_asked() {
        let message =
            "is read from the tags that agents write on members, once a rollout is under way: nobody is asked";
        return Finding::ok(Item::Gate, place, message);
    }
    if reading.unanswered {
        return Finding::wrong(Item::Gate, place, &*reading.why);
    }
    let queries = match taken.asked.join(" | ") {
        asked if asked.is_empty() => String::new(),
        asked => format!("; asked: {asked}"),
    };
    let whom = match asked.real {
        true => format!("for {}", asked.words()),
        false => "with made-up names, because no channel that it watches has a release yet".to_owned(),
    };
    match reading.verdict {
        _ if taken.left_out => Finding::note(Item::Gate, place, format!("was not asked {whom}: {}", reading.why)),
        Verdict::Pass => {
            let value = reading.value.map_or_else(String::new, |value| format!(": {value}"));
            let limit = reading
                .limit
                .map_or_else(String::new, |limit| format!(" (limit {limit})"));
            Finding::ok(Item::Gate, place, format!("passes now {whom}{value}{limit}{queries}"))
        }
        Verdict::Fail => Finding::note(Item::Gate, place, format!("fails now {whom}: {}{queries}", reading.why)),
        Verdict::NoData => Finding::note(
            Item::Gate,
            place,
            format!("gives no data now {whom}: {}{queries}", reading.why),
        ),
    }
}

/// What is odd about gates as they are configured, and where they are asked.
#[must_use]
pub fn judge_gates(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let prometheus = &config.prometheus;
    if let Some(url) = &prometheus.url
        && !url.is_private()
    {
        let message = "is http:// to another machine, so whoever is on the way can forge answers, which stop a rollout or wave a bad \
                       version through";
        findings.push(Finding::note(Item::Gate, "prometheus.url", message).fix("use https:// where you can"));
    }
    let every = config.schedule.rollout_every;
    for gate in config.rollouts.gates.values() {
        let place = format!("gate {}", gate.name);
        let used = config
            .rollouts
            .strategies
            .iter()
            .any(|it| it.gates.contains(&gate.name));
        if !used {
            let message = "is named by no strategy, so it watches nothing";
            findings.push(Finding::note(Item::Gate, &*place, message).fix("name it in gates of a [[strategy]]"));
        }
        if gate.only_compares() {
            let message = "only compares the new version with the former one, so it is left out in the last wave and where there is \
                           no former version: nothing watches then";
            findings.push(Finding::note(Item::Gate, &*place, message).fix("set max or min, too"));
        }
        if !every.is_zero() && gate.interval >= every {
            let message = format!(
                "has an interval of {}, which is not shorter than schedule.rollout_every ({}), so readings of two passes count as one",
                humantime::format_duration(gate.interval),
                humantime::format_duration(every)
            );
            findings.push(Finding::note(Item::Gate, &*place, message).fix("write a shorter interval"));
        }
    }
    findings
}

/// When windows open next, and what freezes hold.
#[must_use]
pub fn judge_windows(
    config: &Config,
    sheet: Option<&Sheet>,
    memory: Option<&Memory>,
    now: DateTime<Utc>,
) -> Vec<Finding> {
    let rollouts = &config.rollouts;
    let pass = TimeDelta::from_std(config.schedule.pass_timeout).unwrap_or(TimeDelta::MAX);
    let mut findings = Vec::new();
    for (i, (globs, window)) in rollouts.windows.iter().enumerate() {
        let place = format!("window[{i}]");
        let freezes = freezes_of_all(globs, rollouts, sheet, memory);
        findings.push(opens_next(&place, window, &freezes, now));
        if window.cutoff() < pass {
            let message = format!(
                "nothing starts in its last {}, but a pass may take {} (schedule.pass_timeout) and so tag servers after its end",
                humantime::format_duration(window.cutoff().to_std().unwrap_or_default()),
                humantime::format_duration(config.schedule.pass_timeout)
            );
            findings.push(Finding::note(Item::Window, &*place, message).fix("write a longer cutoff"));
        }
    }
    for (i, (_, freeze)) in rollouts.freezes.iter().enumerate() {
        findings.push(holds(&format!("freeze[{i}]"), freeze, now));
    }
    findings
}

/// The freezes that hold for every channel of a window that is known.
fn freezes_of_all<'a>(
    globs: &Globs,
    rollouts: &'a Rollouts,
    sheet: Option<&Sheet>,
    memory: Option<&Memory>,
) -> Vec<&'a Freeze> {
    let own: Vec<&ChannelName> = channels(sheet, memory)
        .filter(|channel| globs.name(channel.as_str()))
        .collect();
    let all = |freezing: &Globs| !own.is_empty() && own.iter().all(|channel| freezing.name(channel.as_str()));
    let freezes = rollouts.freezes.iter().filter(|(freezing, _)| all(freezing));
    freezes.map(|(_, freeze)| freeze).collect()
}

fn opens_next(place: &str, window: &Window, freezes: &[&Freeze], now: DateTime<Utc>) -> Finding {
    let next: Vec<String> = openings(window, freezes, now, OPENINGS)
        .into_iter()
        .map(|opening| match opening.frozen {
            Some(frozen) => format!("{} ({frozen})", opening.words),
            None => opening.words,
        })
        .collect();
    let version = data_version();
    if next.is_empty() {
        let message = format!("opens on no day to come (zone data {version})");
        return Finding::note(Item::Window, place, message);
    }
    let message = format!("opens {} (zone data {version})", next.join(", "));
    Finding::ok(Item::Window, place, message)
}

/// A freeze in words. It is over once its last day is, in every zone.
fn holds(place: &str, freeze: &Freeze, now: DateTime<Utc>) -> Finding {
    let edge = |edge: Edge| match edge {
        Edge::Day(day) => day.to_string(),
        Edge::Instant(at) => at.format("%Y-%m-%d %H:%M UTC").to_string(),
    };
    let reason = match freeze.reason() {
        "" => String::new(),
        reason => format!(" ({reason})"),
    };
    let message = format!("holds from {} to {}{reason}", edge(freeze.from()), edge(freeze.to()));
    let over = match freeze.to() {
        Edge::Day(day) => day + Days::new(2) < now.date_naive(),
        Edge::Instant(at) => at <= now,
    };
    if over {
        return Finding::note(Item::Window, place, format!("{message}, which is over")).fix("take it out");
    }
    Finding::ok(Item::Window, place, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Reading;
    use crate::prerequisites::Verdict as Found;

    const LEAST: &str = "[sheets]\nspreadsheet_id = 'x'\n[[aws.account]]\nname = 'main'\nregions = ['eu-west-1']\n[dual_key]\n\
                         a_editors = ['a@example.com']\nb_editors = ['b@example.com']\n[prometheus]\nurl = 'https://p.example'\n";

    fn config(more: &str) -> Config {
        Config::parse(&format!("{LEAST}{more}"), "test.toml", &[].into()).unwrap()
    }

    fn memory(channel: &str, release: Option<&str>, prior: Option<&str>) -> Memory {
        let mut memory = Memory::default();
        let known = memory.channels.entry(channel.into()).or_default();
        known.release = release.and_then(|text| Version::parse(text).ok());
        known.prior = prior.and_then(|text| Version::parse(text).ok());
        memory
    }

    const GATE: &str = "[[strategy]]\nname = 's'\nchannels = ['*-prod']\ngates = ['g']\n\
                        [[gate]]\nname = 'g'\nquery = 'e{v=\"{{version}}\"}'\nmax = 1\n";

    #[test]
    fn a_gate_is_asked_about_a_channel_that_it_watches() {
        let config = config(GATE);
        let gate = &config.rollouts.gates["g"];
        let asked = |memory: &Memory| watched(gate, &config.rollouts, None, Some(memory));
        let other = asked(&memory("web-test", Some("1"), None));
        assert!(!other.real && other.channel == PLACEHOLDER, "{other:?}");
        let own = asked(&memory("web-prod", Some("2"), Some("1")));
        assert_eq!(
            (&*own.channel, &*own.version, own.former.as_deref()),
            ("web-prod", "2", Some("1"))
        );
        let new = asked(&memory("web-prod", None, None));
        assert_eq!(
            (&*new.channel, &*new.version, new.real),
            ("web-prod", PLACEHOLDER, false)
        );
    }

    #[test]
    fn an_answer_of_any_sort_is_good_and_none_is_wrong() {
        let config = config(GATE);
        let gate = &config.rollouts.gates["g"];
        let asked = watched(gate, &config.rollouts, None, Some(&memory("web-prod", Some("2"), None)));
        let judged = |verdict, why: &str, unanswered| {
            let reading = Reading {
                verdict,
                value: Some(0.5),
                limit: Some(1.0),
                unanswered,
                ..Reading::no_data(why)
            };
            let taken = Taken {
                reading,
                asked: vec!["e{v=\"2\"}".to_owned()],
                left_out: false,
            };
            judge_gate(gate, &asked, &taken)
        };
        let pass = judged(Verdict::Pass, "", false);
        assert_eq!(
            (pass.verdict, &*pass.message),
            (Found::Ok, "passes now for web-prod 2: 0.5 (limit 1); asked: e{v=\"2\"}")
        );
        let fail = judged(Verdict::Fail, "2 > 1", false);
        assert_eq!((fail.verdict, fail.message.contains("2 > 1")), (Found::Note, true));
        assert_eq!(judged(Verdict::NoData, "no series", false).verdict, Found::Note);
        let away = judged(Verdict::NoData, "Prometheus is not reachable", true);
        assert_eq!(
            (away.verdict, &*away.message),
            (Found::Wrong, "Prometheus is not reachable")
        );
    }

    #[test]
    fn what_is_odd_about_gates_is_noted() {
        let words = |more: &str| -> String {
            let found = judge_gates(&config(more));
            assert!(found.iter().all(|finding| finding.verdict == Found::Note), "{found:?}");
            found
                .iter()
                .map(|finding| format!("{}: {}\n", finding.place, finding.words()))
                .collect()
        };
        assert_eq!(words(GATE), "");
        assert!(words(&GATE.replace("gates = ['g']", "")).contains("gate g: is named by no strategy"));
        assert!(words(&GATE.replace("max = 1", "ratio = 1.2")).contains("only compares"));
        assert!(
            words(&format!("{GATE}interval = '60s'")).contains("which is not shorter than schedule.rollout_every (1m)")
        );
        assert_eq!(words(&format!("{GATE}interval = '59s'")), "");
        // Where only cron ticks, nothing can be said.
        assert_eq!(
            words(&format!("{GATE}interval = '5m'\n[schedule]\nrollout_every = '0s'")),
            ""
        );
        let plain = Config::parse(
            &LEAST.replace("https://p.example'", "http://p.example'\nallow_http = true"),
            "test.toml",
            &[].into(),
        );
        assert!(judge_gates(&plain.unwrap())[0].message.contains("can forge answers"));
        let here = LEAST.replace("https://p.example", "http://127.0.0.1:9090");
        assert!(judge_gates(&Config::parse(&here, "test.toml", &[].into()).unwrap()).is_empty());
    }

    #[test]
    fn windows_show_their_next_openings_and_what_may_overrun_them() {
        let window = "[[window]]\nchannels = ['*-prod']\ndays = ['mon', 'fri']\nstart = '22:00'\nend = '04:00'\nzone = 'Europe/Berlin'\n";
        let freeze =
            "[[freeze]]\nchannels = ['*']\nfrom = '2026-12-04'\nto = '2026-12-05'\nzone = 'UTC'\nreason = 'feast'\n";
        let now = "2026-12-01T12:00:00Z".parse().unwrap();
        let found = |more: &str, memory: Option<&Memory>| judge_windows(&config(more), None, memory, now);
        let plain = found(window, None);
        assert_eq!(plain.len(), 1, "{plain:?}");
        assert_eq!(
            plain[0].message,
            format!(
                "opens Fri 2026-12-04 22:00 to Sat 04:00 Europe/Berlin, Mon 2026-12-07 22:00 to Tue 04:00 Europe/Berlin, \
                 Fri 2026-12-11 22:00 to Sat 04:00 Europe/Berlin (zone data {})",
                data_version()
            )
        );
        let known = memory("web-prod", None, None);
        let frozen = found(&format!("{window}{freeze}"), Some(&known));
        assert!(
            frozen[0]
                .message
                .contains("Europe/Berlin (the freeze until 2026-12-05 (feast)), Mon"),
            "{frozen:?}"
        );
        assert!(frozen[1].message.contains("2026-12-04 to 2026-12-05"), "{frozen:?}");
        let short = found(&format!("{window}cutoff = '5m'"), None);
        assert!(short[1].words().contains("a pass may take 10m"), "{short:?}");
    }
}
