//! The strict behaviours, over the wire.

mod tags;

use anyhow::{Context as _, Result, ensure};
use chrono::TimeDelta;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

const ACCOUNT: &str = "111111111111";
const OTHER: &str = "222222222222";
const REGION: &str = "eu-west-1";
const ROLE: &str = "arn:aws:iam::222222222222:role/fleetsheet";

/// Keys to sign with: id, secret, token.
type Keys = (String, String, Option<String>);

fn base() -> Keys {
    (ACCESS_KEY.to_owned(), SECRET_KEY.to_owned(), None)
}

fn id(n: usize) -> String {
    format!("i-{n:017x}")
}

async fn start(size: usize) -> Result<CloudEmulator> {
    let mut fleet = Fleet::new(ACCOUNT);
    fleet.add_role(ROLE);
    for n in 0..size {
        fleet.add(ACCOUNT, REGION, &id(n), [("Name", "server")]);
    }
    Ok(CloudEmulator::start(fleet).await?)
}

/// Sends a signed request and returns status and body.
async fn send(cloud: &CloudEmulator, keys: &Keys, service: &str, form: &str) -> Result<(u16, String)> {
    let version = if service == "ec2" { "2016-11-15" } else { "2011-06-15" };
    let body = format!("{form}&Version={version}");
    let mut headers = HeaderMap::new();
    headers.insert("host", cloud.server.addr().to_string().parse()?);
    if let Some(token) = &keys.2 {
        headers.insert("x-amz-security-token", token.parse()?);
    }
    signature::authorize(&keys.0, &keys.1, REGION, service, &mut headers, body.as_bytes())?;
    post(cloud, &headers, &body).await
}

async fn post(cloud: &CloudEmulator, headers: &HeaderMap, body: &str) -> Result<(u16, String)> {
    let mut head = String::from("POST / HTTP/1.1\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {}\r\n", value.to_str()?));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    let mut stream = tokio::net::TcpStream::connect(cloud.server.addr()).await?;
    stream.write_all(head.as_bytes()).await?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await?;
    let (head, body) = reply.split_once("\r\n\r\n").context("no body")?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok((status, body.to_owned()))
}

async fn ec2(cloud: &CloudEmulator, form: &str) -> Result<(u16, String)> {
    send(cloud, &base(), "ec2", form).await
}

/// The status, code and message of a call that fails.
async fn refused(cloud: &CloudEmulator, form: &str) -> Result<(u16, String, String)> {
    let (status, body) = ec2(cloud, form).await?;
    ensure!(status >= 400, "{form} succeeded: {body}");
    let code = between(&body, "<Code>", "</Code>").context("no code")?;
    let message = between(&body, "<Message>", "</Message>").context("no message")?;
    Ok((status, code, message))
}

fn between(text: &str, start: &str, end: &str) -> Option<String> {
    let from = text.split_once(start)?.1;
    Some(from.split_once(end)?.0.to_owned())
}

fn ids_in(body: &str) -> Vec<String> {
    body.split("<instanceId>")
        .skip(1)
        .filter_map(|rest| rest.split('<').next())
        .map(str::to_owned)
        .collect()
}

async fn assume(cloud: &CloudEmulator) -> Result<(u16, Keys)> {
    let form = format!("Action=AssumeRole&RoleArn={ROLE}&RoleSessionName=worker");
    let (status, body) = send(cloud, &base(), "sts", &form).await?;
    let field = |name: &str| between(&body, &format!("<{name}>"), &format!("</{name}>"));
    let key = field("AccessKeyId").unwrap_or_default();
    let secret = field("SecretAccessKey").unwrap_or_default();
    Ok((status, (key, secret, field("SessionToken"))))
}

#[tokio::test]
async fn a_signature_must_be_there_and_right() -> Result<()> {
    let cloud = start(1).await?;
    let form = "Action=DescribeInstances&MaxResults=5";
    let (status, body) = post(&cloud, &HeaderMap::new(), &format!("{form}&Version=2016-11-15")).await?;
    assert!(status == 403 && body.contains("MissingAuthenticationToken"), "{body}");
    for keys in [("AKIANOBODY", SECRET_KEY), (ACCESS_KEY, "wrong")] {
        let keys = (keys.0.to_owned(), keys.1.to_owned(), None);
        let (status, body) = send(&cloud, &keys, "ec2", form).await?;
        assert!(status == 401 && body.contains("AuthFailure"), "{body}");
    }
    assert_eq!(ec2(&cloud, form).await?.0, 200);
    assert_eq!(cloud.script().count("ec2.DescribeInstances"), 4);
    Ok(())
}

