//! The levels of a way back, and what a release's packages may do before one is needed.

use super::{CONFIG, cannot_boot, hello, repository, server, server_with};

#[test]
fn a10_8_level_3_stops_all_services_and_starts_them_in_order_and_puts_marks_back() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("level3");
    let unit = |name: &str| {
        format!(
            "[Service]\nExecStart=/bin/sh -c 'echo start {name} >> /run/order; exec sleep infinity'\n\
             ExecStopPost=/bin/sh -c 'echo stop {name} >> /run/order'\n"
        )
    };
    let book = |text: &str| {
        let services = "    - { name: below }\n    - { name: above, after: [\"service:below\"] }\n";
        hello("1.0-1", text, "/bin/true").replace("  services:\n", &format!("  services:\n{services}"))
    };
    for name in ["above", "below"] {
        let path = server.root().join(format!("etc/systemd/system/{name}.service"));
        std::fs::write(path, unit(name)).unwrap();
    }
    server.run("systemctl daemon-reload").well();
    repository.release("1.0.0", &[("web.yaml", &book("one"))]);
    repository.release("1.1.0", &[("web.yaml", &book("two"))]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    server.tag(Some("1.1.0"));
    server.agent_until("ok", 2);
    server
        .run("rm /run/order; apt-mark auto hello-fleet; apt-mark unhold hello-fleet; apt-mark hold openssh-client")
        .well();
    let said = server.run("fleetsheet-agent rollback --level 3 --format json");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(
        server.run("cat /run/order").well(),
        "stop above\nstop below\nstart below\nstart above\n",
        "{said:?}"
    );
    assert_eq!(
        server
            .run("apt-mark showhold; apt-mark showauto hello-fleet; cat /etc/hello.conf")
            .well(),
        "hello-fleet\none"
    );
}

#[test]
fn a10_8_broken_is_hands_off_while_tags_cannot_be_read_and_ends_when_the_tag_changes() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("hands-off");
    let probe = "#!/bin/sh\ntest ! -e /run/ill\n";
    std::fs::write(server.root().join("usr/local/bin/probe"), probe).unwrap();
    server.run("chmod 755 /usr/local/bin/probe").well();
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/usr/local/bin/probe"))]);
    let ill = hello("1.0-1", "two", "/usr/local/bin/probe").replace(
        "configure:",
        "  post_install:\n    - { command: \"/usr/bin/touch /run/ill\", sudo: true }\nconfigure:",
    );
    repository.release("2.0.0", &[("web.yaml", &ill)]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    server.tag(Some("2.0.0"));
    assert_eq!(server.agent()["outcome"], "broken");
    server.run("echo mine > /etc/hello.conf").well();
    let stands = |state: &str| {
        let said = server.agent();
        assert_eq!(
            (&said["state"], &said["actions"]),
            (&state.into(), &serde_json::json!([])),
            "{said:#}"
        );
        assert_eq!(server.run("cat /etc/hello.conf").well(), "mine\n");
    };
    server.imds.edit(|metadata| metadata.no_token = true);
    stands("broken");
    server.imds.edit(|metadata| metadata.no_token = false);
    stands("broken");
    server.run("rm /run/ill").well();
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    assert_eq!(server.run("cat /etc/hello.conf").well(), "one");
}

#[test]
fn packages_that_only_an_earlier_cookbook_makes_known_are_fetched_within_the_attempt_and_taken_back() {
    if cannot_boot() {
        return;
    }
    let config = CONFIG.replace("[\"{channel}.yaml\"]", "[\"base.yaml\", \"{channel}.yaml\"]");
    let (server, repository) = server_with("late", &config);
    repository::package(
        &server.root(),
        "later",
        "1.0-1",
        "",
        &[("usr/share/later/a", "1\n")],
        "",
    );
    server
        .run("mkdir /srv/more; mv /srv/repository/later_* /srv/more; cp /srv/repository/Packages /srv/more/Packages")
        .well();
    repository::list(&server.root());
    let packages = server.root().join("srv/more/Packages");
    let all = std::fs::read_to_string(&packages).unwrap();
    let of_it = all
        .split("\n\n")
        .find(|block| block.contains("Package: later\n"))
        .unwrap();
    std::fs::write(&packages, format!("{of_it}\n")).unwrap();
    let base = "name: Base\nconfigure:\n  files:\n    - { path: /etc/apt/sources.list.d/more.list, content: \"deb [trusted=yes] file:/srv/more ./\\n\" }\n";
    let web = |health: &str| {
        format!(
            "name: Web\ninstall:\n  pre_install:\n    - {{ command: \"/usr/bin/apt-get -q update\", sudo: true }}\n  install:\n    \
             - {{ package: later, version: latest }}\nhealth:\n  - {{ id: up, command: \"{health}\", within: 1s }}\n"
        )
    };
    let world = "dpkg-query -W; ls -A /etc/apt/sources.list.d";
    let before = server.run(world).well();
    repository.release("1.0.0", &[("base.yaml", base), ("web.yaml", &web("/bin/false"))]);
    server.tag(Some("1.0.0"));
    let plan = server.run("fleetsheet-agent plan").well();
    assert!(
        plan.contains("package:later: ") && plan.contains("within the attempt"),
        "{plan}"
    );
    let said = server.agent();
    assert_eq!(said["outcome"], "taken_back", "{said:#}");
    assert_eq!(server.run(world).well(), before);
    repository.release("1.1.0", &[("base.yaml", base), ("web.yaml", &web("/bin/true"))]);
    server.tag(Some("1.1.0"));
    let said = server.agent_until("ok", 2);
    assert_eq!(
        server.run("dpkg-query -W -f '${Version}' later").well(),
        "1.0-1",
        "{said:#}"
    );
    assert_eq!(server.agent()["actions"], serde_json::json!([]));
}

#[test]
fn what_would_remove_an_essential_package_is_refused_and_what_does_not_fit_on_the_disk_is_failed() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("belts");
    let absent = "name: A\ninstall:\n  install:\n    - { package: coreutils, state: absent }\n";
    let large = format!(
        "name: A\nconfigure:\n  files:\n    - {{ path: /etc/a.conf, content: \"{}\" }}\n",
        "x".repeat(600_000)
    );
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    repository.release("2.0.0", &[("web.yaml", absent)]);
    repository.release("3.0.0", &[("web.yaml", &large)]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    server.tag(Some("2.0.0"));
    let said = server.run("fleetsheet-agent run --once --now --format json");
    assert_eq!(
        (said.code, said.json()["running"].as_str()),
        (Some(5), Some("1.0.0")),
        "{said:?}"
    );
    assert!(said.json()["detail"].to_string().contains("essential"), "{said:?}");
    server
        .run("cp -a /var/lib/fleetsheet-agent /root/kept; mount -t tmpfs -o size=2M,mode=700 tmpfs /var/lib/fleetsheet-agent; cp -a /root/kept/. /var/lib/fleetsheet-agent/")
        .well();
    server.tag(Some("3.0.0"));
    let said = server.run("fleetsheet-agent run --once --now --format json");
    assert_eq!(
        (said.code, said.json()["running"].as_str()),
        (Some(1), Some("1.0.0")),
        "{said:?}"
    );
    assert!(said.json()["detail"].to_string().contains("bytes free"), "{said:?}");
    assert_ne!(server.run("test -e /etc/a.conf").code, Some(0));
}
