//! One server with one package, one file and one service; what the agent remembers; what an onlooker counts.

/// What the server was before the agent came.
pub(crate) const FIRST: u8 = 0;
/// Two releases that work, and one that does not. From [`A`] to [`B`] no package changes.
pub(crate) const A: u8 = 1;
pub(crate) const B: u8 = 2;
pub(crate) const BAD: u8 = 3;
/// What somebody wrote into the file by hand.
pub(crate) const EDITED: u8 = 9;

/// The package that a release wants.
pub(crate) const fn package_of(release: u8) -> u8 {
    match release {
        FIRST => 0,
        A | B => 1,
        _ => 2,
    }
}

/// What the tags say, and what becomes of it when it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Tag {
    Release(u8),
    /// Read, and there is no version.
    Nothing,
    Unreadable,
    /// No version, or no channel.
    Garbage,
    /// A ref that nobody allowed has signed.
    Unsigned,
    /// Its splay or a backoff goes on.
    NotDue,
    /// It cannot be prepared.
    Unready,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Attempt {
    pub(crate) release: u8,
    /// The package and the file that its way back leads to.
    pub(crate) snapshot: (u8, u8),
    pub(crate) watching: bool,
    /// Good failed its checks before.
    pub(crate) sick: bool,
    /// The level of its way back; 0 while there is none.
    pub(crate) back: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Memory {
    pub(crate) good: Option<u8>,
    pub(crate) attempt: Option<Attempt>,
    /// A bit for each release.
    pub(crate) quarantine: u8,
    pub(crate) owed: bool,
    /// What the tag was as the last level failed.
    pub(crate) broken: Option<Tag>,
    pub(crate) hold: bool,
    /// Automatic ways back within a day.
    pub(crate) backs: u8,
}

impl Default for Tag {
    fn default() -> Self {
        Self::Release(A)
    }
}

/// What is left of what may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    pub(crate) moves: u8,
    pub(crate) crashes: u8,
    pub(crate) edits: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) tag: Tag,
    pub(crate) package: u8,
    pub(crate) file: u8,
    /// The file that the service has read; `None` while it is stopped.
    pub(crate) loaded: Option<u8>,
    /// The level that a bad release's damage takes to heal; 0 is none.
    pub(crate) damage: u8,
    /// Something outside, which the health check needs, is down.
    pub(crate) outage: bool,
    pub(crate) memory: Memory,
    pub(crate) budget: Budget,
    /// How often the bad release failed, since somebody asked for another try.
    pub(crate) again: u8,
    /// What stood there as the open attempt began.
    pub(crate) origin: (u8, u8),
}

impl World {
    pub(crate) fn new(budget: Budget) -> Self {
        Self {
            tag: Tag::default(),
            package: package_of(FIRST),
            file: FIRST,
            loaded: Some(FIRST),
            damage: 0,
            outage: false,
            memory: Memory::default(),
            budget,
            again: 0,
            origin: (package_of(FIRST), FIRST),
        }
    }

    pub(crate) fn is_healthy(&self, release: u8) -> bool {
        let stands = self.loaded == Some(self.file) && self.file == release && self.package == package_of(release);
        stands && release != BAD && self.damage == 0 && !self.outage
    }

    /// What changes on a server when something is changed there.
    pub(crate) fn body(&self) -> (u8, u8, Option<u8>) {
        (self.package, self.file, self.loaded)
    }

    /// Package and file are of this release, and the service has read that file.
    pub(crate) fn is(&self, release: u8) -> bool {
        self.body() == (package_of(release), release, Some(release))
    }
}
