//! Answers of EC2 through the real client: a listing comes whole or as an error, and a tag counts as written only if EC2 says so.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use fleetsheet::adapters::ec2::{Account, Ec2, Ec2Settings};
use fleetsheet::calls::Calls;
use fleetsheet::fleet::{CloudError, CloudErrorKind, FleetReader as _, Source, TagWriter as _};
use fleetsheet::pacing::{Limits, Pacing, Patience};
use fleetsheet::tag::{ServerId, TagSet};
use tokio::runtime::Runtime;

use crate::judge;

/// Longest message: our words, a quotation, and the account's and role's names.
const MESSAGE_MAX: usize = 1200;
const IDS: [&str; 3] = ["i-0aa", "i-0ab", "i-0a"];

/// A status and a body.
type Answer = (u16, Vec<u8>);

/// Answers that wait for requests; the last one is given again and again.
#[derive(Clone, Debug, Default)]
struct Answers(Arc<Mutex<VecDeque<Answer>>>);

impl Answers {
    fn set(&self, answers: &[Answer]) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = answers.iter().cloned().collect();
    }

    fn next(&self) -> Option<Answer> {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() > 1 {
            answers.pop_front()
        } else {
            answers.front().cloned()
        }
    }
}

impl HttpConnector for Answers {
    fn call(&self, _request: HttpRequest) -> HttpConnectorFuture {
        let answer = self
            .next()
            .and_then(|(status, body)| Some((StatusCode::try_from(status).ok()?, body)));
        HttpConnectorFuture::ready(match answer {
            Some((status, body)) => Ok(HttpResponse::new(status, SdkBody::from(body))),
            None => Err(ConnectorError::io("the connection was lost".into())),
        })
    }
}

impl HttpClient for Answers {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

struct Bench {
    runtime: Runtime,
    answers: Answers,
    ec2: Ec2,
    source: Source,
}

/// One client for all inputs: making it reads the environment and costs more than a call.
fn bench() -> &'static Bench {
    static BENCH: OnceLock<Bench> = OnceLock::new();
    BENCH.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.unwrap_or_else(|error| panic!("{error}"));
        let answers = Answers::default();
        let no_wait = Duration::from_nanos(1);
        let limits = Limits {
            create_tags_per_second: u32::MAX,
            create_tags_burst: u32::MAX,
            describe_per_second: u32::MAX,
            patience: Patience {
                first_pause: no_wait,
                longest_pause: no_wait,
                first_spacing: no_wait,
                longest_spacing: no_wait,
                first_delay: no_wait,
                longest_delay: no_wait,
                ..Patience::default()
            },
            ..Limits::default()
        };
        let settings = Ec2Settings {
            accounts: vec![Account {
                name: "prod".into(),
                role: None,
                regions: vec!["eu-west-1".into()],
            }],
            endpoint_url: None,
            request_timeout: Duration::from_secs(5),
            pacing: Pacing::new(limits),
            static_credentials: Some(("AKIDEXAMPLE".into(), "secret".to_owned().into())),
        };
        let client = SharedHttpClient::new(answers.clone());
        let ec2 = runtime.block_on(Ec2::through(&settings, Calls::default(), client));
        Bench {
            runtime,
            answers,
            ec2,
            source: Source {
                account: "prod".into(),
                region: "eu-west-1".into(),
            },
        }
    })
}

/// `list` or `tag` on the first line, then answers: each a status on a line of its own and a body, parted by lines of `%%`.
pub fn ec2(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (what, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let answers: Vec<Answer> = rest
        .split("\n%%\n")
        .take(8)
        .map(|answer| {
            let (status, body) = answer.split_once('\n').unwrap_or((answer, ""));
            (status.trim().parse().unwrap_or(200), body.as_bytes().to_vec())
        })
        .collect();
    // Tests replay inputs side by side, and the client and its answers are one for all of them.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let bench = bench();
    bench.answers.set(&answers);
    if what == "tag" {
        tag(bench, &answers[0]);
    } else {
        list(bench, &answers);
    }
}

fn tag(bench: &Bench, (status, body): &Answer) {
    let ids = IDS.map(ServerId::from);
    let tags = TagSet::from([("ReleaseVersion".into(), "2.4.0".into())]);
    let done = bench
        .runtime
        .block_on(bench.ec2.create_tags(&bench.source, &ids, &tags));
    let body = String::from_utf8_lossy(body);
    match done {
        Ok(()) => {
            assert!((200..300).contains(status), "{status} counts as done");
            assert!(
                body.trim_end().ends_with("</CreateTagsResponse>"),
                "counts as done: {body}"
            );
        }
        Err(error) => {
            judge_error(&error, &body);
            if let CloudErrorKind::BadServers(bad) | CloudErrorKind::DeniedServers { ids: bad, .. } = &error.kind {
                assert!(!bad.is_empty() && bad.iter().all(|id| ids.contains(id) && body.contains(id.as_str())));
            }
        }
    }
}

fn list(bench: &Bench, answers: &[Answer]) {
    let fleet = bench.runtime.block_on(bench.ec2.read());
    let said: String = answers.iter().map(|(_, body)| String::from_utf8_lossy(body)).collect();
    match &fleet.sources[&bench.source] {
        None => {
            let whole = |(status, body): &Answer| {
                let body = String::from_utf8_lossy(body);
                (200..300).contains(status) && body.trim_end().ends_with("</DescribeInstancesResponse>")
            };
            assert!(answers.iter().any(whole), "counts as a listing: {said}");
        }
        Some(error) => {
            assert!(
                fleet.servers.is_empty(),
                "a listing that failed shows servers: {fleet:?}"
            );
            judge_error(error, &said);
        }
    }
}

fn judge_error(error: &CloudError, said: &str) {
    judge::one_line("an error", &error.message);
    judge::at_most("an error", &error.message, MESSAGE_MAX);
    judge::one_line("an error's code", &error.code);
    judge::at_most("an error's code", &error.code, 100);
    let key = |word: &&str| (word.starts_with("AKIA") || word.starts_with("ASIA")) && word.len() >= 16;
    for word in said.split(|c: char| !c.is_ascii_alphanumeric()).filter(key) {
        assert!(!error.message.contains(word), "a key's id is shown: {error:?}");
    }
}
