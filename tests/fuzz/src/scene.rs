//! A world written down, so that a fuzzer and a person can both write one: what stands in the sheet, who runs in the cloud, and
//! when a pass looks at it.
//!
//! One command a line, and a line that makes no sense does nothing. Cells are parted by `|`: `[x]` and `[ ]` are boxes, `#1.1` is
//! a number, `!REF` an error, `=A1>2.0` a formula and its value; `*9` after a cell repeats its text so often.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use fleetsheet::fleet::{CloudError, CloudErrorKind, Fleet, Server, Source, State};
use fleetsheet::memory::Memory;
use fleetsheet::plan::{Belt, Inputs, Policy};
use fleetsheet::sheet::names::Keyholders;
use fleetsheet::sheet::names::Names;
use fleetsheet::sheet::parse::Sheet;
use fleetsheet::sheet::{Cell, Editors, GridRange, Mark, ProtectedRange, RawSpreadsheet, RawTab, STORE_MARK};
use fleetsheet::tag::{ServerId, TagKey};

/// More rows, servers or passes than this make an input slow, and nothing else.
const MANY: usize = 40;
/// Longest text of a repeated cell: more than any message may have. A cell of Google's holds 50,000 characters, which take long.
const LONGEST: usize = 6000;

/// Short names of headers, so that a fuzzer hits them.
const SHORT: [(&str, &str); 10] = [
    ("A", "desiredVersionA"),
    ("B", "desiredVersionB"),
    ("c", "channel"),
    ("e", "enabled"),
    ("r", "rollback"),
    ("n", "notes"),
    ("R", "releaseVersion"),
    ("P", "previousVersion"),
    ("u", "updatedAt"),
    ("i", "serverId"),
];

/// The world.
pub(crate) struct Scene {
    pub(crate) raw: RawSpreadsheet,
    pub(crate) fleet: Fleet,
    pub(crate) memory: Memory,
    pub(crate) policy: Policy,
    pub(crate) now: DateTime<Utc>,
    /// Whether servers refuse their tags.
    pub(crate) failing: bool,
    /// Servers of the source while it is down.
    unseen: BTreeMap<ServerId, Server>,
    tab: usize,
    passes: usize,
}

/// What the configuration calls things.
pub(crate) fn names() -> Names {
    Names {
        release_tab: "ReleaseSheet".into(),
        server_tab: "ServerTagAssignment".into(),
        audit_tab: "AuditLog".into(),
        managed: ["Owner", "Team", "Tier"].map(TagKey::from).to_vec(),
        server_authority: BTreeSet::from([TagKey::from("Tier")]),
        keyholders: Keyholders::new(
            &["a@example.com".into()],
            &["b@example.com".into()],
            &["owner@example.com".into()],
            Some("robot@example.com"),
        ),
    }
}

fn source(region: &str) -> Source {
    Source {
        account: "main".into(),
        region: region.into(),
    }
}

fn tab(sheet_id: i64, title: &str, headers: &str) -> RawTab {
    RawTab {
        sheet_id,
        title: title.into(),
        rows: vec![headers.split('|').map(header).collect()],
        row_count: 100,
        column_count: 20,
        ..RawTab::default()
    }
}

fn header(text: &str) -> Cell {
    let long = SHORT.iter().find(|(short, _)| *short == text);
    cell(long.map_or(text, |(_, long)| *long))
}

fn cell(text: &str) -> Cell {
    if let Some((text, times)) = text.rsplit_once('*')
        && let Ok(times) = times.parse::<usize>()
    {
        return Cell::Text(text.repeat(times).chars().take(LONGEST).collect());
    }
    let rest = |prefix| text.strip_prefix(prefix);
    match text {
        "" => Cell::Blank,
        "[x]" => Cell::Bool(true),
        "[ ]" => Cell::Bool(false),
        _ => match (
            rest('#').map(str::parse),
            rest('!'),
            rest('=').and_then(|t| t.split_once('>')),
        ) {
            (Some(Ok(number)), ..) => Cell::Number(number),
            (_, Some(error), _) => Cell::Error(format!("#{error}!")),
            (.., Some((formula, value))) => Cell::Formula {
                text: format!("={formula}"),
                // A formula's value is never a formula again.
                value: Box::new(match cell(value) {
                    Cell::Formula { value, .. } => *value,
                    value => value,
                }),
            },
            // As the API's reader has it: white space alone is blank.
            _ if text.trim().is_empty() => Cell::Blank,
            _ => Cell::Text(text.into()),
        },
    }
}

