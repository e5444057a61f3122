//! Regions that do not answer: every page says first how little was seen, and no row looks as if all were well.

use fleetsheet_mocks::cloud::Fleet;
use fleetsheet_mocks::faults::{Fault, When};

use crate::stage::{ACCOUNT, REGION, Stage};

const EAST: &str = "us-east-1";

/// web-prod in two regions, three servers here and one there, met by a pass.
async fn two_regions() -> Stage {
    let mut fleet = Fleet::new(ACCOUNT);
    let ids: Vec<String> = (0..4).map(|i| format!("i-{i:017x}")).collect();
    for (i, id) in ids.iter().enumerate() {
        let region = if i < 3 { REGION } else { EAST };
        let tags = [("ReleaseChannel", "web-prod"), ("ReleaseVersion", "2.3.9")];
        fleet.add(ACCOUNT, region, id, tags);
    }
    let servers: Vec<(String, &str)> = ids.into_iter().map(|id| (id, "web-prod")).collect();
    let mut stage = Stage::new(&[("web-prod", "2.3.9", "2.3.9", true)], &servers, fleet).await;
    stage.serve_accounts(&format!(
        "[[aws.account]]\nname = \"main\"\nregions = [\"{REGION}\", \"{EAST}\"]\n"
    ));
    stage.settle().await;
    stage
}

/// The line of a channel in a page.
fn row(page: &str) -> &str {
    page.lines().find(|line| line.starts_with("  web-prod")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_answers_is_told_first_and_in_each_row() {
    let stage = two_regions().await;
    stage
        .cloud
        .script()
        .fail("ec2.DescribeInstances", When::Every, Fault::Status(403));
    let plan = stage.run(&["plan"]).await;
    assert_eq!(plan.code, 4, "{plan:?}");
    let head = plan.stdout.lines().next().unwrap();
    assert!(head.starts_with("0 of 2 account regions answered"), "{plan:?}");
    let pass = stage.run(&["--once"]).await;
    let head = pass.stdout.lines().next().unwrap();
    assert!(head.contains("0 of 2 account regions answered"), "{pass:?}");
    let status = stage.run(&["status"]).await;
    let head = status.stdout.lines().next().unwrap();
    assert!(head.contains("0 of 2 account regions answered"), "{status:?}");
    for page in [&plan.stdout, &pass.stdout, &status.stdout] {
        assert!(row(page).ends_with(" · 4 not seen"), "{page}");
    }
    // What scripts read is as it was.
    let json = stage.run(&["status", "--format", "json"]).await;
    assert_eq!(json.json["channels"][0]["not_seen"], 4);
    assert_eq!(json.json["channels"][0]["status"], pass_status(&stage).await);
    assert!(json.json.get("unanswered").is_none(), "{json:?}");
    let shown = stage.on_terminal(100, &["status"], &[]).await;
    assert!(!shown.stdout.contains("\u{1b}[32m"), "nothing is green: {shown:?}");
}

/// The channel's status in the report of one more pass.
async fn pass_status(stage: &Stage) -> String {
    stage.once().await.status("web-prod").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_region_that_is_down_is_counted() {
    let stage = two_regions().await;
    stage.cloud.switch_off(ACCOUNT, EAST, Fault::Status(403));
    let pass = stage.run(&["--once"]).await;
    assert_eq!(pass.code, 4, "{pass:?}");
    let head = pass.stdout.lines().next().unwrap();
    assert!(
        head.ends_with("done in part: 1 of 2 account regions answered"),
        "{pass:?}"
    );
    assert!(row(&pass.stdout).ends_with(" · 1 not seen"), "{pass:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_servers_that_fail_alike_three_are_named_with_their_region() {
    let (stage, ids) = Stage::known(1500).await;
    stage.turn_keys("web-prod", "2.4.0");
    stage.cloud.edit(|fleet| fleet.deny(ACCOUNT, "ec2:CreateTags"));
    let ran = stage.once().await;
    assert_eq!(ran.json["failed"], 1500, "{ran:?}");
    let named = format!(
        "{} (web), {} (web), {} (web) and 1,497 more in main/{REGION}",
        ids[0], ids[1], ids[2]
    );
    assert!(
        ran.problems_of("api_failure")[0].contains(&named),
        "{:?}",
        ran.problems()
    );
    let text = stage.run(&["--once"]).await;
    for line in text.stdout.lines().chain(text.stderr.lines()) {
        assert!(line.matches("i-0").count() <= 3, "{line}");
    }
}
