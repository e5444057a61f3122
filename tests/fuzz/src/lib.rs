//! Targets for a fuzzer: each takes any bytes, gives them to a part of fleetsheet that reads what others wrote, and panics where
//! a promise is broken.
//!
//! The promises are stated here anew, and never asked of the code that keeps them. `run` plays the fuzzer; without one, the
//! inputs that it found interesting are replayed as an ordinary test.

pub mod cells;
pub mod config;
pub mod ec2;
pub mod google;
mod judge;
pub mod prometheus;
mod scene;
pub mod sheet;
pub mod smtp;
pub mod state;

/// A target: takes any bytes, and panics if fleetsheet mishandles them.
pub type Target = fn(&[u8]);

/// All targets by name; each has a folder of this name in the corpus.
pub const TARGETS: [(&str, Target); 11] = [
    ("sheet", sheet::sheet),
    ("cells", cells::cells),
    ("config", config::config),
    ("google", google::google),
    ("pieces", google::pieces),
    ("keyfile", google::keyfile),
    ("ec2", ec2::ec2),
    ("prometheus", prometheus::prometheus),
    ("smtp", smtp::smtp),
    ("rows", state::rows),
    ("file", state::file),
];

/// The target of this name.
#[must_use]
pub fn find(name: &str) -> Option<Target> {
    TARGETS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, target)| *target)
}
