//! Everything that a pass needs, one finding each: it is there and good, or what is wrong and what to do.
//!
//! Judges what `commands::check` found, and does nothing else. A thing that cannot be checked because another one is missing
//! says so; it does not count as good.

mod cloud;
mod local;
mod mail;
mod spreadsheet;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::problem::{Code, Kind, Problem};
use crate::text::plain;

pub use cloud::{Candidate, Sample, candidate, judge_create_tags, judge_listing, judge_overlaps};
pub use local::{judge_config, judge_directory, judge_environment, judge_permissions};
pub use mail::{judge_backlog, judge_test_mail};
pub use spreadsheet::{Seen, judge_spreadsheet, judge_store, judge_unseen_spreadsheet};

/// How many findings of one item a page shows: if every row of a sheet is wrong, there are thousands.
const SHOWN: usize = 20;

/// A thing that a pass needs. The words are part of the interface: scripts look for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// The configuration can be read and means something.
    Config,
    /// What the environment changes.
    Environment,
    /// Log files can be written.
    Logs,
    /// The state store can be opened and written.
    State,
    /// Files that hold secrets are there, and nobody else can read them.
    Credentials,
    /// Google gives an access token for them.
    Token,
    /// The spreadsheet can be read.
    Spreadsheet,
    /// It can be written.
    Editor,
    /// The tabs are there.
    Tabs,
    /// Their columns are there.
    Columns,
    /// Their cells can be read.
    Cells,
    /// The key columns are held by two groups.
    Protection,
    /// This store serves the spreadsheet.
    Store,
    /// An account gives us keys.
    Account,
    /// Servers of a region may be listed.
    DescribeInstances,
    /// They may be tagged.
    CreateTags,
    /// The mail server takes our login.
    Smtp,
    /// No mail waits, and no address was refused.
    Outbox,
    /// A mail was sent.
    TestMail,
}

impl Item {
    /// The name in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Environment => "environment",
            Self::Logs => "logs",
            Self::State => "state",
            Self::Credentials => "credentials",
            Self::Token => "token",
            Self::Spreadsheet => "spreadsheet",
            Self::Editor => "editor",
            Self::Tabs => "tabs",
            Self::Columns => "columns",
            Self::Cells => "cells",
            Self::Protection => "protection",
            Self::Store => "store",
            Self::Account => "account",
            Self::DescribeInstances => "describe_instances",
            Self::CreateTags => "create_tags",
            Self::Smtp => "smtp",
            Self::Outbox => "outbox",
            Self::TestMail => "test_mail",
        }
    }

    /// The kind of the problem that it makes when it is wrong: what a pass would report it as.
    fn kind(self) -> Kind {
        match self {
            Self::Tabs | Self::Columns | Self::Protection | Self::Store => Kind::Belt,
            Self::Cells => Kind::BadCell,
            _ => Kind::ApiFailure,
        }
    }
}

/// What was found of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is good.
    Ok,
    /// A pass works, but somebody should know.
    Note,
    /// A pass would not work, or not be safe.
    Wrong,
    /// Something else has to be good first.
    NotChecked,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Wrong => "wrong",
            Self::NotChecked => "not_checked",
        }
    }

    /// The word that stands out in a page.
    fn shown(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Wrong => "WRONG",
            Self::NotChecked => "not checked",
        }
    }
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The thing.
    pub item: Item,
    /// Whether it is good.
    pub verdict: Verdict,
    /// A setting, file, cell, account or region.
    pub place: String,
    /// What was found, in words; says what to do unless `fix` does.
    pub message: String,
    /// What to do, where it can be said apart.
    pub fix: Option<String>,
}

impl Finding {
    fn new(item: Item, verdict: Verdict, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            item,
            verdict,
            place: place.into(),
            message: message.into(),
            fix: None,
        }
    }

    /// It is good.
    pub fn ok(item: Item, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(item, Verdict::Ok, place, message)
    }

    /// A pass works, but somebody should know.
    pub fn note(item: Item, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(item, Verdict::Note, place, message)
    }

    /// A pass would not work.
    pub fn wrong(item: Item, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(item, Verdict::Wrong, place, message)
    }

    /// It could not be checked because `needs` is not good.
    pub fn not_checked(item: Item, place: impl Into<String>, needs: &str) -> Self {
        Self::new(item, Verdict::NotChecked, place, format!("not checked: {needs}"))
    }

    /// Adds what to do.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// Whether a pass would work, as far as this thing is concerned.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        matches!(self.verdict, Verdict::Ok | Verdict::Note)
    }

    /// What is wrong and what to do.
    fn words(&self) -> String {
        match &self.fix {
            Some(fix) => format!("{}; {fix}", self.message),
            None => self.message.clone(),
        }
    }

    fn problem(&self) -> Problem {
        Problem::new(self.item.kind(), Code::Prerequisite, &*self.place, self.words())
    }
}

