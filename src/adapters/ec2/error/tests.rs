use super::*;

fn source() -> Source {
    Source {
        account: "prod".into(),
        region: "eu-west-1".into(),
    }
}

fn ids(ids: &[&str]) -> Vec<ServerId> {
    ids.iter().map(|id| ServerId::from(*id)).collect()
}

fn error(code: &str, text: &str, status: u16) -> CloudError {
    let failed = Failed {
        source: &source(),
        action: "ec2:CreateTags",
        who: "the role R",
        ids: &ids(&["i-0aa", "i-0ab", "i-0a"]),
    };
    by_code(code, text, status, failed)
}

#[test]
fn codes_have_their_meaning() {
    use CloudErrorKind::{BadBatch, BadServers, Denied, DeniedServers, Rejected, Throttled, Transient, Unclear};
    let pattern = "'a b' is not a valid tag key. Tag keys must match pattern … and must not be a reserved name";
    for (code, status, text, kind) in [
        ("RequestLimitExceeded", 503, "Request limit exceeded.", Throttled),
        ("Unavailable", 503, "", Transient),
        ("SomethingNew", 500, "", Transient),
        ("UnauthorizedOperation", 403, "You are not authorized", Denied),
        (
            "UnauthorizedOperation",
            403,
            "User: arn:aws:sts::1:assumed-role/host/i-0aa is not authorized to perform: ec2:CreateTags on resource: \
             arn:aws:ec2:eu-west-1:1:instance/* because no identity-based policy allows the ec2:CreateTags action",
            Denied,
        ),
        (
            "UnauthorizedOperation",
            403,
            "User: arn:aws:sts::1:assumed-role/host/i-0aa is not authorized to perform: ec2:CreateTags on resource: \
             arn:aws:ec2:eu-west-1:1:instance/i-0ab with an explicit deny in a service control policy",
            DeniedServers {
                ids: ids(&["i-0ab"]),
                explicit: true,
            },
        ),
        (
            "AccessDenied",
            403,
            "User: U is not authorized to perform: ec2:CreateTags on resource: \
             arn:aws:ec2:eu-west-1:1:instance/i-0ab because no identity-based policy allows the ec2:CreateTags action",
            DeniedServers {
                ids: ids(&["i-0ab"]),
                explicit: false,
            },
        ),
        ("SomethingNew", 403, "", Denied),
        ("RequestExpired", 400, "Request has expired.", Denied),
        (
            "InvalidInstanceID.NotFound",
            400,
            "The instance ID 'i-0a' does not exist",
            BadServers(ids(&["i-0a"])),
        ),
        (
            "InvalidInstanceID.NotFound",
            400,
            "The instance IDs 'i-0ab, i-0aa' do not exist",
            BadServers(ids(&["i-0aa", "i-0ab"])),
        ),
        (
            "InvalidID",
            400,
            "The ID 'i-0aa' is not valid",
            BadServers(ids(&["i-0aa"])),
        ),
        ("InvalidID", 400, "The ID 'i-0ff' is not valid", Unclear),
        ("TagLimitExceeded", 400, "The maximum number of Tags …", BadBatch),
        ("InvalidParameterValue", 400, pattern, BadBatch),
        (
            "InvalidParameterValue",
            400,
            "Tag value exceeds the maximum length of 256",
            Rejected,
        ),
        ("MissingParameter", 400, "", Rejected),
        ("SomethingNew", 400, "", Unclear),
        ("TagPolicyViolation", 403, "The tag policy does not allow …", Unclear),
    ] {
        assert_eq!(error(code, text, status).kind, kind, "{code} {status} {text}");
    }
}

#[test]
fn messages_say_what_where_and_the_fix() {
    let denied = error(
        "UnauthorizedOperation",
        "You are not authorized to perform this operation.",
        403,
    );
    assert_eq!(
        denied.message,
        "prod/eu-west-1: ec2:CreateTags failed (UnauthorizedOperation): You are not authorized to perform this operation; \
         allow ec2:CreateTags in the policy of the role R, and look for another policy that denies it"
    );
    for (code, text, advice) in [
        (
            "SignatureDoesNotMatch",
            "Signature expired: a is now earlier than b",
            "; this machine's clock is wrong: set it",
        ),
        (
            "SomethingNew",
            "No; run this: rm",
            "failed (SomethingNew): No, run this: rm",
        ),
        (
            "TagLimitExceeded",
            "Too many; really",
            "Too many, really; it would carry more than 50 tags: remove some",
        ),
    ] {
        let message = error(code, text, 403).message;
        assert!(message.ends_with(advice), "{message}");
    }
    let gone = error(
        "InvalidInstanceID.NotFound",
        "The instance IDs 'i-0aa, i-0ab' do not exist",
        400,
    );
    assert!(
        !gone.message.contains("i-0ab"),
        "one server's message does not list the others"
    );
}

#[test]
fn answers_without_a_code_are_judged_by_their_status() {
    let failed = Failed {
        source: &source(),
        action: "ec2:DescribeInstances",
        who: "",
        ids: &[],
    };
    for (status, kind) in [
        (200, CloudErrorKind::Transient),
        (503, CloudErrorKind::Transient),
        (429, CloudErrorKind::Throttled),
        (407, CloudErrorKind::Denied),
        (404, CloudErrorKind::Rejected),
    ] {
        assert_eq!(by_status(status, b"", failed).kind, kind, "{status}");
    }
}

#[test]
fn what_answers_in_place_of_ec2_is_quoted_without_its_markup() {
    let source = source();
    let failed = Failed {
        source: &source,
        action: "ec2:CreateTags",
        who: "the role R",
        ids: &[],
    };
    let page =
        b"<html><title>Blocked</title><body onload='x'>Category: <b>tools</b>\x1b[2J, incident 4711 <script</html>";
    let said = by_status(403, page, failed).message;
    assert!(
        said.contains("it says: Blocked Category: tools") && said.contains("incident 4711"),
        "{said}"
    );
    assert!(!said.contains(['<', '\u{1b}']), "{said}");
    assert!(by_status(503, &[b'x'; 9000], failed).message.len() < 400);
}

#[derive(Debug, thiserror::Error)]
#[error("invalid peer certificate: {0}")]
struct Tls(&'static str);

#[test]
fn an_authority_that_is_not_trusted_is_asked_once_and_the_file_is_named() {
    let source = source();
    let failed = Failed {
        source: &source,
        action: "ec2:DescribeInstances",
        who: "the role R",
        ids: &[],
    };
    let untrusted = unconnected(&Tls("UnknownIssuer"), failed);
    assert!(
        !untrusted.is_transient() && untrusted.message.contains("SSL_CERT_FILE"),
        "{untrusted:?}"
    );
    assert!(unconnected(&Tls("a reset"), failed).is_transient());
}

#[test]
fn what_keeps_requests_from_a_proxy_is_asked_once_and_says_what_to_correct() {
    let source = source();
    let failed = Failed {
        source: &source,
        action: "ec2:DescribeInstances",
        who: "the role R",
        ids: &[],
    };
    for (why, fix) in [
        (
            "proxy authorization required",
            "; correct the user and password in HTTPS_PROXY (http://USER:PASSWORD@HOST:PORT)",
        ),
        (
            "HTTPS_PROXY names a socks5 proxy, only http:// and https:// proxies can be used",
            "; correct that variable",
        ),
    ] {
        let error = unconnected(&Tls(why), failed);
        assert!(!error.is_transient() && error.message.ends_with(fix), "{error:?}");
    }
}
