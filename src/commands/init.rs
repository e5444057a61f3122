//! `init`: makes or repairs the tabs of the configured spreadsheet from `sheet-templates/`, and prints what was done and what
//! only a person can do. A dry run calls nothing that writes.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::{Value, json};

use super::output::print;
use crate::calls::Calls;
use crate::cli::{Format, InitRequest};
use crate::clients::{connect_sheets, names};
use crate::clock::{now, run_id};
use crate::config::Config;
use crate::problem::{Code, Kind, Problem};
use crate::refusal::Refusal;
use crate::sandbox;
use crate::screen::{Look, Page};
use crate::setup::{Outcome, SetupRequest, Templates, carry_out};
use crate::sheet::names::address_of;
use crate::sheet::parse::check_channel;
use crate::text::plain;

pub(super) async fn run(config: Config, asked: &InitRequest, format: Format) -> Result<u8, Refusal> {
    let began = Instant::now();
    if let Some(channel) = &asked.channel {
        check_channel(channel)
            .map_err(|what| Refusal::config(format!("--channel holds {what}; type the name again")))?;
    }
    let (mut config, _credentials, _sandbox) = sandbox::embed(config).await?;
    let mut notes = override_editors(&mut config, asked)?;
    let calls = Calls::default();
    let sheets = connect_sheets(&config, calls.clone()).await?;
    let account = sheets.service_account_email().to_owned();
    if account.is_empty() {
        let why = sheets.without_email();
        return Err(Refusal::failed(format!(
            "nobody can be made an editor of the protected columns: {why}"
        )));
    }
    let names = names(&config, &account);
    let templates = Templates::load(&names).map_err(Refusal::failed)?;
    let request = SetupRequest {
        templates: &templates,
        names: &names,
        a_editors: &config.dual_key.a_editors,
        b_editors: &config.dual_key.b_editors,
        account: &account,
        channel: asked.channel.as_deref(),
        fresh_id: uuid::Uuid::new_v4().as_fields().0 & 0x3fff_ffff,
    };
    let sheets = sheets.with_deadline(Instant::now() + config.schedule.pass_timeout);
    let mut outcome = carry_out(&sheets, &request, asked.dry_run)
        .await
        .map_err(Refusal::failed)?;
    outcome.notes.append(&mut notes);
    let mut object = json_of(&outcome, asked.dry_run, &calls.snapshot());
    object["run"] = run_id(now()).into();
    object["duration_ms"] = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX).into();
    print(format, &object, &page(&outcome, asked.dry_run))?;
    // A dry run ends as the run that it shows would.
    Ok(u8::from(!outcome.failed.is_empty()))
}

/// For this run, the lists of the command line replace those of the configuration.
fn override_editors(config: &mut Config, asked: &InitRequest) -> Result<Vec<Problem>, Refusal> {
    let keys = &mut config.dual_key;
    let mut notes = Vec::new();
    let lists = [
        (&asked.a_editors, &mut keys.a_editors, "a_editors"),
        (&asked.b_editors, &mut keys.b_editors, "b_editors"),
    ];
    let sorted = |list: &[String]| {
        list.iter()
            .map(|entry| address_of(entry))
            .collect::<std::collections::BTreeSet<_>>()
    };
    for (given, configured, name) in lists {
        if given.is_empty() {
            continue;
        }
        if sorted(given) != sorted(configured) {
            let message =
                format!("dual_key.{name} of the configuration differs, and passes follow it: set it to the same");
            notes.push(Problem::new(
                Kind::Mismatch,
                Code::Editors,
                format!("dual_key.{name}"),
                message,
            ));
        }
        *configured = given.to_vec();
    }
    let (a, b, owners) = (sorted(&keys.a_editors), sorted(&keys.b_editors), sorted(&keys.owners));
    if let Some(both) = a.intersection(&b).next() {
        return Err(Refusal::config(format!(
            "{both} would hold both keys; take it out of one list"
        )));
    }
    if let Some(owner) = a.union(&b).find(|one| owners.contains(*one)) {
        return Err(Refusal::config(format!(
            "{owner} is one of dual_key.owners, who can edit everything; let another account own the file"
        )));
    }
    Ok(notes)
}

fn json_of(outcome: &Outcome, dry_run: bool, calls: &BTreeMap<String, u64>) -> Value {
    let word = match (outcome.failed.is_empty(), dry_run && !outcome.steps.is_empty()) {
        (false, _) => "failed",
        (true, true) => "changes",
        (true, false) => "done",
    };
    let steps = outcome.steps.iter();
    let steps: Vec<Value> = steps
        .map(|step| json!({ "what": step.what, "where": step.place, "repair": step.repair }))
        .collect();
    let problems: Vec<&Problem> = outcome.failed.iter().chain(&outcome.notes).collect();
    json!({
        "outcome": word,
        "steps": steps,
        "right": outcome.right,
        "problems": problems,
        "calls": calls,
    })
}

fn page(outcome: &Outcome, dry_run: bool) -> Page {
    let mut page = Page::default();
    let repaired = outcome.steps.iter().filter(|step| step.repair).count();
    let made = outcome.steps.len() - repaired;
    let (make, repair) = if dry_run {
        ("to make", "to repair")
    } else {
        ("made", "repaired")
    };
    page.line(format!(
        "init of {:?}: {made} {make}, {repaired} {repair}, {} right already",
        plain(&outcome.title),
        outcome.right
    ));
    for step in &outcome.steps {
        let place = format!("  {}: ", plain(&step.place));
        page.entry((place, Look::Plain), (plain(&step.what), Look::Plain));
    }
    let lists = [
        ("not finished:", Look::Bad, &outcome.failed),
        ("worth knowing:", Look::Plain, &outcome.notes),
    ];
    for (head, look, list) in lists {
        if list.is_empty() {
            continue;
        }
        page.blank();
        page.looking(head, look);
        for problem in list {
            // Most messages name their place themselves.
            let place = if problem.message.contains(&problem.place) {
                String::new()
            } else {
                format!("{}: ", plain(&problem.place))
            };
            page.line(format!("  {place}{}", plain(&problem.message)));
        }
    }
    page
}
