//! Who gets in: tokens, scopes, quotas and field masks, over the wire.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::client::{FULL, READONLY, claims, client};
use crate::faults::{Fault, When};

#[tokio::test]
async fn the_token_endpoint_checks_what_it_is_given() -> Result<()> {
    let client = client(&[]).await?;
    let good = claims(&client.emulator.token_uri(), FULL)?;
    let mut cases = vec![
        ("aud", json!("http://elsewhere/token")),
        ("iss", json!("other@example.com")),
    ];
    cases.extend([
        ("scope", json!("")),
        ("exp", json!(1)),
        ("iat", json!(4_000_000_000_u64)),
    ]);
    for (claim, value) in cases {
        let mut bad = good.clone();
        bad[claim] = value;
        let reply = client.grant(&bad).await?;
        assert_eq!(reply.status, 400, "{claim}: {}", reply.body);
    }
    let form = "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=a.b.c";
    let headers = "content-type: application/x-www-form-urlencoded\r\n";
    let reply = client.send("POST", "/token", headers, form).await?;
    assert_eq!((reply.status, &reply.body["error"]), (400, &json!("invalid_grant")));
    assert_eq!(client.emulator.script().count("oauth2.token"), 7);
    Ok(())
}

#[tokio::test]
async fn tokens_run_out_and_scopes_confine() -> Result<()> {
    let mut client = client(&[&["a"]]).await?;
    let full = client.token.clone();
    client.token = client.sign_in(READONLY).await?;
    client.get("/values/A1").await?.ok();
    client
        .write("RAW", "A1", json!([["x"]]))
        .await?
        .refused(403, "insufficient authentication scopes");
    let filters = json!({ "dataFilters": [{ "a1Range": "A1" }] });
    client
        .post("/values:batchGetByDataFilter", filters)
        .await?
        .refused(403, "scopes");
    client.token = "made-up".to_owned();
    client.get("").await?.refused(401, "invalid authentication credentials");
    client.emulator.desk().set_token_lifetime(Duration::ZERO);
    client.token = client.sign_in(FULL).await?;
    client.get("").await?.refused(401, "");
    client.token = full;
    client.get("").await?.ok();
    client.emulator.desk().revoke_tokens();
    client.get("").await?.refused(401, "");
    Ok(())
}

#[tokio::test]
async fn a_file_may_be_missing_or_not_shared() -> Result<()> {
    let client = client(&[]).await?;
    client.emulator.desk().share(false);
    client
        .get("")
        .await?
        .refused(403, "The caller does not have permission");
    client.emulator.edit(|book| book.id = "another".to_owned());
    client.get("").await?.refused(404, "Requested entity was not found.");
    Ok(())
}

#[tokio::test]
async fn quotas_count_reads_and_writes_apart_and_name_the_limit() -> Result<()> {
    let client = client(&[&["a"]]).await?;
    client.emulator.desk().set_quota(2, 1, Duration::from_millis(300));
    client.get("").await?.ok();
    client.get("/values/A1").await?.ok();
    let reply = client.get("").await?;
    reply.refused(429, "Quota exceeded for quota metric 'Read requests'");
    let detail = &reply.body["error"]["details"][0];
    assert_eq!(reply.body["error"]["status"], "RESOURCE_EXHAUSTED");
    assert_eq!(detail["reason"], "RATE_LIMIT_EXCEEDED");
    assert_eq!(detail["metadata"]["quota_limit"], "ReadRequestsPerMinutePerUser");
    assert_eq!(detail["metadata"]["quota_limit_value"], "2");
    client.write("RAW", "A1", json!([["x"]])).await?.ok();
    client
        .write("RAW", "A1", json!([["x"]]))
        .await?
        .refused(429, "Write requests");
    tokio::time::sleep(Duration::from_millis(350)).await;
    client.get("").await?.ok();
    Ok(())
}

#[tokio::test]
async fn a_lost_reply_leaves_the_write_in_place() -> Result<()> {
    let client = client(&[&["a"]]).await?;
    client
        .emulator
        .script()
        .fail("sheets.values.batchUpdate", When::First, Fault::ResetAfter);
    assert!(client.write("RAW", "A1", json!([["kept"]])).await.is_err());
    assert_eq!(client.values("A1").await?["values"], json!([["kept"]]));
    client
        .emulator
        .script()
        .fail("sheets.values.*", When::First, Fault::Throttle);
    client
        .write("RAW", "A1", json!([["lost"]]))
        .await?
        .refused(429, "Write requests");
    let writes = client.emulator.writes();
    assert_eq!(writes.len(), 1);
    assert_eq!(
        (writes[0].before.clone(), writes[0].after.clone()),
        ("a".into(), "kept".into())
    );
    Ok(())
}

#[tokio::test]
async fn somebody_edits_between_two_calls() -> Result<()> {
    let client = client(&[&["id"], &["x"]]).await?;
    let desk = client.emulator.desk();
    client.emulator.script().before("sheets.values.get", 2, move || {
        desk.edit(|book| book.tab_mut("Sheet1").insert_rows(1, 1));
    });
    assert_eq!(client.values("A2").await?["values"], json!([["x"]]));
    assert_eq!(client.values("A2").await?.get("values"), None);
    Ok(())
}
