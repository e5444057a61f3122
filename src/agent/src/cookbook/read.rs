//! From a tree to a cookbook. Goes on after what is wrong.

use std::time::Duration;

use super::fields::{Fields, Problems, json};
use super::tree::{self, Node};
use super::{Check, Command, Cookbook, FileSpec, Kind, OnChange, Package, Probe, Service, Wanted, names};
use crate::problem::Problem;

/// What the machine allows.
#[derive(Clone, Copy, Debug)]
pub struct Allowed {
    /// Commands with a shell.
    pub shell: bool,
    /// How long a command may take where it does not say.
    pub timeout: Duration,
}

const COMMAND: [&str; 9] = [
    "id",
    "command",
    "sudo",
    "unless",
    "creates",
    "timeout",
    "undo",
    "shell",
    "on_change",
];

/// Reads one cookbook.
///
/// # Errors
/// Everything that is wrong with it, each with its place and the fix.
pub fn read(file: &str, text: &str, allowed: Allowed) -> Result<Cookbook, Vec<Problem>> {
    let root = tree::read(file, text)?;
    let mut problems = Problems {
        file: file.to_owned(),
        found: Vec::new(),
    };
    let keys = [
        "name",
        "version",
        "description",
        "vars",
        "install",
        "configure",
        "health",
    ];
    let fields = Fields::of(&root, &keys, &mut problems);
    let mut book = Cookbook {
        file: file.to_owned(),
        name: fields.needed("name", &mut problems),
        ..Cookbook::default()
    };
    fields.text("version", &mut problems);
    fields.text("description", &mut problems);
    if let Some(node) = fields.node("vars") {
        match json(node) {
            serde_json::Value::Object(map) => book.vars = map.into_iter().collect(),
            _ => problems.wrong(node.at, "`vars` is no mapping; write `name: value`"),
        }
    }
    if let Some(node) = fields.node("install") {
        let install = Fields::of(node, &["pre_install", "install", "post_install"], &mut problems);
        book.pre = commands(&install, "pre_install", allowed, &mut problems);
        for node in install.list("install", &mut problems) {
            book.packages.push(package(node, &mut problems));
        }
        book.post = commands(&install, "post_install", allowed, &mut problems);
    }
    if let Some(node) = fields.node("configure") {
        let configure = Fields::of(node, &["files", "services"], &mut problems);
        for node in configure.list("files", &mut problems) {
            book.files.push(file_spec(node, &mut problems));
        }
        for node in configure.list("services", &mut problems) {
            book.services.push(service(node, &mut problems));
        }
    }
    for (n, node) in fields.list("health", &mut problems).iter().enumerate() {
        book.health.push(check(node, n, &mut problems));
    }
    if problems.found.is_empty() {
        Ok(book)
    } else {
        Err(problems.found)
    }
}

