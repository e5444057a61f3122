//! Clouds that refuse, stall and throttle: one server's or one region's trouble never stops the others.

use fleetsheet_mocks::cloud::{Fleet, Rate};
use fleetsheet_mocks::faults::{Fault, When};

use crate::stage::{ACCOUNT, REGION, Stage};

const OTHER: &str = "222222222222";
const EAST: &str = "us-east-1";

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_vanish_while_they_are_tagged_fail_alone() {
    let (stage, ids) = Stage::known(20).await;
    stage.turn_keys("web-prod", "2.4.0");
    let (cloud, gone) = (stage.cloud.editor(), [ids[3].clone(), ids[11].clone()]);
    let (first, second) = (ids[3].clone(), ids[11].clone());
    stage.cloud.script().before("ec2.CreateTags", 1, move || {
        cloud.edit(|fleet| gone.iter().for_each(|id| assert!(fleet.vanish(id))));
    });
    let ran = stage.once().await;
    assert_eq!(
        (ran.code, ran.json["outcome"].as_str()),
        (4, Some("partial")),
        "{ran:?}"
    );
    assert_eq!(
        (ran.json["changed"].as_u64(), ran.json["failed"].as_u64()),
        (Some(18), Some(2))
    );
    let told = ran.problems_of("api_failure").join("\n");
    assert!(
        told.contains(&first) && told.contains(&second) && !told.contains(&ids[4]),
        "{told}"
    );
    assert!(stage.server_cell(&first, "status").starts_with("failed: "));
    assert_eq!(stage.server_cell(&first, "releaseVersion"), "2.3.9");
    assert_eq!(ran.status("web-prod"), "in sync · 18/20 on 2.4.0 · 2 failed");
    assert_eq!(
        (stage.version(&ids[4]), stage.server_cell(&ids[4], "status")),
        ("2.4.0".into(), "in sync".into())
    );
    let next = stage.once().await;
    assert_eq!((next.code, next.status("web-prod")), (0, "in sync"), "{next:?}");
    assert_eq!(stage.server_cell(&first, "status"), "missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_full_of_tags_fails_alone() {
    let (mut fleet, ids) = crate::stage::fleet(8, "web-prod", "2.3.9");
    fleet.delete_tag(&ids[2], "ReleaseVersion");
    for i in 0..48 {
        fleet.set_tag(&ids[2], &format!("k{i}"), "v");
    }
    let servers: Vec<(String, &str)> = ids.iter().map(|id| (id.clone(), "web-prod")).collect();
    let stage = Stage::new(&[("web-prod", "2.3.9", "2.3.9", true)], &servers, fleet).await;
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.json["failed"].as_u64()), (4, Some(1)), "{ran:?}");
    assert!(
        stage.server_cell(&ids[2], "status").contains("50"),
        "{}",
        stage.server_cell(&ids[2], "status")
    );
    assert!(
        ran.problems_of("api_failure")[0].contains(&ids[2]),
        "{:?}",
        ran.problems()
    );
    stage.turn_keys("web-prod", "2.4.0");
    let ran = stage.once().await;
    assert_eq!(
        (ran.code, ran.json["changed"].as_u64(), ran.json["failed"].as_u64()),
        (4, Some(7), Some(1)),
        "{ran:?}"
    );
    stage.cloud.edit(|fleet| fleet.delete_tag(&ids[2], "k7"));
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.json["changed"].as_u64()), (0, Some(1)), "{ran:?}");
    stage.assert_rows_show_their_own("2.4.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_throttles_delays_and_loses_nothing() {
    let (mut stage, _) = Stage::known(12).await;
    stage.setting("FLEETSHEET_LIMITS__BATCH_SIZE", "2");
    stage
        .cloud
        .edit(|fleet| fleet.settings.limits.create_tags = Some(Rate::new(1.0, 2.0)));
    stage
        .cloud
        .script()
        .fail("ec2.DescribeInstances", When::First, Fault::Throttle);
    stage
        .cloud
        .script()
        .fail("ec2.CreateTags", When::Range(1..=2), Fault::Throttle);
    stage.turn_keys("web-prod", "2.4.0");
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.json["changed"].as_u64()), (0, Some(12)), "{ran:?}");
    stage.assert_rows_show_their_own("2.4.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_that_pass_are_weathered() {
    for fault in [
        Fault::Status(500),
        Fault::Html503,
        Fault::ResetBefore,
        Fault::ResetAfter,
        Fault::Truncate,
    ] {
        let (stage, _) = Stage::known(5).await;
        stage.turn_keys("web-prod", "2.4.0");
        stage.cloud.script().fail("ec2.CreateTags", When::First, fault);
        stage.cloud.script().fail("ec2.DescribeInstances", When::First, fault);
        let ran = stage.once().await;
        assert_eq!(
            (ran.code, ran.json["changed"].as_u64()),
            (0, Some(5)),
            "{fault:?}: {ran:?}"
        );
        stage.assert_rows_show_their_own("2.4.0");
        stage.assert_silent().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_tag_each_server_fails_and_the_release_stands() {
    let (stage, ids) = Stage::known(5).await;
    stage.turn_keys("web-prod", "2.4.0");
    stage.cloud.edit(|fleet| fleet.deny(ACCOUNT, "ec2:CreateTags"));
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.json["failed"].as_u64()), (4, Some(5)), "{ran:?}");
    assert!(
        ran.problems_of("api_failure")[0].contains("ec2:CreateTags"),
        "{:?}",
        ran.problems()
    );
    assert_eq!(
        (ran.release("web-prod"), stage.version(&ids[0]).as_str()),
        ("2.4.0", "2.3.9")
    );
    stage.cloud.edit(|fleet| fleet.permit(ACCOUNT, "ec2:CreateTags"));
    let ran = stage.settle().await;
    assert_eq!(ran.json["changed"], 5, "the servers that were late follow");
    stage.assert_rows_show_their_own("2.4.0");
}

