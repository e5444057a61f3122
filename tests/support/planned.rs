//! What the planner is measured with where no program runs: a sheet, servers and a policy, made in memory.

use fleetsheet::fleet::{Fleet, Server, Source, State};
use fleetsheet::memory::Memory;
use fleetsheet::plan::{Inputs, Policy, Rows};
use fleetsheet::sheet::names::{Keyholders, Names};
use fleetsheet::sheet::parse::{Sheet, parse};
use fleetsheet::sheet::{Cell, RawSpreadsheet, RawTab};

use crate::stage::{RELEASE_HEADERS, SERVER_HEADERS};

/// A sheet whose two keys name a version for each channel, with the channel of each server.
pub(crate) fn sheet(
    managed: &[&str],
    releases: impl IntoIterator<Item = (String, String)>,
    servers: impl IntoIterator<Item = (String, String)>,
) -> Sheet {
    let headers = |all: &[&str]| all.iter().map(|&header| text(header)).collect::<Vec<Cell>>();
    let mut release_rows = vec![headers(&RELEASE_HEADERS)];
    release_rows.extend(releases.into_iter().map(|(channel, version)| {
        let texts = [&channel, &version, &version].map(|cell| text(cell));
        let boxes = [Cell::Bool(true), Cell::Bool(false)];
        texts.into_iter().chain(boxes).collect()
    }));
    let mut server_rows = vec![headers(&SERVER_HEADERS)];
    server_rows.extend(servers.into_iter().map(|(id, channel)| vec![text(&id), text(&channel)]));
    let tab = |sheet_id, title: &str, rows| RawTab {
        sheet_id,
        title: title.into(),
        rows,
        ..RawTab::default()
    };
    let raw = RawSpreadsheet {
        tabs: vec![
            tab(1, "ReleaseSheet", release_rows),
            tab(2, "ServerTagAssignment", server_rows),
        ],
        ..RawSpreadsheet::default()
    };
    match parse(&raw, &names(managed)) {
        Ok(sheet) => sheet,
        Err(_) => panic!("the bench's own sheet must parse"),
    }
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn names(managed: &[&str]) -> Names {
    Names {
        release_tab: "ReleaseSheet".into(),
        server_tab: "ServerTagAssignment".into(),
        audit_tab: "AuditLog".into(),
        managed: managed.iter().map(|&tag| tag.into()).collect(),
        server_authority: Default::default(),
        keyholders: Keyholders::default(),
    }
}

/// A running server of a channel.
pub(crate) fn server(source: &Source, channel: &str, version: &str) -> Server {
    let tags = [
        ("Name", "web"),
        ("ReleaseChannel", channel),
        ("ReleaseVersion", version),
    ];
    Server {
        source: source.clone(),
        state: State::Running,
        tags: tags.into_iter().map(|(k, v)| (k.into(), v.into())).collect(),
        metadata_tags: false,
        spot: false,
        zone: None,
    }
}

/// A store that remembers nothing yet.
pub(crate) fn memory() -> Memory {
    Memory {
        store: "bench".into(),
        ..Memory::default()
    }
}

/// The defaults of the configuration, but that the keys need no protection.
pub(crate) fn policy() -> Policy {
    Policy {
        rows: Rows::All,
        spreadsheet: "bench".into(),
        channel_tag: "ReleaseChannel".into(),
        version_tag: "ReleaseVersion".into(),
        agents: fleetsheet::running::AgentTags::default(),
        observe: false,
        require_protection: false,
        max_row_drop: 0.3,
        max_fleet_drop: 0.3,
        max_unapproved_change: 0.1,
        allow: Default::default(),
        takeover: false,
        by: String::new(),
        rollouts: std::sync::Arc::default(),
        allow_window: false,
    }
}

pub(crate) fn inputs<'a>(sheet: &'a Sheet, fleet: &'a Fleet, memory: &'a Memory, policy: &'a Policy) -> Inputs<'a> {
    Inputs {
        sheet,
        fleet,
        memory,
        policy,
        readings: fleetsheet::gate::Readings::none(),
        now: fleetsheet::clock::now(),
    }
}
