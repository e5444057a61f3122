//! The emulated world behind the API: accounts with their keys, roles and permissions, and the instances.
//!
//! Tests change it directly through these methods, as other people and the cloud itself would; requests change it
//! through the actions. Its clock is the real one plus whatever [`Fleet::advance`] has added.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::alarm::{Alarm, World};
use super::credentials::{ACCESS_KEY, Credentials, SECRET_KEY};
use super::instance::{Instance, State, Tags, scramble};
use super::policies::{Denial, Policies};
use super::settings::Settings;

/// One tag that was written or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagWrite {
    /// When, by the clock of the fleet.
    pub at: DateTime<Utc>,
    /// Account of the instance.
    pub account: String,
    /// Region of the instance.
    pub region: String,
    /// Instance id.
    pub instance: String,
    /// Tag key.
    pub key: String,
    /// Value before, if there was one.
    pub before: Option<String>,
    /// Value after; `None` if it was deleted.
    pub after: Option<String>,
    /// Number of the request that did it; `None` for an edit behind the API.
    pub request: Option<u64>,
}

/// Accounts, roles, permissions, instances and alarms.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    /// How the cloud behaves; may be changed at any time.
    pub settings: Settings,
    pub(crate) credentials: Credentials,
    pub(crate) instances: BTreeMap<String, Instance>,
    pub(crate) audit: Vec<TagWrite>,
    pub(crate) policies: Policies,
    pub(crate) alarms: World,
    closed: BTreeSet<(String, String)>,
    ghosts: BTreeSet<String>,
    ahead: TimeDelta,
    counter: u64,
}

impl Fleet {
    /// A world with one account, whose keys are [`ACCESS_KEY`] and [`SECRET_KEY`].
    #[must_use]
    pub fn new(account: &str) -> Self {
        let mut fleet = Self::default();
        fleet.add_key(ACCESS_KEY, SECRET_KEY, account);
        fleet
    }

