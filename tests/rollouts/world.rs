//! The world of a rollout: one channel, its row, its servers in two regions, one gate, one window. Small, and without any type
//! of the program, so that states are cheap to copy and to tell apart.

/// A version; `NONE` is a blank cell, or a server that carries none.
pub(crate) type Version = u8;
pub(crate) const NONE: Version = 0;

/// Servers by number; the number says the region, and `ORDER` who comes first in a wave.
pub(crate) const IDS: usize = 6;
/// A set of servers.
pub(crate) type Ids = u8;

/// The stable order of members. The program has a hash there; any order that nobody can shift will do.
pub(crate) const ORDER: [usize; IDS] = [1, 4, 0, 3, 5, 2];

pub(crate) fn region(id: usize) -> usize {
    id % 2
}

pub(crate) fn has(ids: Ids, id: usize) -> bool {
    ids & (1 << id) != 0
}

/// What the gate gives; the order is from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Reading {
    Pass,
    NoData,
    Fail,
}

/// A row of ReleaseSheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub(crate) keys: [Version; 2],
    pub(crate) enabled: bool,
    pub(crate) rollback: bool,
    pub(crate) advance: bool,
    /// The service cells as the service wrote them last.
    pub(crate) release: Version,
    pub(crate) previous: Version,
    /// Somebody typed over one of them since.
    pub(crate) touched: bool,
    /// Which write of the service it was, for deciders that tell rows by their stamps; 0 for none.
    pub(crate) stamp: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Server {
    pub(crate) tag: Version,
    pub(crate) held: bool,
    pub(crate) canary: bool,
    /// Whether EC2 refuses to tag it. No decision sees this.
    pub(crate) refuses: bool,
}

/// All of it, seen or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    /// The first is filled first.
    pub(crate) rows: [Option<Row>; 2],
    /// The row deleted last.
    pub(crate) bin: Option<Row>,
    pub(crate) protected: bool,
    /// Whether the sheet cannot be read.
    pub(crate) unreadable: bool,
    /// Those that live.
    pub(crate) servers: [Option<Server>; IDS],
    /// Whether the second region does not answer.
    pub(crate) away: bool,
    pub(crate) reading: Reading,
    pub(crate) open: bool,
    /// Whether this pass is a takeover with an empty store.
    pub(crate) takeover: bool,
    pub(crate) now: u32,
    /// Writes to rows so far.
    pub(crate) writes: u32,
}

/// What the config says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Config {
    /// The share of each wave in per cent, and whether it waits for `advance`.
    pub(crate) waves: [(usize, bool); 3],
    pub(crate) bake: u32,
    pub(crate) warmup: u32,
    pub(crate) passes: u8,
    pub(crate) failures: u8,
    /// Readings that are less apart are one.
    pub(crate) interval: u32,
    /// `on_failure = "pause"`.
    pub(crate) pause: bool,
    /// Whether the gate asks the agents of members what they run.
    pub(crate) agents: bool,
}

impl Config {
    /// Whether a gate that has failed only stops the rollout: an agent's word never takes a release back, whatever `on_failure` is.
    pub(crate) fn only_pauses(&self) -> bool {
        self.pause || self.agents
    }
}

/// 25 %, 50 % by hand, all. The warm-up is longer than a wave takes to settle, the bake longer than its passes, so that each of
/// them can be the one that is lacking.
pub(crate) const CONFIG: Config = Config {
    waves: [(25, false), (50, true), (100, false)],
    bake: 4,
    warmup: 2,
    passes: 2,
    failures: 2,
    interval: 1,
    pause: false,
    agents: false,
};

pub(crate) const LAST: u8 = 2;

impl World {
    /// The channel at rest: both keys name the version that all servers carry.
    pub(crate) fn released(version: Version, servers: usize) -> Self {
        let row = Row {
            keys: [version; 2],
            enabled: true,
            rollback: false,
            advance: false,
            release: version,
            previous: NONE,
            touched: false,
            stamp: 1,
        };
        let mut world = Self {
            rows: [Some(row), None],
            bin: None,
            protected: true,
            unreadable: false,
            servers: [None; IDS],
            away: false,
            reading: Reading::Pass,
            open: true,
            takeover: false,
            now: 100,
            writes: 1,
        };
        for server in world.servers.iter_mut().take(servers) {
            *server = Some(Server {
                tag: version,
                held: false,
                canary: false,
                refuses: false,
            });
        }
        world
    }

    /// The rows, if the sheet can be read.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().flatten().filter(|_| !self.unreadable)
    }

    /// The row, if it is the only one.
    pub(crate) fn row(&self) -> Option<&Row> {
        match &self.rows {
            [Some(row), None] if !self.unreadable => Some(row),
            _ => None,
        }
    }

    pub(crate) fn answers(&self, region: usize) -> bool {
        region == 0 || !self.away
    }

    /// A server that lives and whose region answers.
    pub(crate) fn seen(&self, id: usize) -> Option<&Server> {
        self.servers[id].as_ref().filter(|_| self.answers(region(id)))
    }

    /// What the gate gives: agents are asked on members alone, so where none is seen there is no data.
    pub(crate) fn gives(&self, config: &Config, members: Ids) -> Reading {
        if config.agents && self.count(|id, _| has(members, id)) == 0 {
            return Reading::NoData;
        }
        self.reading
    }

    /// Those that a pass sees, that are not held, and that are as asked.
    pub(crate) fn count(&self, which: impl Fn(usize, &Server) -> bool) -> usize {
        let counts = |id: &usize| self.seen(*id).is_some_and(|server| !server.held && which(*id, server));
        (0..IDS).filter(counts).count()
    }
}
