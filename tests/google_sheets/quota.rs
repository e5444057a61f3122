//! A minute's quota that is used up: the next minute is waited for, once, and nobody asks meanwhile.

use std::time::{Duration, Instant};

use fleetsheet::sheet::{SheetErrorKind, SheetReader as _, TabRequest};
use fleetsheet_mocks::faults::{Fault, When};

use super::world::{RELEASES, World};

const RELEASES_ONLY: [TabRequest<'static>; 1] = [TabRequest {
    title: RELEASES,
    header_only: false,
}];

const MINUTE: Duration = Duration::from_secs(60);

/// An emulator that does not say how long to wait, as Google may not.
async fn silent() -> World {
    let world = World::new().await;
    world.emulator.desk().set_retry_after(None);
    world
}

/// The answers to reads so far, and when they were asked for.
fn asked(world: &World) -> Vec<(u16, Instant)> {
    let log = world.emulator.script().log();
    let reads = log.into_iter().filter(|call| call.method == "sheets.get");
    reads.map(|call| (call.status, call.at)).collect()
}

#[tokio::test]
async fn in_the_next_minute_each_call_that_waits_is_made_once() {
    let world = silent().await;
    world.emulator.desk().set_quota(2, 2, MINUTE);
    for _ in 0..2 {
        world.sheets.read(&RELEASES_ONLY).await.unwrap();
    }
    let later = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.sheets.read(&RELEASES_ONLY).await
    };
    let (refused, held) = tokio::join!(world.sheets.read(&RELEASES_ONLY), later);
    assert!(refused.is_ok() && held.is_ok(), "{refused:?} {held:?}");
    let asked = asked(&world);
    let statuses: Vec<u16> = asked.iter().map(|(status, _)| *status).collect();
    assert_eq!(
        statuses,
        [200, 200, 429, 200, 200],
        "one further attempt, and none by the call that came later"
    );
    let waited = asked[3].1 - asked[2].1;
    assert!(
        waited >= MINUTE && waited < MINUTE + Duration::from_secs(8),
        "{waited:?}"
    );
}

#[tokio::test]
async fn a_pass_that_ends_before_the_next_minute_does_not_wait_and_the_next_one_does_not_ask() {
    let world = silent().await;
    world.emulator.script().fail("sheets.get", When::Every, Fault::Throttle);
    let begun = Instant::now();
    for _ in 0..2 {
        let result = world.within(30_000).read(&RELEASES_ONLY).await;
        world.failed(result, SheetErrorKind::Quota, "quota for this minute is used up");
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(asked(&world).len(), 1);
}

#[tokio::test]
async fn a_server_that_says_how_long_is_asked_again_then_and_no_third_time_in_that_minute() {
    let world = World::new().await;
    world.emulator.script().fail("sheets.get", When::Every, Fault::Throttle);
    let result = world.within(30_000).read(&RELEASES_ONLY).await;
    world.failed(result, SheetErrorKind::Quota, "quota for this minute is used up");
    let asked = asked(&world);
    assert_eq!(asked.len(), 2);
    assert!(asked[1].1 - asked[0].1 >= Duration::from_secs(1));
}
