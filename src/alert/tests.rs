//! Letters in words, over time, and against hostile text.

mod failing;
mod fixes;
mod rollouts;
mod safety;
mod time;
mod words;

use chrono::{DateTime, TimeDelta, Utc};

use super::page::Page;
use super::*;
use crate::mail::{Digest, Item, Letter, News, Reach};
use crate::problem::{Code, Kind, Problem};
use crate::sheet::names::{Keyholders, Names};
use crate::sheet::parse::Sheet;

const HOUR: TimeDelta = TimeDelta::hours(1);

fn start() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::hours(10)
}

fn names() -> Names {
    let none: [String; 0] = [];
    Names {
        release_tab: "ReleaseSheet".into(),
        server_tab: "ServerTagAssignment".into(),
        audit_tab: "AuditLog".into(),
        managed: Vec::new(),
        server_authority: [].into(),
        keyholders: Keyholders::new(&none, &none, &none, None),
    }
}

fn news(event: &str, kind: Kind) -> News {
    News {
        at: start(),
        kind,
        event: event.into(),
        channel: "web-prod".into(),
        from: "2.3.9".into(),
        to: "2.4.0".into(),
        place: "web-prod".into(),
        link: "https://docs.google.com/spreadsheets/d/book/edit#gid=11&range=4:4".into(),
        text: String::new(),
        advice: String::new(),
        cause: String::new(),
        reach: Some(Reach {
            carrying: 1412,
            concerned: 1415,
            failed: 3,
            already: 0,
        }),
        waves: Vec::new(),
    }
}

fn item(kind: Kind, code: &str, place: &str, message: &str) -> Item {
    Item {
        fingerprint: format!("{}:{code}:{place}", kind.word()),
        kind,
        code: code.into(),
        place: place.into(),
        link: "https://docs.google.com/spreadsheets/d/book/edit#gid=11&range=B4".into(),
        message: message.into(),
        since: start() - HOUR * 3,
        until: None,
        unsteady: false,
    }
}

fn empty() -> Digest {
    Digest {
        run: "20241004T100000Z-0a1b2c3d".into(),
        at: start(),
        sheet: "https://docs.google.com/spreadsheets/d/book/edit".into(),
        observe: false,
        failing: false,
        news: Vec::new(),
        new: Vec::new(),
        open: Vec::new(),
        resolved: Vec::new(),
        failures: Vec::new(),
        ended: String::new(),
    }
}

/// A digest with something of everything.
fn full() -> Digest {
    let mut edit = news("unauthorised_edit", Kind::UnauthorisedEdit);
    edit.place = "ReleaseSheet!G4".into();
    edit.text =
        "service cells of api-prod were changed by hand (ReleaseSheet!G4 from \"8.2.1\" to \"9.9.9\"); they are \
                 restored, and both keys must be typed again"
            .into();
    let missing = |n: u32| {
        let id = format!("i-{n:017x}");
        let words = format!(
            "{id} was not found in any configured account and region since 2024-10-04 07:00 UTC; if it is gone for good, \
             delete its row"
        );
        item(Kind::Mismatch, "missing", &id, &words)
    };
    let cell = "ReleaseSheet!B7 holds the number 1.1; a version must be text: format the column as Plain text and type it again";
    let belt = "belt unapproved: 312 of 1500 servers would change without two keys (limit 10 %, 150); if it is meant, run \
                fleetsheet --once --allow unapproved";
    let source = "main/eu-west-1 did not answer, so its servers are left as they are: the role cannot be assumed";
    let mut gone = item(
        Kind::BadCell,
        "checkbox",
        "ReleaseSheet!D9",
        "ReleaseSheet!D9 holds the text maybe; tick it",
    );
    gone.until = Some(start() - HOUR);
    let mut open = item(Kind::ApiFailure, "source", "main/eu-west-1", source);
    open.unsteady = true;
    Digest {
        news: vec![edit, news("promotion", Kind::Release)],
        new: (0..1203)
            .map(missing)
            .chain([
                item(Kind::BadCell, "version", "ReleaseSheet!B7", cell),
                item(Kind::Belt, "unapproved", "ServerTagAssignment", belt),
            ])
            .collect(),
        open: vec![open],
        resolved: vec![gone],
        ..empty()
    }
}
