//! The keys of a `[[strategy]]` that is blue-green.

use std::time::Duration;

use super::waves::BAKES;
use crate::config::model::Tags;
use crate::config::syntax;
use crate::config::table::Table;
use crate::rollout::Colours;

const KEYS: [&str; 6] = ["colour_tag", "role_tag", "first", "overlap", "keep", "manual"];
const OVERLAP: Duration = Duration::from_secs(2 * 60);
const KEEP: Duration = Duration::from_secs(60 * 60);

/// Reports the keys that a strategy of another kind has no use for; whether there are none.
pub(super) fn only_waves(table: &mut Table<'_>) -> bool {
    let strange: Vec<&str> = KEYS.into_iter().filter(|key| table.has(key)).collect();
    for key in &strange {
        let fix = match *key {
            "manual" => {
                "is for kind = \"blue_green\"; write it with each wave that is to wait: { to = \"10%\", manual = true }"
            }
            _ => "is for kind = \"blue_green\"; write that kind, or take this out",
        };
        table.fail(key, fix);
    }
    strange.is_empty()
}

/// The colours of a strategy.
pub(super) fn colours(table: &mut Table<'_>, tags: Option<&Tags>) -> Option<Colours> {
    let colour_tag = table.text("colour_tag", syntax::tag_key);
    let role_tag = table.text("role_tag", syntax::tag_key);
    let first = table.text("first", |first| Ok(first.to_owned()));
    let overlap = table.duration("overlap", OVERLAP, &BAKES);
    let keep = table.duration("keep", KEEP, &BAKES);
    let manual = table.flag("manual");
    let colour_tag = colour_tag?.unwrap_or_else(|| "Colour".to_owned());
    let role_tag = role_tag?.unwrap_or_else(|| "ReleaseRole".to_owned());
    let faults = [
        ("colour_tag", ours(&colour_tag, tags)),
        ("role_tag", ours(&role_tag, tags)),
        ("role_tag", managed(&role_tag, tags)),
        ("role_tag", same(&role_tag, &colour_tag)),
    ];
    let mut is_fine = true;
    for (key, fault) in faults {
        if let Some(fault) = fault {
            table.fail(key, fault);
            is_fine = false;
        }
    }
    let colours = Colours {
        colour_tag: colour_tag.as_str().into(),
        role_tag: role_tag.as_str().into(),
        first: first?.unwrap_or_else(|| "blue".to_owned()),
        overlap: overlap?,
        keep: keep?,
        manual: manual?,
    };
    is_fine.then_some(colours)
}

fn alike(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

fn ours(key: &str, tags: Option<&Tags>) -> Option<String> {
    let tags = tags?;
    let which = [("channel", &tags.channel), ("version", &tags.version)];
    let (name, _) = which.into_iter().find(|(_, other)| alike(key, other))?;
    Some(format!("{key:?} is the tag of tags.{name}; name another tag"))
}

fn managed(key: &str, tags: Option<&Tags>) -> Option<String> {
    let found = tags?.managed.iter().any(|other| alike(key, other));
    found.then(|| {
        format!("{key:?} is in tags.managed, but fleetsheet decides it; take it out there, or name another tag")
    })
}

fn same(role: &str, colour: &str) -> Option<String> {
    alike(role, colour).then(|| format!("{role:?} is the colour tag; name two different tags"))
}