fn id(fields: &Fields<'_>, otherwise: String, problems: &mut Problems) -> String {
    let Some(id) = fields.text("id", problems) else {
        return otherwise;
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
    if id.is_empty() || id.len() > 64 || !id.chars().all(plain) {
        problems.wrong(
            fields.at("id"),
            "`id` is no plain word; use letters, digits and - _ . : /, 64 at most",
        );
    }
    id
}

fn commands(install: &Fields<'_>, phase: &str, allowed: Allowed, problems: &mut Problems) -> Vec<Command> {
    let list = install.list(phase, problems).iter().enumerate();
    list.map(|(n, node)| command(node, format!("command:{phase}[{n}]"), allowed, problems))
        .collect()
}

fn command(node: &Node, otherwise: String, allowed: Allowed, problems: &mut Problems) -> Command {
    let fields = Fields::of(node, &COMMAND, problems);
    let shell = fields.truth("shell", problems).unwrap_or(false);
    let words = |key: &str, problems: &mut Problems| {
        let text = fields.text(key, problems)?;
        Some(names::argv(&text, shell, allowed.shell, fields.at(key), problems))
    };
    if fields.node("command").is_none() {
        problems.wrong(fields.at, "has no `command`; add it");
    }
    let argv = words("command", problems).unwrap_or_default();
    let unless = words("unless", problems);
    let undo = words("undo", problems);
    let creates = fields.text("creates", problems);
    if let Some(creates) = &creates {
        names::path(creates, fields.at("creates"), problems);
    }
    Command {
        id: id(&fields, otherwise, problems),
        argv,
        sudo: fields.truth("sudo", problems).unwrap_or(false),
        unless,
        creates,
        timeout: fields.time("timeout", allowed.timeout, problems),
        undo,
        on_change: fields.texts("on_change", problems),
    }
}

fn package(node: &Node, problems: &mut Problems) -> Package {
    let fields = Fields::of(node, &["id", "package", "version", "state", "hold", "notify"], problems);
    let name = fields.needed("package", problems);
    names::package(&name, fields.at("package"), problems);
    let version = match fields.text("version", problems) {
        None => Wanted::Any,
        Some(text) if text == "latest" => Wanted::Latest,
        Some(text) => {
            names::package_version(&text, fields.at("version"), problems);
            Wanted::Exact(text)
        }
    };
    let is_exact = matches!(version, Wanted::Exact(_));
    Package {
        id: id(&fields, format!("package:{name}"), problems),
        present: fields.word("state", &["present", "absent"], problems) != Some("absent"),
        hold: fields.truth("hold", problems).unwrap_or(is_exact),
        notify: fields.texts("notify", problems),
        name,
        version,
    }
}

fn file_spec(node: &Node, problems: &mut Problems) -> FileSpec {
    let keys = [
        "id",
        "path",
        "content",
        "source",
        "target",
        "owner",
        "group",
        "mode",
        "state",
        "template",
        "sensitive",
        "validate",
        "notify",
    ];
    let fields = Fields::of(node, &keys, problems);
    let path = fields.needed("path", problems);
    names::path(&path, fields.at("path"), problems);
    let kind = match fields.word("state", &["present", "absent", "directory", "link"], problems) {
        Some("absent") => Kind::Absent,
        Some("directory") => Kind::Directory,
        Some("link") => Kind::Link,
        _ => Kind::Present,
    };
    let (content, source, target) = (
        fields.text("content", problems),
        fields.text("source", problems),
        fields.text("target", problems),
    );
    if let Some(source) = &source {
        names::source(source, fields.at("source"), problems);
    }
    match kind {
        Kind::Present if content.is_some() == source.is_some() => {
            problems.wrong(fields.at, "needs one of `content` and `source`; write one of them");
        }
        Kind::Link if target.is_none() => problems.wrong(fields.at, "a link without `target`; add it"),
        _ => {}
    }
    let user = |key: &str, problems: &mut Problems| {
        let name = fields.text(key, problems).unwrap_or_else(|| "root".into());
        names::user(&name, fields.at(key), problems);
        name
    };
    let (owner, group) = (user("owner", problems), user("group", problems));
    let otherwise = if kind == Kind::Directory { 0o755 } else { 0o644 };
    let mode = fields
        .text("mode", problems)
        .map(|text| names::mode(&text, fields.at("mode"), problems));
    let validate = fields.text("validate", problems).map(|text| {
        if !text.contains("{path}") {
            problems.wrong(
                fields.at("validate"),
                "`validate` does not name {path}, the copy that it is to look at; add it",
            );
        }
        names::argv(&text, false, false, fields.at("validate"), problems)
    });
    FileSpec {
        id: id(&fields, format!("file:{path}"), problems),
        path,
        kind,
        content,
        source,
        target,
        owner,
        group,
        mode: mode.unwrap_or(otherwise),
        template: fields.truth("template", problems).unwrap_or(false),
        sensitive: fields.truth("sensitive", problems),
        validate,
        notify: fields.texts("notify", problems),
    }
}

fn service(node: &Node, problems: &mut Problems) -> Service {
    let fields = Fields::of(
        node,
        &["id", "name", "state", "enabled", "on_change", "check", "after"],
        problems,
    );
    let name = fields.needed("name", problems);
    let unit = names::unit(&name, fields.at("name"), problems);
    let check = fields.text("check", problems);
    Service {
        id: id(
            &fields,
            format!("service:{}", name.trim_end_matches(".service")),
            problems,
        ),
        unit,
        started: fields.word("state", &["started", "stopped"], problems) != Some("stopped"),
        enabled: fields.truth("enabled", problems),
        on_change: match fields.word("on_change", &["restart", "reload", "none"], problems) {
            Some("reload") => OnChange::Reload,
            Some("none") => OnChange::None,
            _ => OnChange::Restart,
        },
        check: check.map(|text| names::argv(&text, false, false, fields.at("check"), problems)),
        after: fields.texts("after", problems).unwrap_or_default(),
    }
}

fn check(node: &Node, n: usize, problems: &mut Problems) -> Check {
    let fields = Fields::of(
        node,
        &[
            "id", "http", "tcp", "command", "service", "status", "contains", "within",
        ],
        problems,
    );
    let asked: Vec<&str> = ["http", "tcp", "command", "service"]
        .into_iter()
        .filter(|key| fields.node(key).is_some())
        .collect();
    if asked.len() != 1 {
        problems.wrong(
            fields.at,
            "needs one of `http`, `tcp`, `command` and `service`; write one of them",
        );
    }
    let kind = asked.first().copied().unwrap_or("service");
    let text = fields.text(kind, problems).unwrap_or_default();
    let at = fields.at(kind);
    let status = fields.number("status", problems);
    let contains = fields.text("contains", problems);
    if kind != "http" && (status.is_some() || contains.is_some()) {
        problems.wrong(fields.at, "`status` and `contains` are of `http` only; remove them");
    }
    let probe = match kind {
        "http" => {
            let well = ["http://", "https://"]
                .iter()
                .any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
            if !well || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
                problems.wrong(at, "`http` is no address; write it as http://127.0.0.1/");
            }
            Probe::Http {
                url: text,
                status: status.unwrap_or(200),
                contains,
            }
        }
        "tcp" => {
            if text
                .rsplit_once(':')
                .is_none_or(|(host, port)| host.is_empty() || port.parse::<u16>().is_err())
            {
                problems.wrong(at, "`tcp` is no HOST:PORT");
            }
            Probe::Tcp(text)
        }
        "command" => Probe::Command(names::argv(&text, false, false, at, problems)),
        _ if asked.is_empty() => Probe::Service(String::new()),
        _ => Probe::Service(names::unit(&text, at, problems)),
    };
    Check {
        id: id(&fields, format!("health:{n}"), problems),
        probe,
        within: fields.time("within", Duration::from_secs(30), problems),
    }
}
