//! What Prometheus is told of agents: how many say what, by channel. Their words are other people's text, and stay out.

use prometheus::IntGaugeVec;

use super::maker::{MOST_CHANNELS, Maker, whole};
use crate::settle::ChannelLine;

/// All metrics about agents.
pub(super) struct Agents {
    servers: IntGaugeVec,
}

impl Agents {
    /// Registers them.
    pub(super) fn new(make: &mut Maker) -> prometheus::Result<Self> {
        Ok(Self {
            servers: make.gauges(
                "fleetsheet_agents",
                "Servers with an agent, those that run the release, report trouble with it, or are silent.",
                &["channel", "says"],
            )?,
        })
    }

    /// Shows those of channels that have any.
    pub(super) fn channels(&self, channels: &[ChannelLine]) {
        self.servers.reset();
        for line in channels.iter().take(MOST_CHANNELS) {
            let counts = &line.agents;
            if counts.with_agent == 0 {
                continue;
            }
            for (says, count) in [
                ("anything", counts.with_agent),
                ("running", counts.running),
                ("trouble", counts.in_trouble),
                ("silent", counts.silent),
            ] {
                let labels = [line.name.as_str(), says];
                self.servers.with_label_values(&labels).set(whole(count));
            }
        }
    }
}
