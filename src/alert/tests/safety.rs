//! Whatever stands in a cell, a letter stays one letter.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~]{0,200}",
        Just("x\r\nBcc: evil@example.com\r\n\r\n<script>alert(1)</script>".to_owned()),
        Just("\u{202e}\u{2066}\u{feff}\"'><img src=x onerror=alert(1)>".to_owned()),
        Just("javascript:alert(1)".to_owned()),
        Just("=?utf-8?q?evil?=".to_owned()),
    ]
}

fn digests() -> impl Strategy<Value = Digest> {
    let event = prop_oneof![
        Just("promotion"),
        Just("rollback"),
        Just("adoption"),
        Just("unauthorised_edit"),
        Just("takeover"),
        Just("rollout"),
        Just("rollout_done"),
        Just("auto_rollback"),
        Just("taken_back"),
        Just("trouble"),
        Just("other")
    ];
    let news = (event, [(); 7].map(|()| hostile().boxed())).prop_map(
        |(event, [channel, from, to, place, link, text, advice])| News {
            channel,
            from,
            to,
            place,
            link,
            waves: vec![crate::mail::PassedWave {
                wave: 1,
                to: text.clone(),
                servers: 1,
                began: start(),
                ended: start(),
            }],
            cause: text.clone(),
            text,
            advice,
            ..news(event, Kind::Release)
        },
    );
    let item = || {
        let kind = proptest::sample::select(&Kind::ALL[..]);
        (kind, [(); 4].map(|()| hostile().boxed()), any::<bool>()).prop_map(
            |(kind, [code, place, link, message], gone)| Item {
                code,
                link,
                until: gone.then(start),
                ..item(kind, "x", &place, &message)
            },
        )
    };
    (
        vec(news, 0..4),
        vec(item(), 0..4),
        vec(item(), 0..4),
        vec(item(), 0..4),
        any::<bool>(),
    )
        .prop_map(|(news, new, open, resolved, failing)| Digest {
            failing,
            news,
            new,
            open,
            resolved,
            ..empty()
        })
}

/// Every tag of the document, by name.
fn tags(html: &str) -> Vec<&str> {
    html.split('<')
        .skip(1)
        .map(|rest| {
            rest.split(|c: char| !c.is_ascii_alphanumeric())
                .next()
                .unwrap_or_default()
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_subject_is_one_short_line_of_ascii(digest in digests()) {
        let subject = Page::of(&digest).subject;
        prop_assert!(subject.starts_with("[fleetsheet] "), "{subject:?}");
        prop_assert!(subject.len() <= 120 && subject.chars().all(|c| (' '..='~').contains(&c)), "{subject:?}");
        prop_assert!(!subject.contains("=?") && !subject.contains('<') && !subject.contains('@'), "{subject:?}");
    }

    #[test]
    fn no_text_becomes_markup_or_leads_elsewhere(digest in digests()) {
        let html = html::render(&Page::of(&digest));
        let page = ["", "html", "head", "meta", "title", "style", "body", "div", "p", "h1", "h2", "span", "strong", "a"];
        let known = [&page[..], &["table", "tr", "th", "td"]].concat();
        for tag in tags(&html) {
            prop_assert!(known.contains(&tag), "{tag:?}");
        }
        for link in html.split("href=\"").skip(1) {
            prop_assert!(link.starts_with("https://"), "{}", &link[..link.len().min(80)]);
        }
        for outside in ["src=", "url(", "@import"] {
            prop_assert!(!html.split("<body").next().unwrap().contains(outside));
        }
    }

    #[test]
    fn nothing_hidden_and_no_forged_line_is_in_the_text(digest in digests()) {
        let page = Page::of(&digest);
        for body in [text::render(&page), html::render(&page)] {
            prop_assert!(body.chars().all(|c| c == '\n' || !c.is_control()), "{body:?}");
            prop_assert!(!body.contains(['\u{202e}', '\u{2066}', '\u{feff}', '\u{2028}']), "{body:?}");
        }
    }
}
