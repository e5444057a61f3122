//! Results that cannot be written: a full disk is a failure of every command, a reader that went away is not.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs::{File, OpenOptions};
use std::process::Stdio;

use crate::stage::Stage;

/// Every command that prints and ends.
const COMMANDS: [&[&str]; 11] = [
    &["--once"],
    &["plan"],
    &["check"],
    &["init", "--dry-run"],
    &["explain", "web-prod"],
    &["history"],
    &["completions", "bash"],
    &["man"],
    &["sandbox"],
    &["--help"],
    &["--version"],
];

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
                let ended = stage.command(&arguments).stdout(out).output().await.unwrap();
                let stderr = String::from_utf8_lossy(&ended.stderr);
                assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {stderr}");
                assert!(stderr.contains("standard output"), "{arguments:?}: {stderr}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_went_away_is_not_a_failure() {
    let (stage, _) = Stage::known(3).await;
    for command in COMMANDS
        .iter()
        .filter(|command| !matches!(command[0], "sandbox" | "check"))
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = stage
            .command(command)
            .stdout(Stdio::from(writer))
            .output()
            .await
            .unwrap();
        let stderr = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(0), "{command:?}: {stderr}");
        assert!(!stderr.contains("standard output"), "{command:?}: {stderr}");
    }
}
