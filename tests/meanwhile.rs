//! People at work while a pass runs: every kind of edit at every point between two requests of a pass that has everything to
//! do at once. What must hold afterwards is in `law`.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]
#![expect(
    clippy::print_stdout,
    reason = "how much was tried is told where it is asked for, with --nocapture"
)]

mod arena;
mod cells;
mod deeds;
mod files;
mod hands;
mod law;
mod machines;
mod structure;
mod waves;

use std::collections::VecDeque;
use std::sync::Mutex;

use arena::Arena;
use deeds::Deed;

/// Points that the disturbed pass has at least: before its first look, the look for new rows, the append, the look at what
/// stands there, the write and the read back, and after its last answer.
const POINTS: usize = 7;

/// Tries each deed at each point, several at a time, and tells of all that fell.
async fn everywhere(group: &str, deeds: Vec<Deed>) {
    let count = deeds.len();
    let queue = Mutex::new(VecDeque::from(deeds));
    let (one, two) = tokio::join!(lane(&queue), lane(&queue));
    let (tried, fell) = (one.0 + two.0, [one.1, two.1].concat());
    println!("{group}: {count} deeds at every point: {tried} interleavings");
    assert!(
        fell.is_empty(),
        "{} interleavings fell:\n{}",
        fell.len(),
        fell.join("\n")
    );
    assert!(tried >= count * POINTS, "{tried} interleavings of {count} deeds");
}

async fn lane(queue: &Mutex<VecDeque<Deed>>) -> (usize, Vec<String>) {
    let arena = Arena::new().await;
    let (mut tried, mut fell) = (0, Vec::new());
    loop {
        let Some(deed) = queue.lock().unwrap().pop_front() else {
            return (tried, fell);
        };
        for at in std::iter::once(None).chain((1..).map(Some)) {
            let Some(trial) = arena.attempt(&deed, at).await else {
                break;
            };
            tried += 1;
            let faults = law::faults(&deed, &trial, arena.settled);
            if !faults.is_empty() {
                let place = at.map_or("after the last answer".into(), |nth| {
                    format!("before request {nth}, {}", trial.method)
                });
                let fault = format!("{} {place}:\n    {}", deed.name, faults.join("\n    "));
                println!("{fault}");
                fell.push(fault);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows() {
    everywhere("rows", structure::rows()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn columns() {
    everywhere("columns", structure::columns()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers() {
    everywhere("headers", structure::headers()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tabs_versions_and_protections() {
    let settled = Arena::new().await.settled;
    let deeds = [files::tabs(), files::versions(settled), files::protections()];
    everywhere("tabs, versions and protections", deeds.concat()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cells_of_channels() {
    everywhere("cells of channels", cells::releases()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cells_of_servers() {
    everywhere("cells of servers", cells::servers()).await;
}
