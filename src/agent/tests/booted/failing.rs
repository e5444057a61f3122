//! Releases that fail in the ways that services and packages have: with load on the server, with no source of packages, with silence.

use super::design::{CONTENT, WORD_FOR_WORD};
use super::server::wait_for;
use super::{CONFIG, cannot_boot, hello, repository, server, server_with};

/// The cookbook of the design with a site that says this.
fn site(answer: &str) -> String {
    let content = CONTENT.replace("return 200 'Hello, world!'", answer);
    let book = WORD_FOR_WORD
        .replace("        # Configuration content\n", &content)
        .replace(
            "      enabled: true\n",
            "      enabled: true\n      on_change: reload\n      check: \"/usr/sbin/nginx -t\"\n",
        );
    format!("{book}health:\n  - {{ id: site, http: \"http://127.0.0.1/\", within: 3s }}\n")
}

#[test]
fn a10_6_under_load_a_broken_site_is_never_loaded_and_no_request_is_lost() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("load");
    repository::real_packages(&server.root());
    repository::list(&server.root());
    repository.release("1.0.0", &[("web.yaml", &site("return 200 'Hello, world!'"))]);
    repository.release("1.1.0", &[("web.yaml", &site("nonsense"))]);
    repository.release("1.2.0", &[("web.yaml", &site("return 200 'Hello again'"))]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    let load = "#!/bin/sh\nwhile :; do curl -s -o /dev/null -m 10 -w '%{http_code}\\n' http://127.0.0.1/ >> /run/load; sleep 0.01; done\n";
    std::fs::write(server.root().join("usr/local/bin/load"), load).unwrap();
    server
        .run("chmod 755 /usr/local/bin/load; systemd-run -q --unit=load /usr/local/bin/load")
        .well();
    let answers = |least: usize| {
        wait_for("the load", || {
            server.run("wc -l < /run/load").out.trim().parse::<usize>().unwrap_or(0) > least
        });
        let seen = server.run("sort /run/load | uniq -c").well();
        assert!(seen.trim_end().ends_with(" 200") && seen.lines().count() == 1, "{seen}");
        server.run("wc -l < /run/load").well().trim().parse::<usize>().unwrap()
    };
    let before = answers(20);
    let pid = || server.run("systemctl show -p MainPID,InvocationID nginx").well();
    let ran = pid();
    server.tag(Some("1.1.0"));
    let said = server.agent();
    assert_eq!(
        (&said["outcome"], &said["running"]),
        (&"taken_back".into(), &"1.0.0".into()),
        "{said:#}"
    );
    assert_eq!(pid(), ran, "it was restarted");
    let between = answers(before + 20);
    server.tag(Some("1.2.0"));
    server.agent_until("ok", 1);
    assert_eq!(server.run("curl -s http://127.0.0.1/").well(), "Hello again");
    assert_eq!(pid(), ran, "it was restarted and not reloaded");
    answers(between + 20);
    assert_eq!(server.run("systemctl stop load").code, Some(0));
}

fn steady(unit: &str) -> String {
    let lines: String = unit.lines().map(|line| format!("        {line}\n")).collect();
    format!(
        "name: Steady\nconfigure:\n  files:\n    - path: /etc/systemd/system/steady.service\n      content: |\n        [Service]\n{lines}  \
         services:\n    - {{ name: steady }}\nhealth:\n  - {{ id: told, command: \"/bin/grep -q fine /run/told\", within: 1s }}\n"
    )
}

