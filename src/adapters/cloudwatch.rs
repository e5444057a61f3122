//! Alarms of CloudWatch behind the trait of the vocabulary, with the keys and connections of the EC2 client.
//!
//! Alarms come all or not at all: a page that is missing must never look like alarms that are not there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::{Builder, Region};
use aws_sdk_cloudwatch::operation::describe_alarms::DescribeAlarmsOutput;
use aws_sdk_cloudwatch::types::{AlarmType, CompositeAlarm, MetricAlarm, StateValue};

use crate::adapters::ec2::{Access, Ec2, wants_new_keys};
use crate::calls::Calls;
use crate::fleet::{CloudError, CloudErrorKind, Source};
use crate::gate::{Alarm, AlarmSource, AlarmState, Unanswered};
use crate::text::plain;

/// Names in a request, the most that CloudWatch takes (API reference, `DescribeAlarms`, `AlarmNames`).
const NAMES: usize = 100;

/// More pages than 100 alarms can have. Only a listing that goes in circles is longer.
const MOST_PAGES: usize = 100;

/// The name in the count of requests.
const COUNTED: &str = "cloudwatch.DescribeAlarms";

/// How alarms treat missing data that do not keep an alarm `OK` without any.
const STRICT: [&str; 2] = ["missing", "breaching"];

/// The client.
#[derive(Debug)]
pub struct CloudWatch {
    accounts: BTreeMap<Arc<str>, Arc<Access>>,
    calls: Calls,
}

impl CloudWatch {
    /// The client for the accounts of an EC2 client. No request is made yet.
    #[must_use]
    pub fn beside(ec2: &Ec2, calls: Calls) -> Self {
        Self {
            accounts: ec2.accounts().clone(),
            calls,
        }
    }

    async fn page(
        &self,
        access: &Access,
        source: &Source,
        names: &[String],
        token: Option<&str>,
    ) -> Result<DescribeAlarmsOutput, CloudError> {
        let region = Region::new(source.region.to_string());
        let client = Client::from_conf(Builder::from(access.config()).region(region).build());
        let ask = || {
            access.call(source, "cloudwatch:DescribeAlarms", &[], async |keys| {
                let call = client.describe_alarms().set_alarm_names(Some(names.to_vec()));
                // Without types CloudWatch knows alarms of metrics alone.
                let call = call
                    .alarm_types(AlarmType::MetricAlarm)
                    .alarm_types(AlarmType::CompositeAlarm);
                let call = call.max_records(NAMES as i32).set_next_token(token.map(str::to_owned));
                call.customize()
                    .config_override(Builder::new().credentials_provider(keys))
                    .send()
                    .await
            })
        };
        let answer = match ask().await {
            Err(error) if wants_new_keys(&error) => ask().await,
            answer => answer,
        };
        if answer
            .as_ref()
            .is_err_and(|error| error.kind == CloudErrorKind::Throttled)
        {
            self.calls.throttled(COUNTED);
        }
        answer
    }

    /// All pages of a request, and nothing on them that was not asked for.
    async fn described(&self, access: &Access, source: &Source, names: &[String]) -> Result<Vec<Alarm>, CloudError> {
        let (mut alarms, mut seen, mut token) = (Vec::new(), BTreeSet::new(), None);
        for _ in 0..MOST_PAGES {
            let page = self.page(access, source, names, token.as_deref()).await?;
            alarms.extend(page.metric_alarms().iter().filter_map(of_metric));
            alarms.extend(page.composite_alarms().iter().filter_map(composite));
            alarms.retain(|alarm: &Alarm| names.contains(&alarm.name));
            token = page.next_token.filter(|token| !token.is_empty());
            match &token {
                None => return Ok(alarms),
                Some(token) if !seen.insert(token.clone()) => break,
                Some(_) => {}
            }
        }
        Err(CloudError {
            kind: CloudErrorKind::Transient,
            code: "endless".to_owned(),
            message: format!("{source}: cloudwatch:DescribeAlarms never stops listing"),
        })
    }
}

#[async_trait]
impl AlarmSource for CloudWatch {
    async fn alarms(&self, source: &Source, names: &[String]) -> Result<Vec<Alarm>, Unanswered> {
        let access = self
            .accounts
            .get(&source.account)
            .ok_or_else(|| Unanswered(format!("{source}: no such account in the configuration")))?;
        let _waits = self.calls.wait(format!("asking for the alarms of {source}"));
        let mut alarms = Vec::new();
        for names in names.chunks(NAMES) {
            let described = self.described(access, source, names).await;
            alarms.extend(described.map_err(|error| Unanswered(error.message))?);
        }
        Ok(alarms)
    }
}

fn of_metric(alarm: &MetricAlarm) -> Option<Alarm> {
    let treats = alarm.treat_missing_data().filter(|treats| !STRICT.contains(treats));
    Some(Alarm {
        name: alarm.alarm_name()?.to_owned(),
        state: state(alarm.state_value()),
        impaired: alarm.evaluation_state().map(|state| plain(state.as_str())),
        lenient: treats.map(plain),
    })
}

/// An alarm of other alarms looks at no data itself.
fn composite(alarm: &CompositeAlarm) -> Option<Alarm> {
    Some(Alarm {
        name: alarm.alarm_name()?.to_owned(),
        state: state(alarm.state_value()),
        impaired: None,
        lenient: None,
    })
}

fn state(state: Option<&StateValue>) -> AlarmState {
    match state {
        Some(StateValue::Ok) => AlarmState::Ok,
        Some(StateValue::Alarm) => AlarmState::Alarm,
        _ => AlarmState::Insufficient,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatch::types::EvaluationState;

    use super::*;

    #[test]
    fn what_an_alarm_does_not_say_is_not_good() {
        let named = || MetricAlarm::builder().alarm_name("a");
        let read = |alarm: MetricAlarm| of_metric(&alarm).unwrap();
        assert_eq!(read(named().build()).state, AlarmState::Insufficient);
        assert_eq!(
            read(named().state_value("ODD".into()).build()).state,
            AlarmState::Insufficient
        );
        assert_eq!(
            of_metric(&MetricAlarm::builder().state_value(StateValue::Ok).build()),
            None
        );
        let ok = || named().state_value(StateValue::Ok);
        for (treats, lenient) in [
            (None, false),
            (Some("missing"), false),
            (Some("breaching"), false),
            (Some("notBreaching"), true),
            (Some("ignore"), true),
            (Some("odd"), true),
        ] {
            let alarm = read(ok().set_treat_missing_data(treats.map(str::to_owned)).build());
            assert_eq!(
                (alarm.state, alarm.lenient.is_some()),
                (AlarmState::Ok, lenient),
                "{treats:?}"
            );
        }
        let partial = read(ok().evaluation_state(EvaluationState::PartialData).build());
        assert_eq!(partial.impaired.as_deref(), Some("PARTIAL_DATA"));
        // Whether an alarm acts plays no part.
        assert_eq!(
            read(ok().actions_enabled(false).build()),
            read(ok().actions_enabled(true).build())
        );
    }
}
