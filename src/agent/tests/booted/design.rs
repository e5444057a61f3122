//! The cookbook of the design: word for word, and with working content, with which NGINX and PHP-FPM of Debian answer.

use super::{cannot_boot, repository, server};

/// As the design has it, to the letter.
pub(crate) const WORD_FOR_WORD: &str = include_str!("../design.yaml");

/// What stands in the place of its one comment, with which NGINX does not start.
pub(crate) const CONTENT: &str = "        events {}
        http {
          server {
            listen 80;
            location / { return 200 'Hello, world!'; }
          }
        }
";

const BOOK: &str = r#"
name: "Web server"
version: "1.0.0"
description: "NGINX and PHP-FPM"

install:
  pre_install:
    - command: "/usr/bin/apt-get update"
      sudo: true
  install:
    - package: nginx-light
      version: latest
      state: present
    - package: php8.2-fpm
      version: latest
      state: present
  post_install:
    - command: "/bin/systemctl enable nginx"
      sudo: true

configure:
  files:
    - path: /etc/nginx/sites-enabled/default
      content: |
        server {
          listen 80 default_server;
          root /var/www/html;
          index index.php;
          location ~ \.php$ {
            include snippets/fastcgi-php.conf;
            fastcgi_pass unix:/run/php/php8.2-fpm.sock;
          }
        }
      owner: root
      group: root
      mode: "0644"
    - path: /var/www/html/index.php
      content: "<?php echo 'Hello, ' . 'world!';"
      owner: root
      group: root
      mode: "0644"
      notify: []

  services:
    - name: nginx
      state: started
      enabled: true
      on_change: reload
      check: "/usr/sbin/nginx -t"
    - name: php8.2-fpm
      state: started
      enabled: true
health:
  - { id: site, http: "http://127.0.0.1/", contains: "Hello, world!", within: 20s }
"#;

#[test]
fn a10_1_the_cookbook_of_the_design_word_for_word_and_with_content_in_the_place_of_its_comment() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("word-for-word");
    repository::real_packages(&server.root());
    repository::list(&server.root());
    let world = "dpkg-query -W; apt-mark showmanual; ls -A /etc/nginx /etc/systemd/system/multi-user.target.wants 2>&1";
    let before = server.run(world).out;
    repository.release("1.0.0", &[("web.yaml", WORD_FOR_WORD)]);
    server.tag(Some("1.0.0"));
    // One comment is not a configuration of NGINX: the agent says so, and takes it back to what stood there.
    let said = server.run("fleetsheet-agent run --once --now --format json");
    assert_eq!(
        (said.code, said.json()["outcome"].as_str()),
        (Some(4), Some("taken_back")),
        "{said:?}"
    );
    let done: Vec<String> = said.json()["actions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|action| action["reason"] == "join")
        .map(|action| action["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        done,
        [
            "command:pre_install[0]",
            "package:nginx",
            "command:post_install[0]",
            "file:/etc/nginx/nginx.conf",
            "service:nginx"
        ]
    );
    assert!(
        said.json()["detail"]
            .as_str()
            .unwrap()
            .starts_with("1.0.0: service:nginx: restart exit 1"),
        "{said:?}"
    );
    assert_eq!(server.run(world).out, before);
    // The same cookbook with content.
    let content = WORD_FOR_WORD.replace("        # Configuration content\n", CONTENT);
    assert_ne!(content, WORD_FOR_WORD);
    repository.release("1.0.1", &[("web.yaml", &content)]);
    server.tag(Some("1.0.1"));
    let said = server.agent();
    assert_eq!(
        (&said["outcome"], &said["state"]),
        (&"converged".into(), &"ok".into()),
        "{said:#}"
    );
    assert_eq!(server.run("curl -s http://127.0.0.1/").well(), "Hello, world!");
    assert_eq!(server.run("systemctl is-enabled nginx").well(), "enabled\n");
    assert_eq!(
        server.run("stat -c '%a %U %G' /etc/nginx/nginx.conf").well(),
        "644 root root\n"
    );
    assert_eq!(server.agent()["actions"], serde_json::json!([]));
}

#[test]
fn a10_1_the_cookbook_of_the_design_makes_nginx_and_php_say_hello() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("design");
    repository::real_packages(&server.root());
    repository::list(&server.root());
    repository.release("1.0.0", &[("web.yaml", BOOK)]);
    server.tag(Some("1.0.0"));
    let said = server.agent();
    assert_eq!(
        (&said["outcome"], &said["state"]),
        (&"converged".into(), &"ok".into()),
        "{said:#}"
    );
    assert_eq!(server.run("curl -s http://127.0.0.1/").well(), "Hello, world!");
    let pids = server
        .run("systemctl show -p MainPID,InvocationID nginx php8.2-fpm")
        .well();
    let writes = server.writes();
    let again = server.agent();
    assert_eq!(
        (&again["outcome"], &again["actions"]),
        (&"in_sync".into(), &serde_json::json!([])),
        "{again:#}"
    );
    assert_eq!(
        (
            server
                .run("systemctl show -p MainPID,InvocationID nginx php8.2-fpm")
                .well(),
            server.writes()
        ),
        (pids, writes)
    );
    // A broken site is never loaded.
    repository.release(
        "1.1.0",
        &[(
            "web.yaml",
            &BOOK.replace("listen 80 default_server;", "listen nonsense"),
        )],
    );
    server.tag(Some("1.1.0"));
    let said = server.agent();
    assert_eq!(
        (&said["outcome"], &said["running"]),
        (&"taken_back".into(), &"1.0.0".into()),
        "{said:#}"
    );
    assert_eq!(server.run("curl -s http://127.0.0.1/").well(), "Hello, world!");
}
