//! The script for servers without an agent: it runs the owner's command once for each new version, and for nothing else that
//! the tag may hold. Its metadata service is a small one in this process; curl and sh are those of the machine.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

const SCRIPT: &str = "config/deploy/server/fleetsheet-deploy";

type Tags = Arc<Mutex<Option<BTreeMap<&'static str, String>>>>;

/// A server as the script sees it: a metadata service, the owner's commands, and a directory for what it remembers.
struct Server {
    dir: tempfile::TempDir,
    /// Its tags; `None` where the metadata service shows none.
    tags: Tags,
    port: u16,
}

/// Answers one request as the second version of the metadata service does.
fn answer(mut stream: TcpStream, tags: &Tags) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
    let first = lines.next().unwrap_or_default();
    let heads: Vec<String> = lines
        .take_while(|line| !line.is_empty())
        .map(|line| line.to_lowercase())
        .collect();
    let has = |wanted: &str| heads.iter().any(|head| head == wanted);
    let (method, path) = first.split_once(' ').unwrap_or_default();
    let path = path.split(' ').next().unwrap_or_default();
    let tags = tags.lock().unwrap();
    let found = match (method, path.strip_prefix("/latest/").unwrap_or_default()) {
        ("PUT", "api/token") if has("x-aws-ec2-metadata-token-ttl-seconds: 60") => Ok("secret".to_owned()),
        _ if !has("x-aws-ec2-metadata-token: secret") => Err("401 Unauthorized"),
        ("GET", "meta-data/instance-id") => Ok("i-0123456789abcdef0".to_owned()),
        ("GET", "meta-data/placement/region") => Ok("eu-west-1".to_owned()),
        ("GET", path) => match (&*tags, path.strip_prefix("meta-data/tags/instance")) {
            (Some(tags), Some("")) => Ok(tags.keys().copied().collect::<Vec<_>>().join("\n")),
            (Some(tags), Some(key)) => tags.get(key.trim_start_matches('/')).cloned().ok_or("404 Not Found"),
            _ => Err("404 Not Found"),
        },
        _ => Err("405 Method Not Allowed"),
    };
    let (status, body) = found.map_or_else(|status| (status, String::new()), |body| ("200 OK", body));
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    // A client that hung up is its own business.
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

impl Server {
    fn new() -> Self {
        let tags: Tags = Arc::new(Mutex::new(Some(BTreeMap::new())));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shown = Arc::clone(&tags);
        std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| answer(stream, &shown)));
        let server = Self {
            dir: tempfile::tempdir().unwrap(),
            tags,
            port,
        };
        server.command("deploy", "printf '%s|' \"$@\" >>\"$(dirname \"$0\")/calls\"");
        server
    }

    /// A command of the owner's, or of the machine.
    fn command(&self, name: &str, script: &str) {
        let path = self.dir.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn tag(&self, version: &str) {
        let tags = BTreeMap::from([("Name", "web-1".to_owned()), ("ReleaseVersion", version.to_owned())]);
        *self.tags.lock().unwrap() = Some(tags);
    }

    fn run(&self) -> Output {
        let home = self.dir.path();
        let path = format!("{}:{}", home.display(), std::env::var("PATH").unwrap());
        Command::new("sh")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(SCRIPT))
            .env_clear()
            .env("PATH", path)
            .env("FLEETSHEET_IMDS", format!("http://127.0.0.1:{}", self.port))
            .env("FLEETSHEET_HOOKS", home)
            .env("STATE_DIRECTORY", home)
            .output()
            .unwrap()
    }

    /// Runs it; gives the exit code, and what the deploy command was called with so far.
    fn runs(&self) -> (Option<i32>, String) {
        let output = self.run();
        let calls = fs::read_to_string(self.dir.path().join("calls")).unwrap_or_default();
        (output.status.code(), calls)
    }
}

