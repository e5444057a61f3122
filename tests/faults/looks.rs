//! Commands that only look, when what they look at fails: they say so and change nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::verdict::codes;
use super::{WORKERS, script};
use crate::crew;
use crate::matrix::trials;
use crate::scene::{Scene, Work};

const IN_TIME: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_changes_nothing_whatever_fails() {
    let scene = Scene::ready(Work::Everything).await;
    let moment = Arc::new(scene.moment());
    let before = Arc::new((scene.stage.world(), scene.stage.state_files()));
    let plan = ["plan", "--format", "json"];
    let ran = scene.stage.run(&plan).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let calls = [scene.stage.sheets.script().calls(), scene.stage.cloud.script().calls()];
    let calls = calls.into_iter().flatten().collect();
    let count = crew::all(trials(&calls), WORKERS, Scene::start, move |scene, trial| {
        let (moment, before) = (Arc::clone(&moment), Arc::clone(&before));
        async move {
            scene.go_back(&moment);
            let script = script(&scene, &trial);
            trial.strike(&script);
            let began = Instant::now();
            let ran = scene.stage.run(&plan).await;
            assert!(began.elapsed() < IN_TIME, "took {:?}", began.elapsed());
            assert!(
                codes(&trial).contains(&ran.code),
                "ends with {}: {:?}",
                ran.code,
                ran.problems()
            );
            assert_eq!(
                ran.code == 0,
                ran.problems_of("api_failure").is_empty(),
                "{:?}",
                ran.problems()
            );
            assert!(scene.stage.world() == before.0, "something was changed");
            let names = |files: &[(String, Vec<u8>)]| files.iter().map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>();
            assert!(
                names(&scene.stage.state_files()) == names(&before.1),
                "the store was changed"
            );
            assert_eq!(scene.stage.sheets.writes(), []);
            assert_eq!(scene.mails(), []);
        }
    })
    .await;
    println!("fault matrix: {count} faults of a plan");
}
