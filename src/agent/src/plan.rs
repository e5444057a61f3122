//! What is to be done, from what shall be and what is. Pure: the same input gives the same plan, and after a run that did all of it
//! the plan is empty.

mod inputs;
mod packages;

use std::collections::BTreeSet;

use crate::action::{Act, Action, Reason};
use crate::cookbook::{Command, Cookbook, Kind, OnChange, Service, whole};
use crate::facts::{FileFact, FileKind, ServiceFact};
use crate::release::{fact_of, saved};
pub use inputs::Inputs;

/// A command's name, in its cookbook.
#[must_use]
pub fn key(book: &Cookbook, command: &Command) -> String {
    format!("{}:{}", book.file, command.id)
}

/// The services that a change of a resource concerns: those that it names, else all of its cookbook that shall run.
#[must_use]
pub fn notified(book: &Cookbook, notify: Option<&Vec<String>>) -> Vec<String> {
    notify.cloned().unwrap_or_else(|| {
        let started = book.services.iter().filter(|service| service.started);
        started.map(|service| service.id.clone()).collect()
    })
}

/// The plan.
#[must_use]
pub fn plan(inputs: &Inputs<'_>) -> Vec<Action> {
    let mut planner = Planner {
        inputs,
        actions: Vec::new(),
        changed: BTreeSet::new(),
        notified: BTreeSet::new(),
    };
    if inputs.facts.interrupted {
        let (before, after) = ("dpkg was interrupted".into(), "configured".into());
        planner
            .actions
            .push(Action::new("dpkg", Act::Repair, before, after, Reason::Repair));
    }
    planner.orphans();
    let order = whole::order(&inputs.release.cookbooks).unwrap_or_default();
    for book in &inputs.release.cookbooks {
        planner.book(book, &order);
    }
    planner.actions
}

struct Planner<'a> {
    inputs: &'a Inputs<'a>,
    actions: Vec<Action>,
    /// Resources that change in this plan.
    changed: BTreeSet<String>,
    /// Services that are concerned.
    notified: BTreeSet<String>,
}