#[test]
fn each_new_version_is_deployed_once() {
    let server = Server::new();
    assert_eq!(server.runs(), (Some(0), String::new()), "no tag yet");
    server.tag("2.4.0");
    assert_eq!(server.runs(), (Some(0), "2.4.0|".to_owned()));
    assert_eq!(server.runs(), (Some(0), "2.4.0|".to_owned()), "it runs already");
    let longest = format!("v2.4.0+{}", "a".repeat(121));
    server.tag(&longest);
    server.runs();
    server.tag("2.4.0");
    assert_eq!(
        server.runs(),
        (Some(0), format!("2.4.0|{longest}|2.4.0|")),
        "back again"
    );
}

#[test]
fn a_deployment_that_fails_is_tried_again() {
    let server = Server::new();
    server.tag("2.4.0");
    server.command("deploy", "echo \"$1|\" >>\"$(dirname \"$0\")/calls\"; exit 7");
    assert_eq!(server.runs().0, Some(7));
    assert_eq!(server.runs(), (Some(7), "2.4.0|\n2.4.0|\n".to_owned()));
}

#[test]
fn what_runs_is_asked_where_there_is_a_command_for_it() {
    let server = Server::new();
    server.command("running", "echo 2.4.0");
    server.tag("2.4.0");
    assert_eq!(server.runs(), (Some(0), String::new()));
    server.tag("2.4.1");
    assert_eq!(server.runs(), (Some(0), "2.4.1|".to_owned()));
    // Somebody else put the old one back, and says so.
    assert_eq!(server.runs(), (Some(0), "2.4.1|2.4.1|".to_owned()));
}

#[test]
fn nothing_but_a_version_reaches_the_command() {
    let server = Server::new();
    let long = "1".repeat(129);
    for tag in [
        "",
        " ",
        "-rf",
        "--help",
        ".",
        "../../etc/passwd",
        "2.4.0 --force",
        "2.4.0;reboot",
        "$(reboot)",
        "`reboot`",
        "2.4.0\nreboot",
        "2.4.0|reboot",
        "2/4",
        "*",
        "2.4.\u{430}",
        "\u{b2}.4",
        &long,
    ] {
        server.tag(tag);
        let output = server.run();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{tag:?}: {said}");
        assert!(
            said.contains("ReleaseVersion is") && !said.contains("reboot"),
            "{tag:?}: {said}"
        );
        assert!(!server.dir.path().join("calls").exists(), "{tag:?}");
    }
}

#[test]
fn without_tags_in_the_metadata_the_aws_command_line_is_asked() {
    let server = Server::new();
    *server.tags.lock().unwrap() = None;
    assert_ne!(server.runs().0, Some(0), "there is no aws either");
    server.command("aws", "printf '%s\\n' \"$@\" >\"$(dirname \"$0\")/asked\"; echo 2.4.0");
    assert_eq!(server.runs(), (Some(0), "2.4.0|".to_owned()));
    let asked = fs::read_to_string(server.dir.path().join("asked")).unwrap();
    for word in [
        "describe-tags",
        "eu-west-1",
        "Name=resource-id,Values=i-0123456789abcdef0",
        "Name=key,Values=ReleaseVersion",
    ] {
        assert!(asked.lines().any(|line| line == word), "{word}: {asked}");
    }
    server.command("aws", "echo");
    assert_eq!(server.runs(), (Some(0), "2.4.0|".to_owned()), "no tag yet");
}

#[test]
fn without_a_metadata_service_nothing_is_deployed() {
    let mut server = Server::new();
    server.tag("2.4.0");
    server.port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (code, calls) = server.runs();
    assert!(code != Some(0) && calls.is_empty(), "{code:?} {calls}");
}

#[test]
fn the_units_call_it_as_it_is_installed() {
    let service = super::read("server/fleetsheet-deploy.service");
    assert_eq!(
        super::values(&service, "ExecStart="),
        ["/usr/local/bin/fleetsheet-deploy"]
    );
    assert_eq!(super::values(&service, "StateDirectory="), ["fleetsheet-deploy"]);
    let script = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(SCRIPT)).unwrap();
    assert!(script.contains("STATE_DIRECTORY:-/var/lib/fleetsheet-deploy"));
    assert!(
        script.lines().count() <= 40,
        "small enough to be read before it is installed"
    );
    let mode = fs::metadata(Path::new(env!("CARGO_MANIFEST_DIR")).join(SCRIPT))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o111, 0o111);
}
