//! A pass without its acts.

use std::collections::BTreeMap;

use super::{Order, World, finish, observe};
use crate::apply::Outcome;
use crate::fleet::FleetReader;
use crate::memory::StoreReader;
use crate::plan::{Plan, plan};
use crate::report::{Ending, Report};
use crate::settle::settle;
use crate::sheet::SheetReader;

/// Looks and decides, and acts on nothing: what `plan` and `explain` show.
///
/// # Errors
/// A report that says why there is nothing to show.
pub async fn preview(
    order: &Order<'_>,
    sheets: &dyn SheetReader,
    fleet: &dyn FleetReader,
    store: &dyn StoreReader,
) -> Result<(World, Plan, Report), Box<Report>> {
    let world = match observe(sheets, fleet, store, order.names, order.now).await {
        Ok(world) => world,
        Err(blind) => return Err(Box::new(finish(order, Report::blind(order.run, blind)))),
    };
    let planned = plan(&world.sheet, &world.fleet, &world.memory, order.policy, order.now);
    if !planned.stop.is_empty() {
        return Err(Box::new(finish(
            order,
            Report::stopped(order.run, planned.stop, &world.memory),
        )));
    }
    let mut memory = world.memory.clone();
    memory.apply(&planned.update);
    let settled = settle(
        &world.sheet,
        &world.fleet,
        &memory,
        order.policy,
        &planned,
        None::<&BTreeMap<_, Outcome>>,
    );
    let mut report = Report::done(order.run, &planned, settled, Vec::new());
    report.preview = true;
    if report.outcome == Ending::Done && planned.has_changes() {
        report.outcome = Ending::Changes;
    }
    Ok((world, planned, finish(order, report)))
}
