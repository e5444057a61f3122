//! Each trouble, and the world after its recipe.

use fleetsheet_mocks::faults::{Fault, When};
use fleetsheet_mocks::smtp::{SmtpEmulator, SmtpOptions};

use super::operator::Operator;
use crate::stage::{ACCOUNT, Stage};

/// Ten servers on 2.4.0, released over 2.3.9.
async fn released() -> (Stage, Vec<String>) {
    let (stage, ids) = Stage::known(10).await;
    stage.turn_keys("web-prod", "2.4.0");
    stage.settle().await;
    (stage, ids)
}

#[tokio::test(flavor = "multi_thread")]
async fn before_all_else() {
    let (stage, _) = released().await;
    let mut operator = Operator::at(stage, "Before all else").await;
    let said = operator.copies().await;
    assert!(said[0].code == 0 && said[0].stdout.contains("web-prod"), "{said:?}");
    operator.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_version_is_out() {
    let (stage, ids) = released().await;
    let mut operator = Operator::at(stage, "A bad version is out").await;
    operator.stage.set("web-prod", "rollback", true);
    // Whatever is wrong with the keys.
    operator.stage.set("web-prod", "desiredVersionA", 2.4);
    let said = operator.copies().await;
    assert!(said[1].stdout.contains("rolled back from 2.4.0"), "{said:?}");
    assert!(ids.iter().all(|id| operator.stage.version(id) == "2.3.9"));
    let said = operator.copies().await;
    assert_eq!(said[0].code, 0, "{said:?}");
    operator.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn google_is_down() {
    let (mut stage, ids) = released().await;
    stage.setting("FLEETSHEET_LIMITS__REQUEST_TIMEOUT", "1s");
    stage.setting("FLEETSHEET_SCHEDULE__PASS_TIMEOUT", "5s");
    stage.sheets.script().fail("sheets.*", When::Every, Fault::Status(503));
    let mut operator = Operator::at(stage, "Google is down").await;
    let said = operator.copies().await;
    assert!(said[0].stdout.contains("503"), "{said:?}");
    let said = operator.copies().await;
    assert!(ids.iter().all(|id| operator.stage.version(id) == "2.3.9"), "{said:?}");
    assert!(said[1].stdout.contains("rolled back from 2.4.0"), "{said:?}");
    operator.stage.sheets.script().clear();
    let said = operator.copies().await;
    assert!(said[1].code == 0 && said[1].stdout.contains("2.4.0"), "{said:?}");
    let status = operator.stage.release_cell("web-prod", "status");
    assert!(status.starts_with("held: 2.4.0 must be approved again"), "{status}");
    assert_eq!(operator.stage.release_cell("web-prod", "releaseVersion"), "2.3.9");
    assert!(ids.iter().all(|id| operator.stage.version(id) == "2.3.9"), "it stays");
    operator.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn aws_throttles() {
    let (mut stage, ids) = released().await;
    stage.setting("FLEETSHEET_LIMITS__REQUEST_TIMEOUT", "2s");
    stage.setting("FLEETSHEET_SCHEDULE__PASS_TIMEOUT", "6s");
    stage.turn_keys("web-prod", "2.5.0");
    stage
        .cloud
        .script()
        .fail("ec2.CreateTags", When::Every, Fault::Throttle);
    let mut operator = Operator::at(stage, "AWS throttles").await;
    let said = operator.copies().await;
    assert!(said[0].stdout.contains("0/10 on 2.5.0"), "{said:?}");
    assert!(said[1].code == 0 && said[1].stdout.contains("CreateTags"), "{said:?}");
    operator.stage.cloud.script().clear();
    operator.copies().await;
    // The pause that AWS was given may be longer than a pass of this test: the next one goes on.
    for _ in 0..10 {
        if ids.iter().all(|id| operator.stage.version(id) == "2.5.0") {
            return drop(operator.ends().await);
        }
        operator.types("systemctl kill -s USR1 fleetsheet").await;
    }
    panic!("throttled for ever");
}

#[tokio::test(flavor = "multi_thread")]
async fn aws_denies() {
    let (stage, ids) = released().await;
    stage.turn_keys("web-prod", "2.5.0");
    stage.cloud.edit(|fleet| fleet.deny(ACCOUNT, "ec2:CreateTags"));
    let mut operator = Operator::at(stage, "AWS denies").await;
    assert!(operator.stage.server_cell(&ids[0], "status").starts_with("failed:"));
    let said = operator.copies().await;
    assert!(
        said[0].code == 1 && said[0].stdout.contains("ec2:CreateTags"),
        "{said:?}"
    );
    operator
        .stage
        .cloud
        .edit(|fleet| fleet.permit(ACCOUNT, "ec2:CreateTags"));
    let said = operator.copies().await;
    assert!(said[1].stdout.contains("in sync"), "{said:?}");
    assert!(ids.iter().all(|id| operator.stage.version(id) == "2.5.0"));
    operator.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_is_lost() {
    let (stage, ids) = released().await;
    std::fs::remove_dir_all(stage.path("state")).unwrap();
    std::fs::create_dir(stage.path("state")).unwrap();
    let tags = stage.world().tags;
    let mut operator = Operator::at(stage, "The state is lost").await;
    assert!(operator.service.as_ref().unwrap().log().contains("belt store"));
    let said = operator.copies().await;
    let codes: Vec<i32> = said.iter().map(|ran| ran.code).collect();
    assert_eq!(codes, [0; 6], "{said:?}");
    assert!(said[5].stdout.contains("last pass: done"), "{said:?}");
    assert_eq!(operator.stage.world().tags, tags, "nothing was tagged");
    assert_eq!(operator.stage.release_cell("web-prod", "releaseVersion"), "2.4.0");
    let stage = operator.ends().await;
    // What the page says of keys.
    stage.turn_keys("web-prod", "2.5.0");
    stage.settle().await;
    assert!(ids.iter().all(|id| stage.version(id) == "2.5.0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_mail_comes() {
    let (mut stage, _) = Stage::known(10).await;
    let smtp = SmtpEmulator::start(SmtpOptions::default()).await.unwrap();
    stage.setting("FLEETSHEET_EMAIL__SMTP_URL", &smtp.url());
    stage.setting("FLEETSHEET_EMAIL__FROM", "fleetsheet@example.com");
    stage.setting("FLEETSHEET_EMAIL__TO", "[\"ops@example.com\"]");
    smtp.script().fail("*", When::Every, Fault::Status(450));
    stage.turn_keys("web-prod", "2.4.0");
    let mut operator = Operator::at(stage, "No mail comes").await;
    let said = operator.copies().await;
    assert!(said[0].stdout.contains("mail: 1 waiting"), "{said:?}");
    assert_eq!(said[1].code, 1, "{said:?}");
    assert_eq!(smtp.messages().len(), 0);
    smtp.script().clear();
    // The pause after a first try that failed at once.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let said = operator.copies().await;
    assert!(said[1].stdout.contains("no mail waits"), "{said:?}");
    assert_eq!(smtp.messages().len(), 1);
    operator.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_belt_holds_something() {
    let (stage, ids) = released().await;
    stage.sheets.edit(|book| {
        let text = |header, text: &str| (header, text.into());
        let cells = [
            text("channel", "api-prod"),
            text("desiredVersionA", "7.0.0"),
            text("desiredVersionB", "7.0.0"),
            ("enabled", true.into()),
        ];
        book.tab_mut("ReleaseSheet").add_row(&cells);
    });
    stage.settle().await;
    for id in &ids[..4] {
        stage.set_server(id, "channel", "api-prod");
    }
    let mut operator = Operator::at(stage, "A belt holds something").await;
    assert_eq!(operator.stage.version(&ids[0]), "2.4.0");
    let said = operator.copies().await;
    assert!(
        said[0].stdout.contains("belt unapproved") || said[0].stdout.contains("unapproved"),
        "{said:?}"
    );
    let said = operator.copies().await;
    assert_eq!(said[0].code, 0, "{said:?}");
    assert!(ids[..4].iter().all(|id| operator.stage.version(id) == "7.0.0"));
    operator.ends().await;
}
