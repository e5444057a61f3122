use super::*;

/// A page with a table, entries and lines, with long texts.
fn sample() -> Page {
    let mut page = Page::default();
    page.line("pass 20261127T163708Z-0a1b2c3d: done in part: something is held back, see below");
    page.blank();
    let rows = vec![
        (
            ["web-prod", "2.4.0", "2.3.9", "in sync"].map(str::to_owned).to_vec(),
            Look::Good,
        ),
        (
            [
                "api-prod",
                "1.28.5+k3s1",
                "",
                "held: 2.4.0 must be approved again; clear both keys, let a pass see it, and type them again",
            ]
            .map(str::to_owned)
            .to_vec(),
            Look::Waiting,
        ),
    ];
    page.table(&["channel", "release", "previous", "status"], rows);
    let ids = "cannot tag i-0123456789abcdef0, i-0123456789abcdef1, i-0123456789abcdef2 and 408 more in prod/eu-west-1";
    page.entry(("  api_failure        ", Look::Plain), (ids, Look::Plain));
    page.line("  a line that is set in and is so long that no terminal of eighty columns has room for it all");
    page
}

fn on(width: usize) -> String {
    sample().on(Screen {
        width: Some(width),
        ..Screen::default()
    })
}

#[test]
fn a_pipe_gets_whole_lines_without_colour() {
    let text = sample().to_string();
    assert_eq!(text.lines().count(), 7, "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(text.contains("  channel   release      previous  status\n"), "{text}");
    assert!(text.contains("  web-prod  2.4.0        2.3.9     in sync\n"), "{text}");
}

#[test]
fn a_terminal_gets_lines_of_its_width_with_no_word_broken() {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    for width in 40..140 {
        let text = on(width);
        assert_eq!(words(&text), words(&sample().to_string()), "{width}:\n{text}");
        for line in text.lines() {
            assert!(display_width(line) <= width, "{width}: {line:?}\n{text}");
        }
    }
    // A word that is wider than the terminal stays whole.
    assert_eq!(words(&on(10)), words(&sample().to_string()));
}

#[test]
fn a_text_goes_on_under_its_own_beginning() {
    let text = on(80);
    let column = text.lines().find_map(|line| line.find("held: 2.4.0")).unwrap();
    let below = text.lines().skip_while(|line| !line.contains("held: 2.4.0")).nth(1);
    let below = below.unwrap();
    assert_eq!(below.len() - below.trim_start().len(), column, "{text}");
    let entry = text.lines().skip_while(|line| !line.contains("api_failure")).nth(1);
    assert!(entry.unwrap().starts_with(&" ".repeat(21)), "{text}");
    assert!(
        on(50).contains("\n      held: 2.4.0"),
        "where no room is left, below: {}",
        on(50)
    );
    assert!(text.contains("\n    "), "{text}");
}

#[test]
fn colour_is_taken_back_on_the_line_that_has_it() {
    for width in [None, Some(60)] {
        let text = sample().on(Screen {
            width,
            colour: true,
            moves: true,
        });
        for line in text.lines().filter(|line| line.contains('\u{1b}')) {
            assert!(line.contains('m') && line.ends_with("\u{1b}[0m"), "{line:?}");
        }
        assert!(text.contains("\u{1b}[32min sync\u{1b}[0m"), "{text:?}");
        assert!(text.contains("\u{1b}[33mheld:"), "{text:?}");
    }
}

#[test]
fn a_number_stays_with_what_it_counts() {
    let mut page = Page::default();
    page.line(format!("servers{GLUE}1500 · missing{GLUE}20 · a\u{a0}b"));
    assert_eq!(page.to_string(), "servers 1500 · missing 20 · a\u{a0}b\n");
    let narrow = page.on(Screen {
        width: Some(24),
        ..Screen::default()
    });
    assert_eq!(narrow, "servers 1500 ·\n  missing 20 · a b\n");
}

#[test]
fn wide_letters_count_as_two() {
    let mut page = Page::default();
    let row = |name: &str| (vec![name.to_owned(), "x".to_owned()], Look::Plain);
    page.table(&["name", "y"], vec![row("東京"), row("abcd")]);
    assert_eq!(page.to_string(), "  name  y\n  東京  x\n  abcd  x\n");
}
