//! Killed before any durable step, and the power cut: the next runs end in the world that nobody killed. Each run of these tests
//! tries a sample; `WHOLE=1` tries every step.

use super::repository::Repository;
use super::server::Server;
use super::{cannot_boot, hello, server};

/// What an onlooker sees of a server.
pub(crate) fn world(server: &Server) -> String {
    let line = "dpkg-query -W -f '${Package} ${Version} ${db:Status-Abbrev}\\n'; apt-mark showhold; apt-mark showmanual; \
                systemctl is-active hello; systemctl is-enabled hello; stat -c '%n %a %U %G' /etc/hello.conf; cat /etc/hello.conf; \
                echo; cat /run/hello.loaded; ls -A /etc | grep fleetsheet-agent$; ls -A /etc | wc -l";
    server.run(line).out
}

pub(crate) fn killed_at(server: &Server, step: usize) -> bool {
    let environment = [("FLEETSHEET_AGENT_ABORT_AT", step.to_string())];
    let said = server.run_with("fleetsheet-agent run --once --now --format json", &environment);
    // 134 is what a shell makes of an abort.
    said.code == Some(134) || said.code.is_none()
}

/// The steps to try, of so many.
pub(crate) fn sample(from: usize, by: usize, most: usize) -> Vec<usize> {
    let whole = std::env::var_os("WHOLE").is_some();
    (from..most).step_by(if whole { 1 } else { by }).collect()
}

pub(crate) fn releases(repository: &Repository) {
    repository.release(
        "1.0.0",
        &[("web.yaml", &hello("1.0-1", "one", "/bin/grep -q one /run/hello.loaded"))],
    );
    repository.release(
        "2.0.0",
        &[("web.yaml", &hello("2.0-1", "two", "/bin/grep -q two /run/hello.loaded"))],
    );
    repository.release("3.0.0", &[("web.yaml", &hello("2.0-1", "three", "/bin/false"))]);
}

/// Ends where an undisturbed server ends, whichever step it was killed before. Each kill is on the same server: the tag goes back
/// between two, which is a way of its own.
fn kills(name: &str, to: &str, steps: &[usize], ends: &str) {
    let (server, repository) = server(name);
    server.hurry();
    releases(&repository);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    server.tag(Some(to));
    server.agent_until(ends, 3);
    let undisturbed = world(&server);
    let mut killed = 0;
    for step in steps {
        server.tag(Some("1.0.0"));
        server.agent_until("ok", 3);
        server.run(&format!("fleetsheet-agent retry {to}")).well();
        server.tag(Some(to));
        let was_killed = killed_at(&server, *step);
        killed += usize::from(was_killed);
        let said = server.agent_until(ends, 3);
        assert_eq!(world(&server), undisturbed, "killed before step {step}: {said:#}");
        let again = server.agent();
        assert_eq!(again["actions"], serde_json::json!([]), "step {step}: {again:#}");
        if !was_killed {
            break;
        }
    }
    assert!(killed > 3, "only {killed} steps were killed");
}

/// The same for something else than the way to another release: `prepare` brings the server to where it begins, each time.
fn sweep(server: &Server, steps: &[usize], prepare: impl Fn(), ends: &str) {
    prepare();
    server.agent_until(ends, 3);
    let undisturbed = world(server);
    let mut killed = 0;
    for step in steps {
        prepare();
        let was_killed = killed_at(server, *step);
        killed += usize::from(was_killed);
        if was_killed && step % 2 == 0 {
            // And once more, in what finishes it.
            killed_at(server, step / 2);
        }
        let said = server.agent_until(ends, 3);
        assert_eq!(world(server), undisturbed, "killed before step {step}: {said:#}");
        let again = server.agent();
        assert_eq!(again["actions"], serde_json::json!([]), "step {step}: {again:#}");
        if !was_killed {
            break;
        }
    }
    assert!(killed > 2, "only {killed} steps were killed");
}

