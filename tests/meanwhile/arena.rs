//! A world in which the next pass has everything to do at once: promote, roll back, append, correct, log. It is settled once,
//! and put back into that state before each disturbance.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, Mutex, mpsc};

use fleetsheet::adapters::sqlite::{Access, SqliteStore};
use fleetsheet::memory::{Event, Memory, StoreReader as _};
use fleetsheet_mocks::cloud::{Fleet, TagWrite};
use fleetsheet_mocks::sheets::{Spreadsheet, Write};
use tokio::sync::OnceCell;

use super::deeds::Deed;
use super::law::WRITE;
use crate::stage::{ACCOUNT, REGION, RELEASE, Ran, SERVERS, Stage};

/// Channel, servers, version at first contact.
const CHANNELS: [(&str, usize, &str); 3] = [("web", 4, "2.3.8"), ("db", 4, "4.9.0"), ("cache", 3, "1.0.0")];
/// Servers that stand in no row yet, with their channels.
pub(crate) const NEW: [(&str, &str); 2] = [("i-0000000000000aaaa", "web"), ("i-0000000000000bbbb", "db")];

/// The nth server of a channel.
pub(crate) fn id(channel: &str, nth: usize) -> String {
    let at = CHANNELS.iter().position(|(name, ..)| *name == channel).unwrap();
    format!("i-{at:08x}{nth:09x}")
}

/// Tags by server.
pub(crate) type Tags = BTreeMap<String, BTreeMap<String, String>>;

/// All that a trial starts from.
pub(crate) struct Settled {
    /// The file before any pass: no marks, no service cells.
    pub(crate) virgin: Spreadsheet,
    /// The file after the first pass: an older version.
    pub(crate) earlier: Spreadsheet,
    /// The file when the disturbed pass begins.
    pub(crate) book: Spreadsheet,
    /// What has happened by then.
    pub(crate) events: usize,
    /// The pass that nobody disturbs.
    pub(crate) control: Pass,
    tags: Tags,
    store: Files,
    /// The store after the pass that nobody disturbs.
    rest: Files,
}

/// The files of the state directory, by name.
type Files = Vec<(String, Vec<u8>)>;

fn files(stage: &Stage) -> Files {
    let named = |(path, bytes): (String, _)| (path.rsplit('/').next().unwrap().to_owned(), bytes);
    stage.state_files().into_iter().map(named).collect()
}

/// One pass of a trial.
#[derive(Clone, Debug)]
pub(crate) struct Pass {
    pub(crate) ran: Ran,
    /// The file as people left it: when the pass began, or when the deed was done.
    pub(crate) left: Spreadsheet,
    pub(crate) after: Spreadsheet,
    pub(crate) writes: Vec<Write>,
    pub(crate) tagged: Vec<TagWrite>,
    pub(crate) tags: Tags,
}

impl Pass {
    pub(crate) fn is_silent(&self) -> bool {
        self.writes.is_empty() && self.tagged.is_empty()
    }

    pub(crate) fn accuses(&self) -> bool {
        !self.ran.problems_of("unauthorised_edit").is_empty()
    }

    /// Whether it stopped, or could do nothing.
    pub(crate) fn saw_nothing(&self) -> bool {
        self.ran.json["outcome"] == "stopped" || self.ran.code == 1
    }
}

/// What came of one deed at one point: the disturbed pass, one in peace, and what was needed to come to rest.
pub(crate) struct Trial {
    /// Before which request to the spreadsheet; `None`: after the last answer.
    pub(crate) at: Option<u64>,
    /// The method of that request.
    pub(crate) method: String,
    /// Whether the pass had written by then, and not yet read back all of it.
    pub(crate) written: bool,
    /// The file just before the deed.
    pub(crate) untouched: Spreadsheet,
    /// The file just after it.
    pub(crate) done: Spreadsheet,
    pub(crate) disturbed: Pass,
    pub(crate) next: Pass,
    /// After people took the deed back.
    pub(crate) mended: Option<Pass>,
    pub(crate) last: Option<Pass>,
    pub(crate) memory: Memory,
    /// What happened from the disturbed pass on.
    pub(crate) events: Vec<Event>,
}

impl Trial {
    /// All passes in order.
    pub(crate) fn passes(&self) -> impl Iterator<Item = &Pass> {
        [&self.disturbed, &self.next]
            .into_iter()
            .chain(&self.mended)
            .chain(&self.last)
    }
}

/// A stage that can be put back.
pub(crate) struct Arena {
    pub(crate) stage: Stage,
    pub(crate) settled: &'static Settled,
}

