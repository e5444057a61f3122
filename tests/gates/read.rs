//! What each answer means, a row of the tables at a time.

use fleetsheet::gate::{Alarm, AlarmState, Alarms, Answer, Query, Reading, Template, Unanswered, Verdict};
use fleetsheet::plan::gate::{Answers, of_alarms, of_query};

use super::{alarms, query};

fn number(value: f64) -> Answers {
    answers(Answer::Number(value), None)
}

fn answers(value: Answer, former: Option<Answer>) -> Answers {
    Answers {
        value,
        former,
        samples: None,
        former_samples: None,
    }
}

fn limits(min: Option<f64>, max: Option<f64>, ratio: Option<f64>, slack: f64) -> Query {
    Query {
        min,
        max,
        ratio,
        slack,
        ..query("errors")
    }
}

#[test]
fn a_number_passes_within_its_limits() {
    use Verdict::{Fail, Pass};
    let most = limits(None, Some(0.01), None, 0.0);
    let least = limits(Some(0.95), None, None, 0.0);
    let both = limits(Some(1.0), Some(2.0), None, 0.0);
    for (query, value, verdict, limit, why) in [
        (&most, 0.01, Pass, 0.01, ""),
        (&most, -1.0, Pass, 0.01, ""),
        (&most, 0.031, Fail, 0.01, "0.031 > 0.01"),
        (&most, 0.010_001, Fail, 0.01, "0.010001 > 0.01"),
        (&least, 0.95, Pass, 0.95, ""),
        (&least, 0.9, Fail, 0.95, "0.9 < 0.95"),
        (&both, 1.0, Pass, 2.0, ""),
        (&both, 2.0, Pass, 2.0, ""),
        (&both, 0.5, Fail, 1.0, "0.5 < 1"),
        (&both, 2.5, Fail, 2.0, "2.5 > 2"),
    ] {
        let reading = of_query(query, &number(value));
        let wanted = Reading {
            verdict,
            value: Some(value),
            limit: Some(limit),
            ..Reading::no_data(why)
        };
        assert_eq!(reading, wanted);
    }
}

#[test]
fn a_number_is_compared_with_that_of_the_former_version() {
    use Verdict::{Fail, Pass};
    let most = limits(None, None, Some(1.2), 0.005);
    let capped = limits(None, Some(0.05), Some(1.2), 0.005);
    let least = limits(Some(10.0), None, Some(2.0), 1.0);
    let both = limits(Some(0.0), Some(0.01), Some(1.2), 0.0);
    for (query, former, value, verdict, limit) in [
        (&most, 0.1, 0.125, Pass, 0.125),
        (&most, 0.1, 0.126, Fail, 0.125),
        // It works where the former version had no errors at all.
        (&most, 0.0, 0.005, Pass, 0.005),
        (&most, 0.0, 0.006, Fail, 0.005),
        // The stricter of two limits counts.
        (&capped, 0.01, 0.018, Fail, 0.017),
        (&capped, 1.0, 0.06, Fail, 0.05),
        (&capped, 1.0, 0.05, Pass, 0.05),
        // More is better: not less than half of the former, and one.
        (&least, 100.0, 49.0, Pass, 49.0),
        (&least, 100.0, 48.0, Fail, 49.0),
        (&least, 4.0, 9.0, Fail, 10.0),
        // Both limits do not say what is better, so it may be neither much more nor much less.
        (&both, 0.001, 0.0099, Fail, 0.0012),
        (&both, 0.006, 0.001, Fail, 0.005),
        (&both, 0.006, 0.007, Pass, 0.0072),
    ] {
        let reading = of_query(query, &answers(Answer::Number(value), Some(Answer::Number(former))));
        let found = (reading.verdict, reading.limit, reading.compared);
        let (limit, close) = (limit, reading.limit.unwrap_or(f64::NAN));
        assert!((limit - close).abs() < 1e-9, "{reading:?}");
        assert_eq!(found, (verdict, reading.limit, Some(former)), "{value} after {former}");
    }
}

/// All answers that are no data, and a part of what is said of each.
fn nothing() -> Vec<(Answer, &'static str)> {
    vec![
        (Answer::Nothing, "the answer is empty"),
        (Answer::Several(2), "has 2 series; make them one"),
        (Answer::Number(f64::NAN), "NaN"),
        (Answer::Number(f64::INFINITY), "+Inf"),
        (Answer::Number(f64::NEG_INFINITY), "-Inf"),
        (Answer::Other("a matrix"), "is a matrix; write a query"),
        (
            Answer::Partial("store b is away".to_owned()),
            "partial: store b is away",
        ),
        (
            Answer::Failed(Unanswered("it does not answer".to_owned())),
            "it does not answer",
        ),
    ]
}

#[test]
fn what_is_no_number_is_no_data_in_either_cohort() {
    let query = limits(None, Some(0.01), Some(1.2), 0.0);
    for (answer, said) in nothing() {
        let unanswered = matches!(answer, Answer::Failed(_));
        // A number that would fail, and one that would pass: neither counts while the other cohort is silent.
        for value in [0.0, 5.0] {
            let former = of_query(&query, &answers(Answer::Number(value), Some(answer.clone())));
            assert_eq!(
                (former.verdict, former.unanswered),
                (Verdict::NoData, unanswered),
                "{former:?}"
            );
            assert!(
                former.why.starts_with("of the former servers ") && former.why.contains(said),
                "{former:?}"
            );
            assert_eq!((former.value, former.compared), (Some(value), None));
        }
        let reading = of_query(&query, &answers(answer, Some(Answer::Number(1.0))));
        assert_eq!(
            (reading.verdict, reading.unanswered),
            (Verdict::NoData, unanswered),
            "{reading:?}"
        );
        assert!(reading.why.contains(said) && reading.value.is_none(), "{reading:?}");
    }
}