/// All findings, in the order of the items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Puts findings in order.
    #[must_use]
    pub fn new(mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|finding| finding.item);
        Self(findings)
    }

    /// 0 when a pass would work, 2 when the configuration keeps it from that, else 1.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let bad = |line: &&Finding| !line.is_ok();
        let configured = |line: &Finding| matches!(line.item, Item::Config | Item::Environment);
        match self
            .0
            .iter()
            .filter(bad)
            .map(configured)
            .reduce(|one, other| one || other)
        {
            None => 0,
            Some(true) => 2,
            Some(false) => 1,
        }
    }

    /// The one object of `--format json`.
    #[must_use]
    pub fn json(&self, run: &str, calls: &BTreeMap<String, u64>) -> Value {
        let checks: Vec<Value> = self.0.iter().map(check_json).collect();
        let bad = self.0.iter().filter(|line| !line.is_ok());
        let problems: Vec<Problem> = bad.map(Finding::problem).collect();
        let outcome = if problems.is_empty() { "done" } else { "failed" };
        json!({ "run": run, "outcome": outcome, "checks": checks, "problems": problems, "calls": calls })
    }

    /// The page of `--format text`.
    #[must_use]
    pub fn text(&self) -> String {
        let width =
            |words: fn(&Finding) -> &'static str| self.0.iter().map(|line| words(line).len()).max().unwrap_or(0);
        let (verdicts, items) = (width(|line| line.verdict.shown()), width(|line| line.item.word()));
        let mut page = String::new();
        let mut shown: BTreeMap<(Item, Verdict), usize> = BTreeMap::new();
        for line in &self.0 {
            let count = shown.entry((line.item, line.verdict)).or_default();
            *count += 1;
            let (verdict, item) = (line.verdict.shown(), line.item.word());
            if *count > SHOWN {
                continue;
            }
            let place = match line.place.as_str() {
                place if line.message.starts_with(place) => String::new(),
                place => format!("{}: ", plain(place)),
            };
            let words = match line.verdict {
                // The first column says it.
                Verdict::NotChecked => line.message.trim_start_matches("not checked: ").to_owned(),
                _ => line.words(),
            };
            let _ = writeln!(page, "{verdict:verdicts$}  {item:items$}  {place}{}", plain(&words));
        }
        for ((item, verdict), count) in shown.iter().filter(|(_, count)| **count > SHOWN) {
            let (more, verdict, item) = (count - SHOWN, verdict.shown(), item.word());
            let _ = writeln!(
                page,
                "{verdict:verdicts$}  {item:items$}  … and {more} more; --format json lists all"
            );
        }
        page.push('\n');
        page.push_str(&self.conclusion());
        page
    }

    fn conclusion(&self) -> String {
        let count = |verdict| self.0.iter().filter(|line| line.verdict == verdict).count();
        match (count(Verdict::Wrong), count(Verdict::NotChecked)) {
            (0, 0) => "a pass would work\n".into(),
            (wrong, 0) => format!("a pass would not work as it should: {wrong} wrong\n"),
            (wrong, rest) => format!("a pass would not work as it should: {wrong} wrong, {rest} not checked\n"),
        }
    }
}

fn check_json(line: &Finding) -> Value {
    let Finding {
        item,
        verdict,
        place,
        message,
        fix,
    } = line;
    let mut check = json!({
        "check": item.word(), "ok": line.is_ok(), "verdict": verdict.word(), "where": place, "message": message,
    });
    if let Some(fix) = fix {
        check["fix"] = fix.as_str().into();
    }
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_says_whether_a_pass_would_work() {
        let code = |lines: &[Finding]| Findings::new(lines.to_vec()).exit_code();
        let ok = Finding::ok(Item::Config, "", "");
        let note = Finding::note(Item::Environment, "", "");
        let wrong = Finding::wrong(Item::Token, "", "");
        assert_eq!(code(&[ok.clone(), note.clone()]), 0);
        assert_eq!(code(&[ok.clone(), wrong.clone()]), 1);
        assert_eq!(code(&[ok, Finding::not_checked(Item::Token, "", "")]), 1);
        assert_eq!(code(&[wrong, Finding::wrong(Item::Config, "", "")]), 2);
    }

    #[test]
    fn a_page_is_in_order_aligned_short_and_plain() {
        let mut lines = vec![Finding::not_checked(Item::Token, "", "no key").fix("x")];
        lines.extend((0..SHOWN + 5).map(|row| Finding::note(Item::Cells, format!("A{row}"), "a\u{1b}[31m")));
        lines.push(Finding::wrong(Item::Config, "mode", "is wrong").fix("correct it"));
        let page = Findings::new(lines).text();
        let expected = "WRONG        config  mode: is wrong; correct it\nnot checked  token   no key\n";
        assert!(page.starts_with(expected), "{page}");
        assert!(page.contains("note         cells   … and 5 more"), "{page}");
        assert!(page.contains("A19: a\\u{1b}[31m") && !page.contains("A20"), "{page}");
        assert!(
            page.ends_with("\n\na pass would not work as it should: 1 wrong, 1 not checked\n"),
            "{page}"
        );
    }
}
