//! Protections that do not hold, and those of other people.

use fleetsheet_mocks::sheets::{GridRange, Protected, SERVICE_ACCOUNT, Spreadsheet};

use super::steps;
use crate::stage::{OWNER, RELEASE, RELEASES, SERVERS, SRE, Stage};

const KEY_A: &str = "fleetsheet: desiredVersionA";

fn ours<'a>(book: &'a mut Spreadsheet, description: &str) -> &'a mut Protected {
    let tab = book.tab_mut(RELEASE);
    tab.protected
        .iter_mut()
        .find(|p| p.description == description)
        .expect("ours")
}

type Break = fn(&mut Spreadsheet);

/// Each way in which a protection of ours can fail to hold, and what `init` says of it.
const FAULTS: [(&str, Break, &str); 8] = [
    (
        "missing",
        |book| book.tab_mut(RELEASE).protected.retain(|p| p.description != KEY_A),
        "protect it: only",
    ),
    (
        "warning only",
        |book| {
            let range = ours(book, KEY_A);
            (range.warning_only, range.users) = (true, Vec::new());
        },
        "only warns",
    ),
    (
        "part of the rows",
        |book| ours(book, KEY_A).range.end_row_index = Some(100),
        "covers a part only",
    ),
    (
        "a shared editor",
        |book| ours(book, KEY_A).users.push(RELEASES.into()),
        "releases@example.com may edit it too",
    ),
    (
        "an editor lost",
        |book| ours(book, KEY_A).users.retain(|user| user != SRE),
        "sre@example.com may not edit it",
    ),
    (
        "the whole domain",
        |book| ours(book, KEY_A).domain = true,
        "everybody in the domain",
    ),
    (
        "a hole",
        |book| {
            let range = ours(book, KEY_A);
            range.unprotected = vec![GridRange::columns(range.range.sheet_id, 1..2)];
        },
        "leaves parts open",
    ),
    (
        "moved to a neighbour",
        |book| {
            let range = ours(book, KEY_A);
            range.range = GridRange::columns(range.range.sheet_id, 2..3);
        },
        "covers other columns",
    ),
];

#[tokio::test]
async fn each_fault_is_repaired() {
    let stage = Stage::empty().await;
    stage.init(&[]).await;
    for (name, damage, says) in FAULTS {
        stage.sheets.edit(damage);
        let ran = stage.init(&[]).await;
        assert_eq!(ran.code, 0, "{name}: {ran:?}");
        let [step] = &steps(&ran)[..] else {
            panic!("{name}: {ran:?}")
        };
        assert!(step.starts_with("ReleaseSheet!B (desiredVersionA)"), "{name}: {step}");
        assert!(step.contains(says), "{name}: {step}");
        let book = stage.sheets.book();
        for person in [SRE, RELEASES, "anna@example.com"] {
            for row in [2, 200] {
                let may = book.may_type(person, RELEASE, (row, "desiredVersionA"));
                assert_eq!(may, person == SRE, "{name}: {person}");
            }
            assert_eq!(
                book.may_type(person, RELEASE, (2, "desiredVersionB")),
                person == RELEASES,
                "{name}: {person}"
            );
        }
        let count = book
            .tab(RELEASE)
            .unwrap()
            .protected
            .iter()
            .filter(|p| p.description == KEY_A)
            .count();
        assert_eq!(count, 1, "{name}");
        stage.assert_finished().await;
    }
}

#[tokio::test]
async fn one_that_hides_its_editors_gets_a_sound_one_beside_it() {
    let stage = Stage::empty().await;
    stage.init(&[]).await;
    stage.sheets.edit(|book| ours(book, KEY_A).users = vec![SRE.into()]);
    let ran = stage.init(&[]).await;
    // What only a person can remove is left to one, and the sheet is not called finished.
    assert_eq!(ran.code, 1, "{ran:?}");
    let said = ran.problems().join("\n");
    assert!(said.contains(&format!("does not let {SERVICE_ACCOUNT} edit")), "{said}");
    let book = stage.sheets.book();
    assert!(!book.may_type(RELEASES, RELEASE, (2, "desiredVersionA")));
    stage.sheets.edit(|book| {
        let tab = book.tab_mut(RELEASE);
        let old = tab.protected.iter().position(|p| p.description == KEY_A).unwrap();
        tab.protected.remove(old);
    });
    stage.assert_finished().await;
}

