//! What happens in a pass and is told once, found before the pass acts: a kill after its first commit loses none of it.

mod rollout;

use chrono::{DateTime, Utc};

use super::input::Rules;
use super::links::Links;
use crate::mail::{MailUpdate, News};
use crate::memory::Memory;
use crate::plan::{Happening, Plan};
use crate::problem::{Code, Kind, Problem};
use crate::sheet::parse::Sheet;

/// Problems that are there for one pass and happened rather than last. Each is told as news instead.
const HAPPENED: [Code; 5] = [
    Code::Edit,
    Code::ServerCells,
    Code::Adopted,
    Code::NothingToRollBack,
    Code::AutoRollback,
];

/// Whether a problem lasts until it is fixed, rather than having happened.
pub(super) fn lasts(problem: &Problem, plan: Option<&Plan>) -> bool {
    let let_through = |plan: &Plan| plan.tripped.iter().any(|t| t.allowed && t.belt.code() == problem.code);
    let meant = problem.kind == Kind::Belt && plan.is_some_and(let_through);
    !meant && !HAPPENED.contains(&problem.code)
}

/// What the first commit of a pass keeps until a letter tells it. Nothing without `[email]`.
///
/// A key that is spent is no news of its own: the edit or the rollback that spent it is told and says so.
#[must_use]
pub fn news(plan: &Plan, sheet: &Sheet, memory: &Memory, rules: &Rules<'_>, now: DateTime<Utc>) -> MailUpdate {
    let of_problems = plan.problems.iter().filter_map(|problem| of_problem(problem, now));
    let of_happenings = of_happenings(&plan.happenings, plan, sheet, memory, rules, now);
    kept(of_problems.chain(of_happenings), sheet, memory, rules)
}

/// The same of what happened while the plan was carried out, for the commit after that.
#[must_use]
pub fn later_news(
    happenings: &[Happening],
    plan: &Plan,
    sheet: &Sheet,
    memory: &Memory,
    rules: &Rules<'_>,
    now: DateTime<Utc>,
) -> MailUpdate {
    let of_happenings = of_happenings(happenings, plan, sheet, memory, rules, now);
    kept(of_happenings, sheet, memory, rules)
}

fn of_happenings<'a>(
    happenings: &'a [Happening],
    plan: &'a Plan,
    sheet: &'a Sheet,
    memory: &'a Memory,
    rules: &'a Rules<'a>,
    now: DateTime<Utc>,
) -> impl Iterator<Item = News> + use<'a> {
    happenings.iter().filter_map(move |happening| {
        let news = of_happening(happening, plan, sheet, rules, now)?;
        Some(rollout::told(news, plan, memory))
    })
}

fn kept(news: impl Iterator<Item = News>, sheet: &Sheet, memory: &Memory, rules: &Rules<'_>) -> MailUpdate {
    let mut update = MailUpdate::default();
    if rules.audience.is_none() {
        return update;
    }
    let mut news = news.peekable();
    // Most passes have no news, and a large sheet has many places.
    if news.peek().is_none() {
        return update;
    }
    let links = Links::new(rules, Some(sheet), memory);
    let mut standing = memory.mail.standing.clone();
    for mut news in news {
        news.link = links.to(&news.place);
        update.news.insert(standing.number(), news);
    }
    update.standing = Some(standing);
    update
}

fn of_problem(problem: &Problem, now: DateTime<Utc>) -> Option<News> {
    let event = match problem.code {
        Code::Adopted => "adopted_against_the_cell",
        Code::NothingToRollBack => "nothing_to_roll_back",
        // The others are happenings: an edit that cannot be restored is a problem in each pass, but happened once.
        _ => return None,
    };
    Some(News {
        at: now,
        kind: problem.kind,
        event: event.to_owned(),
        channel: String::new(),
        from: String::new(),
        to: String::new(),
        place: problem.place.clone(),
        link: String::new(),
        text: problem.message.clone(),
        advice: String::new(),
        cause: String::new(),
        reach: None,
        waves: Vec::new(),
    })
}

fn of_happening(
    happening: &Happening,
    plan: &Plan,
    sheet: &Sheet,
    rules: &Rules<'_>,
    now: DateTime<Utc>,
) -> Option<News> {
    let Happening {
        channel,
        event,
        from,
        to,
        detail,
    } = happening;
    let kind = match *event {
        "promotion" | "rollback" | "completed" | "adoption" | "taken_back" | "rollout_done" | "trouble" => {
            Kind::Release
        }
        // A gate that only stops a rollout is told as a problem for as long as it does.
        "auto_rollback" => Kind::Gate,
        "takeover" | "override" => Kind::Belt,
        "unauthorised_edit" => Kind::UnauthorisedEdit,
        // Told as problems, or by what caused them.
        _ => return None,
    };
    let place = match *event {
        "rollback" => {
            let row = sheet.intent.channels.iter().find(|row| row.channel.as_str() == channel);
            row.map(|row| row.origin.place("rollback"))
        }
        "unauthorised_edit" => {
            let is_it = |problem: &&Problem| problem.kind == Kind::UnauthorisedEdit && problem.message == *detail;
            plan.problems.iter().find(is_it).map(|problem| problem.place.clone())
        }
        "takeover" | "override" if channel.is_empty() => Some(rules.spreadsheet.to_owned()),
        _ => None,
    };
    Some(News {
        at: now,
        kind,
        event: (*event).to_owned(),
        channel: channel.clone(),
        from: from.clone(),
        to: to.clone(),
        place: place.unwrap_or_else(|| channel.clone()),
        link: String::new(),
        text: detail.clone(),
        advice: advice(plan, channel),
        cause: String::new(),
        reach: None,
        waves: Vec::new(),
    })
}

/// What people can do about a channel after this pass.
fn advice(plan: &Plan, channel: &str) -> String {
    let found = plan.channels.iter().find(|c| c.name.as_str() == channel);
    found.map(|channel| channel.advice.to_string()).unwrap_or_default()
}
