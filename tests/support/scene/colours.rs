//! A scene in which releases switch colours: which server is of which, and how far the switch has come before the pass that is to
//! be tried.

use super::{Scene, Work};
use crate::traffic::{COLOUR, Traffic};

/// The switch waits for `advance`; all else goes on as soon as the gate has passed once.
const STRATEGY: &str = r#"[{ name = "colours", channels = ["web-prod"], kind = "blue_green", manual = true, bake = "0s", warmup = "0s", overlap = "0s", keep = "KEEP", gates = ["errors"] }]"#;

/// Servers of the channel; the fifth is of no colour.
const OF: [(&str, &str); 4] = [
    ("i-00000000000000a01", "blue"),
    ("i-00000000000000a04", "blue"),
    ("i-00000000000000a02", "green"),
    ("i-00000000000000a05", "green"),
];

impl Work {
    /// Whether a release switches colours.
    pub(crate) fn is_in_colours(self) -> bool {
        matches!(self, Self::Switch | Self::Handover | Self::Return)
    }
}

/// The strategy that this work needs.
pub(super) fn strategy(work: Work) -> String {
    STRATEGY.replace("KEEP", if work == Work::Return { "1h" } else { "0s" })
}

impl Scene {
    /// Gives the servers their colours.
    pub(super) fn paint(&self) {
        self.stage.cloud.edit(|fleet| {
            for (id, colour) in OF {
                assert!(fleet.set_tag(id, COLOUR, colour));
            }
        });
    }

    /// Brings the release up to the pass that has this work to do.
    pub(super) async fn switch(&self, work: Work) {
        let stage = &self.stage;
        self.rest().await;
        stage.turn_keys("web-prod", "2.0.0");
        self.rest().await;
        let status = stage.release_cell("web-prod", "status");
        assert!(status.contains("waits for advance"), "{status}");
        stage.set("web-prod", "advance", true);
        if work == Work::Switch {
            return;
        }
        stage.settle().await;
        if work == Work::Return {
            self.rest().await;
            let status = stage.release_cell("web-prod", "status");
            assert!(status.contains("phase 3/4 (keep)"), "{status}");
            stage.set("web-prod", "rollback", true);
        }
    }

    /// Traffic went as it may, write by write.
    pub(crate) fn assert_traffic(&self) {
        let traffic = Traffic::of(&self.stage, "web-prod");
        traffic.assert_one_colour_is_wholly_active();
        traffic.assert_traffic_comes_to_whole_colours();
        assert_eq!(traffic.changed_in_traffic(), [""; 0]);
    }
}
