//! Blue-green over the wire: the real program, the emulators, and every write of a tag held against the laws of who takes traffic.
//!
//! - `course`: a release from `preview` to its end, by itself and by `advance`
//! - `back`: the ways back in each phase
//! - `laws`: B1 to B5
//! - `told`: what commands, reports, mail and metrics say of it
//! - `trouble`: a tag that is refused, a region away, a pass that is killed
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod back;
mod course;
mod laws;
mod told;
mod trouble;

use fleetsheet_mocks::cloud::Fleet;
use fleetsheet_mocks::prometheus::{PrometheusEmulator, Reply};
use fleetsheet_mocks::smtp::{SmtpEmulator, SmtpOptions};

use crate::mailbox::Mail;
use crate::preload;
use crate::stage::{ACCOUNT, REGION, Ran, Stage};
use crate::traffic::{COLOUR, ROLE, Traffic};

const CHANNEL: &str = "web-prod";
const EAST: &str = "us-east-1";
const OLD: &str = "1.0.0";
const NEW: &str = "2.0.0";
const BLUE: [&str; 2] = ["i-000000000000000b1", "i-000000000000000b2"];
const GREEN: [&str; 2] = ["i-000000000000000e1", "i-000000000000000e2"];
/// A server of another channel.
const OTHER: &str = "i-000000000000000d1";
/// A gate that decides at its first word.
const GATE: &str = r#"[{ name = "errors", query = 'errors{version="{{version}}"}', max = 0.01, passes = 1, failures = 1, interval = "0s" }]"#;

/// What each colour carries: role and version of blue, and of green.
type Look = [(&'static str, &'static str); 2];
const AT_REST: Look = [("active", OLD), ("preview", OLD)];
const WATCHED: Look = [("active", OLD), ("preview", NEW)];
const BOTH: Look = [("active", OLD), ("active", NEW)];
const SWITCHED: Look = [("preview", OLD), ("active", NEW)];
const THROUGH: Look = [("preview", NEW), ("active", NEW)];

/// Two colours in two regions, a gate that passes, a mail server, and a clock that is put forward.
struct World {
    stage: Stage,
    prometheus: PrometheusEmulator,
    smtp: SmtpEmulator,
    ahead: std::cell::Cell<u32>,
}

impl World {
    /// At rest on the old version, met and with its roles.
    async fn new(overlap: &str, keep: &str, manual: bool) -> Self {
        let mut fleet = Fleet::new(ACCOUNT);
        for (ids, colour) in [(BLUE, "blue"), (GREEN, "green")] {
            for (id, region) in ids.iter().zip([REGION, EAST]) {
                let tags = [("ReleaseChannel", CHANNEL), ("ReleaseVersion", OLD), (COLOUR, colour)];
                fleet.add(ACCOUNT, region, id, tags);
            }
        }
        let tags = [("ReleaseChannel", "db-prod"), ("ReleaseVersion", OLD)];
        fleet.add(ACCOUNT, REGION, OTHER, tags);
        let own = BLUE.into_iter().chain(GREEN).map(|id| (id.to_owned(), CHANNEL));
        let rows: Vec<(String, &str)> = own.chain([(OTHER.to_owned(), "db-prod")]).collect();
        let channels = [CHANNEL, "db-prod"].map(|channel| (channel, OLD, OLD, true));
        let mut stage = Stage::new(&channels, &rows, fleet).await;
        stage.with_audit_tab();
        stage
            .sheets
            .edit(|book| book.tab_mut("ReleaseSheet").add_column("advance"));
        stage.serve_accounts(&format!(
            "[[aws.account]]\nname = \"main\"\nregions = [\"{REGION}\", \"{EAST}\"]\n"
        ));
        let prometheus = PrometheusEmulator::start().await.unwrap();
        let smtp = SmtpEmulator::start(SmtpOptions::default()).await.unwrap();
        let strategy = format!(
            r#"[{{ name = "colours", channels = ["web-*"], kind = "blue_green", bake = "0s", warmup = "0s", gates = ["errors"], overlap = "{overlap}", keep = "{keep}", manual = {manual} }}]"#
        );
        let (library, clock) = (preload::library("clock"), stage.path("clock"));
        for (name, value) in [
            ("FLEETSHEET_STRATEGY", strategy.as_str()),
            ("FLEETSHEET_GATE", GATE),
            ("FLEETSHEET_PROMETHEUS__URL", &prometheus.endpoint()),
            ("FLEETSHEET_PROMETHEUS__TIMEOUT", "20s"),
            ("FLEETSHEET_EMAIL__SMTP_URL", &smtp.url()),
            ("FLEETSHEET_EMAIL__FROM", "fleetsheet@example.com"),
            ("FLEETSHEET_EMAIL__TO", "[\"ops@example.com\"]"),
            // A call for each server, one after the other.
            ("FLEETSHEET_LIMITS__BATCH_SIZE", "1"),
            ("FLEETSHEET_LIMITS__CONCURRENCY", "1"),
            ("LD_PRELOAD", &library.display().to_string()),
            ("CLOCK_FILE", &clock.display().to_string()),
        ] {
            stage.setting(name, value);
        }
        let world = Self {
            stage,
            prometheus,
            smtp,
            ahead: std::cell::Cell::new(0),
        };
        world.gate(Some(0.001));
        for _ in 0..3 {
            world.pass().await;
        }
        world.assert_look(AT_REST);
        world.forget();
        world
    }