impl Scene {
    /// What a pass decides from.
    pub(crate) fn inputs<'a>(&'a self, sheet: &'a Sheet) -> Inputs<'a> {
        Inputs {
            sheet,
            fleet: &self.fleet,
            memory: &self.memory,
            policy: &self.policy,
            readings: fleetsheet::gate::Readings::none(),
            now: self.now,
        }
    }

    /// Two empty tabs with the usual columns, protected as they should be, and no server.
    pub(crate) fn new() -> Self {
        let mut release = tab(11, "ReleaseSheet", "c|A|B|e|r|n|R|P|status|u");
        release.protected = [
            (0, ""),
            (1, "a@example.com"),
            (2, "b@example.com"),
            (6, ""),
            (7, ""),
            (8, ""),
            (9, ""),
        ]
        .map(|(column, editor)| protection(column, editor))
        .to_vec();
        let servers = "i|c|hold|tag:Owner|tag:Tier|n|name|account|region|state|R|status|u";
        Self {
            raw: RawSpreadsheet {
                title: "Fleet".into(),
                marks: Vec::new(),
                tabs: vec![release, tab(22, "ServerTagAssignment", servers)],
            },
            fleet: Fleet {
                sources: BTreeMap::from([(source("eu-west-1"), None)]),
                ..Fleet::default()
            },
            memory: Memory {
                store: "store-1".into(),
                ..Memory::default()
            },
            policy: Policy {
                rows: fleetsheet::plan::Rows::All,
                spreadsheet: "1AbC".into(),
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
            now: DateTime::UNIX_EPOCH + TimeDelta::days(20_000),
            failing: false,
            unseen: BTreeMap::new(),
            tab: 0,
            passes: 0,
        }
    }

    /// Does what a line says; whether a pass is to be made.
    pub(crate) fn line(&mut self, line: &str) -> bool {
        let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
        match command {
            "pass" if self.passes < 4 => {
                self.passes += 1;
                self.policy.takeover = rest == "takeover";
                self.policy.observe = rest == "observe";
                let belt = Belt::ALL.into_iter().find(|belt| belt.word() == rest);
                self.policy.allow = belt.into_iter().collect();
                self.failing = rest == "fail";
                return true;
            }
            "wait" => {
                let minutes = rest.parse::<u16>().unwrap_or(5);
                self.now += TimeDelta::minutes(i64::from(minutes));
            }
            "server" if self.fleet.servers.len() < MANY && self.fleet.complete() => self.server(rest),
            "vanish" => drop(self.fleet.servers.remove(rest)),
            "down" => {
                let error = CloudError {
                    kind: CloudErrorKind::Denied,
                    code: "UnauthorizedOperation".into(),
                    message: format!("main/eu-west-1: {rest}"),
                };
                self.fleet.sources.insert(source("eu-west-1"), Some(error));
                self.unseen.append(&mut self.fleet.servers);
            }
            "up" => {
                self.fleet.sources.insert(source("eu-west-1"), None);
                self.fleet.servers.append(&mut self.unseen);
            }
            "store" => self.raw.marks.push(Mark {
                id: 1,
                key: STORE_MARK.into(),
                value: rest.into(),
                column: None,
            }),
            "unprotected" => self.policy.require_protection = false,
            _ => self.edit(command, rest),
        }
        false
    }

    /// Edits the spreadsheet.
    fn edit(&mut self, command: &str, rest: &str) {
        match command {
            "title" => self.raw.title = rest.into(),
            "tab" if self.raw.tabs.len() < 6 => {
                let at = self.raw.tabs.iter().position(|tab| tab.title == rest);
                self.tab = at.unwrap_or_else(|| {
                    let id = i64::try_from(self.raw.tabs.len()).unwrap_or(0) + 30;
                    self.raw.tabs.push(tab(id, rest, "time|run|c|event|from|to|detail"));
                    self.raw.tabs.len() - 1
                });
            }
            "release" => self.tab = 0,
            "servers" => self.tab = 1,
            _ => {
                let Some(tab) = self.raw.tabs.get_mut(self.tab) else {
                    return;
                };
                match command {
                    "rename" => tab.title = rest.into(),
                    "id" => tab.sheet_id = rest.parse().unwrap_or(0),
                    "head" => {
                        let headers = rest.split('|').map(header).collect();
                        match tab.rows.first_mut() {
                            Some(first) => *first = headers,
                            None => tab.rows.push(headers),
                        }
                    }
                    "row" if tab.rows.len() < MANY => tab.rows.push(rest.split('|').map(cell).collect()),
                    "delete" => {
                        if let Some(at) = rest.parse().ok().filter(|at| *at < tab.rows.len()) {
                            tab.rows.remove(at);
                        }
                    }
                    "copy" if tab.rows.len() < MANY => {
                        let row = rest.parse().ok().and_then(|at: usize| tab.rows.get(at).cloned());
                        tab.rows.extend(row);
                    }
                    "set" => set(tab, rest),
                    "guard" => guard(tab, rest),
                    _ => {}
                }
            }
        }
    }

    /// `ID STATE CHANNEL|VERSION|NAME|OWNER|TIER`, a blank value meaning that it does not carry the tag.
    fn server(&mut self, rest: &str) {
        let mut words = rest.splitn(3, ' ');
        let (Some(id), Some(state), Some(tags)) = (words.next(), words.next(), words.next()) else {
            return;
        };
        let states = [
            State::Pending,
            State::Running,
            State::Stopping,
            State::Stopped,
            State::ShuttingDown,
            State::Terminated,
        ];
        let state = states.into_iter().find(|s| s.word() == state).unwrap_or(State::Running);
        let keys = ["ReleaseChannel", "ReleaseVersion", "Name", "Owner", "Tier"];
        // EC2 takes values of up to 256 characters.
        let value = |text: &str| text.chars().take(256).collect::<String>();
        let tags = keys.iter().zip(tags.split('|')).filter(|(_, text)| !text.is_empty());
        let server = Server {
            source: source("eu-west-1"),
            state,
            tags: tags
                .map(|(key, text)| (TagKey::from(*key), value(text).into()))
                .collect(),
            metadata_tags: false,
            spot: false,
            zone: None,
        };
        self.fleet.servers.insert(id.into(), server);
    }
}

/// `ROW COLUMN CELL`, both counted from zero.
fn set(tab: &mut RawTab, rest: &str) {
    let mut words = rest.splitn(3, ' ');
    let mut number = || words.next().and_then(|word| word.parse::<usize>().ok());
    let (Some(row), Some(column)) = (number(), number()) else {
        return;
    };
    let text = words.next().unwrap_or_default();
    put(tab, row, column, cell(text));
}

/// Puts a cell in its place, if that is not far off.
pub(crate) fn put(tab: &mut RawTab, row: usize, column: usize, cell: Cell) {
    let Some(cells) = tab.rows.get_mut(row).filter(|_| column < MANY) else {
        return;
    };
    if cells.len() <= column {
        cells.resize(column + 1, Cell::Blank);
    }
    cells[column] = cell;
}

fn protection(column: u32, editor: &str) -> ProtectedRange {
    let users = if editor.is_empty() {
        Vec::new()
    } else {
        vec![editor.to_owned()]
    };
    ProtectedRange {
        range: GridRange {
            start_column: Some(column),
            end_column: Some(column + 1),
            ..GridRange::default()
        },
        editors: Some(Editors {
            users,
            ..Editors::default()
        }),
        ..ProtectedRange::default()
    }
}

/// `COLUMN WHO`, or a word for how it does not hold.
fn guard(tab: &mut RawTab, rest: &str) {
    let (column, who) = rest.split_once(' ').unwrap_or((rest, ""));
    let Ok(column) = column.parse::<u32>() else {
        return tab.protected.clear();
    };
    let mut range = protection(column.min(1000), who);
    match who {
        "hidden" => range.editors = None,
        "domain" => {
            range.editors = range.editors.map(|editors| Editors {
                domain: true,
                ..editors
            })
        }
        "warn" => range.warning_only = true,
        "part" => range.range.end_row = Some(5),
        "open" => range.unprotected.push(GridRange::default()),
        "all" => range.range = GridRange::default(),
        _ => {}
    }
    let same = tab.protected.iter().position(|p| p.range.start_column == Some(column));
    match same {
        Some(at) => tab.protected[at] = range,
        None if tab.protected.len() < MANY => tab.protected.push(range),
        None => {}
    }
}
