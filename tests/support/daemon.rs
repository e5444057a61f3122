//! The service as a user runs it: started against a stage, watched through its log and its port, told with signals.

use std::process::ExitStatus;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::Child;

use super::stage::Stage;

/// Nothing here takes longer, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer of the port.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// A running service.
pub(crate) struct Daemon {
    child: Child,
    log: Arc<Mutex<String>>,
    reader: tokio::task::JoinHandle<()>,
    port: u16,
}

impl Stage {
    /// Starts the service with a tick each second and a port of its own, and waits until it says so.
    pub(crate) async fn start(&self, settings: &[(&str, &str)]) -> Daemon {
        let mut command = self.command(&["run"]);
        command
            .env("FLEETSHEET_SCHEDULE__CRON", "* * * * * *")
            .env("FLEETSHEET_HTTP__LISTEN", "127.0.0.1:0")
            .env("FLEETSHEET_LIMITS__SHEETS_PER_MINUTE", "300")
            .envs(settings.iter().copied());
        let mut daemon = Daemon::of(command.spawn().expect("starts"));
        let line = daemon.says("service started").await;
        let port = line.split("http.listen").nth(1).and_then(|rest| {
            let digits = rest
                .split("127.0.0.1:")
                .nth(1)
                .or_else(|| rest.split("0.0.0.0:").nth(1))?;
            let digits: String = digits.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        });
        daemon.port = port.unwrap_or_default();
        daemon
    }
}

impl Daemon {
    pub(crate) fn of(mut child: Child) -> Self {
        let log = Arc::new(Mutex::new(String::new()));
        let lines = BufReader::new(child.stderr.take().expect("stderr"));
        let kept = Arc::clone(&log);
        let reader = tokio::spawn(async move {
            let mut lines = lines.lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let mut kept = kept.lock().expect("log");
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        Self {
            child,
            log,
            reader,
            port: 0,
        }
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("log").clone()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("runs")
    }

    /// How many lines of the log hold the words.
    pub(crate) fn lines(&self, words: &str) -> usize {
        self.log().lines().filter(|line| line.contains(words)).count()
    }

    /// Waits for a line that holds the words.
    pub(crate) async fn says(&self, words: &str) -> String {
        self.says_again(words, 0).await
    }

    /// Waits for such a line after the first `seen` of them.
    pub(crate) async fn says_again(&self, words: &str, seen: usize) -> String {
        let began = Instant::now();
        loop {
            let found = self
                .log()
                .lines()
                .filter(|line| line.contains(words))
                .nth(seen)
                .map(str::to_owned);
            if let Some(line) = found {
                return line;
            }
            assert!(began.elapsed() < PATIENCE, "it never said {words:?}:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits for so many passes more.
    pub(crate) async fn passes(&self, more: usize) {
        let seen = self.lines("pass ended");
        self.says_again("pass ended", seen + more - 1).await;
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let ended = ended.unwrap_or_else(|_| panic!("it does not end:\n{}", self.log()));
        // What it said last is read after its end.
        let _ = (&mut self.reader).await;
        ended.expect("ends")
    }

    /// Ends it as systemd would; it must end well.
    pub(crate) async fn stop(mut self) -> String {
        self.signal("TERM");
        let status = self.ended().await;
        assert_eq!(status.code(), Some(0), "{}", self.log());
        self.log()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await
    }

    pub(crate) async fn ask(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.expect("connects");
        stream.write_all(request.as_bytes()).await.expect("asks");
        let mut bytes = Vec::new();
        // A server that closes early may reset the connection; what came before counts.
        let _ = stream.read_to_end(&mut bytes).await;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .unwrap_or_default();
        Answer {
            status,
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    /// Waits until the port answers `path` with the status.
    pub(crate) async fn answers(&self, path: &str, status: u16) -> Answer {
        let began = Instant::now();
        loop {
            let answer = self.get(path).await;
            if answer.status == status {
                return answer;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{path} never was {status}: {answer:?}\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Asks until the answer has these words.
    pub(crate) async fn shows(&self, path: &str, words: &str) -> String {
        let began = Instant::now();
        loop {
            let body = self.get(path).await.body;
            if body.contains(words) {
                return body;
            }
            assert!(began.elapsed() < PATIENCE, "{path} never showed {words:?}:\n{body}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The value of a series, spelt as it stands in the text.
    pub(crate) async fn metric(&self, series: &str) -> f64 {
        let text = self.get("/metrics").await.body;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        let value = line.unwrap_or_else(|| panic!("no {series} in\n{text}"));
        value.parse().expect("a number")
    }
}

/// Sends a signal to a process.
pub(crate) fn signal(pid: u32, name: &str) {
    let sent = std::process::Command::new("kill")
        .args(["-s", name, &pid.to_string()])
        .status();
    assert!(sent.expect("kill").success());
}