#[test]
fn too_few_samples_are_no_data_in_either_cohort() {
    let query = Query {
        samples: Some(Template::query("n").unwrap()),
        min_samples: Some(1000.0),
        ..limits(None, Some(0.01), Some(1.2), 0.0)
    };
    let counted = |samples: Answer, former: Answer| {
        of_query(
            &query,
            &Answers {
                value: Answer::Number(5.0),
                former: Some(Answer::Number(1.0)),
                samples: Some(samples),
                former_samples: Some(former),
            },
        )
    };
    let n = Answer::Number;
    for (new, former, verdict, why) in [
        (n(1000.0), n(1000.0), Verdict::Fail, "5 > 0.01"),
        (
            n(999.0),
            n(1000.0),
            Verdict::NoData,
            "there are 999 samples, and it takes 1000",
        ),
        (n(0.0), n(1000.0), Verdict::NoData, "there are 0 samples"),
        (
            n(1000.0),
            n(412.0),
            Verdict::NoData,
            "the former servers have 412 samples",
        ),
        (
            Answer::Nothing,
            n(1000.0),
            Verdict::NoData,
            "of the samples the answer is empty",
        ),
        (
            n(f64::NAN),
            n(1000.0),
            Verdict::NoData,
            "of the samples the answer is NaN",
        ),
        (
            n(1000.0),
            Answer::Several(3),
            Verdict::NoData,
            "of the former servers' samples the answer has 3 series",
        ),
    ] {
        let reading = counted(new, former);
        assert_eq!(reading.verdict, verdict, "{reading:?}");
        assert!(reading.why.starts_with(why), "{reading:?}");
    }
    assert_eq!(counted(n(1234.0), n(2000.0)).samples, Some(1234.0));
}

fn alarm(name: &str, state: AlarmState) -> Alarm {
    Alarm {
        name: name.to_owned(),
        state,
        impaired: None,
        lenient: None,
    }
}

#[test]
fn alarms_are_read_row_by_row() {
    use AlarmState::{Alarm as Red, Insufficient, Ok as Green};
    let impaired = |state| Alarm {
        impaired: Some("PARTIAL_DATA".to_owned()),
        ..alarm("b", state)
    };
    let lenient = |state, how: &str| Alarm {
        lenient: Some(how.to_owned()),
        ..alarm("b", state)
    };
    let a = || alarm("a", Green);
    let red = "ALARM: b";
    for (found, verdict, trusted, why) in [
        (vec![a(), alarm("b", Green)], Verdict::Pass, Verdict::Pass, ""),
        (vec![a(), alarm("b", Red)], Verdict::Fail, Verdict::Fail, red),
        // Any ALARM fails, whatever the others say, and however it came about.
        (
            vec![alarm("a", Insufficient), alarm("b", Red)],
            Verdict::Fail,
            Verdict::Fail,
            red,
        ),
        (vec![alarm("b", Red)], Verdict::Fail, Verdict::Fail, red),
        (vec![a(), impaired(Red)], Verdict::Fail, Verdict::Fail, red),
        (
            vec![a(), lenient(Red, "notBreaching")],
            Verdict::Fail,
            Verdict::Fail,
            red,
        ),
        (
            vec![a(), alarm("b", Insufficient)],
            Verdict::NoData,
            Verdict::NoData,
            "INSUFFICIENT_DATA: b",
        ),
        (
            vec![a(), impaired(Green)],
            Verdict::NoData,
            Verdict::NoData,
            "PARTIAL_DATA: b",
        ),
        (
            vec![a()],
            Verdict::NoData,
            Verdict::NoData,
            "CloudWatch does not know b in main/eu-west-1",
        ),
        (
            vec![],
            Verdict::NoData,
            Verdict::NoData,
            "CloudWatch does not know a, b in main/eu-west-1",
        ),
        (
            vec![a(), lenient(Green, "notBreaching")],
            Verdict::NoData,
            Verdict::Pass,
            "b is OK without data, too",
        ),
        (
            vec![a(), lenient(Green, "ignore")],
            Verdict::NoData,
            Verdict::Pass,
            "b is OK without data, too",
        ),
    ] {
        let asked = ["a", "b"].map(str::to_owned);
        let read = |trust_missing| {
            let alarms = Alarms {
                trust_missing,
                ..alarms(&["a", "b"])
            };
            of_alarms(&alarms, &asked, &Ok(found.clone()))
        };
        let reading = read(false);
        assert_eq!((reading.verdict, read(true).verdict), (verdict, trusted), "{reading:?}");
        assert!(reading.why.starts_with(why) && !reading.unanswered, "{reading:?}");
    }
}

#[test]
fn alarms_that_could_not_be_asked_are_no_data() {
    let gone = of_alarms(
        &alarms(&["a"]),
        &["a".to_owned()],
        &Err(Unanswered("no answer".to_owned())),
    );
    assert_eq!(
        (gone.verdict, gone.unanswered, &*gone.why),
        (Verdict::NoData, true, "no answer")
    );
    let odd = of_alarms(&alarms(&["a"]), &["we\u{202e}b; run this".to_owned()], &Ok(Vec::new()));
    assert_eq!(
        odd.why,
        "CloudWatch does not know we\\u{202e}b, run this in main/eu-west-1"
    );
    let none = of_alarms(&alarms(&[]), &[], &Ok(Vec::new()));
    assert_eq!(none.verdict, Verdict::NoData);
}
