//! A world in which a pass has all there is to do at once, and which can be set back to the moment before that pass: what is to
//! be tried at a thousand points is set up once.

#[path = "scene/colours.rs"]
mod colours;
#[path = "scene/waves.rs"]
mod waves;

use std::collections::BTreeSet;
use std::path::Path;

use fleetsheet::adapters::sqlite::{Access, SqliteStore};
use fleetsheet::memory::StoreReader as _;
use fleetsheet_mocks::cloud::Fleet;
use fleetsheet_mocks::prometheus::PrometheusEmulator;
use fleetsheet_mocks::sheets::Spreadsheet;
use fleetsheet_mocks::smtp::{SmtpEmulator, SmtpOptions};

use super::aftermath::World;
use super::mailbox::Mail;
use super::stage::{ACCOUNT, REGION, Ran, Stage};

/// The account that is reached by assuming a role.
pub(crate) const OTHER: &str = "222222222222";
pub(crate) const EAST: &str = "us-east-1";

/// Servers that are in the sheet from the beginning: id, where, channel.
const SERVERS: [(&str, &str, &str, &str); 12] = [
    ("i-00000000000000a01", ACCOUNT, REGION, "web-prod"),
    ("i-00000000000000a02", ACCOUNT, REGION, "web-prod"),
    ("i-00000000000000a03", ACCOUNT, REGION, "web-prod"),
    ("i-00000000000000a04", ACCOUNT, EAST, "web-prod"),
    ("i-00000000000000a05", OTHER, REGION, "web-prod"),
    ("i-00000000000000b01", ACCOUNT, EAST, "api-prod"),
    ("i-00000000000000b02", ACCOUNT, EAST, "api-prod"),
    ("i-00000000000000b03", OTHER, REGION, "api-prod"),
    ("i-00000000000000b04", OTHER, EAST, "api-prod"),
    ("i-00000000000000c01", ACCOUNT, REGION, "db-prod"),
    ("i-00000000000000c02", ACCOUNT, REGION, "db-prod"),
    ("i-00000000000000c03", OTHER, EAST, "db-prod"),
];
/// Servers that a pass discovers.
const NEW: [(&str, &str, &str, &str); 2] = [
    ("i-00000000000000a99", ACCOUNT, REGION, "web-prod"),
    ("i-00000000000000b99", OTHER, EAST, "api-prod"),
];
/// A server whose version tag somebody changes by hand.
pub(crate) const DRIFTED: &str = "i-00000000000000c02";
/// A server of which somebody types over a service cell.
pub(crate) const TYPED_OVER: &str = "i-00000000000000c01";

/// What the next pass has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Meet the sheet for the first time: mark it, adopt the releases.
    First,
    /// Promote one channel.
    Promotion,
    /// Roll one channel back.
    Rollback,
    /// Append rows for servers that it discovers, and bring them to their channels' releases.
    Discovery,
    /// All of this, correct a drift, and undo two edits.
    Everything,
    /// Start a rollout.
    Start,
    /// End a wave of one rollout and start its next, and let a wave of another grow.
    Wave,
    /// Take back a rollout whose gate fails.
    Back,
    /// The same, and let another go on because of a tick of `advance`.
    Gate,
    /// Let the other colour take traffic, because of a tick of `advance`.
    Switch,
    /// Let the former colour give its traffic up.
    Handover,
    /// Take a switch back by roles.
    Return,
}

/// The emulators, with a program to run against them.
pub(crate) struct Scene {
    pub(crate) stage: Stage,
    pub(crate) smtp: SmtpEmulator,
    /// What gates ask, where releases go in waves.
    pub(crate) prometheus: Option<PrometheusEmulator>,
}

/// A moment to come back to.
#[derive(Clone)]
pub(crate) struct Moment {
    book: Spreadsheet,
    fleet: Fleet,
    state: Vec<(String, Vec<u8>)>,
}