    /// The time in this world.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        crate::clock::now() + self.ahead
    }

    /// Lets time pass at once: ghosts vanish, keys expire, buckets fill, late reads catch up.
    pub fn advance(&mut self, by: TimeDelta) {
        self.ahead += by;
        self.settle();
    }

    /// Adds long-lived keys of an account.
    pub fn add_key(&mut self, access_key: &str, secret_key: &str, account: &str) {
        self.credentials.add_key(access_key, secret_key, account);
    }

    /// Adds a role that everybody with keys may assume, such as `arn:aws:iam::222222222222:role/fleetsheet`.
    pub fn add_role(&mut self, arn: &str) {
        self.credentials.roles.insert(arn.to_owned(), true);
    }

    /// Lets the role's trust policy ask for an external id.
    pub fn require_external_id(&mut self, arn: &str, id: &str) {
        self.credentials.external_ids.insert(arn.to_owned(), id.to_owned());
    }

    /// Says whether a role may be assumed; what was handed out before stays good until it expires.
    pub fn set_assumable(&mut self, arn: &str, assumable: bool) {
        self.credentials.roles.insert(arn.to_owned(), assumable);
    }

    /// Makes all temporary keys expire now.
    pub fn expire_sessions(&mut self) {
        let now = self.now();
        self.credentials.expire_sessions(now);
    }

    /// Takes a permission such as `ec2:CreateTags` from an account.
    pub fn deny(&mut self, account: &str, permission: &str) {
        let denied = &mut self.policies.denied;
        denied.insert((account.to_owned(), permission.to_owned()));
    }

    /// Lets a policy deny that an instance is tagged; `None` lets it be tagged again.
    pub fn deny_instance(&mut self, id: &str, denial: Option<Denial>) {
        match denial {
            Some(denial) => self.policies.instances.insert(id.to_owned(), denial),
            None => self.policies.instances.remove(id),
        };
    }

    /// Lets the organization's tag policy forbid a value of a tag, or allow it again.
    pub fn forbid_value(&mut self, key: &str, value: &str, forbidden: bool) {
        let pair = (key.to_owned(), value.to_owned());
        if forbidden {
            self.policies.values.insert(pair);
        } else {
            self.policies.values.remove(&pair);
        }
    }

    /// Gives a permission back.
    pub fn permit(&mut self, account: &str, permission: &str) {
        let denied = &mut self.policies.denied;
        denied.remove(&(account.to_owned(), permission.to_owned()));
    }

    pub(crate) fn permits(&self, account: &str, permission: &str) -> bool {
        !self
            .policies
            .denied
            .contains(&(account.to_owned(), permission.to_owned()))
    }

    /// Closes a region to an account, as one that it never opted in to: its keys are not valid there.
    pub fn close_region(&mut self, account: &str, region: &str) {
        self.closed.insert((account.to_owned(), region.to_owned()));
    }

    pub(crate) fn is_closed(&self, account: &str, region: &str) -> bool {
        self.closed.contains(&(account.to_owned(), region.to_owned()))
    }

    /// Adds an instance with an id of the caller's choice that has been running for a month.
    pub fn add<'t>(
        &mut self,
        account: &str,
        region: &str,
        id: &str,
        tags: impl IntoIterator<Item = (&'t str, &'t str)>,
    ) {
        let launched = self.now() - TimeDelta::days(30);
        self.insert(Instance::new(id.to_owned(), account, region, owned(tags), launched));
    }

    /// Puts an alarm into a region of an account, in place of one of this name.
    pub fn set_alarm(&mut self, account: &str, region: &str, name: &str, alarm: Alarm) {
        let place = (account.to_owned(), region.to_owned());
        self.alarms.entry(place).or_default().insert(name.to_owned(), alarm);
    }

    /// Launches an instance now and returns its id.
    pub fn launch<'t>(
        &mut self,
        account: &str,
        region: &str,
        tags: impl IntoIterator<Item = (&'t str, &'t str)>,
    ) -> String {
        let now = self.now();
        let id = format!("i-0{:016x}", scramble(self.counter));
        let mut instance = Instance::new(id.clone(), account, region, owned(tags), now);
        instance.taggable_from = now + self.settings.taggable_after;
        self.insert(instance);
        id
    }

    fn insert(&mut self, mut instance: Instance) {
        // Launches of one to four instances, by turns.
        let turn = match self.counter % 10 {
            0 => 0,
            1..=2 => 1,
            3..=5 => 2,
            _ => 3,
        };
        instance.reservation = self.counter / 10 * 4 + turn;
        self.counter += 1;
        self.ghosts.remove(&instance.id);
        self.instances.insert(instance.id.clone(), instance);
    }

    /// Terminates an instance: it shuts down, stays as a ghost and vanishes, each after its time.
    pub fn terminate(&mut self, id: &str) -> bool {
        self.set_state(id, State::ShuttingDown)
    }

    /// Puts an instance into a state. `Terminated` skips the shutting down.
    pub fn set_state(&mut self, id: &str, state: State) -> bool {
        let now = self.now();
        let skipped = self.settings.shutting_down_for;
        let Some(instance) = self.instances.get_mut(id) else {
            return false;
        };
        instance.state = state;
        instance.terminated = match state {
            State::ShuttingDown => Some(now),
            State::Terminated => Some(now - skipped),
            _ => None,
        };
        if instance.terminated.is_some() {
            self.ghosts.insert(id.to_owned());
        } else {
            self.ghosts.remove(id);
        }
        true
    }

    /// Takes an instance out of sight at once, without a ghost.
    pub fn vanish(&mut self, id: &str) -> bool {
        self.ghosts.remove(id);
        self.instances.remove(id).is_some()
    }

    /// Sets a tag as somebody else would; reads show it at once.
    pub fn set_tag(&mut self, id: &str, key: &str, value: &str) -> bool {
        self.write_tag(id, key, Some(value), None)
    }

    /// Deletes a tag as somebody else would; reads show it at once.
    pub fn delete_tag(&mut self, id: &str, key: &str) -> bool {
        self.write_tag(id, key, None, None)
    }

    /// Says whether an instance runs on Spot capacity; `false` if there is none of this id.
    pub fn set_spot(&mut self, id: &str, on: bool) -> bool {
        self.instances.get_mut(id).map(|instance| instance.spot = on).is_some()
    }

    /// Switches the showing of tags in the instance's metadata service, which narrows the keys it accepts.
    pub fn set_metadata_tags(&mut self, id: &str, on: bool) -> bool {
        self.instances
            .get_mut(id)
            .map(|instance| instance.metadata_tags = on)
            .is_some()
    }

    /// An instance, ghosts included.
    #[must_use]
    pub fn instance(&self, id: &str) -> Option<&Instance> {
        self.instances.get(id)
    }

    /// All instances, ghosts included, by id.
    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.instances.values()
    }

    /// The true tags of an instance; empty if there is no such instance.
    #[must_use]
    pub fn tags(&self, id: &str) -> Tags {
        self.instances
            .get(id)
            .map(|instance| instance.tags.clone())
            .unwrap_or_default()
    }

    pub(crate) fn write_tag(&mut self, id: &str, key: &str, value: Option<&str>, request: Option<u64>) -> bool {
        let at = self.now();
        let Some(instance) = self.instances.get_mut(id) else {
            return false;
        };
        if request.is_none() {
            instance.catch_up();
        }
        let before = match value {
            Some(value) => instance.tags.insert(key.to_owned(), value.to_owned()),
            None => instance.tags.remove(key),
        };
        self.audit.push(TagWrite {
            at,
            account: instance.account.clone(),
            region: instance.region.clone(),
            instance: id.to_owned(),
            key: key.to_owned(),
            before,
            after: value.map(str::to_owned),
            request,
        });
        true
    }

    /// Moves ghosts on to where they must be by now.
    pub(crate) fn settle(&mut self) {
        let now = self.now();
        let settings = &self.settings;
        let instances = &mut self.instances;
        self.ghosts.retain(|id| {
            let Some(instance) = instances.get_mut(id) else {
                return false;
            };
            let age = instance.terminated.map_or(TimeDelta::zero(), |at| now - at);
            if age >= settings.ghost_for {
                instances.remove(id);
                return false;
            }
            if age >= settings.shutting_down_for {
                instance.state = State::Terminated;
            }
            if settings.ghost_tags_for.is_some_and(|kept| age >= kept) {
                instance.tags.clear();
                instance.catch_up();
            }
            true
        });
    }
}

fn owned<'t>(tags: impl IntoIterator<Item = (&'t str, &'t str)>) -> Tags {
    tags.into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}
