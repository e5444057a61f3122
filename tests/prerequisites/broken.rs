//! Each thing of the far ends broken alone: it is wrong, what rests on it is not checked, all else is good.

use fleetsheet_mocks::faults::{Fault, When};
use fleetsheet_mocks::sheets::{GridRange, SERVICE_ACCOUNT};
use fleetsheet_mocks::smtp::Stage as SmtpStage;

use super::Bench;
use crate::stage::{ACCOUNT, OWNER, RELEASE, SERVERS, SRE};

const SHEET: [&str; 6] = ["editor", "tabs", "columns", "cells", "protection", "store"];
const OTHER: &str = "222222222222";
const ROLE: &str = "arn:aws:iam::222222222222:role/fleetsheet";

#[tokio::test(flavor = "multi_thread")]
async fn a_token_or_a_spreadsheet_that_is_refused() {
    let bench = Bench::new().await;
    bench
        .stage
        .sheets
        .script()
        .fail("oauth2.token", When::Every, Fault::Unauthorized);
    let checked = bench.check().await;
    checked.assert_wrong("token", &["token"], &[&["spreadsheet"][..], &SHEET].concat());
    bench.stage.sheets.script().clear();

    bench.stage.sheets.desk().share(false);
    let checked = bench.check().await;
    checked.assert_wrong("not shared", &["spreadsheet"], &SHEET);
    let says = checked.says("wrong", "spreadsheet");
    assert!(
        says.contains(&format!("share the spreadsheet with {SERVICE_ACCOUNT} as Editor")),
        "{says}"
    );
    bench.stage.sheets.desk().share(true);

    let mut bench = bench;
    bench.stage.setting("FLEETSHEET_SHEETS__SPREADSHEET_ID", "another-book");
    let checked = bench.check().await;
    checked.assert_wrong("wrong id", &["spreadsheet"], &SHEET);
    let says = checked.says("wrong", "spreadsheet");
    assert!(
        says.contains("sheets.spreadsheet_id") && says.contains(SERVICE_ACCOUNT),
        "{says}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tabs_and_columns_that_are_missing_or_doubled() {
    let bench = Bench::new().await;
    let good = bench.stage.sheets.book();
    bench.stage.sheets.edit(|book| book.delete_tab(SERVERS));
    let checked = bench.check().await;
    checked.assert_wrong("no server tab", &["tabs"], &[]);
    assert!(checked.says("wrong", "tabs").contains("fleetsheet init"), "{checked:?}");
    bench.stage.sheets.edit(|book| {
        book.clone_from(&good);
        book.delete_tab(RELEASE);
        book.add_tab("Rest", 5, 5);
        book.delete_tab(SERVERS);
    });
    let checked = bench.check().await;
    checked.assert_wrong("no tab", &["tabs"], &["columns", "cells", "protection"]);
    assert_eq!(checked.says("wrong", "tabs").lines().count(), 2, "{checked:?}");

    bench.stage.sheets.edit(|book| {
        book.clone_from(&good);
        book.tab_mut(RELEASE).rename_column("rollback", "rolback");
        book.tab_mut(SERVERS).add_column(" serverID ");
    });
    let checked = bench.check().await;
    checked.assert_wrong("columns", &["columns"], &[]);
    let says = checked.says("wrong", "columns");
    assert!(
        says.contains("no column rollback") && says.contains("serverId stands twice"),
        "{says}"
    );

    bench.stage.sheets.edit(|book| {
        book.clone_from(&good);
        book.tab_mut(SERVERS).insert_rows(0, 1);
        book.set(SERVERS, "A1", "Our servers");
    });
    let checked = bench.check().await;
    checked.assert_wrong("a title above the headers", &["columns"], &[]);
    let says = checked.says("wrong", "columns");
    assert!(
        says.lines().count() == 1
            && says.contains(
                "row 2 holds serverId, channel, hold and 8 more; headers must stand in row 1: delete the row above"
            ),
        "{says}"
    );
    assert!(
        !checked.says("note", "columns").contains("has no column"),
        "{checked:?}"
    );

    bench.stage.sheets.edit(|book| {
        book.clone_from(&good);
        let tab = book.tab_mut(SERVERS);
        for header in ["hold", "tag:Owner", "state"] {
            tab.delete_column(header);
        }
        tab.add_column("tag:Team");
    });
    let checked = bench.check().await;
    checked.assert_wrong("optional", &[], &[]);
    let says = checked.says("note", "columns");
    for header in ["column hold", "column tag:Owner", "column state", "tag:Team"] {
        assert!(says.contains(header), "{header}: {says}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn protections_that_hold_nobody_and_those_that_hold_the_service() {
    let bench = Bench::new().await;
    let good = bench.stage.sheets.book();
    bench.stage.sheets.edit(|book| {
        let key_a = book.tab_mut(RELEASE).protected[1].id;
        book.protected_mut(key_a).users.push("intern@example.com".into());
    });
    let mut bench = bench;
    let checked = bench.check().await;
    checked.assert_wrong("a third", &["protection"], &[]);
    let says = checked.says("wrong", "protection");
    assert!(
        says.contains("desiredVersionA") && says.contains("intern@example.com may edit it too"),
        "{says}"
    );
    bench.stage.setting("FLEETSHEET_DUAL_KEY__REQUIRE_PROTECTION", "false");
    let checked = bench.check().await;
    checked.assert_wrong("not required", &[], &[]);
    assert!(
        checked.says("note", "protection").contains("intern@example.com"),
        "{checked:?}"
    );
    bench.stage.settings.pop();

    bench.stage.sheets.edit(|book| {
        book.clone_from(&good);
        book.protect_column(RELEASE, "status", &[SRE]);
        book.protect(SERVERS, GridRange::sheet, &[SRE]);
    });
    let checked = bench.check().await;
    checked.assert_wrong("closed", &["editor"], &[]);
    let says = checked.says("wrong", "editor");
    assert!(
        says.contains("ReleaseSheet | a protected range keeps") && says.contains("writing status |"),
        "{says}"
    );
    assert!(
        says.contains("ServerTagAssignment") && says.contains("serverId, channel, name"),
        "{says}"
    );

    bench.stage.sheets.edit(|book| {
        book.clone_from(&good);
        for header in ["channel", "desiredVersionA", "desiredVersionB"] {
            let column = book.tab_mut(RELEASE).column(header).unwrap();
            book.tab_mut(RELEASE)
                .protected
                .retain(|range| !range.range.covers(1, column));
            book.protect_column(RELEASE, header, &[OWNER]);
        }
    });
    let checked = bench.check().await;
    checked.assert_wrong("hidden", &["protection"], &[]);
    assert!(
        checked
            .says("wrong", "protection")
            .contains("Google hides who may edit it"),
        "{checked:?}"
    );
    assert!(
        checked
            .says("note", "editor")
            .contains("cannot be told without writing"),
        "{checked:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn protections_that_only_make_a_mess_are_notes() {
    let bench = Bench::new().await;
    bench.stage.sheets.edit(|book| {
        book.protect_column(RELEASE, "enabled", &[SRE, SERVICE_ACCOUNT]);
    });
    let says = bench.check().await.says("note", "protection");
    for part in [
        "(enabled): releases@example.com may not edit it",
        "(rollback) is not protected",
        "releaseVersion, previousVersion, status, updatedAt",
        "name, account, region, state, releaseVersion, status, updatedAt",
        "A1 (serverId)",
    ] {
        assert!(says.contains(part), "{part}: {says}");
    }
    bench.stage.sheets.edit(|book| {
        let both = [SRE, crate::stage::RELEASES, SERVICE_ACCOUNT];
        book.tab_mut(RELEASE).protected.pop();
        for header in ["enabled", "rollback"] {
            book.protect_column(RELEASE, header, &both);
        }
        for header in ["releaseVersion", "previousVersion", "status", "updatedAt"] {
            book.protect_column(RELEASE, header, &[SERVICE_ACCOUNT]);
        }
        for header in [
            "name",
            "account",
            "region",
            "state",
            "releaseVersion",
            "status",
            "updatedAt",
        ] {
            let id = book.protect_column(SERVERS, header, &[]);
            book.protected_mut(id).warning_only = true;
        }
        book.protect(RELEASE, |id| GridRange::rows(id, 0..1), &[OWNER]);
        let id = book.protect(SERVERS, |id| GridRange::rows(id, 0..1), &[]);
        book.protected_mut(id).warning_only = true;
    });
    let checked = bench.check().await;
    checked.assert_wrong("tidy", &[], &[]);
    assert_eq!(checked.says("note", "protection"), "");
    bench.stage.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_or_a_permission_that_is_missing() {
    let mut bench = Bench::new().await;
    bench.stage.serve_accounts(&format!(
        "[[aws.account]]\nname = \"main\"\nregions = [\"eu-west-1\", \"us-east-1\"]\n\
         [[aws.account]]\nname = \"prod\"\nrole_arn = \"{ROLE}\"\nregions = [\"eu-west-1\"]\n"
    ));
    bench.stage.cloud.edit(|fleet| {
        fleet.add_role(ROLE);
        fleet.add(
            OTHER,
            "eu-west-1",
            "i-0aaaaaaaaaaaaaaaa",
            [("ReleaseChannel", "web-prod")],
        );
    });
    let checked = bench.check().await;
    checked.assert_wrong("both", &[], &[]);
    assert!(checked.says("ok", "account").contains(ROLE), "{checked:?}");
    assert!(
        checked.says("note", "create_tags").contains("main/us-east-1"),
        "no server there: {checked:?}"
    );

    bench.stage.cloud.edit(|fleet| fleet.set_assumable(ROLE, false));
    let checked = bench.check().await;
    checked.assert_wrong("role", &["account"], &["describe_instances", "create_tags"]);
    let says = checked.says("wrong", "account");
    assert!(
        says.contains("sts:AssumeRole") && says.contains("trust policy"),
        "{says}"
    );
    assert!(
        checked.says("ok", "create_tags").contains("main/eu-west-1"),
        "the others are looked at: {checked:?}"
    );
    bench.stage.cloud.edit(|fleet| fleet.set_assumable(ROLE, true));

    bench
        .stage
        .cloud
        .edit(|fleet| fleet.deny(OTHER, "ec2:DescribeInstances"));
    let checked = bench.check().await;
    checked.assert_wrong("describe", &["describe_instances"], &["create_tags"]);
    let says = checked.says("wrong", "describe_instances");
    assert!(
        says.contains("prod/eu-west-1") && says.contains("allow ec2:DescribeInstances"),
        "{says}"
    );
    bench.stage.cloud.edit(|fleet| {
        fleet.permit(OTHER, "ec2:DescribeInstances");
        fleet.deny(ACCOUNT, "ec2:CreateTags");
    });
    let checked = bench.check().await;
    checked.assert_wrong("tags", &["create_tags"], &[]);
    let says = checked.says("wrong", "create_tags");
    assert!(
        says.contains("allow ec2:CreateTags") && says.contains("Owner, ReleaseChannel, ReleaseVersion"),
        "{says}"
    );
    assert!(
        says.contains(&bench.ids[0]) && says.contains("iam-policy.json"),
        "{says}"
    );

    bench.stage.setting("FLEETSHEET_MODE", "observe");
    let checked = bench.check().await;
    checked.assert_wrong("observe", &[], &[]);
    assert!(
        checked.says("note", "create_tags").contains("will be needed"),
        "{checked:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_lets_us_in_or_not() {
    let mut bench = Bench::new().await;
    let good = bench.stage.settings.clone();
    let url = format!("smtp://fleet:not-it@{}", bench.smtp.addr());
    bench.stage.setting("FLEETSHEET_EMAIL__SMTP_URL", &url);
    let checked = bench.check().await;
    checked.assert_wrong("password", &["smtp"], &[]);
    let says = checked.says("wrong", "smtp");
    assert!(
        says.contains("did not accept the login (535)") && !says.contains("not-it"),
        "{says}"
    );

    let file = bench.stage.path("smtp-password");
    std::fs::write(&file, format!("{}\n", super::PASSWORD)).unwrap();
    bench.set_mode("smtp-password", 0o600);
    let url = format!("smtp://fleet@{}", bench.smtp.addr());
    bench.stage.setting("FLEETSHEET_EMAIL__SMTP_URL", &url);
    bench
        .stage
        .setting("FLEETSHEET_EMAIL__SMTP_PASSWORD_FILE", &file.display().to_string());
    bench.check().await.assert_wrong("password file", &[], &[]);
    bench.set_mode("smtp-password", 0o644);
    let checked = bench.check().await;
    checked.assert_wrong("open password file", &["credentials"], &[]);
    assert!(
        checked.says("wrong", "credentials").contains("chmod 600"),
        "{checked:?}"
    );
    std::fs::remove_file(&file).unwrap();
    let checked = bench.check().await;
    checked.assert_wrong("no password file", &["smtp"], &[]);
    assert!(
        checked.says("wrong", "smtp").contains("smtp_password_file"),
        "{checked:?}"
    );
    bench.stage.settings = good;

    let url = format!("smtps://{}", bench.smtp.addr());
    bench.stage.setting("FLEETSHEET_EMAIL__SMTP_URL", &url);
    let checked = bench.check().await;
    checked.assert_wrong("no TLS there", &["smtp"], &[]);
    bench.stage.settings.pop();

    bench.smtp.answer(SmtpStage::Greeting, None, None, 554, "Go away");
    let checked = bench.check().await;
    checked.assert_wrong("refused", &["smtp"], &[]);
    assert!(checked.says("wrong", "smtp").contains("554"), "{checked:?}");
    bench.smtp.refuse_connections().await;
    let checked = bench.check().await;
    checked.assert_wrong("closed", &["smtp"], &[]);
    assert!(checked.says("wrong", "smtp").contains("email.smtp_url"), "{checked:?}");

    bench.stage.settings.clear();
    let checked = bench.check().await;
    checked.assert_wrong("no mail", &[], &[]);
    assert!(checked.says("note", "smtp").contains("no mail is sent"), "{checked:?}");
}
