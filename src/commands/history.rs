//! `history`: lists what happened and when, from the state store alone.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::output::print;
use crate::adapters::sqlite::{Access, SqliteStore};
use crate::cli::{Format, Since};
use crate::clients::store_url;
use crate::clock::now;
use crate::config::Config;
use crate::memory::{Event, StoreReader};
use crate::refusal::Refusal;
use crate::report::story;
use crate::sandbox;
use crate::screen::Page;
use crate::text::{nearest, plain};

/// How many entries are shown when nobody says.
const USUAL: u32 = 50;

pub(super) async fn run(
    config: Config,
    channel: Option<&str>,
    since: Option<Since>,
    limit: Option<u32>,
    format: Format,
) -> Result<u8, Refusal> {
    let (config, _credentials, _sandbox) = sandbox::embed(config).await?;
    let store = SqliteStore::open(&store_url(&config), Access::Read, now())
        .await
        .map_err(Refusal::failed)?;
    let since = since.map(|since| since.moment(now()));
    let limit = limit.unwrap_or(if since.is_some() { u32::MAX } else { USUAL });
    // What is asked for by time is counted after it was picked, and a page shows up to three events as one.
    let read = match (since, format) {
        (Some(_), _) => u32::MAX,
        (None, Format::Text) => limit.saturating_mul(3),
        (None, Format::Json) => limit,
    };
    let mut events = store.history(channel, read).await.map_err(Refusal::failed)?;
    if let Some(channel) = channel.filter(|_| events.is_empty()) {
        known(&store, channel).await?;
    }
    events.retain(|event| since.is_none_or(|since| event.time >= since));
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let page = page(&events, channel, since, most);
    let newest = events.split_off(events.len().saturating_sub(most));
    print(format, &json!({ "events": newest }), &page)?;
    Ok(0)
}

/// Refuses a channel that the store has never heard of: most likely it is mistyped.
async fn known(store: &SqliteStore, channel: &str) -> Result<(), Refusal> {
    let memory = store.load().await.map_err(Refusal::failed)?;
    let events = store.history(None, u32::MAX).await.map_err(Refusal::failed)?;
    let remembered = memory.channels.keys().map(ToString::to_string);
    let told = events.into_iter().map(|event| event.channel);
    let names: BTreeSet<String> = remembered.chain(told).filter(|name| !name.is_empty()).collect();
    if names.contains(channel) {
        return Ok(());
    }
    let advice = match nearest(channel, names.iter().map(String::as_str)) {
        Some(name) => format!("did you mean {}?", plain(name)),
        None => "fleetsheet status lists the channels".to_owned(),
    };
    let channel = plain(channel);
    Err(Refusal::config(format!(
        "this store knows no channel {channel}; {advice}"
    )))
}

fn page(events: &[Event], channel: Option<&str>, since: Option<DateTime<Utc>>, most: usize) -> Page {
    let mut page = story(events, most);
    if page.is_empty() {
        let whom = channel.map_or_else(String::new, |channel| format!(" to {}", plain(channel)));
        page.line(match since {
            None => format!("nothing has happened{whom} yet"),
            Some(since) => format!(
                "nothing has happened{whom} since {} UTC",
                since.format("%Y-%m-%d %H:%M:%S")
            ),
        });
    }
    page
}
