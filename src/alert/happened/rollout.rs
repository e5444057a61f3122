//! What is told of a rollout: how it begins, and how it ended, wave by wave.

use crate::mail::{News, PassedWave};
use crate::memory::Memory;
use crate::plan::Plan;
use crate::rollout::{ColourPhase, Size};

/// The news of a channel with what a rollout adds to them.
pub(super) fn told(mut news: News, plan: &Plan, memory: &Memory) -> News {
    let Some(channel) = plan.channels.iter().find(|c| c.name.as_str() == news.channel) else {
        return news;
    };
    match (news.event.as_str(), &channel.rollout) {
        ("promotion", Some(rollout)) => {
            news.event = "rollout".to_owned();
            let (all, one) = match rollout.phase {
                Some(_) => ("phases", "phase"),
                None => ("waves", "wave"),
            };
            news.text = format!(
                "in {} {all}, by strategy {}; {one} {} ({}) takes {}",
                rollout.waves,
                rollout.strategy,
                rollout.wave,
                rollout.to,
                match rollout.size {
                    1 => "1 server".to_owned(),
                    size => format!("{} servers", crate::text::thousands(size)),
                }
            );
        }
        ("rollout_done", _) => {
            news.from = channel.previous.as_ref().map(ToString::to_string).unwrap_or_default();
            let known = memory.channels.get(&channel.name);
            if let Some(rollout) = known.and_then(|known| known.rollout.as_ref()) {
                if rollout.switch.is_some() {
                    news.text = "phases".to_owned();
                }
                let to = |wave: usize, to: &Size| match rollout.switch {
                    Some(_) => ColourPhase::at(wave).to_string(),
                    None => to.to_string(),
                };
                let past = rollout.past.iter().map(|wave| PassedWave {
                    wave: wave.wave + 1,
                    to: to(wave.wave, &wave.to),
                    servers: wave.members,
                    began: wave.began,
                    ended: wave.ended,
                });
                let last = PassedWave {
                    wave: rollout.wave + 1,
                    to: to(rollout.wave, &Size::ALL),
                    servers: channel.concerned,
                    began: rollout.began,
                    ended: news.at,
                };
                news.waves = past.chain([last]).collect();
            }
        }
        ("auto_rollback", _) => {
            let failed =
                |event: &&crate::plan::Happening| event.event == "gate_failed" && event.channel == news.channel;
            if let Some(failed) = plan.happenings.iter().find(failed) {
                news.cause.clone_from(&failed.detail);
            }
        }
        _ => {}
    }
    news
}
