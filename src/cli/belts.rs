//! What an operator may let through: belts, and windows, as they are named on the command line.

use std::ffi::OsStr;
use std::io;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};

use crate::plan::{Allowed, Belt};

/// One word of `--allow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allow {
    Belt(Belt),
    Window,
}

/// All that was let through.
pub(super) fn allowed(words: &[Allow]) -> Allowed {
    let belt = |word: &Allow| match word {
        Allow::Belt(belt) => Some(*belt),
        Allow::Window => None,
    };
    Allowed {
        belts: words.iter().filter_map(belt).collect(),
        window: words.contains(&Allow::Window),
    }
}

fn words() -> impl Iterator<Item = &'static str> {
    Belt::ALL.into_iter().map(Belt::word).chain([Allowed::WINDOW])
}

/// Reads such a word, and lets shells know which there are.
#[derive(Clone)]
pub(super) struct BeltParser;

impl TypedValueParser for BeltParser {
    type Value = Allow;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Allow, clap::Error> {
        let parser = StringValueParser::new().try_map(|text| allow(&text).map_err(io::Error::other));
        parser.parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(words().map(PossibleValue::new)))
    }
}

fn allow(text: &str) -> Result<Allow, String> {
    if text == "store" {
        return Err(
            "another store's sheet cannot be allowed for one pass; if this store is to serve it from now on, \
                    use --once --takeover"
                .to_owned(),
        );
    }
    if text == Allowed::WINDOW {
        return Ok(Allow::Window);
    }
    let belt = Belt::ALL.into_iter().find(|belt| belt.word() == text);
    belt.map(Allow::Belt).ok_or_else(|| {
        let known: Vec<&str> = words().collect();
        format!("no such belt; use one of {}", known.join(", "))
    })
}
