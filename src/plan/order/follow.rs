//! Servers that go back with their channel in a rollback without the sheet.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{cover, server_plan};
use crate::fleet::Server;
use crate::memory::{Memory, ServerMemory};
use crate::plan::model::{ChannelPlan, Plan, ServerStatus};
use crate::plan::policy::Policy;
use crate::plan::rollout::Roles;
use crate::tag::{Change, Reason, ServerId, TagKey, Version};

/// The servers of the channel follow to the version that comes back, but for those that are held.
pub(in crate::plan) fn follow(
    channel: &mut ChannelPlan,
    servers: BTreeMap<&ServerId, (&Server, bool)>,
    (memory, policy): (&Memory, &Policy),
    to: &Version,
    roles: Option<&(Roles, bool)>,
    plan: &mut Plan,
) {
    let own = plan.servers.len();
    let live: BTreeMap<ServerId, &Server> = servers
        .iter()
        .filter(|(_, (_, held))| !held)
        .map(|(id, (server, _))| ((*id).clone(), *server))
        .collect();
    let name = &channel.name.clone();
    for (id, (server, held)) in servers {
        let remembered = memory.servers.get(id);
        if held {
            channel.held += 1;
            if server
                .tag(&policy.version_tag)
                .is_none_or(|version| **version != *to.as_str())
            {
                channel.left_behind.push(id.clone());
            }
            plan.servers
                .push(server_plan(id, server, name, ServerStatus::Held, Vec::new()));
            continue;
        }
        channel.concerned += 1;
        let before = server.tag(&policy.version_tag);
        let carries = before.is_some_and(|before| **before == *to.as_str());
        channel.carrying += u64::from(carries);
        let set = |tag: &TagKey, after: &str| Change {
            tag: tag.clone(),
            before: server.tag(tag).cloned(),
            after: after.into(),
            reason: Reason::Rollback,
        };
        let waits = roles.is_some_and(|(roles, _)| roles.keeps_version(server));
        let role = roles.and_then(|(roles, _)| {
            let wanted = roles.wanted(
                (id, server),
                remembered.map(|m| &**m),
                None,
                (&policy.version_tag, Some(to)),
            )?;
            Some(set(roles.tag(), wanted))
        });
        let version = (!carries && !waits).then(|| set(&policy.version_tag, to.as_str()));
        let changes: Vec<Change> = version.into_iter().chain(role).collect();
        if changes.is_empty() {
            continue;
        }
        let fresh = || ServerMemory {
            source: Some(server.source.clone()),
            ..ServerMemory::default()
        };
        let mut next = remembered.cloned().unwrap_or_else(|| Arc::new(fresh()));
        for change in &changes {
            let meant = &mut Arc::make_mut(&mut next).meant;
            meant.insert(change.tag.clone(), change.after.clone());
        }
        plan.update.servers.insert(id.clone(), next);
        plan.servers
            .push(server_plan(id, server, name, ServerStatus::InSync, changes));
    }
    cover(&live, roles, own, plan);
}
