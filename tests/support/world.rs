//! A world without clouds, spreadsheets or disks: typed rows, a fleet and a memory, and what one pass does to them.
//!
//! The sheet goes through the parser, planner, settlement and write-back decision that ship; only the writes themselves are
//! simulated. A pass may be killed between any two of them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use fleetsheet::fleet::{CloudError, CloudErrorKind, Fleet, Reach, Source};
use fleetsheet::gate::Readings;
use fleetsheet::memory::{ChannelMemory, Memory};
use fleetsheet::plan::check::{check, check_order};
use fleetsheet::plan::{Belt, Inputs, NotOrdered, Order, Plan, Policy, order, plan};
use fleetsheet::problem::Problem;
use fleetsheet::settle::settle;
use fleetsheet::sheet::names::Keyholders;
use fleetsheet::sheet::names::Names;
use fleetsheet::sheet::parse::{Sheet, parse};
use fleetsheet::sheet::{Cell, Editors, GridRange, Mark, ProtectedRange, RawSpreadsheet, RawTab, STORE_MARK};
use fleetsheet::tag::{ChannelName, ServerId, TagKey};

use crate::rows::{outcomes, writes};

/// A row: cells by header.
pub(crate) type Row = BTreeMap<String, Cell>;

/// A tab as people see it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tab {
    /// The id that survives renaming.
    pub(crate) sheet_id: i64,
    /// Headers, left to right.
    pub(crate) headers: Vec<String>,
    /// Rows under the header.
    pub(crate) rows: Vec<Row>,
}

/// How the columns of the release tab are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    /// Keys, `channel` and the service columns.
    Whole,
    /// Keys and `channel` only.
    Keys,
    /// Not at all.
    Off,
    /// All of it, but Google hides who the editors are.
    Hidden,
}

/// Where a pass is killed: the writes before it have happened, those after it have not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Crash {
    /// Before the plan is remembered.
    BeforeCommit,
    /// Before the spreadsheet is marked as this store's.
    BeforeClaim,
    /// When so many servers have been tagged.
    Tags(usize),
    /// After tagging, before its outcome is remembered.
    AfterTags,
    /// After the outcome and the stamps that are meant have been remembered.
    BeforeSheet,
    /// After the rows have been appended, before any cell is written.
    AfterAppend,
    /// After the sheet was written, before that is remembered.
    AfterSheet,
}

/// What is special about one pass.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// Belts let through.
    pub(crate) allow: BTreeSet<Belt>,
    /// `--takeover`.
    pub(crate) takeover: bool,
    /// `mode = "observe"`.
    pub(crate) observe: bool,
    /// Servers that refuse their tags.
    pub(crate) fail: BTreeSet<ServerId>,
    /// Whom those refusals are about, where they last.
    pub(crate) reach: Option<Reach>,
    /// Where the pass is killed.
    pub(crate) crash: Option<Crash>,
}

/// Everything.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// The release tab.
    pub(crate) release: Tab,
    /// The server tab.
    pub(crate) servers: Tab,
    /// Stores that claim the spreadsheet.
    pub(crate) stores: BTreeSet<String>,
    /// How the key columns are held.
    pub(crate) protection: Protection,
    /// The cloud.
    pub(crate) fleet: Fleet,
    /// The store.
    pub(crate) memory: Memory,
    /// The configuration.
    pub(crate) policy: Policy,
    /// What gates give.
    pub(crate) readings: Readings,
    /// The clock.
    pub(crate) now: DateTime<Utc>,
}

/// When worlds begin.
const BEGINNING: &str = "2026-01-01T00:00:00Z";

fn tab(sheet_id: i64, headers: &[&str]) -> Tab {
    Tab {
        sheet_id,
        headers: headers.iter().map(|h| (*h).to_owned()).collect(),
        rows: Vec::new(),
    }
}

/// The only source unless a world adds others.
pub(crate) fn source(text: &str) -> Source {
    let (account, region) = text.split_once('/').unwrap_or((text, "eu-west-1"));
    Source {
        account: account.into(),
        region: region.into(),
    }
}

/// An error of a source that is down.
pub(crate) fn down() -> CloudError {
    CloudError {
        kind: CloudErrorKind::Denied,
        code: "UnauthorizedOperation".into(),
        message: "UnauthorizedOperation: not allowed to describe instances".into(),
    }
}

