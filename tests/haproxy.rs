//! Something real follows the role tag: a HAProxy over simulated servers, its backend kept to the active ones by a script, and
//! people who ask it all the time. A switch and each kind of rollback lose none of their requests.
#![expect(clippy::print_stdout, reason = "how many were asked is for the reader")]

mod proxy;
mod servers;
mod target_group;

use std::time::Duration;

use crate::debian::{Program, program};
use crate::stage::{Ran, Stage, fleet};
use proxy::{Answers, Load, Proxy};
use servers::Servers;

const CHANNEL: &str = "web-prod";
/// Of each colour.
const EACH: usize = 3;
/// How long whoever follows the tags may take, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The overlap is far longer than a look of the script takes.
fn strategy(keep: &str) -> String {
    format!(
        r#"[{{ name = "colours", channels = ["*"], kind = "blue_green", bake = "0s", warmup = "0s", overlap = "3s", keep = "{keep}" }}]"#
    )
}

/// Two colours behind a proxy that follows their roles, and the load on it.
struct World {
    stage: Stage,
    servers: Servers,
    load: Load,
    _proxy: Proxy,
}

impl World {
    async fn new(program: &Program, keep: &str) -> Self {
        let (mut fleet, ids) = fleet(2 * EACH, CHANNEL, "2.3.9");
        for (nth, id) in ids.iter().enumerate() {
            let (colour, role) = if nth < EACH {
                ("blue", "active")
            } else {
                ("green", "preview")
            };
            fleet.set_tag(id, "Colour", colour);
            fleet.set_tag(id, "ReleaseRole", role);
        }
        let rows: Vec<(String, &str)> = ids.iter().map(|id| (id.clone(), CHANNEL)).collect();
        let mut stage = Stage::new(&[(CHANNEL, "2.3.9", "2.3.9", true)], &rows, fleet).await;
        stage.setting("FLEETSHEET_STRATEGY", &strategy(keep));
        let servers = Servers::start(&stage.cloud.editor(), &ids).await;
        let proxy = Proxy::start(program, &stage, CHANNEL, &servers.all);
        let load = Load::start(proxy.addr);
        let world = Self {
            stage,
            servers,
            load,
            _proxy: proxy,
        };
        world.pass().await;
        world
    }

    async fn pass(&self) -> Ran {
        let ran = self.stage.once().await;
        assert_eq!(ran.code, 0, "{ran:?}");
        ran
    }

    /// Passes until the rollout is in this phase.
    async fn passes_until(&self, phase: &str) {
        for _ in 0..60 {
            let ran = self.pass().await;
            if self.phase(&ran) == phase {
                return;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        panic!("never in {phase}: {}", self.stage.release_cell(CHANNEL, "status"));
    }

    /// The phase that the report of a pass shows; blank without a rollout.
    fn phase(&self, ran: &Ran) -> String {
        let rollout = &ran.json["channels"][0]["rollout"];
        rollout["phase"].as_str().unwrap_or_default().to_owned()
    }

    /// Passes until all servers carry what `wanted` says of their colour: version and role. Then whoever asks gets `version` alone.
    async fn comes_to(&self, wanted: [(&str, &str); 2], version: &str) {
        for _ in 0..60 {
            let carries = |nth: usize| {
                let id = &self.servers.all[nth].0;
                (
                    self.stage.version(id),
                    self.stage.tag(id, "ReleaseRole").unwrap_or_default(),
                )
            };
            let right = |nth: usize| {
                let (version, role) = wanted[nth / EACH];
                carries(nth) == (version.to_owned(), role.to_owned())
            };
            if (0..2 * EACH).all(right) {
                return self.only(version).await;
            }
            self.pass().await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        panic!("never {wanted:?}: {}", self.stage.release_cell(CHANNEL, "status"));
    }

    /// Waits until everybody gets this version, and nothing failed on the way.
    async fn only(&self, version: &str) {
        let begun = tokio::time::Instant::now();
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let answers = self.load.take();
            whole(&answers);
            println!("{answers:?}");
            let all = answers.len() == 1 && answers.contains_key(&(200, version.to_owned()));
            if all {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "not all get {version}: {answers:?}");
        }
    }
}

/// No request was lost.
fn whole(answers: &Answers) {
    assert!(!answers.is_empty(), "nobody was answered");
    assert!(answers.keys().all(|(status, _)| *status == 200), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_and_a_rollback_in_keep_lose_no_request() {
    let Some(program) = program("haproxy", "-v", LIBRARIES) else {
        return;
    };
    let world = World::new(&program, "1h").await;
    world.only("2.3.9").await;
    world.stage.turn_keys(CHANNEL, "2.4.0");
    world.passes_until("keep").await;
    world
        .comes_to([("2.3.9", "preview"), ("2.4.0", "active")], "2.4.0")
        .await;
    world.stage.set(CHANNEL, "rollback", true);
    world
        .comes_to([("2.3.9", "active"), ("2.3.9", "preview")], "2.3.9")
        .await;
    assert_eq!(world.servers.changed_in_traffic(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_in_follow_loses_no_request() {
    let Some(program) = program("haproxy", "-v", LIBRARIES) else {
        return;
    };
    let world = World::new(&program, "0s").await;
    world.stage.turn_keys(CHANNEL, "2.4.0");
    world.passes_until("follow").await;
    assert_eq!(world.servers.changed_in_traffic(), Vec::<String>::new());
    world.stage.set(CHANNEL, "rollback", true);
    world
        .comes_to([("2.3.9", "preview"), ("2.3.9", "active")], "2.3.9")
        .await;
    // Those that take traffic, and no others, went back in place.
    let green: Vec<String> = world.servers.all[EACH..].iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(world.servers.changed_in_traffic(), green);
}

/// What Debian's package of HAProxy needs and a plain system lacks.
const LIBRARIES: &[&str] = &["liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1"];
