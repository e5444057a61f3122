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
    /// What there is now. Whether a way back by roles was completed in the same pass or in a later one follows from what befalls it.
    pub(crate) fn find(scene: &Scene) -> Self {
        Self {
            world: scene.essence(),
            history: completed(scene.history()).0,
            audit: completed(scene.stage.audit_lines()).0,
            told: scene
                .told()
                .into_iter()
                .filter(|line| !line.contains(" (completed"))
                .collect(),
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
        self.assert_told_beside(scene, &[]);
    }

    /// The same, where a pass could not see that what waited for people does so no longer: its mail goes on to list that.
    pub(crate) fn assert_told_beside(&self, scene: &Scene, waited: &[String]) {
        let (history, late) = completed(scene.history());
        assert_eq!(history, self.history);
        for done in &late {
            let moved = |event: &&[String; 4]| {
                ["promotion", "rollback", "auto_rollback", "taken_back"].contains(&event[0].as_str())
                    && event[1..] == done[1..]
            };
            assert_eq!(history.iter().filter(moved).count(), 1, "{done:?} of {history:?}");
            assert_eq!(late.iter().filter(|other| *other == done).count(), 1, "{late:?}");
        }
        let (audit, logged) = completed(scene.stage.audit_lines());
        assert_eq!((audit, logged), (self.audit.clone(), late.clone()));
        let (again, told): (Vec<String>, Vec<String>) =
            scene.told().into_iter().partition(|line| line.contains(" (completed"));
        let is_news = |line: &String| self.told.contains(line) || !waited.contains(line);
        let told: Vec<String> = told.into_iter().filter(is_news).collect();
        assert_eq!((told, again.len()), (self.told.clone(), late.len()));
    }
}

/// Events but for those that tell of a release that it is everywhere now, and those.
fn completed(mut events: Vec<[String; 4]>) -> (Vec<[String; 4]>, Vec<[String; 4]>) {
    events.sort();
    events.into_iter().partition(|event| event[0] != "completed")
}