impl World {
    /// An empty world with the usual columns, one source that answers, and the default policy.
    pub(crate) fn new() -> Self {
        let release = [
            "channel",
            "desiredVersionA",
            "desiredVersionB",
            "enabled",
            "rollback",
            "notes",
            "releaseVersion",
            "previousVersion",
            "status",
            "updatedAt",
        ];
        let servers = [
            "serverId",
            "channel",
            "hold",
            "tag:Owner",
            "tag:Team",
            "notes",
            "name",
            "account",
            "region",
            "state",
            "releaseVersion",
            "status",
            "updatedAt",
        ];
        Self {
            release: tab(11, &release),
            servers: tab(12, &servers),
            stores: BTreeSet::new(),
            readings: Readings::default(),
            protection: Protection::Whole,
            fleet: Fleet {
                sources: BTreeMap::from([(source("main"), None)]),
                ..Fleet::default()
            },
            memory: Memory {
                store: "store-1".into(),
                ..Memory::default()
            },
            policy: Policy {
                rows: fleetsheet::plan::Rows::All,
                spreadsheet: "sheet-1".into(),
                channel_tag: "ReleaseChannel".into(),
                version_tag: "ReleaseVersion".into(),
                agents: fleetsheet::running::AgentTags::default(),
                observe: false,
                require_protection: true,
                max_row_drop: 0.3,
                max_fleet_drop: 0.3,
                max_unapproved_change: 0.1,
                allow: BTreeSet::new(),
                takeover: false,
                rollouts: std::sync::Arc::default(),
                allow_window: false,
                by: String::new(),
            },
            now: BEGINNING.parse().unwrap_or_default(),
        }
    }

    /// The spreadsheet as the API would give it.
    pub(crate) fn raw(&self) -> RawSpreadsheet {
        let mark = |(i, store): (usize, &String)| Mark {
            id: i64::try_from(i).unwrap_or(0),
            key: STORE_MARK.into(),
            value: store.clone(),
            column: None,
        };
        let mut release = raw_tab(&self.release, "ReleaseSheet");
        release.protected = self.protected();
        RawSpreadsheet {
            title: "Releases".into(),
            marks: self.stores.iter().enumerate().map(mark).collect(),
            tabs: vec![release, raw_tab(&self.servers, "ServerTagAssignment")],
        }
    }

    fn protected(&self) -> Vec<ProtectedRange> {
        let held: &[(&str, &str)] = &[
            ("desiredVersionA", "a@example.com"),
            ("desiredVersionB", "b@example.com"),
            ("channel", ""),
            ("releaseVersion", ""),
            ("previousVersion", ""),
            ("status", ""),
            ("updatedAt", ""),
        ];
        let held = match self.protection {
            Protection::Whole | Protection::Hidden => held,
            Protection::Keys => &held[..3],
            Protection::Off => &[],
        };
        let range = |(header, editor): &(&str, &str)| {
            let column = self.release.headers.iter().position(|h| h == header)?;
            let column = u32::try_from(column).ok()?;
            let users = if editor.is_empty() {
                Vec::new()
            } else {
                vec![(*editor).to_owned()]
            };
            Some(ProtectedRange {
                range: GridRange {
                    start_column: Some(column),
                    end_column: Some(column + 1),
                    ..GridRange::default()
                },
                editors: (self.protection != Protection::Hidden).then(|| Editors {
                    users,
                    ..Editors::default()
                }),
                ..ProtectedRange::default()
            })
        };
        held.iter().filter_map(range).collect()
    }

    /// The sheet as understood.
    ///
    /// # Errors
    /// What the parser refuses.
    pub(crate) fn sheet(&self) -> Result<Sheet, Vec<Problem>> {
        let names = Names {
            release_tab: "ReleaseSheet".into(),
            server_tab: "ServerTagAssignment".into(),
            audit_tab: "AuditLog".into(),
            managed: ["Owner", "Team", "Tier"].map(TagKey::from).to_vec(),
            server_authority: BTreeSet::from([TagKey::from("Tier")]),
            keyholders: Keyholders::new(&["a@example.com".into()], &["b@example.com".into()], &[], None),
        };
        parse(&self.raw(), &names)
    }

    /// The policy of one pass.
    pub(crate) fn policy(&self, options: &Options) -> Policy {
        Policy {
            observe: self.policy.observe || options.observe,
            allow: options.allow.clone(),
            takeover: options.takeover,
            by: String::new(),
            ..self.policy.clone()
        }
    }

