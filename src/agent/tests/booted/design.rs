//! The cookbook of the design, with working content: NGINX and PHP-FPM of Debian answer.

use super::{cannot_boot, repository, server};

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
fn the_cookbook_of_the_design_makes_nginx_say_hello() {
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
