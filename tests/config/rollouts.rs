//! Rollouts in the configuration: what is meant when little is said, all that can be said, and mistakes beside each other.

use std::time::Duration;

use fleetsheet::gate::{Kind, Query};
use fleetsheet::rollout::{OnFailure, Size, Strategy, Tolerance, Wave};
use fleetsheet::window::zone;

use super::{LEAST, loads, parse};

const PROMETHEUS: &str = "[prometheus]\nurl = 'https://prometheus.example'\n";

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

fn waves(strategy: &Strategy) -> Vec<String> {
    strategy.waves.iter().map(|wave| wave.to.to_string()).collect()
}

#[test]
fn a_configuration_without_rollouts_has_none() {
    let config = loads(LEAST, &[]);
    assert_eq!(*config.rollouts, fleetsheet::rollout::Rollouts::default());
    assert_eq!(config.schedule.rollout_every, minutes(1));
    let prometheus = config.prometheus;
    assert_eq!((prometheus.url, prometheus.timeout), (None, Duration::from_secs(10)));
}

#[test]
fn what_is_left_out_is_what_the_documents_say() {
    let text = "[[strategy]]\nname = 'careful'\nchannels = ['*-prod']\n\
                [[gate]]\nname = 'errors'\nquery = 'up'\nmax = 1\n\
                [[gate]]\nname = 'quiet'\nalarms = ['x']\naccount = 'main'\nregion = 'us-east-1'\n\
                [[window]]\nchannels = ['*']\ndays = ['mon']\nstart = '22:00'\nend = '04:00'\nzone = 'Europe/Berlin'\n";
    let config = loads(&format!("{LEAST}{PROMETHEUS}{text}"), &[]);
    let rollouts = &config.rollouts;
    let strategy = rollouts.strategy_of(&"web-prod".into()).unwrap();
    assert_eq!(waves(strategy), ["10%", "25%", "50%", "75%", "100%"]);
    assert!(strategy.waves.iter().all(|wave| wave.bake.is_none() && !wave.manual));
    assert_eq!((strategy.bake, strategy.warmup), (minutes(30), minutes(5)));
    assert_eq!(
        (strategy.on_failure, strategy.max_failures),
        (OnFailure::Rollback, Tolerance::Count(0))
    );
    assert_eq!(strategy.stalled_after, minutes(120));
    assert!(strategy.gates.is_empty() && strategy.after.is_empty());
    for gate in rollouts.gates.values() {
        assert_eq!((gate.passes, gate.failures), (3, 2));
        assert_eq!((gate.interval, gate.report_only), (Duration::from_secs(45), false));
    }
    let Kind::Query(query) = &rollouts.gates["errors"].kind else {
        panic!("a query")
    };
    assert_eq!((query.slack, query.window), (0.0, minutes(5)));
    assert_eq!(
        (query.min, query.max, query.ratio, query.min_samples),
        (None, Some(1.0), None, None)
    );
    let Kind::Alarms(alarms) = &rollouts.gates["quiet"].kind else {
        panic!("alarms")
    };
    assert_eq!(
        (alarms.source.to_string(), alarms.trust_missing),
        ("main/us-east-1".to_owned(), false)
    );
    let (_, window) = &rollouts.windows[0];
    assert_eq!(window.cutoff(), chrono::TimeDelta::minutes(30));
}

/// All that tables can say.
const ALL: &str = r#"
[[strategy]]
name = "db"
channels = ["db-prod"]
[[strategy]]
name = "careful"
channels = ["*-prod", "api-?"]
kind = "waves"
waves = ["canary", { to = "10%", bake = "2h", manual = true }, "5", "zone:eu-west-1a", "50%"]
bake = "0s"
warmup = "90s"
gates = ["errors"]
on_failure = "pause"
max_failures = "1%"
stalled_after = "1d"
after = ["db-prod"]
[[gate]]
name = "errors"
query = '''
sum(rate(errors{channel="{{channel}}", version="{{version}}"}[{{window}}]))
  / sum(rate(all[{{window}}]))'''
max = 0.01
min = 0
ratio = 1.2
slack = 0.005
samples = 'sum(all{version="{{version}}"})'
min_samples = 1000
window = "10m"
passes = 5
failures = 1
interval = "0s"
report_only = true
[[freeze]]
channels = ["*"]
from = "2026-12-20"
to = "2027-01-06T12:00:00+01:00"
zone = "Europe/Berlin"
reason = "holidays"
"#;

