//! What the agents on servers cannot do with what the sheet says: channels whose name none of them takes.

use std::collections::BTreeSet;

use super::{Finding, Item};
use crate::sheet::parse::Sheet;
use crate::tag::ChannelName;

/// Names channels that no agent takes: it makes a file's name of the channel, and takes the characters of a version alone.
#[must_use]
pub fn judge_agents(sheet: &Sheet) -> Vec<Finding> {
    let channels: BTreeSet<&ChannelName> = sheet.intent.channels.iter().map(|row| &row.channel).collect();
    let foreign = channels.into_iter().filter_map(|channel| {
        let why = fleetsheet_words::version(channel.as_str()).err()?;
        let message = format!("no agent takes the channel {channel}: its name holds {why}");
        let finding = Finding::note(Item::Cells, channel.to_string(), message);
        Some(finding.fix("where fleetsheet-agent runs, give its servers a channel of another name"))
    });
    foreign.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sheet::intent::{Intent, Key, Origin, ReleaseRow, Tick};

    #[test]
    fn channels_that_no_agent_takes_are_named() {
        let row = |channel: &str| ReleaseRow {
            origin: Origin {
                row: 2,
                tab: Default::default(),
            },
            channel: channel.into(),
            key_a: Key::Empty,
            key_b: Key::Empty,
            enabled: Tick::Off,
            rollback: Tick::Off,
            advance: None,
            errors: Vec::new(),
        };
        let sheet = Sheet {
            intent: Intent {
                channels: ["web-prod", "web prod", "../x", "web-prod"].map(row).into(),
                ..Intent::default()
            },
            ..Sheet::default()
        };
        let found: Vec<String> = judge_agents(&sheet).into_iter().map(|it| it.message).collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].contains("no agent takes the channel ../x: its name holds"),
            "{found:?}"
        );
        assert!(found[1].contains("web prod: its name holds a space"), "{found:?}");
    }
}