#[test]
fn a10_2_killed_in_a_join_it_ends_like_one_that_nobody_killed() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("kill-join");
    server.hurry();
    releases(&repository);
    server.tag(Some("1.0.0"));
    let prepare = || {
        // Nothing runs here: what was there is taken back to what stood before it came.
        server.run("fleetsheet-agent rollback; fleetsheet-agent retry 1.0.0");
        assert_ne!(server.run("dpkg-query -W hello-fleet").code, Some(0));
    };
    sweep(&server, &sample(2, 7, 70), prepare, "ok");
}

#[test]
fn a10_2_killed_as_it_corrects_drift_it_ends_like_one_that_nobody_killed() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("kill-drift");
    server.hurry();
    releases(&repository);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    let prepare = || {
        // Lifts what is said of drift that comes again and again.
        server.agent();
        server
            .run("systemctl stop hello; apt-get -qq -y --allow-change-held-packages remove hello-fleet; echo mine > /etc/hello.conf; chmod 777 /etc/hello.conf")
            .well();
    };
    sweep(&server, &sample(1, 4, 40), prepare, "ok");
}

#[test]
fn a10_2_killed_in_a_rollback_by_tag_it_ends_like_one_that_nobody_killed() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("kill-tag");
    server.hurry();
    releases(&repository);
    let prepare = || {
        server.tag(Some("2.0.0"));
        server.agent_until("ok", 3);
        server.tag(Some("1.0.0"));
    };
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    sweep(&server, &sample(3, 7, 60), prepare, "ok");
}

#[test]
fn a10_2_killed_at_level_3_of_a_way_back_it_ends_like_one_that_nobody_killed() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("kill-level3");
    server.hurry();
    releases(&repository);
    // Only a start of the service heals what this command does, and levels 1 and 2 have no reason for one.
    let spoils = hello("1.0-1", "one", "/bin/grep -q one /run/hello.loaded").replace(
        "configure:",
        "  post_install:\n    - { command: \"/bin/cp /etc/hostname /run/hello.loaded\", sudo: true }\nconfigure:",
    );
    repository.release("4.0.0", &[("web.yaml", &spoils)]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    let prepare = || {
        server.tag(Some("1.0.0"));
        server.agent_until("ok", 3);
        server.run("fleetsheet-agent retry 4.0.0").well();
        server.tag(Some("4.0.0"));
    };
    sweep(&server, &sample(7, 6, 60), prepare, "quarantined");
}

#[test]
fn a10_2_killed_in_an_upgrade_it_ends_like_one_that_nobody_killed() {
    if cannot_boot() {
        return;
    }
    kills("kill-upgrade", "2.0.0", &sample(2, 5, 60), "ok");
}

#[test]
fn a10_2_killed_in_a_way_back_it_ends_like_one_that_nobody_killed() {
    if cannot_boot() {
        return;
    }
    kills("kill-back", "3.0.0", &sample(4, 7, 90), "quarantined");
}

/// One that is killed between a file and the restart that it makes necessary restarts afterwards, and once.
#[test]
fn a10_3_killed_between_file_and_restart_the_service_runs_the_new_file() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("owed");
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    repository.release("1.1.0", &[("web.yaml", &hello("1.0-1", "eleven", "/bin/true"))]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    let starts = || {
        server
            .run("wc -l < /run/hello.starts")
            .well()
            .trim()
            .parse::<usize>()
            .unwrap()
    };
    let before = starts();
    server.tag(Some("1.1.0"));
    let mut between = 0;
    for step in 0..60 {
        let file = server.run("cat /etc/hello.conf").well();
        let loaded = server.run("cat /run/hello.loaded").well();
        if file == "eleven" && loaded == "one" {
            between += 1;
            break;
        }
        if !killed_at(&server, step) {
            break;
        }
    }
    assert_eq!(between, 1, "it was never killed between the file and its restart");
    server.agent_until("ok", 3);
    assert_eq!(server.run("cat /run/hello.loaded").well(), "eleven");
    assert_eq!(starts(), before + 1);
    server.agent();
    assert_eq!(starts(), before + 1);
}
