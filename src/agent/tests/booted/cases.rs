//! Holds, tags that move or cannot be read, releases that fail in other ways, two at once, secrets.

use super::{CONFIG, cannot_boot, hello, repository, server, server_with};

#[test]
fn a10_11_a_hold_leaves_all_as_it_is_and_ends() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("hold");
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    assert_eq!(server.run("fleetsheet-agent hold --for 25h x").code, Some(2));
    server.run("fleetsheet-agent hold --for 8s 'looking at it'").well();
    server.run("echo mine > /etc/hello.conf").well();
    let said = server.agent();
    assert_eq!(
        (&said["outcome"], &said["detail"]),
        (&"held".into(), &"looking at it".into())
    );
    assert_eq!(server.run("cat /etc/hello.conf").well(), "mine\n");
    std::thread::sleep(std::time::Duration::from_secs(8));
    server.agent_until("ok", 1);
    assert_eq!(server.run("cat /etc/hello.conf").well(), "one");
}

#[test]
fn a10_15_tags_that_cannot_be_read_or_name_nothing_leave_good() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("tags");
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    let stands = |state: &str| {
        let said = server.agent();
        assert_eq!(
            (&said["state"], &said["running"], &said["actions"]),
            (&state.into(), &"1.0.0".into(), &serde_json::json!([])),
            "{said:#}"
        );
        assert_eq!(server.run("cat /run/hello.loaded").well(), "one");
    };
    // Nobody may ask the API instead.
    let emulator = server.emulator.as_ref().unwrap();
    emulator.edit(|fleet| fleet.deny("123456789012", "ec2:DescribeTags"));
    server.imds.edit(|metadata| metadata.no_token = true);
    stands("failed");
    server
        .imds
        .edit(|metadata| (metadata.no_token, metadata.without_tags) = (false, true));
    stands("failed");
    server
        .imds
        .edit(|metadata| (metadata.without_tags, metadata.empty_list) = (false, true));
    stands("failed");
    server
        .imds
        .edit(|metadata| (metadata.empty_list, metadata.unavailable) = (false, 2));
    stands("ok");
    for (version, state) in [
        (None, "no-release"),
        (Some("2.\u{430}"), "refused"),
        (Some("7.7.7"), "failed"),
        (Some("1.0.0"), "ok"),
    ] {
        server.tag(version);
        stands(state);
    }
}

#[test]
fn a10_14_a_foreign_signature_is_refused_and_good_stays() {
    if cannot_boot() {
        return;
    }
    let (server, mut repository) = server("foreign");
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    repository.stranger();
    repository.release("2.0.0", &[("web.yaml", &hello("2.0-1", "two", "/bin/true"))]);
    server.tag(Some("2.0.0"));
    let said = server.run("fleetsheet-agent run --once --now --format json");
    assert_eq!(said.code, Some(5), "{said:?}");
    assert_eq!(
        (said.json()["state"].as_str(), said.json()["running"].as_str()),
        (Some("refused"), Some("1.0.0"))
    );
    assert_eq!(server.run("cat /run/hello.loaded").well(), "one");
}

#[test]
fn a10_7_a_postinst_that_fails_and_a_service_that_dies_are_taken_back_with_no_source_of_packages() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("fails");
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    let before = server
        .run("dpkg-query -W -f '${Package} ${Version} ${db:Status-Abbrev}\\n'")
        .well();
    let dying = "[Service]\nExecStart=/bin/sh -c 'sleep 3; exit 1'\n";
    let root = server.root();
    repository::package(
        &root,
        "hello-fleet",
        "3.0-1",
        "hello-data",
        &[("lib/systemd/system/hello.service", dying)],
        "",
    );
    repository::package(
        &root,
        "hello-fleet",
        "4.0-1",
        "hello-data",
        &[("lib/systemd/system/hello.service", dying)],
        "exit 3",
    );
    for version in ["3.0", "4.0"] {
        repository.release(
            version,
            &[("web.yaml", &hello(&format!("{version}-1"), "new", "/bin/true"))],
        );
        server.tag(Some(version));
        let said = server.agent();
        assert_eq!(
            (&said["outcome"], &said["running"]),
            (&"taken_back".into(), &"1.0.0".into()),
            "{said:#}"
        );
        assert_eq!(
            server
                .run("dpkg-query -W -f '${Package} ${Version} ${db:Status-Abbrev}\\n'")
                .well(),
            before
        );
        assert_eq!(
            server.run("systemctl is-active hello; cat /run/hello.loaded").well(),
            "active\none"
        );
    }
}

