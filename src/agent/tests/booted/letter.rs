//! What the pages promise in single words: where tags are read, what a tag may say, what a status shows, what a level does.

use super::{CONFIG, cannot_boot, hello, server, server_with};
use crate::server::INSTANCE;

fn api(server: &crate::server::Server, version: Option<&str>) {
    server.emulator.as_ref().unwrap().edit(|fleet| match version {
        Some(version) => fleet.set_tag(INSTANCE, "ReleaseVersion", version),
        None => fleet.delete_tag(INSTANCE, "ReleaseVersion"),
    });
}

#[test]
fn a10_15_where_imds_has_no_tags_the_api_is_asked_and_seldom() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("api");
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    repository.release("1.1.0", &[("web.yaml", &hello("1.0-1", "two", "/bin/true"))]);
    server.imds.edit(|metadata| metadata.without_tags = true);
    api(&server, Some("1.0.0"));
    assert_eq!(server.agent_until("ok", 2)["running"], "1.0.0");
    // An empty list proves nothing in IMDS, and something in the API.
    server
        .imds
        .edit(|metadata| (metadata.without_tags, metadata.empty_list) = (false, true));
    api(&server, None);
    let said = server.agent();
    assert_eq!(
        (&said["state"], &said["running"]),
        (&"no-release".into(), &"1.0.0".into()),
        "{said:#}"
    );
    api(&server, Some("1.1.0"));
    let asked = || {
        let requests = server.emulator.as_ref().unwrap().requests();
        requests
            .iter()
            .filter(|request| request.method.ends_with("DescribeTags"))
            .count()
    };
    let before = asked();
    // The answer of just now is good for five minutes: all servers share the API.
    for _ in 0..3 {
        let said = server.run("fleetsheet-agent run --once --format json").json();
        assert_eq!(said["state"], "no-release", "{said:#}");
    }
    assert_eq!(asked(), before);
    assert_eq!(server.agent_until("ok", 2)["running"], "1.1.0");
    // Who may not ask knows what is wrong with IMDS, and good stays.
    let emulator = server.emulator.as_ref().unwrap();
    emulator.edit(|fleet| fleet.deny("123456789012", "ec2:DescribeTags"));
    let said = server.agent();
    assert_eq!(
        (&said["state"], &said["running"]),
        (&"failed".into(), &"1.1.0".into()),
        "{said:#}"
    );
    assert!(said["detail"].to_string().contains("empty list"), "{said:#}");
}

#[test]
fn a_version_waits_for_its_splay_through_runs_of_its_own_and_then_comes() {
    if cannot_boot() {
        return;
    }
    // The splay of this server's id is a share of this.
    let (server, repository) = server_with("splay", &CONFIG.replace("splay = \"0s\"", "splay = \"60s\""));
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    repository.release("1.1.0", &[("web.yaml", &hello("1.0-1", "two", "/bin/true"))]);
    server.tag(Some("1.0.0"));
    let once = || server.run("fleetsheet-agent run --once --format json").json();
    // Nothing runs yet: nobody waits.
    assert_eq!(once()["state"], "ok");
    server.tag(Some("1.1.0"));
    let began = std::time::Instant::now();
    let mut due = 0;
    loop {
        let said = once();
        if said["state"] == "ok" {
            assert_eq!(said["running"], "1.1.0", "{said:#}");
            break;
        }
        assert_eq!(
            (&said["state"], &said["running"]),
            (&"due".into(), &"1.0.0".into()),
            "{said:#}"
        );
        due += 1;
        if due == 1 {
            let status = server.run("fleetsheet-agent status").well();
            assert!(status.contains("\ndue      1.1.0 not before 20"), "{status}");
        }
        assert!(began.elapsed().as_secs() < 90, "it is due for ever: {said:#}");
        std::thread::sleep(std::time::Duration::from_secs(2));
    }
    assert!(due > 0, "it did not wait");
}

