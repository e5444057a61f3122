//! Gates: what is asked, what each answer means, and what counts in a row.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agents;
mod asked;
mod counted;
mod read;

use std::time::Duration;

use fleetsheet::fleet::Source;
use fleetsheet::gate::{Alarms, Gate, Kind, Query, Template};

fn query(text: &str) -> Query {
    Query {
        query: Template::query(text).unwrap(),
        min: None,
        max: None,
        ratio: None,
        slack: 0.0,
        samples: None,
        min_samples: None,
        window: Duration::from_secs(300),
    }
}

fn alarms(names: &[&str]) -> Alarms {
    Alarms {
        names: names.iter().map(|name| Template::name(name).unwrap()).collect(),
        source: Source {
            account: "main".into(),
            region: "eu-west-1".into(),
        },
        trust_missing: false,
    }
}

fn gate(kind: Kind) -> Gate {
    Gate {
        name: "errors".to_owned(),
        kind,
        passes: 3,
        failures: 2,
        interval: Duration::from_secs(45),
        report_only: false,
    }
}
