//! The service, as it is run: ticks, signals, reloads, its port and its logs.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops where it fails")]

#[path = "support/aftermath.rs"]
mod aftermath;
#[path = "service/clock.rs"]
mod clock;
#[path = "support/daemon.rs"]
mod daemon;
#[path = "service/http.rs"]
mod http;
#[path = "service/logs.rs"]
mod logs;
#[path = "support/preload.rs"]
mod preload;
#[path = "service/reload.rs"]
mod reload;
#[path = "service/signals.rs"]
mod signals;
#[path = "support/stage.rs"]
mod stage;
#[path = "service/ticks.rs"]
mod ticks;
