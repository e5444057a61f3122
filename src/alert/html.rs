//! A letter as HTML: one column for phones, its own colours for the dark, and nothing loaded from anywhere.
//!
//! Styles stand on the elements, because some readers drop style sheets; the sheet only changes colours in the dark.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::page::{Entry, Line, Page, Tone};

/// Colours in the dark. They have to win over the styles on the elements.
const DARK: &str = "
:root { color-scheme: light dark; supported-color-schemes: light dark; }
@media (prefers-color-scheme: dark) {
  .page { background: #10151d !important; color: #e8ebf0 !important; }
  .card { background: #1a212c !important; border-color: #303a48 !important; }
  .rule { border-color: #303a48 !important; }
  .soft { color: #a3adbb !important; }
  .fix { background: #232d3b !important; color: #e8ebf0 !important; }
  a { color: #8ab8ff !important; }
  .alarm { color: #ff9c93 !important; } .warning { color: #f5bd66 !important; }
  .note { color: #9cc4ff !important; } .good { color: #7bd695 !important; }
  .bar-alarm { border-left-color: #f0625a !important; } .bar-warning { border-left-color: #d9952e !important; }
  .bar-note { border-left-color: #5b8fe0 !important; } .bar-good { border-left-color: #3fa65c !important; }
}
";

const FONT: &str = "font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;";

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Alarm => "alarm",
            Self::Warning => "warning",
            Self::Note => "note",
            Self::Good => "good",
        }
    }

    /// Dark enough on white to be read as small text.
    fn colour(self) -> &'static str {
        match self {
            Self::Alarm => "#b3261e",
            Self::Warning => "#8a5300",
            Self::Note => "#1f5fbf",
            Self::Good => "#1b7a37",
        }
    }
}

/// The whole document.
pub(super) fn render(page: &Page) -> String {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="supported-color-schemes" content="light dark";
                title { (page.subject) }
                style { (PreEscaped(DARK)) }
            }
            body.page style={ "margin:0;padding:0;background:#f2f4f7;color:#1c232e;" (FONT) } {
                div.page style="background:#f2f4f7;color:#1c232e;padding:20px 12px 28px;" {
                    div style="max-width:600px;margin:0 auto;" { (body(page)) }
                }
            }
        }
    };
    markup.into_string()
}

fn body(page: &Page) -> Markup {
    let headline_style = format!(
        "margin:0 0 6px;font-size:21px;line-height:28px;font-weight:700;overflow-wrap:anywhere;color:{};",
        page.tone.colour()
    );
    html! {
        p.soft style="margin:0 0 10px;font-size:13px;line-height:18px;font-weight:600;letter-spacing:.02em;color:#5b6675;" {
            "fleetsheet"
        }
        h1 class=(page.tone.class()) style=(headline_style) { (super::safe::capital(&page.headline)) }
        p style="margin:0 0 20px;font-size:16px;line-height:24px;overflow-wrap:anywhere;" { (page.lead) }
        @for section in &page.sections {
            h2.soft style="margin:24px 0 8px;font-size:14px;line-height:20px;font-weight:600;color:#5b6675;" {
                (section.title)
            }
            @for line in &section.lines {
                @match line {
                    Line::Entry(entry) => (card(entry)),
                    Line::Folded(words) => {
                        p.soft style="margin:0 0 10px;padding:0 4px;font-size:14px;line-height:20px;color:#5b6675;" { (words) }
                    },
                }
            }
        }
        div.rule style="margin:24px 0 0;padding:14px 0 0;border-top:1px solid #dbe0e7;" {
            p style="margin:0 0 10px;font-size:15px;line-height:22px;" {
                a href=(page.sheet) style="color:#1f5fbf;font-weight:600;" { "Open the spreadsheet" }
            }
            @for words in &page.footer {
                p.soft style="margin:0 0 6px;font-size:13px;line-height:19px;color:#5b6675;overflow-wrap:anywhere;" { (words) }
            }
        }
    }
}

/// A table, the first row of which holds its headings.
fn rows(table: &[Vec<String>]) -> Markup {
    let cell = "padding:3px 12px 3px 0;text-align:left;font-variant-numeric:tabular-nums;";
    html! {
        @if let [head, rows @ ..] = table {
            table style="margin:8px 0 0;border-collapse:collapse;font-size:14px;line-height:20px;" {
                tr { @for text in head { th.soft style={ (cell) "font-weight:600;color:#5b6675;" } { (text) } } }
                @for row in rows {
                    tr { @for text in row { td style=(cell) { (text) } } }
                }
            }
        }
    }
}

fn card(entry: &Entry) -> Markup {
    let Entry {
        tone,
        label,
        title,
        link,
        what,
        fix,
        when,
        table,
    } = entry;
    let class = format!("card bar-{}", tone.class());
    let colour = tone.colour();
    let style = format!(
        "margin:0 0 10px;padding:12px 14px;background:#ffffff;border:1px solid #dbe0e7;border-left:4px solid {colour};\
         border-radius:6px;"
    );
    html! {
        div class=(class) style=(style) {
            p style="margin:0;font-size:13px;line-height:18px;" {
                span class=(tone.class()) style={ "font-weight:600;color:" (colour) ";" } { (label) }
                span.soft style="color:#5b6675;" { " · " (when) }
            }
            p style="margin:2px 0 4px;font-size:16px;line-height:23px;font-weight:600;overflow-wrap:anywhere;" {
                @if link.starts_with("https://") {
                    a href=(link) style="color:#1f5fbf;" { (title) }
                } @else {
                    (title)
                }
            }
            @if !what.is_empty() {
                p style="margin:0;font-size:15px;line-height:22px;overflow-wrap:anywhere;" { (what) }
            }
            (rows(table))
            @if !fix.is_empty() {
                p.fix style="margin:8px 0 0;padding:8px 10px;background:#f2f4f7;border-radius:4px;font-size:15px;line-height:22px;overflow-wrap:anywhere;" {
                    strong { "To do: " } (fix) "."
                }
            }
        }
    }
}
