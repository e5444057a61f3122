//! Arguments that could not be understood: whether JSON was asked for all the same, and the mistake in a few words.

use std::ffi::OsString;

use clap::error::ErrorKind;

/// Whether the arguments ask for JSON, as far as they can be understood.
#[must_use]
pub fn asks_for_json(arguments: &[OsString]) -> bool {
    let words: Vec<&str> = arguments.iter().filter_map(|word| word.to_str()).collect();
    let apart = words.windows(2).any(|pair| pair == ["--format", "json"]);
    apart || words.contains(&"--format=json")
}

/// What is wrong, without the usage that follows it.
#[must_use]
pub fn mistake(error: &clap::Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "say what to do; fleetsheet --help lists it".to_owned();
    }
    let said = error.render().to_string();
    let what = said.split("\n\nUsage:").next().unwrap_or_default();
    let lines = what.trim_start_matches("error: ").lines().map(str::trim);
    let mut mistake = String::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let gap = match mistake.chars().last() {
            None => "",
            // What follows is a list.
            Some(':') => " ",
            Some(_) => "\n",
        };
        mistake.push_str(gap);
        mistake.push_str(line);
    }
    mistake
}
