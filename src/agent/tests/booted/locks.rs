//! Packages of others that are broken.

use super::{cannot_boot, hello, repository, server};

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
