//! What else happens on a server: locks that others hold, a dpkg that is killed, packages that others upgrade, a way back that does
//! not heal.

use super::{CONFIG, cannot_boot, hello, repository, server, server_with};
use crate::server::{Server, wait_for};

/// Holds apt's and dpkg's locks, as they do, in a unit of its own.
fn hold(server: &Server, files: &[&str], seconds: u32) {
    let opens: String = files
        .iter()
        .enumerate()
        .map(|(n, file)| {
            format!(
                "open(my $f{n},q(+>>),q({file})) or die; my $p{n}=pack(q(ssx4qqix4),F_WRLCK,0,0,0,0); fcntl($f{n},F_SETLK,$p{n}) or die; push @h,$f{n};"
            )
        })
        .collect();
    let script = format!("#!/usr/bin/perl\nuse Fcntl; {opens} open(my $t,q(>),q(/run/held)); sleep {seconds};\n");
    std::fs::write(server.root().join("usr/local/bin/holder"), script).unwrap();
    let line = "chmod 755 /usr/local/bin/holder; systemd-run -q --collect --unit=holder /usr/local/bin/holder";
    server.run("rm -f /run/held").well();
    server.run(line).well();
    wait_for("the lock to be held", || {
        server.run("test -e /run/held").code == Some(0)
    });
}

const FRONTEND: &str = "/var/lib/dpkg/lock-frontend";
const LISTS: &str = "/var/lib/apt/lists/lock";

#[test]
fn a10_4_locks_that_others_hold_are_waited_for_and_for_ever_is_failed_with_nothing_changed() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server_with("locks", &CONFIG.replace("lock = \"5s\"", "lock = \"10s\""));
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    repository.release("2.0.0", &[("web.yaml", &hello("2.0-1", "two", "/bin/true"))]);
    for (version, file) in [("1.0.0", FRONTEND), ("2.0.0", LISTS)] {
        server.tag(Some(version));
        hold(&server, &[file], 5);
        let said = server.agent();
        assert_eq!(
            (&said["state"], &said["running"]),
            (&"ok".into(), &version.into()),
            "{file}: {said:#}"
        );
        assert_ne!(
            server.run("systemctl is-active holder").code,
            Some(0),
            "{file} was not waited for"
        );
    }
    let world = "dpkg-query -W; apt-mark showhold; cat /etc/hello.conf /run/hello.loaded /run/hello.starts";
    let before = server.run(world).well();
    server.tag(Some("1.0.0"));
    hold(&server, &[FRONTEND, LISTS], 600);
    let began = std::time::Instant::now();
    let said = server.run("fleetsheet-agent run --once --now --format json");
    assert_eq!(
        (said.code, said.json()["state"].as_str()),
        (Some(1), Some("failed")),
        "{said:?}"
    );
    assert!(began.elapsed().as_secs() < 40, "{:?}", began.elapsed());
    assert_eq!(server.run(world).well(), before);
    server.run("systemctl stop holder").well();
    assert_eq!(server.agent_until("ok", 2)["running"], "1.0.0");
}

#[test]
fn case_4_dpkg_killed_in_a_postinst_is_repaired_and_the_release_goes_on() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("killed-dpkg");
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    let unit = server.run("cat /lib/systemd/system/hello.service").well();
    repository::package(
        &server.root(),
        "hello-fleet",
        "5.0-1",
        "",
        &[("lib/systemd/system/hello.service", &unit)],
        "touch /run/in-postinst; sleep 6; echo done >> /run/postinst",
    );
    repository.release("5.0.0", &[("web.yaml", &hello("5.0-1", "five", "/bin/true"))]);
    server.tag(Some("5.0.0"));
    server
        .run("systemd-run -q --collect --unit=one -p KillMode=process /usr/local/bin/fleetsheet-agent run --once --now")
        .well();
    wait_for("the postinst", || {
        server.run("test -e /run/in-postinst").code == Some(0)
    });
    server
        .run(
            "for p in /proc/[0-9]*; do read -r c < $p/comm || continue; case $c in dpkg|apt-get|fleetsheet-agen) \
             kill -9 ${p#/proc/};; esac; done",
        )
        .well();
    assert_ne!(
        server.run("test -e /run/postinst").code,
        Some(0),
        "it was killed too late"
    );
    let said = server.agent_until("ok", 3);
    assert_eq!(said["running"], "5.0.0", "{said:#}");
    assert_eq!(
        server
            .run("dpkg-query -W -f '${Version} ${db:Status-Abbrev}' hello-fleet; dpkg --audit; cat /run/hello.loaded")
            .well(),
        "5.0-1 hi five"
    );
}

