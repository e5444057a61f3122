//! Reads answers of Prometheus: (status, body) → what it is, and never half of it.
//!
//! What it says is text of a stranger, and is shown on one line, short, without the semicolon that parts our advice.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::gate::{Answer, Unanswered};
use crate::text::{plain, short, without_semicolons};

/// Most characters that are shown of what it said.
const SAID_MAX: usize = 300;

/// Most warnings that are shown.
const WARNINGS: usize = 2;

/// An answer, as the documents of the HTTP API have it. `infos` are hints and change nothing.
#[derive(Deserialize)]
struct Body {
    status: String,
    data: Option<Data>,
    error: Option<String>,
    #[serde(rename = "errorType")]
    error_type: Option<String>,
    warnings: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Scalar(Sample),
    Vector(Vec<Series>),
    Matrix(IgnoredAny),
    String(IgnoredAny),
}

/// A time and a number, which is written as text: JSON has no word for what is not a number.
#[derive(Deserialize)]
struct Sample(IgnoredAny, String);

#[derive(Deserialize)]
struct Series {
    value: Option<Sample>,
    histogram: Option<IgnoredAny>,
}

/// What an answer with this status and this body is.
#[must_use]
pub fn read(status: u16, body: &[u8]) -> Answer {
    // What is skipped is not looked at, so that it is read as a whole first: an answer that is no JSON somewhere is none anywhere.
    let parsed = serde_json::from_slice::<Value>(body).and_then(|_| serde_json::from_slice::<Body>(body));
    match (status, parsed) {
        (200, Ok(body)) if body.status == "success" => good(body),
        (300..=399, _) => failed(format!(
            "Prometheus redirects the query ({status}); write the address that answers in prometheus.url"
        )),
        (_, Ok(body)) if body.status == "error" => failed(refusal(status, &body)),
        (401 | 403, _) => failed(format!("Prometheus refuses the query ({status}); {LOGIN}")),
        (404 | 405, _) => failed(format!(
            "Prometheus is not at this address ({status}); write its address in prometheus.url, up to /api/v1"
        )),
        (429 | 500..=599, _) => failed(format!(
            "Prometheus, or what stands before it, answers {status}: {}",
            visible(body)
        )),
        _ => failed(format!(
            "the answer did not come from Prometheus ({status}): {}; check prometheus.url and the proxy",
            visible(body)
        )),
    }
}

const LOGIN: &str = "check prometheus.token_file, or prometheus.user and prometheus.password_file";

fn failed(why: String) -> Answer {
    Answer::Failed(Unanswered(why))
}

fn good(body: Body) -> Answer {
    let warnings = body.warnings.unwrap_or_default();
    if !warnings.is_empty() {
        let shown: Vec<String> = warnings.iter().take(WARNINGS).map(|warning| said(warning)).collect();
        return Answer::Partial(short(&shown.join(", "), SAID_MAX));
    }
    let Some(data) = body.data else {
        return failed("Prometheus answers without data; check prometheus.url and the proxy".to_owned());
    };
    match data {
        Data::Scalar(sample) => number(&sample),
        Data::Vector(series) => match series.as_slice() {
            [] => Answer::Nothing,
            [one] => match (&one.value, &one.histogram) {
                (Some(sample), None) => number(sample),
                (None, Some(_)) => Answer::Other("a histogram"),
                _ => failed(not_understood("a series without a value")),
            },
            more => Answer::Several(more.len()),
        },
        Data::Matrix(_) => Answer::Other("a matrix"),
        Data::String(_) => Answer::Other("a text"),
    }
}

fn number(Sample(_, text): &Sample) -> Answer {
    match text.parse() {
        Ok(number) => Answer::Number(number),
        Err(_) => failed(not_understood(&format!("the value {:?}", short(&said(text), 40)))),
    }
}

fn not_understood(what: &str) -> String {
    format!("the answer of Prometheus holds {what}; check prometheus.url and the proxy")
}

/// An error in Prometheus's own words.
fn refusal(status: u16, body: &Body) -> String {
    let kind = body.error_type.as_deref().map(said).unwrap_or_default();
    let kind = if kind.is_empty() {
        String::new()
    } else {
        format!(" {}", short(&kind, 40))
    };
    let words = body.error.as_deref().map(said).unwrap_or_default();
    let words = if words.is_empty() { words } else { format!(": {words}") };
    match status {
        400 => format!("Prometheus does not understand the query (400{kind}){words}; correct the query"),
        401 | 403 => format!("Prometheus refuses the query ({status}{kind}){words}; {LOGIN}"),
        _ => format!("Prometheus cannot answer the query ({status}{kind}){words}"),
    }
}

/// What somebody said, for a line of a mail and a cell.
pub(super) fn said(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    short(&plain(&without_semicolons(&line)), SAID_MAX)
}

