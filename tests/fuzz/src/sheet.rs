//! Whole passes over any sheet: nothing panics, the same input gives the same plan, the independent check lets each plan through,
//! and what people get to see holds nothing hidden and no markup, and is short.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use chrono::TimeDelta;
use fleetsheet::alert::{self, Audience, MailInput, Rules};
use fleetsheet::explain::explain;
use fleetsheet::fleet::Outcome;
use fleetsheet::mail::Letter;
use fleetsheet::memory::{AuditTab, Memory};
use fleetsheet::observe::Observed;
use fleetsheet::pass::Preview;
use fleetsheet::pass_end::{Decided, PassEnd};
use fleetsheet::plan::check::check;
use fleetsheet::plan::{Inputs, Plan, count_repeats, plan};
use fleetsheet::problem::Kind;
use fleetsheet::report::{Report, plan_page};
use fleetsheet::settle::{Cells, Settled, settle};
use fleetsheet::sheet::layout::Layout;
use fleetsheet::sheet::parse::{Sheet, parse};
use fleetsheet::sheet::{Cell, STORE_MARK};
use fleetsheet::tag::ServerId;
use fleetsheet::text::plain;

use crate::judge;
use crate::scene::{Scene, names, put};

/// Longest message of a problem or event, and longest status: they have to fit a cell, a line of a log and an entry of a mail.
/// With forty servers, the longest list of ids that scenes have is well below.
const MESSAGE_MAX: usize = 5000;

/// Elements that letters are made of.
const ELEMENTS: [&str; 14] = [
    "", "html", "head", "meta", "title", "style", "body", "div", "p", "h1", "h2", "span", "strong", "a",
];

/// Plays a scene.
pub fn sheet(data: &[u8]) {
    let mut scene = Scene::new();
    for line in String::from_utf8_lossy(data).split('\n').take(200) {
        if scene.line(line) {
            pass(&mut scene);
        }
    }
    scene.policy.takeover = false;
    pass(&mut scene);
}

/// Mail goes to one recipient, at once.
fn audience() -> Audience<'static> {
    static TO: OnceLock<Vec<String>> = OnceLock::new();
    static ROUTES: BTreeMap<Kind, Vec<String>> = BTreeMap::new();
    Audience {
        to: TO.get_or_init(|| vec!["ops@example.com".to_owned()]),
        routes: &ROUTES,
        repeat_after: TimeDelta::hours(24),
        failure_threshold: 1,
    }
}

fn pass(scene: &mut Scene) {
    let names = names();
    let parsed = parse(&scene.raw, &names);
    assert_eq!(parsed, parse(&scene.raw, &names), "the same cells mean the same");
    let rules = Rules {
        audience: Some(audience()),
        spreadsheet: "1AbC",
        names: &names,
        observe: scene.policy.observe,
    };
    match parsed {
        Err(problems) => {
            assert!(!problems.is_empty(), "a sheet is refused with a reason");
            tell(scene, &PassEnd::Unread(problems), &rules);
        }
        Ok(sheet) => decide(scene, &sheet, &rules),
    }
    scene.now += TimeDelta::minutes(5);
}

fn decide(scene: &mut Scene, sheet: &Sheet, rules: &Rules<'_>) {
    let planned = plan(scene.inputs(sheet));
    let again = plan(scene.inputs(sheet));
    assert_eq!(planned, again, "the same input gives the same plan");
    let approved = check(scene.inputs(sheet), &planned).map(drop);
    assert_eq!(approved, Ok(()), "the check refuses a plan: {planned:#?}");
    events(&planned);
    if !planned.stop.is_empty() {
        scene.memory.apply(&planned.update);
        let problems = planned.stop.clone();
        return tell(
            scene,
            &PassEnd::Stopped(decided(scene, sheet, planned), problems),
            rules,
        );
    }
    preview(scene, sheet, &planned);
    let news = alert::news(&planned, sheet, &scene.memory, rules, scene.now);
    scene.memory.apply(&planned.update);
    scene.memory.mail.apply(&news);
    let store = scene.memory.store.clone();
    scene.raw.marks.retain(|mark| mark.key != STORE_MARK);
    scene.line(&format!("store {store}"));

    let outcomes = act(scene, &planned);
    let settled = settle(scene.inputs(sheet), &planned, Some(&outcomes));
    scene.memory.apply(&settled.update);
    for (id, cells) in &settled.server_cells {
        service_cells(id.as_str(), cells);
    }
    for (name, cells) in &settled.channel_cells {
        service_cells(name.as_str(), cells);
    }
    for row in &settled.new_rows {
        service_cells(row.id.as_str(), &row.cells);
    }
    write_back(scene, sheet, &settled);
    let end = PassEnd::Whole(decided(scene, sheet, planned), Box::new(settled), Vec::new());
    tell(scene, &end, rules);
}