#[test]
fn all_that_can_be_said_is_meant() {
    let config = loads(&format!("{LEAST}{PROMETHEUS}{ALL}"), &[]);
    let rollouts = &config.rollouts;
    // The first that names a channel is its own.
    assert_eq!(rollouts.strategy_of(&"db-prod".into()).unwrap().name, "db");
    let careful = rollouts.strategy_of(&"web-prod".into()).unwrap();
    assert_eq!(careful.name, "careful");
    assert_eq!(rollouts.strategy_of(&"api-1".into()).unwrap().name, "careful");
    assert!(rollouts.strategy_of(&"web".into()).is_none());
    assert_eq!(waves(careful), ["canary", "10%", "5", "zone:eu-west-1a", "50%", "100%"]);
    let second = Wave {
        to: Size::Share(1000),
        bake: Some(minutes(120)),
        manual: true,
    };
    assert_eq!(careful.waves[1], second);
    assert_eq!(
        (careful.bake, careful.warmup),
        (Duration::ZERO, Duration::from_secs(90))
    );
    assert_eq!(
        (careful.on_failure, careful.max_failures),
        (OnFailure::Pause, Tolerance::Share(100))
    );
    assert_eq!(
        (careful.gates.clone(), careful.after.clone()),
        (vec!["errors".to_owned()], vec!["db-prod".into()])
    );
    let gate = &rollouts.gates["errors"];
    assert_eq!(
        (gate.passes, gate.failures, gate.interval, gate.report_only),
        (5, 1, Duration::ZERO, true)
    );
    let Kind::Query(Query {
        min,
        max,
        ratio,
        slack,
        min_samples,
        window,
        samples,
        ..
    }) = &gate.kind
    else {
        panic!("a query")
    };
    assert_eq!(
        (*min, *max, *ratio, *min_samples),
        (Some(0.0), Some(0.01), Some(1.2), Some(1000.0))
    );
    assert_eq!((*slack, *window, samples.is_some()), (0.005, minutes(10), true));
    let (_, freeze) = &rollouts.freezes[0];
    assert_eq!(
        (freeze.reason(), freeze.zone()),
        ("holidays", zone("Europe/Berlin").unwrap())
    );
}

#[test]
fn everybody_is_the_last_wave_and_is_added_only_where_it_lacks() {
    let of = |listed: &str| {
        let text = format!("{LEAST}[[strategy]]\nname = 'a'\nchannels = ['*']\nwaves = {listed}");
        waves(&loads(&text, &[]).rollouts.strategies[0])
    };
    assert_eq!(of("['10%']"), ["10%", "100%"]);
    assert_eq!(of("['10%', '100%']"), ["10%", "100%"]);
    assert_eq!(of("['10%', '100.00%']"), ["10%", "100%"]);
    assert_eq!(of("['5']"), ["5", "100%"]);
    assert_eq!(of("[]"), ["100%"]);
}

#[test]
fn mistakes_of_all_tables_come_at_once() {
    let text = "[[strategy]]\nname = 'a'\nchannels = ['*']\nwaves = ['9%', '8%']\ngates = ['nowhere']\nafter = ['a', 'b']\n\
                [[strategy]]\nbake = 'x'\n\
                [[gate]]\nname = 'g'\nquery = 'up{{colour}}'\nmin = 2\nmax = 1\nslack = -1\n\
                [[gate]]\nname = 'h'\nquery = 'up'\nratio = 1.2\nmin_samples = 5\nslack = -1\n\
                [[window]]\nchannels = ['*']\nstart = '1'\nend = '2'\nzone = 'x'\n\
                [[freeze]]\nchannels = ['*']\nfrom = 'x'\n";
    let errors = parse(&format!("{LEAST}{PROMETHEUS}{text}"), &[]).unwrap_err();
    for start in [
        "strategy[0].waves[1]",
        "strategy[0].gates[0]",
        "strategy[1].name",
        "strategy[1].channels",
        "strategy[1].bake",
        "gate[0].query",
        "gate[0].min",
        "gate[0].slack",
        "gate[1].ratio",
        "gate[1].min_samples",
        "gate[1].slack",
        "window[0].days",
        "window[0].start",
        "window[0].end",
        "window[0].zone",
        "freeze[0].from",
        "freeze[0].to",
    ] {
        let found: Vec<&String> = errors
            .iter()
            .filter(|error| error.starts_with(&format!("{start} (test.toml)")))
            .collect();
        assert_eq!(found.len(), 1, "{start}: {errors:#?}");
        assert!(found[0].contains("; "), "no fix: {found:?}");
    }
    assert_eq!(errors.len(), 17, "{errors:#?}");
}

#[test]
fn a_circle_of_order_is_told_once_with_its_way() {
    let strategy = |name: &str, channels: &str, after: &str| {
        format!("[[strategy]]\nname = '{name}'\nchannels = ['{channels}']\nafter = ['{after}']\n")
    };
    let three = strategy("a", "web", "db") + &strategy("b", "db", "cache") + &strategy("c", "cache", "web");
    let errors = parse(&format!("{LEAST}{three}"), &[]).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    let way = "strategy[1].after (test.toml): db waits for cache, which waits for web, which waits for db, so none";
    assert!(errors[0].starts_with(way), "{errors:#?}");
    // Through a pattern: the first strategy that names the channel is its own.
    let by_pattern = strategy("a", "web", "db-prod") + &strategy("b", "*-prod", "web");
    let errors = parse(&format!("{LEAST}{by_pattern}"), &[]).unwrap_err();
    assert!(
        errors[0].contains("db-prod waits for web, which waits for db-prod"),
        "{errors:#?}"
    );
    let apart = "[[strategy]]\nname = 'db'\nchannels = ['db-prod']\n".to_owned() + &by_pattern;
    loads(&format!("{LEAST}{apart}"), &[]);
}

