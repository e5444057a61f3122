//! Results that cannot be written: a full disk is a failure of every command, a reader that went away is not.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::process::{Output, Stdio};

use crate::stage::Stage;

/// Every command that prints and ends.
const COMMANDS: [&[&str]; 13] = [
    &["--once"],
    &["plan"],
    &["check"],
    &["init", "--dry-run"],
    &["add", "--filter", "Env=prod", "--dry-run"],
    &["explain", "web-prod"],
    &["history"],
    &["status"],
    &["completions", "bash"],
    &["man"],
    &["sandbox"],
    &["--help"],
    &["--version"],
];

/// Runs a command whose standard output is `out`.
async fn run(stage: &Stage, arguments: &[&str], out: impl Into<Stdio>) -> Output {
    let mut command = stage.command(arguments);
    // `output` would give it another one.
    command.stdout(out).stderr(Stdio::piped()).kill_on_drop(true);
    command.spawn().unwrap().wait_with_output().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_cannot_be_written_is_a_failure_of_every_command() {
    let (stage, _) = Stage::known(3).await;
    for command in COMMANDS {
        for format in ["text", "json"] {
            let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
            let unwritable = File::open("/dev/null").unwrap();
            // clap writes help itself.
            let by_clap = command[0] == "--help" || command[0] == "--version";
            for out in [Some(full), Some(unwritable).filter(|_| !by_clap)]
                .into_iter()
                .flatten()
            {
                let arguments = [&["--format", format], command].concat();
                let ended = run(&stage, &arguments, out).await;
                let stderr = String::from_utf8_lossy(&ended.stderr);
                assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {stderr}");
                let said = stderr.lines().filter(|line| line.contains("standard output"));
                assert_eq!(said.count(), 1, "{arguments:?}: {stderr}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_went_away_is_not_a_failure() {
    let (stage, _) = Stage::known(3).await;
    let ends = |command: &&&[&str]| !matches!(command[0], "sandbox" | "check");
    for command in COMMANDS.iter().filter(ends) {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = run(&stage, command, writer).await;
        let stderr = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(0), "{command:?}: {stderr}");
        assert!(!stderr.contains("standard output"), "{command:?}: {stderr}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_fits_only_in_part_is_a_failure_and_one_that_is_read_slowly_is_not() {
    let (stage, _) = Stage::known(3).await;
    // What a size limit lets through is written, the rest is not.
    let path = stage.path("report");
    let program = stage.command(&["--help"]).as_std().get_program().to_owned();
    let script = format!(
        "ulimit -f 1; trap '' XFSZ; exec {} man > {}",
        program.display(),
        path.display()
    );
    let ended = tokio::process::Command::new("sh")
        .args(["-c", &script])
        .output()
        .await
        .unwrap();
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("standard output"), "{stderr}");
    assert!(std::fs::metadata(&path).unwrap().len() > 0);

    let (writer, reader) = tokio::net::unix::pipe::pipe().unwrap();
    let mut reader = File::from(reader.into_blocking_fd().unwrap());
    let reads = tokio::task::spawn_blocking(move || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    });
    let ended = run(&stage, &["completions", "zsh"], writer.into_nonblocking_fd().unwrap()).await;
    assert_eq!(
        ended.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    assert!(reads.await.unwrap().contains("fleetsheet"));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_is_an_object_too_where_json_was_asked_for() {
    let (stage, _) = Stage::known(1).await;
    for (arguments, says) in [
        (&["plan", "--format", "json", "--nope"][..], "--nope"),
        (&["--format=json", "rollback", "web-prod"], "--reason"),
        (&["--format", "json"], "say what to do"),
    ] {
        let ran = stage.run(arguments).await;
        assert_eq!((ran.code, &ran.json["outcome"]), (2, &"failed".into()), "{ran:?}");
        let problems = ran.problems();
        assert!(problems.len() == 1 && problems[0].contains(says), "{problems:?}");
        assert!(!problems[0].contains("Usage:") && !ran.stderr.is_empty(), "{ran:?}");
        assert_eq!(ran.stdout.lines().count(), 1, "one object");
    }
    let text = stage.run(&["plan", "--nope"]).await;
    assert_eq!((text.code, text.stdout.as_str()), (2, ""), "{text:?}");
    let help = stage.run(&["--format", "json", "--help"]).await;
    assert!(help.code == 0 && help.stdout.contains("Usage:"), "{help:?}");
}