#[test]
fn a10_6_a_check_that_fails_puts_files_back_before_any_service_hears_of_them() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("check");
    let book = |text: &str| {
        hello("1.0-1", text, "/bin/true").replace(
            "enabled: true }",
            "enabled: true, check: \"/bin/grep -q one /etc/hello.conf\" }",
        )
    };
    repository.release("1.0.0", &[("web.yaml", &book("one"))]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    let starts = server.run("cat /run/hello.starts").well();
    repository.release("1.1.0", &[("web.yaml", &book("broken"))]);
    server.tag(Some("1.1.0"));
    let said = server.agent();
    assert_eq!(
        (&said["outcome"], &said["state"]),
        (&"taken_back".into(), &"quarantined".into()),
        "{said:#}"
    );
    assert_eq!(server.run("cat /etc/hello.conf").well(), "one");
    assert_eq!(
        server.run("cat /run/hello.starts").well(),
        starts,
        "the service was restarted"
    );
}

#[test]
fn a_file_that_no_release_names_any_more_is_what_it_was_before() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("orphan");
    server
        .run("echo theirs > /etc/extra.conf; chmod 600 /etc/extra.conf")
        .well();
    let base = hello("1.0-1", "one", "/bin/true");
    let more = base.replace(
        "  services:",
        "    - { path: /etc/extra.conf, content: ours }\n    - { path: /etc/new.conf, content: ours }\n  services:",
    );
    repository.release("1.0.0", &[("web.yaml", &more)]);
    repository.release("1.1.0", &[("web.yaml", &base)]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    assert_eq!(server.run("cat /etc/extra.conf /etc/new.conf").well(), "oursours");
    server.tag(Some("1.1.0"));
    server.agent_until("ok", 2);
    assert_eq!(
        server
            .run("cat /etc/extra.conf; stat -c %a /etc/extra.conf; ls /etc/new.conf 2>&1")
            .out
            .lines()
            .take(2)
            .collect::<Vec<_>>(),
        ["theirs", "600"]
    );
    assert_ne!(server.run("test -e /etc/new.conf").code, Some(0));
}

