//! Cookbooks through the real parser: the design's own, what each field means, and every hostile one.
#![expect(clippy::expect_used, reason = "a test stops where it fails")]

use std::time::Duration;

use fleetsheet_agent::cookbook::read::{Allowed, read};
use fleetsheet_agent::cookbook::{Cookbook, OnChange, Wanted, whole};
use fleetsheet_agent::template::{Context, render};

const ALLOWED: Allowed = Allowed {
    shell: false,
    timeout: Duration::from_secs(300),
};

fn parse(text: &str) -> Result<Cookbook, Vec<String>> {
    read("web.yaml", text, ALLOWED).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

fn wrong(text: &str) -> Vec<String> {
    parse(text).expect_err(text)
}

/// The structure of the design document, to the letter.
const DESIGN: &str = include_str!("design.yaml");

#[test]
fn the_cookbook_of_the_design_is_read_to_the_letter() {
    let book = parse(DESIGN).unwrap();
    assert_eq!(book.name, "Configuration Name");
    assert_eq!(book.pre[0].argv, ["/usr/bin/apt-get", "update"]);
    assert!(book.pre[0].sudo && book.pre[0].id == "command:pre_install[0]");
    assert_eq!(
        (book.packages[0].name.as_str(), &book.packages[0].version),
        ("nginx", &Wanted::Latest)
    );
    assert!(book.packages[0].present && !book.packages[0].hold);
    let file = &book.files[0];
    assert_eq!(
        (file.id.as_str(), file.mode, file.content.as_deref()),
        ("file:/etc/nginx/nginx.conf", 0o644, Some("# Configuration content\n"))
    );
    let service = &book.services[0];
    assert_eq!(
        (service.id.as_str(), service.unit.as_str(), service.enabled),
        ("service:nginx", "nginx.service", Some(true))
    );
    assert_eq!(service.on_change, OnChange::Restart);
    assert!(whole::problems(&[book]).is_empty());
}

#[test]
fn all_errors_are_told_at_once_with_their_places() {
    let text = "name: Web\nsurprise: 1\ninstall:\n  install:\n    - package: nginx\n      version: 1.0\n      stat: present\nconfigure:\n  files:\n    - path: etc/x\n      content: a\n      mode: 0644\n";
    let found = wrong(text);
    let starts: Vec<&str> = found.iter().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(
        starts,
        [
            "web.yaml:2:1",
            "web.yaml:7:7",
            "web.yaml:6:16",
            "web.yaml:10:13",
            "web.yaml:12:13"
        ],
        "{found:#?}"
    );
    assert!(found[4].contains("write \"0644\""), "{}", found[4]);
}

/// Each hostile cookbook, and a word of what is said.
const HOSTILE: [(&str, &str); 24] = [
    ("name: a\nname: b\n", "twice"),
    ("name: !!python/object a\n", "tag"),
    ("name: a\n---\nname: b\n", "second document"),
    (
        "name: a\nconfigure: {files: [{path: /etc/../etc/x, content: a}]}\n",
        "absolute path",
    ),
    (
        "name: a\nconfigure: {files: [{path: /proc/sys/kernel/panic, content: a}]}\n",
        "kernel",
    ),
    (
        "name: a\nconfigure: {files: [{path: /var/lib/fleetsheet-agent/state.json, content: a}]}\n",
        "agent's own",
    ),
    (
        "name: a\nconfigure: {files: [{path: \"/etc/a\\0b\", content: a}]}\n",
        "NUL",
    ),
    (
        "name: a\nconfigure: {files: [{path: \"/etc/a\\nb\", content: a}]}\n",
        "control",
    ),
    (
        "name: a\nconfigure: {files: [{path: /etc/x, content: a, mode: \"rwx\"}]}\n",
        "mode",
    ),
    ("name: a\nconfigure: {files: [{path: /etc/x}]}\n", "`content`"),
    (
        "name: a\nconfigure: {files: [{path: /etc/x, source: ../secret}]}\n",
        "inside the repository",
    ),
    (
        "name: a\nconfigure: {files: [{path: /etc/x, source: \"HEAD:x\"}]}\n",
        "inside the repository",
    ),
    (
        "name: a\ninstall: {install: [{package: \"-oDir::Bin::dpkg=/tmp/x\"}]}\n",
        "Debian package",
    ),
    (
        "name: a\ninstall: {install: [{package: \"a=b;c\"}]}\n",
        "Debian package",
    ),
    (
        "name: a\ninstall: {install: [{package: nginx, version: \"1 2\"}]}\n",
        "version of a package",
    ),
    (
        "name: a\nconfigure: {services: [{name: \"../x\"}]}\n",
        "name of a service",
    ),
    (
        "name: a\ninstall: {post_install: [{command: \"/bin/sh -c 'a | b'\"}]}\n",
        "for a shell",
    ),
    (
        "name: a\ninstall: {post_install: [{command: \"/bin/echo $HOME\"}]}\n",
        "for a shell",
    ),
    (
        "name: a\ninstall: {post_install: [{command: \"reboot\"}]}\n",
        "absolute path",
    ),
    (
        "name: a\ninstall: {post_install: [{command: \"/bin/true\", shell: true}]}\n",
        "commands.shell",
    ),
    ("name: a\nhealth: [{http: \"file:///etc/passwd\"}]\n", "no address"),
    (
        "name: a\nhealth: [{http: \"http://x/\", tcp: \"x:1\"}]\n",
        "needs one of",
    ),
    ("- a\n", "no mapping"),
    ("name: [a\n", "not YAML"),
];

#[test]
fn hostile_cookbooks_are_told_with_place_and_fix() {
    for (text, word) in HOSTILE {
        let found = wrong(text);
        assert!(found.iter().any(|line| line.contains(word)), "{text:?}: {found:?}");
        assert!(
            found.iter().all(|line| line.starts_with("web.yaml:")),
            "{text:?}: {found:?}"
        );
        assert!(
            found.iter().all(|line| !line.chars().any(char::is_control)),
            "{text:?}: {found:?}"
        );
    }
}

#[test]
fn bombs_end_quickly() {
    let mut bomb = "name: a\nvars:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..10 {
        let list = vec![format!("*a{}", n - 1); 10].join(", ");
        bomb.push_str(&format!("  a{n}: &a{n} [{list}]\n"));
    }
    assert!(
        wrong(&bomb)[0].contains("values, aliases counted"),
        "{:?}",
        wrong(&bomb)
    );
    let deep = format!("name: a\nvars: {{a: {}1{}}}\n", "[".repeat(40), "]".repeat(40));
    assert!(wrong(&deep)[0].contains("deep"));
    let long = format!("name: {}\n", "a".repeat(2 << 20));
    assert!(wrong(&long)[0].contains("at most"));
    let many: String = (0..2000)
        .map(|n| format!("    - {{path: /etc/x{n}, content: a}}\n"))
        .collect();
    let book = parse(&format!("name: a\nconfigure:\n  files:\n{many}")).unwrap();
    assert!(whole::problems(&[book])[0].to_string().contains("resources"));
}

