//! Templates: texts of a configuration with `{{channel}}`, `{{version}}`, `{{previous}}` and `{{window}}` in them.
//!
//! What is put into a query is the content of a quoted string there, whatever characters it has: a channel's name is free text.

use std::fmt::Write as _;
use std::time::Duration;

use crate::text::{is_hidden, nearest, short};

/// What may stand between `{{` and `}}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The channel's name.
    Channel,
    /// The version that is looked at.
    Version,
    /// The version that the rollout leaves.
    Previous,
    /// How far back to look.
    Window,
}

impl Slot {
    const ALL: [Self; 4] = [Self::Channel, Self::Version, Self::Previous, Self::Window];

    /// The word between the braces.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Version => "version",
            Self::Previous => "previous",
            Self::Window => "window",
        }
    }
}

/// What is around a slot, which says how its value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Around {
    /// `"…"`
    Double,
    /// `'…'`
    Single,
    /// A query outside of quotes, or in the backticks that know no escapes: what could end a string is written so that it cannot.
    Bare,
    /// No query: the value stands as it is.
    Text,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Slot(Slot, Around),
}

/// A text with slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

/// What is put into the slots.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    /// The channel's name.
    pub channel: &'a str,
    /// The version that is looked at.
    pub version: &'a str,
    /// The version that the rollout leaves, if there is one.
    pub previous: Option<&'a str>,
    /// How far back to look, if that is far enough.
    pub window: Option<Duration>,
}

/// There is no value for this slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lacking(pub Slot);

impl Template {
    /// Reads a PromQL query.
    ///
    /// # Errors
    /// It has a template that is none, or is blank.
    pub fn query(text: &str) -> Result<Self, String> {
        Self::read(text, true)
    }

    /// Reads the name of an alarm, which has no window.
    ///
    /// # Errors
    /// As of a query.
    pub fn name(text: &str) -> Result<Self, String> {
        let template = Self::read(text, false)?;
        if template.uses(Slot::Window) {
            return Err("{{window}} is for queries, an alarm has its own; take it out".to_owned());
        }
        Ok(template)
    }

    fn read(text: &str, query: bool) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("is blank; write one or take it out".to_owned());
        }
        let mut parts = Vec::new();
        let mut quotes = query.then(Quotes::default);
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((word, behind)) = after.split_once("}}") else {
                return Err(format!("has {{{{ without }}}}; {USE}"));
            };
            let slot = Slot::ALL.into_iter().find(|slot| slot.word() == word);
            let slot = slot.ok_or_else(|| unknown(word))?;
            let around = match &mut quotes {
                Some(quotes) => quotes.after(before),
                None => Around::Text,
            };
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Slot(slot, around));
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self { parts })
    }

    /// Whether it has this slot.
    #[must_use]
    pub fn uses(&self, slot: Slot) -> bool {
        self.parts
            .iter()
            .any(|part| matches!(part, Part::Slot(used, _) if *used == slot))
    }

    /// The text with the values in it.
    ///
    /// # Errors
    /// It asks for a value that is not there.
    pub fn fill(&self, values: &Values<'_>) -> Result<String, Lacking> {
        let mut text = String::new();
        for part in &self.parts {
            let (slot, around) = match part {
                Part::Text(part) => {
                    text.push_str(part);
                    continue;
                }
                Part::Slot(slot, around) => (*slot, *around),
            };
            let value = match slot {
                Slot::Channel => values.channel,
                Slot::Version => values.version,
                Slot::Previous => values.previous.ok_or(Lacking(slot))?,
                Slot::Window => {
                    text.push_str(&length(values.window.ok_or(Lacking(slot))?));
                    continue;
                }
            };
            value.chars().for_each(|c| write_in(&mut text, c, around));
        }
        Ok(text)
    }
}

const USE: &str = "use {{channel}}, {{version}}, {{previous}} or {{window}}";

fn unknown(word: &str) -> String {
    let shown = short(word, 40);
    match nearest(word, Slot::ALL.map(Slot::word)) {
        Some(meant) => format!(
            "{:?} is not a template; write \"{{{{{meant}}}}}\"",
            format!("{{{{{shown}}}}}")
        ),
        None => format!("{:?} is not a template; {USE}", format!("{{{{{shown}}}}}")),
    }
}

/// Follows a query, and knows whether it is within quotes.
#[derive(Debug, Default)]
struct Quotes {
    /// The quote that is open.
    open: Option<char>,
    escaped: bool,
    comment: bool,
}

impl Quotes {
    /// What is around what follows this text.
    fn after(&mut self, text: &str) -> Around {
        text.chars().for_each(|c| self.pass(c));
        match self.open {
            Some('"') => Around::Double,
            Some('\'') => Around::Single,
            _ => Around::Bare,
        }
    }

    fn pass(&mut self, c: char) {
        match self.open {
            _ if self.comment => self.comment = c != '\n',
            Some(_) if self.escaped => self.escaped = false,
            Some('"' | '\'') if c == '\\' => self.escaped = true,
            Some(quote) if c == quote => self.open = None,
            Some(_) => {}
            None if c == '#' => self.comment = true,
            None if matches!(c, '"' | '\'' | '`') => self.open = Some(c),
            None => {}
        }
    }
}

