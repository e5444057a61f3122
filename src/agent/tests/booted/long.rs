//! What time and full disks do: power cuts at each step, a disk that fills in mid-attempt, a clock that is put back, a day of runs.

use super::crashes::{killed_at, releases, sample, world};
use super::server::{Server, wait_for};
use super::{CONFIG, cannot_boot, hello, repository, server, server_with};

/// Killed before a step, and then the power goes: what was in the page cache only would be lost on a real disk, what ran is gone.
#[test]
fn a10_2_the_power_cut_at_a_step_of_join_upgrade_and_way_back_ends_like_one_that_nobody_cut() {
    if cannot_boot() {
        return;
    }
    let (mut server, repository) = server("power-steps");
    server.hurry();
    releases(&repository);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    for (to, ends) in [("2.0.0", "ok"), ("3.0.0", "quarantined")] {
        server.tag(Some(to));
        server.agent_until(ends, 3);
        server.cut_power();
        server.agent_until(ends, 3);
        let uncut = world(&server);
        for step in sample(4, 13, 70) {
            server.tag(Some("1.0.0"));
            server.agent_until("ok", 3);
            server.run(&format!("fleetsheet-agent retry {to}")).well();
            server.tag(Some(to));
            let was_killed = killed_at(&server, step);
            server.cut_power();
            let said = server.agent_until(ends, 3);
            assert_eq!(world(&server), uncut, "{to}, cut before step {step}: {said:#}");
            assert_eq!(server.agent()["actions"], serde_json::json!([]), "{to}, step {step}");
            if !was_killed {
                break;
            }
        }
        server.tag(Some("1.0.0"));
        server.agent_until("ok", 3);
    }
}

#[test]
fn a10_2_the_power_cut_in_a_postinst_is_repaired_and_the_release_goes_on() {
    if cannot_boot() {
        return;
    }
    let (mut server, repository) = server("power-postinst");
    server.hurry();
    let unit = "[Service]\nExecStart=/bin/sh -c 'cp /etc/hello.conf /run/hello.loaded; exec sleep infinity'\n[Install]\nWantedBy=multi-user.target\n";
    repository::package(
        &server.root(),
        "hello-fleet",
        "6.0-1",
        "hello-data",
        &[("lib/systemd/system/hello.service", unit)],
        "touch /run/in-postinst; sleep 5",
    );
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    repository.release("6.0.0", &[("web.yaml", &hello("6.0-1", "six", "/bin/true"))]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    server.tag(Some("6.0.0"));
    server
        .run("systemd-run -q --collect --unit=one -p KillMode=process /usr/local/bin/fleetsheet-agent run --once --now")
        .well();
    wait_for("the postinst", || {
        server.run("test -e /run/in-postinst").code == Some(0)
    });
    server.cut_power();
    assert_ne!(
        server
            .run("dpkg-query -W -f '${db:Status-Abbrev}' hello-fleet")
            .out
            .trim(),
        "hi",
        "the power went too late"
    );
    let said = server.agent_until("ok", 3);
    assert_eq!(said["running"], "6.0.0", "{said:#}");
    assert_eq!(
        server
            .run("dpkg-query -W -f '${Version} ${db:Status-Abbrev}' hello-fleet; dpkg --audit; cat /run/hello.loaded")
            .well(),
        "6.0-1 hi six"
    );
    assert_eq!(server.agent()["actions"], serde_json::json!([]));
}

const FILL: &str = "#!/bin/sh\n[ ! -e /run/filled ] || exit 0; touch /run/filled\ndd if=/dev/zero of=/var/lib/fleetsheet-agent/log/fill bs=1k 2>/dev/null\n\
                    n=$(cat /run/left); truncate -s -${n}K /var/lib/fleetsheet-agent/log/fill; exit 0\n";

/// The agent's own disk fills in mid-attempt, and has room for so much: each write of the journal, the memory, a snapshot fails once.
#[test]
fn a10_18_a_disk_that_is_full_at_any_write_of_an_attempt_leaves_one_of_two_and_settles_with_room() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("fills");
    server.hurry();
    server
        .run("mkdir -p /var/lib/fleetsheet-agent; mount -t tmpfs -o size=8M,mode=700 tmpfs /var/lib/fleetsheet-agent")
        .well();
    std::fs::write(server.root().join("usr/local/bin/fill"), FILL).unwrap();
    server.run("chmod 755 /usr/local/bin/fill; echo 0 > /run/left").well();
    let fills = |text: &str, health: &str| {
        hello("1.0-1", text, health).replace(
            "configure:",
            "  pre_install: []\n  post_install:\n    - { command: \"/usr/local/bin/fill\", sudo: true }\nconfigure:",
        )
    };
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    repository.release("2.0.0", &[("web.yaml", &fills("two", "/bin/true"))]);
    repository.release("3.0.0", &[("web.yaml", &fills("three", "/bin/false"))]);
    let empty = "rm -f /var/lib/fleetsheet-agent/log/fill";
    for left in sample(0, 8, 40) {
        for (to, ends, text) in [("2.0.0", "ok", "two"), ("3.0.0", "quarantined", "one")] {
            server
                .run(&format!("{empty}; rm -f /run/filled; echo {left} > /run/left"))
                .well();
            server.tag(Some("1.0.0"));
            server.agent_until("ok", 3);
            server.run(&format!("fleetsheet-agent retry {to}")).well();
            server.tag(Some(to));
            let said = server.run("fleetsheet-agent run --once --now --format json");
            assert!(matches!(said.code, Some(0 | 1 | 4)), "{left}K, {to}: {said:?}");
            server.run(empty).well();
            let said = until(&server, ends, empty);
            assert_eq!(
                server.run("cat /etc/hello.conf; cat /run/hello.loaded").well(),
                format!("{text}{text}"),
                "{left}K, {to}: {said:#}"
            );
        }
    }
}

