//! `history`: lists what happened and when, from the state store alone.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::output::print;
use super::store;
use crate::cli::{Format, Since};
use crate::clock::now;
use crate::config::Config;
use crate::memory::{Event, StoreReader};
use crate::refusal::Refusal;
use crate::report::story;
use crate::sandbox;
use crate::screen::Page;
use crate::text::{did_you_mean, nearest, plain};

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
    if channel.is_some() {
        store::must_be_there(&config).await?;
    }
    let absent = store::absent(&config).await?;
    let store = store::to_read(&config).await?;
    let since = since.map(|since| since.moment(now()));
    let limit = limit.unwrap_or(if since.is_some() { u32::MAX } else { USUAL });
    // What is asked for by time is counted after it was picked, and a page shows up to three events as one.
    let read = match (since, format) {
        (Some(_), _) => u32::MAX,
        (None, Format::Text) => limit.saturating_mul(3),
        (None, Format::Json) => limit,
    };
    let mut events = store.history(channel, read).await.map_err(Refusal::from)?;
    if let Some(channel) = channel.filter(|_| events.is_empty()) {
        known(&*store, channel).await?;
    }
    events.retain(|event| since.is_none_or(|since| event.time >= since));
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let page = match &absent {
        Some(absent) => {
            let mut page = Page::default();
            page.line(plain(absent));
            page
        }
        None => page(&events, channel, since, most),
    };
    let newest = events.split_off(events.len().saturating_sub(most));
    let object = json!({
        "events": newest, "store": config.state.place.to_string(), "store_found": absent.is_none(),
    });
    print(format, &object, &page)?;
    Ok(0)
}

/// Refuses a channel that the store has never heard of: most likely it is mistyped.
async fn known(store: &dyn StoreReader, channel: &str) -> Result<(), Refusal> {
    let memory = store.load().await.map_err(Refusal::from)?;
    let events = store.history(None, u32::MAX).await.map_err(Refusal::from)?;
    let remembered = memory.channels.keys().map(ToString::to_string);
    let told = events.into_iter().map(|event| event.channel);
    let names: BTreeSet<String> = remembered.chain(told).filter(|name| !name.is_empty()).collect();
    if names.contains(channel) {
        return Ok(());
    }
    let near = nearest(channel, names.iter().map(String::as_str));
    let advice = did_you_mean(near, "fleetsheet status lists the channels");
    Err(Refusal::config(plain(&format!(
        "this store knows no channel {channel}; {advice}"
    ))))
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