#[tokio::test]
async fn a_role_reaches_its_own_account_until_its_keys_expire() -> Result<()> {
    let cloud = start(1).await?;
    cloud.edit(|fleet| fleet.add(OTHER, REGION, &id(77), []));
    let (_, keys) = assume(&cloud).await?;
    let (_, who) = send(&cloud, &keys, "sts", "Action=GetCallerIdentity").await?;
    assert!(
        who.contains("arn:aws:sts::222222222222:assumed-role/fleetsheet/worker"),
        "{who}"
    );
    let form = "Action=DescribeInstances&MaxResults=5";
    assert_eq!(ids_in(&send(&cloud, &keys, "ec2", form).await?.1), [id(77)]);
    assert_eq!(ids_in(&ec2(&cloud, form).await?.1), [id(0)]);

    let without_token = (keys.0.clone(), keys.1.clone(), None);
    assert_eq!(send(&cloud, &without_token, "ec2", form).await?.0, 401);
    cloud.edit(|fleet| fleet.advance(TimeDelta::minutes(61)));
    let (status, body) = send(&cloud, &keys, "ec2", form).await?;
    assert!(status == 400 && body.contains("RequestExpired"), "{body}");
    let (status, body) = send(&cloud, &keys, "sts", "Action=GetCallerIdentity").await?;
    assert!(status == 403 && body.contains("ExpiredToken"), "{body}");

    let fresh = assume(&cloud).await?.1;
    assert_ne!(fresh.0, keys.0);
    cloud.edit(|fleet| fleet.set_assumable(ROLE, false));
    assert_eq!(assume(&cloud).await?.0, 403);
    Ok(())
}

#[tokio::test]
async fn pages_count_instances_and_cover_them_once() -> Result<()> {
    let cloud = start(23).await?;
    let mut orders = Vec::new();
    for _ in 0..2 {
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let (status, body) = ec2(&cloud, &format!("Action=DescribeInstances&MaxResults=5{token}")).await?;
            ensure!(status == 200, "{body}");
            let page = ids_in(&body);
            assert!(page.len() <= 5);
            seen.extend(page);
            match between(&body, "<nextToken>", "</nextToken>") {
                Some(next) => token = format!("&NextToken={}", next.replace('=', "%3D")),
                None => break,
            }
        }
        orders.push(seen);
    }
    assert_ne!(orders[0], orders[1], "no order is promised");
    for order in &mut orders {
        order.sort();
        assert_eq!(*order, (0..23).map(id).collect::<Vec<_>>());
    }
    Ok(())
}

#[tokio::test]
async fn describe_refuses_what_the_service_refuses() -> Result<()> {
    let cloud = start(1).await?;
    let cases = [
        ("MaxResults=4", "InvalidParameterValue"),
        ("MaxResults=1001", "InvalidParameterValue"),
        ("MaxResults=5&NextToken=x", "InvalidNextToken"),
        (
            "MaxResults=5&InstanceId.1=i-00000000000000000",
            "InvalidParameterCombination",
        ),
        ("InstanceId.1=i-0000000000000beef", "InvalidInstanceID.NotFound"),
        ("InstanceId.1=server", "InvalidInstanceID.Malformed"),
        ("Filter.1.Name=colour&Filter.1.Value.1=red", "InvalidParameterValue"),
        ("Page=2", "UnknownParameter"),
    ];
    for (form, expected) in cases {
        let form = form.replace("i-0000000000000beef", &id(0xbeef));
        let (status, code, _) = refused(&cloud, &format!("Action=DescribeInstances&{form}")).await?;
        assert_eq!((status, code.as_str()), (400, expected), "{form}");
    }
    let (status, code, _) = refused(&cloud, "Action=RebootInstances").await?;
    assert_eq!((status, code.as_str()), (400, "InvalidAction"));
    Ok(())
}

