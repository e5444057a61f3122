use std::fs;
use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing::{debug, error, info, info_span, trace, warn};

use super::*;

/// Where the lines of a test go.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What `act` logs.
fn logged(format: LogFormat, verbosity: u8, rust_log: Option<&str>, act: impl FnOnce()) -> String {
    let sink = Sink::default();
    let writer = sink.clone();
    let filter = filter(verbosity, rust_log).unwrap();
    let scope = subscriber(filter, format, move || writer.clone(), None).set_default();
    act();
    drop(scope);
    let bytes = sink.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

fn text(rust_log: Option<&str>, act: impl FnOnce()) -> String {
    logged(LogFormat::Text, 0, rust_log, act)
}

fn json(act: impl FnOnce()) -> Value {
    let line = logged(LogFormat::Json, 2, None, act);
    assert_eq!(line.lines().count(), 1, "{line}");
    serde_json::from_str(&line).unwrap()
}

#[test]
fn verbosity_raises_our_own_level_only() {
    let act = || {
        info!(target: "fleetsheet::pass", "info");
        debug!(target: "fleetsheet::pass", "debug");
        trace!(target: "fleetsheet::pass", "trace");
        info!(target: "sqlx", "foreign");
        warn!(target: "sqlx", "foreign warning");
    };
    for (verbosity, lines) in [(0, 2), (1, 3), (2, 4), (9, 4)] {
        assert_eq!(
            logged(LogFormat::Text, verbosity, None, act).lines().count(),
            lines,
            "-v {verbosity} times"
        );
    }
    assert_eq!(
        logged(LogFormat::Text, 0, Some(" "), act).lines().count(),
        2,
        "an empty RUST_LOG is none"
    );
}

#[test]
fn rust_log_decides_alone_and_is_checked() {
    let act = || {
        info!(target: "fleetsheet", "ours");
        info!(target: "sqlx", "theirs");
    };
    assert!(logged(LogFormat::Text, 2, Some("sqlx=info"), act).contains("theirs"));
    assert!(!logged(LogFormat::Text, 2, Some("sqlx=info"), act).contains("ours"));
    let refused = filter(0, Some("fleetsheet=loud=very")).unwrap_err();
    assert!(refused.to_string().contains("fleetsheet=debug"), "{refused}");
}

#[test]
fn crates_that_print_tokens_are_capped_whatever_rust_log_says() {
    let everything = "trace,yup_oauth2=trace,aws_smithy_runtime=trace,hyper=debug";
    let lines = text(Some(everything), || {
        debug!(target: "yup_oauth2::service_account", "token");
        trace!(target: "google_apis_common", "token");
        debug!(target: "google_sheets4::api", "token");
        trace!(target: "hyper::proto::h1::io", "token");
        trace!(target: "hyper_util::client", "token");
        debug!(target: "hyper_rustls::connector", "token");
        trace!(target: "h2::codec", "token");
        debug!(target: "rustls::client", "token");
        info!(target: "lettre::transport", "token");
        for_aws();
        warn!(target: "yup_oauth2", "trouble");
        trace!(target: "other::hyper", "not theirs");
        trace!(target: "fleetsheet", "ours");
    });
    assert!(!lines.contains("token"), "{lines}");
    assert_eq!(lines.lines().count(), 3, "{lines}");
}

fn for_aws() {
    info!(target: "aws_config", "token");
    info!(target: "aws_sdk_ec2::operation", "token");
    info!(target: "aws_sdk_sts", "token");
    debug!(target: "aws_smithy_runtime::client::orchestrator", "token");
    debug!(target: "aws_runtime", "token");
    debug!(target: "aws_credential_types", "token");
    trace!(target: "aws_sigv4::http_request::sign", "token");
}

#[test]
fn lines_of_the_log_crate_are_capped_by_their_true_target() {
    let lines = text(Some("trace,yup_oauth2=trace"), || {
        log::debug!(target: "yup_oauth2::service_account", "token");
        log::warn!(target: "yup_oauth2::service_account", "trouble");
        log::debug!(target: "other::place", "fine");
    });
    assert!(!lines.contains("token"), "{lines}");
    assert!(
        lines.contains(" WARN yup_oauth2::service_account: trouble\n"),
        "{lines}"
    );
    assert!(lines.contains("DEBUG other::place: fine\n"), "{lines}");
}

#[test]
fn text_reads_alone_and_carries_the_fields_of_spans() {
    let line = text(None, || {
        let _pass = info_span!(target: "fleetsheet", "pass", run = "r1", servers = 3).entered();
        info!(target: "fleetsheet", failed = 0, name = "two words", "pass done");
    });
    assert!(
        line.ends_with(" INFO fleetsheet: pass done failed=0 name=\"two words\" run=r1 servers=3\n"),
        "{line}"
    );
}

#[test]
fn text_cannot_move_the_cursor_or_forge_a_line() {
    let line = text(None, || {
        let name = "a\u{1b}[2J\u{9b}31m\r\nforged\t\\\u{202e}x";
        warn!(target: "fleetsheet", name, error = %name, other = ?name, "{name}");
    });
    assert_eq!(line.lines().count(), 1, "{line:?}");
    let unsafe_left = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!line.contains(unsafe_left), "{line:?}");
    assert!(
        line.contains(r": a\u001b[2J\u009b31m\r\nforged\t\\\u202ex "),
        "{line:?}"
    );
}

