//! First apply, nothing to do, upgrade, way back.

use super::{cannot_boot, hello, server};

#[test]
fn a_release_is_applied_once_and_then_there_is_nothing_to_do() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("first");
    repository.release(
        "1.0.0",
        &[("web.yaml", &hello("1.0-1", "one", "/bin/grep -q one /run/hello.loaded"))],
    );
    server.tag(Some("1.0.0"));
    let said = server.agent();
    assert_eq!(
        (&said["outcome"], &said["state"], &said["running"]),
        (&"converged".into(), &"ok".into(), &"1.0.0".into()),
        "{said:#}"
    );
    assert_eq!(server.run("cat /run/hello.loaded").well(), "one");
    assert_eq!(server.run("stat -c '%a %U' /etc/hello.conf").well(), "640 root\n");
    assert_eq!(server.run("apt-mark showhold").well(), "hello-fleet\n");
    assert_eq!(server.run("systemctl is-enabled hello").well(), "enabled\n");
    assert_eq!(server.reported("ReleaseRunning").as_deref(), Some("1.0.0"));
    let told = server.reported("ReleaseAgent").unwrap();
    assert!(told.starts_with("ok 1.0.0 @ 20"), "{told}");
    let (starts, writes) = (server.run("cat /run/hello.starts").well(), server.writes());
    assert_eq!(starts.lines().count(), 1, "{starts}");
    for _ in 0..2 {
        let said = server.agent();
        assert_eq!(
            (&said["outcome"], &said["actions"]),
            (&"in_sync".into(), &serde_json::json!([])),
            "{said:#}"
        );
    }
    assert_eq!(
        (server.run("cat /run/hello.starts").well(), server.writes()),
        (starts, writes)
    );
}

#[test]
fn a10_5_a_release_that_fails_its_check_is_taken_back_and_not_tried_again() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("back");
    repository.release(
        "1.0.0",
        &[("web.yaml", &hello("1.0-1", "one", "/bin/grep -q one /run/hello.loaded"))],
    );
    server.tag(Some("1.0.0"));
    server.agent();
    let before = server
        .run("dpkg-query -W; systemctl is-active hello; stat -c '%n %a %U' /etc/hello.conf; cat /etc/hello.conf")
        .well();
    repository.release("2.0.0", &[("web.yaml", &hello("2.0-1", "two", "/bin/false"))]);
    server.tag(Some("2.0.0"));
    let said = server.agent();
    assert_eq!(
        (&said["outcome"], &said["state"], &said["running"]),
        (&"taken_back".into(), &"quarantined".into(), &"1.0.0".into()),
        "{said:#}"
    );
    let after = server
        .run("dpkg-query -W; systemctl is-active hello; stat -c '%n %a %U' /etc/hello.conf; cat /etc/hello.conf")
        .well();
    assert_eq!(before, after);
    assert_eq!(server.run("cat /run/hello.loaded").well(), "one");
    assert_eq!(server.run("apt-mark showhold").well(), "hello-fleet\n");
    assert_eq!(server.reported("ReleaseRunning").as_deref(), Some("1.0.0"));
    assert!(
        server
            .reported("ReleaseAgent")
            .unwrap()
            .starts_with("quarantined 2.0.0: health up")
    );
    let starts = server.run("cat /run/hello.starts").well();
    server.run("rm -rf /srv/cookbooks.git").well();
    for _ in 0..3 {
        let said = server.agent();
        assert_eq!(
            (&said["outcome"], &said["state"]),
            (&"in_sync".into(), &"quarantined".into()),
            "{said:#}"
        );
    }
    assert_eq!(server.run("cat /run/hello.starts").well(), starts);
    server.tag(Some("1.0.0"));
    assert_eq!(server.agent()["state"], "ok");
}

#[test]
fn a_good_release_follows_another_and_its_new_packages_stay() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("upgrade");
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    server.tag(Some("1.0.0"));
    server.agent();
    repository.release(
        "2.0.0",
        &[("web.yaml", &hello("2.0-1", "two", "/bin/grep -q two /run/hello.loaded"))],
    );
    server.tag(Some("2.0.0"));
    let said = server.agent();
    assert_eq!(
        (&said["outcome"], &said["running"]),
        (&"converged".into(), &"2.0.0".into()),
        "{said:#}"
    );
    assert_eq!(
        server
            .run("dpkg-query -W -f '${Package} ${Version}\n' hello-fleet hello-data")
            .well(),
        "hello-data 2.0-1\nhello-fleet 2.0-1\n"
    );
    assert_eq!(server.run("cat /run/hello.loaded").well(), "two");
}
