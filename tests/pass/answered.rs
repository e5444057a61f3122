//! What an order shows a person on a terminal before it asks, and that it goes by the answer.

use crate::scene::{Scene, Work};
use crate::stage::Ran;

const ORDER: [&str; 4] = ["rollback", "web-prod", "--reason", "2.0.0 loses orders"];

async fn answered(scene: &Scene, answer: &str) -> Ran {
    scene.stage.on_terminal(120, &ORDER, &[("ANSWER", answer)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_shows_what_it_comes_to_and_goes_by_the_answer() {
    let scene = Scene::ready(Work::Start).await;
    assert_eq!(scene.pass().await.json["changed"], 2);
    let before = scene.stage.world().tags;
    for answer in ["no", "", "YES"] {
        let ran = answered(&scene, answer).await;
        assert_eq!(ran.code, 1, "{answer}: {ran:?}");
        let shown =
            "web-prod: 2.0.0 → 1.0.0\n  2 servers will change\n    1 in main/eu-west-1\n    1 in main/us-east-1\n";
        assert!(ran.stdout.contains(shown), "{}", ran.stdout);
        assert!(
            ran.stdout.contains("not confirmed, so nothing was changed"),
            "{}",
            ran.stdout
        );
        assert_eq!(scene.stage.world().tags, before);
    }
    let ran = answered(&scene, "yes").await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_ne!(scene.stage.world().tags, before);
}

/// A first release over several versions leaves none behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_without_a_former_version_says_that_servers_stay() {
    let scene = Scene::start_for(Work::Start).await;
    let stage = &scene.stage;
    for nth in [1, 2] {
        let id = format!("i-00000000000000a0{nth}");
        stage
            .cloud
            .edit(|fleet| assert!(fleet.set_tag(&id, "ReleaseVersion", "0.9.0")));
    }
    for keys in ["", "2.0.0"] {
        stage.settle().await;
        stage.turn_keys("web-prod", keys);
    }
    assert_eq!(scene.pass().await.json["changed"], 2);
    let before = stage.world().tags;
    let ran = answered(&scene, "yes").await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let shown = "web-prod: the rollout of 2.0.0 ends where its servers are, because it leaves no version to go back to\n  0 servers will change\n";
    assert!(ran.stdout.contains(shown), "{}", ran.stdout);
    assert_eq!(stage.world().tags, before);
}