fn until(server: &Server, state: &str, between: &str) -> serde_json::Value {
    let mut said = serde_json::Value::Null;
    for _ in 0..4 {
        said = server.agent();
        server.run(between).well();
        if said["state"] == state {
            return said;
        }
    }
    panic!("no {state}: {said:#}");
}

#[test]
fn a10_18_a_clock_that_is_put_back_a_day_stops_nothing() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server_with("clock", &CONFIG.replace("watch = \"0s\"", "watch = \"2s\""));
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    repository.release("2.0.0", &[("web.yaml", &hello("2.0-1", "two", "/bin/true"))]);
    repository.release("3.0.0", &[("web.yaml", &hello("2.0-1", "three", "/bin/false"))]);
    server.tag(Some("1.0.0"));
    assert_eq!(server.agent()["state"], "watching");
    let back = [("FLEETSHEET_AGENT_TEST_CLOCK", "-86400".to_owned())];
    let run = || {
        server
            .run_with("fleetsheet-agent run --once --now --format json", &back)
            .json()
    };
    // A watch does not become endless.
    let said = run();
    assert_eq!(
        (&said["state"], &said["running"]),
        (&"ok".into(), &"1.0.0".into()),
        "{said:#}"
    );
    server.tag(Some("2.0.0"));
    assert_eq!(run()["state"], "watching");
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(run()["running"], "2.0.0");
    server.tag(Some("3.0.0"));
    let said = run();
    assert_eq!(
        (&said["outcome"], &said["running"]),
        (&"taken_back".into(), &"2.0.0".into()),
        "{said:#}"
    );
    let said = run();
    assert_eq!(
        (&said["state"], &said["actions"]),
        (&"quarantined".into(), &serde_json::json!([])),
        "{said:#}"
    );
    // A hold that would end in 25 hours, which is longer than any, is over.
    server.run("fleetsheet-agent hold --for 1h x").well();
    assert_eq!(run()["state"], "quarantined");
    server.run("echo mine > /etc/hello.conf").well();
    run();
    assert_eq!(server.run("cat /etc/hello.conf").well(), "two");
    // EC2 refuses what was signed a day ago; once the clock is right again the report comes.
    server.agent();
    assert!(
        server
            .reported("ReleaseAgent")
            .unwrap()
            .starts_with("quarantined 3.0.0")
    );
}

/// A day has 1,440 runs; each run of the suite makes some of them.
#[test]
fn a10_19_runs_of_a_day_keep_memory_files_and_processes_flat() {
    if cannot_boot() {
        return;
    }
    let runs = if std::env::var_os("WHOLE").is_some() { 1440 } else { 60 };
    let (server, repository) = server("day");
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    server
        .run("systemd-run -q --unit=day --setenv=FLEETSHEET_AGENT_TEST_TICK=20 /usr/local/bin/fleetsheet-agent run")
        .well();
    let count = || {
        let text = server
            .run("grep '^fleetsheet_agent_runs_total' /var/lib/fleetsheet-agent/metrics.prom")
            .out;
        let numbers = text
            .lines()
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        numbers.sum::<f64>()
    };
    let wait = |least: f64| {
        let began = std::time::Instant::now();
        while count() < least {
            assert!(began.elapsed().as_secs() < 1800, "{} of {least} runs", count());
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
    };
    let holds = || {
        let line = "p=$(systemctl show -P MainPID day); awk '/VmRSS/{print $2}' /proc/$p/status; ls /proc/$p/fd | wc -l; \
                    du -sk /var/lib/fleetsheet-agent | cut -f1; find /var/lib/fleetsheet-agent | wc -l";
        let text = server.run(line).well();
        text.lines()
            .map(|line| line.trim().parse::<i64>().unwrap())
            .collect::<Vec<_>>()
    };
    wait(count() + 10.0);
    let before = holds();
    let invocation = server.run("systemctl show -p InvocationID day").well();
    wait(count() + f64::from(runs));
    let after = holds();
    assert_eq!(
        server.run("systemctl show -p InvocationID day").well(),
        invocation,
        "it was restarted"
    );
    let grown: Vec<i64> = before
        .iter()
        .zip(&after)
        .map(|(before, after)| after - before)
        .collect();
    // Resident: of a debug build 20 MB at most, and no more than half of one since; files and their sizes stay.
    assert!(after[0] < 20 * 1024 && grown[0] < 512, "{before:?} {after:?}");
    assert!(grown[1] <= 2 && grown[2] <= 8 && grown[3] <= 2, "{before:?} {after:?}");
    assert_eq!(server.run("systemctl stop day").code, Some(0));
}
