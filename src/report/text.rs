//! The report and the plan as pages for people.

use serde_json::Value;

use super::Report;
use crate::pass_end::Ending;
use crate::plan::{Happening, Phase, RolloutPlan, RolloutRule, Tone};
use crate::problem::Code;
use crate::screen::{GLUE, Look, Page, Row};
use crate::settle::ChannelLine;
use crate::stages::millis;
use crate::text::{plain, thousands, write_shown};

/// How many of a long list are shown.
const SHOWN: usize = 12;

/// JSON on one line, with escapes for hidden characters beyond those that JSON asks for: it may be read on a terminal.
#[must_use]
pub fn json_line(value: &Value) -> String {
    let mut line = String::new();
    for c in value.to_string().chars() {
        let _ = write_shown(&mut line, c);
    }
    line
}

fn fold<T>(page: &mut Page, list: &[T], mut show: impl FnMut(&mut Page, &T)) {
    for item in list.iter().take(SHOWN) {
        show(page, item);
    }
    if list.len() > SHOWN {
        page.line(format!("  … and {} more", thousands(list.len())));
    }
}

impl Report {
    /// The page of `--format text`.
    #[must_use]
    pub fn text(&self) -> Page {
        page(self)
    }

    /// The same with the time of each stage, for `-v`.
    #[must_use]
    pub fn text_in_full(&self) -> Page {
        let mut page = page(self);
        self.show_stages(&mut page);
        page
    }

    /// Adds the time of each stage, for `-v`.
    pub fn show_stages(&self, page: &mut Page) {
        let stages = self.stages.iter();
        let stages: Vec<String> = stages
            .map(|(stage, took)| format!("{}{GLUE}{}{GLUE}ms", stage.word(), thousands(millis(*took))))
            .collect();
        if !stages.is_empty() {
            page.entry(("stages  ", Look::Plain), (stages.join(", "), Look::Plain));
        }
    }
}

/// What was counted: servers, tags by reason, servers of other sheets.
fn counts(page: &mut Page, report: &Report) {
    let c = report.counts;
    let would = if report.preview { "to change" } else { "changed" };
    page.blank();
    page.line(format!(
        "servers{GLUE}{} · {would}{GLUE}{} · failed{GLUE}{} · discovered{GLUE}{} · missing{GLUE}{} · held{GLUE}{}",
        c.servers, c.changed, c.failed, c.discovered, c.missing, c.held
    ));
    let reasons = report.tally.iter().flat_map(|tally| &tally.changes);
    let reasons: Vec<String> = reasons.map(|(reason, n)| format!("{reason}{GLUE}{n}")).collect();
    if !reasons.is_empty() {
        page.line(format!("tags changed by reason: {}", reasons.join(", ")));
    }
    if !report.not_ours.is_empty() {
        let not_ours = report.not_ours.iter();
        let list: Vec<String> = not_ours.map(|(name, n)| format!("{}{GLUE}{n}", plain(name))).collect();
        page.line(format!(
            "servers of other sheets' channels, left alone: {}",
            list.join(", ")
        ));
    }
}

fn headline(report: &Report) -> (String, Look) {
    let (words, look) = match report.outcome {
        Ending::Done if report.preview => ("nothing to change", Look::Good),
        Ending::Done => ("done", Look::Good),
        Ending::Failed => ("FAILED", Look::Bad),
        Ending::Changes => ("changes to make", Look::Plain),
        Ending::Held if report.preview => ("something would be held back, see below", Look::Waiting),
        Ending::Partial if report.preview && report.unanswered().is_some() => {
            ("part of the fleet was not seen", Look::Waiting)
        }
        Ending::Partial if report.preview => ("not all gates were read", Look::Waiting),
        Ending::Partial => ("done in part", Look::Waiting),
        Ending::Held => ("done in part: something is held back, see below", Look::Waiting),
        Ending::Stopped if report.preview => ("a pass would be STOPPED before it writes anything", Look::Bad),
        Ending::Stopped => ("STOPPED before anything was written", Look::Bad),
        Ending::Busy => ("not begun: another pass holds the state store", Look::Bad),
        Ending::Fenced => ("ENDED: another instance took over", Look::Bad),
    };
    let failed = report.counts.failed.saturating_sub(unsent(report));
    let mut why: Vec<String> = report.unanswered().into_iter().collect();
    if let Some((why_not, servers)) = &report.unsent {
        why.push(format!("{} not tried, because {why_not}", servers_of(*servers)));
    }
    if report.outcome == Ending::Partial && failed > 0 {
        why.push(format!("{} failed", servers_of(failed)));
    }
    let gates = report.problems.iter().any(|problem| problem.code == Code::GateSource);
    if gates && !report.preview {
        why.push("not all gates were read".to_owned());
    }
    let none = report.regions.is_some_and(|(answered, all)| answered == 0 && all > 0);
    let look = if none { Look::Bad } else { look };
    if why.is_empty() {
        return (words.to_owned(), look);
    }
    let mark = if words.contains(':') { "; " } else { ": " };
    (format!("{words}{mark}{}", plain(&why.join("; "))), look)
}

fn unsent(report: &Report) -> u64 {
    report.unsent.as_ref().map_or(0, |(_, servers)| *servers)
}

fn servers_of(count: u64) -> String {
    format!("{} server{}", thousands(count), if count == 1 { "" } else { "s" })
}

