//! Tags as EC2 tells them (`tags.source = "api"`), from a small server that answers what EC2's page shows, and what goes wrong there.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use fleetsheet_agent::adapters::ec2::Ec2;
use fleetsheet_agent::adapters::imds::Credentials;
use fleetsheet_agent::rules::Tags;

const INSTANCE: &str = "i-0123456789abcdef0";

/// Answers one request; gives what it was asked and what was made of the answer.
fn told(status: &str, body: &str) -> (String, Tags) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/xml\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut request, mut buffer) = (Vec::new(), [0_u8; 4096]);
        while !String::from_utf8_lossy(&request).contains(INSTANCE) {
            let read = stream.read(&mut buffer).unwrap();
            request.extend_from_slice(&buffer[..read]);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(request).unwrap()
    });
    let credentials = Credentials {
        access_key_id: "AKIDEXAMPLE".into(),
        secret_access_key: "secret".into(),
        token: "session".into(),
    };
    let ec2 = Ec2 {
        endpoint,
        region: "eu-central-1",
        credentials: &credentials,
    };
    let tags = ec2.tags(
        INSTANCE,
        "ReleaseChannel",
        "ReleaseVersion",
        chrono::DateTime::UNIX_EPOCH,
    );
    (server.join().unwrap(), tags)
}

fn response(items: &[(&str, &str)]) -> String {
    let items: String = items
        .iter()
        .map(|(key, value)| {
            format!(
                "<item>\n<resourceId>{INSTANCE}</resourceId>\n<resourceType>instance</resourceType>\n<key>{key}</key>\n<value>{value}</value>\n</item>"
            )
        })
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DescribeTagsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\n\
         <requestId>7a62c49f</requestId>\n<tagSet>{items}</tagSet>\n</DescribeTagsResponse>"
    )
}

fn read(channel: Option<&str>, version: Option<&str>) -> Tags {
    Tags::Read {
        channel: channel.map(str::to_owned),
        version: version.map(str::to_owned),
    }
}

#[test]
fn tags_of_the_api_are_read_as_they_stand() {
    let (asked, tags) = told(
        "200 OK",
        &response(&[
            ("Name", "a&lt;b&amp;c"),
            ("ReleaseVersion", "2.4.0"),
            ("ReleaseChannel", "web"),
        ]),
    );
    assert_eq!(tags, read(Some("web"), Some("2.4.0")));
    for part in [
        "Action=DescribeTags",
        "Filter.1.Name=resource-id",
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/",
    ] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    assert!(
        asked.to_lowercase().contains("x-amz-security-token: session"),
        "{asked}"
    );
    // What a name or a value looks like decides nothing.
    let foreign = [
        ("<key>", "x"),
        ("Other", "&lt;key&gt;ReleaseVersion&lt;/key&gt;"),
        ("ReleaseVersion", "2 &amp; 3"),
    ];
    assert_eq!(told("200 OK", &response(&foreign[1..])).1, read(None, Some("2 & 3")));
    assert_eq!(told("200 OK", &response(&[])).1, read(None, None));
}

#[test]
fn what_the_api_does_not_answer_is_never_no_release() {
    let throttled = "<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors></Response>";
    let denied = "<Response><Errors><Error><Code>UnauthorizedOperation</Code></Error></Errors></Response>";
    for (status, body) in [
        ("503 Service Unavailable", throttled),
        ("403 Forbidden", denied),
        ("500 Internal Server Error", ""),
        ("200 OK", ""),
        ("200 OK", "<html>a proxy</html>"),
    ] {
        let tags = told(status, body).1;
        assert!(matches!(tags, Tags::Unreadable(_)), "{status} {body}: {tags:?}");
    }
}
