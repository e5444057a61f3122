//! What must hold of all cookbooks of a release together.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cookbook, Kind};
use crate::problem::Problem;

/// Most resources of a release.
const MOST: usize = 1_000;

/// What is wrong between cookbooks, or between parts of one.
#[must_use]
pub fn problems(books: &[Cookbook]) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    let mut wrong = |file: &str, message: String| found.push(Problem::new("cookbook", file, message));
    for book in books {
        let ids = ids(book);
        for id in &ids {
            if let Some(other) = seen.insert(id.clone(), &book.file) {
                // Commands without an id are numbered in each cookbook.
                if !id.starts_with("command:p") && !id.starts_with("health:") || other == book.file {
                    wrong(
                        &book.file,
                        format!("{id} is in {other} already; keep it in one place, or give it an `id`"),
                    );
                }
            }
        }
    }
    let count: usize = books.iter().map(|book| ids(book).len()).sum();
    if count > MOST {
        wrong(
            "cookbooks",
            format!("{count} resources; a release has at most {MOST}: split it"),
        );
    }
    if order(books).is_none() {
        wrong(
            "cookbooks",
            "services stand `after` each other in a circle; remove one `after`".into(),
        );
    }
    found.extend(references(books));
    found
}

/// Names that name nothing, and files where nothing shall be.
fn references(books: &[Cookbook]) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut wrong = |file: &str, message: String| found.push(Problem::new("cookbook", file, message));
    let services: BTreeSet<&str> = books
        .iter()
        .flat_map(|book| &book.services)
        .map(|service| service.id.as_str())
        .collect();
    let changing: BTreeSet<&str> = books
        .iter()
        .flat_map(|book| {
            let packages = book.packages.iter().map(|package| package.id.as_str());
            packages.chain(book.files.iter().map(|file| file.id.as_str()))
        })
        .collect();
    for book in books {
        let notify = book
            .packages
            .iter()
            .map(|p| (&p.id, &p.notify))
            .chain(book.files.iter().map(|f| (&f.id, &f.notify)));
        for (id, names) in notify {
            for name in names.iter().flatten().filter(|name| !services.contains(name.as_str())) {
                wrong(
                    &book.file,
                    format!("{id} notifies {name}, and there is no such service; write its id, as service:nginx"),
                );
            }
        }
        for command in book.pre.iter().chain(&book.post) {
            for name in command
                .on_change
                .iter()
                .flatten()
                .filter(|name| !changing.contains(name.as_str()))
            {
                wrong(
                    &book.file,
                    format!(
                        "{} has on_change {name}, and there is no such package or file",
                        command.id
                    ),
                );
            }
        }
        for service in &book.services {
            for name in service.after.iter().filter(|name| !services.contains(name.as_str())) {
                wrong(
                    &book.file,
                    format!("{} is after {name}, and there is no such service", service.id),
                );
            }
        }
        let folders = book
            .files
            .iter()
            .filter(|file| file.kind == Kind::Absent)
            .map(|file| format!("{}/", file.path));
        for folder in folders {
            for file in book.files.iter().filter(|file| file.path.starts_with(&folder)) {
                wrong(
                    &book.file,
                    format!("{} lies below a path that shall be absent; remove one", file.id),
                );
            }
        }
    }
    found
}

fn ids(book: &Cookbook) -> Vec<String> {
    let commands = book.pre.iter().chain(&book.post).map(|it| it.id.clone());
    let packages = book.packages.iter().map(|it| it.id.clone());
    let files = book.files.iter().map(|it| it.id.clone());
    let services = book.services.iter().map(|it| it.id.clone());
    commands
        .chain(packages)
        .chain(files)
        .chain(services)
        .chain(book.health.iter().map(|it| it.id.clone()))
        .collect()
}

/// The services' ids in the order in which they are started; `None` where it is a circle.
#[must_use]
pub fn order(books: &[Cookbook]) -> Option<Vec<String>> {
    let mut left: Vec<_> = books.iter().flat_map(|book| &book.services).collect();
    let mut order: Vec<String> = Vec::new();
    while !left.is_empty() {
        let free = left
            .iter()
            .position(|service| service.after.iter().all(|name| order.contains(name)))?;
        order.push(left.remove(free).id.clone());
    }
    Some(order)
}
