//! One log line: `TIME LEVEL target: message field=value`, or a JSON object with `severity`, `time` and `message`, the
//! names that Google Cloud Logging looks for, and which CloudWatch can query like any others. What a span says, such as a
//! pass's run, is also a label.

use std::fmt::{self, Write};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::config::LogFormat;
use crate::text::{is_hidden, write_shown};

/// The formatter. Spans must keep their fields as JSON.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogLine {
    format: LogFormat,
}

impl LogLine {
    pub(super) fn new(format: LogFormat) -> Self {
        Self { format }
    }
}

impl<S, N> FormatEvent<S, N> for LogLine
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let (mut fields, mut labels) = (Fields(Map::new()), Map::new());
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            let extensions = span.extensions();
            let kept = extensions.get::<FormattedFields<N>>().map(|kept| kept.fields.as_str());
            if let Some(Ok(kept)) = kept.map(serde_json::from_str::<Map<String, Value>>) {
                labels.extend(kept.iter().map(|(name, value)| (name.clone(), label(value))));
                fields.0.extend(kept);
            }
        }
        event.record(&mut fields);
        let mut fields = fields.0;
        let message = fields.remove("message").unwrap_or_default();
        // Lines of the log crate bring their true target as a field.
        let bridged = fields.remove("log.target");
        let target = bridged
            .as_ref()
            .and_then(Value::as_str)
            .unwrap_or(event.metadata().target());
        fields.retain(|name, _| !name.starts_with("log."));
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let level = *event.metadata().level();
        match self.format {
            LogFormat::Text => text(&mut out, &time, level, target, &message, &fields),
            LogFormat::Json => {
                if !labels.is_empty() {
                    fields.insert(LABELS.to_owned(), labels.into());
                }
                json(&mut out, time, level, target, message, fields)
            }
        }
    }
}

/// Where Google Cloud Logging looks for labels, which it indexes (Cloud Logging, structured logging).
const LABELS: &str = "logging.googleapis.com/labels";

/// Labels are text.
fn label(value: &Value) -> Value {
    match value {
        Value::String(_) => value.clone(),
        other => other.to_string().into(),
    }
}

fn text(
    out: &mut Writer<'_>,
    time: &str,
    level: Level,
    target: &str,
    message: &Value,
    fields: &Map<String, Value>,
) -> fmt::Result {
    write!(out, "{time} {level:>5} ")?;
    write_escaped(out, target)?;
    out.write_str(": ")?;
    match message {
        Value::String(message) => write_escaped(out, message)?,
        other => write_json(out, other)?,
    }
    for (name, value) in fields {
        out.write_char(' ')?;
        write_escaped(out, name)?;
        out.write_char('=')?;
        match value {
            Value::String(value) if is_plain(value) => out.write_str(value)?,
            other => write_json(out, other)?,
        }
    }
    writeln!(out)
}

fn json(
    out: &mut Writer<'_>,
    time: String,
    level: Level,
    target: &str,
    message: Value,
    fields: Map<String, Value>,
) -> fmt::Result {
    let severity = match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        _ => "DEBUG",
    };
    let mut object = Map::new();
    for (name, value) in fields {
        let taken = matches!(name.as_str(), "severity" | "time" | "target");
        object.insert(if taken { format!("{name}_") } else { name }, value);
    }
    object.insert("severity".to_owned(), severity.into());
    object.insert("time".to_owned(), time.into());
    object.insert("target".to_owned(), target.into());
    object.insert("message".to_owned(), message);
    write_json(out, &Value::Object(object))?;
    writeln!(out)
}

/// Whether a value reads alone without quotes.
fn is_plain(value: &str) -> bool {
    !value.is_empty()
        && !value
            .chars()
            .any(|c| c.is_whitespace() || is_hidden(c) || matches!(c, '"' | '=' | '\\'))
}

/// Writes text on one line. Backslashes are doubled, so that what looks like an escape was one.
fn write_escaped(out: &mut Writer<'_>, text: &str) -> fmt::Result {
    for c in text.chars() {
        match c {
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            '\\' => out.write_str("\\\\")?,
            c => write_shown(out, c)?,
        }
    }
    Ok(())
}

/// Writes JSON, with escapes for hidden characters beyond those that JSON asks for.
fn write_json(out: &mut Writer<'_>, value: &Value) -> fmt::Result {
    value.to_string().chars().try_for_each(|c| write_shown(out, c))
}

/// Collects an event's fields.
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0
            .insert(field.name().trim_start_matches("r#").to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(error) = source {
            // Writing to a String cannot fail.
            let _ = write!(text, ": {error}");
            source = error.source();
        }
        self.put(field, text);
    }
}
