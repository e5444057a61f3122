//! `DescribeAlarms` of CloudWatch, as Smithy's RPC v2 protocol in CBOR has it: alarms of metrics and of other alarms, by name.

use std::collections::{BTreeMap, BTreeSet};

use super::alarm::{Alarm, AlarmKind};
use super::call::Call;
use super::cbor::Cbor;
use super::error::ApiError;
use super::fleet::Fleet;
use super::signature::Received;

/// Most names in a request (API reference, `DescribeAlarms`, `AlarmNames`).
const NAMES: usize = 100;
/// Most alarms on a page, and those of a request that does not say (`MaxRecords`).
const PAGE: (usize, usize) = (100, 50);

/// An alarm as it is told.
fn shown(alarm: &Alarm, name: &str, call: &Call, at: f64) -> Cbor {
    let is_metric = alarm.kind == AlarmKind::Metric;
    let metric = |value: Option<Cbor>| value.filter(|_| is_metric);
    let arn = format!("arn:aws:cloudwatch:{}:{}:alarm:{name}", call.region, call.account);
    Cbor::map([
        ("AlarmName", Cbor::text(name)),
        ("AlarmArn", Cbor::text(&arn)),
        ("AlarmConfigurationUpdatedTimestamp", Some(Cbor::Time(at))),
        ("ActionsEnabled", Some(Cbor::Bool(alarm.actions))),
        ("AlarmActions", Some(Cbor::List(Vec::new()))),
        ("StateValue", Cbor::text(&alarm.state)),
        ("StateReason", Cbor::text("Threshold Crossed")),
        ("StateUpdatedTimestamp", Some(Cbor::Time(at))),
        ("AlarmRule", Cbor::text("ALARM(\"a\")").filter(|_| !is_metric)),
        ("MetricName", metric(Cbor::text("HTTPCode_Target_5XX_Count"))),
        ("Namespace", metric(Cbor::text("AWS/ApplicationELB"))),
        ("Statistic", metric(Cbor::text("Sum"))),
        ("Dimensions", metric(Some(Cbor::List(Vec::new())))),
        ("Period", metric(Some(Cbor::Int(60)))),
        ("EvaluationPeriods", metric(Some(Cbor::Int(3)))),
        ("Threshold", metric(Some(Cbor::Float(5.0)))),
        ("ComparisonOperator", metric(Cbor::text("GreaterThanThreshold"))),
        (
            "TreatMissingData",
            metric(alarm.missing.as_deref().and_then(Cbor::text)),
        ),
        (
            "EvaluationState",
            metric(alarm.evaluation.as_deref().and_then(Cbor::text)),
        ),
    ])
}

/// The listings that are being paged through: whose and of what each token is, and where it goes on.
#[derive(Debug, Default)]
pub(crate) struct AlarmPages {
    open: BTreeMap<String, (String, usize)>,
}

/// A request, read as strictly as it is documented.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) names: Vec<String>,
    types: BTreeSet<String>,
    size: Option<i64>,
    token: Option<String>,
}

fn invalid(what: &str) -> ApiError {
    ApiError::bad("ValidationError", format!("1 validation error detected: {what}"))
}

fn texts(key: &str, value: Cbor) -> Result<Vec<String>, ApiError> {
    let Cbor::List(items) = value else {
        return Err(ApiError::bad("SerializationException", format!("{key} is not a list")));
    };
    let text = |item| match item {
        Cbor::Text(text) => Ok(text),
        other => Err(ApiError::bad(
            "SerializationException",
            format!("{key} holds {other:?}"),
        )),
    };
    items.into_iter().map(text).collect()
}

impl Asked {
    /// What a request asks for, if it is one of the protocol.
    pub(crate) fn of(action: &str, request: Received<'_>) -> Result<Self, ApiError> {
        let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
        if action != "DescribeAlarms" || request.method != "POST" || !request.query.is_empty() {
            return Err(ApiError::new(
                404,
                "UnknownOperationException",
                "There is no such operation.",
            ));
        }
        for (name, wanted) in [
            ("smithy-protocol", "rpc-v2-cbor"),
            ("content-type", "application/cbor"),
            ("accept", "application/cbor"),
        ] {
            if header(name) != Some(wanted) {
                return Err(ApiError::bad(
                    "SerializationException",
                    format!("{name} is {:?}, not {wanted}", header(name)),
                ));
            }
        }
        Self::read(request.body)
    }

