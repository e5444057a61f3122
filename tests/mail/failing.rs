//! Passes that fail: told after some running, and once more when they work again.

use fleetsheet_mocks::faults::{Fault, When};
use fleetsheet_mocks::sheets::SERVICE_ACCOUNT;

use super::Post;
use crate::stage::SERVERS;

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_out_of_reach_is_told_after_two_passes_and_when_it_is_back() {
    let post = Post::known(5).await;
    let refused = || {
        post.stage
            .sheets
            .script()
            .fail("sheets.*", When::Every, Fault::Forbidden)
    };
    refused();
    assert_eq!(post.none().await.code, 1, "one failure is weather");
    let mail = post.one().await;
    assert_eq!(mail.subject(), "[fleetsheet] passes fail: spreadsheet");
    assert!(
        mail.text.contains(SERVICE_ACCOUNT),
        "whom to share it with: {}",
        mail.text
    );
    assert!(mail.text.starts_with("The pass failed. "), "{}", mail.text);
    assert!(mail.text.contains("To do: "), "{}", mail.text);
    post.none().await;
    post.none().await;
    post.stage.sheets.script().clear();
    let mail = post.one().await;
    assert_eq!(mail.subject(), "[fleetsheet] works again: spreadsheet");
    post.none().await;
    refused();
    post.none().await;
    post.stage.sheets.script().clear();
    post.none().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_belt_that_stops_passes_is_told_after_two_and_hides_no_other_problem() {
    let post = Post::known(5).await;
    post.stage.set("web-prod", "desiredVersionA", 1.1);
    post.one().await;
    post.stage.sheets.edit(|book| book.rename_tab(SERVERS, "Elsewhere"));
    assert_eq!(post.none().await.code, 5);
    let mail = post.one().await;
    assert_eq!(mail.subject(), "[fleetsheet] passes fail: ServerTagAssignment");
    assert!(
        mail.text.contains("Still open (1)"),
        "what could not be seen is not resolved: {}",
        mail.text
    );
    post.stage.sheets.edit(|book| book.rename_tab("Elsewhere", SERVERS));
    let mail = post.one().await;
    assert_eq!(mail.subject(), "[fleetsheet] works again: ServerTagAssignment");
    assert!(mail.text.contains("Still open (1)"), "{}", mail.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_does_not_answer_is_told_after_two_passes_and_closes_no_problem_of_its_servers() {
    let post = Post::known(8).await;
    let gone = post.ids[0].clone();
    post.stage.cloud.edit(|fleet| fleet.vanish(&gone));
    let mail = post.one().await;
    assert_eq!(mail.subject(), format!("[fleetsheet] server not found: {gone}"));
    post.stage
        .cloud
        .script()
        .fail("ec2.DescribeInstances", When::Every, Fault::Forbidden);
    assert_eq!(post.none().await.code, 4);
    let mail = post.one().await;
    assert_eq!(mail.subject(), "[fleetsheet] no answer: main/eu-west-1");
    assert!(mail.text.contains("Still open (1)"), "{}", mail.text);
    post.stage.cloud.script().clear();
    let mail = post.one().await;
    assert_eq!(mail.subject(), "[fleetsheet] works again: main/eu-west-1");
    assert!(mail.text.contains("Still open (1)"), "{}", mail.text);
}

/// Two keys were turned and one server is on hold when the results cannot be written.
#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_whose_results_cannot_be_written_is_mailed_as_a_failure() {
    let post = Post::known(3).await;
    post.stage.turn_keys("web-prod", "2.4.0");
    post.stage.set_server(&post.ids[0], "hold", true);
    let writes = "sheets.values.batchUpdateByDataFilter";
    post.stage.sheets.script().fail(writes, When::Every, Fault::Forbidden);
    let ran = post.pass().await;
    assert_eq!((ran.code, ran.json["outcome"].as_str()), (1, Some("failed")), "{ran:?}");
    let mail = post.take().remove(0);
    let subject = mail.subject();
    assert_eq!(
        subject,
        "[fleetsheet] the pass failed: spreadsheet; web-prod: 2.4.0 released to 2 servers"
    );
    assert!(mail.text.starts_with("The pass failed. "), "{}", mail.text);
    for body in [&mail.text, &mail.html] {
        assert!(body.contains("To do: ") && !body.contains("Nothing to do"), "{body}");
    }
    let ended = ran.stderr.lines().find(|line| line.contains("pass ended")).unwrap();
    assert!(
        ended.contains("reason=") && ended.contains("permission denied"),
        "{ended}"
    );
}
