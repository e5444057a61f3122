//! The language of the golden cases: what stands in the sheet, what runs in the cloud, and what people do between passes.
//!
//! One command a line; `#` starts a comment. `i-1..i-9` stands for nine servers, whose ids are filled up to eight digits, and
//! shown short again in what is printed. Cells: `[x]` and `[ ]` are boxes, `#1.1` is a
//! number, `=A1>2.0` is a formula and its value, `-` is nothing, anything else is text.

use chrono::TimeDelta;
use fleetsheet::fleet::{Server, State};
use fleetsheet::gate::Verdict;
use fleetsheet::memory::Memory;
use fleetsheet::plan::Belt;
use fleetsheet::settle::{Settled, settle};
use fleetsheet::sheet::Cell;
use fleetsheet::tag::{ServerId, TagSet};

use crate::print;
use crate::rows::outcomes;
use crate::world::{Crash, Options, Protection, Row, Tab, World, down, source};

/// What a script works on.
struct Stage {
    world: World,
    saved: Option<(Tab, Tab)>,
    copy: Option<Memory>,
    passes: u32,
    out: String,
    /// Headers of the table that is being read, and whether it is the release tab's.
    table: Option<(bool, Vec<String>)>,
}

/// What the next pass settles; nothing where the sheet cannot be read.
fn settled(world: &World, options: &Options) -> Settled {
    let Ok(sheet) = world.sheet() else {
        return Settled::default();
    };
    let plan = world.decide_on(&sheet, options);
    let policy = world.policy(options);
    settle(world.inputs(&sheet, &policy), &plan, Some(&outcomes(&plan, options)))
}

/// Plays a script and prints what each pass decides.
///
/// # Panics
/// On a line that it does not understand.
pub(crate) fn play(script: &str) -> String {
    let mut stage = Stage {
        world: World::new(),
        saved: None,
        copy: None,
        passes: 0,
        out: String::new(),
        table: None,
    };
    for (number, line) in script.lines().enumerate() {
        let line = line.split(" # ").next().unwrap_or_default().trim();
        if line.is_empty() {
            stage.table = None;
        }
        if line.is_empty() || line.starts_with("# ") || line == "#" {
            continue;
        }
        assert!(
            stage.line(line).is_some(),
            "line {}: {line:?} is not understood",
            number + 1
        );
    }
    stage.out
}

fn cell(text: &str) -> Cell {
    match text.trim() {
        "" | "-" => Cell::Blank,
        "[x]" => Cell::Bool(true),
        "[ ]" => Cell::Bool(false),
        text => {
            if let Some(number) = text.strip_prefix('#') {
                return number.parse().map_or(Cell::Error(text.into()), Cell::Number);
            }
            match text.strip_prefix('=').and_then(|t| t.split_once('>')) {
                Some((formula, value)) => Cell::Formula {
                    text: format!("={formula}"),
                    value: Box::new(cell(value)),
                },
                None => Cell::Text(text.into()),
            }
        }
    }
}

/// Short names of headers, so that tables stay narrow.
fn header(short: &str) -> String {
    match short {
        "A" => "desiredVersionA",
        "B" => "desiredVersionB",
        "release" => "releaseVersion",
        "previous" => "previousVersion",
        "server" => "serverId",
        "owner" => "tag:Owner",
        "team" => "tag:Team",
        other => other,
    }
    .to_owned()
}

fn name(prefix: &str, number: u32) -> String {
    let digits = if prefix == "i" { 8 } else { 2 };
    format!("{prefix}-{number:0digits$}")
}

/// `i-1..i-9` and `i-1,i-4` as names.
fn names(text: &str) -> Vec<String> {
    let one = |text: &str| match text.split_once("..") {
        Some((first, last)) => {
            let number = |t: &str| t.rsplit('-').next().and_then(|n| n.parse::<u32>().ok()).unwrap_or(0);
            let prefix = first.rsplit_once('-').map_or("", |(p, _)| p);
            (number(first)..=number(last)).map(|n| name(prefix, n)).collect()
        }
        None => match text
            .split_once('-')
            .and_then(|(p, n)| Some((p, n.parse::<u32>().ok()?)))
        {
            Some((prefix, number)) => vec![name(prefix, number)],
            None => vec![text.to_owned()],
        },
    };
    text.split(',').flat_map(one).collect()
}

fn pairs<'a>(words: &[&'a str]) -> Option<Vec<(&'a str, &'a str)>> {
    words.iter().map(|w| w.split_once('=')).collect()
}