#[test]
fn a10_6_a_service_that_dies_flaps_is_never_ready_or_hangs_at_its_stop_is_taken_back() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server_with(
        "dies",
        &CONFIG.replace("service_start = \"20s\"", "service_start = \"6s\""),
    );
    let fine = "ExecStart=/bin/sh -c 'echo fine > /run/told; exec sleep infinity'";
    let ways = [
        ("2.0.0", "ExecStart=/bin/sh -c 'echo fine > /run/told; sleep 3; exit 1'"),
        (
            "3.0.0",
            "ExecStart=/bin/sh -c 'echo fine > /run/told; sleep 1; exit 1'\nRestart=always\nRestartSec=100ms",
        ),
        (
            "4.0.0",
            "Type=notify\nExecStart=/bin/sh -c 'echo fine > /run/told; exec sleep infinity'",
        ),
        (
            "5.0.0",
            "ExecStart=/bin/sh -c 'echo hangs > /run/told; trap \"\" TERM; while :; do sleep 1; done'\nTimeoutStopSec=infinity",
        ),
    ];
    repository.release("1.0.0", &[("web.yaml", &steady(fine))]);
    for (version, unit) in ways {
        repository.release(version, &[("web.yaml", &steady(unit))]);
    }
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    for (version, _) in ways {
        // Three ways back within a day are a belt of their own.
        server.run("fleetsheet-agent retry 9.9.9").well();
        server.tag(Some(version));
        let began = std::time::Instant::now();
        let said = server.agent();
        assert_eq!(
            (&said["outcome"], &said["running"]),
            (&"taken_back".into(), &"1.0.0".into()),
            "{version}: {said:#}"
        );
        assert!(began.elapsed().as_secs() < 100, "{version}: {:?}", began.elapsed());
        assert_eq!(
            server.run("systemctl is-active steady; cat /run/told").well(),
            "active\nfine\n",
            "{version}: {said:#}"
        );
        assert_eq!(server.agent()["actions"], serde_json::json!([]), "{version}");
    }
}

#[test]
fn a10_7_a_postinst_that_fails_is_taken_back_from_kept_archives_with_the_repository_empty() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("empty-repository");
    let root = server.root();
    let service = "[Service]\nExecStart=/bin/sh -c 'cp /etc/hello.conf /run/hello.loaded; exec sleep infinity'\n[Install]\nWantedBy=multi-user.target\n";
    repository::package(
        &root,
        "hello-fleet",
        "7.0-1",
        "hello-data",
        &[("lib/systemd/system/hello.service", service)],
        "rm -f /srv/repository/*.deb; : > /srv/repository/Packages; apt-get -qq update -o Debug::NoLocking=1; exit 3",
    );
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    repository.release("7.0.0", &[("web.yaml", &hello("7.0-1", "seven", "/bin/true"))]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    let world = "dpkg-query -W -f '${Package} ${Version} ${db:Status-Abbrev}\\n'; apt-mark showhold; apt-mark showauto; \
                 systemctl is-active hello; cat /etc/hello.conf /run/hello.loaded";
    let before = server.run(world).well();
    server.tag(Some("7.0.0"));
    let said = server.agent();
    assert_eq!(
        (&said["outcome"], &said["running"]),
        (&"taken_back".into(), &"1.0.0".into()),
        "{said:#}"
    );
    assert_eq!(
        server.run("ls /srv/repository").well(),
        "Packages\n",
        "the repository was not empty"
    );
    assert_eq!(server.run(world).well(), before);
    assert!(!before.contains("hello-data"), "{before}");
    assert_eq!(server.agent()["actions"], serde_json::json!([]));
}

#[test]
fn a10_9_no_answer_at_all_is_not_a_pass() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("silence");
    // It takes connections, and never says a word.
    let silent = "#!/usr/bin/perl\nuse Socket; socket(S,PF_INET,SOCK_STREAM,0); bind(S,sockaddr_in(9999,INADDR_ANY)) or die; listen(S,99) or die; \
                  sleep 9999;\n";
    std::fs::write(server.root().join("usr/local/bin/silent"), silent).unwrap();
    server
        .run("chmod 755 /usr/local/bin/silent; systemd-run -q --unit=silent /usr/local/bin/silent")
        .well();
    wait_for("the listener", || {
        server.run("grep -qi ':270F ' /proc/net/tcp").code == Some(0)
    });
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    let silence =
        hello("1.0-1", "two", "/bin/true") + "  - { id: quiet, http: \"http://127.0.0.1:9999/\", within: 1s }\n";
    repository.release("2.0.0", &[("web.yaml", &silence)]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    server.tag(Some("2.0.0"));
    let said = server.agent();
    assert_eq!(
        (&said["outcome"], &said["running"], &said["detail"]),
        (
            &"taken_back".into(),
            &"1.0.0".into(),
            &"2.0.0: health quiet no answer in time".into()
        ),
        "{said:#}"
    );
}