/// A status with how many of the channel's servers nobody saw: what is said of the others does not hold for them.
#[must_use]
pub fn with_unseen(status: &str, tone: Tone, unseen: u64) -> (String, Tone) {
    let tone = if unseen > 0 && tone == Tone::Good {
        Tone::Waiting
    } else {
        tone
    };
    match unseen {
        0 => (status.to_owned(), tone),
        unseen => (format!("{status} · {} not seen", thousands(unseen)), tone),
    }
}

pub(super) fn page(report: &Report) -> Page {
    let mut page = Page::default();
    let (words, look) = headline(report);
    let verb = if report.preview { "plan" } else { "pass" };
    page.entry((format!("{verb} {}: ", report.run), Look::Plain), (words, look));
    if let Some(cause) = report.cause() {
        page.line(format!("because: {}", plain(&cause)));
    }
    if !report.channels.is_empty() {
        page.blank();
        let rows = report.channels.iter().map(|line| channel(line, report.preview));
        page.table(&["channel", "release", "previous", "status"], rows.collect());
    }
    counts(&mut page, report);
    // A key that is spent follows from something else that is told.
    let events: Vec<&Happening> = report
        .events
        .iter()
        .filter(|event| event.event != "key_spent")
        .collect();
    if !events.is_empty() {
        page.blank();
        page.line(if report.preview { "would happen" } else { "happened" });
        fold(&mut page, &events, |page, event| {
            page.entry(
                (format!("  {:<17} ", plain(event.event)), Look::Plain),
                (happening(event), Look::Plain),
            );
        });
    }
    if !report.problems.is_empty() {
        page.blank();
        page.line("problems");
        fold(&mut page, &report.problems, |page, p| {
            page.entry(
                (format!("  {:<17} ", p.kind.word()), Look::Waiting),
                (plain(&p.message), Look::Plain),
            );
        });
    }
    let calls: Vec<String> = report
        .calls
        .iter()
        .map(|(method, n)| format!("{method}{GLUE}{n}"))
        .collect();
    let calls = if calls.is_empty() {
        "none".to_owned()
    } else {
        calls.join(", ")
    };
    page.blank();
    page.entry(("calls   ", Look::Plain), (calls, Look::Plain));
    #[expect(clippy::cast_precision_loss, reason = "a pass lasts minutes")]
    let seconds = report.duration_ms as f64 / 1000.0;
    page.entry(("time    ", Look::Plain), (format!("{seconds:.2} s"), Look::Plain));
    page
}

/// How a release moves in the pass that a preview is of, or which wave it makes, in words; `None` where nothing moves.
#[must_use]
pub fn next_pass(line: &ChannelLine) -> Option<String> {
    let wave = line.rollout.as_ref().and_then(next_wave);
    match (line.moved.as_str(), wave) {
        ("", wave) => wave,
        (moved, Some(wave)) => Some(format!("{moved}, {wave}")),
        (moved, None) => {
            let behind = line.concerned.saturating_sub(line.carrying);
            let (behind, all) = (thousands(behind), thousands(line.concerned));
            Some(format!("{moved}, on {behind} of {all} servers"))
        }
    }
}

/// The row of a channel. What moved in this pass is what people look for first.
fn channel(line: &ChannelLine, preview: bool) -> Row {
    let status = match (next_pass(line), preview) {
        (None, _) => line.status.clone(),
        (Some(moves), true) => format!("next pass: {moves}"),
        (Some(_), false) if line.moved.is_empty() => line.status.clone(),
        (Some(_), false) => format!("{}: {}", line.moved, line.status),
    };
    let (status, tone) = with_unseen(&status, line.tone, line.unseen);
    let cells = [line.name.as_str(), &line.release, &line.previous, &status];
    (cells.map(plain).to_vec(), look(tone))
}

/// What the next pass does in a rollout, in the future tense; `None` where nobody passes.
fn next_wave(rollout: &RolloutPlan) -> Option<String> {
    let behind = servers_of(rollout.members.saturating_sub(rollout.carrying));
    let name = if rollout.phase.is_some() { "phase" } else { "wave" };
    let RolloutPlan {
        version,
        wave,
        waves,
        to,
        size,
        ..
    } = rollout;
    match rollout.rule {
        RolloutRule::Starts => Some(format!(
            "would start to roll out {version}: {name} {wave}/{waves} ({to}) with {}",
            servers_of(*size)
        )),
        RolloutRule::NextWave => Some(format!(
            "would start {name} {wave}/{waves} ({to}) of {version}: {behind} more, to {}",
            thousands(*size)
        )),
        RolloutRule::Moves if rollout.state == Phase::Moving && rollout.carrying < rollout.members => Some(format!(
            "would give {version} to {behind} of {name} {wave}/{waves} ({to})"
        )),
        _ => None,
    }
}

/// How a status reads, in the colour of the status page.
#[must_use]
pub fn look(tone: Tone) -> Look {
    match tone {
        Tone::Good => Look::Good,
        Tone::Waiting => Look::Waiting,
        Tone::Bad => Look::Bad,
    }
}

fn happening(event: &Happening) -> String {
    let versions = versions(&event.from, &event.to);
    let words = [event.channel.as_str(), &versions, &event.detail].map(plain);
    words
        .into_iter()
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// How a version moves, in words; empty where none does.
#[must_use]
pub fn versions(from: &str, to: &str) -> String {
    match (from, to) {
        ("", to) => to.to_owned(),
        (from, "") => from.to_owned(),
        (from, to) => format!("{from} → {to}"),
    }
}
