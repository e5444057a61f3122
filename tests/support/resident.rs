//! How much memory of a program was resident at most, as the system counts it.

use std::process::Output;
use std::time::Duration;

/// How often it is looked at. The figures hardly ever shrink, and only what comes within the last look is missed.
const LOOK: Duration = Duration::from_millis(2);

/// Runs the program to its end. Gives what it said, and the most kiB of a figure of `/proc/PID/status`: `VmHWM` is all that was
/// resident, `RssAnon` what is not the content of files, such as the program's own.
pub(crate) async fn watched(mut command: tokio::process::Command, figure: &str) -> (Output, u64) {
    let child = command.spawn().expect("starts");
    let status = format!("/proc/{}/status", child.id().expect("runs"));
    let mut ends = std::pin::pin!(child.wait_with_output());
    let mut peak = 0;
    loop {
        tokio::select! {
            output = &mut ends => return (output.expect("ends"), peak),
            () = tokio::time::sleep(LOOK) => peak = peak.max(resident(&status, figure).unwrap_or_default()),
        }
    }
}

/// A figure of this file, in kiB. None once the program has ended.
pub(crate) fn resident(status: &str, figure: &str) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}
