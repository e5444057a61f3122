//! `schedule.cron`: read once, where the configuration is read, and carried as what it means.

use std::fmt;

use chrono::{DateTime, Utc};
use croner::errors::CronError;
use croner::parser::{CronParser, Seconds};

/// A line of six cron fields, seconds first, in UTC. Two are equal if they are written alike.
#[derive(Clone)]
pub struct Cron {
    line: String,
    parsed: croner::Cron,
}

impl Cron {
    /// Reads a line.
    ///
    /// # Errors
    /// It is not a cron line of six fields.
    pub fn parse(line: &str) -> Result<Self, CronError> {
        // As the trigger of the service reads it.
        let parser = CronParser::builder()
            .seconds(Seconds::Required)
            .dom_and_dow(true)
            .build();
        Ok(Self {
            line: line.to_owned(),
            parsed: parser.parse(line)?,
        })
    }

    /// The line as it was written.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.line
    }

    /// The first time after `after` that it names; `None` if there is none.
    #[must_use]
    pub fn next(&self, after: &DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.parsed.find_next_occurrence(after, false).ok()
    }
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.line == other.line
    }
}

impl Eq for Cron {}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.line.fmt(f)
    }
}
