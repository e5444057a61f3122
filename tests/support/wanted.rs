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

    /// History, audit log and mail tell what they should, and nothing twice.
    pub(crate) fn assert_told(&self, scene: &Scene) {
        assert_eq!(scene.history(), self.history);
        assert_eq!(scene.stage.audit_lines(), self.audit);
        assert_eq!(scene.told(), self.told);
    }
}
