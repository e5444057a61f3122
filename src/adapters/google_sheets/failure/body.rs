//! What Google says in the body of an answer that is not a success: its words, the reasons, and the identifiers that whoever
//! can help will ask for.

use serde_json::Value;

use crate::text::{short, without_semicolons};

/// How a fact begins that is no more than the answer's status.
pub(super) const ANSWERED: &str = "Google answered ";

/// Most characters of Google's own words in a message.
const WORDS_MAX: usize = 180;

/// Most characters of one identifier, and how many are shown.
const IDENTIFIER_MAX: usize = 80;
const IDENTIFIERS: usize = 5;

/// Metadata that says which request it was, which the message says already.
const OURS: [&str; 5] = ["service", "method", "quota_metric", "quota_location", "containerInfo"];

/// Status words and reasons of the older format that say no more than the status does.
const GENERAL: [&str; 12] = [
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "UNAUTHENTICATED",
    "UNAVAILABLE",
    "INTERNAL",
    "UNKNOWN",
    "ABORTED",
    "forbidden",
    "insufficientPermissions",
    "notFound",
];

/// The parts of an error's JSON body that we look at.
#[derive(Debug, Default)]
pub(in super::super) struct ErrorBody<'a> {
    /// Whether there is a JSON body: Google sends one, what stands between often does not.
    pub(super) is_json: bool,
    pub(super) code: Option<u16>,
    pub(super) message: Option<&'a str>,
    /// The status word and the reasons of the details.
    words: Vec<&'a str>,
    pub(super) quota: Option<&'a str>,
    /// Names and values that identify what refused, or whom.
    identifiers: Vec<(&'a str, &'a str)>,
}

impl<'a> ErrorBody<'a> {
    pub(in super::super) fn of(body: Option<&'a Value>) -> Self {
        let Some(body) = body else { return Self::default() };
        // Some front ends of Google wrap the error in an array.
        let (body, error) = match body {
            Value::Array(items) => match items.first() {
                Some(item) => (item, &item["error"]),
                None => return Self::default(),
            },
            _ => (body, &body["error"]),
        };
        let list = |key: &str| error[key].as_array().map(Vec::as_slice).unwrap_or_default();
        let details = list("details");
        let reasons = details.iter().chain(list("errors"));
        let reasons = reasons.filter_map(|detail| detail["reason"].as_str());
        // The token service names its reason in place of the error, and describes it beside.
        let oauth = error.as_str();
        let message = error["message"].as_str().or_else(|| body["error_description"].as_str());
        let words = error["status"].as_str().into_iter().chain(reasons).chain(oauth);
        Self {
            is_json: true,
            code: error["code"].as_u64().and_then(|code| u16::try_from(code).ok()),
            message: message.filter(|message| !message.trim().is_empty()),
            words: words.filter(|word| !word.is_empty()).collect(),
            quota: details
                .iter()
                .find_map(|detail| detail["metadata"]["quota_limit"].as_str()),
            identifiers: details.iter().flat_map(identifiers).collect(),
        }
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.words.contains(&word)
    }

    /// The first reason that says more than the status does.
    pub(super) fn reason(&self) -> Option<&'a str> {
        self.words.iter().find(|word| !GENERAL.contains(word)).copied()
    }

    /// Whether a service perimeter refuses. Older answers say so in a violation or in the message alone.
    pub(super) fn is_perimeter(&self) -> bool {
        self.has("SECURITY_POLICY_VIOLATED")
            || self.identifiers.iter().any(|(name, _)| *name == "VPC_SERVICE_CONTROLS")
            || self
                .message
                .is_some_and(|said| said.contains("vpcServiceControlsUniqueIdentifier"))
    }

    /// A value that the details give under a name.
    pub(super) fn identifier(&self, name: &str) -> Option<&'a str> {
        let found = self.identifiers.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| *value)
    }

    /// What is the matter, followed by all that Google said and neither that nor the advice says.
    pub(super) fn beside(&self, fact: &str, fix: &str) -> String {
        match self.besides(&format!("{fact}; {fix}")) {
            said if said.is_empty() => fact.to_owned(),
            said if fact.starts_with(ANSWERED) => format!("{fact}: {said}"),
            said => format!("{fact}. Google says: {said}"),
        }
    }

    /// All that the answer says.
    pub(in super::super) fn said(&self) -> String {
        self.besides("")
    }

    /// What the answer says and the advice does not.
    fn besides(&self, advice: &str) -> String {
        let mut parts: Vec<String> = Vec::new();
        let mut told = advice.to_owned();
        let mut tell = |text: String, key: &str| {
            if !told.contains(key) {
                told.push_str(&text);
                parts.push(text);
            }
        };
        for word in self.words.iter().filter(|word| !GENERAL.contains(word)) {
            tell(short(word, IDENTIFIER_MAX), word);
        }
        for (name, value) in self.identifiers.iter().take(IDENTIFIERS) {
            tell(
                format!("{} {}", short(name, IDENTIFIER_MAX), short(value, IDENTIFIER_MAX)),
                value,
            );
        }
        if let Some(said) = self.message {
            tell(short(said.trim().trim_end_matches('.'), WORDS_MAX), said.trim());
        }
        without_semicolons(&parts.join(", "))
    }
}

/// Names and values of one detail: its metadata, and the violations of a precondition.
fn identifiers(detail: &Value) -> impl Iterator<Item = (&str, &str)> {
    let metadata = detail["metadata"].as_object().into_iter().flatten();
    let metadata = metadata.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
    let violations = detail["violations"].as_array().into_iter().flatten();
    let violations = violations.filter_map(|violation| {
        let said = violation["description"]
            .as_str()
            .or_else(|| violation["subject"].as_str())?;
        Some((violation["type"].as_str().unwrap_or("violation"), said))
    });
    metadata
        .chain(violations)
        .filter(|(name, value)| !OURS.contains(name) && !value.is_empty())
}
