//! The fault matrix: every method that a pass calls, each way for a call to go wrong, at its first, its middle, its last and at
//! every call. The pass must end in time and say what was wrong; the next pass must end in the very world in which a pass
//! that met no fault ends.
#![expect(clippy::expect_used, reason = "a test stops where it fails")]

mod looks;
mod passes;
mod verdict;

use fleetsheet_mocks::faults::Script;
use fleetsheet_mocks::prometheus::PrometheusEmulator;

use crate::matrix::Trial;
use crate::scene::Scene;

/// Trials that run side by side: most of their time they wait.
const WORKERS: usize = 12;

/// The script of the emulator that a trial is about.
fn script(scene: &Scene, trial: &Trial) -> Script {
    match trial.method.split('.').next() {
        Some("smtp") => scene.smtp.script(),
        Some("sheets" | "oauth2") => scene.stage.sheets.script().clone(),
        Some("prometheus") => scene
            .prometheus
            .as_ref()
            .map(PrometheusEmulator::script)
            .unwrap_or_default(),
        _ => scene.stage.cloud.script(),
    }
}