#[test]
fn a_status_says_since_when_why_and_when_the_next_run_is() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server_with(
        "status",
        &CONFIG.replace("splay = \"0s\"", "splay = \"0s\"\nevery = \"10s\""),
    );
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    repository.release("2.0.0", &[("web.yaml", &hello("1.0-1", "two", "/bin/false"))]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    server.tag(Some("2.0.0"));
    server.agent_until("quarantined", 1);
    let status = server.run("fleetsheet-agent status").well();
    for line in [
        "runs     1.0.0 since 20",
        "\ntag asks 2.0.0 of channel web\n",
        "\nbecause  quarantined 2.0.0: health up exit 1\n",
        "\nquarantined 2.0.0: health up exit 1\n",
        "\nnext run under way, or the service does not run",
    ] {
        assert!(status.contains(line), "{line:?} is not in\n{status}");
    }
    server
        .run("systemd-run -q --unit=fleetsheet-agent -p KillMode=process /usr/local/bin/fleetsheet-agent run")
        .well();
    crate::server::wait_for("the next run", || {
        server.run("fleetsheet-agent status").out.contains("\nnext run 20")
    });
    assert_eq!(server.run("systemctl stop fleetsheet-agent").code, Some(0));
}

#[test]
fn what_a_tool_or_a_person_says_is_in_no_tag() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("words");
    let book = |version: &str| {
        hello("1.0-1", version, "/bin/true").replace(
            "configure:",
            "  post_install:\n    - { id: \"command:migrate\", command: \"/usr/local/bin/migrate\", sudo: true }\nconfigure:",
        )
    };
    let script = "#!/bin/sh\necho 'password hunter2hunter2 refused by db' >&2\nexit 7\n";
    std::fs::write(server.root().join("usr/local/bin/migrate"), script).unwrap();
    server.run("chmod 755 /usr/local/bin/migrate").well();
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    repository.release("2.0.0", &[("web.yaml", &book("two"))]);
    repository.release("3.0.0", &[("web.yaml", "name: A\nsurprise: hunter2hunter2\n")]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    server.tag(Some("2.0.0"));
    let said = server.agent();
    assert_eq!(said["outcome"], "taken_back", "{said:#}");
    let told = || server.reported("ReleaseAgent").unwrap();
    assert!(
        told().starts_with("quarantined 2.0.0: command:migrate: exit 7 @ 20"),
        "{}",
        told()
    );
    server.tag(Some("3.0.0"));
    assert_eq!(server.agent()["state"], "failed");
    assert!(told().starts_with("failed 3.0.0: web.yaml:2:1 @ 20"), "{}", told());
    server
        .run("fleetsheet-agent hold --for 1h 'hunter2hunter2 of mine'")
        .well();
    assert_eq!(server.agent()["detail"], "hunter2hunter2 of mine");
    assert!(told().starts_with("held until 20"), "{}", told());
    let metrics = server.run("cat /var/lib/fleetsheet-agent/metrics.prom").well();
    assert!(!metrics.contains("hunter2"), "{metrics}");
}

#[test]
fn commands_of_the_former_release_do_not_run_again_after_a_rollback_by_hand() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("commands");
    let book = |text: &str| {
        hello("1.0-1", text, "/bin/true").replace(
            "configure:",
            &format!("  post_install:\n    - {{ command: \"/usr/bin/tee -a /run/{text}\", sudo: true }}\nconfigure:"),
        )
    };
    // `tee` opens the file each time; its time of change tells.
    repository.release("1.0.0", &[("web.yaml", &book("one"))]);
    repository.release("1.1.0", &[("web.yaml", &book("two"))]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    server.tag(Some("1.1.0"));
    server.agent_until("ok", 2);
    let said = server.run("rm /run/one; fleetsheet-agent rollback --format json");
    assert_eq!(
        (said.code, said.json()["running"].as_str()),
        (Some(0), Some("1.0.0")),
        "{said:?}"
    );
    // What nothing takes back is named.
    let problems = said.json()["problems"].to_string();
    assert!(
        problems.contains("command:post_install[0]") && problems.contains("undo"),
        "{problems}"
    );
    let said = server.agent();
    assert_eq!(said["actions"], serde_json::json!([]), "{said:#}");
    assert_ne!(server.run("test -e /run/one").code, Some(0), "it ran again");
    let history = server.run("fleetsheet-agent history").well();
    assert!(
        history.contains("taken_back quarantined 1.1.0: rollback by hand"),
        "{history}"
    );
}

