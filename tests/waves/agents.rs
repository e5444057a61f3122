//! A gate on agents in a rollout: what its members' tags say lets it go on, holds it or stops it, and never takes it back.

use fleetsheet::gate::{Agents, Gate, Kind, Verdict};
use fleetsheet::memory::{ChannelMemory, Move};
use fleetsheet::plan::RolloutRule;
use fleetsheet::plan::check::check;

use super::*;

/// `web` on 1.0, with a strategy of two waves that is watched by these gates, of which `agents` asks agents.
fn watched(gates: &[&str]) -> World {
    let mut world = world(4, strategy(&["50%", "100%"], gates));
    let agents = Gate {
        name: "agents".into(),
        kind: Kind::Agents(Agents {
            min_running: 1.0,
            max_bad: 0.0,
        }),
        ..super::gate("agents", "up")
    };
    let mut rollouts = rollouts(strategy(&["50%", "100%"], gates));
    rollouts.gates.insert("agents".into(), agents);
    world.policy.rollouts = Arc::new(rollouts);
    world
}

/// The agent of each server that carries a version writes these tags.
fn say(world: &mut World, carries: &str, running: &str, word: &str) {
    let at = world.now.format("%Y-%m-%dT%H:%M:%SZ");
    for server in world.fleet.servers.values_mut() {
        if server
            .tags
            .get("ReleaseVersion")
            .is_some_and(|version| &**version == carries)
        {
            server.tags.insert("ReleaseRunning".into(), running.into());
            server
                .tags
                .insert("ReleaseAgent".into(), format!("{word} @ {at}").into());
        }
    }
}

fn web(plan: &Plan) -> &ChannelPlan {
    &plan.channels[0]
}

fn reading(plan: &Plan) -> Verdict {
    web(plan).rollout.as_ref().unwrap().gates[0].reading.verdict
}

#[test]
fn members_that_run_the_release_let_the_next_wave_start() {
    let mut world = watched(&["agents"]);
    say(&mut world, "1.0", "1.0", "ok");
    keys(&mut world, "2.0", "2.0");
    assert_eq!(
        web(&pass(&mut world)).rollout.as_ref().unwrap().rule,
        RolloutRule::Starts
    );
    // Two members carry it by their tag, and nobody has said yet that it runs.
    for _ in 0..6 {
        let plan = pass(&mut world);
        assert_eq!(reading(&plan), Verdict::NoData);
        assert_eq!(web(&plan).rollout.as_ref().unwrap().rule, RolloutRule::Watched);
        assert!(
            web(&plan).status.contains("waits: gate agents: no data"),
            "{}",
            web(&plan).status
        );
    }
    say(&mut world, "2.0", "2.0", "ok");
    for wave in [1, 1, 2] {
        let plan = pass(&mut world);
        let rollout = web(&plan).rollout.as_ref().unwrap();
        assert_eq!((rollout.wave, reading(&plan)), (wave, Verdict::Pass));
        let line = &rollout.gates[0];
        assert_eq!(line.reading.value, Some(1.0));
        assert_eq!((line.reading.limit, line.reading.samples), (Some(1.0), Some(2.0)));
        assert!(line.asked.is_empty());
    }
}

#[test]
fn a_member_in_trouble_pauses_where_other_gates_would_roll_back() {
    for word in [
        "quarantined 2.0: health site 502",
        "failed space",
        "unhealthy health:site",
        "broken",
    ] {
        let mut world = watched(&["agents"]);
        say(&mut world, "1.0", "1.0", "ok");
        keys(&mut world, "2.0", "2.0");
        pass(&mut world);
        pass(&mut world);
        say(&mut world, "2.0", "1.0", word);
        assert_eq!(
            web(&pass(&mut world)).rollout.as_ref().unwrap().rule,
            RolloutRule::Fails
        );
        for _ in 0..5 {
            let plan = pass(&mut world);
            let web = web(&plan);
            assert_eq!(web.rollout.as_ref().unwrap().rule, RolloutRule::Stopped, "{word}");
            assert!(
                web.status
                    .contains("paused at wave 1/2 of 2.0: gate agents failed in wave 1/2")
            );
            assert_eq!(web.release.as_ref().unwrap().as_str(), "2.0");
            assert!(plan.servers.iter().all(|server| server.changes.is_empty()), "{word}");
        }
        // Well again, and somebody lets it go on.
        say(&mut world, "2.0", "2.0", "ok");
        tick(&mut world, "advance", true);
        let plan = pass(&mut world);
        assert_eq!(web(&plan).rollout.as_ref().unwrap().wave, 2, "{}", web(&plan).status);
    }
}

#[test]
fn a_word_of_before_the_wave_is_not_the_release_s_fault_and_is_no_pass_either() {
    let mut world = watched(&["agents"]);
    say(&mut world, "1.0", "1.0", "failed apt");
    keys(&mut world, "2.0", "2.0");
    pass(&mut world);
    // Heartbeats say it again.
    for _ in 0..4 {
        world.wait(TimeDelta::hours(6));
        say(&mut world, "2.0", "1.0", "failed apt");
        let plan = pass(&mut world);
        assert_eq!(reading(&plan), Verdict::NoData, "{}", web(&plan).status);
    }
    say(&mut world, "2.0", "1.0", "failed space");
    assert_eq!(reading(&pass(&mut world)), Verdict::Fail);
}

