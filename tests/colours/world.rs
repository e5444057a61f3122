//! What there is: servers of two colours with their roles and versions, a gate, a region that may be away; and what may happen
//! to it between two passes.

/// The most servers of both colours, with room for one that is launched.
pub(super) const MOST: usize = 8;

/// No version.
pub(super) const NONE: u8 = 0;
/// The version that everything begins with, and the new one.
pub(super) const OLD: u8 = 1;
pub(super) const NEW: u8 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Role {
    Nothing,
    Active,
    Preview,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Reading {
    Pass,
    Fail,
    NoData,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Server {
    pub(super) alive: bool,
    pub(super) role: Role,
    pub(super) version: u8,
    /// It refuses tags.
    pub(super) stuck: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) servers: [Server; MOST],
    /// The region in which every second server of a colour is does not answer.
    pub(super) away: bool,
    pub(super) reading: Reading,
    /// Both keys were typed since the last pass.
    pub(super) typed: bool,
    pub(super) ticked: bool,
}

/// The colour of a server: the first half is one, the second half the other.
pub(super) const fn colour(server: usize) -> usize {
    server / (MOST / 2)
}

/// Whether a server is in the region that may be away.
pub(super) const fn is_far(server: usize) -> bool {
    server % (MOST / 2) == 1
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Nothing,
    Type,
    Tick,
    Reads(Reading),
    Away,
    Hand(usize, Role),
    Tag(usize, u8),
    Ends(usize),
    Launch(usize),
    Stuck(usize),
    /// The store is lost, and another takes over.
    Takeover,
}

impl World {
    /// So many servers in each colour, all on the old version, the first colour active.
    pub(super) fn new(each: usize) -> Self {
        let server = |i: usize| Server {
            alive: i % (MOST / 2) < each,
            role: if colour(i) == 0 { Role::Active } else { Role::Preview },
            version: OLD,
            stuck: false,
        };
        Self {
            servers: std::array::from_fn(server),
            away: false,
            reading: Reading::Pass,
            typed: false,
            ticked: false,
        }
    }

    pub(super) const fn sees(&self, server: usize) -> bool {
        self.servers[server].alive && !(self.away && is_far(server))
    }

    /// Whether all live servers of a colour, seen or not, are active, and one is.
    pub(super) fn is_wholly_active(&self, of: usize) -> bool {
        let mut servers = self.of(of).peekable();
        servers.peek().is_some() && servers.all(|server| server.role == Role::Active)
    }

    pub(super) fn of(&self, of: usize) -> impl Iterator<Item = &Server> {
        let servers = self.servers.iter().enumerate();
        servers
            .filter(move |(i, server)| colour(*i) == of && server.alive)
            .map(|(_, server)| server)
    }

    /// Everything that may happen.
    pub(super) fn acts() -> Vec<Act> {
        let mut acts = vec![Act::Nothing, Act::Type, Act::Tick, Act::Away, Act::Takeover];
        acts.extend([Reading::Pass, Reading::Fail, Reading::NoData].map(Act::Reads));
        for i in 0..MOST {
            acts.extend([Role::Active, Role::Preview, Role::Nothing].map(|role| Act::Hand(i, role)));
            acts.extend([OLD, NEW].map(|version| Act::Tag(i, version)));
            acts.extend([Act::Ends(i), Act::Launch(i), Act::Stuck(i)]);
        }
        acts
    }

    /// Whether the act changed anything, or is that nothing happens.
    pub(super) fn act(&mut self, act: Act) -> bool {
        let before = *self;
        match act {
            Act::Nothing | Act::Takeover => return true,
            Act::Type => self.typed = true,
            Act::Tick => self.ticked = true,
            Act::Reads(reading) => self.reading = reading,
            Act::Away => self.away = !self.away,
            Act::Hand(i, role) if self.servers[i].alive => self.servers[i].role = role,
            Act::Tag(i, version) if self.servers[i].alive => self.servers[i].version = version,
            Act::Ends(i) => self.servers[i].alive = false,
            Act::Launch(i) if !(self.servers[i].alive || (self.away && is_far(i))) => {
                self.servers[i] = Server {
                    alive: true,
                    role: Role::Nothing,
                    version: NONE,
                    stuck: false,
                };
            }
            Act::Stuck(i) if self.servers[i].alive => self.servers[i].stuck = !self.servers[i].stuck,
            Act::Hand(..) | Act::Tag(..) | Act::Launch(_) | Act::Stuck(_) => {}
        }
        *self != before
    }
}
