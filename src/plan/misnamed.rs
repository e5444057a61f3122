//! Rows of the server tab that name no server: each is told, with the server whose name it holds, and nothing else follows.

use std::collections::BTreeMap;

use super::inputs::Inputs;
use super::model::Plan;
use crate::fleet::Fleet;
use crate::sheet::misnamed::{Listed, Owners, owners_shown, problem, says};
use crate::sheet::parse::Sheet;
use crate::tag::ServerId;

/// Tells what is wrong with each row that names no server.
pub(super) fn report(inputs: Inputs<'_>, plan: &mut Plan) {
    let rows = &inputs.sheet.intent.misnamed;
    if rows.is_empty() {
        return;
    }
    let owners = owners(inputs.sheet, inputs.fleet, plan);
    let problems = rows.iter().map(|row| problem(row, &owners));
    let said = rows.iter().map(|row| (row.text.clone(), says(row, &owners)));
    let (problems, said): (Vec<_>, BTreeMap<_, _>) = (problems.collect(), said.collect());
    plan.problems.extend(problems);
    plan.misnamed = said;
}

/// The servers of each name: those that the fleet shows alive, and those that only the sheet shows; and those whose ids stand in
/// capitals.
#[must_use]
pub fn owners<'a>(sheet: &'a Sheet, fleet: &'a Fleet, plan: &Plan) -> Owners<'a> {
    let rows: BTreeMap<&ServerId, u32> = sheet
        .intent
        .servers
        .iter()
        .map(|row| (&row.id, row.origin.row))
        .collect();
    let soon = |id: &ServerId| {
        let at = plan.servers.binary_search_by(|server| server.id.cmp(id));
        at.is_ok_and(|at| plan.servers[at].append)
    };
    let listed = |id: &ServerId| match rows.get(id) {
        Some(row) => Listed::Row(*row),
        None if soon(id) => Listed::Soon,
        None => Listed::Nowhere,
    };
    let mut owners = owners_shown(&sheet.display.servers);
    for ids in owners.values_mut() {
        ids.retain(|id, _| !fleet.servers.contains_key(*id));
    }
    for (id, server) in fleet.servers.iter().filter(|(_, server)| server.state.is_live()) {
        if let Some(name) = server.name() {
            owners.entry(name).or_default().insert(id, listed(id));
        }
    }
    // A server's id in capitals means that server.
    for row in &sheet.intent.misnamed {
        let meant = ServerId::from(&*row.text.as_str().to_ascii_lowercase());
        let known = fleet.servers.get_key_value(&meant).map(|(id, _)| id);
        if let Some(id) = known.or_else(|| rows.get_key_value(&meant).map(|(id, _)| *id)) {
            owners.entry(row.text.as_str()).or_default().insert(id, listed(id));
        }
    }
    owners
}
