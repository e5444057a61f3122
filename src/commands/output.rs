//! What commands print and log: results on standard output, refusals on standard error, logs where the configuration says.

use std::io::{self, Write as _};

use serde_json::Value;

use crate::adapters::{stdout, terminal};
use crate::cli::Format;
use crate::config::Log;
use crate::refusal::Refusal;
use crate::report::json_line;
use crate::screen::Page;
use crate::telemetry::{self, Guard, TelemetryError};
use crate::text::plain;

/// What messages call it.
pub(super) const STDOUT: &str = "standard output";

/// Prints a result on standard output. A reader that went away is not a failure.
///
/// # Errors
/// When it could not be written.
pub(super) fn print(format: Format, json: &Value, page: &Page) -> Result<(), Refusal> {
    match format {
        Format::Json => print_text(&format!("{}\n", json_line(json))),
        Format::Text => print_text(&page.on(terminal::of_stdout())),
    }
}

/// Prints text on standard output, whatever the format.
///
/// # Errors
/// When it could not be written.
pub(super) fn print_text(text: &str) -> Result<(), Refusal> {
    stdout::write(text).map_err(|error| unwritten(&error))
}

/// A result that could not be written.
pub(super) fn unwritten(error: &io::Error) -> Refusal {
    Refusal::failed(format!(
        "cannot write the result to {STDOUT} ({error}); send it where there is space and writing is allowed"
    ))
}

/// Prints a refusal on standard error, one mistake a line.
pub(super) fn print_refusal(refusal: &Refusal) {
    let mut page = Page::default();
    for (i, line) in refusal.message.lines().enumerate() {
        let lead = if i == 0 { "fleetsheet: " } else { "  " };
        page.line(format!("{lead}{}", plain(line)));
    }
    let _ = write!(std::io::stderr().lock(), "{}", page.on(terminal::of_stderr()));
}

/// Where a command logs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Logs {
    /// Standard error, and files if `log.dir` is set.
    Files,
    /// Standard error only: commands that only look leave nothing behind.
    NoFiles,
}

/// Sets up the process's logs. They last as long as the guard.
///
/// # Errors
/// `RUST_LOG` cannot be read, or no files can be made.
pub(super) fn start_logs(log: &Log, verbosity: u8, logs: Logs) -> Result<Guard, TelemetryError> {
    let mut log = log.clone();
    if logs == Logs::NoFiles {
        log.dir = None;
    }
    let rust_log = std::env::var("RUST_LOG").ok();
    telemetry::init(&log, verbosity, rust_log.as_deref())
}
