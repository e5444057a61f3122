//! The fuzzer, for the target that the variable `FUZZ_TARGET` names. It is started by `run`.

#![no_main]

use std::sync::OnceLock;

use fleetsheet_fuzz::{TARGETS, Target, find};

static TARGET: OnceLock<Target> = OnceLock::new();

/// The target that was asked for.
fn target() -> Target {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    find(&name).unwrap_or_else(|| {
        let known = TARGETS.map(|(name, _)| name).join(", ");
        panic!("set FUZZ_TARGET to one of {known}")
    })
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| TARGET.get_or_init(target)(data));
