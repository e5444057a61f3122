//! What people do by hand: a rollback of what is good, a plan that shows lines, secrets that systemd hands over.

use super::{cannot_boot, hello, server};

#[test]
fn a_rollback_by_hand_takes_a_good_release_back_and_quarantines_it() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("rollback");
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    repository.release("2.0.0", &[("web.yaml", &hello("2.0-1", "two", "/bin/true"))]);
    let world = "dpkg-query -W -f '${Package} ${Version} ${db:Status-Abbrev}\\n'; systemctl is-active hello; \
                 cat /etc/hello.conf /run/hello.loaded; stat -c '%a %U' /etc/hello.conf";
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    let one = server.run(world).well();
    server.tag(Some("2.0.0"));
    server.agent_until("ok", 2);
    // Its way back needs neither Git nor a source of packages.
    server
        .run("mv /srv/cookbooks.git /srv/away.git; mv /srv/repository /srv/away")
        .well();
    let said = server.run("fleetsheet-agent rollback --format json");
    assert_eq!(
        (said.code, said.json()["outcome"].as_str()),
        (Some(0), Some("taken_back")),
        "{said:?}"
    );
    assert_eq!(server.run(world).well(), one);
    let said = server.agent();
    assert_eq!(
        (&said["state"], &said["running"], &said["actions"]),
        (&"quarantined".into(), &"1.0.0".into(), &serde_json::json!([])),
        "{said:#}"
    );
    assert_eq!(
        server.run("fleetsheet-agent rollback").code,
        Some(1),
        "it went back twice"
    );
    assert_eq!(server.run(world).well(), one);
    server
        .run("mv /srv/away.git /srv/cookbooks.git; mv /srv/away /srv/repository; fleetsheet-agent retry 2.0.0")
        .well();
    assert_eq!(server.agent_until("ok", 2)["running"], "2.0.0");
    drop(server);

    let (server, repository) = super::server("rollback-join");
    let stands =
        "dpkg-query -W; apt-mark showhold; systemctl is-active hello; ls -A /etc | grep -v -e ^mtab -e ^ld.so.cache";
    let nothing = server.run(stands).out;
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    server.run("fleetsheet-agent rollback").well();
    assert_eq!(server.run(stands).out, nothing);
    assert_eq!(server.agent()["running"], "none");
    assert_eq!(server.reported("ReleaseRunning").as_deref(), Some("none"));
}

#[test]
fn a_plan_shows_the_lines_that_change_and_no_line_of_a_secret() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("diff");
    let book = |line: &str| {
        format!(
            "name: A\nconfigure:\n  files:\n    - {{ path: /etc/a.conf, content: \"first\\n{line}\\nlast\\n\" }}\n    \
             - {{ path: /etc/b.conf, template: true, content: \"{line} {{{{ secret('db') }}}}\\n\", mode: \"0600\" }}\n"
        )
    };
    repository.release("1.0.0", &[("web.yaml", &book("one"))]);
    repository.release("1.1.0", &[("web.yaml", &book("eleven"))]);
    // As systemd's LoadCredential does it.
    server
        .run("mkdir -m 700 /run/given; echo hunter2hunter2 > /run/given/db")
        .well();
    let given = [("CREDENTIALS_DIRECTORY", "/run/given".to_owned())];
    server.tag(Some("1.0.0"));
    let first = server.run_with("fleetsheet-agent run --once --now --format json", &given);
    assert_eq!(first.json()["outcome"], "converged", "{first:?}");
    assert_eq!(server.run("cat /etc/b.conf").well(), "one hunter2hunter2\n");
    server.tag(Some("1.1.0"));
    let plan = server.run_with("fleetsheet-agent plan", &given).well();
    for line in ["       first\n", "      -one\n", "      +eleven\n"] {
        assert!(plan.contains(line), "{plan}");
    }
    assert_eq!(
        (plan.matches("@@").count(), plan.matches("hunter2").count()),
        (2, 0),
        "{plan}"
    );
    assert!(plan.contains("file:/etc/b.conf: "), "{plan}");
    assert_eq!(
        server.run("wc -l < /var/lib/fleetsheet-agent/history.jsonl").well(),
        "1\n"
    );
    // Where nobody hands it over the release cannot be rendered, and good stays.
    let said = server.run("fleetsheet-agent run --once --now --format json");
    assert_eq!(
        (said.code, said.json()["running"].as_str()),
        (Some(1), Some("1.0.0")),
        "{said:?}"
    );
    let metrics = server.run("cat /var/lib/fleetsheet-agent/metrics.prom").well();
    for stage in ["observe", "prepare", "all"] {
        let series = format!("fleetsheet_agent_run_duration_seconds{{stage=\"{stage}\"}} ");
        assert!(metrics.contains(&series), "{metrics}");
    }
}
