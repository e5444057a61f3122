//! `AssumeRole` and `GetCallerIdentity`.

use chrono::TimeDelta;

use super::call::Call;
use super::credentials::role_parts;
use super::error::ApiError;
use super::fleet::Fleet;
use super::params::Params;

/// Answers `GetCallerIdentity`.
pub(crate) fn get_caller_identity(call: &Call, params: &Params) -> Result<String, ApiError> {
    params.only(&[])?;
    Ok(call.sts_reply("GetCallerIdentity", |xml| {
        xml.leaf("Arn", &call.principal.arn);
        xml.leaf("UserId", &call.principal.user_id);
        xml.leaf("Account", &call.principal.account);
    }))
}

/// Answers `AssumeRole`: temporary keys that are bound to the role's account.
pub(crate) fn assume_role(fleet: &mut Fleet, call: &Call, params: &Params) -> Result<String, ApiError> {
    params.only(&["RoleArn", "RoleSessionName", "DurationSeconds", "ExternalId", "Policy"])?;
    let arn = params.get("RoleArn").ok_or_else(|| invalid("roleArn", "is missing"))?;
    let name = params
        .get("RoleSessionName")
        .ok_or_else(|| invalid("roleSessionName", "is missing"))?;
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
    if !(2..=64).contains(&name.len()) || !name.bytes().all(fits) {
        return Err(invalid("roleSessionName", "does not satisfy [\\w+=,.@-]{2,64}"));
    }
    if role_parts(arn).is_none() {
        return Err(invalid("roleArn", "is not the ARN of a role"));
    }
    let external_id = params.get("ExternalId");
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&b);
    if external_id.is_some_and(|id| !(2..=1224).contains(&id.len()) || !id.bytes().all(fits)) {
        return Err(invalid("externalId", "does not satisfy [\\w+=,.@:\\/-]{2,1224}"));
    }
    let asked = match params.get("DurationSeconds").map(str::parse) {
        None => TimeDelta::hours(1),
        Some(Ok(seconds @ 900..=43_200)) => TimeDelta::seconds(seconds),
        Some(_) => return Err(invalid("durationSeconds", "is not between 900 and 43200")),
    };
    let expires = fleet.now() + asked.min(fleet.settings.session_for);
    if !fleet.permits(&call.account, &format!("sts in {}", call.region)) {
        let message = format!(
            "STS is not activated in this region for account:{}. Your account administrator can activate STS in this region using the \
             IAM Console.",
            call.account
        );
        return Err(ApiError::new(403, "RegionDisabledException", message));
    }
    let permitted = fleet.permits(&call.account, "sts:AssumeRole");
    let assumed = permitted
        .then(|| fleet.credentials.assume(arn, name, external_id, expires))
        .flatten();
    let Some((access_key, key)) = assumed else {
        let who = &call.principal.arn;
        let message = format!("User: {who} is not authorized to perform: sts:AssumeRole on resource: {arn}");
        return Err(ApiError::new(403, "AccessDenied", message));
    };
    Ok(call.sts_reply("AssumeRole", |xml| {
        xml.nest("AssumedRoleUser", |xml| {
            xml.leaf("Arn", &key.principal.arn);
            xml.leaf("AssumedRoleId", &key.principal.user_id);
        });
        xml.nest("Credentials", |xml| {
            xml.leaf("AccessKeyId", &access_key);
            xml.leaf("SecretAccessKey", &key.secret);
            xml.leaf(
                "SessionToken",
                key.session.as_ref().map_or("", |session| &session.token),
            );
            xml.leaf("Expiration", expires.format("%Y-%m-%dT%H:%M:%SZ"));
        });
    }))
}

fn invalid(parameter: &str, fault: &str) -> ApiError {
    let message =
        format!("1 validation error detected: Value at '{parameter}' failed to satisfy constraint: it {fault}");
    ApiError::bad("ValidationError", message)
}
