//! What is asked for a gate.

use chrono::{DateTime, TimeDelta, Utc};
use fleetsheet::gate::{Gate, Kind, Query, Template};
use fleetsheet::plan::gate::{Ask, Cohorts, Queries, ask};

use super::{alarms, gate, query};

const ERRORS: &str = r#"errors{channel="{{channel}}",version="{{version}}"}[{{window}}]"#;

fn now() -> DateTime<Utc> {
    "2026-12-01T12:00:00Z".parse().unwrap()
}

fn asked(gate: &Gate, former: Option<&str>, last_wave: bool, settled_ago: Option<i64>) -> Ask {
    let cohorts = Cohorts {
        channel: "web-prod",
        version: "2.4.0",
        former,
        last_wave,
    };
    let since = settled_ago.map(|seconds| now() - TimeDelta::seconds(seconds));
    ask(gate, &cohorts, since, now())
}

fn compared() -> Query {
    Query {
        max: Some(0.01),
        ratio: Some(1.2),
        samples: Some(Template::query(r#"n{version="{{version}}"}"#).unwrap()),
        min_samples: Some(1000.0),
        ..query(ERRORS)
    }
}

fn sent(version: &str, window: &str) -> String {
    format!(r#"errors{{channel="web-prod",version="{version}"}}[{window}]"#)
}

#[test]
fn both_cohorts_are_asked_alike_where_they_are_compared() {
    let gate = gate(Kind::Query(compared()));
    let samples = |version: &str| format!(r#"n{{version="{version}"}}"#);
    let alone = Queries {
        value: sent("2.4.0", "5m"),
        former: None,
        samples: Some(samples("2.4.0")),
        former_samples: None,
    };
    let both = Queries {
        former: Some(sent("2.3.9", "5m")),
        former_samples: Some(samples("2.3.9")),
        ..alone.clone()
    };
    assert_eq!(both.all().count(), 4);
    assert_eq!(asked(&gate, Some("2.3.9"), false, None), Ask::Queries(both));
    // Nobody is left to compare with.
    for (former, last_wave) in [(Some("2.3.9"), true), (None, false), (None, true)] {
        assert_eq!(asked(&gate, former, last_wave, None), Ask::Queries(alone.clone()));
    }
}

#[test]
fn a_gate_that_only_compares_is_left_out_where_it_cannot() {
    let only = gate(Kind::Query(Query {
        max: None,
        ..compared()
    }));
    assert!(matches!(asked(&only, Some("2.3.9"), false, None), Ask::Queries(_)));
    for (former, last_wave) in [(Some("2.3.9"), true), (None, false)] {
        assert_eq!(asked(&only, former, last_wave, None), Ask::LeftOut);
    }
}

#[test]
fn the_window_does_not_reach_back_before_the_wave_settled() {
    let errors = gate(Kind::Query(Query {
        max: Some(0.01),
        ..query(ERRORS)
    }));
    for (settled_ago, window) in [
        (None, "5m"),
        (Some(86_400), "5m"),
        (Some(300), "5m"),
        (Some(299), "4m59s"),
        (Some(10), "10s"),
    ] {
        let Ask::Queries(queries) = asked(&errors, None, false, settled_ago) else {
            panic!("{settled_ago:?}");
        };
        assert_eq!(queries.value, sent("2.4.0", window));
    }
    for settled_ago in [9, 0, -60] {
        let said = asked(&errors, None, false, Some(settled_ago));
        let Ask::NoData(why) = said else { panic!("{said:?}") };
        assert!(
            why.contains(&format!("{} s ago, and needs 10 s", settled_ago.max(0))),
            "{why}"
        );
    }
    // A query that has a window of its own is asked at once.
    let own = gate(Kind::Query(Query {
        max: Some(0.01),
        ..query("errors[5m]")
    }));
    assert!(matches!(asked(&own, None, false, Some(0)), Ask::Queries(_)));
    assert!(errors.is_of_a_version() && !own.is_of_a_version());
}

#[test]
fn alarms_are_asked_by_their_names() {
    let names = gate(Kind::Alarms(alarms(&[
        "{{channel}}-5xx",
        "b-{{version}}",
        "web-prod-5xx",
    ])));
    let wanted = ["b-2.4.0", "web-prod-5xx"].map(str::to_owned).to_vec();
    assert_eq!(asked(&names, None, true, Some(0)), Ask::Alarms(wanted));
    assert!(names.is_of_a_version());
    let former = gate(Kind::Alarms(alarms(&["a-{{previous}}"])));
    assert_eq!(
        asked(&former, Some("2.3.9"), true, None),
        Ask::Alarms(vec!["a-2.3.9".to_owned()])
    );
    let Ask::NoData(why) = asked(&former, None, true, None) else {
        panic!("it has no former version");
    };
    assert_eq!(why, "it asks for {{previous}}, and this rollout has none");
    assert!(!former.is_of_a_version());
}

#[test]
fn a_channel_with_a_quote_in_its_name_changes_no_query() {
    let errors = gate(Kind::Query(Query {
        max: Some(0.01),
        ..query(r#"errors{channel="{{channel}}"}"#)
    }));
    let cohorts = Cohorts {
        channel: r#"web"} or vector(0) or up{a=""#,
        version: "2.4.0",
        former: None,
        last_wave: false,
    };
    let Ask::Queries(queries) = ask(&errors, &cohorts, None, now()) else {
        panic!("nothing is asked");
    };
    assert_eq!(queries.value, r#"errors{channel="web\"} or vector(0) or up{a=\""}"#);
}
