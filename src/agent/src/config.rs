//! The configuration: TOML, each key from the environment too, unknown keys refused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::Figment;
use figment::providers::{Format, Toml};
use serde::{Deserialize, Deserializer};

use crate::problem::Problem;

/// Where it is where nobody says otherwise.
pub const PATH: &str = "/etc/fleetsheet-agent/agent.toml";
const PREFIX: &str = "FLEETSHEET_AGENT_";

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|_| serde::de::Error::custom(format!("{text:?} is no length of time; write it as 60s or 5m")))
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $value:ident),* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum $name { $($(#[$of])* $value),* }
    };
}

words!(/// Whether anything is changed.
    Mode { /// Yes.
        Enforce, /// No.
        Observe });
words!(/// Where tags are read.
    TagSource { /// IMDS, else the API.
        Auto, /// IMDS.
        Imds, /// The API.
        Api });
words!(/// Whether refs must be signed.
    Verify { /// By an allowed signer.
        Signed, /// They need not be.
        None });
words!(/// What becomes of a package whose present .deb cannot be had.
    WayBack { /// It is said.
        Warn, /// The release is refused.
        Require });
words!(/// What becomes of drift.
    DriftAct { /// It is corrected.
        Correct, /// It is said.
        Report });
words!(/// What becomes of files that no release names any more.
    Orphans { /// What was there before is put back.
        Restore, /// Nothing.
        Leave });

macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($(#[$attr:meta])* $field:ident: $type:ty = $default:expr,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        #[expect(missing_docs, reason = "each is the key of that name in the README")]
        pub struct $name { $($(#[$attr])* pub $field: $type,)* }
        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }
    };
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

section!(/// The tags' keys, and where they are read.
    Tags {
    channel: String = fleetsheet_words::keys::CHANNEL.into(),
    version: String = fleetsheet_words::keys::VERSION.into(),
    running: String = fleetsheet_words::keys::RUNNING.into(),
    agent: String = fleetsheet_words::keys::AGENT.into(),
    source: TagSource = TagSource::Auto,
});
section!(/// Where releases come from.
    Source {
    url: String = String::new(),
    r#ref: String = "refs/tags/v{version}".into(),
    cookbooks: Vec<String> = texts(&["base.yaml", "{channel}.yaml"]),
    ssh_key: Option<PathBuf> = None,
    known_hosts: Option<PathBuf> = None,
    token_file: Option<PathBuf> = None,
    mirrors: Vec<String> = Vec::new(),
    verify: Verify = Verify::Signed,
    allowed_signers: PathBuf = "/etc/fleetsheet-agent/allowed_signers".into(),
});
section!(/// When.
    Schedule {
    #[serde(deserialize_with = "time")] every: Duration = secs(60),
    #[serde(deserialize_with = "time")] splay: Duration = secs(120),
});
section!(/// How long at most.
    Limits {
    #[serde(deserialize_with = "time")] run: Duration = secs(900),
    #[serde(deserialize_with = "time")] back: Duration = secs(600),
    #[serde(deserialize_with = "time")] command: Duration = secs(300),
    #[serde(deserialize_with = "time")] apt: Duration = secs(600),
    #[serde(deserialize_with = "time")] lock: Duration = secs(120),
    #[serde(deserialize_with = "time")] service_start: Duration = secs(90),
});
section!(/// Packages.
    Packages {
    way_back: WayBack = WayBack::Warn,
    #[serde(deserialize_with = "time")] update_max_age: Duration = secs(3600),
    max_removals: usize = 0,
    protected: Vec<String> = texts(&["apt", "dpkg", "systemd", "openssh-server", "sudo"]),
});
section!(/// Health checks.
    Health {
    #[serde(deserialize_with = "time")] watch: Duration = secs(300),
    fails: u32 = 3,
    #[serde(deserialize_with = "time")] interval: Duration = secs(5),
});
section!(/// Commands.
    Commands {
    user: String = "nobody".into(),
    shell: bool = false,
});
section!(/// Drift.
    Drift {
    act: DriftAct = DriftAct::Correct,
});
section!(/// Files that no release names any more.
    OrphansSection {
    files: Orphans = Orphans::Restore,
});
section!(/// Variables.
    Vars {
    dir: PathBuf = "/etc/fleetsheet-agent/vars.d".into(),
});
section!(/// Secrets.
    Secrets {
    dir: PathBuf = "/etc/fleetsheet-agent/secrets".into(),
});
section!(/// What is reported.
    Report {
    tags: bool = true,
    #[serde(deserialize_with = "time")] spread: Duration = secs(300),
    #[serde(deserialize_with = "time")] heartbeat: Duration = secs(6 * 3600),
    metrics_file: String = "/var/lib/prometheus/node-exporter/fleetsheet-agent.prom".into(),
});
section!(/// Memory on disk.
    State {
    dir: PathBuf = "/var/lib/fleetsheet-agent".into(),
    snapshots: usize = 3,
    #[serde(deserialize_with = "time")] keep: Duration = secs(30 * 86_400),
});
section!(/// The metadata service.
    Imds {
    endpoint: String = "http://169.254.169.254".into(),
});
section!(/// The API.
    Aws {
    endpoint_url: Option<String> = None,
});
section!(/// All of it.
    Config {
    mode: Mode = Mode::Enforce,
    tags: Tags = Tags::default(),
    source: Source = Source::default(),
    schedule: Schedule = Schedule::default(),
    limits: Limits = Limits::default(),
    packages: Packages = Packages::default(),
    health: Health = Health::default(),
    commands: Commands = Commands::default(),
    drift: Drift = Drift::default(),
    orphans: OrphansSection = OrphansSection::default(),
    vars: Vars = Vars::default(),
    secrets: Secrets = Secrets::default(),
    report: Report = Report::default(),
    state: State = State::default(),
    imds: Imds = Imds::default(),
    aws: Aws = Aws::default(),
});

/// Reads the configuration from the text of its file and from the environment.
///
/// # Errors
/// What is wrong with it.
pub fn read(text: &str, path: &Path, environment: &BTreeMap<String, String>) -> Result<Config, Vec<Problem>> {
    let mut figment = Figment::from(Toml::string(text));
    let set: Vec<(String, String)> = environment
        .iter()
        .filter_map(|(key, value)| {
            Some((
                key.strip_prefix(PREFIX)?.to_lowercase().replace("__", "."),
                value.clone(),
            ))
        })
        .collect();
    for (key, value) in set {
        // As figment reads its own environment: numbers and truth values are what they look like.
        let value: figment::value::Value = value.parse().unwrap_or_else(|never| match never {});
        figment = figment.merge((key, value));
    }
    let config: Config = figment.extract().map_err(|errors| {
        let told = errors.into_iter().map(|error| {
            let key = error.path.join(".");
            Problem::new("config", format!("{}: {key}", path.display()), error.kind.to_string())
        });
        told.collect::<Vec<_>>()
    })?;
    let problems = problems(&config);
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

/// Whether an address may be spoken to without TLS.
fn is_local(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else {
        return url.starts_with("https://");
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(
        authority,
        |(host, port)| if port.parse::<u16>().is_ok() { host } else { authority },
    );
    let loopback = host
        .parse::<std::net::Ipv4Addr>()
        .is_ok_and(|ip| ip.is_loopback() || ip.octets() == [169, 254, 169, 254]);
    loopback || matches!(host, "localhost" | "[::1]")
}

fn problems(config: &Config) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut wrong = |key: &str, message: &str| found.push(Problem::new("config", key, message));
    let urls = std::iter::once(&config.source.url)
        .filter(|url| !url.is_empty())
        .chain(&config.source.mirrors);
    for url in urls {
        let known = ["https://", "ssh://", "file:///"]
            .iter()
            .any(|scheme| url.starts_with(scheme));
        if !known || url.contains("::") || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
            wrong(
                "source.url",
                "is neither https://, ssh:// nor file:///; write one of them",
            );
        }
    }
    if !config.source.r#ref.starts_with("refs/tags/") || config.source.r#ref.matches("{version}").count() != 1 {
        wrong(
            "source.ref",
            "does not begin with refs/tags/ and name {version} once; write refs/tags/v{version}",
        );
    }
    let part = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.starts_with('-');
    if config.source.cookbooks.is_empty() || !config.source.cookbooks.iter().all(|name| name.split('/').all(part)) {
        wrong(
            "source.cookbooks",
            "holds no paths inside the repository; write them from its top",
        );
    }
    if !is_local(&config.imds.endpoint) || config.aws.endpoint_url.as_deref().is_some_and(|url| !is_local(url)) {
        wrong(
            "imds.endpoint, aws.endpoint_url",
            "are for tests: http:// is for loopback and 169.254.169.254 only",
        );
    }
    if config.schedule.every < Duration::from_secs(10) {
        wrong("schedule.every", "is less than 10s");
    }
    if config.tags.source == TagSource::Api && config.schedule.every < Duration::from_secs(300) {
        wrong(
            "schedule.every",
            "is less than 5m, and tags.source is `api`, whose calls all servers share; write 5m or more",
        );
    }
    if config.health.fails == 0 || config.health.interval.is_zero() || config.state.snapshots == 0 {
        wrong("health.fails, health.interval, state.snapshots", "must be more than 0");
    }
    found
}
