//! Tags that move while the agent is at work, releases that fail and are tried again, metadata that lies, a disk that is full.

use super::server::Server;
use super::{cannot_boot, hello, server};

/// Version, file and running service belong together; gives what they say.
fn whole(server: &Server) -> String {
    let seen = server
        .run("dpkg-query -W -f '${Version} ' hello-fleet; cat /etc/hello.conf; echo -n ' '; cat /run/hello.loaded")
        .out;
    let one = "1.0-1 one one";
    assert!(
        [one, "2.0-1 two two", "2.0-1 three three"].contains(&seen.as_str()),
        "half of two: {seen}"
    );
    seen
}

#[test]
fn a10_10_a_tag_that_moves_at_any_step_settles_within_three_runs_on_what_it_names_or_on_good() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("moves");
    server.hurry();
    let health = |text: &str| format!("/bin/grep -q {text} /run/hello.loaded");
    for (version, package, text) in [
        ("1.0.0", "1.0-1", "one"),
        ("2.0.0", "2.0-1", "two"),
        ("3.0.0", "2.0-1", "three"),
    ] {
        repository.release(version, &[("web.yaml", &hello(package, text, &health(text)))]);
    }
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    let settled = |version: Option<&str>, state: &str, on: Option<&str>| {
        server.tag(version);
        let said = server.agent_until(state, 3);
        let seen = whole(&server);
        assert!(on.is_none_or(|on| seen.ends_with(on)), "{version:?}: {seen}, {said:#}");
        assert_eq!(server.agent()["actions"], serde_json::json!([]), "{version:?}");
    };
    for step in [13, 18] {
        // A → B, stopped in mid-way; → C, stopped too; and back to A.
        for to in ["2.0.0", "3.0.0"] {
            server.tag(Some(to));
            server.run_with(
                "fleetsheet-agent run --once --now",
                &[("FLEETSHEET_AGENT_ABORT_AT", step.to_string())],
            );
        }
        settled(Some("1.0.0"), "ok", Some("one"));
        // It goes away, or is garbage, in mid-way: what was good before is good.
        for (tag, state) in [(None, "no-release"), (Some("2 .0"), "refused")] {
            server.tag(Some("2.0.0"));
            server.run_with(
                "fleetsheet-agent run --once --now",
                &[("FLEETSHEET_AGENT_ABORT_AT", step.to_string())],
            );
            settled(tag, state, None);
            settled(Some("1.0.0"), "ok", Some("one"));
        }
    }
    settled(Some("3.0.0"), "ok", Some("three"));
}

#[test]
fn a10_5_a_failed_release_is_tried_again_after_a_changed_variable_or_a_retry_and_never_after_its_ref_moved() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("again");
    repository.release("2.3.9", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    repository.release("2.4.0", &[("web.yaml", &hello("2.0-1", "two", "/bin/false"))]);
    server.tag(Some("2.3.9"));
    server.agent_until("ok", 2);
    server.tag(Some("2.4.0"));
    let began = std::time::Instant::now();
    let said = server.agent();
    assert!(began.elapsed() < std::time::Duration::from_secs(120));
    assert_eq!(
        (&said["outcome"], &said["running"]),
        (&"taken_back".into(), &"2.3.9".into()),
        "{said:#}"
    );
    let starts = || server.run("cat /run/hello.starts").well();
    let quiet = |state: &str| {
        let before = starts();
        for _ in 0..3 {
            let said = server.agent();
            assert_eq!(
                (&said["state"], &said["actions"]),
                (&state.into(), &serde_json::json!([])),
                "{said:#}"
            );
        }
        assert_eq!(starts(), before);
    };
    quiet("quarantined");
    server
        .run("mkdir -p /etc/fleetsheet-agent/vars.d; echo 'x: 1' > /etc/fleetsheet-agent/vars.d/a.yaml")
        .well();
    // A variable is a change of good, too; then of what failed: once more, and no more.
    let said = server.agent();
    assert_eq!(said["outcome"], "taken_back", "{said:#}");
    quiet("quarantined");
    server.run("fleetsheet-agent retry 2.4.0").well();
    assert_eq!(server.agent()["outcome"], "taken_back");
    // Another version that fails with the same words is the one that is named.
    repository.release("2.4.1", &[("web.yaml", &hello("1.0-1", "four", "/bin/false"))]);
    server.run("fleetsheet-agent retry 9.9.9").well();
    server.tag(Some("2.4.1"));
    assert_eq!(server.agent()["outcome"], "taken_back");
    assert!(
        server
            .reported("ReleaseAgent")
            .unwrap()
            .starts_with("quarantined 2.4.1: health up")
    );
    server.run("fleetsheet-agent retry 9.9.9").well();
    server.tag(Some("2.4.0"));
    repository.release("2.4.0", &[("web.yaml", &hello("2.0-1", "other", "/bin/true"))]);
    server.run("fleetsheet-agent retry 2.4.0").well();
    let said = server.run("fleetsheet-agent run --once --now --format json");
    assert_eq!(
        (said.code, said.json()["state"].as_str()),
        (Some(5), Some("refused")),
        "{said:?}"
    );
    assert_eq!(server.run("cat /run/hello.loaded").well(), "one");
    server.tag(Some("2.3.9"));
    server.agent_until("ok", 2);
}

#[test]
fn a10_15_metadata_that_is_slow_or_stale_is_never_no_release() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("stale");
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    repository.release("2.0.0", &[("web.yaml", &hello("2.0-1", "two", "/bin/true"))]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    server
        .imds
        .edit(|metadata| metadata.delay = std::time::Duration::from_millis(700));
    assert_eq!(server.agent()["state"], "ok");
    server.imds.edit(|metadata| metadata.delay = std::time::Duration::ZERO);
    // As on an instance that is not Nitro: the tag moves, and IMDS shows what it was at the start.
    server
        .imds
        .edit(|metadata| metadata.frozen = Some(metadata.tags.clone()));
    server.tag(Some("2.0.0"));
    let said = server.agent();
    assert_eq!(
        (&said["state"], &said["running"]),
        (&"ok".into(), &"1.0.0".into()),
        "{said:#}"
    );
    server.imds.edit(|metadata| metadata.frozen = None);
    assert_eq!(server.agent_until("ok", 2)["running"], "2.0.0");
}

#[test]
fn a10_18_a_full_disk_of_the_agents_own_is_a_failure_and_good_stays() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("full");
    server
        .run("mkdir -p /var/lib/fleetsheet-agent; mount -t tmpfs -o size=8M,mode=700 tmpfs /var/lib/fleetsheet-agent")
        .well();
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    repository.release("2.0.0", &[("web.yaml", &hello("2.0-1", "two", "/bin/true"))]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    let before = whole(&server);
    server
        .run("dd if=/dev/zero of=/var/lib/fleetsheet-agent/log/fill bs=4k 2>/dev/null; true")
        .well();
    server.tag(Some("2.0.0"));
    for _ in 0..2 {
        let said = server.run("fleetsheet-agent run --once --now --format json");
        assert_eq!(said.code, Some(1), "{said:?}");
        assert_eq!(whole(&server), before);
    }
    server.run("rm /var/lib/fleetsheet-agent/log/fill").well();
    server.agent_until("ok", 3);
    assert_eq!(whole(&server), "2.0-1 two two");
}
