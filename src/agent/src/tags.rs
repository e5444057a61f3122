//! What the server's tags say: IMDS, which is free, else EC2's API, which all servers of an account share and which is asked seldom.

use chrono::TimeDelta;

use crate::adapters::ec2::Ec2;
use crate::adapters::machine::now;
use crate::config::TagSource;
use crate::machine::Machine;
use crate::memory::Asked;
use crate::rules::Tags;

/// The API is asked again after so long where IMDS does not say.
const SELDOM: TimeDelta = TimeDelta::minutes(5);

/// EC2's address.
#[must_use]
pub fn endpoint(machine: &Machine<'_>) -> String {
    let own = machine.config.aws.endpoint_url.clone();
    own.unwrap_or_else(|| format!("https://ec2.{}.amazonaws.com", machine.identity.region))
}

/// What the tags say. `at_once` asks the API whenever it is needed.
#[must_use]
pub fn read(machine: &mut Machine<'_>, at_once: bool) -> Tags {
    match machine.config.tags.source {
        TagSource::Imds => of_imds(machine),
        TagSource::Api => of_api(machine),
        TagSource::Auto => match of_imds(machine) {
            Tags::Unreadable(why) => instead(machine, why, at_once),
            read @ Tags::Read { .. } => read,
        },
    }
}

fn of_imds(machine: &Machine<'_>) -> Tags {
    let keys = &machine.config.tags;
    machine.imds.as_ref().map_or_else(
        || Tags::Unreadable("cannot be read: IMDS does not answer".into()),
        |imds| imds.tags(&keys.channel, &keys.version),
    )
}

fn of_api(machine: &Machine<'_>) -> Tags {
    let Some(imds) = &machine.imds else {
        return Tags::Unreadable("cannot be read: IMDS does not answer".into());
    };
    let credentials = match imds.credentials() {
        Ok(credentials) => credentials,
        Err(why) => return Tags::Unreadable(why),
    };
    let keys = &machine.config.tags;
    let ec2 = Ec2 {
        endpoint: endpoint(machine),
        region: &machine.identity.region,
        credentials: &credentials,
    };
    ec2.tags(&machine.identity.instance_id, &keys.channel, &keys.version, now())
}

/// The API's answer, or its last one. Where it does not say either, what is wrong with IMDS is what people can fix.
fn instead(machine: &mut Machine<'_>, why: String, at_once: bool) -> Tags {
    let at = now();
    let last = machine.memory.api.clone();
    let fresh = last.filter(|last| !at_once && last.at <= at && at - last.at < SELDOM);
    let answer = fresh.map_or_else(
        || match of_api(machine) {
            Tags::Read { channel, version } => Some((channel, version)),
            Tags::Unreadable(_) => None,
        },
        |last| last.answer,
    );
    let known = machine
        .memory
        .api
        .as_ref()
        .filter(|last| last.answer == answer && !at_once);
    if known.is_none_or(|last| last.at > at || at - last.at >= SELDOM) {
        machine.memory.api = Some(Asked {
            at,
            answer: answer.clone(),
        });
    }
    answer.map_or(Tags::Unreadable(why), |(channel, version)| Tags::Read {
        channel,
        version,
    })
}