fn launch(fleet: &mut Fleet, (id, account, region, channel): (&str, &str, &str, &str), version: &str) {
    let tags = [
        ("Name", "a server"),
        ("ReleaseChannel", channel),
        ("ReleaseVersion", version),
    ];
    // One that is just being discovered carries no version yet.
    let tags = tags.into_iter().filter(|(_, value)| !value.is_empty());
    fleet.add(account, region, id, tags);
}

impl Scene {
    /// Three channels in two accounts of two regions, with an audit tab and a mail server. No pass was made yet.
    pub(crate) async fn start() -> Self {
        let mut fleet = Fleet::new(ACCOUNT);
        let role = format!("arn:aws:iam::{OTHER}:role/fleetsheet");
        fleet.add_role(&role);
        for server in SERVERS {
            launch(&mut fleet, server, "1.0.0");
        }
        let rows: Vec<(String, &str)> = SERVERS
            .iter()
            .map(|(id, _, _, channel)| ((*id).to_owned(), *channel))
            .collect();
        let channels = ["web-prod", "api-prod", "db-prod"].map(|channel| (channel, "1.0.0", "1.0.0", true));
        let mut stage = Stage::new(&channels, &rows, fleet).await;
        stage.with_audit_tab();
        stage.serve_accounts(&format!(
            "[[aws.account]]\nname = \"main\"\nregions = [\"{REGION}\", \"{EAST}\"]\n\
             [[aws.account]]\nname = \"prod\"\nrole_arn = \"{role}\"\nregions = [\"{REGION}\", \"{EAST}\"]\n"
        ));
        let smtp = SmtpEmulator::start(SmtpOptions::default()).await.expect("smtp");
        stage.setting("FLEETSHEET_EMAIL__SMTP_URL", &smtp.url());
        stage.setting("FLEETSHEET_EMAIL__FROM", "fleetsheet@example.com");
        stage.setting("FLEETSHEET_EMAIL__TO", "[\"ops@example.com\"]");
        // Several calls for each kind of change, so that there is a first, a middle and a last one.
        stage.setting("FLEETSHEET_LIMITS__BATCH_SIZE", "1");
        stage.setting("FLEETSHEET_LIMITS__REQUEST_TIMEOUT", "3s");
        stage.setting("FLEETSHEET_SCHEDULE__PASS_TIMEOUT", "40s");
        Self {
            stage,
            smtp,
            prometheus: None,
        }
    }

    /// The same, up to the pass that has this work to do.
    pub(crate) async fn ready(work: Work) -> Self {
        let scene = Self::start_for(work).await;
        if work == Work::First {
            return scene;
        }
        let stage = &scene.stage;
        stage.settle().await;
        if work.is_in_waves() {
            scene.roll(work).await;
        }
        if matches!(work, Work::Rollback | Work::Everything) {
            stage.turn_keys("api-prod", "1.1.0");
            stage.settle().await;
            stage.set("api-prod", "rollback", true);
        }
        if matches!(work, Work::Promotion | Work::Everything) {
            stage.turn_keys("web-prod", "2.0.0");
        }
        if matches!(work, Work::Discovery | Work::Everything) {
            stage.cloud.edit(|fleet| {
                for server in NEW {
                    launch(fleet, server, "");
                }
            });
        }
        if work == Work::Everything {
            stage
                .cloud
                .edit(|fleet| assert!(fleet.set_tag(DRIFTED, "ReleaseVersion", "6.6.6")));
            stage.set_server(TYPED_OVER, "status", "all well");
            stage.set("db-prod", "releaseVersion", "9.9.9");
        }
        scene.forget();
        scene
    }

    /// Forgets calls, writes and mail so far.
    pub(crate) fn forget(&self) {
        let gates = self.prometheus.as_ref().map(PrometheusEmulator::script);
        let ends = [
            self.stage.sheets.script().clone(),
            self.stage.cloud.script(),
            self.smtp.script(),
        ];
        for script in ends.into_iter().chain(gates) {
            script.clear();
            script.forget_calls();
        }
        self.stage.sheets.desk().forget_writes();
        self.smtp.forget_messages();
    }