async fn bare() -> Stage {
    let mut fleet = Fleet::new(ACCOUNT);
    let mut servers = Vec::new();
    for (channel, count, version) in CHANNELS {
        for nth in 0..count {
            let id = id(channel, nth);
            let name = format!("{channel}-{nth}");
            let tags = [
                ("Name", &*name),
                ("ReleaseChannel", channel),
                ("ReleaseVersion", version),
                ("Owner", "team"),
            ];
            fleet.add(ACCOUNT, REGION, &id, tags);
            servers.push((id, channel));
        }
    }
    let channels = CHANNELS.map(|(channel, _, version)| (channel, version, version, true));
    let stage = Stage::new(&channels, &servers, fleet).await;
    stage.with_audit_tab();
    stage.sheets.edit(|book| {
        for tab in [RELEASE, SERVERS] {
            book.tab_mut(tab).add_column("rack");
            for row in 2..=book.tab_mut(tab).data_rows() {
                book.set(tab, (row, "rack"), format!("rack {row}"));
                book.set(tab, (row, "notes"), format!("note {row}"));
            }
        }
        for row in 2..=12 {
            book.set(SERVERS, (row, "tag:Owner"), "team");
            book.set(SERVERS, (row, "hold"), false);
        }
    });
    stage
}

impl Settled {
    async fn new() -> Self {
        let stage = bare().await;
        let virgin = stage.sheets.book();
        stage.settle().await;
        let earlier = stage.sheets.book();
        stage.turn_keys("web", "2.3.9");
        stage.turn_keys("db", "5.0.0");
        stage.settle().await;
        stage.assert_silent().await;
        // What the disturbed pass has to do.
        stage.turn_keys("web", "2.4.0");
        stage.set("db", "rollback", true);
        stage.cloud.edit(|fleet| {
            for (id, channel) in NEW {
                fleet.add(ACCOUNT, REGION, id, [("Name", id), ("ReleaseChannel", channel)]);
            }
            fleet.set_tag(&id("cache", 1), "ReleaseVersion", "0.9.9");
        });
        let (book, tags) = (stage.sheets.book(), tags(&stage));
        let store = files(&stage);
        let events = history(&stage).await.len();
        let control = pass(&stage, None, None).await;
        assert_eq!(control.ran.code, 0, "{:?}", control.ran);
        let rest = files(&stage);
        Self {
            virgin,
            earlier,
            book,
            events,
            control,
            tags,
            store,
            rest,
        }
    }
}

fn tags(stage: &Stage) -> Tags {
    stage
        .cloud
        .edit(|fleet| fleet.instances().map(|i| (i.id.clone(), i.tags.clone())).collect())
}

async fn store(stage: &Stage) -> SqliteStore {
    let url = format!("sqlite:{}", stage.path("state/fleetsheet.db").display());
    SqliteStore::open(&url, Access::Read, fleetsheet::clock::now())
        .await
        .unwrap()
}

async fn history(stage: &Stage) -> Vec<Event> {
    store(stage).await.history(None, 10_000).await.unwrap()
}

/// Makes a pass, of the program itself or of a command. `left` is told how people left the file, if they touch it meanwhile.
async fn pass(stage: &Stage, left: Option<&mpsc::Receiver<Spreadsheet>>, own: Option<Command>) -> Pass {
    stage.sheets.desk().forget_writes();
    stage.sheets.script().forget_calls();
    let (before, tagged) = (stage.sheets.book(), stage.cloud.audit().len());
    let ran = match own {
        Some(command) => Ran::of(tokio::process::Command::from(command).output().await.unwrap()),
        None => stage.once().await,
    };
    Pass {
        ran,
        left: left.and_then(|left| left.try_iter().last()).unwrap_or(before),
        after: stage.sheets.book(),
        writes: stage.sheets.writes(),
        tagged: stage.cloud.audit().split_off(tagged),
        tags: tags(stage),
    }
}

impl Arena {
    pub(crate) async fn new() -> Self {
        static SETTLED: OnceCell<Settled> = OnceCell::const_new();
        let settled = SETTLED.get_or_init(Settled::new).await;
        let stage = bare().await;
        std::fs::create_dir_all(stage.path("state")).unwrap();
        stage.cloud.edit(|fleet| {
            for (id, _) in NEW {
                fleet.add(ACCOUNT, REGION, id, [("Name", id)]);
            }
        });
        Self { stage, settled }
    }

    /// Puts everything back to where a trial begins.
    pub(crate) fn reset(&self) {
        let Settled { book, tags, store, .. } = self.settled;
        self.stage.sheets.script().clear();
        self.stage.cloud.script().clear();
        self.put(book, tags, store);
    }

    /// Puts everything back to before any store served the spreadsheet, with a server that does not carry its release.
    pub(crate) fn reset_to_free(&self) {
        self.reset();
        let Settled { virgin, tags, .. } = self.settled;
        self.put(virgin, tags, &Files::new());
    }

