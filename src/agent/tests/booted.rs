//! The agent on a real Debian that is booted with systemd as pid 1: a fresh overlay each, IMDS at its true address, EC2 beside it, a
//! signed repository, real apt, dpkg, git and ssh-keygen. Needs root on Linux with overlayfs, and builds a root once (two minutes).
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

#[path = "booted/by_hand.rs"]
mod by_hand;
#[path = "booted/cases.rs"]
mod cases;
#[path = "booted/crashes.rs"]
mod crashes;
#[path = "booted/design.rs"]
mod design;
#[path = "booted/drift.rs"]
mod drift;
#[path = "booted/failing.rs"]
mod failing;
#[path = "booted/first.rs"]
mod first;
#[path = "booted/hostile.rs"]
mod hostile;
#[path = "booted/letter.rs"]
mod letter;
#[path = "booted/levels.rs"]
mod levels;
#[path = "booted/locks.rs"]
mod locks;
#[path = "booted/long.rs"]
mod long;
#[path = "booted/moves.rs"]
mod moves;
#[path = "booted/refused.rs"]
mod refused;
#[path = "booted/repository.rs"]
mod repository;
#[path = "booted/server.rs"]
mod server;

use repository::Repository;
use server::{Server, cannot_boot};

/// What all servers of these tests are configured with; a test may add to it.
const CONFIG: &str = r#"
[source]
url = "file:///srv/cookbooks.git"
cookbooks = ["{channel}.yaml"]
[schedule]
splay = "0s"
[health]
watch = "0s"
interval = "1s"
[limits]
lock = "5s"
service_start = "20s"
[report]
spread = "0s"
metrics_file = "/var/lib/fleetsheet-agent/metrics.prom"
[aws]
endpoint_url = "http://169.254.169.254:8111"
"#;

/// A server with the agent and a repository; its service is a small one of a package of its own.
fn server(name: &str) -> (Server, Repository) {
    server_with(name, CONFIG)
}

fn server_with(name: &str, config: &str) -> (Server, Repository) {
    let mut repository = None;
    let server = Server::boot(name, |root| {
        let made = Repository::new(root);
        std::fs::write(root.join("etc/fleetsheet-agent/agent.toml"), config).unwrap();
        let unit = "[Service]\nExecStart=/bin/sh -c 'cp /etc/hello.conf /run/hello.loaded; date +%%s%%N >> /run/hello.starts; exec sleep infinity'\n\
                    [Install]\nWantedBy=multi-user.target\n";
        let files = [
            ("lib/systemd/system/hello.service", unit),
            ("usr/share/hello/version", "1\n"),
        ];
        repository::package(root, "hello-fleet", "1.0-1", "", &files, "");
        let files = [
            ("lib/systemd/system/hello.service", unit),
            ("usr/share/hello/version", "2\n"),
        ];
        repository::package(root, "hello-fleet", "2.0-1", "hello-data", &files, "");
        repository::package(root, "hello-data", "2.0-1", "", &[("usr/share/hello/data", "2\n")], "");
        repository = Some(made);
    });
    (server, repository.unwrap())
}

/// The cookbook of that service.
fn hello(version: &str, text: &str, health: &str) -> String {
    format!(
        "name: Hello\ninstall:\n  install:\n    - {{ package: hello-fleet, version: \"{version}\" }}\nconfigure:\n  files:\n    - path: /etc/hello.conf\n      content: \"{text}\"\n      mode: \"0640\"\n  services:\n    - {{ name: hello, state: started, enabled: true }}\nhealth:\n  - {{ id: up, command: \"{health}\", within: 2s }}\n"
    )
}
