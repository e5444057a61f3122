//! `status`: the last pass, the channels, open problems and waiting mail, from the state store alone: no network.

mod channels;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::output::print;
use super::store;
use crate::adapters::postgres::Standing;
use crate::cli::Format;
use crate::clients::store_place;
use crate::clock::now;
use crate::config::Config;
use crate::mail::{Backlog, OpenProblem};
use crate::memory::{About, LastPass, Memory, Told};
use crate::plan::{State, Tone};
use crate::refusal::Refusal;
use crate::report::{UNANSWERED, look, with_unseen};
use crate::sandbox;
use crate::screen::{Look, Page, Row};
use crate::tag::TagKey;
use crate::text::{ago, length, plain};
use channels::channels;

/// What is known without asking anybody.
struct Status {
    last: Option<LastPass>,
    told: Option<Told>,
    /// Why there is nothing to tell; `None` where there is a store.
    absent: Option<String>,
    store: String,
    about: Option<About>,
    standing: Option<Standing>,
    version_tag: TagKey,
    running: Option<String>,
    memory: Memory,
    now: DateTime<Utc>,
}

pub(super) async fn run(config: Config, format: Format) -> Result<u8, Refusal> {
    let (config, _credentials, _sandbox) = sandbox::embed(config).await?;
    let place = store_place(&config);
    let now = now();
    let store = store::to_read(&config).await?;
    let last = place.last().await;
    let status = Status {
        memory: store.load().await.map_err(Refusal::from)?,
        told: last.as_ref().and_then(LastPass::told),
        last,
        absent: store::absent(&config).await?,
        store: config.state.place.to_string(),
        about: store.about().await.map_err(Refusal::from)?,
        standing: place.standing().await.map_err(Refusal::from)?,
        version_tag: config.tags.version.as_str().into(),
        running: place.running().await,
        now,
    };
    print(format, &status.json(), &status.page())?;
    Ok(0)
}

impl Status {
    fn open(&self) -> Vec<&OpenProblem> {
        let open = self.memory.open.values().filter(|problem| problem.closed.is_none());
        open.collect()
    }

    fn channels(&self) -> Vec<Value> {
        channels(self.told.as_ref(), &self.memory, &self.version_tag)
    }

    fn json(&self) -> Value {
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let mut object = json!({"run": null, "outcome": null});
        if let Some(last) = &self.last {
            object.clone_from(&last.report);
            if let Value::Object(fields) = &mut object {
                fields.remove(UNANSWERED);
            }
            object["at"] = time(last.at).into();
            object["host"] = last.host.as_str().into();
        }
        let Backlog {
            letters,
            oldest,
            trouble,
            ..
        } = self.memory.mail.backlog();
        object["channels"] = self.channels().into();
        let problem =
            |p: &OpenProblem| json!({"kind": p.kind, "where": p.place, "message": p.message, "since": time(p.since)});
        object["problems"] = self.open().into_iter().map(problem).collect();
        object["mail"] = json!({"waiting": letters, "oldest": oldest.map(time), "trouble": trouble});
        object["channels_at"] = self.told.as_ref().map(|told| time(told.at)).into();
        object["running"] = self.running.as_deref().into();
        let about = self.about.as_ref();
        object["store"] = json!({
            "place": self.store, "kind": about.map(|it| it.kind), "id": about.map(|it| it.id.as_str()),
            "layout": about.map(|it| it.layout), "rows": about.map(|it| it.rows),
        });
        if let Some(standing) = &self.standing {
            object["lease"] = self.lease(standing);
            let served_by = standing.holder.as_ref().map(|holder| holder.instance.as_str());
            object["last_tick"] = json!({"time": standing.row.tick.map(time), "served_by": served_by});
        }
        object["store_found"] = self.absent.is_none().into();
        object
    }

    fn lease(&self, standing: &Standing) -> Value {
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let held = standing.row.held_until.is_some();
        let holder = standing.holder.as_ref().filter(|_| held);
        json!({
            "holder": holder.map(|holder| json!({
                "instance": holder.instance, "run": holder.run, "host": holder.host, "process": holder.process, "what": holder.what,
            })),
            "since": holder.map(|holder| time(holder.since)), "epoch": standing.epoch,
            "expires_at": standing.expires_at.filter(|_| held).map(time),
        })
    }