#[test]
fn case_8_a_way_back_climbs_its_levels_until_it_heals_and_is_broken_after_the_last() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("ladder");
    // After the bad release the check goes on to fail as often as /run/n says: each level makes it twice.
    let probe = "#!/bin/sh\nif grep -q two /etc/hello.conf; then cat /run/n > /run/left; exit 1; fi\n\
                 left=$(cat /run/left 2>/dev/null || echo 0)\n[ \"$left\" -gt 0 ] || exit 0\necho $((left - 1)) > /run/left; exit 1\n";
    std::fs::write(server.root().join("usr/local/bin/probe"), probe).unwrap();
    server.run("chmod 755 /usr/local/bin/probe; echo 2 > /run/n").well();
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/usr/local/bin/probe"))]);
    repository.release("2.0.0", &[("web.yaml", &hello("1.0-1", "two", "/usr/local/bin/probe"))]);
    // The check writes: as root it may.
    server
        .run("sed -i '$a [commands]\\nuser = \"root\"' /etc/fleetsheet-agent/agent.toml")
        .well();
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    server.tag(Some("2.0.0"));
    let said = server.agent();
    assert_eq!(
        (&said["outcome"], &said["running"]),
        (&"taken_back".into(), &"1.0.0".into()),
        "{said:#}"
    );
    let metrics = server
        .run("grep back_total /var/lib/fleetsheet-agent/metrics.prom")
        .well();
    for (level, result) in [("1", "failed"), ("2", "healed")] {
        let line = format!("fleetsheet_agent_back_total{{level=\"{level}\",result=\"{result}\"}} 1\n");
        assert!(metrics.contains(&line), "{metrics}");
    }
    assert!(!metrics.contains("level=\"3\""), "{metrics}");

    server.run("echo 1000 > /run/n; fleetsheet-agent retry 2.0.0").well();
    let said = server.run("fleetsheet-agent run --once --now --format json");
    assert_eq!(
        (said.code, said.json()["outcome"].as_str()),
        (Some(4), Some("broken")),
        "{said:?}"
    );
    let metrics = server
        .run("grep back_total /var/lib/fleetsheet-agent/metrics.prom")
        .well();
    assert!(metrics.contains("level=\"3\",result=\"failed\"} 1\n"), "{metrics}");
    assert!(server.reported("ReleaseAgent").unwrap().starts_with("broken "));
    // Hands off.
    server.run("echo mine > /etc/hello.conf").well();
    for _ in 0..2 {
        let said = server.run("fleetsheet-agent run --once --now --format json");
        assert_eq!(
            (said.code, &said.json()["actions"]),
            (Some(4), &serde_json::json!([])),
            "{said:?}"
        );
    }
    assert_eq!(server.run("cat /etc/hello.conf").well(), "mine\n");
    server.run("echo 0 > /run/left").well();
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    assert_eq!(
        server.run("cat /etc/hello.conf; cat /run/hello.loaded").well(),
        "oneone"
    );
}

#[test]
fn case_12_what_others_upgrade_is_not_downgraded_and_an_exact_version_stays() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("upgrades");
    let newer = |version: &str| {
        let unit = server.run("cat /lib/systemd/system/hello.service").well();
        let files = [("lib/systemd/system/hello.service", unit.as_str())];
        repository::package(
            &server.root(),
            "hello-fleet",
            version,
            "",
            &files,
            "systemctl daemon-reload",
        );
        server.run("apt-get -qq update && apt-get -qq -y upgrade").well();
    };
    let installed = || server.run("dpkg-query -W -f '${Version}' hello-fleet").well();
    repository.release("1.0.0", &[("web.yaml", &hello("latest", "one", "/bin/true"))]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    assert_eq!(installed(), "2.0-1");
    newer("2.1-1");
    assert_eq!(installed(), "2.1-1", "unattended-upgrades would have moved it");
    for _ in 0..2 {
        let said = server.agent();
        assert_eq!(
            (&said["state"], &said["actions"]),
            (&"ok".into(), &serde_json::json!([])),
            "{said:#}"
        );
    }
    assert_eq!(installed(), "2.1-1");
    repository.release("1.1.0", &[("web.yaml", &hello("2.1-1", "one", "/bin/true"))]);
    server.tag(Some("1.1.0"));
    server.agent_until("ok", 2);
    newer("2.2-1");
    let said = server.agent();
    assert_eq!(
        (installed().as_str(), &said["actions"]),
        ("2.1-1", &serde_json::json!([])),
        "{said:#}"
    );
}