#[test]
fn a10_20_two_at_once_are_one_and_a_plan_changes_nothing() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("plan");
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    server.tag(Some("1.0.0"));
    let sums = "find /etc /usr /lib /var/lib/dpkg -xdev -type f | sort | xargs md5sum; systemctl list-units --no-legend --state=running | sort";
    let before = server.run(sums).well();
    let said = server.run("fleetsheet-agent plan --exit-code --format json");
    assert_eq!(said.code, Some(3), "{said:?}");
    let planned: Vec<String> = said.json()["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| action["id"].to_string())
        .collect();
    assert_eq!(server.run(sums).well(), before);
    let done = server.agent();
    let ids: Vec<String> = done["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| action["id"].to_string())
        .collect();
    assert_eq!(planned, ids);
    assert_eq!(server.run("fleetsheet-agent plan --exit-code").code, Some(0));
    let busy = server.run("exec 9<>/run/fleetsheet-agent.lock; flock 9; echo pid 42 >&9; fleetsheet-agent run --once");
    assert_eq!((busy.code, busy.out.contains("pid 42")), (Some(6), true), "{busy:?}");
}

#[test]
fn a10_16_a_secret_is_in_its_file_and_nowhere_else() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("secret");
    let book = "name: A\nconfigure:\n  files:\n    - { path: /etc/db.conf, template: true, content: \"p={{ secret('db') }}\", mode: \"0600\" }\n";
    repository.release("1.0.0", &[("web.yaml", book)]);
    server
        .run("mkdir -m 700 /etc/fleetsheet-agent/secrets; echo hunter2hunter2 > /etc/fleetsheet-agent/secrets/db")
        .well();
    server.tag(Some("1.0.0"));
    let plan = server.run("fleetsheet-agent plan --format json");
    let said = server.run("fleetsheet-agent run --once --now --format json");
    assert_eq!(server.run("cat /etc/db.conf").well(), "p=hunter2hunter2");
    for text in [&plan.out, &plan.err, &said.out, &said.err] {
        assert!(!text.contains("hunter2"), "{text}");
    }
    let found = server
        .run("cd /var/lib/fleetsheet-agent; grep -rl hunter2 . | sort")
        .out;
    assert_eq!(
        found,
        "./desired/attempt.json\n./desired/good.json\n".replace(
            "./desired/attempt.json\n",
            if found.contains("attempt") {
                "./desired/attempt.json\n"
            } else {
                ""
            }
        )
    );
    let sum = server.run("printf p=hunter2hunter2 | sha256sum | cut -c1-64").well();
    let files = server
        .run(&format!(
            "cd /var/lib/fleetsheet-agent; grep -rl {} . | grep -v '^./desired'",
            sum.trim()
        ))
        .out;
    assert_eq!(files, "");
}

#[test]
fn a10_9_good_that_was_ill_before_is_no_reason_to_go_back_and_the_watch_is() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server_with("watch", &CONFIG.replace("watch = \"0s\"", "watch = \"1h\"\nfails = 2"));
    let check = "/usr/bin/test -e /run/backend";
    server.run("touch /run/backend").well();
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", check))]);
    repository.release("2.0.0", &[("web.yaml", &hello("1.0-1", "two", check))]);
    server.tag(Some("1.0.0"));
    let said = server.agent();
    assert_eq!(
        (&said["state"], &said["running"]),
        (&"watching".into(), &"none".into()),
        "{said:#}"
    );
    // In the watch a failure is a way back.
    server.run("rm /run/backend").well();
    let said = server.agent();
    assert_eq!(said["outcome"], "taken_back", "{said:#}");
    assert_ne!(server.run("test -e /etc/hello.conf").code, Some(0));
    server
        .run("fleetsheet-agent retry 1.0.0; touch /run/backend; sed -i 's/1h/0s/' /etc/fleetsheet-agent/agent.toml")
        .well();
    server.agent_until("ok", 2);
    // Ill before and after: the new one stays, and nothing is taken back.
    server.run("rm /run/backend").well();
    assert_eq!(server.agent()["state"], "unhealthy");
    server.tag(Some("2.0.0"));
    let said = server.agent();
    assert_eq!(
        (&said["outcome"], &said["running"]),
        (&"unhealthy".into(), &"2.0.0".into()),
        "{said:#}"
    );
    assert_eq!(server.run("cat /run/hello.loaded").well(), "two");
    server.run("touch /run/backend").well();
    server.agent_until("ok", 2);
}

#[test]
fn a10_18_state_that_is_torn_or_of_another_server_is_not_believed() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("torn");
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    server
        .run("truncate -s -20 /var/lib/fleetsheet-agent/state.json")
        .well();
    let said = server.agent();
    assert!(said["problems"].to_string().contains("torn"), "{said:#}");
    assert_eq!(
        (&said["state"], &said["running"]),
        (&"ok".into(), &"1.0.0".into()),
        "{said:#}"
    );
    server
        .imds
        .edit(|metadata| metadata.instance = "i-0aaaaaaaaaaaaaaa0".into());
    let said = server.agent();
    assert!(said["problems"].to_string().contains("another server"), "{said:#}");
}
