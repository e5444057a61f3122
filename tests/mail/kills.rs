//! Passes killed at each of their requests: what happened is told once, by them or by the next.

use crate::Post;

#[derive(Clone, Copy, Debug)]
enum Work {
    Promotion,
    Rollback,
    Edit,
}

async fn ready(work: Work) -> Post {
    let post = Post::known(4).await;
    match work {
        Work::Promotion => post.stage.turn_keys("web-prod", "2.4.0"),
        Work::Edit => post.stage.set("web-prod", "releaseVersion", "9.9.9"),
        Work::Rollback => {
            post.stage.turn_keys("web-prod", "2.4.0");
            post.one().await;
            post.stage.set("web-prod", "rollback", true);
        }
    }
    post.stage.sheets.script().forget_calls();
    post.stage.cloud.script().forget_calls();
    post
}

async fn killed_everywhere(work: Work) {
    let post = ready(work).await;
    let subject = post.one().await.subject().to_owned();
    let counts = [
        post.stage.sheets.script().count("*"),
        post.stage.cloud.script().count("*"),
    ];
    for (requests, of_cloud) in [(counts[0], false), (counts[1], true)] {
        for (nth, taken) in (1..=requests).flat_map(|nth| [(nth, true), (nth, false)]) {
            let post = ready(work).await;
            let what = format!("{work:?}, request {nth} of {requests}, cloud {of_cloud}, taken {taken}");
            let script = if of_cloud {
                post.stage.cloud.script()
            } else {
                post.stage.sheets.script().clone()
            };
            post.stage.killed_at(&script, nth, taken).await;
            assert_eq!(post.take(), [], "{what}: mail goes out after the pass");
            assert_eq!(post.one().await.subject(), subject, "{what}");
            post.none().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_killed_at_any_request_is_told_once() {
    killed_everywhere(Work::Promotion).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_killed_at_any_request_is_told_once() {
    killed_everywhere(Work::Rollback).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_killed_at_any_request_is_told_once() {
    killed_everywhere(Work::Edit).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_killed_while_it_mails_tells_it_once_more_under_the_same_id() {
    let post = ready(Work::Promotion).await;
    let script = post.smtp.script();
    let points = script.count("*");
    post.one().await;
    let asked = script.count("*") - points;
    for nth in 1..=asked {
        let post = ready(Work::Promotion).await;
        let script = post.smtp.script();
        post.stage.killed_at(&script, nth, true).await;
        let mut mails = post.take();
        post.pass().await;
        mails.extend(post.take());
        assert!(!mails.is_empty(), "request {nth} of {asked}");
        assert!(mails.iter().all(|mail| *mail == mails[0]), "request {nth}: {mails:?}");
        post.none().await;
    }
}