    fn read(body: &[u8]) -> Result<Self, ApiError> {
        let wrong = |why: String| ApiError::bad("SerializationException", why);
        let Cbor::Map(members) = Cbor::decode(body).map_err(wrong)? else {
            return Err(wrong("the input is not a map".to_owned()));
        };
        let mut asked = Self::default();
        for (key, value) in members {
            match (key.as_str(), value) {
                ("AlarmNames", value) => asked.names = texts(&key, value)?,
                ("AlarmTypes", value) => asked.types = texts(&key, value)?.into_iter().collect(),
                ("MaxRecords", Cbor::Int(size)) => asked.size = Some(size),
                ("NextToken", Cbor::Text(token)) => asked.token = Some(token),
                (key, value) => return Err(wrong(format!("{key} holds {value:?}, or is not known"))),
            }
        }
        asked.check()?;
        Ok(asked)
    }

    fn check(&self) -> Result<(), ApiError> {
        if self.names.len() > NAMES {
            return Err(invalid(
                "Value at 'alarmNames' failed to satisfy constraint: Member must have length less than or equal to 100",
            ));
        }
        if self
            .names
            .iter()
            .any(|name| name.is_empty() || name.chars().count() > 255)
        {
            return Err(invalid(
                "Value at 'alarmNames' failed to satisfy constraint: Member must have length between 1 and 255",
            ));
        }
        if let Some(odd) = self
            .types
            .iter()
            .find(|kind| !["MetricAlarm", "CompositeAlarm"].contains(&kind.as_str()))
        {
            return Err(invalid(&format!(
                "Value '{odd}' at 'alarmTypes' failed to satisfy constraint: Member must satisfy enum value set"
            )));
        }
        match self.size {
            None | Some(1..=100) => Ok(()),
            Some(_) => Err(invalid(
                "Value at 'maxRecords' failed to satisfy constraint: Member must be between 1 and 100",
            )),
        }
    }

    /// Without types only alarms of metrics are meant, whatever others have these names.
    fn means(&self, kind: &AlarmKind) -> bool {
        match kind {
            AlarmKind::Metric => self.types.is_empty() || self.types.contains("MetricAlarm"),
            AlarmKind::Composite => self.types.contains("CompositeAlarm"),
        }
    }
}

/// Answers the action.
pub(crate) fn describe_alarms(
    fleet: &Fleet,
    pages: &mut AlarmPages,
    call: &Call,
    asked: &Asked,
) -> Result<Vec<u8>, ApiError> {
    if !fleet.permits(&call.account, "cloudwatch:DescribeAlarms") {
        let message = format!(
            "User: {} is not authorized to perform: cloudwatch:DescribeAlarms because no identity-based policy allows the \
             cloudwatch:DescribeAlarms action",
            call.principal.arn
        );
        return Err(ApiError::new(403, "AccessDenied", message));
    }
    let of = format!("{}/{} {:?} {:?}", call.account, call.region, asked.names, asked.types);
    let from = match &asked.token {
        None => 0,
        Some(token) => match pages.open.get(token) {
            Some((known, from)) if *known == of => *from,
            _ => {
                return Err(ApiError::bad(
                    "InvalidNextToken",
                    "The next token specified is invalid.",
                ));
            }
        },
    };
    let place = (call.account.clone(), call.region.clone());
    let none = BTreeMap::new();
    let fits = |(name, alarm): &(&String, &Alarm)| {
        asked.means(&alarm.kind) && (asked.names.is_empty() || asked.names.contains(name))
    };
    let all: Vec<(&String, &Alarm)> = fleet.alarms.get(&place).unwrap_or(&none).iter().filter(fits).collect();
    let size = asked
        .size
        .map_or(PAGE.1, |size| size as usize)
        .min(PAGE.0)
        .min(fleet.settings.alarms_page);
    let end = (from + size).min(all.len());
    let next = (end < all.len()).then(|| {
        let token = format!("alarms-{}-{end}", pages.open.len());
        pages.open.insert(token.clone(), (of, end));
        token
    });
    let at = fleet.now().timestamp_millis() as f64 / 1000.0;
    let page = |kind: AlarmKind| {
        let here = all
            .get(from..end)
            .unwrap_or_default()
            .iter()
            .filter(|(_, alarm)| alarm.kind == kind);
        Cbor::List(here.map(|(name, alarm)| shown(alarm, name, call, at)).collect())
    };
    let body = Cbor::map([
        ("MetricAlarms", Some(page(AlarmKind::Metric))),
        ("CompositeAlarms", Some(page(AlarmKind::Composite))),
        ("NextToken", next.as_deref().and_then(Cbor::text)),
    ]);
    Ok(body.encode())
}

/// The body of an error.
pub(crate) fn error_body(error: &ApiError) -> Vec<u8> {
    let kind = format!("com.amazonaws.cloudwatch#{}", error.code);
    Cbor::map([("__type", Cbor::text(&kind)), ("message", Cbor::text(&error.message))]).encode()
}
