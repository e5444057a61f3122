//! What people read, whole.

use insta::assert_snapshot;

use super::*;

fn subject(digest: &Digest) -> String {
    Page::of(digest).subject
}

fn of_news(event: &str, kind: Kind, reach: Option<Reach>) -> String {
    let news = News {
        reach,
        ..news(event, kind)
    };
    subject(&Digest {
        news: vec![news],
        ..empty()
    })
}

fn of_completed() -> String {
    let news = News {
        text: "now on all 604 servers".into(),
        ..news("completed", Kind::Release)
    };
    subject(&Digest {
        news: vec![news],
        ..empty()
    })
}

/// An override of a belt is no channel's.
fn of_belt() -> String {
    let news = News {
        channel: String::new(),
        place: "book".into(),
        ..news("override", Kind::Belt)
    };
    subject(&Digest {
        news: vec![news],
        ..empty()
    })
}

#[test]
fn a_window_that_was_let_through_is_told_with_its_channel() {
    let news = News {
        text: "ordered by ops: servers did not wait for the freeze until 2027-01-06 (holidays)".into(),
        ..news("override", Kind::Belt)
    };
    let page = Page::of(&Digest {
        news: vec![news],
        ..empty()
    });
    assert!(
        page.subject.ends_with("web-prod: a window was let through"),
        "{}",
        page.subject
    );
    let text = text::render(&page);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("window let through"), "{text}");
    assert!(
        text.contains("servers did not wait for the freeze until 2027-01-06 (holidays)."),
        "{text}"
    );
}

#[test]
fn a_digest_with_something_of_everything() {
    let page = Page::of(&full());
    assert_snapshot!(format!("Subject: {}\n\n{}", page.subject, text::render(&page)));
    if let Ok(path) = std::env::var("FLEETSHEET_SHOW_MAIL") {
        std::fs::write(path, html::render(&page)).unwrap();
    }
}

#[test]
fn subjects_say_the_most_serious_thing() {
    let reach = |carrying, concerned, failed| {
        Some(Reach {
            carrying,
            concerned,
            failed,
            already: 0,
        })
    };
    let bad = || item(Kind::BadCell, "version", "ReleaseSheet!B4", "wrong");
    let down = || item(Kind::ApiFailure, "observe", "spreadsheet", "cannot be read");
    let subjects = [
        of_news("promotion", Kind::Release, reach(1412, 1415, 3)),
        of_news("promotion", Kind::Release, reach(120, 1500, 0)),
        of_news("promotion", Kind::Release, reach(1, 1, 0)),
        of_news("promotion", Kind::Release, None),
        of_news("rollback", Kind::Release, reach(1500, 1500, 0)),
        of_completed(),
        of_news("adoption", Kind::Release, None),
        of_news("takeover", Kind::Belt, None),
        of_belt(),
        of_news("nothing_to_roll_back", Kind::Mismatch, None),
        subject(&Digest {
            new: vec![bad()],
            ..empty()
        }),
        subject(&Digest {
            new: vec![bad(), down(), bad()],
            ..empty()
        }),
        subject(&Digest {
            new: vec![bad(), down()],
            failing: true,
            ..empty()
        }),
        subject(&Digest {
            resolved: vec![bad(), bad()],
            ..empty()
        }),
        subject(&Digest {
            resolved: vec![down()],
            ..empty()
        }),
        subject(&Digest {
            open: vec![bad()],
            ..empty()
        }),
        subject(&Digest {
            open: vec![bad(), bad()],
            ..empty()
        }),
        subject(&full()),
    ];
    assert_snapshot!(subjects.join("\n"));
}

#[test]
fn servers_that_carried_it_before_were_not_rolled_back() {
    let reach = Reach {
        carrying: 255,
        concerned: 255,
        failed: 0,
        already: 1,
    };
    let news = News {
        reach: Some(reach),
        ..news("rollback", Kind::Release)
    };
    let page = Page::of(&Digest {
        news: vec![news],
        ..empty()
    });
    assert_eq!(
        page.subject,
        "[fleetsheet] web-prod: rolled back to 2.4.0 on 254 servers"
    );
    let text = text::render(&page).replace("\n  ", " ");
    assert!(text.contains("255 servers carry it (one of them did before)"), "{text}");
}

#[test]
fn a_takeover_and_a_belt_that_was_let_through_name_who_did_it() {
    let told = |event: &str, what: &str| {
        let news = News {
            text: format!("ordered by night@ops-1: {what}"),
            ..news(event, Kind::Belt)
        };
        let page = Page::of(&Digest {
            news: vec![news],
            ..empty()
        });
        text::render(&page).replace("\n  ", " ")
    };
    let takeover = told(
        "takeover",
        "this store serves the sheet from now on; all keys are spent",
    );
    assert!(
        takeover.contains("night@ops-1 let another state store serve the sheet."),
        "{takeover}"
    );
    let belt = told(
        "override",
        "belt row_drop: 3 of 6 rows are gone; let through by --allow row_drop",
    );
    assert!(
        belt.contains("Ordered by night@ops-1: belt row_drop: 3 of 6 rows are gone."),
        "{belt}"
    );
}

#[test]
fn an_id_in_capitals_is_told_with_all_that_is_to_do() {
    let says = "ServerTagAssignment!A15 holds \"I-0ABCDEF0\", which is not an instance id; it is i-0abcdef0 in capitals: write it in \
                lower case";
    let page = Page::of(&Digest {
        new: vec![item(Kind::BadCell, "server_id", "ServerTagAssignment!A15", says)],
        ..empty()
    });
    assert!(
        page.lead.starts_with("To do: write it in lower case ("),
        "{}",
        page.lead
    );
}

#[test]
fn links_lead_to_cells_rows_and_tabs() {
    let names = names();
    let rules = Rules {
        audience: None,
        spreadsheet: "a b/c",
        names: &names,
        observe: false,
    };
    let mut sheet = Sheet::default();
    sheet.display.release.layout = std::sync::Arc::new(crate::sheet::layout::Layout {
        title: "My 'Tab'!".into(),
        sheet_id: 11,
        ..Default::default()
    });
    let links = Links::new(&rules, Some(&sheet), &Memory::default());
    let base = "https://docs.google.com/spreadsheets/d/a%20b%2Fc/edit";
    for (place, link) in [
        ("'My ''Tab''!'!AB12", format!("{base}#gid=11&range=AB12")),
        ("'My ''Tab''!' row 4", format!("{base}#gid=11&range=4:4")),
        ("My 'Tab'!", format!("{base}#gid=11")),
        ("spreadsheet", base.to_owned()),
        ("Other!A1", String::new()),
        ("'My ''Tab''!'!A1&x=<script>", String::new()),
        ("i-1", String::new()),
    ] {
        assert_eq!(links.to(place), link, "{place}");
    }
}