#[tokio::test]
async fn ranges_of_people_are_left_and_judged() {
    let (stage, _) = Stage::web(1).await;
    let partial = stage.sheets.edit(|book| {
        let columns = |id: i64| GridRange {
            start_row_index: Some(1),
            end_row_index: Some(50),
            ..GridRange::columns(id, 3..4)
        };
        book.protect(RELEASE, columns, &[SRE, RELEASES, SERVICE_ACCOUNT])
    });
    let foreign = |book: &Spreadsheet| -> Vec<Protected> {
        let all = book.tabs.iter().flat_map(|tab| tab.protected.clone());
        all.filter(|p| p.description.is_empty()).collect()
    };
    let before = foreign(&stage.sheets.book());
    let ran = stage.init(&[]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let book = stage.sheets.book();
    assert_eq!(foreign(&book), before);
    assert!(before.iter().any(|p| p.id == partial));
    let done = steps(&ran);
    // Those over the keys are as they should be already; the one over `enabled` is not.
    assert!(
        !done
            .iter()
            .any(|step| step.contains("desiredVersion") && step.contains("protect")),
        "{done:?}"
    );
    assert!(
        done.iter()
            .any(|step| step.starts_with("ReleaseSheet!D (enabled): protect it")),
        "{done:?}"
    );
    stage.assert_finished().await;
}

#[tokio::test]
async fn a_range_that_shuts_us_out_is_named_and_the_rest_is_done() {
    let (stage, _) = Stage::web(1).await;
    stage
        .sheets
        .edit(|book| book.protect_column(SERVERS, "status", &["anna@example.com"]));
    let ran = stage.init(&[]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    let said = ran.problems().join("\n");
    assert!(
        said.contains("ServerTagAssignment!K:K does not let") && said.contains(SERVICE_ACCOUNT),
        "{said}"
    );
    assert!(steps(&ran).len() > 10, "{ran:?}");
    assert!(
        !stage
            .sheets
            .book()
            .may_type("anna@example.com", RELEASE, (2, "enabled"))
    );
}

#[tokio::test]
async fn a_range_that_shuts_a_group_out_is_told() {
    let (stage, _) = Stage::web(1).await;
    stage
        .sheets
        .edit(|book| book.protect_column(RELEASE, "desiredVersionB", &["anna@example.com", SERVICE_ACCOUNT]));
    let ran = stage.init(&[]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let said = ran.problems().join("\n");
    assert!(
        said.contains("ReleaseSheet!C (desiredVersionB) and does not name releases@example.com"),
        "{said}"
    );
}

#[tokio::test]
async fn groups_are_named_as_groups() {
    let mut stage = Stage::empty().await;
    stage.sheets.edit(|book| {
        book.groups.insert("keys-a@example.com".into(), [SRE.to_owned()].into());
        book.groups
            .insert("keys-b@example.com".into(), [RELEASES.to_owned()].into());
    });
    stage.setting("FLEETSHEET_DUAL_KEY__A_EDITORS", r#"["group:keys-a@example.com"]"#);
    stage.setting(
        "FLEETSHEET_DUAL_KEY__B_EDITORS",
        r#"["group:Keys-B@example.com", "bea@example.com"]"#,
    );
    let ran = stage.init(&["--channel", "web-prod"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    stage.assert_finished().await;
    let book = stage.sheets.book();
    assert!(
        book.may_type(SRE, RELEASE, (2, "desiredVersionA")) && !book.may_type(SRE, RELEASE, (2, "desiredVersionB"))
    );
    for person in [RELEASES, "bea@example.com"] {
        assert!(book.may_type(person, RELEASE, (2, "desiredVersionB")));
    }
    // Passes compare the same addresses.
    stage.turn_keys("web-prod", "1.0");
    let ran = stage.once().await;
    assert!(!ran.status("web-prod").contains("protect"), "{ran:?}");
    // Once Google has said so, the prefix may go.
    stage.setting("FLEETSHEET_DUAL_KEY__A_EDITORS", r#"["keys-a@example.com"]"#);
    stage
        .sheets
        .edit(|book| book.tab_mut(RELEASE).protected.retain(|p| p.description != KEY_A));
    let ran = stage.init(&[]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ours(&mut stage.sheets.book(), KEY_A).groups, ["keys-a@example.com"]);
}

#[tokio::test]
async fn a_group_that_is_taken_for_a_user_is_explained() {
    let mut stage = Stage::empty().await;
    stage
        .sheets
        .edit(|book| drop(book.groups.insert(SRE.into(), ["anna@example.com".to_owned()].into())));
    let ran = stage.init(&[]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.problems().join("\n").contains("write it as group:ADDRESS"),
        "{ran:?}"
    );
    assert_eq!(stage.sheets.book().tabs.len(), 1);
    stage.setting("FLEETSHEET_DUAL_KEY__A_EDITORS", &format!(r#"["group:{SRE}"]"#));
    assert_eq!(stage.init(&[]).await.code, 0);
}

#[tokio::test]
async fn the_command_line_can_name_the_groups() {
    let stage = Stage::empty().await;
    let ran = stage.init(&["--a-editor", "anna@example.com", "--a-editor", SRE]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.problems()[0].contains("dual_key.a_editors of the configuration differs"),
        "{ran:?}"
    );
    assert!(
        stage
            .sheets
            .book()
            .may_type("anna@example.com", RELEASE, (2, "desiredVersionA"))
    );
    for (list, why) in [
        (["--a-editor", RELEASES], "both keys"),
        (["--b-editor", OWNER], "let another account own the file"),
    ] {
        let ran = stage.init(&list).await;
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains(why), "{ran:?}");
    }
}

#[tokio::test]
async fn an_owner_that_nobody_named_is_asked_for() {
    let mut stage = Stage::empty().await;
    stage.setting("FLEETSHEET_DUAL_KEY__OWNERS", "[]");
    let ran = stage.init(&[]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    let said = ran.problems().join("\n");
    assert!(said.contains(OWNER) && said.contains("dual_key.owners"), "{said}");
}

#[tokio::test]
async fn a_tab_that_somebody_protected_as_a_whole_is_told() {
    let (stage, _) = Stage::web(1).await;
    stage.with_audit_tab();
    stage
        .sheets
        .edit(|book| book.protect("AuditLog", GridRange::sheet, &["anna@example.com", SERVICE_ACCOUNT]));
    let ran = stage.init(&[]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    let said = ran.problems().join("\n");
    assert!(
        said.contains("AuditLog is protected by somebody, but anna@example.com may edit it"),
        "{said}"
    );
}
