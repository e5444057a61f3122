//! All findings of a check: as one JSON object, as a page, and as an exit code.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Finding, Item, Verdict};
use crate::problem::Problem;
use crate::screen::{Look, Page};
use crate::text::plain;

/// How many findings of one item a page shows: if every row of a sheet is wrong, there are thousands.
const SHOWN: usize = 20;

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
    pub fn text(&self) -> Page {
        let width =
            |words: fn(&Finding) -> &'static str| self.0.iter().map(|line| words(line).len()).max().unwrap_or(0);
        let (verdicts, items) = (width(|line| line.verdict.shown()), width(|line| line.item.word()));
        let mut page = Page::default();
        let mut add = |verdict: Verdict, item: Item, words: String| {
            let lead = format!("{:verdicts$}  {:items$}  ", verdict.shown(), item.word());
            page.entry((lead, verdict.look()), (words, Look::Plain));
        };
        let mut shown: BTreeMap<(Item, Verdict), usize> = BTreeMap::new();
        for line in &self.0 {
            let count = shown.entry((line.item, line.verdict)).or_default();
            *count += 1;
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
            add(line.verdict, line.item, format!("{place}{}", plain(&words)));
        }
        for ((item, verdict), count) in shown.iter().filter(|(_, count)| **count > SHOWN) {
            let more = count - SHOWN;
            add(*verdict, *item, format!("… and {more} more; --format json lists all"));
        }
        page.blank();
        let good = self.0.iter().all(Finding::is_ok);
        page.looking(self.conclusion(), if good { Look::Good } else { Look::Bad });
        page
    }

    fn conclusion(&self) -> String {
        let count = |verdict| self.0.iter().filter(|line| line.verdict == verdict).count();
        match (count(Verdict::Wrong), count(Verdict::NotChecked)) {
            (0, 0) => "a pass would work".into(),
            (wrong, 0) => format!("a pass would not work as it should: {wrong} wrong"),
            (wrong, rest) => format!("a pass would not work as it should: {wrong} wrong, {rest} not checked"),
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
        let page = Findings::new(lines).text().to_string();
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
