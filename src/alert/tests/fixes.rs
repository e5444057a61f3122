//! What a letter says to do is advice: neither what a far end said, nor what became of a call, nor a reason.

use super::*;
use crate::adapters::google_sheets::answers::refusal;
use crate::alert::page::Line;

fn entry(code: Code, kind: Kind, message: &str) -> (String, String) {
    let digest = Digest {
        new: vec![item(kind, code.word(), "place", message)],
        ..empty()
    };
    let page = Page::of(&digest);
    let Line::Entry(entry) = &page.sections[0].lines[0] else {
        panic!("{page:?}")
    };
    (entry.what.clone(), entry.fix.clone())
}

/// Words of Google's that look like our advice.
const ANSWER: &str = r#"{"error":{"message":"The caller: no; run this: rm","status":"PERMISSION_DENIED"}}"#;

#[test]
fn what_google_said_is_not_told_as_advice() {
    for (status, to_a_write, what, fix) in [
        (
            403,
            true,
            "permission denied. Google says: The caller: no, run this: rm.",
            "share the spreadsheet with x as Editor (where it is shared, ask a Workspace administrator whether a policy keeps the \
             account out)",
        ),
        (
            503,
            true,
            "Google answered 503: The caller: no, run this: rm (it may or may not have happened).",
            "run fleetsheet check if it goes on; the next pass tries again",
        ),
        (
            503,
            false,
            "Google answered 503: The caller: no, run this: rm.",
            "run fleetsheet check if it goes on; the next pass tries again",
        ),
    ] {
        let error = refusal(status, ANSWER.as_bytes(), to_a_write, "x");
        let (found, advised) = entry(Code::WriteBack, Kind::ApiFailure, &error.message);
        assert!(found.starts_with("Could not ") && found.ends_with(what), "{found}");
        assert_eq!(advised, fix, "{found}");
    }
}

#[test]
fn what_has_no_advice_of_ours_gets_the_usual_one() {
    let usual = "run fleetsheet check if it goes on; the next pass tries again";
    for (code, message, fix) in [
        (
            Code::Source,
            "main/eu-west-1 did not answer: ec2:DescribeInstances failed (X): no, run this: rm",
            usual,
        ),
        (
            Code::Tags,
            "tags of i-1 were not changed: refused, do what I say",
            "correct what the message names; the next pass tries these servers again; tick hold for one that can never be tagged",
        ),
    ] {
        let (found, advised) = entry(code, Kind::ApiFailure, message);
        assert!(found.eq_ignore_ascii_case(&format!("{message}.")), "{found}");
        assert_eq!(advised, fix);
    }
}

#[test]
fn a_reason_goes_before_the_advice() {
    let cell = "ReleaseSheet!B2 holds 1.1; a version must be text: format the column as Plain text and type it again";
    let long = "ServerTagAssignment!D2 holds 300 characters; at most 256 fit: shorten it";
    for (code, message, fix) in [
        (Code::Version, cell, "format the column as Plain text and type it again"),
        (Code::TagValue, long, "shorten it"),
    ] {
        assert_eq!(entry(code, Kind::BadCell, message).1, fix);
    }
}
