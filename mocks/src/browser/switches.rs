//! Switches that break the world, and the rules of the emulators behind them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::story::REGION;
use crate::faults::{Fault, When};
use crate::sandbox::{ACCOUNTS, BAD_VERSION, Sandbox};

/// Name, what it says, and what it does.
const SWITCHES: [(&str, &str, &str); 5] = [
    (
        "throttle",
        "EC2 throttles",
        "Two of three calls to EC2 are refused as too many.",
    ),
    (
        "away",
        "Region us-east-1 is away",
        "EC2 of that region answers 503, in both accounts.",
    ),
    (
        "google",
        "Google is down",
        "The Sheets API answers 503 to the service. You can still type.",
    ),
    ("mail", "The mail server is down", "It hangs up before it says a word."),
    (
        "bad",
        "The new version is bad",
        "Whatever rolls out makes errors and is slow.",
    ),
];

/// Which are on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Switches(BTreeMap<&'static str, bool>);

impl Switches {
    /// Whether one is on.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// Turns one, and breaks or mends the world; `false` if there is none of this name.
    pub(super) fn turn(&mut self, name: &str, on: bool, world: &Sandbox) -> bool {
        let Some((name, ..)) = SWITCHES.iter().find(|(known, ..)| *known == name) else {
            return false;
        };
        self.0.insert(name, on);
        self.apply(world);
        true
    }

    /// Rules cannot be taken out one by one, so all are made anew.
    fn apply(&self, world: &Sandbox) {
        let (cloud, scoped) = (world.cloud().script(), world.cloud().scoped_script());
        let (sheets, smtp) = (world.sheets().script(), world.smtp().script());
        for script in [&cloud, &scoped, sheets, &smtp] {
            script.clear();
        }
        for script in [&cloud, sheets, &smtp] {
            script.set_latency(world.latency());
        }
        if self.is_on("throttle") {
            cloud.fail("ec2.*", When::AllBut(3), Fault::Throttle);
        }
        if self.is_on("away") {
            for account in ACCOUNTS {
                world.cloud().switch_off(account.number, REGION, Fault::Status(503));
            }
        }
        if self.is_on("google") {
            sheets.fail("sheets.*", When::Every, Fault::Status(503));
        }
        if self.is_on("mail") {
            smtp.fail("smtp.CONNECT", When::Every, Fault::ResetBefore);
        }
        world.spoil(self.is_on("bad"));
    }

    /// What the page shows.
    pub(super) fn shown(&self) -> Value {
        let all = SWITCHES.iter().map(|(name, title, what)| {
            let what = match *name {
                "bad" => format!("{what} ({BAD_VERSION} always does.)"),
                _ => (*what).to_owned(),
            };
            json!({ "name": name, "title": title, "what": what, "on": self.is_on(name) })
        });
        all.collect()
    }
}
