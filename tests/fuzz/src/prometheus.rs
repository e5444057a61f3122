//! Answers of Prometheus: they become one number, or words that say why there is none, and never half of one.

use fleetsheet::adapters::prometheus::answer;
use fleetsheet::gate::{Answer, Unanswered};
use serde_json::Value;

use crate::judge;

/// Longest message: our words and a quotation, in which a hidden character is shown as ten.
const MESSAGE_MAX: usize = 700;

/// The first line is the status, the rest is the body.
pub fn prometheus(data: &[u8]) {
    let end = data.iter().position(|b| *b == b'\n').unwrap_or(data.len());
    let status = String::from_utf8_lossy(&data[..end]).parse().unwrap_or(200);
    let body = data.get(end + 1..).unwrap_or_default();
    let said = match answer::read(status, body) {
        Answer::Number(number) => {
            assert_eq!(status, 200, "a number of a refusal");
            return assert!(holds(body, number), "{number} stands nowhere in the answer");
        }
        Answer::Nothing | Answer::Several(_) | Answer::Other(_) => {
            return assert_eq!(status, 200, "data of a refusal");
        }
        Answer::Partial(said) => {
            assert_eq!(status, 200, "warnings of a refusal");
            said
        }
        Answer::Failed(Unanswered(why)) => {
            assert!(!why.is_empty(), "a failure without words");
            why
        }
    };
    judge::one_line("what is said of an answer", &said);
    judge::at_most("what is said of an answer", &said, MESSAGE_MAX);
}

/// Whether an answer is a success of exactly this number without warnings, read apart from the program.
fn holds(body: &[u8], number: f64) -> bool {
    let Ok(answer) = serde_json::from_slice::<Value>(body) else {
        return false;
    };
    let warned = answer["warnings"]
        .as_array()
        .is_some_and(|warnings| !warnings.is_empty());
    let result = &answer["data"]["result"];
    let sample = match answer["data"]["resultType"].as_str() {
        Some("scalar") => result,
        Some("vector") if result.as_array().is_some_and(|series| series.len() == 1) => &result[0]["value"],
        _ => return false,
    };
    let text = sample[1].as_str().unwrap_or_default();
    let same = text
        .parse::<f64>()
        .is_ok_and(|read| read == number || (read.is_nan() && number.is_nan()));
    answer["status"] == "success" && !warned && same
}
