//! What agents' words mean, a row of the contract at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use fleetsheet::fleet::{Server, Source, State};
use fleetsheet::gate::{Agents, Reading, Verdict};
use fleetsheet::plan::gate::{MemberSays, of_agents};
use fleetsheet::running::AgentTags;
use fleetsheet::tag::TagKey;

fn now() -> DateTime<Utc> {
    "2026-11-23T02:00:00Z".parse().unwrap()
}

/// A server whose agent wrote these two tags; an empty text for a tag that is not there.
fn server(running: &str, agent: &str) -> Server {
    let tags = [("ReleaseRunning", running), ("ReleaseAgent", agent)];
    let tags: BTreeMap<TagKey, Arc<str>> = tags
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| (key.into(), value.into()))
        .collect();
    Server {
        source: Source {
            account: "main".into(),
            region: "eu-west-1".into(),
        },
        state: State::Running,
        tags: tags.into_iter().collect(),
        metadata_tags: false,
        spot: false,
        zone: None,
    }
}

/// The reading over so many members each: its tags, and the word of its agent when a wave took it.
fn read(min_running: f64, max_bad: f64, members: &[(usize, &str, &str, Option<&str>)]) -> Reading {
    let tags = AgentTags::default();
    let servers: Vec<(Server, Option<&str>)> = members
        .iter()
        .flat_map(|(count, running, agent, before)| (0..*count).map(move |_| (server(running, agent), *before)))
        .collect();
    let says: Vec<MemberSays<'_>> = servers
        .iter()
        .map(|(server, before)| MemberSays {
            says: tags.read(server, now()),
            before: *before,
        })
        .collect();
    of_agents(&Agents { min_running, max_bad }, "2.4.0", &says)
}

const OK: &str = "ok @ 2026-11-23T01:00:00Z";
const STALE: &str = "ok @ 2026-11-22T13:00:00Z";
const AWAY: &str = "quarantined 2.4.0: health site 502 @ 2026-11-23T01:00:00Z";

#[test]
fn each_state_is_good_bad_or_nothing() {
    use Verdict::{Fail, NoData, Pass};
    for (running, agent, before, verdict) in [
        ("2.4.0", OK, None, Pass),
        // Others that run it, and say what the release is not to blame for.
        ("2.4.0", "watching @ 2026-11-23T01:00:00Z", None, Pass),
        ("2.4.0", "contested file:/etc/motd @ 2026-11-23T01:00:00Z", None, Pass),
        ("2.4.0", "held @ 2026-11-23T01:00:00Z", None, Pass),
        ("2.4.0", "quarantined 2.5.0: check @ 2026-11-23T01:00:00Z", None, Pass),
        ("2.3.9", OK, None, NoData),
        ("2.3.9", "due 2.4.0 @ 2026-11-23T01:00:00Z", None, NoData),
        ("none", "no-release @ 2026-11-23T01:00:00Z", None, NoData),
        // Trouble, in a word that is new.
        ("2.3.9", AWAY, None, Fail),
        ("2.3.9", AWAY, Some("ok"), Fail),
        ("2.3.9", AWAY, Some("quarantined 2.3.8: health site 502"), Fail),
        ("2.3.9", "failed space @ 2026-11-23T01:00:00Z", None, Fail),
        ("2.3.9", "refused 2.4.0: not signed @ 2026-11-23T01:00:00Z", None, Fail),
        ("2.4.0", "unhealthy health:site @ 2026-11-23T01:00:00Z", None, Fail),
        ("2.3.9", "broken @ 2026-11-23T01:00:00Z", None, Fail),
        // It was said before a wave took the server; a heartbeat says it again, and neither is it a pass.
        ("2.3.9", AWAY, Some("quarantined 2.4.0: health site 502"), NoData),
        ("2.4.0", "broken @ 2026-11-23T01:00:00Z", Some("broken"), NoData),
        // Silent for 13 hours, no agent, half an agent, and what no agent wrote: it runs nothing.
        ("2.4.0", "ok @ 2026-11-22T13:00:01Z", None, Pass),
        ("2.4.0", STALE, None, NoData),
        ("", "", None, NoData),
        ("2.4.0", "", None, NoData),
        ("", OK, None, NoData),
        ("2.4.0", "fine, thanks", None, NoData),
        ("2.4.0", "=HYPERLINK(\"x\") @ 2026-11-23T01:00:00Z", None, NoData),
        (" 2.4.0", OK, None, NoData),
        ("2.4.0\n", OK, None, NoData),
        // Trouble stays one when its agent has fallen silent.
        ("2.3.9", "broken @ 2026-11-22T10:00:00Z", None, Fail),
    ] {
        let reading = read(1.0, 0.0, &[(1, running, agent, before)]);
        assert_eq!(
            reading.verdict, verdict,
            "{running:?} {agent:?} {before:?}: {reading:?}"
        );
        assert_eq!((reading.limit, reading.samples), (Some(1.0), Some(1.0)));
        assert!(!reading.unanswered && reading.compared.is_none());
    }
}

