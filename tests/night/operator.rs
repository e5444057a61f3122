//! Somebody who copies the commands of a recipe, and the machine on which they are typed.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use crate::daemon::Daemon;
use crate::stage::{Ran, Stage};

/// No tick comes in the time of a test: a pass is made at the start, and when it is asked for.
const SCHEDULE: (&str, &str) = ("FLEETSHEET_SCHEDULE__CRON", "0 0 0 1 1 *");

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The commands of a recipe, block by block.
fn recipe(heading: &str) -> Vec<Vec<String>> {
    let page = read("config/deploy/NIGHT.md");
    let (_, section) = page
        .split_once(&format!("\n## {heading}\n"))
        .unwrap_or_else(|| panic!("no recipe {heading}"));
    let section = section.split("\n## ").next().unwrap();
    let blocks = section
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    blocks.map(|block| block.lines().map(str::to_owned).collect()).collect()
}

/// The machine at night.
pub(super) struct Operator {
    pub(super) stage: Stage,
    pub(super) service: Option<Daemon>,
    blocks: std::vec::IntoIter<Vec<String>>,
    journal: String,
}

impl Operator {
    /// Opens the page at a recipe. The service runs and has made its pass.
    pub(super) async fn at(stage: Stage, heading: &str) -> Self {
        let program = env!("CARGO_BIN_EXE_fleetsheet");
        let config = stage.path("fleetsheet.toml").display().to_string();
        let bin = stage.path("bin");
        std::fs::create_dir_all(&bin).unwrap();
        let journal = "#!/bin/sh\n[ \"$1 $2\" = '-u fleetsheet' ] && cat \"$(dirname \"$0\")/journal\"\n".to_owned();
        let real = format!("#!/bin/sh\nexec '{program}' --config '{config}' \"$@\"\n");
        for (name, text) in [("fleetsheet", real), ("journalctl", journal)] {
            std::fs::write(bin.join(name), text).unwrap();
            std::fs::set_permissions(bin.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        // As `chmod 600` leaves it, which `check` asks for.
        std::fs::set_permissions(stage.path("key.json"), std::fs::Permissions::from_mode(0o600)).unwrap();
        let mut operator = Self {
            stage,
            service: None,
            blocks: recipe(heading).into_iter(),
            journal: String::new(),
        };
        operator.start().await;
        operator
    }

    async fn start(&mut self) {
        let service = self.stage.start(&[SCHEDULE]).await;
        service.says("pass ended").await;
        self.service = Some(service);
    }

    /// Copies the commands of the next block; gives what each of them said.
    pub(super) async fn copies(&mut self) -> Vec<Ran> {
        let block = self.blocks.next().expect("one block more");
        let mut said = Vec::new();
        for line in block {
            said.push(self.types(&line).await);
        }
        said
    }

    /// No block is left that nobody tried.
    pub(super) async fn ends(mut self) -> Stage {
        assert_eq!(self.blocks.next(), None);
        if let Some(service) = self.service.take() {
            service.stop().await;
        }
        self.stage
    }

    fn service(&self) -> &Daemon {
        self.service.as_ref().expect("the service runs")
    }

    pub(super) async fn types(&mut self, line: &str) -> Ran {
        match line.strip_prefix("systemctl ") {
            Some("kill -s USR1 fleetsheet") => {
                let service = self.service();
                let seen = service.lines("pass ended");
                service.signal("USR1");
                service.says_again("pass ended", seen).await;
                // What it tells about that pass comes after that line.
                tokio::time::sleep(Duration::from_millis(300)).await;
                done()
            }
            Some("stop fleetsheet") => {
                let service = self.service.take().expect("the service runs");
                self.journal.push_str(&service.stop().await);
                done()
            }
            Some("start fleetsheet") => {
                self.start().await;
                done()
            }
            Some(other) => {
                let belt = other
                    .strip_prefix("start fleetsheet-allow@")
                    .unwrap_or_else(|| panic!("{line}"));
                let unit = read("config/deploy/fleetsheet-allow@.service");
                let call = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
                let call = call
                    .replace("$$", "$")
                    .replace("%i", belt)
                    .replace("/usr/local/bin/fleetsheet", "fleetsheet");
                self.shell(&call.replace(" --config /etc/fleetsheet/fleetsheet.toml", ""))
                    .await
            }
            // Nobody is there to be asked.
            None if line.starts_with("fleetsheet rollback ") => self.shell(&format!("{line} --yes")).await,
            None => self.shell(line).await,
        }
    }

    /// Types a line as it is, but for the places of an installation.
    async fn shell(&self, line: &str) -> Ran {
        let service = self.service.as_ref();
        let log = service.map(Daemon::log).unwrap_or_default();
        std::fs::write(self.stage.path("bin/journal"), format!("{}{log}", self.journal)).unwrap();
        let port = service.map(Daemon::port).unwrap_or_default();
        let line = line
            .replace("/var/lib/fleetsheet", &self.stage.path("state").display().to_string())
            .replace("127.0.0.1:9464", &format!("127.0.0.1:{port}"));
        let mut given = self.stage.command(&[]);
        let given = given.as_std_mut();
        let path = format!(
            "{}:{}",
            self.stage.path("bin").display(),
            std::env::var("PATH").unwrap()
        );
        let output = tokio::process::Command::new("bash")
            .args(["-o", "pipefail", "-c", &line])
            .env_clear()
            .envs(given.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .env("PATH", path)
            .current_dir(self.stage.dir.path())
            .output()
            .await
            .unwrap();
        Ran::of(output)
    }
}

fn done() -> Ran {
    Ran {
        code: 0,
        json: serde_json::Value::Null,
        stdout: String::new(),
        stderr: String::new(),
    }
}
