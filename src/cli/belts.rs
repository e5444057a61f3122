//! Belts, as they are named on the command line.

use std::ffi::OsStr;
use std::io;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};

use crate::plan::Belt;

/// Reads a belt, and lets shells know which there are.
#[derive(Clone)]
pub(super) struct BeltParser;

impl TypedValueParser for BeltParser {
    type Value = Belt;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Belt, clap::Error> {
        let parser = StringValueParser::new().try_map(|text| belt(&text).map_err(io::Error::other));
        parser.parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Belt::ALL.iter().map(|belt| PossibleValue::new(belt.word()))))
    }
}

fn belt(text: &str) -> Result<Belt, String> {
    if text == "store" {
        return Err(
            "another store's sheet cannot be allowed for one pass; if this store is to serve it from now on, \
                    use --once --takeover"
                .to_owned(),
        );
    }
    Belt::ALL.into_iter().find(|belt| belt.word() == text).ok_or_else(|| {
        let known: Vec<&str> = Belt::ALL.iter().map(|belt| belt.word()).collect();
        format!("no such belt; use one of {}", known.join(", "))
    })
}
