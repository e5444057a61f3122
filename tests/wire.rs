//! The suites over emulators: the adapters alone, and the real program as a user runs it. One program for all of them, so that
//! suites that wait run beside suites that compute.
//!
//! `cargo test --test wire faults::` runs one suite.
#![expect(clippy::expect_used, reason = "a test stops where it fails")]

#[path = "support/aftermath.rs"]
mod aftermath;
#[path = "support/computed.rs"]
mod computed;
#[path = "support/crew.rs"]
mod crew;
#[path = "support/daemon.rs"]
mod daemon;
#[path = "support/mailbox.rs"]
mod mailbox;
#[path = "support/matrix.rs"]
mod matrix;
#[path = "support/preload.rs"]
mod preload;
#[path = "support/resident.rs"]
mod resident;
#[path = "support/scene.rs"]
mod scene;
#[path = "support/stage.rs"]
mod stage;
#[path = "support/traffic.rs"]
mod traffic;
#[path = "support/wanted.rs"]
mod wanted;

mod add;
mod budget;
mod cloudwatch;
mod ec2;
mod faults;
mod google_sheets;
mod hostile;
mod init;
mod keyless;
mod kills;
mod mail;
mod meanwhile;
mod night;
mod pass;
mod prerequisites;
mod printing;
mod prometheus;
mod sandbox;
mod service;
mod switching;
mod threats;
mod two_keys;

/// Whether everything is to be tried that is a sample otherwise: `WHOLE=1 cargo test --workspace --locked`.
fn whole() -> bool {
    std::env::var_os("WHOLE").is_some_and(|asked| !asked.is_empty())
}
