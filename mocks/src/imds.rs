//! The instance metadata service, version 2, as far as an agent on a server uses it: tokens, tags, the identity document, the
//! role's credentials. It serves on a listener that it is given, so that a test can put it at its true address.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What the service knows, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    /// The server's tags.
    pub tags: BTreeMap<String, String>,
    /// Tags are not enabled: 404.
    pub without_tags: bool,
    /// The list of tags is empty, and says 200.
    pub empty_list: bool,
    /// Not a Nitro instance: what the tags were at its start.
    pub frozen: Option<BTreeMap<String, String>>,
    /// Tokens are refused.
    pub no_token: bool,
    /// So many answers are 503.
    pub unavailable: u32,
    /// Each answer takes so long.
    pub delay: Duration,
    /// The server's id.
    pub instance: String,
    /// Its region.
    pub region: String,
    /// The key and the secret of its role; without a key it has none.
    pub key: (String, String),
    /// What was asked, as method and path.
    pub asked: Vec<String>,
}

const TOKEN: &str = "AQAAAtokenOfTheEmulator==";

/// The emulator, running until the process ends.
#[derive(Clone, Debug)]
pub struct ImdsEmulator {
    metadata: Arc<Mutex<Metadata>>,
}

struct Request {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream.take(16_384));
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    Some(Request { method, path, headers })
}

impl ImdsEmulator {
    /// Serves on a listener, in threads of its own.
    #[must_use]
    pub fn serve(listener: TcpListener, metadata: Metadata) -> Self {
        let emulator = Self {
            metadata: Arc::new(Mutex::new(metadata)),
        };
        let served = emulator.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = served.clone();
                std::thread::spawn(move || served.one(&stream));
            }
        });
        emulator
    }

    fn metadata(&self) -> MutexGuard<'_, Metadata> {
        self.metadata.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at it or changes it.
    pub fn edit<R>(&self, change: impl FnOnce(&mut Metadata) -> R) -> R {
        change(&mut self.metadata())
    }

    fn one(&self, stream: &TcpStream) {
        let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
        let Some(request) = read(stream) else { return };
        let delay = self.edit(|metadata| {
            metadata.asked.push(format!("{} {}", request.method, request.path));
            metadata.delay
        });
        std::thread::sleep(delay);
        let (status, body) = self.answer(&request);
        let text = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let mut stream = stream;
        let _ = stream.write_all(text.as_bytes());
    }

    fn answer(&self, request: &Request) -> (u16, String) {
        let mut metadata = self.metadata();
        if metadata.unavailable > 0 {
            metadata.unavailable -= 1;
            return (503, String::new());
        }
        if request.path == "/latest/api/token" {
            let ttl = request
                .headers
                .get("x-aws-ec2-metadata-token-ttl-seconds")
                .and_then(|ttl| ttl.parse::<u32>().ok());
            let well = request.method == "PUT" && ttl.is_some_and(|ttl| (1..=21_600).contains(&ttl));
            return match (metadata.no_token, well) {
                (true, _) => (403, String::new()),
                (_, true) => (200, TOKEN.into()),
                _ => (400, String::new()),
            };
        }
        if request.method != "GET"
            || request
                .headers
                .get("x-aws-ec2-metadata-token")
                .is_none_or(|token| token != TOKEN)
        {
            return (401, String::new());
        }
        let Some(path) = request.path.strip_prefix("/latest/") else {
            return (404, String::new());
        };
        let tags = metadata.frozen.as_ref().unwrap_or(&metadata.tags);
        if let Some(rest) = path.strip_prefix("meta-data/tags/instance") {
            if metadata.without_tags {
                return (404, String::new());
            }
            let key = rest.trim_start_matches('/');
            if key.is_empty() {
                let names: Vec<&str> = tags.keys().map(String::as_str).collect();
                return (
                    200,
                    if metadata.empty_list {
                        String::new()
                    } else {
                        names.join("\n")
                    },
                );
            }
            return tags
                .get(key)
                .map_or_else(|| (404, String::new()), |value| (200, value.clone()));
        }
        match path {
            "dynamic/instance-identity/document" => {
                let document = serde_json::json!({
                    "instanceId": metadata.instance, "region": metadata.region, "availabilityZone": format!("{}a", metadata.region),
                    "architecture": "x86_64", "instanceType": "t3.small",
                });
                (200, document.to_string())
            }
            "meta-data/iam/security-credentials/" if !metadata.key.0.is_empty() => (200, "fleet-agent".into()),
            "meta-data/iam/security-credentials/fleet-agent" if !metadata.key.0.is_empty() => {
                let credentials = serde_json::json!({
                    "Code": "Success", "AccessKeyId": metadata.key.0, "SecretAccessKey": metadata.key.1, "Token": "",
                });
                (200, credentials.to_string())
            }
            _ => (404, String::new()),
        }
    }
}
