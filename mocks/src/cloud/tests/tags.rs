//! What `CreateTags` and `DeleteTags` refuse, and what they leave as it was.

use super::*;

#[tokio::test]
async fn a_bad_resource_or_tag_fails_the_whole_call() -> Result<()> {
    let cloud = start(2).await?;
    let full: Vec<String> = (0..50).map(|n| format!("T{n}")).collect();
    cloud.edit(|fleet| {
        fleet.add(ACCOUNT, REGION, &id(50), full.iter().map(|key| (key.as_str(), "")));
        fleet.set_tag(&id(50), "aws:autoscaling:groupName", "asg");
        fleet.add(ACCOUNT, REGION, &id(60), []);
        fleet.set_metadata_tags(&id(60), true);
        fleet.add(OTHER, REGION, &id(70), []);
    });
    let before = cloud.audit().len();
    let (a, b, c) = (id(0xa), id(0xb), id(70));
    let long_key = format!("Tag.1.Key={}", "k".repeat(128));
    let long_value = format!("Tag.1.Key=K&Tag.1.Value={}", "v".repeat(257));
    let plural = format!("The instance IDs '{a}, {b}' do not exist");
    let singular = format!("The instance ID '{c}' does not exist");
    let (full, narrow) = (id(50), id(60));
    let cases = [
        (
            format!("ResourceId.2={a}&ResourceId.3={b}&Tag.1.Key=K"),
            "InvalidInstanceID.NotFound",
            plural.as_str(),
        ),
        (
            format!("ResourceId.2={c}&Tag.1.Key=K"),
            "InvalidInstanceID.NotFound",
            &singular,
        ),
        (
            "ResourceId.2=i-xyz&Tag.1.Key=K".to_owned(),
            "InvalidID",
            "The ID 'i-xyz' is not valid",
        ),
        (
            format!("ResourceId.2={full}&Tag.1.Key=K"),
            "TagLimitExceeded",
            "maximum number of Tags",
        ),
        (
            format!("ResourceId.2={narrow}&Tag.1.Key=a%20b"),
            "InvalidParameterValue",
            "'a b'",
        ),
        ("Tag.1.Key=AWS:K".to_owned(), "InvalidParameterValue", "reserved"),
        (long_key, "InvalidParameterValue", "127"),
        (long_value, "InvalidParameterValue", "256"),
        (
            "Tag.1.Key=K&Tag.2.Key=K".to_owned(),
            "InvalidParameterValue",
            "Duplicate",
        ),
        ("X=1".to_owned(), "UnknownParameter", "X"),
    ];
    for (form, code, message) in cases {
        let form = format!("Action=CreateTags&ResourceId.1={}&{form}", id(0));
        let (status, found, text) = refused(&cloud, &form).await?;
        assert_eq!((status, found.as_str()), (400, code), "{form}");
        assert!(text.contains(message), "{text}");
    }
    let ids: String = (0..1001).map(|n| format!("&ResourceId.{}={}", n + 1, id(0))).collect();
    let (_, code, _) = refused(&cloud, &format!("Action=CreateTags&Tag.1.Key=K{ids}")).await?;
    assert_eq!(code, "InvalidParameterValue");
    assert_eq!(cloud.audit().len(), before, "nothing was applied");

    let form = format!("Action=CreateTags&ResourceId.1={full}&Tag.1.Key=T1&Tag.1.Value=new");
    assert_eq!(
        ec2(&cloud, &form).await?.0,
        200,
        "a tag that is there does not count twice"
    );
    let write = cloud.audit().pop().context("no audit")?;
    assert_eq!(
        (write.before.as_deref(), write.after.as_deref()),
        (Some(""), Some("new"))
    );
    assert_eq!(cloud.requests().last().map(|request| request.number), write.request);
    Ok(())
}

#[tokio::test]
async fn deleting_compares_values_and_spares_the_clouds_own_tags() -> Result<()> {
    let cloud = start(0).await?;
    let tags = [("A", "1"), ("B", "2"), ("C", "3"), ("aws:x", "y")];
    cloud.edit(|fleet| fleet.add(ACCOUNT, REGION, &id(1), tags));
    let form = format!("Action=DeleteTags&ResourceId.1={}", id(1));
    let some = format!("{form}&Tag.1.Key=A&Tag.1.Value=9&Tag.2.Key=B&Tag.2.Value=2&Tag.3.Key=C");
    assert_eq!(ec2(&cloud, &some).await?.0, 200);
    assert_eq!(cloud.tags(&id(1)).into_keys().collect::<Vec<_>>(), ["A", "aws:x"]);
    assert_eq!(ec2(&cloud, &form).await?.0, 200);
    assert_eq!(cloud.tags(&id(1)).into_keys().collect::<Vec<_>>(), ["aws:x"]);
    Ok(())
}

#[tokio::test]
async fn a_dry_run_and_a_lost_permission_change_nothing() -> Result<()> {
    let cloud = start(1).await?;
    let form = format!("Action=CreateTags&ResourceId.1={}&Tag.1.Key=K", id(0));
    let (status, code, _) = refused(&cloud, &format!("{form}&DryRun=true")).await?;
    assert_eq!((status, code.as_str()), (412, "DryRunOperation"));
    cloud.edit(|fleet| fleet.deny(ACCOUNT, "ec2:CreateTags"));
    for form in [form.clone(), format!("{form}&DryRun=true")] {
        let (status, code, _) = refused(&cloud, &form).await?;
        assert_eq!((status, code.as_str()), (403, "UnauthorizedOperation"));
    }
    assert!(cloud.audit().is_empty());
    Ok(())
}
