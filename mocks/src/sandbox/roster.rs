//! Who is in the fleet: channels of very different sizes, spread over accounts and regions, with versions and owners.

use crate::cloud::Fleet;

use super::names::{ACCOUNTS, CHANNEL_TAG, OWNER_TAG, REGIONS, VERSION_TAG};

/// What a channel is like before fleetsheet ever sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Channel {
    pub(super) name: &'static str,
    /// How many of a thousand servers are in it.
    share: u64,
    /// The version that its servers carry; the keys name it too.
    pub(super) version: &'static str,
    /// What a few of its servers carry that missed the last release.
    stragglers: &'static str,
    pub(super) owner: &'static str,
}

const fn channel(
    name: &'static str,
    share: u64,
    version: &'static str,
    stragglers: &'static str,
    owner: &'static str,
) -> Channel {
    Channel {
        name,
        share,
        version,
        stragglers,
        owner,
    }
}

/// The channel whose servers carry no one version, and whose keys do not agree.
pub(super) const UNRELEASED: &str = "batch-prod";

/// Staging comes first, so that the rows where little things happen are at the top of the tab.
pub(super) const CHANNELS: [Channel; 9] = [
    channel("web-staging", 84, "2.5.0-rc.1", "2.4.0", "team-web"),
    channel("api-staging", 60, "8.3.0", "8.2.1", "team-api"),
    channel("search-staging", 50, "3.0.4", "3.0.3", "team-search"),
    channel(UNRELEASED, 40, "1.8.2", "1.8.1", "team-data"),
    channel("billing-prod", 50, "3.11.2", "3.11.1", "team-billing"),
    channel("search-prod", 60, "1.9", "1.8", "team-search"),
    channel("worker-prod", 120, "5.1.3", "5.1.2", "team-data"),
    channel("api-prod", 160, "8.2.1", "8.2.0", "team-api"),
    channel("web-prod", 376, "2.3.8", "2.3.7", "team-web"),
];

/// Servers of another sheet's channel, and servers that no sheet knows.
const STRANGERS: [(Option<&str>, usize); 2] = [(Some("data-prod"), 12), (None, 25)];

/// One server.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) channel: Option<&'static str>,
    version: Option<&'static str>,
    /// The owner in the sheet, and whether the server carries it already.
    pub(super) owner: Option<&'static str>,
    owner_tagged: bool,
    pub(super) account: usize,
    pub(super) region: usize,
}

/// All servers of the beginning.
#[derive(Clone, Debug)]
pub(super) struct Roster {
    pub(super) servers: Vec<Server>,
    strangers: Vec<Server>,
}

impl Roster {
    pub(super) fn new(servers: u32, seed: u64) -> Self {
        let mut chance = Chance(seed);
        let mut roster = Self {
            servers: Vec::new(),
            strangers: Vec::new(),
        };
        for (channel, count) in CHANNELS.iter().zip(counts(servers.into())) {
            for i in 0..count {
                roster.servers.push(server(&mut chance, channel, i, count));
            }
        }
        for (channel, count) in STRANGERS {
            for i in 0..count {
                let region = chance.below(REGIONS.len());
                roster.strangers.push(Server {
                    id: chance.id(),
                    name: format!("{}-{:03}", channel.unwrap_or("bastion"), i + 1),
                    channel,
                    version: channel.map(|_| "0.9.1"),
                    owner: None,
                    owner_tagged: false,
                    account: 0,
                    region,
                });
            }
        }
        roster
    }

    /// Puts the servers into the cloud.
    pub(super) fn populate(&self, fleet: &mut Fleet) {
        for server in self.servers.iter().chain(&self.strangers) {
            let tags = [
                ("Name", Some(server.name.as_str())),
                (CHANNEL_TAG, server.channel),
                (VERSION_TAG, server.version),
                (OWNER_TAG, server.owner.filter(|_| server.owner_tagged)),
            ];
            let tags = tags.into_iter().filter_map(|(key, value)| Some((key, value?)));
            fleet.add(
                ACCOUNTS[server.account].number,
                REGIONS[server.region],
                &server.id,
                tags,
            );
        }
    }

    /// The `n`th server of a channel, from zero; a small world may not have it.
    pub(super) fn nth(&self, channel: &str, n: usize) -> Option<&Server> {
        self.servers
            .iter()
            .filter(|server| server.channel == Some(channel))
            .nth(n)
    }
}

/// How many servers each channel has; they add up to `servers`.
fn counts(servers: u64) -> Vec<u64> {
    let mut given = 0;
    let mut shares = 0;
    CHANNELS
        .iter()
        .map(|channel| {
            // Rounding the running sum, not each share, so that nothing is left over.
            shares += channel.share;
            let until = (servers * shares + 500) / 1000;
            let count = until - given;
            given = until;
            count
        })
        .collect()
}

fn server(chance: &mut Chance, channel: &Channel, i: u64, count: u64) -> Server {
    let account = usize::from(channel.name.ends_with("-staging"));
    // Two thirds at home.
    let region = usize::from(chance.below(3) == 0);
    let short = if region == 0 { "euw1" } else { "use1" };
    let version = if channel.name == UNRELEASED {
        // Nowhere more than half, however many there are.
        match i % 7 {
            0 | 3 | 5 => "1.8.2",
            2 => "1.7.9",
            _ => "1.8.1",
        }
    } else if count >= 10 && i + 2 >= count {
        channel.stragglers
    } else {
        channel.version
    };
    Server {
        id: chance.id(),
        name: format!("{}-{short}-{:04}", channel.name, i + 1),
        channel: Some(channel.name),
        version: Some(version),
        owner: Some(channel.owner),
        owner_tagged: i % 9 != 4,
        account,
        region,
    }
}

/// A generator of numbers that look random and are the same for the same seed (splitmix64).
#[derive(Debug)]
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        let limit = limit.max(1) as u64;
        usize::try_from(self.next() % limit).unwrap_or_default()
    }

    /// An instance id. The generator visits every number once, so no id comes twice.
    fn id(&mut self) -> String {
        format!("i-0{:016x}", self.next())
    }
}
