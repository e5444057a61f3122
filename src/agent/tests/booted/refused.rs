//! Cookbooks and repositories of an enemy: told with their place and the fix, and nothing on the server changes.

use super::server::Server;
use super::{cannot_boot, hello, server};

const SUMS: &str = "find /etc /usr /lib /srv/safe /home -xdev -type f -print0 2>/dev/null | sort -z | xargs -0 md5sum; dpkg-query -W; \
                    systemctl list-units --no-legend --state=running --plain | cut -d' ' -f1 | sort";

/// Runs on a version that must not come; gives all that was said.
fn stays(server: &Server, version: &str, before: &str) -> String {
    server.tag(Some(version));
    let said = server.run("fleetsheet-agent run --once --now --format json");
    assert!(matches!(said.code, Some(1 | 4 | 5)), "{version}: {said:?}");
    assert_eq!(said.json()["running"], "1.0.0", "{version}: {said:?}");
    assert_eq!(server.run(SUMS).well(), before, "{version} changed the server");
    said.out
}

#[test]
fn a10_13_hostile_cookbooks_are_told_with_line_and_fix_and_nothing_is_changed() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("hostile");
    server
        .run("useradd -m mallory 2>/dev/null || mkdir -p /home/mallory; chown 65534 /home/mallory; mkdir -p /srv/safe; ln -s /srv/safe /home/mallory/way; chown -h 65534 /home/mallory/way")
        .well();
    let file = |path: &str| format!("name: A\nconfigure:\n  files:\n    - {{ path: \"{path}\", content: x }}\n");
    let package = |name: &str| format!("name: A\ninstall:\n  install:\n    - {{ package: \"{name}\" }}\n");
    let mut bomb = "name: a\nvars:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..10 {
        let list = vec![format!("*a{}", n - 1); 10].join(", ");
        bomb.push_str(&format!("  a{n}: &a{n} [{list}]\n"));
    }
    let books: Vec<(&str, String)> = vec![
        ("web.yaml:", bomb),
        ("web.yaml", format!("name: a\nvars:\n  a: \"{}\"\n", "x".repeat(100 << 20))),
        ("web.yaml:", format!("name: a\nvars: {{a: {}1{}}}\n", "[".repeat(40), "]".repeat(40))),
        ("web.yaml:2:1", "name: A\nname: B\n".into()),
        ("web.yaml:4:", file("/etc/x\", mode: 0644, owner: \"root")),
        ("web.yaml:4:", file("/etc/a\\0b")),
        ("web.yaml:4:", file("/etc/a\\nb")),
        ("web.yaml:4:", file("/etc/../etc/passwd")),
        ("web.yaml:4:", file("/proc/sys/kernel/hostname")),
        ("web.yaml:4:", file("/var/lib/fleetsheet-agent/state.json")),
        ("home", file("/home/mallory/way/owned")),
        ("home", file("/home/mallory/owned")),
        ("web.yaml:4:", package("-oDPkg::Pre-Invoke=touch")),
        ("web.yaml:4:", package("hello=1;reboot")),
        ("web.yaml:4:", "name: A\nconfigure:\n  services:\n    - { name: ../x }\n".into()),
        (
            "web.yaml:4:",
            "name: A\ninstall:\n  post_install:\n    - { command: \"/bin/sh -c x;reboot\", sudo: true }\n".into(),
        ),
        (
            "has no end",
            "name: A\nconfigure:\n  files:\n    - { path: /etc/x, template: true, content: \"{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}\" }\n".into(),
        ),
        (
            "no secret nobody",
            "name: A\nconfigure:\n  files:\n    - { path: /etc/x, template: true, mode: \"0600\", content: \"{{ secret('nobody') }}\" }\n".into(),
        ),
    ];
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    let before = server.run(SUMS).well();
    for (n, (place, book)) in books.iter().enumerate() {
        let version = format!("2.{n}");
        repository.release(&version, &[("web.yaml", book)]);
        let said = stays(&server, &version, &before);
        assert!(said.contains(place), "{version}: {place} is not in {said:.2000}");
        server.run("fleetsheet-agent retry 9.9.9").well();
    }
    assert_ne!(server.run("test -e /srv/safe/owned").code, Some(0));
    server.tag(Some("1.0.0"));
    assert_eq!(server.agent_until("ok", 1)["actions"], serde_json::json!([]));
}

