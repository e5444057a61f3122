use super::*;
use crate::pass_end::PassEnd;
use crate::problem::{Code, Problem};
use crate::report::Tally as Found;
use crate::stages::Stage;

fn text(metrics: &Metrics) -> String {
    String::from_utf8(metrics.text(&Calls::default()).unwrap()).unwrap()
}

fn report(servers: &[(&str, &'static str, u64)]) -> Report {
    let mut report = Report::new("r", &PassEnd::Unread(Vec::new()), None);
    report.outcome = Ending::Done;
    let key = |channel: &str| (!channel.is_empty()).then(|| ChannelName::from(channel));
    report.tally = Some(Found {
        servers: servers.iter().map(|(c, s, n)| ((key(c), *s), *n)).collect(),
        ..Found::default()
    });
    report
}

fn now() -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

#[test]
fn channels_that_vanish_lose_their_series() {
    let metrics = Metrics::new().unwrap();
    metrics.ended(Some(&report(&[("web", "in sync", 3), ("", "unassigned", 1)])), now());
    let shown = text(&metrics);
    assert!(
        shown.contains("fleetsheet_servers{channel=\"web\",status=\"in sync\"} 3\n"),
        "{shown}"
    );
    assert!(
        shown.contains("fleetsheet_servers{channel=\"\",status=\"unassigned\"} 1\n"),
        "{shown}"
    );
    metrics.ended(Some(&report(&[("api", "held", 2)])), now());
    let shown = text(&metrics);
    assert!(
        !shown.contains("channel=\"web\"") && shown.contains("channel=\"api\""),
        "{shown}"
    );
}

#[test]
fn a_name_in_a_label_stays_in_its_quotes() {
    let metrics = Metrics::new().unwrap();
    metrics.ended(Some(&report(&[("a\"} 1\nforged 2\\", "held", 2)])), now());
    let shown = text(&metrics);
    assert!(
        shown.contains("{channel=\"a\\\"} 1\\nforged 2\\\\\",status=\"held\"} 2\n"),
        "{shown}"
    );
    assert!(!shown.lines().any(|line| line.starts_with("forged")));
}

#[test]
fn too_many_channels_share_a_series() {
    let metrics = Metrics::new().unwrap();
    let names: Vec<String> = (0..250).map(|i| format!("channel-{i:03}")).collect();
    let servers: Vec<_> = names.iter().map(|name| (name.as_str(), "held", 2)).collect();
    metrics.ended(Some(&report(&servers)), now());
    let shown = text(&metrics);
    assert_eq!(shown.matches("fleetsheet_servers{").count(), MOST_CHANNELS + 1);
    assert!(shown.contains("{channel=\"other\",status=\"held\"} 100\n"), "{shown}");
}

#[test]
fn requests_are_counted_once_however_often_they_are_read() {
    let (metrics, calls) = (Metrics::new().unwrap(), Calls::default());
    calls.count("ec2.CreateTags");
    calls.throttled("ec2.CreateTags");
    calls.waited("ec2.CreateTags", Duration::from_millis(1500));
    metrics.text(&calls).unwrap();
    calls.count("ec2.CreateTags");
    metrics.text(&calls).unwrap();
    let shown = String::from_utf8(metrics.text(&calls).unwrap()).unwrap();
    for line in [
        "fleetsheet_api_calls_total{method=\"ec2.CreateTags\"} 2\n",
        "fleetsheet_api_throttles_total{method=\"ec2.CreateTags\"} 1\n",
        "fleetsheet_api_retries_total{method=\"ec2.CreateTags\"} 0\n",
        "fleetsheet_limiter_wait_seconds_total{method=\"ec2.CreateTags\"} 1.5\n",
    ] {
        assert!(shown.contains(line), "{line}{shown}");
    }
}

#[test]
fn each_stage_has_a_series_from_the_start_and_counts_when_a_pass_came_to_it() {
    let metrics = Metrics::new().unwrap();
    let mut ended = report(&[]);
    ended.stages = [
        (Stage::Observe, Duration::from_millis(212)),
        (Stage::Plan, Duration::ZERO),
    ]
    .into();
    metrics.ended(Some(&ended), now());
    // Another pass held the store: it came to no stage.
    metrics.ended(Some(&Report::busy("r", "by".into())), now());
    let shown = text(&metrics);
    for line in [
        "fleetsheet_stage_duration_seconds_sum{stage=\"observe\"} 0.212\n",
        "fleetsheet_stage_duration_seconds_count{stage=\"observe\"} 1\n",
        "fleetsheet_stage_duration_seconds_bucket{stage=\"plan\",le=\"0.001\"} 1\n",
        "fleetsheet_stage_duration_seconds_count{stage=\"write_back\"} 0\n",
    ] {
        assert!(shown.contains(line), "{line}{shown}");
    }
    let series = shown.matches("fleetsheet_stage_duration_seconds_count{").count();
    assert_eq!(series, Stage::ALL.len());
}

#[test]
fn a_pass_counts_its_ending_its_belts_and_its_problems() {
    let metrics = Metrics::new().unwrap();
    let belt = |place: &str| Problem::new(Kind::Belt, Code::Tab, place, "…");
    let mut stopped = report(&[]);
    stopped.outcome = Ending::Stopped;
    stopped.problems = vec![belt("a"), belt("b")];
    metrics.ended(Some(&stopped), now());
    metrics.ended(None, now());
    let shown = text(&metrics);
    for line in [
        "fleetsheet_passes_total{outcome=\"stopped\"} 1\n",
        "fleetsheet_passes_total{outcome=\"failed\"} 1\n",
        "fleetsheet_passes_total{outcome=\"done\"} 0\n",
        "fleetsheet_belts_tripped_total{belt=\"tab\"} 1\n",
        "fleetsheet_open_problems{kind=\"belt\"} 2\n",
        "fleetsheet_open_problems{kind=\"release\"} 0\n",
        "fleetsheet_last_success_timestamp_seconds 0\n",
        "fleetsheet_pass_duration_seconds_count 1\n",
    ] {
        assert!(shown.contains(line), "{line}{shown}");
    }
    metrics.ended(Some(&report(&[])), now());
    assert!(text(&metrics).contains("fleetsheet_last_success_timestamp_seconds 1767225600\n"));
}