fn decided(scene: &Scene, sheet: &Sheet, plan: Plan) -> Box<Decided> {
    let observed = Observed {
        raw: scene.raw.clone(),
        sheet: sheet.clone(),
        fleet: scene.fleet.clone(),
        audit: AuditTab {
            there: false,
            looked: scene.now,
        },
        ..Observed::default()
    };
    Box::new(Decided { observed, plan })
}

/// What `plan` and `explain` show.
fn preview(scene: &Scene, sheet: &Sheet, planned: &Plan) {
    let mut memory = scene.memory.clone();
    memory.apply(&planned.update);
    let after = Inputs {
        memory: &memory,
        ..scene.inputs(sheet)
    };
    let settled = settle(after, planned, None);
    let shown = PassEnd::Shown(decided(scene, sheet, planned.clone()), Box::new(settled));
    let report = Report::new("run-1", &shown, Some(&scene.memory));
    judge::visible("the page of a plan", &plan_page(planned, &report, true).to_string());
    let preview = Preview {
        decided: decided(scene, sheet, planned.clone()),
        memory: scene.memory.clone(),
        report,
        now: after.now,
    };
    let servers = planned.servers.iter().map(|server| server.id.as_str());
    let channels = planned.channels.iter().map(|channel| channel.name.as_str());
    for name in servers.chain(channels) {
        let lines = explain(name, &preview, &scene.policy, &names().managed);
        for (what, text) in lines.unwrap_or_else(|| panic!("{name:?} cannot be explained")) {
            judge::one_line(what, &plain(&text));
            judge::at_most(what, &text, MESSAGE_MAX);
        }
    }
}

/// What goes to the history and the audit tab.
fn events(planned: &Plan) {
    for happening in &planned.happenings {
        for text in [&happening.channel, &happening.from, &happening.to, &happening.detail] {
            judge::at_most(happening.event, text, MESSAGE_MAX);
            judge::one_line(happening.event, text);
        }
    }
}

/// Tags the servers, or fails to.
fn act(scene: &mut Scene, planned: &Plan) -> BTreeMap<ServerId, Outcome> {
    let mut outcomes = BTreeMap::new();
    for server in planned.servers.iter().filter(|server| !server.changes.is_empty()) {
        let outcome = if scene.failing {
            Outcome::Failed {
                message: "main/eu-west-1: EC2 said no".into(),
                transient: true,
                refused: None,
            }
        } else {
            let live = scene.fleet.servers.get_mut(&server.id);
            let tags = server.changes.iter().map(|c| (c.tag.clone(), c.after.clone()));
            live.unwrap_or_else(|| panic!("{} is tagged and not there", server.id))
                .tags
                .extend(tags);
            if let Some(memory) = scene.memory.servers.get_mut(&server.id) {
                count_repeats(Arc::make_mut(memory), &server.changes);
            }
            Outcome::Done
        };
        outcomes.insert(server.id.clone(), outcome);
    }
    outcomes
}

/// Cells that the service writes. What the cloud calls a server is shown as it is; all else is in our words.
fn service_cells(what: &str, cells: &Cells) {
    for (header, text) in cells {
        judge::at_most(what, text, MESSAGE_MAX);
        if matches!(&**header, "status" | "account" | "region" | "state" | "previousVersion") {
            judge::one_line(what, text);
        }
    }
}

