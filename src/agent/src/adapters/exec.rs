//! Runs programs: no shell, no standard input, an environment of its own, and an end.

use std::io::Read;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How a program ended.
#[derive(Clone, Debug, Default)]
pub struct Ended {
    /// Its code; `None` where a signal or the time ended it.
    pub code: Option<i32>,
    /// The time was over.
    pub late: bool,
    /// The signal that ended it, where one did and the time was not over.
    pub signal: Option<i32>,
    /// What it wrote.
    pub out: Vec<u8>,
    /// What it complained of.
    pub complaint: String,
}

impl Ended {
    /// Whether it ended well.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.code == Some(0)
    }

    /// Whether it was killed, as the kernel does when memory is short.
    #[must_use]
    pub fn is_killed(&self) -> bool {
        self.signal == Some(9)
    }

    /// What it wrote, as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }

    /// Why it failed, in a few words.
    #[must_use]
    pub fn why(&self) -> String {
        let said = self
            .complaint
            .lines()
            .rev()
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default();
        match (self.late, self.code) {
            (true, _) => "took too long".into(),
            (_, Some(code)) if said.is_empty() => format!("exit {code}"),
            (_, Some(code)) => format!("exit {code} {}", crate::problem::quoted(said)),
            (_, None) => "killed by a signal".into(),
        }
    }
}

/// Most that is kept of what a program writes.
const MOST: u64 = 64 << 20;

/// A program to run.
#[derive(Debug)]
pub struct Program {
    command: Command,
    timeout: Duration,
}

impl Program {
    /// A program with its arguments.
    #[must_use]
    pub fn new<I: IntoIterator<Item = S>, S: AsRef<std::ffi::OsStr>>(
        program: &str,
        arguments: I,
        timeout: Duration,
    ) -> Self {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env("HOME", "/root")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("NEEDRESTART_SUSPEND", "1")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        Self { command, timeout }
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, key: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// In this folder.
    #[must_use]
    pub fn dir(mut self, dir: &std::path::Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// As another user.
    #[must_use]
    pub fn user(mut self, uid: u32, gid: u32) -> Self {
        self.command.uid(uid).gid(gid).env("HOME", "/nonexistent");
        self
    }

    /// Runs it to its end, or to the end of its time; then it is killed with all that it started.
    #[must_use]
    pub fn run(mut self) -> Ended {
        let mut child = match self.command.spawn() {
            Ok(child) => child,
            Err(error) => {
                let name = self.command.get_program().to_string_lossy().into_owned();
                return Ended {
                    code: Some(127),
                    complaint: format!("{name}: {error}"),
                    ..Ended::default()
                };
            }
        };
        let (out, complaint) = (collect(child.stdout.take()), collect(child.stderr.take()));
        let (status, late) = wait(&mut child, self.timeout);
        // What it left behind may keep the pipes open.
        let rest = Duration::from_secs(2);
        Ended {
            code: status.and_then(|status| status.code()),
            late,
            signal: status.and_then(|status| status.signal()),
            out: out.recv_timeout(rest).unwrap_or_default(),
            complaint: String::from_utf8_lossy(&complaint.recv_timeout(rest).unwrap_or_default()).into_owned(),
        }
    }
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            let _ = pipe.take(MOST).read_to_end(&mut bytes);
        }
        let _ = sender.send(bytes);
    });
    receiver
}

fn wait(child: &mut Child, timeout: Duration) -> (Option<ExitStatus>, bool) {
    let began = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return (Some(status), false),
            Ok(None) if began.elapsed() < timeout => {
                let pause = if began.elapsed() < Duration::from_millis(100) {
                    1
                } else {
                    20
                };
                std::thread::sleep(Duration::from_millis(pause));
            }
            _ => {
                let group = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
                if let Some(group) = group {
                    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
                }
                let _ = child.wait();
                return (None, true);
            }
        }
    }
}