#[tokio::test]
async fn ghosts_lose_their_tags_and_then_vanish() -> Result<()> {
    let cloud = start(1).await?;
    let form = "Action=DescribeInstances&MaxResults=5";
    cloud.edit(|fleet| {
        fleet.settings.ghost_tags_for = Some(TimeDelta::minutes(10));
        fleet.terminate(&id(0));
    });
    let mut shown = Vec::new();
    for minutes in [0, 5, 15, 60] {
        cloud.edit(|fleet| fleet.advance(TimeDelta::minutes(minutes)));
        let body = ec2(&cloud, form).await?.1;
        let state = between(&body, "<name>", "</name>").unwrap_or_default();
        shown.push((state, body.contains("tagSet")));
    }
    let expected = [
        ("shutting-down", true),
        ("terminated", true),
        ("terminated", false),
        ("", false),
    ];
    assert_eq!(shown, expected.map(|(state, tags)| (state.to_owned(), tags)));
    let form = format!("Action=CreateTags&ResourceId.1={}&Tag.1.Key=K", id(0));
    assert_eq!(refused(&cloud, &form).await?.1, "InvalidInstanceID.NotFound");
    Ok(())
}

#[tokio::test]
async fn reads_can_lag_and_young_instances_refuse_tags() -> Result<()> {
    let cloud = start(1).await?;
    let young = cloud.edit(|fleet| {
        fleet.settings.tags_late_reads = 2;
        fleet.settings.taggable_after = TimeDelta::seconds(5);
        fleet.launch(ACCOUNT, REGION, [])
    });
    let read = "Action=DescribeInstances&Filter.1.Name=tag:K&Filter.1.Value.1=v*&MaxResults=5";
    let form = format!("Action=CreateTags&Tag.1.Key=K&Tag.1.Value=v1&ResourceId.1={}", id(0));
    assert_eq!(ec2(&cloud, &form).await?.0, 200);
    assert_eq!(cloud.tags(&id(0)).get("K").map(String::as_str), Some("v1"));
    let mut found = Vec::new();
    for _ in 0..3 {
        found.push(ids_in(&ec2(&cloud, read).await?.1).len());
    }
    assert_eq!(found, [0, 0, 1]);

    let both = format!("{form}&ResourceId.2={young}");
    assert!(refused(&cloud, &both).await?.2.contains(&young));
    cloud.edit(|fleet| fleet.advance(TimeDelta::seconds(5)));
    assert_eq!(ec2(&cloud, &both).await?.0, 200);
    Ok(())
}

#[tokio::test]
async fn buckets_throttle_each_action_and_region_apart() -> Result<()> {
    let cloud = start(1).await?;
    cloud.edit(|fleet| fleet.settings.limits.create_tags = Some(Rate::new(2.0, 0.001)));
    let form = format!("Action=CreateTags&ResourceId.1={}&Tag.1.Key=K", id(0));
    assert_eq!(ec2(&cloud, &form).await?.0, 200);
    assert_eq!(ec2(&cloud, &form).await?.0, 200);
    let (status, code, _) = refused(&cloud, &form).await?;
    assert_eq!((status, code.as_str()), (503, "RequestLimitExceeded"));
    assert_eq!(ec2(&cloud, "Action=DescribeInstances&MaxResults=5").await?.0, 200);
    assert_eq!(cloud.script().count("ec2.CreateTags"), 3);
    Ok(())
}

#[tokio::test]
async fn rules_can_be_for_one_region_of_one_account() -> Result<()> {
    let cloud = start(1).await?;
    let form = "Action=DescribeInstances&MaxResults=5";
    cloud.switch_off(OTHER, "*", Fault::Status(503));
    assert_eq!(ec2(&cloud, form).await?.0, 200);
    cloud.switch_off(ACCOUNT, REGION, Fault::Throttle);
    assert_eq!(refused(&cloud, form).await?.1, "RequestLimitExceeded");
    let scope = format!("ec2.DescribeInstances@{ACCOUNT}/{REGION}");
    assert_eq!((cloud.scoped_script().count(&scope), cloud.script().count("*")), (2, 2));
    assert_eq!(cloud.requests().len(), 1, "a refusal never reached the service");
    Ok(())
}