/// What an answer that is not Prometheus's shows. A page of HTML says nothing that a line could hold.
fn visible(body: &[u8]) -> String {
    // A character has up to four bytes, and a hidden one is shown as ten.
    let text = String::from_utf8_lossy(&body[..body.len().min(SAID_MAX * 4)]);
    match text.trim() {
        "" => "it is empty".to_owned(),
        text if text.starts_with('<') => "it is a page of HTML".to_owned(),
        text => format!("it says {}", short(&said(text), 80)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn success(data: &str) -> Answer {
        read(200, format!(r#"{{"status":"success","data":{data}}}"#).as_bytes())
    }

    fn vector(elements: &str) -> Answer {
        success(&format!(r#"{{"resultType":"vector","result":[{elements}]}}"#))
    }

    fn why(answer: &Answer) -> &str {
        match answer {
            Answer::Failed(Unanswered(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_number_is_a_number() {
        let scalar = |text: &str| {
            success(&format!(
                r#"{{"resultType":"scalar","result":[1764590400.25,"{text}"]}}"#
            ))
        };
        let one = |text: &str| vector(&format!(r#"{{"metric":{{"a":"b"}},"value":[1764590400,"{text}"]}}"#));
        for (text, number) in [
            ("0.031", 0.031),
            ("1e-09", 1e-9),
            ("-2", -2.0),
            ("+Inf", f64::INFINITY),
            ("-Inf", f64::NEG_INFINITY),
        ] {
            assert_eq!(scalar(text), Answer::Number(number));
            assert_eq!(one(text), Answer::Number(number));
        }
        assert!(matches!(one("NaN"), Answer::Number(number) if number.is_nan()));
        for text in ["", "one", "0x10", "1,5", "\\u202e1"] {
            assert!(why(&one(text)).contains("holds the value"), "{text}");
        }
    }

    #[test]
    fn everything_else_is_what_it_is() {
        let one = r#"{"metric":{},"value":[1,"1"]}"#;
        assert_eq!(vector(""), Answer::Nothing);
        assert_eq!(vector(&format!("{one},{one},{one}")), Answer::Several(3));
        assert_eq!(
            vector(r#"{"metric":{},"histogram":[1,{"count":"2"}]}"#),
            Answer::Other("a histogram")
        );
        assert_eq!(
            success(r#"{"resultType":"matrix","result":[]}"#),
            Answer::Other("a matrix")
        );
        assert_eq!(
            success(r#"{"resultType":"string","result":[1,"1"]}"#),
            Answer::Other("a text")
        );
        let hint = format!(
            r#"{{"status":"success","data":{{"resultType":"vector","result":[{one}]}},"infos":["a hint"],"more":1}}"#
        );
        assert_eq!(read(200, hint.as_bytes()), Answer::Number(1.0));
        let partial = hint
            .replace("infos", "warnings")
            .replace("a hint", "store b\\nis away; retry");
        assert_eq!(
            read(200, partial.as_bytes()),
            Answer::Partial("store b is away, retry".to_owned())
        );
        let none = hint.replace("infos", "warnings").replace("\"a hint\"", "");
        assert_eq!(read(200, none.as_bytes()), Answer::Number(1.0));
    }

    #[test]
    fn errors_are_told_in_words_with_their_fix() {
        let error = |kind: &str, text: &str| format!(r#"{{"status":"error","errorType":"{kind}","error":"{text}"}}"#);
        for (status, body, wanted) in [
            (
                400,
                error("bad_data", "1:2: parse error"),
                "(400 bad_data): 1:2: parse error; correct the query",
            ),
            (
                422,
                error("execution", "many-to-many"),
                "cannot answer the query (422 execution): many-to-many",
            ),
            (
                503,
                error("timeout", "query timed out"),
                "(503 timeout): query timed out",
            ),
            (
                403,
                error("", "no access"),
                "refuses the query (403): no access; check prometheus.token_file",
            ),
            (
                401,
                "Unauthorized\n".to_owned(),
                "refuses the query (401); check prometheus.token_file",
            ),
            (302, String::new(), "redirects the query (302); write the address"),
            (
                404,
                "404 page not found".to_owned(),
                "is not at this address (404); write its address",
            ),
            (503, "<html>Down</html>".to_owned(), "answers 503: it is a page of HTML"),
            (
                502,
                "bad\u{1b}[1m\ngateway; run this".to_owned(),
                "answers 502: it says bad\\u{1b}[1m gateway, run this",
            ),
            (
                200,
                "<html>Log in</html>".to_owned(),
                "did not come from Prometheus (200): it is a page of HTML; check",
            ),
            (200, String::new(), "it is empty; check"),
            (200, "{\"status\":\"success\"}".to_owned(), "without data"),
            (
                200,
                "{\"status\":\"odd\"}".to_owned(),
                "did not come from Prometheus (200): it says {\"status\":\"odd\"}",
            ),
            (
                204,
                "{\"status\":\"success\"}".to_owned(),
                "did not come from Prometheus (204)",
            ),
            (
                418,
                "teapot".to_owned(),
                "did not come from Prometheus (418): it says teapot",
            ),
        ] {
            let answer = read(status, body.as_bytes());
            assert!(why(&answer).contains(wanted), "{answer:?}");
        }
        let long = format!(r#"{{"status":"error","error":"{}"}}"#, "word ".repeat(500));
        assert!(why(&read(422, long.as_bytes())).chars().count() < 400);
    }

    #[test]
    fn half_an_answer_is_none() {
        for data in [
            r#"{"resultType":"vector","result":[{"metric":{}}]}"#,
            r#"{"resultType":"vector","result":[{"value":[1,"1"],"histogram":[1,{}]}]}"#,
            r#"{"resultType":"vector","result":{}}"#,
            r#"{"resultType":"scalar","result":[1,1]}"#,
            r#"{"resultType":"scalar","result":["1"]}"#,
            r#"{"resultType":"other","result":[]}"#,
            r#"{"result":[]}"#,
        ] {
            assert!(matches!(success(data), Answer::Failed(_)), "{data}");
        }
        // Cut off, a whole answer is none.
        let whole = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1"]}]}}"#;
        assert_eq!(read(200, whole.as_bytes()), Answer::Number(1.0));
        for end in 0..whole.len() {
            assert!(
                matches!(read(200, &whole.as_bytes()[..end]), Answer::Failed(_)),
                "{end}"
            );
        }
    }
}
