//! Letters about rollouts.

use insta::assert_snapshot;

use super::time::World;
use super::*;
use crate::mail::PassedWave;

fn rollout(event: &str, kind: Kind, carrying: u64, concerned: u64) -> News {
    News {
        reach: Some(Reach {
            carrying,
            concerned,
            failed: 0,
            already: 0,
        }),
        ..news(event, kind)
    }
}

fn passed(wave: usize, to: &str, servers: u64, hours: i32, took: TimeDelta) -> PassedWave {
    let began = start() - HOUR * hours;
    PassedWave {
        wave,
        to: to.into(),
        servers,
        began,
        ended: began + took,
    }
}

fn begins() -> News {
    News {
        text: "in 5 waves, by strategy careful; wave 1 (10%) takes 150 servers".into(),
        ..rollout("rollout", Kind::Release, 150, 150)
    }
}

fn done() -> News {
    News {
        reach: None,
        waves: vec![
            passed(1, "canary", 5, 6, TimeDelta::minutes(47)),
            passed(2, "25%", 375, 5, HOUR),
            passed(3, "zone:eu-west-1a", 750, 4, HOUR * 3 + TimeDelta::minutes(5)),
            passed(4, "100%", 1500, 1, HOUR),
        ],
        ..news("rollout_done", Kind::Release)
    }
}

fn gate_failed() -> News {
    News {
        from: "2.4.0".into(),
        to: "2.3.9".into(),
        cause: "gate errors failed in wave 2/5 (0.031 > 0.01)".into(),
        advice:
            "clear both keys, let a pass see it and type 2.4.0 into both keys: that begins to roll 2.4.0 out in waves"
                .into(),
        ..rollout("auto_rollback", Kind::Gate, 1500, 1500)
    }
}

fn taken_back() -> News {
    News {
        from: "2.4.0".into(),
        to: "2.3.9".into(),
        ..rollout("taken_back", Kind::Release, 1500, 1500)
    }
}

#[test]
fn a_rollout_is_told_from_its_start_to_its_end() {
    let waits = "web-prod: wave 2/5 of 2.4.0 is over and waits for advance; tick advance to start the next wave, or rollback to \
                 leave 2.4.0";
    let stands = "web-prod: gate errors failed in wave 2/5 (0.031 > 0.01), so 2.4.0 stands; tick advance to go on once it passes, or \
                  rollback to leave 2.4.0";
    let stalled = "web-prod: wave 2/5 of 2.4.0 has been held since 08:00 UTC; see what its status waits for, or tick rollback to \
                   leave 2.4.0";
    let digest = Digest {
        news: vec![begins(), done(), gate_failed(), taken_back()],
        new: vec![
            item(Kind::Release, "advance", "ReleaseSheet!F4", waits),
            item(Kind::Gate, "gate_failed", "ReleaseSheet!J4", stands),
            item(Kind::Gate, "stalled", "ReleaseSheet!J5", stalled),
        ],
        ..empty()
    };
    let page = Page::of(&digest);
    assert_snapshot!(format!("Subject: {}\n\n{}", page.subject, text::render(&page)));
    if let Ok(path) = std::env::var("FLEETSHEET_SHOW_MAIL") {
        std::fs::write(format!("{path}.rollout.html"), html::render(&page)).unwrap();
    }
}

#[test]
fn subjects_say_what_became_of_a_rollout() {
    let subject = |news: News| {
        let digest = Digest {
            news: vec![news],
            ..empty()
        };
        Page::of(&digest).subject
    };
    let subjects = [begins(), done(), gate_failed(), taken_back()].map(subject);
    assert_eq!(
        subjects,
        [
            "[fleetsheet] web-prod: 2.4.0 begins to roll out",
            "[fleetsheet] web-prod: 2.4.0 has gone out in all waves",
            "[fleetsheet] web-prod: a gate failed, rolled back to 2.3.9 on 1,500 servers",
            "[fleetsheet] web-prod: taken back to 2.3.9 on 1,500 servers",
        ]
    );
}

#[test]
fn each_wave_that_waits_for_people_is_told_once_and_its_end_is_not() {
    let waits = |wave: u32| {
        let message = format!("web-prod: wave {wave}/5 of 2.4.0 is over and waits for advance; tick advance");
        [Problem::new(Kind::Release, Code::Advance, "ReleaseSheet!F4", message)]
    };
    let mut world = World::new();
    let later = TimeDelta::minutes(5);
    for wave in 1..=4 {
        assert_eq!(world.pass(later, &waits(wave)).len(), 1, "wave {wave}");
        assert_eq!(world.pass(later, &waits(wave)).len(), 0, "wave {wave}, again");
        assert_eq!(world.pass(later, &[]).len(), 0, "wave {wave}, gone");
    }
    // The same wave that comes and goes, with a gate that has data now and then, is told no more often than other problems.
    let mut letters = 0;
    for _ in 0..10 {
        letters += world.pass(later, &waits(5)).len() + world.pass(later, &[]).len();
    }
    assert_eq!(letters, 3);
}

#[test]
fn what_gates_say_goes_to_those_whom_its_route_names() {
    let mut world = World::new();
    world.routes.insert(Kind::Gate, vec!["oncall@example.com".into()]);
    let stalled = Problem::new(
        Kind::Gate,
        Code::Stalled,
        "ReleaseSheet!J4",
        "web-prod: wave 1/5 has not ended; look",
    );
    let letters = world.pass(TimeDelta::minutes(5), &[stalled]);
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].to, ["oncall@example.com"]);
    assert!(
        letters[0].subject.contains("rollout gets nowhere"),
        "{}",
        letters[0].subject
    );
    // It is gone: that is told, too.
    assert_eq!(world.pass(TimeDelta::minutes(5), &[]).len(), 1);
}

#[test]
fn trouble_says_who_is_in_it_and_how_to_leave_the_version() {
    let digest = Digest {
        news: vec![News {
            from: String::new(),
            text: "2 of 120 with an agent in trouble: i-1: quarantined 2.4.0: health site 502, i-2: broken".into(),
            advice: "tick rollback: that rolls back to 2.3.9".into(),
            ..news("trouble", Kind::Release)
        }],
        ..empty()
    };
    let page = Page::of(&digest);
    assert_eq!(page.subject, "[fleetsheet] web-prod: 2.4.0 in trouble");
    let crate::alert::page::Line::Entry(entry) = &page.sections[0].lines[0] else {
        panic!("{page:?}")
    };
    assert_eq!(
        entry.what,
        "2.4.0 is in trouble: 2 of 120 with an agent in trouble: i-1: quarantined 2.4.0: health site 502, i-2: broken."
    );
    assert_eq!(
        entry.fix,
        "run fleetsheet-agent status on the server; to leave the version, tick rollback: that rolls back to 2.3.9"
    );
}
