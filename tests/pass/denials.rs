//! Policies that refuse tags: whoever is named fails, the others go on, and what is refused for all is not asked for one by one.

use fleetsheet_mocks::cloud::Denial;

use crate::stage::Stage;

const SCP: Denial = Denial::Explicit("service control policy");
const IDENTITY: Denial = Denial::Implicit("identity-based policy");

fn deny(stage: &Stage, ids: &[String], denial: &Denial) {
    stage.cloud.edit(|fleet| {
        for id in ids {
            fleet.deny_instance(id, Some(denial.clone()));
        }
    });
}

fn versions(stage: &Stage, ids: &[String], version: &str) -> usize {
    ids.iter().filter(|id| stage.version(id) == version).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_a_policy_denies_fails_alone_and_says_why() {
    let (stage, ids) = Stage::known(12).await;
    deny(&stage, &ids[4..6], &SCP);
    stage.turn_keys("web-prod", "2.4.0");
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.calls("ec2.CreateTags")), (4, 3), "{ran:?}");
    assert_eq!(
        (ran.json["changed"].as_u64(), ran.json["failed"].as_u64()),
        (Some(10), Some(2))
    );
    assert_eq!(versions(&stage, &ids, "2.4.0"), 10);
    let status = stage.server_cell(&ids[4], "status");
    assert!(
        status.starts_with("failed: ")
            && status.contains(&format!(
                "instance/{} with an explicit deny in a service control policy",
                ids[4]
            ))
            && !status.contains("mock-Blob"),
        "{status}"
    );
    let told = ran.problems_of("api_failure");
    assert_eq!(told.len(), 1, "one cause is one problem: {told:?}");
    assert!(told[0].contains(&ids[4]) && told[0].contains(&ids[5]), "{told:?}");
    assert!(
        told[0].contains("explicit deny in a service control policy"),
        "{told:?}"
    );
    stage
        .cloud
        .edit(|fleet| ids.iter().for_each(|id| fleet.deny_instance(id, None)));
    let ran = stage.settle().await;
    assert_eq!(ran.json["changed"], 2, "{ran:?}");
    stage.assert_rows_show_their_own("2.4.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_reaches_the_others_of_a_source_with_a_denied_server() {
    let (stage, ids) = Stage::known(9).await;
    stage.turn_keys("web-prod", "2.4.0");
    stage.settle().await;
    deny(&stage, &ids[..1], &SCP);
    stage.set("web-prod", "rollback", true);
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.calls("ec2.CreateTags")), (4, 2), "{ran:?}");
    assert_eq!(versions(&stage, &ids, "2.3.9"), 8);
    let said = stage.run(&["explain", &ids[0]]).await.stdout;
    assert!(
        said.contains("last pass") && said.contains("service control policy"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_policy_allows_for_any_server_is_tried_for_a_few_and_what_it_allows_for_some_for_all() {
    let (stage, ids) = Stage::known(12).await;
    stage.turn_keys("web-prod", "2.4.0");
    deny(&stage, &ids[..1], &IDENTITY);
    let ran = stage.once().await;
    assert_eq!((ran.calls("ec2.CreateTags"), versions(&stage, &ids, "2.4.0")), (2, 11));
    deny(&stage, &ids, &IDENTITY);
    stage.turn_keys("web-prod", "2.5.0");
    let ran = stage.once().await;
    assert_eq!((ran.calls("ec2.CreateTags"), versions(&stage, &ids, "2.5.0")), (5, 0));
    let status = stage.server_cell(&ids[11], "status");
    assert!(
        status.contains("allow ec2:CreateTags in the identity-based policy of"),
        "{status}"
    );
    // A policy with a condition, as on a tag: some are allowed, and these are not kept from their release by the others.
    stage
        .cloud
        .edit(|fleet| ids.iter().for_each(|id| fleet.deny_instance(id, None)));
    deny(&stage, &ids[3..6], &IDENTITY);
    stage.turn_keys("web-prod", "2.6.0");
    let ran = stage.once().await;
    assert_eq!((ran.code, versions(&stage, &ids, "2.6.0")), (4, 9), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_a_tag_policy_forbids_costs_a_few_calls() {
    let (stage, ids) = Stage::known(60).await;
    stage
        .cloud
        .edit(|fleet| fleet.forbid_value("ReleaseVersion", "2.4.0", true));
    stage.turn_keys("web-prod", "2.4.0");
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.json["failed"].as_u64()), (4, Some(60)), "{ran:?}");
    assert!(ran.calls("ec2.CreateTags") <= 7, "{ran:?}");
    let told = ran.problems_of("api_failure");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("TagPolicyViolation"), "{told:?}");
    assert!(
        told[0].contains("does not allow the specified value for the following tag key"),
        "{told:?}"
    );
    assert_eq!(versions(&stage, &ids, "2.3.9"), 60);
    // From then on one of them is tried in each pass, and the sheet says when all are.
    for _ in 0..2 {
        stage.sheets.desk().forget_writes();
        let again = stage.once().await;
        assert_eq!((again.code, again.json["failed"].as_u64()), (4, Some(60)), "{again:?}");
        assert!(again.calls("ec2.CreateTags") <= 2, "{again:?}");
        assert_eq!(again.problems_of("api_failure").len(), 1, "{again:?}");
        assert_eq!(
            stage.release_cell("web-prod", "status"),
            "in sync · 0/60 on 2.4.0 · 60 failed"
        );
    }
    let status = stage.server_cell(&ids[30], "status");
    assert!(
        status.starts_with("failed: ") && status.contains("; tried again when one"),
        "{status}"
    );
    let quiet = stage.once().await;
    assert_eq!(
        quiet.calls("sheets.values.batchUpdateByDataFilter"),
        0,
        "nothing new to say: {quiet:?}"
    );
    stage
        .cloud
        .edit(|fleet| fleet.forbid_value("ReleaseVersion", "2.4.0", false));
    let first = stage.once().await;
    assert_eq!(first.json["changed"], 1, "{first:?}");
    assert_eq!(stage.settle().await.json["changed"], 59);
    stage.assert_rows_show_their_own("2.4.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_which_server_it_asked_about_and_no_more() {
    let (stage, ids) = Stage::known(2).await;
    let said = stage.run(&["check"]).await.stdout;
    assert!(said.contains("other servers were not tried"), "{said}");
    deny(&stage, &ids[..1], &SCP);
    let said = stage.run(&["check"]).await.stdout;
    assert!(
        said.contains("explicit deny in a service control policy") && said.contains("other servers were not tried"),
        "{said}"
    );
}
