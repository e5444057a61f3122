//! A scene in which releases go in waves: what the strategy says, what the gate reads, and how far each rollout has come before
//! the pass that is to be tried.

use fleetsheet_mocks::cloud::Tags;
use fleetsheet_mocks::faults::{Fault, When};
use fleetsheet_mocks::prometheus::{PrometheusEmulator, Reply};

use super::{NEW, Scene, Work, colours, launch};

/// Three waves, of which the second waits for `advance`; a wave is left as soon as its gate has passed once.
const STRATEGY: &str = r#"[{ name = "careful", channels = ["*-prod"], waves = ["40%", { to = "80%", manual = true }, "100%"], bake = "0s", warmup = "0s", gates = ["errors"] }]"#;
const GATE: &str = r#"[{ name = "errors", query = 'errors{channel="{{channel}}",version="{{version}}"}', max = 0.01, passes = 1, failures = 2, interval = "0s" }]"#;

/// The channel whose gate fails.
pub(crate) const WATCHED: &str = "web-prod";
/// Passes in which a scene comes to rest, whatever befell the first.
const MOST: usize = 15;

impl Work {
    /// Whether releases take several passes: they go in waves, or in the phases of a switch of colours.
    pub(crate) fn is_in_waves(self) -> bool {
        matches!(self, Self::Start | Self::Wave | Self::Back | Self::Gate) || self.is_in_colours()
    }
}

impl Scene {
    /// The same as [`Scene::start`], as this work needs it.
    pub(crate) async fn start_for(work: Work) -> Self {
        let mut scene = Self::start().await;
        if !work.is_in_waves() {
            return scene;
        }
        let prometheus = PrometheusEmulator::start().await.expect("prometheus");
        scene
            .stage
            .setting("FLEETSHEET_PROMETHEUS__URL", &prometheus.endpoint());
        scene.stage.setting("FLEETSHEET_PROMETHEUS__TIMEOUT", "1s");
        if work.is_in_colours() {
            scene.stage.setting("FLEETSHEET_STRATEGY", &colours::strategy(work));
            scene.paint();
        } else {
            scene.stage.setting("FLEETSHEET_STRATEGY", STRATEGY);
        }
        scene.stage.setting("FLEETSHEET_GATE", GATE);
        scene
            .stage
            .sheets
            .edit(|book| book.tab_mut("ReleaseSheet").add_column("advance"));
        scene.prometheus = Some(prometheus);
        scene.gate_fails(matches!(work, Work::Back | Work::Gate));
        scene
    }

    /// The same, up to the pass that has this work to do, with more words in the strategy.
    pub(crate) async fn ready_with(work: Work, more: &str) -> Self {
        let mut scene = Self::start_for(work).await;
        let strategy = STRATEGY.replace("[{ ", &format!("[{{ {more}, "));
        scene.stage.setting("FLEETSHEET_STRATEGY", &strategy);
        scene.stage.settle().await;
        scene.roll(work).await;
        scene.forget();
        scene
    }

    /// The gate of the watched channel is not answered for.
    pub(crate) fn gate_is_silent(&self) {
        let prometheus = self.prometheus.as_ref().expect("releases go in waves here");
        prometheus.serve(|_| Reply::vector([]));
    }

    /// What the gate of the watched channel gives from now on; those of all others pass.
    pub(crate) fn gate_fails(&self, fails: bool) {
        let of_it = format!("channel=\"{WATCHED}\"");
        let answer = move |query: &str| match fails && query.contains(&of_it) {
            true => Reply::vector([0.031]),
            false => Reply::vector([0.001]),
        };
        let prometheus = self.prometheus.as_ref().expect("releases go in waves here");
        prometheus.serve(move |query| answer(&query.query));
    }

    /// Brings the rollouts up to the pass that has this work to do.
    pub(super) async fn roll(&self, work: Work) {
        let stage = &self.stage;
        match work {
            Work::Wave => {
                stage.turn_keys("api-prod", "2.0.0");
                self.rest().await;
                stage.turn_keys("web-prod", "2.0.0");
                // It starts, and is found settled.
                for _ in 0..2 {
                    stage.settle().await;
                }
                stage.cloud.edit(|fleet| launch(fleet, NEW[1], ""));
            }
            Work::Back | Work::Gate => {
                self.gate_fails(false);
                stage.turn_keys("web-prod", "2.0.0");
                if work == Work::Gate {
                    stage.turn_keys("db-prod", "2.0.0");
                }
                self.rest().await;
                self.gate_fails(true);
                stage.settle().await;
                if work == Work::Gate {
                    stage.set("db-prod", "advance", true);
                }
            }
            Work::Switch | Work::Handover | Work::Return => self.switch(work).await,
            _ => stage.turn_keys("web-prod", "2.0.0"),
        }
    }

    /// Nobody can read the sheet.
    pub(crate) fn take_sheet_away(&self) {
        self.stage.sheets.script().fail("*", When::Every, Fault::Forbidden);
    }

    /// No server of the watched channel is left on the version that its gate took back.
    pub(crate) fn assert_back(&self) {
        let carries = |tags: &Tags, key: &str, value: &str| tags.get(key).is_some_and(|text| text == value);
        let left = self.stage.cloud.edit(|fleet| {
            let of_it =
                |tags: &Tags| carries(tags, "ReleaseChannel", WATCHED) && carries(tags, "ReleaseVersion", "2.0.0");
            fleet.instances().filter(|server| of_it(&server.tags)).count()
        });
        assert_eq!(left, 0, "servers of {WATCHED} are left on 2.0.0");
    }

    /// Makes passes, which must end well, until one has nothing to do.
    ///
    /// # Panics
    /// If none does.
    pub(crate) async fn rest(&self) {
        self.rest_with(&[0]).await;
    }

    /// The same with passes that may end so.
    pub(crate) async fn rest_with(&self, codes: &[i32]) {
        for _ in 0..MOST {
            let (writes, tags) = (self.stage.sheets.writes().len(), self.stage.cloud.audit().len());
            let ran = self.pass().await;
            assert!(
                codes.contains(&ran.code),
                "ends with {}: {:?}",
                ran.code,
                ran.problems()
            );
            if (self.stage.sheets.writes().len(), self.stage.cloud.audit().len()) == (writes, tags) {
                return;
            }
        }
        panic!("there is still something to do after {MOST} passes");
    }
}