#[test]
fn json_has_the_names_that_log_services_know() {
    let line = json(|| {
        let _pass = info_span!(target: "fleetsheet", "pass", run = "r1").entered();
        let cause = io::Error::other("disk\u{9b} full");
        let cause = &cause as &(dyn std::error::Error + 'static);
        error!(target: "fleetsheet::store", bytes = 7_u64, ok = false, ratio = 0.5, time = "theirs", cause, "cannot save");
    });
    assert_eq!(line["severity"], "ERROR");
    assert_eq!(line["message"], "cannot save");
    assert_eq!(line["target"], "fleetsheet::store");
    assert_eq!(line["run"], "r1");
    assert_eq!(
        (&line["bytes"], &line["ok"], &line["ratio"]),
        (&7.into(), &false.into(), &0.5.into())
    );
    assert_eq!(line["cause"], "disk\u{9b} full");
    assert_eq!(line["time_"], "theirs");
    let time = line["time"].as_str().unwrap();
    assert!(
        chrono::DateTime::parse_from_rfc3339(time).is_ok() && time.ends_with('Z'),
        "{time}"
    );
}

#[test]
fn severities_are_those_of_google() {
    assert_eq!(json(|| warn!(target: "fleetsheet", "x"))["severity"], "WARNING");
    assert_eq!(json(|| info!(target: "fleetsheet", "x"))["severity"], "INFO");
    assert_eq!(json(|| trace!(target: "fleetsheet", "x"))["severity"], "DEBUG");
    let raw = logged(LogFormat::Json, 0, None, || info!(target: "fleetsheet", "\u{9b}\u{1b}"));
    assert!(!raw.trim_end().contains(char::is_control), "{raw:?}");
}

fn log_to(dir: PathBuf) -> Log {
    Log {
        dir: Some(dir),
        format: LogFormat::Text,
        keep_days: 2,
    }
}

#[test]
fn the_guard_leaves_no_line_unwritten_and_old_files_go() {
    let dir = tempfile::tempdir().unwrap();
    for day in 1..=5 {
        fs::write(dir.path().join(format!("fleetsheet.2020-01-0{day}.log")), "old").unwrap();
    }
    fs::write(dir.path().join("somebody-elses.log"), "kept").unwrap();
    let (mut writer, guard) = open(&log_to(dir.path().to_owned())).unwrap();
    for i in 0..20_000 {
        writeln!(writer, "line {i}").unwrap();
    }
    drop(guard);
    let mut names: Vec<String> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names.contains(&"somebody-elses.log".to_owned()), "{names:?}");
    let newest = fs::read_to_string(dir.path().join(&names[1])).unwrap();
    assert_eq!(newest.lines().count(), 20_000);
    assert!(newest.ends_with("line 19999\n"));
}

#[test]
fn a_directory_that_cannot_be_is_an_error_with_a_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.join("logs"), file] {
        let error = open(&log_to(path)).unwrap_err().to_string();
        assert!(error.contains("log.dir") && error.contains("may write to"), "{error}");
    }
}
