//! Whole passes of the real program against the emulators.

#[path = "support/stage.rs"]
mod stage;

use stage::{Stage, fleet};

async fn web(count: usize) -> (Stage, Vec<String>) {
    let (fleet, ids) = fleet(count, "web-prod", "2.3.9");
    let servers: Vec<(String, &str)> = ids.iter().map(|id| (id.clone(), "web-prod")).collect();
    (
        Stage::new(&[("web-prod", "2.3.9", "2.3.9", true)], &servers, fleet).await,
        ids,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_of_1500_servers_is_three_calls_and_a_second_pass_is_silent() {
    let (stage, ids) = web(1500).await;
    let first = stage.once().await;
    assert_eq!(first.code, 0, "{first:?}");
    assert_eq!(first.release("web-prod"), "2.3.9");
    assert_eq!(first.json["changed"], 0);

    stage.set("web-prod", "desiredVersionA", "2.4.0");
    let waiting = stage.once().await;
    assert_eq!(waiting.code, 0, "{waiting:?}");
    assert_eq!(waiting.status("web-prod"), "waiting for key B: A=2.4.0, B=2.3.9");
    assert_eq!(waiting.calls("ec2.CreateTags"), 0);

    stage.set("web-prod", "desiredVersionB", "2.4.0");
    stage.sheets.desk().forget_writes();
    let promoted = stage.once().await;
    assert_eq!(promoted.code, 0, "{promoted:?}");
    assert_eq!(promoted.json["changed"], 1500);
    assert_eq!(promoted.calls("ec2.CreateTags"), 3, "{:?}", promoted.json["calls"]);
    let calls = &promoted.json["calls"];
    let reads: u64 = [
        "sheets.get",
        "sheets.values.batchGet",
        "sheets.values.batchGetByDataFilter",
    ]
    .iter()
    .map(|m| calls[m].as_u64().unwrap_or(0))
    .sum();
    assert!(reads <= 4, "{calls}");
    assert_eq!(stage.tag(&ids[700], "ReleaseVersion").as_deref(), Some("2.4.0"));
    assert_eq!(stage.cell("ReleaseSheet", "web-prod", "releaseVersion"), "2.4.0");
    assert_eq!(stage.cell("ReleaseSheet", "web-prod", "previousVersion"), "2.3.9");
    assert_eq!(stage.cell("ServerTagAssignment", &ids[3], "releaseVersion"), "2.4.0");
    assert_eq!(stage.cell("ServerTagAssignment", &ids[3], "status"), "in sync");

    let writes = stage.sheets.writes().len();
    let silent = stage.once().await;
    assert_eq!(silent.code, 0);
    assert_eq!(silent.json["changed"], 0);
    assert_eq!(
        stage.sheets.writes().len(),
        writes,
        "a pass with nothing to say writes nothing"
    );
    assert_eq!(silent.calls("ec2.CreateTags"), 0);
}