/// Writes a character so that a string of PromQL means it: the escapes are those of Go, where only the quote that is around may
/// be escaped by its own sign.
fn write_in(text: &mut String, c: char, around: Around) {
    let quote = match around {
        Around::Text => {
            text.push(c);
            return;
        }
        Around::Double => Some('"'),
        Around::Single => Some('\''),
        Around::Bare => None,
    };
    match c {
        '\\' => text.push_str("\\\\"),
        _ if Some(c) == quote => text.extend(['\\', c]),
        '"' | '\'' | '`' if quote.is_none() => {
            // Writing to a text cannot fail.
            let _ = write!(text, "\\x{:02x}", u32::from(c));
        }
        // What nobody can see is shown, wherever the query is.
        _ if is_hidden(c) => {
            let code = u32::from(c);
            let _ = match u16::try_from(code) {
                Ok(code) => write!(text, "\\u{code:04x}"),
                Err(_) => write!(text, "\\U{code:08x}"),
            };
        }
        _ => text.push(c),
    }
}

/// A length of time as PromQL writes it: `5m`, `1h30m`.
fn length(time: Duration) -> String {
    let mut rest = time.as_secs();
    let mut text = String::new();
    for (size, unit) in [(3600, 'h'), (60, 'm'), (1, 's')] {
        if rest >= size {
            let _ = write!(text, "{}{unit}", rest / size);
            rest %= size;
        }
    }
    if text.is_empty() {
        text.push_str("0s");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values<'a>(channel: &'a str, previous: Option<&'a str>) -> Values<'a> {
        Values {
            channel,
            version: "2.4.0",
            previous,
            window: Some(Duration::from_secs(300)),
        }
    }

    fn filled(query: &str, channel: &str) -> String {
        let template = Template::query(query).unwrap();
        template.fill(&values(channel, Some("2.3.9"))).unwrap()
    }

    #[test]
    fn values_stand_in_their_slots() {
        let query = r#"sum(rate(errors{channel="{{channel}}",version=~"{{version}}|{{previous}}"}[{{window}}]))"#;
        let sent = r#"sum(rate(errors{channel="web-prod",version=~"2.4.0|2.3.9"}[5m]))"#;
        assert_eq!(filled(query, "web-prod"), sent);
        assert_eq!(filled("up", "web-prod"), "up");
    }

    #[test]
    fn a_value_stays_within_its_quotes() {
        let odd = "web\"} or vector(0) # \\ '`\n";
        for (query, sent) in [
            (r#"a{b="{{channel}}"}"#, r#"a{b="web\"} or vector(0) # \\ '`\u000a"}"#),
            (r#"a{b='{{channel}}'}"#, r#"a{b='web"} or vector(0) # \\ \'`\u000a'}"#),
            // Quotes within other quotes, escaped ones, and those of a comment open nothing.
            (
                r#"a{c='"',b="{{channel}}"}"#,
                r#"a{c='"',b="web\"} or vector(0) # \\ '`\u000a"}"#,
            ),
            (
                r#"a{b="\"\\{{channel}}"}"#,
                r#"a{b="\"\\web\"} or vector(0) # \\ '`\u000a"}"#,
            ),
            (
                "# it's\na{b=\"{{channel}}\"}",
                "# it's\na{b=\"web\\\"} or vector(0) # \\\\ '`\\u000a\"}",
            ),
            // Here nothing can be escaped, so nothing may end the string.
            (
                "a{b=`{{channel}}`}",
                r#"a{b=`web\x22} or vector(0) # \\ \x27\x60\u000a`}"#,
            ),
            (
                r#"a{c="\\",b=`"{{channel}}`}"#,
                r#"a{c="\\",b=`"web\x22} or vector(0) # \\ \x27\x60\u000a`}"#,
            ),
        ] {
            assert_eq!(filled(query, odd), sent, "{query}");
        }
        assert_eq!(
            filled("a{b=\"{{channel}}\"}", "\u{202e}x\u{e0041}"),
            r#"a{b="\u202ex\U000e0041"}"#
        );
        let alarm = Template::name("{{channel}}-5xx-{{version}}").unwrap();
        assert_eq!(alarm.fill(&values("we\"b\\", None)).unwrap(), "we\"b\\-5xx-2.4.0");
    }

    #[test]
    fn a_template_that_is_none_is_answered_with_one() {
        for (text, fix) in [
            ("{{chanel}}", "write \"{{channel}}\""),
            ("{{ version }}", "write \"{{version}}\""),
            ("{{Window}}", "write \"{{window}}\""),
            ("a{{}}", "use {{channel}}, {{version}}"),
            ("{{release}}", "use {{channel}}, {{version}}"),
            ("a{b=\"{{channel\"}", "without }}"),
            ("  ", "is blank"),
        ] {
            let said = Template::query(text).unwrap_err();
            assert!(said.contains(fix), "{text}: {said}");
        }
        assert!(Template::name("a-{{window}}").unwrap_err().contains("take it out"));
    }

    #[test]
    fn what_is_not_there_is_said() {
        let template = Template::query("{{previous}}").unwrap();
        assert!(template.uses(Slot::Previous) && !template.uses(Slot::Version));
        assert_eq!(template.fill(&values("c", None)), Err(Lacking(Slot::Previous)));
        let none = Values {
            window: None,
            ..values("c", None)
        };
        assert_eq!(
            Template::query("[{{window}}]").unwrap().fill(&none),
            Err(Lacking(Slot::Window))
        );
        for (seconds, text) in [(10, "10s"), (300, "5m"), (5400, "1h30m"), (86_401, "24h1s"), (0, "0s")] {
            assert_eq!(length(Duration::from_secs(seconds)), text);
        }
    }
}
