//! Tags of servers that were made to harm whoever reads them: on a terminal, on the status page, in a log, in a mail.

use super::{assert_visible, take, with_mail};
use crate::stage::{ACCOUNT, REGION, SERVERS, Stage};

const EVIL: &str = "x\u{1b}[2J\u{9b}31m\r\n2026-01-01T00:00:00Z  INFO fleetsheet: all well\t\0\u{202e}\u{61c}\u{2028}<script>alert(1)</script>";

#[tokio::test(flavor = "multi_thread")]
async fn tags_made_to_harm_reach_pages_logs_and_mails_as_text() {
    let (mut stage, ids) = Stage::web(5).await;
    let smtp = with_mail(&mut stage).await;
    stage.settle().await;
    take(&smtp);
    stage.cloud.edit(|fleet| {
        fleet.set_tag(&ids[0], "Name", EVIL);
        fleet.set_tag(&ids[1], "ReleaseVersion", EVIL);
        fleet.set_tag(&ids[2], "ReleaseChannel", EVIL);
        fleet.set_tag(&ids[3], "Owner", EVIL);
        fleet.launch(ACCOUNT, REGION, [("ReleaseChannel", EVIL), ("Name", EVIL)]);
    });
    stage.set("web-prod", "notes", EVIL);
    stage.set_server(&ids[4], "channel", EVIL);
    stage.set_server(&ids[3], "tag:Owner", EVIL);
    let service = stage.start(&[("RUST_LOG", "debug")]).await;
    service.passes(2).await;
    for path in ["/", "/readyz", "/metrics"] {
        let answer = service.get(path).await;
        assert_visible(path, &answer.body);
        assert!(path != "/" || !answer.body.contains("<script"), "{}", answer.body);
    }
    let log = service.stop().await;
    assert_visible("the log", &log);
    assert!(
        !log.lines()
            .any(|line| line.contains("all well") && line.starts_with("2026-01-01")),
        "{log}"
    );
    let mails = take(&smtp);
    assert!(!mails.is_empty(), "a channel that cannot be read is told");
    for mail in mails {
        assert_visible("a mail", &mail.text);
        assert_visible("a mail's page", &mail.html);
        assert!(!mail.html.contains("<script"), "{}", mail.html);
        assert!(mail.headers.keys().all(|name| name != "Bcc"), "{:?}", mail.headers);
    }
    for arguments in [
        &["explain", &ids[0]][..],
        &["explain", &ids[4]],
        &["history"],
        &["plan"],
    ] {
        let ran = stage.run(arguments).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_visible("what is printed", &ran.stdout);
    }
    assert_eq!(
        (stage.version(&ids[1]), stage.tag(&ids[2], "ReleaseChannel").as_deref()),
        ("2.3.9".into(), Some("web-prod"))
    );
    for id in &ids {
        assert_visible("a status", &stage.server_cell(id, "status"));
        let name = stage.server_cell(id, "name");
        assert!(!name.contains(char::is_control), "{name:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_white_space_or_like_an_error_is_written_once() {
    for name in [
        "",
        " ",
        " \u{a0}\u{3000} ",
        "#REF!",
        "Loading...",
        " padded ",
        "1.10",
        "-1",
        "+1",
        "@x",
        "'x",
    ] {
        let (stage, ids) = Stage::web(2).await;
        stage.cloud.edit(|fleet| fleet.set_tag(&ids[0], "Name", name));
        stage.settle().await;
        let ran = stage.once().await;
        assert_eq!(
            ran.calls("sheets.values.batchUpdateByDataFilter"),
            0,
            "{name:?} is written again: {ran:?}"
        );
        assert!(stage.sheets.book().tab(SERVERS).is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stands_many_times_is_one_error() {
    let (stage, ids) = Stage::known(4).await;
    stage.sheets.edit(|book| {
        for i in 0..300 {
            let channel = if i % 2 == 0 { "web-prod" } else { "other" };
            book.tab_mut(SERVERS)
                .add_row(&[("serverId", ids[0].as_str().into()), ("channel", channel.into())]);
        }
    });
    let ran = stage.run(&["--once", "--allow", "row_drop", "--format", "json"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(stage.server_cell(&ids[0], "status"), "duplicate");
    let about: Vec<String> = ran.problems().into_iter().filter(|p| p.contains(&ids[0])).collect();
    assert_eq!(about.len(), 1, "{about:?}");
    assert!(about[0].chars().count() < 3000, "{}", about[0].len());
    assert_eq!(stage.version(&ids[0]), "2.3.9");
}