#[test]
fn held_servers_and_those_that_no_wave_took_are_not_asked() {
    let mut world = watched(&["agents"]);
    say(&mut world, "1.0", "1.0", "ok");
    keys(&mut world, "2.0", "2.0");
    pass(&mut world);
    pass(&mut world);
    say(&mut world, "2.0", "2.0", "ok");
    say(&mut world, "1.0", "1.0", "broken");
    assert_eq!(reading(&pass(&mut world)), Verdict::Pass);
    let member = world.fleet.servers.iter().find(|(_, server)| {
        let carries = server.tags.get("ReleaseVersion");
        carries.is_some_and(|version| &**version == "2.0")
    });
    let member = member.unwrap().0.to_string();
    let broken = format!("broken @ {}", world.now.format("%Y-%m-%dT%H:%M:%SZ"));
    let tags = &mut world.fleet.servers.get_mut(&*member).unwrap().tags;
    tags.insert("ReleaseAgent".into(), broken.into());
    let row = world
        .servers
        .rows
        .iter_mut()
        .find(|row| row["serverId"] == text(&member));
    row.unwrap().insert("hold".into(), Cell::Bool(true));
    let plan = pass(&mut world);
    let gate = &web(&plan).rollout.as_ref().unwrap().gates[0];
    assert_eq!((gate.reading.verdict, gate.reading.samples), (Verdict::Pass, Some(1.0)));
}

#[test]
fn another_gate_that_fails_takes_the_release_back_all_the_same() {
    let mut world = watched(&["agents", "errors"]);
    say(&mut world, "1.0", "1.0", "ok");
    keys(&mut world, "2.0", "2.0");
    pass(&mut world);
    pass(&mut world);
    say(&mut world, "2.0", "1.0", "broken");
    let fails = Taken {
        reading: Reading {
            verdict: Verdict::Fail,
            ..Reading::no_data("1 > 0.01")
        },
        asked: Vec::new(),
        left_out: false,
    };
    let gates = BTreeMap::from([("errors".to_owned(), fails)]);
    world.readings = Readings(BTreeMap::from([("web".into(), gates)]));
    pass(&mut world);
    let plan = pass(&mut world);
    assert_eq!(web(&plan).rule.number(), 1, "{}", web(&plan).status);
    assert!(
        web(&plan)
            .status
            .starts_with("rolled back from 2.0: gate errors failed"),
        "{}",
        web(&plan).status
    );
}

/// The independent look at a plan.
fn verdict(world: &World, plan: &Plan) -> Result<(), Vec<String>> {
    let (sheet, policy) = (world.sheet().unwrap(), world.policy(&Options::default()));
    check(world.inputs(&sheet, &policy), plan).map(|_| ())
}

#[test]
fn a_plan_that_takes_a_release_back_for_an_agent_or_leaves_a_wave_without_its_word_is_refused() {
    let mut world = watched(&["agents"]);
    say(&mut world, "1.0", "1.0", "ok");
    keys(&mut world, "2.0", "2.0");
    for _ in 0..4 {
        pass(&mut world);
    }
    world.wait(TimeDelta::minutes(1));
    // Nobody has said that it runs.
    let mut plan = world.decide(&Options::default());
    assert_eq!(verdict(&world, &plan), Ok(()));
    let mut next = world.channel("web").unwrap().clone();
    let rollout = next.rollout.as_mut().unwrap();
    (rollout.wave, rollout.settled) = (1, None);
    plan.update.channels.insert("web".into(), next);
    let faults = verdict(&world, &plan).unwrap_err();
    assert!(
        faults.iter().any(|fault| fault.contains("leaves a wave without data")),
        "{faults:?}"
    );
    // What it said when it was taken is kept.
    let mut plan = world.decide(&Options::default());
    let (id, known) = world
        .memory
        .servers
        .iter()
        .find(|(_, known)| known.member.is_some())
        .unwrap();
    let mut forgetful = known.clone();
    Arc::make_mut(&mut forgetful).member.as_mut().unwrap().said = Some("broken".into());
    plan.update.servers.insert(id.clone(), forgetful);
    let faults = verdict(&world, &plan).unwrap_err();
    assert!(
        faults.iter().any(|fault| fault.contains("forgets what the agent of")),
        "{faults:?}"
    );
    // Its members are in trouble, and stay where they are.
    say(&mut world, "2.0", "1.0", "broken");
    pass(&mut world);
    pass(&mut world);
    world.wait(TimeDelta::minutes(1));
    let mut plan = world.decide(&Options::default());
    assert_eq!(verdict(&world, &plan), Ok(()));
    let known = world.channel("web").unwrap().clone();
    let back = ChannelMemory {
        release: known.prior.clone(),
        prior: None,
        prior_approved: false,
        rollout: None,
        moved: Move::Rollback,
        ..known
    };
    plan.update.channels.insert("web".into(), back);
    let faults = verdict(&world, &plan).unwrap_err();
    assert!(
        faults.iter().any(|fault| fault.contains("though no gate has failed")),
        "{faults:?}"
    );
}
