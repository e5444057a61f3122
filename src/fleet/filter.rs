//! A filter of servers by one of their tags, spelt as the aws CLI spells the values of its filters: `KEY=VALUE,VALUE`, with `*`
//! for any characters, `?` for one, and `\` before a character that is meant as it is.

use std::collections::BTreeMap;

use super::Server;
use crate::tag::TagKey;

/// One tag, and the values of which a server must carry one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    key: TagKey,
    values: Vec<Pattern>,
}

/// A value as it is asked for.
type Pattern = Vec<Part>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Any characters, or none.
    Any,
    /// One character, whichever.
    One,
    /// This character.
    Char(char),
}

impl Filter {
    /// Reads `KEY=VALUE`, or several values with commas between them.
    ///
    /// # Errors
    /// Says what is wrong, and how a filter looks.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut key = String::new();
        let mut letters = text.chars();
        loop {
            match letters.next() {
                Some('=') => break,
                Some('\\') => key.extend(letters.next()),
                Some(c) => key.push(c),
                None => return Err("is not KEY=VALUE, such as Env=prod".to_owned()),
            }
        }
        if key.trim().is_empty() {
            return Err("has no key before the =; write KEY=VALUE, such as Env=prod".to_owned());
        }
        Ok(Self {
            key: key.as_str().into(),
            values: patterns(letters.as_str()),
        })
    }

    /// The tag that it asks about.
    #[must_use]
    pub fn key(&self) -> &TagKey {
        &self.key
    }

    fn lets_through(&self, server: &Server) -> bool {
        let value = server.tag(&self.key);
        value.is_some_and(|value| self.values.iter().any(|pattern| fits(pattern, value)))
    }
}

/// Whether a server passes all filters. Several of the same key are one with all their values: a tag has only one.
#[must_use]
pub fn pass(filters: &[Filter], server: &Server) -> bool {
    let mut keys: BTreeMap<&TagKey, bool> = BTreeMap::new();
    for filter in filters {
        *keys.entry(&filter.key).or_default() |= filter.lets_through(server);
    }
    keys.values().all(|passes| *passes)
}

fn patterns(text: &str) -> Vec<Pattern> {
    let mut patterns = vec![Pattern::new()];
    let mut letters = text.chars();
    while let Some(c) = letters.next() {
        let part = match c {
            ',' => {
                patterns.push(Pattern::new());
                continue;
            }
            '*' => Part::Any,
            '?' => Part::One,
            '\\' => Part::Char(letters.next().unwrap_or('\\')),
            c => Part::Char(c),
        };
        if let Some(last) = patterns.last_mut() {
            last.push(part);
        }
    }
    patterns
}

/// Whether a pattern fits the whole text. Takes at most as many steps as both are long, multiplied: whoever tags a server must
/// not be able to keep this busy.
fn fits(pattern: &[Part], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut seen) = (0, 0);
    // Where to go on when something does not fit: after the last `*`, which then takes one character more.
    let mut again = None;
    while seen < text.len() {
        match pattern.get(at) {
            Some(Part::Any) => {
                at += 1;
                again = Some((at, seen));
            }
            Some(Part::One) => (at, seen) = (at + 1, seen + 1),
            Some(Part::Char(c)) if *c == text[seen] => (at, seen) = (at + 1, seen + 1),
            _ => match again {
                Some((after, taken)) => {
                    (at, seen) = (after, taken + 1);
                    again = Some((after, taken + 1));
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|part| *part == Part::Any)
}

#[cfg(test)]
mod tests {
    use super::super::{Source, State};
    use super::*;

    fn server(tags: &[(&str, &str)]) -> Server {
        Server {
            source: Source {
                account: "main".into(),
                region: "eu-west-1".into(),
            },
            state: State::Running,
            tags: tags
                .iter()
                .map(|(key, value)| ((*key).into(), (*value).into()))
                .collect(),
            metadata_tags: false,
            spot: false,
            zone: None,
        }
    }

    fn passes(filters: &[&str], tags: &[(&str, &str)]) -> bool {
        let filters: Vec<Filter> = filters.iter().map(|text| Filter::parse(text).unwrap()).collect();
        pass(&filters, &server(tags))
    }

    #[test]
    fn keys_are_all_asked_for_and_one_of_the_values_of_each() {
        let tags = [("Env", "prod"), ("Team", "web")];
        for filters in [
            &["Env=prod"][..],
            &["Env=prod", "Team=web"],
            &["Env=staging,prod"],
            &["Env=staging", "Env=prod"],
            &["Env=staging", "Team=web", "Env=prod"],
        ] {
            assert!(passes(filters, &tags), "{filters:?}");
        }
        for filters in [
            &["Env=staging"][..],
            &["Env=prod", "Team=api"],
            &["env=prod"],
            &["Env=Prod"],
            &["Owner="],
            &["Env="],
            &["tag:Env=prod"],
        ] {
            assert!(!passes(filters, &tags), "{filters:?}");
        }
    }

    #[test]
    fn values_have_wildcards_and_every_character_can_be_meant_as_it_is() {
        let fits = |filter: &str, value: &str| passes(&[filter], &[("Name", value)]);
        for (filter, value) in [
            ("Name=web-*", "web-"),
            ("Name=web-*", "web-prod"),
            ("Name=*-prod", "web-prod-prod"),
            ("Name=w?b*d", "web-prod"),
            ("Name=*", ""),
            ("Name=", ""),
            ("Name=a\\*", "a*"),
            ("Name=a\\,b", "a,b"),
            ("Name=a=b", "a=b"),
            ("Name=a,", ""),
            ("Name=\u{e4}?", "\u{e4}\u{1f600}"),
        ] {
            assert!(fits(filter, value), "{filter} {value}");
        }
        for (filter, value) in [
            ("Name=web", "web-prod"),
            ("Name=web-*", "xweb-1"),
            ("Name=?", ""),
            ("Name=a\\*", "ab"),
            ("Name=a,b", "a,b"),
            ("Name=*-prod", "web-prod-1"),
        ] {
            assert!(!fits(filter, value), "{filter} {value}");
        }
        assert!(passes(&["a\\=b=c"], &[("a=b", "c")]));
        assert!(!fits(&format!("Name={}b", "*a".repeat(60)), &"a".repeat(256)));
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for text in ["", "Env", "=prod", " =prod", "Env\\=prod"] {
            assert!(Filter::parse(text).is_err(), "{text}");
        }
    }
}