    fn put(&self, book: &Spreadsheet, tags: &Tags, store: &Files) {
        self.stage.sheets.edit(|held| held.clone_from(book));
        self.stage.cloud.edit(|fleet| {
            for (id, tags) in tags {
                for key in fleet.tags(id).into_keys().filter(|key| !tags.contains_key(key)) {
                    fleet.delete_tag(id, &key);
                }
                for (key, value) in tags {
                    fleet.set_tag(id, key, value);
                }
            }
        });
        let state = self.stage.path("state");
        std::fs::remove_dir_all(&state).unwrap();
        std::fs::create_dir(&state).unwrap();
        for (name, bytes) in store {
            std::fs::write(state.join(name), bytes).unwrap();
        }
    }

    /// As if the pass that nobody disturbs had just ended.
    fn settled_pass(&self) -> Pass {
        let Settled { control, rest, .. } = self.settled;
        self.put(&control.after, &control.tags, rest);
        control.clone()
    }

    pub(crate) async fn pass(&self) -> Pass {
        pass(&self.stage, None, None).await
    }

    /// The program on another machine, with a store of its own.
    pub(crate) fn other(&self, arguments: &[&str]) -> Command {
        let url = format!("sqlite:{}", self.stage.path("other/fleetsheet.db").display());
        let mut command = self.stage.command(arguments);
        command.env("FLEETSHEET_STATE__URL", url);
        command.into_std()
    }

    /// A pass of another machine.
    pub(crate) async fn pass_of(&self, command: Command) -> Pass {
        pass(&self.stage, None, Some(command)).await
    }

    pub(crate) async fn memory(&self) -> Memory {
        store(&self.stage).await.load().await.unwrap()
    }

    /// What happened since the trial began.
    pub(crate) async fn events(&self) -> Vec<Event> {
        history(&self.stage).await.split_off(self.settled.events)
    }

    /// Does the deed just before the nth request to the spreadsheet (`None`: after the last answer), then makes passes until
    /// one is silent. `None` if the pass makes no such request.
    pub(crate) async fn attempt(&self, deed: &Deed, at: Option<u64>) -> Option<Trial> {
        self.reset();
        let (books, seen) = (Arc::new(Mutex::new(None)), mpsc::channel());
        if let Some(nth) = at {
            let (desk, act, books, tell) = (
                self.stage.sheets.desk(),
                Arc::clone(&deed.act),
                Arc::clone(&books),
                seen.0.clone(),
            );
            self.stage.sheets.script().before("sheets.*", nth, move || {
                let pair = desk.edit(|book| done(book, &*act));
                tell.send(pair.1.clone()).unwrap();
                *books.lock().unwrap() = Some(pair);
            });
            if let Some(then) = deed.then.clone() {
                let (desk, tell) = (self.stage.sheets.desk(), seen.0.clone());
                self.stage.sheets.script().before("sheets.*", nth + 1, move || {
                    tell.send(desk.edit(|book| done(book, &*then).1)).unwrap();
                });
            }
        }
        let disturbed = match at {
            Some(_) => pass(&self.stage, Some(&seen.1), None).await,
            None => self.settled_pass(),
        };
        let log = self.stage.sheets.script().log();
        let requests: Vec<_> = log.iter().filter(|call| call.method.starts_with("sheets.")).collect();
        let unmade = at.is_none_or(|nth| nth >= requests.len() as u64);
        let (untouched, last) = match at {
            None => self.stage.sheets.edit(|book| done(book, &*deed.act)),
            Some(_) => books.lock().unwrap().take()?,
        };
        if let (true, Some(then)) = (unmade, &deed.then) {
            self.stage.sheets.edit(|book| then(book));
        }
        self.stage.sheets.script().clear();
        let method = at.map_or_else(String::new, |nth| requests[nth as usize - 1].method.clone());
        let earlier = requests.iter().take(at.unwrap_or(0).saturating_sub(1) as usize);
        let written = earlier.filter(|call| call.method == WRITE).count() > 0;
        let next = self.pass().await;
        let mended = match &deed.undo {
            Some(undo) if next.ran.code != 0 || !deed.at_need => {
                self.stage.sheets.edit(|book| undo(book, &untouched));
                Some(self.pass().await)
            }
            _ => None,
        };
        let last_pass = match mended.as_ref().unwrap_or(&next).is_silent() {
            true => None,
            false => Some(self.pass().await),
        };
        Some(Trial {
            at,
            method,
            written,
            untouched,
            done: last,
            disturbed,
            next,
            mended,
            last: last_pass,
            memory: self.memory().await,
            events: self.events().await,
        })
    }
}

/// The file before and after an edit.
fn done(book: &mut Spreadsheet, act: &dyn Fn(&mut Spreadsheet)) -> (Spreadsheet, Spreadsheet) {
    let before = book.clone();
    act(book);
    (before, book.clone())
}
