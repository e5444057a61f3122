//! Fleets of a shape: how many servers, in how many accounts' regions, with how many different tags to give.

use std::fmt;
use std::fmt::Write as _;

use crate::stage::ACCOUNT;

/// What a fleet is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) servers: usize,
    /// Accounts and regions.
    pub(crate) pairs: usize,
    /// Channels, each of which is promoted to a version of its own: as many different sets of tags.
    pub(crate) sets: usize,
    /// Whether every tenth call to EC2 is throttled, whatever the bucket holds.
    pub(crate) throttled: bool,
}

impl Shape {
    pub(crate) const fn new(servers: usize, pairs: usize, sets: usize) -> Self {
        Self {
            servers,
            pairs,
            sets,
            throttled: false,
        }
    }

    /// The same, with every tenth call throttled.
    pub(crate) const fn throttled(self) -> Self {
        Self {
            throttled: true,
            ..self
        }
    }

    /// The accounts' regions: up to eight regions an account.
    pub(crate) fn places(&self) -> Vec<(String, String)> {
        let place = |n: usize| {
            let account = match n / 8 {
                0 => ACCOUNT.to_owned(),
                more => format!("2222222222{more:02}"),
            };
            (account, format!("eu-west-{}", n % 8 + 1))
        };
        (0..self.pairs).map(place).collect()
    }

    /// Where a server is, and which channel it is in. Every place has servers of every channel, if it has enough of them.
    pub(crate) fn of(&self, server: usize) -> (usize, usize) {
        (server % self.pairs, server / self.pairs % self.sets)
    }

    /// The accounts, as the configuration has them.
    pub(crate) fn accounts(&self) -> String {
        let mut text = String::new();
        let places = self.places();
        for of_account in places.chunks(8) {
            let Some((account, _)) = of_account.first() else {
                continue;
            };
            let regions: Vec<String> = of_account.iter().map(|(_, region)| format!("\"{region}\"")).collect();
            let _ = writeln!(
                text,
                "[[aws.account]]\nname = \"a{account}\"\nregions = [{}]",
                regions.join(", ")
            );
            if account != ACCOUNT {
                let _ = writeln!(text, "role_arn = \"{}\"", role(account));
            }
        }
        text
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} servers, {} pairs, {} sets", self.servers, self.pairs, self.sets)?;
        if self.throttled {
            write!(f, ", throttled")
        } else {
            Ok(())
        }
    }
}

pub(crate) fn role(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/fleetsheet")
}

pub(crate) fn channel(n: usize) -> String {
    format!("web-{n}")
}

/// The version that a channel is promoted to.
pub(crate) fn version(n: usize) -> String {
    format!("2.4.{n}")
}

pub(crate) const BEFORE: &str = "2.3.9";

pub(crate) fn id(server: usize) -> String {
    format!("i-{server:017x}")
}
