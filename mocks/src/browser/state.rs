//! What the page shows and does: the world, what the service said, what people may undo, and how far the story is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::board::Board;
use super::edit::Edit;
use super::facts::{audit_rows, facts, fleet};
use super::mail::{self, Letter};
use super::parts::Parts;
use super::people::{PEOPLE, person};
use super::story::Progress;
use super::switches::Switches;
use crate::sandbox::Sandbox;
use crate::sheets::{Back, Barred, Spreadsheet};

/// Steps that somebody can undo.
const UNDO: usize = 100;
/// The newest mails are shown.
const MAILS: usize = 30;

/// What changes.
#[derive(Debug, Default)]
struct Inner {
    parts: Parts,
    board: Board,
    switches: Switches,
    progress: Progress,
    undo: BTreeMap<&'static str, Vec<Back>>,
    running: bool,
    status_page: Option<String>,
    letters: Vec<Letter>,
}

/// All of it, shared by the server and by who runs the service.
#[derive(Debug)]
pub(super) struct State {
    pub(super) world: Arc<Sandbox>,
    /// Rows of the audit tab when the story began: they are of the past.
    began: usize,
    inner: Mutex<Inner>,
    pub(super) opened: Notify,
    pub(super) asked: Notify,
    pub(super) again: Notify,
}

/// What became of an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Done,
    Refused(String),
    Warned,
}

impl State {
    pub(super) fn new(world: Arc<Sandbox>) -> Self {
        let began = world.sheets().desk().look(|book, _| audit_rows(book));
        Self {
            world,
            began,
            inner: Mutex::default(),
            opened: Notify::new(),
            asked: Notify::new(),
            again: Notify::new(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What changed since a revision, and of a tab (0: the first) since another one.
    pub(super) fn look(&self, seen: u64, tab: Option<(i64, u64)>) -> Value {
        let mut inner = self.inner();
        let first = || {
            self.world
                .sheets()
                .desk()
                .look(|book, _| book.tabs.first().map(|tab| tab.sheet_id))
        };
        let tab = tab.map(|(id, seen)| (if id == 0 { first().unwrap_or_default() } else { id }, seen));
        self.refresh(&mut inner, tab.map(|(id, _)| id));
        inner.parts.since(seen, tab)
    }

    fn refresh(&self, inner: &mut Inner, tab: Option<i64>) {
        let desk = self.world.sheets().desk();
        if inner.letters.len() != self.world.smtp().count() {
            inner.letters = self.world.smtp().messages().iter().map(mail::read).collect();
        }
        let Inner {
            parts,
            board,
            switches,
            progress,
            running,
            status_page,
            letters,
            undo,
        } = inner;
        // Answering a large call takes the emulators a while. Who looks then sees what was there before, and the rest a moment
        // later; only what was never drawn is waited for.
        let must = !parts.has("story") || tab.is_some_and(|id| !parts.knows(id));
        let drawn = |book: &Spreadsheet, revision: u64| {
            let facts = facts(book, board, switches, self.began);
            *progress = std::mem::take(progress).next(&facts);
            parts.put("story", progress.shown(&facts));
            parts.put("tabs", book.tab_names());
            let servers = if parts.has("fleet") {
                self.world.cloud().look_if_free(|cloud| fleet(book, cloud))
            } else {
                Some(self.world.cloud().edit(|cloud| fleet(book, cloud)))
            };
            if let Some(servers) = servers {
                parts.put("fleet", servers);
            }
            if let Some(id) = tab
                && !parts.is_drawn(id, revision)
                && let Some(head) = book.head(id, &PEOPLE)
            {
                let rows = (0..).map_while(|row| book.row(id, row)).collect();
                parts.put_tab(id, revision, head, rows);
            }
        };
        if must {
            desk.look(drawn);
        } else {
            desk.look_if_free(drawn);
        }
        parts.put("switches", switches.shown());
        parts.put("passes", board.shown_passes());
        parts.put("rollouts", board.shown_rollouts());
        parts.put("service", json!({ "running": running, "status": status_page }));
        let undo: BTreeMap<&str, usize> = undo.iter().map(|(role, steps)| (*role, steps.len())).collect();
        parts.put("undo", json!(undo));
        let mails = letters.iter().enumerate().rev().take(MAILS);
        let mails = mails.map(|(at, letter)| json!({ "number": at, "subject": letter.subject, "to": letter.to }));
        parts.put("mails", mails.collect());
    }

    /// Lets somebody do something to a tab; `None` if there is nobody of this role.
    pub(super) fn edit(&self, edit: &Edit) -> Option<Answer> {
        let (role, who) = PEOPLE.iter().find(|(role, _)| *role == edit.who)?;
        let mut inner = self.inner();
        let done = self
            .world
            .sheets()
            .edit(|book| book.by_hand(who, edit.tab, &edit.deed, edit.meant));
        Some(match done {
            Ok(back) => {
                let steps = inner.undo.entry(role).or_default();
                steps.push(back);
                if steps.len() > UNDO {
                    steps.remove(0);
                }
                Answer::Done
            }
            Err(Barred::Refused(why)) => Answer::Refused(why),
            Err(Barred::Warned) => Answer::Warned,
        })
    }

    /// Takes back what this person did last; `false` if there is nothing.
    pub(super) fn undo(&self, role: &str) -> bool {
        let mut inner = self.inner();
        let last = person(role).and_then(|_| inner.undo.get_mut(role)?.pop());
        last.map(|back| self.world.sheets().edit(|book| book.take_back(back)))
            .is_some()
    }

    /// Turns a switch; `false` if there is none of this name.
    pub(super) fn turn(&self, name: &str, on: bool) -> bool {
        self.inner().switches.turn(name, on, &self.world)
    }

    /// Terminates a server; `false` if there is none of this id.
    pub(super) fn terminate(&self, id: &str) -> bool {
        self.world.cloud().edit(|fleet| fleet.terminate(id))
    }

    /// A mail, if there is one of this number.
    pub(super) fn letter(&self, number: usize) -> Option<Letter> {
        self.inner().letters.get(number).cloned()
    }

    /// Notes that a pass ended.
    pub(super) fn note(&self, report: &Value, why: Option<&str>, at: DateTime<Utc>) {
        let mut inner = self.inner();
        inner.board.note(report, why, at);
        self.refresh(&mut inner, None);
        drop(inner);
        // What the emulators write down for tests would fill the memory in a day.
        self.world.forget_calls();
    }

    /// Notes whether a pass runs.
    pub(super) fn running(&self, running: bool) {
        self.inner().running = running;
    }

    /// Notes where the service shows its own page.
    pub(super) fn status_page(&self, url: String) {
        self.inner().status_page = Some(url);
    }
}