    /// What the gate gives from now on; nothing: no data.
    fn gate(&self, value: Option<f64>) {
        self.prometheus.serve(move |_| match value {
            Some(value) => Reply::vector([value]),
            None => Reply::vector([]),
        });
    }

    /// The clock is put forward; in all by less than the five minutes by which a signature may be off.
    fn later(&self, seconds: u32) {
        self.ahead.set(self.ahead.get() + seconds);
        std::fs::write(self.stage.path("clock"), self.ahead.get().to_string()).unwrap();
    }

    fn forget(&self) {
        self.smtp.forget_messages();
        self.stage.sheets.script().forget_calls();
        self.stage.cloud.script().forget_calls();
    }

    /// A pass, which must end well.
    async fn pass(&self) -> Ran {
        let ran = self.stage.once().await;
        assert_eq!(ran.code, 0, "{ran:?}");
        ran
    }

    /// Both groups name the new version.
    fn turn_keys(&self) {
        self.stage.turn_keys(CHANNEL, NEW);
    }

    /// Passes until servers look so and the rollout is in this phase, which is blank without one.
    async fn until(&self, phase: &str, look: Look) -> Ran {
        for _ in 0..12 {
            let ran = self.pass().await;
            if self.phase(&ran) == phase && self.look() == Self::of(look) {
                return ran;
            }
        }
        panic!("never {phase} {look:?}: {:?}, {}", self.look(), self.status());
    }

    /// Passes until servers look so, whatever the rollout is in.
    async fn comes_to(&self, look: Look) {
        for _ in 0..12 {
            self.pass().await;
            if self.look() == Self::of(look) {
                return;
            }
        }
        panic!("never {look:?}: {:?}, {}", self.look(), self.status());
    }

    /// Passes until one writes no tag.
    async fn rest(&self) {
        for _ in 0..9 {
            let tags = self.stage.cloud.audit().len();
            self.pass().await;
            if self.stage.cloud.audit().len() == tags {
                return;
            }
        }
        panic!("there is still something to do: {:?}", self.look());
    }

    fn status(&self) -> String {
        self.stage.release_cell(CHANNEL, "status")
    }

    /// The rollout as the report of a run shows it.
    fn rollout<'r>(&self, ran: &'r Ran) -> &'r serde_json::Value {
        let channels = ran.json["channels"].as_array().unwrap();
        &channels.iter().find(|one| one["channel"] == CHANNEL).unwrap()["rollout"]
    }

    fn phase(&self, ran: &Ran) -> String {
        self.rollout(ran)["phase"].as_str().unwrap_or_default().to_owned()
    }

    /// Role and version of each server.
    fn look(&self) -> Vec<(String, String)> {
        let tags = |id| (self.stage.tag(id, ROLE).unwrap_or_default(), self.stage.version(id));
        BLUE.into_iter().chain(GREEN).map(tags).collect()
    }

    fn of(look: Look) -> Vec<(String, String)> {
        let [blue, green] = look.map(|(role, version)| (role.to_owned(), version.to_owned()));
        vec![blue.clone(), blue, green.clone(), green]
    }

    fn assert_look(&self, look: Look) {
        assert_eq!(self.look(), Self::of(look), "{}", self.status());
    }

    fn traffic(&self) -> Traffic {
        Traffic::of(&self.stage, CHANNEL)
    }

    /// Nothing that was ever done broke a law, but for a rollback in place.
    fn assert_lawful(&self) {
        let traffic = self.traffic();
        traffic.assert_one_colour_is_wholly_active();
        traffic.assert_traffic_comes_to_whole_colours();
        assert_eq!(traffic.changed_in_traffic(), [""; 0]);
    }

    fn mails(&self) -> Vec<Mail> {
        let mails = self.smtp.messages().iter().map(|m| Mail::parse(&m.text())).collect();
        self.smtp.forget_messages();
        mails
    }
}

/// The names of the events of a pass.
fn events(ran: &Ran) -> Vec<&str> {
    let events = ran.json["events"].as_array().unwrap().iter();
    events.map(|event| event["event"].as_str().unwrap()).collect()
}