    /// This moment.
    pub(crate) fn moment(&self) -> Moment {
        let state = self.stage.state_files();
        let name = |path: String| {
            Path::new(&path)
                .file_name()
                .expect("name")
                .to_string_lossy()
                .into_owned()
        };
        Moment {
            book: self.stage.sheets.book(),
            fleet: self.stage.cloud.edit(|fleet| fleet.clone()),
            state: state.into_iter().map(|(path, bytes)| (name(path), bytes)).collect(),
        }
    }

    /// Goes back to a moment of this scene or of one like it.
    pub(crate) fn go_back(&self, to: &Moment) {
        self.stage.sheets.edit(|book| *book = to.book.clone());
        self.stage.cloud.edit(|fleet| *fleet = to.fleet.clone());
        let state = self.stage.path("state");
        if state.exists() {
            std::fs::remove_dir_all(&state).expect("removes");
        }
        for (name, bytes) in &to.state {
            std::fs::create_dir_all(&state).expect("directory");
            std::fs::write(state.join(name), bytes).expect("file");
        }
        self.forget();
    }

    /// The world without the hint that the status of a rollback gets from the second pass on.
    pub(crate) fn essence(&self) -> World {
        let mut world = self.stage.world();
        for status in world.releases.iter_mut().filter_map(|row| row.get_mut("status")) {
            *status = status.replace("; untick rollback to release again", "");
        }
        world
    }

    /// Mail that came in since it was last forgotten; what came twice under one id counts once.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        let mut ids = BTreeSet::new();
        let mut mails: Vec<Mail> = self.smtp.messages().iter().map(|m| Mail::parse(&m.text())).collect();
        mails.retain(|mail| ids.insert(mail.id().to_owned()));
        mails
    }

    /// What mails say that happened: the first line of each entry, without its time.
    pub(crate) fn told(&self) -> Vec<String> {
        const FAILURES: [&str; 3] = [" (failure", " (no answer", " (servers failed"];
        let mails = self.mails();
        let lines = mails.iter().flat_map(|mail| mail.text.lines());
        // That a pass could not do its work, a mail that goes out anyway tells besides.
        let mut told: Vec<String> = lines
            .filter_map(|line| line.strip_prefix("* "))
            .filter(|line| !FAILURES.iter().any(|failure| line.contains(failure)))
            .map(|line| line.split(", 2").next().unwrap_or(line).to_owned())
            .collect();
        told.sort();
        // What waits for people is in each mail that goes out until they come.
        let (waits, mut told): (BTreeSet<String>, Vec<String>) = split(told);
        told.extend(waits);
        told
    }

    /// What the history holds: event, channel, from, to.
    pub(crate) fn history(&self) -> Vec<[String; 4]> {
        let url = format!("sqlite:{}", self.stage.path("state/fleetsheet.db").display());
        let read = async {
            let store = SqliteStore::open(&url, Access::Read, fleetsheet::clock::now()).await;
            store.expect("store").history(None, 1000).await.expect("history")
        };
        // The store's futures cannot be sent to other threads by those who only lend what they are about.
        let events = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(read));
        let mut events: Vec<_> = events
            .into_iter()
            .map(|event| [event.event, event.channel, event.from, event.to])
            .collect();
        events.sort();
        events
    }

    /// Makes a pass.
    pub(crate) async fn pass(&self) -> Ran {
        self.stage.once().await
    }
}

/// Lines about what waits for people, without the time since when, and all others.
fn split(lines: Vec<String>) -> (BTreeSet<String>, Vec<String>) {
    let (waits, others): (Vec<String>, Vec<String>) = lines.into_iter().partition(|line| line.contains(", since 2"));
    let timeless = |line: &String| line.split(", since 2").next().unwrap_or(line).to_owned();
    (waits.iter().map(timeless).collect(), others)
}
