//! The outbox: nothing is lost while the mail server is away, nothing is told twice, and no pass waits.

use std::time::{Duration, Instant};

use fleetsheet::clients::connect;
use fleetsheet::clock::now;
use fleetsheet::config::Config;
use fleetsheet::locked_pass::mail::send_test_mail;
use fleetsheet_mocks::cloud::{ACCESS_KEY, SECRET_KEY};
use fleetsheet_mocks::faults::{Fault, When};
use fleetsheet_mocks::smtp::Stage as Point;

use super::{OPS, Post};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_for_many_passes_gets_one_digest_of_all_of_them() {
    let mut post = Post::known(6).await;
    post.smtp.refuse_connections().await;
    for version in ["2.4.0", "2.5.0", "2.6.0"] {
        post.stage.turn_keys("web-prod", version);
        let ran = post.pass().await;
        assert_eq!((ran.code, ran.release("web-prod")), (0, version), "{ran:?}");
        assert_eq!(ran.problems(), [""; 0], "mail trouble is none of the pass");
    }
    post.stage.set("web-prod", "desiredVersionA", 1.1);
    post.pass().await;
    post.stage.set("web-prod", "desiredVersionA", "2.6.0");
    post.stage.set_server(&post.ids[0], "channel", "no-such");
    post.pass().await;

    post.smtp.resume().await.unwrap();
    let mails = post.passes_until_mail().await;
    assert_eq!(mails.len(), 1, "one digest, not five");
    let mail = &mails[0];
    assert_eq!(
        mail.subject(),
        "[fleetsheet] web-prod: 2.6.0 released to 5 servers (+3 more)"
    );
    for body in [&mail.text, &mail.html] {
        for version in ["2.4.0 was released", "2.5.0 was released", "2.6.0 was released"] {
            assert_eq!(body.matches(version).count(), 1, "{version}: {body}");
        }
        assert!(body.contains("no-such"), "the problem that is open: {body}");
        assert!(
            body.contains("Resolved (1)"),
            "and the one that is not any more: {body}"
        );
    }
    post.none().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_delays_the_next_passes_not_at_all() {
    let post = Post::known(4).await;
    post.smtp.script().fail("smtp.EHLO", When::Every, Fault::Hang);
    post.stage.turn_keys("web-prod", "2.4.0");
    let began = Instant::now();
    let ran = post.pass().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    assert!(
        ran.json["duration_ms"].as_u64().unwrap() < 8_000,
        "the pass itself does not wait"
    );
    let tried = post.smtp.script().count("smtp.CONNECT");
    post.none().await;
    post.none().await;
    assert_eq!(
        post.smtp.script().count("smtp.CONNECT"),
        tried,
        "it is left alone for a while"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_whose_acceptance_is_unknown_is_sent_again_as_it_was_and_nothing_is_merged_into_it() {
    let post = Post::known(5).await;
    post.smtp.script().fail("smtp.DOT", When::First, Fault::ResetAfter);
    post.stage.turn_keys("web-prod", "2.4.0");
    post.pass().await;
    let first = post.smtp.messages();
    assert_eq!(first.len(), 1, "the server has it, but the client never heard");
    post.smtp.forget_messages();
    post.stage.turn_keys("web-prod", "2.5.0");
    let mut messages = Vec::new();
    for _ in 0..20 {
        post.pass().await;
        messages.extend(post.smtp.messages());
        post.smtp.forget_messages();
        if messages.len() >= 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(messages.len(), 2, "the same again, and another");
    let again: Vec<_> = messages.iter().filter(|m| m.data == first[0].data).collect();
    assert_eq!(again.len(), 1, "the same bytes, the same Message-ID");
    let other = messages.iter().find(|m| m.data != first[0].data).unwrap();
    let other = crate::mailbox::Mail::parse(&other.text());
    assert_eq!(other.subject(), "[fleetsheet] web-prod: 2.5.0 released to 5 servers");
    assert_ne!(other.id(), crate::mailbox::Mail::parse(&first[0].text()).id());
    post.none().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_was_cut_off_before_it_was_sent_comes_once() {
    for point in ["smtp.MAIL", "smtp.RCPT", "smtp.DATA"] {
        let post = Post::known(4).await;
        post.smtp.script().fail(point, When::First, Fault::ResetBefore);
        post.stage.turn_keys("web-prod", "2.4.0");
        post.none().await;
        let mails = post.passes_until_mail().await;
        assert_eq!(mails.len(), 1, "{point}");
        post.none().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_refused_for_good_is_not_tried_again_and_the_others_get_their_mail() {
    let mut post = Post::new(5).await;
    let to = r#"["ops@example.com", "gone@example.com", "full@example.com"]"#;
    post.stage.setting("FLEETSHEET_EMAIL__TO", to);
    post.smtp
        .answer(Point::Rcpt, Some("gone@example.com"), None, 550, "no such user");
    post.smtp
        .answer(Point::Rcpt, Some("full@example.com"), Some(1), 452, "mailbox full");
    post.pass().await;
    let first = post.smtp.messages();
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].to, [OPS]);
    post.smtp.forget_messages();
    let asked = post.smtp.script().count("smtp.RCPT");
    assert_eq!(asked, 3);
    let mut second = Vec::new();
    for _ in 0..20 {
        post.pass().await;
        second = post.smtp.messages();
        if !second.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].to, ["full@example.com"]);
    assert_eq!(second[0].data, first[0].data, "the same mail for the one who waited");
    assert_eq!(
        post.smtp.script().count("smtp.RCPT"),
        4,
        "the refused one was not asked again"
    );
    post.take();

    post.stage.turn_keys("web-prod", "2.4.0");
    post.pass().await;
    assert_eq!(
        post.smtp.messages()[0].to,
        [OPS, "full@example.com"],
        "nor for the next mail"
    );
    assert_eq!(post.smtp.script().count("smtp.RCPT"), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_nobody_takes_waits_instead_of_being_lost() {
    let mut post = Post::new(5).await;
    post.smtp.answer(Point::Rcpt, None, None, 550, "relaying denied");
    post.none().await;
    let asked = post.smtp.script().count("smtp.RCPT");
    post.none().await;
    assert_eq!(post.smtp.script().count("smtp.RCPT"), asked, "not tried again");
    let backlog = post.backlog().await;
    assert_eq!((backlog.letters, backlog.refused.len()), (1, 1), "{backlog:?}");
    assert!(
        backlog.oldest.is_some() && backlog.trouble.contains("relaying denied"),
        "{backlog:?}"
    );
    // Whoever mends the settings gets it.
    post.smtp.clear_answers();
    let url = post.smtp.url().replace("127.0.0.1", "localhost");
    post.stage.setting("FLEETSHEET_EMAIL__SMTP_URL", &url);
    let mail = post.one().await;
    assert_eq!(mail.subject(), "[fleetsheet] web-prod: 2.3.9 adopted");
    assert_eq!(post.backlog().await, fleetsheet::mail::Backlog::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_mail_says_for_each_recipient_what_became_of_it() {
    let mut post = Post::new(1).await;
    post.stage
        .setting("FLEETSHEET_EMAIL__ROUTES", r#"{belt=["gone@example.com"]}"#);
    post.smtp
        .answer(Point::Rcpt, Some("gone@example.com"), None, 550, "no such user");
    let settings = post.stage.settings.iter();
    let env = settings
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let config = Config::load(&post.stage.path("fleetsheet.toml"), &env).unwrap();
    let keys = Some((ACCESS_KEY.to_owned(), SECRET_KEY.into()));
    let clients = connect(config, keys).await.unwrap();
    let answers = send_test_mail(&clients.config, &clients.names, now()).await;
    let [(gone, refused), (ops, taken)] = &answers[..] else {
        panic!("{answers:?}");
    };
    assert_eq!((gone.as_str(), ops.as_str()), ("gone@example.com", OPS));
    assert!(
        refused.as_ref().is_err_and(|why| why.contains("no such user")),
        "{answers:?}"
    );
    assert_eq!(*taken, Ok(()));
    assert_eq!(post.take()[0].subject(), "[fleetsheet] test mail");

    post.smtp.refuse_connections().await;
    let answers = send_test_mail(&clients.config, &clients.names, now()).await;
    let unreachable = |(_, answer): &(String, Result<(), String>)| {
        answer.as_ref().is_err_and(|why| why.contains("cannot be reached"))
    };
    assert!(answers.len() == 2 && answers.iter().all(unreachable), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_the_mail_or_the_login_is_tried_again() {
    for (point, code) in [
        (Point::Mail, 421),
        (Point::Data, 451),
        (Point::Dot, 452),
        (Point::Dot, 554),
    ] {
        let post = Post::known(4).await;
        post.smtp.answer(point, None, Some(1), code, "not now");
        post.stage.turn_keys("web-prod", "2.4.0");
        post.none().await;
        let mails = post.passes_until_mail().await;
        assert_eq!(mails.len(), 1, "{point:?} {code}");
        post.none().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_in_no_message_log_or_state() {
    let mut post = Post::known(4).await;
    let secret = "hunter2-correct-horse";
    let url = post.smtp.url().replace("smtp://", &format!("smtp://me:{secret}@"));
    post.stage.setting("FLEETSHEET_EMAIL__SMTP_URL", &url);
    post.stage.turn_keys("web-prod", "2.4.0");
    let ran = post.stage.run_with(&["--once", "-vv"], &[("RUST_LOG", "trace")]).await;
    assert_eq!(ran.code, 0);
    assert!(
        ran.stderr.contains("mail waits"),
        "the server knows no login: {}",
        ran.stderr
    );
    let state = post.stage.state_files();
    let held = |bytes: &[u8]| bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
    assert!(!ran.stderr.contains(secret) && !ran.stdout.contains(secret));
    assert!(!state.is_empty() && !state.iter().any(|(_, bytes)| held(bytes)));
}