#[test]
fn a_strategy_may_name_one_of_its_own_channels_which_then_waits_for_the_others_only() {
    let web_after = |after: &str| format!("{LEAST}[[strategy]]\nname = 'a'\nchannels = ['*-prod']\nafter = {after}\n");
    let config = loads(&web_after("['db-prod']"), &[]);
    let strategy = &config.rollouts.strategies[0];
    let first = |name: &str| {
        let name = name.into();
        strategy.first(&name).map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(first("web-prod"), ["db-prod"]);
    assert!(first("db-prod").is_empty());
    let errors = parse(&web_after("['db-prod', 'cache-prod']"), &[]).unwrap_err();
    assert!(
        errors[0].contains("db-prod waits for cache-prod, which waits for db-prod"),
        "{errors:#?}"
    );
}

#[test]
fn one_login_is_sent_and_it_is_whole() {
    let with = |keys: &str| parse(&format!("{LEAST}{PROMETHEUS}{keys}"), &[]);
    for (keys, part) in [
        (
            "token_file = '/t'\nuser = 'u'\npassword_file = '/p'",
            "keep one of them",
        ),
        ("token_file = '/t'\nuser = 'u'", "keep one of them"),
        ("user = 'u'", "prometheus.password_file"),
        ("password_file = '/p'", "name the user in prometheus.user"),
    ] {
        let errors = with(keys).unwrap_err();
        assert!(errors.len() == 1 && errors[0].contains(part), "{keys}: {errors:?}");
    }
    with("token_file = '/t'").unwrap();
    with("user = 'u'\npassword_file = '/p'\nca_file = '/c'").unwrap();
}

#[test]
fn plain_http_is_for_this_machine_or_said_to_be_wanted() {
    let with = |url: &str, more: &str| parse(&format!("{LEAST}[prometheus]\nurl = '{url}'\n{more}"), &[]);
    with("http://127.0.0.1:9090", "").unwrap();
    with("http://prometheus.example", "allow_http = true").unwrap();
    let errors = with("http://prometheus.example", "").unwrap_err();
    assert!(errors[0].contains("could forge the answers"), "{errors:?}");
}

#[test]
fn a_gate_on_agents_has_two_shares_and_nothing_of_other_kinds() {
    let with = |keys: &str| parse(&format!("{LEAST}[[gate]]\nname = 'agents'\n{keys}\n"), &[]);
    let config = with("agents = true").unwrap();
    let gate = &config.rollouts.gates["agents"];
    assert_eq!((gate.passes, gate.failures, gate.report_only), (3, 2, false));
    let Kind::Agents(agents) = &gate.kind else {
        panic!("agents")
    };
    assert_eq!((agents.min_running, agents.max_bad), (0.95, 0.02));
    let config =
        with("agents = true\nmin_running = 1\nmax_bad = 0\npasses = 1\ninterval = '1m'\nreport_only = true").unwrap();
    let Kind::Agents(agents) = &config.rollouts.gates["agents"].kind else {
        panic!("agents")
    };
    assert_eq!((agents.min_running, agents.max_bad), (1.0, 0.0));
    let others = [
        (
            "agents = true\nquery = 'up'\nmax = 1",
            "stands beside a query; make two gates",
        ),
        ("agents = true\nalarms = ['x']", "stands beside alarms; make two gates"),
        (
            "agents = true\nmax = 1",
            "max (test.toml): is for a query, and this gate has agents; take it out",
        ),
        (
            "agents = true\nwindow = '5m'",
            "window (test.toml): is for a query, and this gate has agents",
        ),
        (
            "agents = true\nregion = 'eu-west-1'",
            "region (test.toml): is for alarms, and this gate has agents",
        ),
        (
            "agents = true\nmin_running = 0",
            "min_running (test.toml): 0 is not a share",
        ),
        (
            "agents = true\nmin_running = 95",
            "min_running (test.toml): 95 is not a share",
        ),
        ("agents = true\nmax_bad = 1", "max_bad (test.toml): 1 is not a share"),
        (
            "agents = true\nmax_bad = -0.1",
            "max_bad (test.toml): -0.1 is not a share",
        ),
        ("agents = false", "looks at nothing"),
        ("agents = 'yes'", "agents (test.toml)"),
    ];
    for (keys, part) in others {
        let errors = with(keys).unwrap_err();
        assert!(errors.len() == 1 && errors[0].contains(part), "{keys}: {errors:#?}");
    }
    let alarms = "alarms = ['x']\naccount = 'main'\nregion = 'us-east-1'\nmin_running = 0.9";
    let errors = with(alarms).unwrap_err();
    assert!(
        errors[0].contains("min_running (test.toml): is for agents, and this gate has alarms"),
        "{errors:#?}"
    );
}
