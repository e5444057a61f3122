//! Letters that look like others, that cannot be seen, or that turn the reading direction: each is named, and none is believed.

use fleetsheet_mocks::sheets::CellValue;

use super::{assert_short, assert_visible};
use crate::stage::{RELEASE, SERVERS, Stage};

/// What may stand in a cell unseen.
const UNSEEN: [(&str, &str); 9] = [
    ("\u{200b}", "U+200B"),
    ("\u{200d}", "U+200D"),
    ("\u{202e}", "U+202E"),
    ("\u{2067}", "U+2067"),
    ("\u{61c}", "U+061C"),
    ("\u{ad}", "U+00AD"),
    ("\u{feff}", "U+FEFF"),
    ("\u{2028}", "U+2028"),
    ("\u{e0041}", "U+E0041"),
];

#[tokio::test(flavor = "multi_thread")]
async fn unseen_letters_in_names_ids_and_versions_are_named_and_change_nothing() {
    let (stage, ids) = Stage::known(UNSEEN.len()).await;
    stage.sheets.edit(|book| {
        for (unseen, _) in UNSEEN {
            let channel = format!("web{unseen}-prod");
            book.tab_mut(RELEASE).add_row(&[("channel", channel.as_str().into())]);
            let id = format!("i-{unseen}{}", &ids[0][2..]);
            book.tab_mut(SERVERS)
                .add_row(&[("serverId", id.as_str().into()), ("channel", "web-prod".into())]);
        }
    });
    for (id, (unseen, _)) in ids.iter().zip(UNSEEN) {
        stage.set_server(id, "channel", format!("web-{unseen}prod"));
        stage.set_server(id, "tag:Owner", format!("op{unseen}s"));
    }
    let ran = stage.once().await;
    let problems = ran.problems();
    for (_, code) in UNSEEN {
        let named = problems.iter().filter(|problem| problem.contains(code)).count();
        assert_eq!(named, 4, "{code}: {problems:#?}");
    }
    assert_eq!(ran.json["channels"].as_array().unwrap().len(), 1, "{ran:?}");
    assert_eq!(ran.json["changed"], 0, "{ran:?}");
    assert_short(&stage, &ran);
    for (unseen, code) in UNSEEN {
        stage.set("web-prod", "desiredVersionA", format!("2.4{unseen}.0"));
        stage.set("web-prod", "desiredVersionB", format!("2.4{unseen}.0"));
        let ran = stage.once().await;
        assert!(
            ran.status("web-prod").contains(code),
            "{code}: {:?}",
            ran.status("web-prod")
        );
        assert_eq!(ran.release("web-prod"), "2.3.9");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_that_look_alike_make_other_names() {
    let (stage, ids) = Stage::known(3).await;
    // Cyrillic, full-width, Greek.
    for (id, channel) in ids.iter().zip(["w\u{435}b-prod", "\u{ff57}eb-prod", "web-pr\u{3bf}d"]) {
        stage.set_server(id, "channel", channel);
    }
    let ran = stage.once().await;
    for id in &ids {
        let status = stage.server_cell(id, "status");
        assert_eq!(status, "unknown channel");
        assert_eq!(stage.tag(id, "ReleaseChannel").as_deref(), Some("web-prod"), "{ran:?}");
    }
    stage.set("web-prod", "desiredVersionA", "2.4.\u{43e}");
    stage.set("web-prod", "desiredVersionB", "2.4.\u{43e}");
    let ran = stage.once().await;
    assert!(
        ran.status("web-prod").contains("Cyrillic letter"),
        "{:?}",
        ran.status("web-prod")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_keys_that_differ_in_case_are_different() {
    let (stage, ids) = Stage::known(3).await;
    stage.set("web-prod", "desiredVersionA", "2.4.0-RC1");
    stage.set("web-prod", "desiredVersionB", "2.4.0-rc1");
    stage.sheets.edit(|book| {
        let key = |text: &str| CellValue::from(text);
        let cells = [
            ("channel", "Web-Prod"),
            ("desiredVersionA", "9.9"),
            ("desiredVersionB", "9.9"),
        ]
        .map(|(h, t)| (h, key(t)));
        book.tab_mut(RELEASE)
            .add_row(&[&cells[..], &[("enabled", true.into())]].concat());
    });
    let ran = stage.once().await;
    assert_eq!(
        ran.status("web-prod"),
        "waiting for key A or key B: A=2.4.0-RC1, B=2.4.0-rc1"
    );
    assert_eq!(ran.release("web-prod"), "2.3.9");
    assert_eq!(ran.json["channels"].as_array().unwrap().len(), 2, "{ran:?}");
    stage.once().await;
    assert!(ids.iter().all(|id| stage.version(id) == "2.3.9"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_with_an_unseen_letter_is_no_header_of_ours() {
    let (stage, _) = Stage::known(2).await;
    stage.sheets.edit(|book| {
        book.tab_mut(RELEASE)
            .rename_column("desiredVersionB", "desiredVersionB\u{200b}")
    });
    let ran = stage.once().await;
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(
        ran.problems()[0].contains("ReleaseSheet has no column desiredVersionB"),
        "{ran:?}"
    );
    // One that is read differently by people and by us stands beside the real one, and changes nothing.
    stage.sheets.edit(|book| {
        book.tab_mut(RELEASE)
            .rename_column("desiredVersionB\u{200b}", "  DESIREDVERSIONB\t");
        book.tab_mut(RELEASE).add_column("\u{202e}desiredVersionB");
        book.tab_mut(SERVERS).add_column("tag:Own\u{435}r\u{1b}[2J");
    });
    let ran = stage.once().await;
    assert_eq!((ran.code, ran.status("web-prod")), (0, "in sync"), "{ran:?}");
    assert_short(&stage, &ran);
    let ran = stage.run(&["plan"]).await;
    assert_visible("the plan", &ran.stdout);
}