#[test]
fn shares_are_of_all_members_and_the_edges_belong_to_the_good_side() {
    use Verdict::{Fail, NoData, Pass};
    for (good, bad, silent, verdict, value, why) in [
        (100, 0, 0, Pass, 1.0, ""),
        (95, 0, 5, Pass, 0.95, ""),
        (98, 2, 0, Pass, 0.98, ""),
        (97, 3, 0, Fail, 0.97, "3 of 100 in trouble, 0.03 > 0.02"),
        (
            94,
            0,
            6,
            NoData,
            0.94,
            "94 of 100 run 2.4.0 without trouble, 0.94 < 0.95",
        ),
        (0, 0, 3, NoData, 0.0, "0 of 3 run 2.4.0 without trouble, 0 < 0.95"),
        // A failure comes before what is lacking.
        (0, 1, 9, Fail, 0.0, "1 of 10 in trouble, 0.1 > 0.02"),
    ] {
        let members = [
            (good, "2.4.0", OK, None),
            (bad, "2.3.9", AWAY, None),
            (silent, "2.4.0", STALE, None),
        ];
        let reading = read(0.95, 0.02, &members);
        let all = (good + bad + silent) as f64;
        let wanted = Reading {
            verdict,
            value: Some(value),
            limit: Some(0.95),
            samples: Some(all),
            ..Reading::no_data(why)
        };
        assert_eq!(reading, wanted);
    }
}

#[test]
fn nobody_to_look_at_is_no_data() {
    let reading = read(0.01, 0.99, &[]);
    assert_eq!(reading, Reading::no_data("no member is live, seen and not held"));
}

#[test]
fn a_server_in_words_is_plain_whatever_its_tags_hold() {
    let tags = AgentTags::default();
    let words = |running: &str, agent: &str| tags.read(&server(running, agent), now()).map(|says| says.words());
    for (running, agent, shown) in [
        ("2.4.0", OK, "2.4.0"),
        ("2.3.9", AWAY, "2.3.9 · quarantined 2.4.0: health site 502"),
        ("2.4.0", STALE, "2.4.0 · silent since 2026-11-22 13:00 UTC"),
        ("none", "no-release @ 2026-11-23T01:00:00Z", "none · no-release"),
        (
            "2.3.9",
            "broken @ 2026-11-22T10:00:00Z",
            "2.3.9 · broken · silent since 2026-11-22 10:00 UTC",
        ),
        ("=1+1", "<b>\u{1b}[31m", "unreadable · unreadable report"),
        ("2.4.0", "", "2.4.0 · no report"),
        ("", OK, "no version"),
    ] {
        assert_eq!(words(running, agent).as_deref(), Some(shown));
    }
    assert_eq!(words("", ""), None);
    assert_eq!(
        words(&"9".repeat(257), &"x".repeat(300)).unwrap(),
        "unreadable · unreadable report"
    );
}