    /// What a pass decides from.
    pub(crate) fn inputs<'a>(&'a self, sheet: &'a Sheet, policy: &'a Policy) -> Inputs<'a> {
        Inputs {
            sheet,
            fleet: &self.fleet,
            memory: &self.memory,
            policy,
            readings: &self.readings,
            now: self.now,
        }
    }

    /// What the planner says to the world as it is.
    pub(crate) fn decide(&self, options: &Options) -> Plan {
        match self.sheet() {
            Ok(sheet) => self.decide_on(&sheet, options),
            Err(stop) => Plan {
                problems: stop.clone(),
                stop,
                ..Plan::default()
            },
        }
    }

    /// The same, of a sheet that was read before.
    pub(crate) fn decide_on(&self, sheet: &Sheet, options: &Options) -> Plan {
        plan(self.inputs(sheet, &self.policy(options)))
    }

    /// One pass; the clock does not move.
    pub(crate) fn pass(&mut self, options: &Options) -> Plan {
        let Ok(sheet) = self.sheet() else {
            return self.decide(options);
        };
        let plan = self.decide_on(&sheet, options);
        let policy = self.policy(options);
        let approved = check(self.inputs(&sheet, &policy), &plan);
        if let Err(faults) = approved {
            panic!("the check refuses a plan: {faults:#?}\n{plan:#?}\n{self:#?}");
        }
        if plan.stop.is_empty() {
            self.act(&plan, &sheet, options);
        } else {
            self.memory.apply(&plan.update);
        }
        plan
    }

    /// A rollback that is ordered on the command line, without the sheet; killed when `tagged` servers were tagged, if that is
    /// said.
    ///
    /// # Errors
    /// Why it is not carried out.
    pub(crate) fn order(&mut self, channel: &str, tagged: Option<usize>) -> Result<Plan, NotOrdered> {
        self.order_on(None, channel, tagged)
    }

    /// The same, with the sheet at hand.
    ///
    /// # Errors
    /// Why it is not carried out.
    pub(crate) fn order_on(
        &mut self,
        sheet: Option<&Sheet>,
        channel: &str,
        tagged: Option<usize>,
    ) -> Result<Plan, NotOrdered> {
        let channel = ChannelName::from(channel);
        let asked = Order {
            channel: &channel,
            reason: "a bad version",
            by: "somebody",
            claims: None,
            sheet,
        };
        let plan = order(&self.fleet, &self.memory, &self.policy, asked)?;
        let approved = check_order(&self.fleet, &self.memory, &self.policy, &channel, sheet, &plan);
        if let Err(faults) = approved {
            panic!("the check refuses an order: {faults:#?}\n{plan:#?}\n{self:#?}");
        }
        self.memory.apply(&plan.update);
        let done = tagged.unwrap_or(usize::MAX);
        for write in writes(&plan, self).into_iter().take(done) {
            self.tag(&write);
        }
        if tagged.is_none() {
            let outcomes = outcomes(&plan, &Options::default());
            let sheet = Sheet::default();
            let settled = settle(self.inputs(&sheet, &self.policy), &plan, Some(&outcomes));
            self.memory.apply(&settled.update);
        }
        Ok(plan)
    }

    /// The clock goes on.
    pub(crate) fn wait(&mut self, time: TimeDelta) {
        self.now += time;
    }

    /// A channel's memory.
    pub(crate) fn channel(&self, name: &str) -> Option<&ChannelMemory> {
        self.memory.channels.get(&ChannelName::from(name))
    }

    /// The row of a channel or a server, whichever comes first.
    pub(crate) fn row_mut(&mut self, name: &str) -> Option<&mut Row> {
        let is = |header: &'static str| {
            let name = Cell::Text(name.to_owned());
            move |row: &&mut Row| row.get(header) == Some(&name)
        };
        self.release
            .rows
            .iter_mut()
            .find(is("channel"))
            .or_else(|| self.servers.rows.iter_mut().find(is("serverId")))
    }
}

fn raw_tab(tab: &Tab, title: &str) -> RawTab {
    let header = tab.headers.iter().map(|h| Cell::Text(h.clone())).collect();
    let cells = |row: &Row| {
        tab.headers
            .iter()
            .map(|h| row.get(h).cloned().unwrap_or_default())
            .collect()
    };
    RawTab {
        sheet_id: tab.sheet_id,
        title: title.into(),
        rows: std::iter::once(header).chain(tab.rows.iter().map(cells)).collect(),
        row_count: 1000,
        column_count: u32::try_from(tab.headers.len()).unwrap_or(0),
        ..RawTab::default()
    }
}
