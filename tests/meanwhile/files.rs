//! Tabs, old versions, marks and protections: what people do to the file as such.

use fleetsheet_mocks::sheets::{GridRange, Spreadsheet};

use super::arena::Settled;
use super::deeds::{Blame, Deed, Unseen};
use crate::stage::{RELEASE, SERVERS};

pub(crate) fn tabs() -> Vec<Deed> {
    let mut deeds = Vec::new();
    for tab in [RELEASE, SERVERS, "AuditLog"] {
        let put_back = move |book: &mut Spreadsheet, before: &Spreadsheet| {
            book.tabs.retain(|held| held.title != tab && held.title != "Another");
            book.tabs.push(before.tab(tab).unwrap().clone());
        };
        deeds.extend([
            Deed::new(format!("delete the tab {tab}"), move |book| book.delete_tab(tab)).until(put_back),
            Deed::new(format!("rename the tab {tab}"), move |book| {
                book.rename_tab(tab, "Another")
            })
            .until(move |book, _| book.rename_tab("Another", tab)),
            Deed::new(format!("rename the tab {tab} and back"), move |book| {
                book.rename_tab(tab, "Another")
            })
            .then(move |book| book.rename_tab("Another", tab))
            .holds(),
            Deed::new(format!("duplicate the tab {tab}"), move |book| {
                book.copy_tab(tab, "Another")
            }),
            Deed::new(format!("put a copy in the place of the tab {tab}"), move |book| {
                book.copy_tab(tab, "Another");
                book.delete_tab(tab);
                book.rename_tab("Another", tab);
            })
            .until(put_back),
        ]);
    }
    deeds.push(Deed::new("move the tabs about", |book| book.tabs.reverse()));
    deeds
}

pub(crate) fn versions(settled: &'static Settled) -> Vec<Deed> {
    let mut deeds = Vec::new();
    for (name, old) in [("first", &settled.virgin), ("second", &settled.earlier)] {
        let deeds_of_it = [
            Deed::new(format!("restore the {name} version's cells"), |book| book.restore(old)),
            Deed::new(format!("restore the {name} version, marks and all"), |book| {
                book.clone_from(old)
            }),
        ];
        // The first version has no times that could tell of it: its rows are edits like others.
        deeds.extend(deeds_of_it.map(|deed| {
            match name {
                "first" => deed.blames(Blame::Perhaps).unseen(Unseen::AtWrite),
                _ => deed
                    .until_stopped(|book, before| book.clone_from(before))
                    .blames(Blame::Perhaps)
                    .unseen(Unseen::AtWrite),
            }
        }));
    }
    deeds.push(Deed::new("take the marks of the columns away", |book| {
        book.tabs
            .iter_mut()
            .flat_map(|tab| &mut tab.columns)
            .for_each(|column| column.metadata.clear())
    }));
    deeds.push(Deed::new("take all marks away", |book| {
        book.metadata.clear();
        book.tabs
            .iter_mut()
            .flat_map(|tab| &mut tab.columns)
            .for_each(|column| column.metadata.clear())
    }));
    deeds
}

pub(crate) fn protections() -> Vec<Deed> {
    let mut deeds = Vec::new();
    for (header, at) in [("channel", 0), ("desiredVersionA", 1), ("desiredVersionB", 2)] {
        let over = move |range: &GridRange| range.start_column_index == Some(at);
        deeds.push(
            Deed::new(format!("take the protection of {header} off"), move |book| {
                book.tab_mut(RELEASE).protected.retain(|held| !over(&held.range))
            })
            .until(|book, before| {
                book.tab_mut(RELEASE)
                    .protected
                    .clone_from(&before.tab(RELEASE).unwrap().protected)
            }),
        );
    }
    deeds.push(
        Deed::new("let an SRE edit key B", |book| {
            let held = &mut book.tab_mut(RELEASE).protected[2];
            held.users.push(crate::stage::SRE.into());
        })
        .until(|book, before| {
            book.tab_mut(RELEASE)
                .protected
                .clone_from(&before.tab(RELEASE).unwrap().protected)
        }),
    );
    deeds.push(
        Deed::new("protect the service columns against the service", |book| {
            book.protect_column(SERVERS, "status", &[]);
            book.protect_column(RELEASE, "status", &[]);
        })
        .until(|book, before| {
            for tab in [RELEASE, SERVERS] {
                book.tab_mut(tab)
                    .protected
                    .clone_from(&before.tab(tab).unwrap().protected);
            }
        })
        .fails(),
    );
    deeds
}