#[test]
fn a10_14_a_hostile_repository_is_refused_or_failed_and_good_stays() {
    if cannot_boot() {
        return;
    }
    let (server, mut repository) = server("hostile-git");
    let book = hello("1.0-1", "one", "/bin/true");
    let other = hello("1.0-1", "two", "/bin/true");
    let signed = |version: &str| ["-s", "-m", "x", version].map(str::to_owned);
    let tag = |repository: &super::repository::Repository, words: &[String]| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        repository.tag(&words);
    };
    repository.release("1.0.0", &[("web.yaml", &book)]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    server.run("mkdir -p /srv/safe").well();
    let before = server.run(SUMS).well();
    let refused = |version: &str| {
        let said = stays(&server, version, &before);
        assert!(said.contains("\"refused\""), "{version}: {said}");
    };
    repository.commit(&[("web.yaml", &other)]);
    // Unsigned, a light tag, a tag of a tag, a tag of a tree, the object of one version under the name of another.
    repository.tag(&["-a", "-m", "x", "v2.0.0"]);
    repository.tag(&["v2.0.1"]);
    tag(&repository, &signed("v3.0.0"));
    repository.tag(&["-s", "-m", "x", "v2.0.2", "v3.0.0"]);
    repository.tag(&["-s", "-m", "x", "v2.0.3", "HEAD^{tree}"]);
    let bare = server.root().join("srv/cookbooks.git");
    let replay = std::process::Command::new("git")
        .args([
            "-C",
            bare.to_str().unwrap(),
            "update-ref",
            "refs/tags/v2.0.4",
            "refs/tags/v3.0.0",
        ])
        .status()
        .unwrap();
    assert!(replay.success());
    for version in ["2.0.0", "2.0.1", "2.0.2", "2.0.3", "2.0.4"] {
        refused(version);
    }
    // A link out of the repository, and a submodule in the place of a cookbook.
    std::fs::remove_file(repository.tree().join("web.yaml")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", repository.tree().join("web.yaml")).unwrap();
    repository.commit(&[]);
    tag(&repository, &signed("v2.1.0"));
    assert!(stays(&server, "2.1.0", &before).contains("is a link"));
    std::fs::remove_file(repository.tree().join("web.yaml")).unwrap();
    repository.commit(&[("web.yaml", &other)]);
    // What a hook in the agent's own repository would do, in each fetch.
    let hooks = server.root().join("var/lib/fleetsheet-agent/git/hooks");
    std::fs::create_dir_all(&hooks).unwrap();
    for hook in ["reference-transaction", "post-checkout", "fsmonitor-watchman"] {
        std::fs::write(hooks.join(hook), "#!/bin/sh\ntouch /srv/safe/owned\n").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(hooks.join(hook), mode).unwrap();
    }
    repository.stranger();
    tag(&repository, &signed("v2.2.0"));
    refused("2.2.0");
    // The file of signers is gone; then the packs are cut.
    server
        .run("mv /etc/fleetsheet-agent/allowed_signers /root/; fleetsheet-agent retry 3.0.0")
        .well();
    server.tag(Some("3.0.0"));
    let said = server.run("fleetsheet-agent run --once --now --format json");
    assert_eq!(
        (said.code, said.json()["running"].as_str()),
        (Some(5), Some("1.0.0")),
        "{said:?}"
    );
    server.run("mv /root/allowed_signers /etc/fleetsheet-agent/").well();
    server
        .run("cd /srv/cookbooks.git && git gc -q --prune=now 2>/dev/null; find objects -type f -size +60c -exec truncate -s -20 {} +")
        .well();
    let said = stays(&server, "2.0.0", &before);
    assert!(said.contains("failed") || said.contains("refused"), "{said}");
    // A program in the place of an address: a word of the configuration, and refused there.
    let said = server
        .run("FLEETSHEET_AGENT_SOURCE__URL='ext::sh -c touch% /srv/safe/owned' fleetsheet-agent run --once --now");
    assert_eq!(said.code, Some(2), "{said:?}");
    assert_ne!(server.run("test -e /srv/safe/owned").code, Some(0));
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 1);
}
