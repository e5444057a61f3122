//! Mail of a machine whose clock is years ahead for one pass: what waits goes out when the clock is right, whatever was to be
//! waited for by the wrong one; and its date is UTC whatever time zone the machine is in.

use fleetsheet_mocks::smtp::Stage as Point;

use super::{OPS, Post};
use crate::preload;

const ONCE: [&str; 3] = ["--once", "--format", "json"];

/// A pass with a clock that is so many seconds off.
async fn pass_with_clock(post: &Post, seconds: i64) {
    let (library, file) = (preload::library("clock"), post.stage.path("clock"));
    std::fs::write(&file, seconds.to_string()).unwrap();
    let env = [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("CLOCK_FILE", file.to_str().unwrap()),
    ];
    post.stage.run_with(&ONCE, &env).await;
}

const TEN_YEARS: i64 = 3652 * 86_400;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_down_while_the_clock_was_wrong_is_tried_when_it_is_right() {
    for seconds in [TEN_YEARS, -TEN_YEARS] {
        let mut post = Post::known(3).await;
        post.smtp.refuse_connections().await;
        post.stage.turn_keys("web-prod", "2.4.0");
        post.pass().await;
        pass_with_clock(&post, seconds).await;
        pass_with_clock(&post, seconds).await;
        post.smtp.resume().await.unwrap();
        let mails = post.passes_until_mail().await;
        assert_eq!(mails.len(), 1, "{seconds}");
        assert_eq!(
            mails[0].text.matches("2.4.0 was released").count(),
            1,
            "{seconds}: {}",
            mails[0].text
        );
        post.pass().await;
        assert_eq!(post.backlog().await.letters, 0, "{seconds}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_refused_while_the_clock_was_wrong_is_tried_again_when_it_is_right() {
    let post = Post::known(3).await;
    post.smtp
        .answer(Point::Rcpt, Some(OPS), None, 550, "5.1.1 no such mailbox");
    post.stage.turn_keys("web-prod", "2.4.0");
    post.stage.settle().await;
    let tried = post.smtp.script().count("smtp.RCPT");
    post.none().await;
    assert_eq!(
        post.smtp.script().count("smtp.RCPT"),
        tried,
        "not tried again for a day"
    );
    // By the wrong clock a day is over, and it is refused again, ten years from now.
    pass_with_clock(&post, TEN_YEARS).await;
    assert!(post.smtp.script().count("smtp.RCPT") > tried);
    assert_eq!(post.take(), []);
    post.smtp.clear_answers();
    let mail = post.one().await;
    assert!(mail.text.contains("2.4.0 was released"), "{}", mail.text);
    assert_eq!(post.backlog().await.letters, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_of_mail_are_utc_in_every_time_zone() {
    let post = Post::known(3).await;
    post.stage.turn_keys("web-prod", "2.4.0");
    let ran = post
        .stage
        .run_with(&ONCE, &[("TZ", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0")])
        .await;
    let now = fleetsheet::clock::now();
    let mails = post.take();
    assert_eq!(mails.len(), 1, "{ran:?}");
    let date = &mails[0].headers["Date"];
    let at = chrono::DateTime::parse_from_rfc2822(date).unwrap();
    assert!(date.ends_with("+0000"), "{date}");
    assert!((now - at.to_utc()).abs() < chrono::TimeDelta::minutes(1), "{date}");
    assert!(mails[0].text.contains("UTC"), "{}", mails[0].text);
}
