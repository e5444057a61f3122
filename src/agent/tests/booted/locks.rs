//! dpkg was killed while a script of a package lives on, and packages of others that are broken.

use super::{cannot_boot, hello, repository, server};

#[test]
fn a10_4_dpkg_killed_in_a_postinst_that_lives_on_is_waited_for_and_repaired() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("killed-dpkg");
    let postinst = "touch /run/begun; sleep 4; touch /run/ended";
    repository::package(
        &server.root(),
        "slow",
        "1.0-1",
        "",
        &[("usr/share/slow/a", "1\n")],
        postinst,
    );
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    server
        .run("setsid dpkg -i /srv/repository/slow_1.0-1_all.deb >/dev/null 2>&1 & while ! test -e /run/begun; do sleep 0.1; done; kill -9 $(pgrep -x dpkg); rm /run/begun")
        .well();
    assert_eq!(
        server.run("dpkg-query -W -f '${db:Status-Abbrev}' slow").well().trim(),
        "iF"
    );
    server.tag(Some("1.0.0"));
    let said = server.agent_until("ok", 2);
    assert_eq!(said["running"], "1.0.0", "{said:#}");
    assert_eq!(
        server.run("dpkg-query -W -f '${db:Status-Abbrev}' slow").well().trim(),
        "ii"
    );
    assert_eq!(server.run("cat /run/hello.loaded").well(), "one");
    assert_eq!(server.agent()["actions"], serde_json::json!([]));
}

#[test]
fn a10_4_a_package_of_others_that_stays_broken_is_a_failure_and_nothing_else_is_done() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("others-broken");
    repository::package(
        &server.root(),
        "theirs",
        "1.0-1",
        "",
        &[("usr/share/theirs/a", "1\n")],
        "exit 1",
    );
    server.run("dpkg -i /srv/repository/theirs_1.0-1_all.deb");
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    server.tag(Some("1.0.0"));
    let said = server.agent();
    assert_eq!(
        (&said["state"], &said["running"]),
        (&"failed".into(), &"none".into()),
        "{said:#}"
    );
    assert!(said["detail"].to_string().contains("theirs"), "{said:#}");
    assert_ne!(
        server.run("dpkg-query -W hello-fleet || test -e /etc/hello.conf").code,
        Some(0)
    );
    server.run("dpkg --purge theirs").well();
    server.agent_until("ok", 2);
}
