//! Asks the gates of a pass: each query and each alarm once, all beside each other.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _};

use crate::gate::{Answer, Gate, GateClients, Kind, Reading, Readings, Taken, Unanswered};
use crate::memory::Memory;
use crate::observe::GateReader;
use crate::plan::gate::{Answers, Ask, Queries, of_alarms, of_query};
use crate::plan::{Policy, Question, questions_before_start, questions_under_way};
use crate::sheet::parse::Sheet;

/// How many gates are asked at once.
const AT_ONCE: usize = 16;

/// Asks what a pass needs to know.
pub(super) struct Asking<'a> {
    pub(super) clients: GateClients<'a>,
    pub(super) policy: &'a Policy,
    pub(super) now: DateTime<Utc>,
}

#[async_trait]
impl GateReader for Asking<'_> {
    async fn under_way(&self, memory: &Memory) -> Readings {
        self.ask_all(questions_under_way(memory, self.policy, self.now)).await
    }

    async fn before_start(&self, sheet: &Sheet, memory: &Memory) -> Readings {
        let asked = questions_before_start(&sheet.intent, memory, self.policy, self.now);
        self.ask_all(asked).await
    }
}

impl Asking<'_> {
    async fn ask_all(&self, asked: Vec<Question<'_>>) -> Readings {
        let mut asks: Vec<BoxFuture<'_, _>> = Vec::with_capacity(asked.len());
        for question in asked {
            asks.push(Box::pin(self.ask(question)));
        }
        let taken: Vec<(Question<'_>, Taken)> = stream::iter(asks).buffer_unordered(AT_ONCE).collect().await;
        let mut readings = BTreeMap::new();
        for (question, taken) in taken {
            let gates: &mut BTreeMap<String, Taken> = readings.entry(question.channel).or_default();
            gates.insert(question.gate.name.clone(), taken);
        }
        Readings(readings)
    }

    async fn ask<'q>(&self, question: Question<'q>) -> (Question<'q>, Taken) {
        let taken = ask_gate(self.clients, question.gate, &question.ask, self.now).await;
        (question, taken)
    }
}

/// Asks one gate once.
pub async fn ask_gate(clients: GateClients<'_>, gate: &Gate, ask: &Ask, now: DateTime<Utc>) -> Taken {
    let nothing = |left_out, reading| Taken {
        reading,
        asked: Vec::new(),
        left_out,
    };
    match (ask, &gate.kind) {
        (Ask::LeftOut, _) => nothing(true, Reading::no_data("there is nothing to compare with")),
        (Ask::NoData(why), _) => nothing(false, Reading::no_data(why)),
        (Ask::Nobody, _) => nothing(
            false,
            Reading::no_data("it is read from members while a rollout is under way"),
        ),
        (Ask::Queries(queries), Kind::Query(query)) => Taken {
            reading: of_query(query, &answers(clients, queries, now).await),
            asked: queries.all().map(str::to_owned).collect(),
            left_out: false,
        },
        (Ask::Alarms(names), Kind::Alarms(alarms)) => {
            let answer = match clients.alarms {
                Some(source) => source.alarms(&alarms.source, names).await,
                None => Err(Unanswered("there is no client for CloudWatch".to_owned())),
            };
            Taken {
                reading: of_alarms(alarms, names, &answer),
                asked: names.clone(),
                left_out: false,
            }
        }
        (Ask::Queries(_) | Ask::Alarms(_), _) => nothing(false, Reading::no_data("it is of another kind")),
    }
}

async fn answers(clients: GateClients<'_>, queries: &Queries, now: DateTime<Utc>) -> Answers {
    let one = async |query: Option<&String>| match query {
        Some(query) => Some(answer(clients, query, now).await),
        None => None,
    };
    let (value, former, samples, former_samples) = tokio::join!(
        answer(clients, &queries.value, now),
        one(queries.former.as_ref()),
        one(queries.samples.as_ref()),
        one(queries.former_samples.as_ref()),
    );
    Answers {
        value,
        former,
        samples,
        former_samples,
    }
}

async fn answer(clients: GateClients<'_>, query: &str, now: DateTime<Utc>) -> Answer {
    match clients.queries {
        Some(source) => source.query(query, now).await,
        None => Answer::Failed(Unanswered("prometheus.url is not set".to_owned())),
    }
}
