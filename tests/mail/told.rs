//! What is told, to whom, and in which words.

use fleetsheet_mocks::faults::{Fault, When};
use fleetsheet_mocks::sheets::CellValue;

use super::Post;

const BOOK_URL: &str = "https://docs.google.com/spreadsheets/d/test-book/edit";

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_is_told_once_with_its_servers() {
    let post = Post::known(1412).await;
    post.stage.turn_keys("web-prod", "2.4.0");
    let mail = post.one().await;
    assert_eq!(mail.subject(), "[fleetsheet] web-prod: 2.4.0 released to 1,412 servers");
    assert_eq!(mail.headers["From"], "fleetsheet <fleetsheet@example.com>");
    assert_eq!(mail.headers["To"], "ops@example.com");
    for body in [&mail.text, &mail.html] {
        assert!(body.contains("Nothing to do."), "{body}");
        assert!(body.contains("2.4.0 was released after 2.3.9"), "{body}");
    }
    post.none().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_fail_are_counted_in_the_subject() {
    let post = Post::known(8).await;
    post.stage.turn_keys("web-prod", "2.4.0");
    let (cloud, gone) = (post.stage.cloud.editor(), post.ids[..3].to_vec());
    post.stage.cloud.script().before("ec2.CreateTags", 1, move || {
        cloud.edit(|fleet| gone.iter().for_each(|id| assert!(fleet.vanish(id))));
    });
    let mail = post.one().await;
    assert_eq!(
        mail.subject(),
        "[fleetsheet] web-prod: 2.4.0 released to 5 servers, 3 failed"
    );
    let begins = mail.text.starts_with("The pass did only part of its work. Tags of i-");
    assert!(begins && mail.text.contains("To do: "), "{}", mail.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_fails_says_why_and_is_told_again_when_it_has_reached_all() {
    let post = Post::known(8).await;
    post.stage.with_audit_tab();
    post.stage.forget_the_look_for_an_audit_tab().await;
    post.stage.turn_keys("web-prod", "2.4.0");
    post.one().await;
    post.stage
        .cloud
        .script()
        .fail("ec2.CreateTags", When::Every, Fault::Forbidden);
    post.stage.set("web-prod", "rollback", true);
    let mail = post.one().await;
    assert_eq!(
        mail.subject(),
        "[fleetsheet] web-prod: rolled back to 2.3.9 on 0 servers, 8 failed"
    );
    let text = mail.text.replace("\n  ", " ");
    assert!(
        text.contains("Most failed so: ") && text.contains("To do: allow ec2:CreateTags"),
        "{text}"
    );
    post.stage.cloud.script().clear();
    let mail = post.one().await;
    assert_eq!(mail.subject(), "[fleetsheet] web-prod: 2.3.9 is now on all 8 servers");
    assert!(
        mail.text.contains("2.3.9 is now on all 8 servers, after 2.4.0."),
        "{}",
        mail.text
    );
    post.none().await;
    let lines = post.stage.audit_lines();
    let done = ["completed", "web-prod", "2.4.0", "2.3.9"].map(str::to_owned);
    assert!(lines.contains(&done), "{lines:?}");
    let history = post.stage.run(&["history", "web-prod"]).await;
    assert!(history.stdout.contains("completed"), "{}", history.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_is_told_with_a_link_to_its_box() {
    let post = Post::known(5).await;
    post.stage.turn_keys("web-prod", "2.4.0");
    post.one().await;
    post.stage.set("web-prod", "rollback", true);
    let mail = post.one().await;
    assert_eq!(
        mail.subject(),
        "[fleetsheet] web-prod: rolled back to 2.3.9 on 5 servers"
    );
    let link = format!("{BOOK_URL}#gid=11&range=E2");
    assert!(mail.text.contains(&link), "{}", mail.text);
    assert!(mail.html.contains(&link.replace('&', "&amp;")), "{}", mail.html);
    post.none().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unauthorised_edit_is_told_at_once_by_its_cell() {
    let post = Post::known(5).await;
    post.stage.set("web-prod", "releaseVersion", "9.9.9");
    let mail = post.one().await;
    assert_eq!(mail.subject(), "[fleetsheet] unauthorised edit: ReleaseSheet!G2");
    assert!(mail.text.contains("range=G2"), "{}", mail.text);
    assert!(mail.text.contains("9.9.9"), "{}", mail.text);
    assert!(mail.text.starts_with("To do: "), "{}", mail.text);
    assert_eq!(post.stage.release_cell("web-prod", "releaseVersion"), "2.3.9");
    post.none().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_servers_cell_that_was_typed_over_is_told_once() {
    let post = Post::known(5).await;
    post.stage.set_server(&post.ids[2], "status", "all well");
    let mail = post.one().await;
    assert_eq!(mail.subject(), "[fleetsheet] unauthorised edit: ServerTagAssignment!K4");
    assert!(mail.text.contains("gid=22&range=K4"), "{}", mail.text);
    assert!(
        mail.text.contains("To do: find out who it was (right-click"),
        "{}",
        mail.text
    );
    assert_eq!(post.stage.server_cell(&post.ids[2], "status"), "in sync");
    post.none().await;
    post.none().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_cell_is_told_when_it_comes_and_when_it_goes() {
    let post = Post::known(5).await;
    post.stage.set("web-prod", "desiredVersionA", 1.1);
    let mail = post.one().await;
    assert_eq!(mail.subject(), "[fleetsheet] bad cell: ReleaseSheet!B2");
    assert!(mail.text.contains("range=B2"), "{}", mail.text);
    assert!(mail.text.contains("since 20"), "{}", mail.text);
    post.none().await;
    post.none().await;
    post.stage.set("web-prod", "desiredVersionA", "2.3.9");
    let mail = post.one().await;
    assert_eq!(mail.subject(), "[fleetsheet] resolved: ReleaseSheet!B2");
    assert!(mail.text.contains("Resolved (1)"), "{}", mail.text);
    assert!(mail.text.starts_with("Nothing to do."), "{}", mail.text);
    post.none().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_problem_that_keeps_coming_and_going_is_told_three_times() {
    let post = Post::known(5).await;
    let mut subjects = Vec::new();
    for round in 0..6 {
        let value: CellValue = if round % 2 == 0 { 1.1.into() } else { "2.3.9".into() };
        post.stage.set("web-prod", "desiredVersionA", value);
        post.pass().await;
        subjects.extend(post.take().iter().map(|mail| mail.subject().to_owned()));
    }
    assert_eq!(
        subjects,
        [
            "[fleetsheet] bad cell: ReleaseSheet!B2",
            "[fleetsheet] resolved: ReleaseSheet!B2",
            "[fleetsheet] bad cell: ReleaseSheet!B2",
        ]
    );
    // The next letter that is written anyway says how it stands.
    post.stage.turn_keys("web-prod", "2.4.0");
    let mail = post.one().await;
    assert!(mail.text.contains("Resolved (1)"), "{}", mail.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_goes_to_its_own_people_in_one_digest_for_each_set() {
    let mut post = Post::new(5).await;
    post.stage.setting(
        "FLEETSHEET_EMAIL__TO",
        r#"["Operations <ops@example.com>", "b@example.com"]"#,
    );
    post.stage.setting(
        "FLEETSHEET_EMAIL__ROUTES",
        r#"{unauthorised_edit=["security@example.com"], bad_cell=["b@example.com", "OPS@example.com"]}"#,
    );
    post.stage.settle().await;
    post.take();
    post.stage.set("web-prod", "releaseVersion", "9.9.9");
    post.stage.set_server(&post.ids[0], "channel", "no-such");
    post.stage.set_server(&post.ids[1], "hold", "perhaps");
    post.pass().await;
    let taken = post.smtp.messages();
    let mut to: Vec<Vec<String>> = taken.iter().map(|message| message.to.clone()).collect();
    to.sort();
    assert_eq!(
        to,
        [vec!["ops@example.com", "b@example.com"], vec!["security@example.com"]]
    );
    for (message, mail) in taken.iter().zip(post.take()) {
        let edit = mail.text.contains("9.9.9");
        let rest = mail.text.contains("no-such") && mail.text.contains("perhaps");
        let security = message.to == ["security@example.com"];
        assert_eq!((edit, rest), (security, !security), "{}", mail.text);
    }
    post.none().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_is_folded_with_its_count() {
    let post = Post::known(40).await;
    for id in &post.ids {
        post.stage.set_server(id, "hold", "perhaps");
    }
    let mail = post.one().await;
    for body in [&mail.text, &mail.html] {
        assert!(body.contains("… and 35 more like these"), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_channel_is_one_entry_with_the_name_that_may_be_meant() {
    let post = Post::known(40).await;
    for id in &post.ids {
        post.stage.set_server(id, "channel", "Web Prod");
    }
    let mail = post.one().await;
    for body in [&mail.text, &mail.html] {
        assert!(!body.contains("more like these"), "{body}");
        let once = "40 servers have the channel Web Prod";
        assert_eq!(body.matches(once).count(), 1, "{body}");
        assert!(body.contains("did you mean web-prod?"), "{body}");
    }
    // The link leads to the first of its servers.
    assert!(mail.text.contains("range=2:2"), "{}", mail.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_that_only_observes_says_what_it_would_do_and_a_plan_says_nothing() {
    let mut post = Post::known(5).await;
    post.stage.setting("FLEETSHEET_MODE", "observe");
    post.stage.turn_keys("web-prod", "2.4.0");
    post.stage.run(&["plan"]).await;
    assert_eq!(post.take(), []);
    let mail = post.one().await;
    assert!(mail.text.contains("would release 2.4.0"), "{}", mail.text);
    assert!(mail.text.contains("only observes"), "{}", mail.text);
    assert_eq!(post.stage.version(&post.ids[0]), "2.3.9");
    post.none().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_email_section_problems_are_followed_and_told_once_there_is_one() {
    let mut post = Post::new(5).await;
    let email = std::mem::take(&mut post.stage.settings);
    post.stage.settle().await;
    post.stage.set("web-prod", "desiredVersionA", 1.1);
    post.none().await;
    post.stage.settings = email;
    let mail = post.one().await;
    assert_eq!(mail.subject(), "[fleetsheet] bad cell: ReleaseSheet!B2");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cell_reaches_a_header_or_becomes_markup() {
    let post = Post::known(5).await;
    post.stage
        .set_server(&post.ids[0], "channel", "<script>alert(1)</script>");
    post.stage
        .set_server(&post.ids[1], "channel", "x\r\nBcc: evil@example.com\u{202e}");
    post.stage.set(
        "web-prod",
        "releaseVersion",
        "<img src=x>\r\nBcc: evil@example.com\u{202e}",
    );
    post.pass().await;
    let messages = post.smtp.messages();
    let mails = post.take();
    assert_eq!(mails.len(), 1);
    assert_eq!(messages[0].to, [super::OPS]);
    let names: Vec<&str> = mails[0].headers.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "Auto-Submitted",
            "Content-Type",
            "Date",
            "From",
            "MIME-Version",
            "Message-ID",
            "Subject",
            "To"
        ]
    );
    for shown in ["&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;img src=x&gt;"] {
        assert!(mails[0].html.contains(shown), "{}", mails[0].html);
    }
    for body in [&mails[0].text, &mails[0].html] {
        assert!(body.contains("Bcc: evil"), "what stood in the cell is shown: {body}");
        assert!(!body.contains("\nBcc") && !body.contains('\u{202e}'), "{body}");
    }
    for tag in ["<script", "<img"] {
        assert!(!mails[0].html.contains(tag), "{}", mails[0].html);
    }
}