    fn page(&self) -> Page {
        let mut page = Page::default();
        page.line(self.headline());
        if let Some(by) = &self.running {
            page.line(format!("now: {}", plain(by)));
        }
        if let Some(standing) = &self.standing {
            let by = standing
                .holder
                .as_ref()
                .map_or("nobody", |holder| holder.instance.as_str());
            let tick = standing
                .row
                .tick
                .map(|tick| format!(", tick {} UTC", tick.format("%Y-%m-%d %H:%M:%S")));
            page.line(plain(&format!(
                "lease: number {}, last held by {by}{}",
                standing.epoch,
                tick.unwrap_or_default()
            )));
        }
        let channels = self.channels();
        if !channels.is_empty() {
            page.blank();
            if let Some(older) = self.older() {
                page.looking(older, Look::Waiting);
            }
            let head = ["channel", "release", "previous", "status"];
            let row = |channel: &Value| -> Row {
                let mut cells = head.map(|field| plain(channel[field].as_str().unwrap_or_default()));
                let unseen = channel["not_seen"].as_u64().unwrap_or_default();
                let (status, tone) = with_unseen(&cells[3], tone(channel), unseen);
                cells[3] = status;
                (cells.to_vec(), look(tone))
            };
            page.table(&head, channels.iter().map(row).collect());
        }
        self.problems(&mut page);
        page.line(self.mail());
        page
    }

    /// Says that the channels are those of an earlier pass than the last.
    fn older(&self) -> Option<String> {
        let (told, last) = (self.told.as_ref()?, self.last.as_ref()?);
        (told.run != last.report["run"]).then(|| {
            format!(
                "channels as of {} (run {}), and rollbacks by command since; no later pass came to decide about them",
                ago(self.now - told.at),
                plain(&told.run)
            )
        })
    }

    fn headline(&self) -> String {
        if let Some(absent) = &self.absent {
            return plain(absent);
        }
        let Some(last) = &self.last else {
            return "no pass has been noted on this store yet".to_owned();
        };
        let word = |field: &str| plain(last.report[field].as_str().unwrap_or("?"));
        let unanswered = last.report[UNANSWERED].as_str();
        let unanswered = unanswered.map_or_else(String::new, |few| format!(", {}", plain(few)));
        format!(
            "last pass: {}{unanswered}, {} ({} UTC on {}, run {})",
            word("outcome"),
            ago(self.now - last.at),
            last.at.format("%Y-%m-%d %H:%M:%S"),
            plain(&last.host),
            word("run")
        )
    }

    fn problems(&self, page: &mut Page) {
        let open = self.open();
        if self.absent.is_some() {
            return;
        }
        page.blank();
        if open.is_empty() {
            page.line("no open problems");
            return;
        }
        page.line(format!("open problems ({})", open.len()));
        for problem in open {
            let since = length(self.now - problem.since);
            page.entry(
                (format!("  {:<17} ", problem.kind.word()), Look::Waiting),
                (format!("for {since}: {}", plain(&problem.message)), Look::Plain),
            );
        }
    }

    fn mail(&self) -> String {
        let Backlog {
            letters,
            oldest,
            trouble,
            ..
        } = self.memory.mail.backlog();
        let Some(oldest) = oldest else {
            return "no mail waits".to_owned();
        };
        let why = if trouble.is_empty() {
            String::new()
        } else {
            format!(": {}", plain(&trouble))
        };
        format!(
            "mail: {letters} waiting, the oldest for {}{why}",
            length(self.now - oldest)
        )
    }
}

/// How a channel of the last report reads. The report keeps words only.
fn tone(channel: &Value) -> Tone {
    let state = State::ALL.into_iter().find(|state| channel["state"] == state.word());
    match state {
        _ if channel["failed"].as_u64().is_some_and(|failed| failed > 0) => Tone::Bad,
        Some(State::Error | State::NothingToRollBack) => Tone::Bad,
        Some(State::InSync | State::Promoted) => Tone::Good,
        _ => Tone::Waiting,
    }
}
