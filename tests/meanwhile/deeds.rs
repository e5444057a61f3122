//! What people do to a spreadsheet: a name, the edit, and how it is taken back where the file cannot be served with it.

use std::sync::Arc;

use fleetsheet_mocks::sheets::Spreadsheet;

pub(crate) type Act = Arc<dyn Fn(&mut Spreadsheet) + Send + Sync>;
pub(crate) type Undo = Arc<dyn Fn(&mut Spreadsheet, &Spreadsheet) + Send + Sync>;

/// Whether somebody is to be told of it as of an edit of service cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blame {
    /// Nobody touched a service cell.
    Nobody,
    /// Told once, or not at all where it vanished with the edit.
    Perhaps,
    /// Told once, wherever a read or a look shows it.
    Once,
}

/// When an edit that brings other keys into a row, together with other service cells or under another name, looks like none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(crate) enum Unseen {
    /// At no time.
    Never,
    /// Between the last look and the write, which writes over it.
    AtWrite,
    /// Until the write is read back, too: rows that changed places look the same.
    TillReadBack,
}

/// One edit.
#[derive(Clone)]
pub(crate) struct Deed {
    pub(crate) name: String,
    pub(crate) act: Act,
    /// A second edit, before the request after that.
    pub(crate) then: Option<Act>,
    /// What people do when they read what is wrong: gets the file as it is, and as it was before the deed.
    pub(crate) undo: Option<Undo>,
    /// Whether they do so only when a pass stops.
    pub(crate) at_need: bool,
    pub(crate) blame: Blame,
    /// How the pass after it may end: 0, or 5 where a belt stops or holds it, or 1 where nothing can be written.
    pub(crate) codes: &'static [i32],
    /// Whether it brings other keys into a row, and when that cannot be seen.
    pub(crate) unseen: Unseen,
}

impl Deed {
    pub(crate) fn new(name: impl Into<String>, act: impl Fn(&mut Spreadsheet) + Send + Sync + 'static) -> Self {
        Self {
            name: name.into(),
            act: Arc::new(act),
            then: None,
            undo: None,
            at_need: false,
            blame: Blame::Nobody,
            codes: &[0],
            unseen: Unseen::Never,
        }
    }

    pub(crate) fn then(mut self, act: impl Fn(&mut Spreadsheet) + Send + Sync + 'static) -> Self {
        self.then = Some(Arc::new(act));
        self
    }

    /// The file cannot be served, or not whole, until people take it back.
    pub(crate) fn until(mut self, undo: impl Fn(&mut Spreadsheet, &Spreadsheet) + Send + Sync + 'static) -> Self {
        self.undo = Some(Arc::new(undo));
        self.holds()
    }

    /// It is taken back only if the next pass stops for it.
    pub(crate) fn until_stopped(self, undo: impl Fn(&mut Spreadsheet, &Spreadsheet) + Send + Sync + 'static) -> Self {
        let deed = self.until(undo);
        Self { at_need: true, ..deed }
    }

    pub(crate) fn blames(mut self, blame: Blame) -> Self {
        self.blame = blame;
        self
    }

    pub(crate) fn holds(mut self) -> Self {
        self.codes = &[0, 5];
        self
    }

    pub(crate) fn fails(mut self) -> Self {
        self.codes = &[1];
        self
    }

    pub(crate) fn unseen(mut self, unseen: Unseen) -> Self {
        self.unseen = unseen;
        self
    }
}