/// Two accounts, one of them through a role, in two regions each; three servers in every one.
async fn four_sources() -> (Stage, Vec<String>) {
    let mut fleet = Fleet::new(ACCOUNT);
    let role = format!("arn:aws:iam::{OTHER}:role/fleetsheet");
    fleet.add_role(&role);
    let mut ids = Vec::new();
    for (a, account) in [ACCOUNT, OTHER].into_iter().enumerate() {
        for (r, region) in [REGION, EAST].into_iter().enumerate() {
            for i in 0..3 {
                let id = format!("i-{a}{r}{i:015x}");
                fleet.add(
                    account,
                    region,
                    &id,
                    [
                        ("Name", "web"),
                        ("ReleaseChannel", "web-prod"),
                        ("ReleaseVersion", "2.3.9"),
                    ],
                );
                ids.push(id);
            }
        }
    }
    let servers: Vec<(String, &str)> = ids.iter().map(|id| (id.clone(), "web-prod")).collect();
    let mut stage = Stage::new(&[("web-prod", "2.3.9", "2.3.9", true)], &servers, fleet).await;
    stage.serve_accounts(&format!(
        "[[aws.account]]\nname = \"main\"\nregions = [\"{REGION}\", \"{EAST}\"]\n\
         [[aws.account]]\nname = \"prod\"\nrole_arn = \"{role}\"\nregions = [\"{REGION}\", \"{EAST}\"]\n"
    ));
    (stage, ids)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_is_down_keeps_its_rows_and_its_tags_and_the_others_go_on() {
    let (stage, ids) = four_sources().await;
    stage.settle().await;
    stage.assert_rows_show_their_own("2.3.9");
    assert_eq!(
        (
            stage.server_cell(&ids[9], "account"),
            stage.server_cell(&ids[9], "region")
        ),
        ("prod".into(), EAST.into())
    );
    let rows = stage.world().servers;
    stage.cloud.switch_off(OTHER, EAST, Fault::Status(500));
    stage.turn_keys("web-prod", "2.4.0");
    let ran = stage.once().await;
    assert_eq!(
        (ran.code, ran.json["outcome"].as_str()),
        (4, Some("partial")),
        "{ran:?}"
    );
    assert_eq!(
        (ran.json["changed"].as_u64(), ran.json["missing"].as_u64()),
        (Some(9), Some(0))
    );
    let told = ran.problems_of("api_failure");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("prod") && told[0].contains(EAST), "{told:?}");
    for id in &ids[..9] {
        assert_eq!(
            (stage.version(id), stage.server_cell(id, "status")),
            ("2.4.0".into(), "in sync".into())
        );
    }
    let now = stage.world().servers;
    assert_eq!(now[9..], rows[9..]);
    assert_eq!(stage.version(&ids[10]), "2.3.9");
    // Nobody can look at those three, but they cannot have followed.
    assert_eq!(stage.release_cell("web-prod", "status"), "in sync · 9/12 on 2.4.0");
    let said = stage.run(&["explain", "web-prod"]).await.stdout;
    assert!(said.contains("9 of 12 carry 2.4.0; 3 cannot be seen now"), "{said}");

    stage.cloud.scoped_script().clear();
    let ran = stage.settle().await;
    assert_eq!(stage.release_cell("web-prod", "status"), "in sync");
    assert_eq!(
        (ran.json["changed"].as_u64(), ran.calls("sts.AssumeRole")),
        (Some(3), 1),
        "{ran:?}"
    );
    stage.assert_rows_show_their_own("2.4.0");
    stage.assert_silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_all_of_the_cloud_hides_no_server_that_is_behind() {
    let (stage, _) = four_sources().await;
    stage.settle().await;
    let off = || {
        for (account, region) in [(ACCOUNT, REGION), (ACCOUNT, EAST), (OTHER, REGION), (OTHER, EAST)] {
            stage.cloud.switch_off(account, region, Fault::Status(500));
        }
    };
    off();
    let ran = stage.once().await;
    assert_eq!(ran.code, 4, "{ran:?}");
    assert_eq!(
        stage.release_cell("web-prod", "status"),
        "in sync",
        "all carried it when last seen"
    );
    stage.turn_keys("web-prod", "2.4.0");
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.release("web-prod")), (4, "2.4.0"), "{ran:?}");
    assert_eq!(stage.release_cell("web-prod", "status"), "in sync · 0/12 on 2.4.0");
    stage.cloud.scoped_script().clear();
    stage.settle().await;
    stage.assert_rows_show_their_own("2.4.0");
    assert_eq!(stage.release_cell("web-prod", "status"), "in sync");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_cannot_be_assumed_is_an_account_down() {
    let (stage, ids) = four_sources().await;
    stage.settle().await;
    stage
        .cloud
        .edit(|fleet| fleet.set_assumable(&format!("arn:aws:iam::{OTHER}:role/fleetsheet"), false));
    stage.turn_keys("web-prod", "2.4.0");
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.json["changed"].as_u64()), (4, Some(6)), "{ran:?}");
    assert!(
        ran.problems_of("api_failure")
            .iter()
            .any(|p| p.contains("role/fleetsheet")),
        "{:?}",
        ran.problems()
    );
    assert_eq!(
        (stage.version(&ids[5]), stage.version(&ids[6])),
        ("2.4.0".into(), "2.3.9".into())
    );
    assert_eq!(stage.server_cell(&ids[6], "status"), "in sync");
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_that_show_late_are_neither_drift_nor_written_twice_for_long() {
    let (stage, ids) = Stage::known(6).await;
    stage.cloud.edit(|fleet| fleet.settings.tags_late_reads = 1);
    stage.turn_keys("web-prod", "2.4.0");
    stage.settle().await;
    let late = stage.settle().await;
    assert!(late.problems_of("mismatch").is_empty(), "{late:?}");
    stage.cloud.edit(|fleet| fleet.settings.tags_late_reads = 0);
    stage.settle().await;
    stage.settle().await;
    stage.assert_silent().await;
    stage.assert_rows_show_their_own("2.4.0");
    assert_eq!(stage.version(&ids[5]), "2.4.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_left_the_configuration_is_one_problem_and_a_belt_and_nothing_of_it_is_missing() {
    let (mut stage, ids) = four_sources().await;
    stage.settle().await;
    let whole = stage.accounts();
    // A slip of the pen in one account, a region left out in the other.
    stage.serve_accounts(&whole.replace(
        &format!("name = \"main\"\nregions = [\"{REGION}\", \"{EAST}\"]"),
        &format!("name = \"main\"\nregions = [\"{REGION}\"]"),
    ));
    let rows = stage.world().servers;
    for _ in 0..2 {
        let ran = stage.once().await;
        assert_eq!((ran.code, &ran.json["missing"]), (5, &0.into()), "{ran:?}");
        let told = ran.problems();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].contains(&format!(
                "main/{EAST} is no longer in the configuration, and had 3 servers"
            )),
            "{told:?}"
        );
        assert!(
            told[0].contains("--allow source") && !told[0].contains("delete its row"),
            "{told:?}"
        );
    }
    assert_eq!(stage.world().servers, rows);
    // The rest of the fleet is served meanwhile.
    stage.turn_keys("web-prod", "2.4.0");
    let ran = stage.once().await;
    assert_eq!((ran.code, &ran.json["changed"]), (5, &9.into()), "{ran:?}");
    // Configured again, it is as if nothing had been.
    let narrow = stage.accounts();
    stage.serve_accounts(&whole);
    let ran = stage.settle().await;
    assert_eq!((&ran.json["changed"], ran.problems().len()), (&3.into(), 0), "{ran:?}");
    // Meant, an operator says so, and its servers are missing.
    stage.serve_accounts(&narrow);
    let ran = stage.run(&["--once", "--allow", "source", "--format", "json"]).await;
    assert_eq!((ran.code, &ran.json["missing"]), (0, &3.into()), "{ran:?}");
    assert_eq!(stage.settle().await.json["missing"], 3);
    assert_eq!(stage.server_cell(&ids[3], "status"), "missing");
}