#[test]
fn what_does_not_fit_together_is_told() {
    let problems = |texts: &[&str]| {
        let books: Vec<Cookbook> = texts
            .iter()
            .enumerate()
            .map(|(n, text)| read(&format!("{n}.yaml"), text, ALLOWED).unwrap())
            .collect();
        whole::problems(&books)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    };
    let one = "name: a\nconfigure: {files: [{path: /etc/x, content: a}]}\n";
    assert!(problems(&[one, one]).contains("is in 0.yaml already"));
    assert!(
        problems(&["name: a\nconfigure: {files: [{path: /etc/x, content: a, notify: [\"service:x\"]}]}\n"])
            .contains("no such service")
    );
    let circle =
        "name: a\nconfigure: {services: [{name: a, after: [\"service:b\"]}, {name: b, after: [\"service:a\"]}]}\n";
    assert!(problems(&[circle]).contains("circle"));
}

#[test]
fn templates_name_what_is_there_and_end() {
    let mut context = Context::default();
    context.vars.insert("workers".into(), 3.into());
    context.secrets.insert("db".into(), "s3cret".into());
    let (text, secrets) = render("{{ vars.workers }} {{ secret(\"db\") }}\n", &context).unwrap();
    assert_eq!((text.as_str(), secrets), ("3 s3cret\n", vec!["db".to_owned()]));
    for (text, word) in [
        ("{{ vars.other }}", "not defined"),
        ("{{ secret(\"other\") }}", "no secret other"),
        (
            "{% for a in range(10000) %}{% for b in range(10000) %}x{% endfor %}{% endfor %}",
            "no end",
        ),
        ("{% if %}", "line 1"),
    ] {
        let why = render(text, &context).unwrap_err();
        assert!(why.contains(word) && !why.contains("s3cret"), "{text}: {why}");
    }
}
