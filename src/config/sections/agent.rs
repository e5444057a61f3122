//! `[agent]`: the two tags that the agents on servers write. The service reads them, and never writes them.

use std::time::Duration;

use chrono::TimeDelta;

use crate::config::model::Tags;
use crate::config::read::Reader;
use crate::config::syntax::{self, DAY};
use crate::running::AgentTags;

const PATHS: [&str; 2] = ["agent.running", "agent.agent"];

pub(super) fn agent(r: &mut Reader, tags: Option<&Tags>) -> Option<AgentTags> {
    let [running, agent] = PATHS.map(|path| r.text(path, syntax::tag_key));
    let silent_after = r.duration("agent.silent_after", Duration::from_secs(60)..=DAY * 365);
    let same = |one: &Option<String>, other: &str| one.as_ref().is_some_and(|key| key.eq_ignore_ascii_case(other));
    if let Some(key) = agent.as_ref().filter(|key| same(&running, key)) {
        r.fail(
            "agent.agent",
            format!("{key:?} is the same tag as agent.running; name two different tags"),
        );
    }
    if let Some(tags) = tags {
        for (path, key) in PATHS.into_iter().zip([&running, &agent]) {
            if same(key, &tags.channel) || same(key, &tags.version) {
                let message = "is the channel or version tag, which the service writes; name the tag that agents write";
                r.fail(path, message);
            }
            for (i, managed) in tags
                .managed
                .iter()
                .enumerate()
                .filter(|(_, managed)| same(key, managed))
            {
                let message =
                    format!("{managed:?} is written by the agents ({path}), never by the service; take it out");
                r.fail_inside("tags.managed", &format!("tags.managed[{i}]"), message);
            }
        }
    }
    Some(AgentTags {
        running: running?.as_str().into(),
        agent: agent?.as_str().into(),
        silent_after: TimeDelta::from_std(silent_after?).ok()?,
    })
}
