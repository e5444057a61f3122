//! The suites over servers that others wrote, moto, aiosmtpd, Prometheus, HAProxy and PostgreSQL: our reading of the protocols against theirs. They
//! need python3, and a package index and Debian's packages within reach when they run for the first time.
#![expect(clippy::expect_used, reason = "a test stops where it fails")]

#[expect(dead_code, reason = "part of it is for the suites over emulators")]
#[path = "support/daemon.rs"]
mod daemon;
#[path = "support/debian.rs"]
mod debian;
#[expect(dead_code, reason = "part of it is for the suites over emulators")]
#[path = "support/mailbox.rs"]
mod mailbox;
#[path = "support/preload.rs"]
mod preload;
#[expect(dead_code, reason = "most of it is for the suites over emulators")]
#[path = "support/stage.rs"]
mod stage;
#[path = "support/venv.rs"]
mod venv;

mod browser;
mod cloudwatch_real_client;
mod haproxy;
mod mail_real_server;
mod moto;
mod postgres;
mod prometheus_real_server;
