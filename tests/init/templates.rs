//! The templates, through the parser that the passes use.

use std::collections::BTreeSet;

use fleetsheet::setup::{Editing, Owner, Template, Templates};
use fleetsheet::sheet::layout::{RELEASE_NEEDS, RELEASE_SERVICE, RUNNING, SERVER_NEEDS, SERVER_SERVICE};
use fleetsheet::sheet::names::Keyholders;
use fleetsheet::sheet::names::Names;
use fleetsheet::sheet::parse::parse;
use fleetsheet::sheet::{AUDIT_COLUMNS, Cell, MADE_MARK, Mark, RawSpreadsheet, RawTab};

pub(crate) fn names() -> Names {
    Names {
        release_tab: "ReleaseSheet".into(),
        server_tab: "ServerTagAssignment".into(),
        audit_tab: "AuditLog".into(),
        managed: vec!["Owner".into(), "Team".into()],
        server_authority: BTreeSet::from(["Team".into()]),
        keyholders: Keyholders::new(
            &["sre@example.com".into()],
            &["releases@example.com".into()],
            &["owner@example.com".into()],
            Some(fleetsheet_mocks::sheets::SERVICE_ACCOUNT),
        ),
    }
}

fn headers(template: &Template) -> BTreeSet<&str> {
    template.columns.iter().map(|column| &*column.header).collect()
}

#[test]
fn templates_hold_exactly_the_columns_that_are_known() {
    let templates = Templates::load(&names()).unwrap();
    let release: BTreeSet<&str> = RELEASE_NEEDS
        .into_iter()
        .chain(RELEASE_SERVICE)
        .chain(["advance", "notes"])
        .collect();
    assert_eq!(headers(&templates.release), release);
    let servers = SERVER_NEEDS.into_iter().chain(SERVER_SERVICE);
    let servers: BTreeSet<&str> = servers
        .chain(["notes", "hold", "canary", "tag:Owner", "tag:Team", RUNNING])
        .collect();
    assert_eq!(headers(&templates.server), servers);
    let audit: Vec<&str> = templates.audit.columns.iter().map(|column| &*column.header).collect();
    assert_eq!(audit, AUDIT_COLUMNS);
    for template in templates.all() {
        assert_eq!(headers(template).len(), template.columns.len(), "{}", template.title);
        for colour in &template.colours {
            assert!(headers(template).contains(&*colour.header), "{colour:?}");
        }
    }
}

#[test]
fn tabs_made_of_the_templates_can_be_read() {
    let names = names();
    let templates = Templates::load(&names).unwrap();
    let tab = |(id, template): (i64, &Template)| RawTab {
        sheet_id: id,
        title: template.title.clone(),
        rows: vec![
            template
                .columns
                .iter()
                .map(|c| Cell::Text(c.header.to_string()))
                .collect(),
        ],
        row_count: template.rows,
        column_count: u32::try_from(template.columns.len()).unwrap(),
        // Only the mark that init puts on it makes this column ours.
        marks: (0..)
            .zip(&template.columns)
            .filter(|(_, column)| &*column.header == RUNNING)
            .map(|(at, _)| Mark {
                id: 1,
                key: MADE_MARK.into(),
                value: RUNNING.into(),
                column: Some(at),
            })
            .collect(),
        ..RawTab::default()
    };
    let raw = RawSpreadsheet {
        tabs: (1..).zip(templates.all()).map(tab).collect(),
        ..RawSpreadsheet::default()
    };
    let sheet = parse(&raw, &names).unwrap();
    assert_eq!(sheet.problems, []);
    assert_eq!(
        sheet.display.release.layout.columns.len(),
        templates.release.columns.len()
    );
    assert_eq!(
        sheet.display.servers.layout.columns.len(),
        templates.server.columns.len()
    );
    assert_eq!(
        (sheet.intent.tags.len(), sheet.display.servers.shown_tags.len()),
        (1, 1)
    );
}

#[test]
fn what_the_service_writes_nobody_else_may_edit() {
    let templates = Templates::load(&names()).unwrap();
    for template in templates.all() {
        for column in &template.columns {
            let service = RELEASE_SERVICE.contains(&&*column.header)
                || SERVER_SERVICE.contains(&&*column.header)
                || ["tag:Team", RUNNING].contains(&&*column.header)
                || template.title == "AuditLog";
            assert_eq!(column.owner != Owner::Human, service, "{}", column.header);
            assert_eq!(column.editors == Editing::Service, service, "{}", column.header);
        }
    }
    let editors = |header: &str| {
        templates
            .release
            .columns
            .iter()
            .find(|c| &*c.header == header)
            .unwrap()
            .editors
    };
    assert_eq!(editors("channel"), Editing::Nobody);
    assert_eq!(editors("desiredVersionA"), Editing::KeyA);
    assert_eq!(editors("desiredVersionB"), Editing::KeyB);
    assert_eq!(editors("advance"), editors("enabled"));
    let warns: Vec<bool> = templates.all().iter().map(|template| template.warning_only).collect();
    assert_eq!(warns, [false, true, false], "editors delete, insert and sort servers");
}
