//! `history`: lists what happened and when, from the state store alone.

use serde_json::json;

use super::output::print;
use crate::adapters::sqlite::{Access, SqliteStore};
use crate::cli::Format;
use crate::clients::store_url;
use crate::clock::now;
use crate::config::Config;
use crate::memory::{Event, StoreReader as _};
use crate::refusal::Refusal;
use crate::sandbox;
use crate::text::plain;

pub(super) async fn run(config: Config, channel: Option<&str>, limit: u32, format: Format) -> Result<u8, Refusal> {
    let (config, _credentials, _sandbox) = sandbox::embed(config).await?;
    let store = SqliteStore::open(&store_url(&config), Access::Read, now())
        .await
        .map_err(Refusal::failed)?;
    let events = store.history(channel, limit).await.map_err(Refusal::failed)?;
    let mut page: String = events.iter().map(line).collect();
    if page.is_empty() {
        page = match channel {
            None => "nothing has happened yet\n".to_owned(),
            Some(channel) => format!("nothing has happened to a channel called {}\n", plain(channel)),
        };
    }
    print(format, &json!({ "events": events }), &page)?;
    Ok(0)
}

fn line(event: &Event) -> String {
    let moved = match (event.from.as_str(), event.to.as_str()) {
        ("", "") => String::new(),
        (from, "") => from.to_owned(),
        ("", to) => format!("→ {to}"),
        (from, to) => format!("{from} → {to}"),
    };
    let time = event.time.format("%Y-%m-%d %H:%M:%S");
    let [channel, what, moved, detail] = [&event.channel, &event.event, &moved, &event.detail].map(|cell| plain(cell));
    format!("{time}  {channel:<16} {what:<18} {moved:<20} {detail}\n")
}
