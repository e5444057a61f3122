//! What is to be remembered, and the memory as it is once that is committed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Baselines, Binding, ChannelMemory, Event, Memory, ServerMemory};
use crate::mail::{MailUpdate, OpenProblem};
use crate::tag::{ChannelName, ServerId};

/// What is to be remembered: applied whole or not at all. Absent entries stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// New binding.
    pub binding: Option<Binding>,
    /// Channels to insert or replace.
    pub channels: BTreeMap<ChannelName, ChannelMemory>,
    /// Servers to insert or replace.
    pub servers: BTreeMap<ServerId, Arc<ServerMemory>>,
    /// Servers to forget.
    pub forget_servers: BTreeSet<ServerId>,
    /// New baselines.
    pub baselines: Option<Baselines>,
    /// New newest stamp.
    pub last_stamp: Option<DateTime<Utc>>,
    /// All open problems, replacing the former.
    pub open: Option<BTreeMap<String, OpenProblem>>,
    /// All belts that hold something back, replacing the former.
    pub tripped: Option<BTreeSet<String>>,
    /// All events still to be written to the audit tab, replacing the former.
    pub unlogged: Option<Vec<Event>>,
    /// What is new about mail.
    pub mail: MailUpdate,
    /// Events to append.
    pub events: Vec<Event>,
}

impl Update {
    /// Whether there is nothing to remember.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Memory {
    /// The memory as it is once `update` is committed.
    pub fn apply(&mut self, update: &Update) {
        let Update {
            binding,
            channels,
            servers,
            forget_servers,
            baselines,
            last_stamp,
            open,
            tripped,
            unlogged,
            mail,
            events: _,
        } = update;
        if let Some(binding) = binding {
            self.binding = Some(binding.clone());
        }
        self.channels
            .extend(channels.iter().map(|(k, v)| (k.clone(), v.clone())));
        self.servers.extend(servers.iter().map(|(k, v)| (k.clone(), v.clone())));
        for server in forget_servers {
            self.servers.remove(server);
        }
        if let Some(baselines) = baselines {
            self.baselines = baselines.clone();
        }
        if let Some(stamp) = last_stamp {
            self.last_stamp = Some(*stamp);
        }
        if let Some(open) = open {
            self.open = open.clone();
        }
        if let Some(tripped) = tripped {
            self.tripped = tripped.clone();
        }
        if let Some(unlogged) = unlogged {
            self.unlogged = unlogged.clone();
        }
        self.mail.apply(mail);
    }
}