impl Stage {
    fn line(&mut self, line: &str) -> Option<()> {
        if line.contains('|') {
            return self.table_line(line);
        }
        self.table = None;
        let line = line.replace("[ ]", "[_]");
        let words: Vec<&str> = line.split_whitespace().collect();
        match *words.first()? {
            "pass" => self.pass(&words[1..]),
            "launch" => self.launch(&words[1..]),
            "tag" | "untag" | "state" | "vanish" | "move" | "agent" => self.cloud(&words),
            "source" => {
                let (name, error) = (source(words.get(1)?), *words.get(2)? == "down");
                self.world.fleet.sources.insert(name, error.then(down));
                Some(())
            }
            "set" | "delete" | "copy" | "reverse" | "swap" | "drop-column" | "save" | "restore" => self.people(&words),
            _ => self.operator(&words),
        }
    }

    fn table_line(&mut self, line: &str) -> Option<()> {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let Some((release, headers)) = &self.table else {
            let headers = cells.iter().map(|c| header(c)).collect::<Vec<_>>();
            self.table = Some((headers.first()? == "channel", headers));
            return Some(());
        };
        for name in names(cells.first()?) {
            let mut row: Row = headers.iter().cloned().zip(cells.iter().map(|c| cell(c))).collect();
            row.insert(headers[0].clone(), cell(&name));
            row.retain(|_, cell| *cell != Cell::Blank);
            let tab = if *release {
                &mut self.world.release
            } else {
                &mut self.world.servers
            };
            tab.rows.push(row);
        }
        Some(())
    }

    fn pass(&mut self, words: &[&str]) -> Option<()> {
        let mut options = Options::default();
        for word in words {
            match word.split_once('=') {
                Some(("allow", belt)) => {
                    options.allow.insert(Belt::ALL.into_iter().find(|b| b.word() == belt)?);
                }
                Some(("fail", ids)) => options.fail = names(ids).iter().map(|n| ServerId::from(n.as_str())).collect(),
                Some(("crash", at)) => {
                    options.crash = Some(match at {
                        "before-commit" => Crash::BeforeCommit,
                        "before-claim" => Crash::BeforeClaim,
                        "after-commit" => Crash::Tags(0),
                        "after-tags" => Crash::AfterTags,
                        "before-sheet" => Crash::BeforeSheet,
                        "after-append" => Crash::AfterAppend,
                        "after-sheet" => Crash::AfterSheet,
                        _ => return None,
                    });
                }
                None if *word == "takeover" => options.takeover = true,
                None if *word == "observe" => options.observe = true,
                _ => return None,
            }
        }
        self.passes += 1;
        let settled = settled(&self.world, &options);
        let plan = self.world.pass(&options);
        let how = if words.is_empty() {
            String::new()
        } else {
            format!(" ({})", words.join(" "))
        };
        self.out.push_str(&format!("== pass {}{how}\n", self.passes));
        self.out
            .push_str(&print::plan(&plan, &settled).replace("i-000000", "i-"));
        self.world.wait(TimeDelta::minutes(5));
        Some(())
    }

    fn launch(&mut self, words: &[&str]) -> Option<()> {
        let mut tags = TagSet::new();
        let mut home = source("main");
        for (key, value) in pairs(&words[1..])? {
            match key {
                "in" => home = source(value),
                "channel" => drop(tags.insert("ReleaseChannel".into(), value.into())),
                "version" => drop(tags.insert("ReleaseVersion".into(), value.into())),
                key => drop(tags.insert(key.into(), value.into())),
            }
        }
        for name in names(words.first()?) {
            let server = Server {
                source: home.clone(),
                state: State::Running,
                tags: tags.clone(),
                metadata_tags: false,
                spot: false,
                zone: None,
            };
            self.world.fleet.sources.entry(home.clone()).or_insert(None);
            self.world.fleet.servers.insert((&*name).into(), server);
        }
        Some(())
    }