#[test]
fn a_file_for_its_owner_alone_is_shown_in_no_plan() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("private");
    let book = |text: &str, mode: &str| {
        format!(
            "name: A\nconfigure:\n  files:\n    - {{ path: /etc/key.pem, content: \"{text}\\n\", mode: \"{mode}\" }}\n"
        )
    };
    repository.release("1.0.0", &[("web.yaml", &book("first-key", "0600"))]);
    repository.release("1.1.0", &[("web.yaml", &book("second-key", "0644"))]);
    server.tag(Some("1.0.0"));
    let plan = server.run("fleetsheet-agent plan").well();
    assert!(plan.contains("file:/etc/key.pem") && !plan.contains("-key"), "{plan}");
    server.agent_until("ok", 2);
    server.tag(Some("1.1.0"));
    let plan = server.run("fleetsheet-agent plan").well();
    let sum = server.run("sha256sum /etc/key.pem | cut -c1-12").well();
    assert!(!plan.contains("-key") && !plan.contains(sum.trim()), "{plan}");
    server.agent_until("ok", 2);
    let said = server.run("fleetsheet-agent rollback --format json");
    assert!(said.code == Some(0) && !said.out.contains(sum.trim()), "{said:?}");
}

#[test]
fn told_to_stop_it_finishes_the_act_and_leaves_the_rest_to_the_next_run() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("terminate");
    let book = hello("1.0-1", "one", "/bin/grep -q one /run/hello.loaded").replace(
        "configure:",
        "  post_install:\n    - { command: \"/bin/sleep 4\", sudo: true }\nconfigure:",
    );
    repository.release("1.0.0", &[("web.yaml", &book)]);
    server.tag(Some("1.0.0"));
    let start = "systemd-run -q --unit=fleetsheet-agent -p KillMode=process /usr/local/bin/fleetsheet-agent run";
    server.run(start).well();
    crate::server::wait_for("the command", || {
        server.run("pgrep -x sleep -a | grep -q 'sleep 4'").code == Some(0)
    });
    server.run("systemctl stop fleetsheet-agent").well();
    assert_ne!(server.run("test -e /etc/hello.conf").code, Some(0), "the rest was done");
    let history = server.run("fleetsheet-agent history").well();
    assert!(history.contains("told to stop"), "{history}");
    assert_eq!(server.reported("ReleaseAgent"), None, "it reported what is no news");
    let said = server.agent_until("ok", 2);
    // The command was finished, and is not made again.
    let acts = said["actions"].to_string();
    assert!(!acts.contains("command:post_install"), "{acts}");
    assert_eq!(server.run("cat /run/hello.loaded").well(), "one");
}

#[test]
fn an_agent_whose_own_package_came_is_restarted_after_the_run() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server_with(
        "itself",
        &CONFIG.replace("splay = \"0s\"", "splay = \"0s\"\nevery = \"10s\""),
    );
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    server.tag(Some("1.0.0"));
    let start = "systemd-run -q --unit=fleetsheet-agent -p Restart=always -p RestartSec=1s -p KillMode=process \
                 /usr/local/bin/fleetsheet-agent run";
    server.run(start).well();
    let invocation = || server.run("systemctl show -p InvocationID fleetsheet-agent").well();
    crate::server::wait_for("the first release", || {
        server.run("test -e /run/hello.loaded").code == Some(0)
    });
    let before = invocation();
    // As dpkg does it: beside it, and then renamed.
    server
        .run("cp /usr/local/bin/fleetsheet-agent /usr/local/bin/new; mv /usr/local/bin/new /usr/local/bin/fleetsheet-agent")
        .well();
    crate::server::wait_for("the new program", || invocation() != before);
    server.run("systemctl stop fleetsheet-agent").well();
}
