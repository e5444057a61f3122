//! News of rollouts in words: how one begins, how it ended, and who took it back.

use chrono::{DateTime, TimeDelta, Utc};

use super::entry::{TITLE_MAX, WORDS_MAX, after, after_which, failing, left_behind, reach, time};
use super::parts::{Entry, Tone};
use crate::alert::safe;
use crate::mail::{News, PassedWave};
use crate::text::thousands;

/// The entry of an event of a rollout; `None` for other events.
pub(super) fn of_news(news: &News) -> Option<Entry> {
    let (from, to) = (safe::line(&news.from, TITLE_MAX), safe::line(&news.to, TITLE_MAX));
    let mut what;
    let mut fix = String::new();
    let behind = after_which(" after", &from);
    let (tone, label) = match news.event.as_str() {
        "rollout" => {
            let text = safe::line(&news.text, WORDS_MAX);
            what = format!("{to} begins to roll out{behind}, {text}{}.", reach(news.reach));
            (failing(news, Tone::Good, &mut what, &mut fix), "rollout begins")
        }
        "rollout_done" => {
            what = format!("{to} has gone out in all {}{behind}.", parts(news));
            (Tone::Good, "rollout done")
        }
        "taken_back" => {
            what = format!(
                "Both keys name {to} again, so {from} was taken back before all servers had it{}.",
                reach(news.reach)
            );
            left_behind(news, &mut what);
            (failing(news, Tone::Warning, &mut what, &mut fix), "taken back")
        }
        "auto_rollback" => {
            let why = safe::capital(&safe::line(&news.cause, WORDS_MAX));
            let gap = if why.is_empty() { "" } else { ". " };
            what = format!("{why}{gap}Rolled back from {from} to {to}{}.", reach(news.reach));
            left_behind(news, &mut what);
            fix = after(
                news,
                &format!(
                    "see why {from} failed; another version starts as soon as both keys name it; to release {from} again"
                ),
                "clear both keys, let a pass see it, and type them again",
            );
            (Tone::Alarm, "automatic rollback")
        }
        _ => return None,
    };
    Some(Entry {
        tone,
        label,
        title: safe::line(&news.channel, TITLE_MAX),
        link: safe::link(&news.link),
        what,
        fix,
        when: time(news.at),
        table: table(news),
    })
}

/// What it went out in.
fn parts(news: &News) -> &'static str {
    if news.text == "phases" { "phases" } else { "waves" }
}

/// A row for each wave, or phase.
fn table(news: &News) -> Vec<Vec<String>> {
    let waves = &news.waves;
    if waves.is_empty() {
        return Vec::new();
    }
    let head = match parts(news) {
        "phases" => ["phase", "name", "servers", "began (UTC)", "took"],
        _ => ["wave", "to", "servers", "began (UTC)", "took"],
    };
    let head = head.map(str::to_owned);
    let row = |wave: &PassedWave| {
        vec![
            wave.wave.to_string(),
            safe::line(&wave.to, TITLE_MAX),
            thousands(wave.servers),
            wave.began.format("%Y-%m-%d %H:%M").to_string(),
            took(wave.began, wave.ended),
        ]
    };
    std::iter::once(head.to_vec()).chain(waves.iter().map(row)).collect()
}

fn took(began: DateTime<Utc>, ended: DateTime<Utc>) -> String {
    crate::text::length((ended - began).max(TimeDelta::zero()))
}
