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
        of_news("override", Kind::Belt, None),
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
