//! What may happen between two passes of the exploration.

use fleetsheet::memory::Memory;
use fleetsheet::sheet::Cell;

use super::State;
use crate::people::{channel_row, set};
use crate::world::{Protection, World, down, source};

/// What a person or an operator does between two passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    Nothing,
    KeyA(&'static str),
    KeyB(&'static str),
    Enabled,
    Rollback,
    /// A service cell is typed over.
    Service,
    /// A service cell of a server is.
    ServiceOfServer,
    /// The first row is deleted.
    DeleteFirst,
    /// The last one is.
    DeleteLast,
    /// The row deleted last comes back, as undo brings it.
    Undo,
    /// A row is typed anew.
    Retype,
    /// The row is copied under itself.
    Copy,
    /// The store is lost, and an empty one takes over.
    Lost,
    /// The store takes over what it serves already.
    Takeover,
    /// An empty store takes over while the service columns are open to everybody, for this pass.
    LostInTheOpen,
    /// The store takes over while a source is down, for this pass.
    TakeoverBlind,
    /// The key columns are not protected, for this pass.
    Unprotected,
    /// The release is taken back from the command line, without the sheet.
    Order,
    /// The same, killed before the first server is tagged.
    OrderKilled,
    /// The same, killed after the first server was tagged.
    OrderCut,
}

impl Edit {
    /// Whether the pass is a takeover.
    pub(crate) fn takes_over(self) -> bool {
        matches!(
            self,
            Self::Lost | Self::LostInTheOpen | Self::Takeover | Self::TakeoverBlind
        )
    }

    /// Whether it passes away with the pass.
    pub(crate) fn passes(self) -> bool {
        matches!(self, Self::LostInTheOpen | Self::TakeoverBlind | Self::Unprotected)
    }

    /// Whether it is a blow, like a kill.
    pub(crate) fn is_blow(self) -> bool {
        self.passes() || matches!(self, Self::Order | Self::OrderKilled | Self::OrderCut)
    }
}

/// Ends what an edit that passes began.
pub(crate) fn restore(world: &mut World) {
    world.protection = Protection::Whole;
    world.fleet.sources.remove(&source("second"));
}

/// All of them.
pub(crate) const EDITS: [Edit; 24] = [
    Edit::Nothing,
    Edit::KeyA("1.0"),
    Edit::KeyA("2.0"),
    Edit::KeyA(""),
    Edit::KeyB("1.0"),
    Edit::KeyB("2.0"),
    Edit::KeyB(""),
    Edit::Enabled,
    Edit::Rollback,
    Edit::Service,
    Edit::ServiceOfServer,
    Edit::DeleteFirst,
    Edit::DeleteLast,
    Edit::Undo,
    Edit::Retype,
    Edit::Copy,
    Edit::Lost,
    Edit::Takeover,
    Edit::LostInTheOpen,
    Edit::TakeoverBlind,
    Edit::Unprotected,
    Edit::Order,
    Edit::OrderKilled,
    Edit::OrderCut,
];

fn text(text: &str) -> Cell {
    if text.is_empty() {
        Cell::Blank
    } else {
        Cell::Text(text.into())
    }
}

/// Makes an edit; `None` where it would change nothing.
pub(crate) fn edit(state: &mut State, edit: Edit) -> Option<()> {
    let count = state.world.release.rows.len();
    let world = &mut state.world;
    match edit {
        Edit::Nothing | Edit::Takeover => {}
        Edit::KeyA(key) => retype(world, "desiredVersionA", text(key))?,
        Edit::KeyB(key) => retype(world, "desiredVersionB", text(key))?,
        Edit::Enabled => toggle(world, "enabled")?,
        Edit::Rollback => toggle(world, "rollback")?,
        Edit::Service => retype(world, "releaseVersion", text("9.9"))?,
        Edit::ServiceOfServer => set(world, "i-00000001", "status", text("typed")),
        // Undo is only used where no row is left.
        Edit::DeleteFirst if count > 0 => state.bin = Some(world.release.rows.remove(0)).filter(|_| count == 1),
        Edit::DeleteLast if count > 1 => drop(world.release.rows.pop()),
        Edit::Undo if count == 0 => world.release.rows.push(state.bin.take()?),
        Edit::Retype if count == 0 => {
            state.bin = None;
            world.release.rows.push(channel_row("web", "2.0", "2.0"));
        }
        Edit::Copy if count == 1 => {
            let row = world.release.rows[0].clone();
            world.release.rows.push(row);
        }
        Edit::Lost | Edit::LostInTheOpen => {
            let number: u32 = world.memory.store.trim_start_matches("store-").parse().ok()?;
            world.memory = Memory {
                store: format!("store-{}", number + 1),
                ..Memory::default()
            };
            state.model.lose();
            if edit == Edit::LostInTheOpen {
                world.protection = Protection::Keys;
            }
        }
        Edit::TakeoverBlind => {
            world.fleet.sources.insert(source("second"), Some(down()));
        }
        Edit::Unprotected => world.protection = Protection::Off,
        Edit::Order | Edit::OrderKilled | Edit::OrderCut => {
            let tagged = match edit {
                Edit::OrderKilled => Some(0),
                Edit::OrderCut => Some(1),
                _ => None,
            };
            let ordered = world.order("web", tagged).is_ok();
            // What has no way back any more is finished, which moves nothing.
            let moved = state.model.order();
            assert!(
                ordered || !moved,
                "an order with a way back is refused: {:?}",
                state.path
            );
            ordered.then_some(())?;
        }
        _ => return None,
    }
    Some(())
}

fn retype(world: &mut World, header: &str, cell: Cell) -> Option<()> {
    let now = world.release.rows.first()?.get(header).cloned().unwrap_or_default();
    (now != cell).then(|| set(world, "web", header, cell))
}

fn toggle(world: &mut World, header: &str) -> Option<()> {
    let ticked = world.release.rows.first()?.get(header) == Some(&Cell::Bool(true));
    set(world, "web", header, Cell::Bool(!ticked));
    Some(())
}
