//! A seeded fleet with its spreadsheet, and a story that leads up to a day on which everything happens at once.
//!
//! The world starts as somebody has it who never ran fleetsheet: servers that carry versions, a sheet that people filled
//! in. A version that can be rolled back or a key that is spent needs a past, so the story has chapters: tell one, let a
//! pass see it, tell the next. After the last chapter it is the user's turn.

mod book;
mod names;
mod numbers;
mod roster;
mod story;

#[cfg(test)]
mod tests;

use std::time::Duration;

use anyhow::{Context, Result};

use crate::cloud::{ACCESS_KEY, CloudEmulator, Fleet, SECRET_KEY};
use crate::faults::Script;
use crate::prometheus::PrometheusEmulator;
use crate::sheets::SheetsEmulator;
use crate::smtp::{SmtpEmulator, SmtpOptions};
use numbers::Health;
use roster::Roster;
use story::World;

pub use names::{
    A_EDITORS, ACCOUNTS, AUDIT_TAB, Account, B_EDITORS, BAD_VERSION, BASE_ACCOUNT, CHANNEL_TAG, EDITOR, OWNER,
    OWNER_TAG, REGIONS, RELEASE_MANAGER, RELEASE_TAB, SERVER_TAB, SPREADSHEET, SRE, VERSION_TAG,
};
pub use story::Chapter;

/// The running emulators with their world. Dropping it ends them.
#[derive(Debug)]
pub struct Sandbox {
    sheets: SheetsEmulator,
    cloud: CloudEmulator,
    smtp: SmtpEmulator,
    prometheus: PrometheusEmulator,
    health: Health,
    roster: Roster,
    latency: Duration,
}

impl Sandbox {
    /// Starts the emulators with `servers` servers in the sheet; the same seed gives the same world. Answers take
    /// `latency` once the story is told.
    ///
    /// # Errors
    /// When no port of the loopback address can be had.
    pub async fn start(servers: u32, seed: u64, latency: Duration) -> Result<Self> {
        let mut fleet = Fleet::new(BASE_ACCOUNT);
        for account in ACCOUNTS {
            fleet.add_role(account.role_arn);
        }
        let roster = Roster::new(servers, seed);
        roster.populate(&mut fleet);
        let sheets = SheetsEmulator::start(book::book(&roster))
            .await
            .context("the spreadsheet cannot start")?;
        let cloud = CloudEmulator::start(fleet).await.context("the cloud cannot start")?;
        let smtp = SmtpEmulator::start(SmtpOptions::default())
            .await
            .context("the mail server cannot start")?;
        let prometheus = PrometheusEmulator::start().await.context("Prometheus cannot start")?;
        let health = Health::default();
        prometheus.serve(health.answers(sheets.desk(), cloud.editor()));
        Ok(Self {
            sheets,
            cloud,
            smtp,
            prometheus,
            health,
            roster,
            latency,
        })
    }

    /// The spreadsheet.
    #[must_use]
    pub fn sheets(&self) -> &SheetsEmulator {
        &self.sheets
    }

    /// The cloud.
    #[must_use]
    pub fn cloud(&self) -> &CloudEmulator {
        &self.cloud
    }

    /// The mail server.
    #[must_use]
    pub fn smtp(&self) -> &SmtpEmulator {
        &self.smtp
    }

    /// The monitoring.
    #[must_use]
    pub fn prometheus(&self) -> &PrometheusEmulator {
        &self.prometheus
    }

    /// Lets every version that a rollout brings do badly, or well again. [`BAD_VERSION`] always does.
    pub fn spoil(&self, bad: bool) {
        self.health.spoil(bad);
    }

    /// Forgets what the emulators wrote down of calls so far.
    pub fn forget_calls(&self) {
        self.sheets.desk().forget_writes();
        self.prometheus.forget_queries();
        let scripts = [
            self.cloud.script(),
            self.cloud.scoped_script(),
            self.sheets.script().clone(),
            self.smtp.script(),
            self.prometheus.script(),
        ];
        scripts.iter().for_each(Script::forget_calls);
        self.cloud.forget_requests();
    }

    /// What the emulators wait before each answer, for who sets rules of theirs anew.
    #[must_use]
    pub fn latency(&self) -> Duration {
        self.latency
    }

    /// How many servers the sheet had at the beginning.
    #[must_use]
    pub fn servers(&self) -> u32 {
        u32::try_from(self.roster.servers.len()).unwrap_or(u32::MAX)
    }

    /// The row of a channel's first server in the tab of servers.
    #[must_use]
    pub fn first_row(&self, channel: &str) -> Option<usize> {
        story::first_row(&self.sheets, &self.roster, channel)
    }

    /// Access key id and secret key, good for assuming the roles.
    #[must_use]
    pub fn credentials(&self) -> (&'static str, &'static str) {
        (ACCESS_KEY, SECRET_KEY)
    }

    /// The story, in order. A pass belongs after each chapter; the one after the last is the user's.
    #[must_use]
    pub fn story() -> &'static [Chapter] {
        &story::CHAPTERS
    }

    /// Lets people and the cloud do what the chapter says.
    pub fn tell(&self, chapter: &Chapter) {
        (chapter.happens)(&World {
            sheets: &self.sheets,
            cloud: &self.cloud,
            roster: &self.roster,
        });
        if chapter.is_last() {
            self.sheets.script().set_latency(self.latency);
            self.cloud.script().set_latency(self.latency);
            self.smtp.script().set_latency(self.latency);
        }
    }
}
