//! What a pass that nothing befell leaves behind: what every pass that something befell must come to in the end.

use crate::aftermath::World;
use crate::scene::Scene;

/// What there is in the end, and what was told of it.
pub(crate) struct Wanted {
    pub(crate) world: World,
    history: Vec<[String; 4]>,
    audit: Vec<[String; 4]>,
    told: Vec<String>,
}

impl Wanted {
    /// What there is now.
    pub(crate) fn find(scene: &Scene) -> Self {
        Self {
            world: scene.essence(),
            history: scene.history(),
            audit: scene.stage.audit_lines(),
            told: scene.told(),
        }
    }

    /// Tags and rows are as they should be, and only cells of the service were written.
    pub(crate) fn assert_world(&self, scene: &Scene) {
        scene.stage.assert_rows_are_single();
        scene.stage.assert_only_service_cells_were_written();
        assert_eq!(scene.essence(), self.world);
    }

    /// History, audit log and mail tell what they should, and nothing twice. What could not reach all its servers at once is told
    /// again when it has.
    pub(crate) fn assert_told(&self, scene: &Scene) {
        let (history, late) = completed(scene.history());
        assert_eq!(history, self.history);
        for done in &late {
            let moved = |event: &&[String; 4]| {
                ["promotion", "rollback"].contains(&event[0].as_str()) && event[1..] == done[1..]
            };
            assert_eq!(history.iter().filter(moved).count(), 1, "{done:?} of {history:?}");
            assert_eq!(late.iter().filter(|other| *other == done).count(), 1, "{late:?}");
        }
        let (audit, logged) = completed(scene.stage.audit_lines());
        assert_eq!((audit, logged), (self.audit.clone(), late.clone()));
        let (again, told): (Vec<String>, Vec<String>) =
            scene.told().into_iter().partition(|line| line.contains(" (completed"));
        assert_eq!((told, again.len()), (self.told.clone(), late.len()));
    }
}

/// Events but for those that tell of a release that it is everywhere now, and those.
fn completed(events: Vec<[String; 4]>) -> (Vec<[String; 4]>, Vec<[String; 4]>) {
    events.into_iter().partition(|event| event[0] != "completed")
}
