//! Logs: lines of text or JSON on standard error, and the same lines in daily files.
//! Standard output is left to reports. Whatever the level, modules that print tokens or request bodies stay silent
//! below a warning, and no value can smuggle control characters into a line.

mod line;

use std::io;
use std::path::PathBuf;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata, Subscriber};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::InitError;
use tracing_subscriber::filter::{FilterFn, ParseError, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Layer};

use crate::adapters::files::{self, DailyFile};
use crate::config::{Log, LogFormat};
use line::LogLine;

/// Crates that print tokens, signed requests or bodies below a warning: yup-oauth2 logs the token endpoint's whole
/// answer at debug, the AWS runtime and the HTTP stack log requests and frames at trace.
const CAPPED: [&str; 9] = [
    "google_apis_common",
    "google_sheets4",
    "h2",
    "hyper",
    "hyper_rustls",
    "hyper_util",
    "lettre",
    "rustls",
    "yup_oauth2",
];
/// All crates of the AWS SDK.
const CAPPED_PREFIX: &str = "aws_";

/// Lines that may wait for the disk. When there are so many, the program waits too and drops none. So few are written
/// within the second that the guard gives its thread at the end.
const QUEUED_LINES: usize = 8192;

/// Why logs could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `RUST_LOG` is not a list of directives.
    #[error("RUST_LOG cannot be read; write levels such as info or fleetsheet=debug, joined by commas")]
    Filter(#[source] ParseError),
    /// The directory is not there and cannot be made.
    #[error("cannot make log.dir {dir:?}; name a directory that this user may write to, or \"\" for no files")]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No file can be opened in the directory.
    #[error("cannot make files in log.dir {dir:?}; name a directory that this user may write to, or \"\" for no files")]
    File {
        /// The directory.
        dir: PathBuf,
        /// Why.
        #[source]
        source: InitError,
    },
    /// Logs were set up before.
    #[error("the logs of this process are set up already")]
    Twice(#[source] TryInitError),
}

/// Writes the last lines when it is dropped: hold it to the end of `main`, and leave by returning, since
/// `std::process::exit` drops nothing.
#[derive(Debug)]
#[must_use = "lines that are not yet in the file are lost without it"]
pub struct Guard {
    _worker: Option<WorkerGuard>,
}

/// Sets up the process's logs. `verbosity` counts the `-v`; `rust_log` is the value of `RUST_LOG`, which decides alone
/// when it is set.
///
/// # Errors
/// See [`TelemetryError`]; nothing was set up then.
pub fn init(log: &Log, verbosity: u8, rust_log: Option<&str>) -> Result<Guard, TelemetryError> {
    let filter = filter(verbosity, rust_log)?;
    let (file, worker) = match &log.dir {
        Some(_) => open(log).map(|(writer, worker)| (Some(writer), Some(worker)))?,
        None => (None, None),
    };
    subscriber(filter, log.format, io::stderr, file)
        .try_init()
        .map_err(TelemetryError::Twice)?;
    Ok(Guard { _worker: worker })
}

fn subscriber<W>(filter: EnvFilter, format: LogFormat, writer: W, file: Option<NonBlocking>) -> impl Subscriber
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let format = LogLine::new(format);
    tracing_subscriber::registry()
        .with(filter)
        .with(cap())
        .with(layer(format, writer))
        .with(file.map(|file| layer(format, file)))
}

/// What is logged: what `rust_log` says, else warnings of most others, and of ourselves as much as `verbosity` asks for.
fn filter(verbosity: u8, rust_log: Option<&str>) -> Result<EnvFilter, TelemetryError> {
    if let Some(directives) = rust_log.filter(|directives| !directives.trim().is_empty()) {
        return EnvFilter::try_new(directives).map_err(TelemetryError::Filter);
    }
    let ours = match verbosity {
        0 => LevelFilter::INFO,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    // It warns of each place without credentials with the debug form of an error, pages of it; what comes of it is reported in words.
    EnvFilter::try_new(format!("warn,aws_config=error,fleetsheet={ours}")).map_err(TelemetryError::Filter)
}

/// Lets nothing below a warning pass from [`CAPPED`] modules. It sees the true target of lines that come through the
/// `log` crate, too.
fn cap() -> FilterFn<fn(&Metadata<'_>) -> bool> {
    fn may_pass(metadata: &Metadata<'_>) -> bool {
        let root = metadata.target().split("::").next().unwrap_or_default();
        *metadata.level() <= Level::WARN || !(CAPPED.contains(&root) || root.starts_with(CAPPED_PREFIX))
    }
    filter_fn(may_pass)
}

fn layer<S, W>(format: LogLine, writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .fmt_fields(JsonFields::new())
        .event_format(format)
        .with_writer(writer)
}

/// Opens today's file (days are UTC days), forgets those beyond `log.keep_days`, and starts the thread that writes.
fn open(log: &Log) -> Result<(NonBlocking, WorkerGuard), TelemetryError> {
    let dir = log.dir.clone().unwrap_or_default();
    if let Err(source) = files::make_directory(&dir) {
        return Err(TelemetryError::Directory { dir, source });
    }
    let keep = usize::try_from(log.keep_days).unwrap_or(usize::MAX);
    let file = match DailyFile::open(dir.clone(), keep) {
        Ok(file) => file,
        Err(source) => return Err(TelemetryError::File { dir, source }),
    };
    let (writer, worker) = NonBlockingBuilder::default()
        .lossy(false)
        .buffered_lines_limit(QUEUED_LINES)
        .thread_name("log-file")
        .finish(file);
    Ok((writer, worker))
}

#[cfg(test)]
mod tests;