    fn cloud(&mut self, words: &[&str]) -> Option<()> {
        let now = self.world.now.format("%Y-%m-%dT%H:%M:%SZ");
        for name in names(words.get(1)?) {
            if words[0] == "vanish" {
                self.world.fleet.servers.remove(&*name)?;
                continue;
            }
            let server = self.world.fleet.servers.get_mut(&*name)?;
            match words[0] {
                "tag" => {
                    for (key, value) in pairs(&words[2..])? {
                        let key = match key {
                            "channel" => "ReleaseChannel",
                            "version" => "ReleaseVersion",
                            other => other,
                        };
                        server.tags.insert(key.into(), value.into());
                    }
                }
                "agent" => {
                    let report = format!("{} @ {now}", words.get(3..)?.join(" "));
                    server.tags.insert("ReleaseRunning".into(), (*words.get(2)?).into());
                    server.tags.insert("ReleaseAgent".into(), report.into());
                }
                "untag" => drop(server.tags.remove(*words.get(2)?)),
                _ => {
                    server.state = match *words.get(2)? {
                        "running" => State::Running,
                        "stopped" => State::Stopped,
                        "pending" => State::Pending,
                        "stopping" => State::Stopping,
                        "shutting-down" => State::ShuttingDown,
                        "terminated" => State::Terminated,
                        _ => return None,
                    }
                }
            }
        }
        Some(())
    }

    fn people(&mut self, words: &[&str]) -> Option<()> {
        match words[0] {
            "save" => self.saved = Some((self.world.release.clone(), self.world.servers.clone())),
            "restore" if words.len() > 1 => self.world.release = self.saved.clone()?.0,
            "restore" => (self.world.release, self.world.servers) = self.saved.clone()?,
            "set" => {
                for name in names(words[1]) {
                    let row = self.world.row_mut(&name)?;
                    for (key, value) in pairs(&words[2..])? {
                        row.insert(header(key), cell(&value.replace('_', " ")));
                    }
                }
            }
            "delete" | "copy" => {
                for name in names(words[1]) {
                    let is = |row: &Row| ["channel", "serverId"].map(|h| row.get(h) == Some(&Cell::Text(name.clone())));
                    let release = self.world.release.rows.iter().position(|r| is(r)[0]);
                    let (tab, at) = match release {
                        Some(at) => (&mut self.world.release, at),
                        None => {
                            let at = self.world.servers.rows.iter().position(|r| is(r)[1])?;
                            (&mut self.world.servers, at)
                        }
                    };
                    if words[0] == "copy" {
                        tab.rows.push(tab.rows[at].clone());
                    } else {
                        tab.rows.remove(at);
                    }
                }
            }
            "reverse" => {
                self.world.release.rows.reverse();
                self.world.servers.rows.reverse();
            }
            "swap" => {
                // Two names typed over each other: everything else stays where it is.
                let (one, two) = (cell(words[1]), cell(words[2]));
                for row in &mut self.world.release.rows {
                    let name = row.get_mut("channel")?;
                    if *name == one {
                        *name = two.clone();
                    } else if *name == two {
                        *name = one.clone();
                    }
                }
            }
            _ => {
                self.world.release.headers.retain(|h| *h != header(words[1]));
                self.world.servers.headers.retain(|h| *h != header(words[1]));
            }
        }
        Some(())
    }

    fn operator(&mut self, words: &[&str]) -> Option<()> {
        match words {
            ["wait", time] => {
                let hours = time
                    .strip_suffix('h')
                    .and_then(|n| n.parse().ok())
                    .map(TimeDelta::hours);
                let minutes = time
                    .strip_suffix('m')
                    .and_then(|n| n.parse().ok())
                    .map(TimeDelta::minutes);
                self.world.wait(hours.or(minutes)?);
            }
            ["protect", how] => {
                self.world.protection = match *how {
                    "whole" => Protection::Whole,
                    "keys" => Protection::Keys,
                    "off" => Protection::Off,
                    "hidden" => Protection::Hidden,
                    _ => return None,
                }
            }
            ["blue-green", how @ ..] => crate::bluegreen::set_up(&mut self.world, how.contains(&"manual")),
            ["gate", gives] => {
                let verdict = match *gives {
                    "passes" => Verdict::Pass,
                    "fails" => Verdict::Fail,
                    _ => Verdict::NoData,
                };
                crate::waves::reads(&mut self.world, "errors", Some(verdict));
            }
            ["require-protection", "off"] => self.world.policy.require_protection = false,
            ["store", name] => {
                self.world.memory = Memory {
                    store: (*name).to_owned(),
                    ..Memory::default()
                }
            }
            ["copy-store"] => self.copy = Some(self.world.memory.clone()),
            ["put-back-store"] => self.world.memory = self.copy.clone()?,
            ["new-tab"] => self.world.servers.sheet_id += 100,
            ["spreadsheet", name] => self.world.policy.spreadsheet = (*name).to_owned(),
            _ => return None,
        }
        Some(())
    }
}