impl Planner<'_> {
    fn orphans(&mut self) {
        for (path, (saved, services)) in self.inputs.orphans {
            let before = self.inputs.facts.files.get(path).cloned().unwrap_or_default();
            let act = Act::File(path.clone(), saved.clone());
            let mut action = Action::new(
                format!("file:{path}"),
                act,
                before.shown(),
                saved.fact.shown(),
                Reason::Orphan,
            );
            action.forgets = true;
            if before != saved.fact {
                action.owes = services.iter().filter(|id| self.wants_news(id)).cloned().collect();
                self.notified.extend(action.owes.iter().cloned());
            }
            self.actions.push(action);
        }
    }

    fn wants_news(&self, id: &str) -> bool {
        let service = self.inputs.release.service(id);
        service.is_some_and(|service| service.started && service.on_change != OnChange::None)
    }

    /// What a change of a resource makes owe something.
    fn owes(&self, book: &Cookbook, id: &str, notify: Option<&Vec<String>>) -> Vec<String> {
        let services = notified(book, notify).into_iter().filter(|id| self.wants_news(id));
        let commands = book
            .pre
            .iter()
            .chain(&book.post)
            .filter(|command| match &command.on_change {
                Some(ids) => ids.iter().any(|other| other == id),
                None => false,
            });
        services.chain(commands.map(|command| key(book, command))).collect()
    }

    fn book(&mut self, book: &Cookbook, order: &[String]) {
        let packages = packages::action(book, self.inputs);
        if let Some(mut action) = packages {
            for command in &book.pre {
                self.command(book, command, true);
            }
            let Act::Packages(transaction) = &action.act else {
                return;
            };
            let touched: Vec<_> = book
                .packages
                .iter()
                .filter(|package| {
                    transaction.install.contains_key(&package.name) || transaction.remove.contains(&package.name)
                })
                .collect();
            let mut owes = BTreeSet::new();
            for package in touched {
                owes.extend(self.owes(book, &package.id, package.notify.as_ref()));
                let by_default = book.post.iter().filter(|command| command.on_change.is_none());
                owes.extend(by_default.map(|command| key(book, command)));
                self.changed.insert(package.id.clone());
            }
            action.owes = owes.into_iter().collect();
            self.notified.extend(action.owes.iter().cloned());
            self.actions.push(action);
        }
        let names_file = |command: &&Command| {
            let ids = command.on_change.iter().flatten();
            ids.into_iter().any(|id| book.files.iter().any(|file| &file.id == id))
        };
        for command in book.post.iter().filter(|command| !names_file(command)) {
            self.command(book, command, false);
        }
        let files_changed = self.files(book);
        for command in book.post.iter().filter(names_file) {
            self.command(book, command, false);
        }
        let concerned = |id: &String| self.notified.contains(id) || self.inputs.owed.contains(id);
        for service in book.services.iter().filter(|service| concerned(&service.id)) {
            if let Some(check) = service
                .check
                .as_ref()
                .filter(|_| files_changed || self.inputs.owed.contains(&service.id))
            {
                let act = Act::Check(check.clone());
                let (before, after) = ("files changed".into(), "they pass".into());
                self.actions
                    .push(Action::new(service.id.clone(), act, before, after, self.inputs.reason));
            }
        }
        let mut services: Vec<&Service> = book.services.iter().collect();
        services.sort_by_key(|service| order.iter().position(|id| *id == service.id));
        for service in services {
            self.service(service);
        }
    }

    fn command(&mut self, book: &Cookbook, command: &Command, before_packages: bool) {
        let key = key(book, command);
        let never = !self.inputs.ran.contains(&key);
        let owed = self.inputs.owed.contains(&key);
        let ids = command.on_change.clone();
        let ids = ids.unwrap_or_else(|| book.packages.iter().map(|package| package.id.clone()).collect());
        let news = before_packages && command.on_change.is_none() || ids.iter().any(|id| self.changed.contains(id));
        if never || owed || news {
            let reason = if never || news {
                self.inputs.reason
            } else {
                Reason::Owed
            };
            let before = if never { "not run" } else { "run before" };
            let act = Act::Command(command.clone());
            let mut action = Action::new(command.id.clone(), act, before.into(), command.argv.join(" "), reason);
            action.owes = vec![key];
            self.actions.push(action);
        }
    }

    fn files(&mut self, book: &Cookbook) -> bool {
        let mut changed = false;
        for file in &book.files {
            let before = self.inputs.facts.files.get(&file.path).cloned().unwrap_or_default();
            let mut after = fact_of(file);
            if file.kind == Kind::Directory && before.kind == FileKind::Directory {
                after.digest.clone_from(&before.digest);
            }
            if before == after {
                continue;
            }
            let shown = |fact: &FileFact| {
                let mut fact = fact.clone();
                if file.sensitive == Some(true) {
                    fact.digest = String::new();
                }
                fact.shown()
            };
            let act = Act::File(file.path.clone(), saved(file));
            let mut action = Action::new(file.id.clone(), act, shown(&before), shown(&after), self.inputs.reason);
            action.owes = self.owes(book, &file.id, file.notify.as_ref());
            self.notified.extend(action.owes.iter().cloned());
            self.changed.insert(file.id.clone());
            self.actions.push(action);
            changed = true;
        }
        changed
    }

    fn service(&mut self, service: &Service) {
        let fact = self
            .inputs
            .facts
            .services
            .get(&service.unit)
            .cloned()
            .unwrap_or_default();
        let news = self.notified.contains(&service.id);
        let owed = self.inputs.owed.contains(&service.id);
        let differs = differs(service, &fact);
        if !news && !owed && !differs {
            return;
        }
        let reason = if owed && !news && !differs {
            Reason::Owed
        } else {
            self.inputs.reason
        };
        let act = Act::Service(service.clone());
        let after = shown_service(service, news || owed);
        self.actions
            .push(Action::new(service.id.clone(), act, shown_fact(&fact), after, reason));
    }
}

/// Whether a service is not where it shall be.
#[must_use]
pub fn differs(service: &Service, fact: &ServiceFact) -> bool {
    let runs = fact.is_up() != service.started && (service.started || fact.known);
    let starts = service
        .enabled
        .is_some_and(|wanted| fact.is_enabled().is_some_and(|enabled| enabled != wanted));
    runs || starts || (fact.masked && service.started) || fact.stale
}

fn shown_fact(fact: &ServiceFact) -> String {
    if !fact.known {
        return "not there".into();
    }
    format!("{} {}", fact.active, fact.enabled).trim_end().to_owned()
}

fn shown_service(service: &Service, news: bool) -> String {
    let mut text = if service.started {
        "active".to_owned()
    } else {
        "inactive".to_owned()
    };
    text.push_str(match service.enabled {
        Some(true) => " enabled",
        Some(false) => " disabled",
        None => "",
    });
    if news && service.started {
        text.push_str(if service.on_change == OnChange::Reload {
            ", reloaded"
        } else {
            ", restarted"
        });
    }
    text
}