/// Writes the cells as a pass does that nothing disturbs, and reads them back.
fn write_back(scene: &mut Scene, sheet: &Sheet, settled: &Settled) {
    let stamp = scene.now.format("%Y-%m-%dT%H:%M:%S").to_string();
    let mut count = 0;
    let mut stamped = || {
        count += 1;
        format!("{stamp}.{count:06}Z")
    };
    for row in &sheet.display.release.rows {
        let (Some(cells), true) = (
            settled.channel_cells.get(&row.channel),
            knows(&scene.memory, row.channel.as_str()),
        ) else {
            continue;
        };
        let mut cells = cells.clone();
        cells.insert("updatedAt".into(), stamped().into());
        write(scene, &sheet.display.release.layout, row.row, &cells);
        if let Some(memory) = scene.memory.channels.get_mut(&row.channel) {
            let text = |header: &str| {
                let there = sheet.display.release.layout.columns.contains_key(header);
                let text = cells.get(header).filter(|_| there);
                text.map(ToString::to_string).unwrap_or_default()
            };
            memory.row.written = Some(fleetsheet::memory::Stamp {
                release: text("releaseVersion"),
                previous: text("previousVersion"),
                updated_at: text("updatedAt"),
            });
            memory.row.meant.clear();
        }
    }
    for row in &sheet.display.servers.rows {
        let Some(cells) = settled.server_cells.get(&row.id) else {
            continue;
        };
        let mut cells = cells.clone();
        cells.insert("updatedAt".into(), stamped().into());
        write(scene, &sheet.display.servers.layout, row.row, &cells);
        if let Some(memory) = scene.memory.servers.get_mut(&row.id).map(Arc::make_mut) {
            memory.row.written = cells.remove("updatedAt");
            cells.retain(|header, _| sheet.display.servers.layout.columns.contains_key(header));
            memory.shown = cells;
        }
    }
}

fn knows(memory: &Memory, channel: &str) -> bool {
    memory.channels.contains_key(channel)
}

fn write(scene: &mut Scene, layout: &Layout, row: u32, cells: &Cells) {
    let Some(tab) = scene.raw.tabs.iter_mut().find(|tab| tab.sheet_id == layout.sheet_id) else {
        return;
    };
    for (header, text) in cells {
        if let Some(column) = layout.columns.get(header) {
            let cell = if text.trim().is_empty() {
                Cell::Blank
            } else {
                Cell::Text(text.to_string())
            };
            put(tab, row as usize - 1, *column as usize, cell);
        }
    }
}

/// What the end of a pass says: on a terminal, as an object, and by mail.
fn tell(scene: &mut Scene, end: &PassEnd, rules: &Rules<'_>) {
    let report = &Report::new("run-1", end, Some(&scene.memory));
    judge::visible("the report", &report.text().to_string());
    judge::short_texts("the report's object", &report.json(), MESSAGE_MAX);
    let input = MailInput { end, report };
    let links = alert::Links::at(end, &scene.memory, rules);
    let update = alert::review(&scene.memory, &input, &links, rules, scene.now);
    for letter in update.mail.letters.values() {
        judge_letter(letter);
    }
    scene.memory.apply(&update);
}

fn judge_letter(letter: &Letter) {
    let Letter {
        subject, text, html, ..
    } = letter;
    assert!(subject.len() <= 120, "{subject:?}");
    assert!(subject.bytes().all(|b| (b' '..=b'~').contains(&b)), "{subject:?}");
    judge::visible("a mail", text);
    judge::visible("a mail's page", html);
    judge::at_most("a mail", text, 200_000);
    for element in judge::elements(html) {
        assert!(
            ELEMENTS.contains(&element),
            "a mail holds the element {element:?}: {html}"
        );
    }
    for link in html.split("href=\"").skip(1) {
        assert!(
            link.starts_with("https://docs.google.com/"),
            "a mail leads elsewhere: {link:.100}"
        );
    }
}
