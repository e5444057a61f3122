//! What a letter in words is made of.

/// Events by which the version of servers changes, and that say how far they have come.
pub(in crate::alert) const MOVES: [&str; 5] = ["promotion", "rollout", "rollback", "auto_rollback", "taken_back"];

/// How serious an entry is, which becomes its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::alert) enum Tone {
    /// Somebody must look now.
    Alarm,
    /// Somebody must look.
    Warning,
    /// To know.
    Note,
    /// All is well.
    Good,
}

/// One thing that happened or is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::alert) struct Entry {
    pub(in crate::alert) tone: Tone,
    /// What sort of thing, in a word or two.
    pub(in crate::alert) label: &'static str,
    /// Where, or of what.
    pub(in crate::alert) title: String,
    /// Its address, or empty.
    pub(in crate::alert) link: String,
    /// What.
    pub(in crate::alert) what: String,
    /// What to do, or empty.
    pub(in crate::alert) fix: String,
    /// Since when.
    pub(in crate::alert) when: String,
    /// Rows, the first of them headings; empty where there is no table.
    pub(in crate::alert) table: Vec<Vec<String>>,
}

/// Part of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::alert) enum Line {
    /// Shown whole.
    Entry(Entry),
    /// How many more of the same sort there are.
    Folded(String),
}

/// Entries under a heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::alert) struct Section {
    pub(in crate::alert) title: String,
    pub(in crate::alert) lines: Vec<Line>,
}
