//! What can be done when there are no keys, by the reason that was given. A reason with several causes names them all.

use std::error::Error;

use crate::adapters::ec2::account::Role;
use crate::adapters::ec2::quote::root;

/// What a refusal by STS asks for; `None` where its own words say it.
pub(super) fn of_refusal(code: &str, says: &str, role: Option<&Role>) -> Option<String> {
    let advice = match code {
        "AccessDenied" | "AccessDeniedException" => of_policy(says, role?),
        "RequestExpired" | "RequestInTheFuture" => CLOCK.to_owned(),
        "SignatureDoesNotMatch" if is_about_time(says) => CLOCK.to_owned(),
        "ExpiredToken" | "ExpiredTokenException" => {
            "the AWS keys that fleetsheet itself runs with have expired: renew them".to_owned()
        }
        "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId" => {
            "AWS does not know the keys that fleetsheet itself runs with: replace them".to_owned()
        }
        "SignatureDoesNotMatch" | "IncompleteSignature" => {
            "the secret key that fleetsheet itself runs with is wrong, or this machine's clock is: correct it"
                .to_owned()
        }
        "RegionDisabledException" => {
            "STS is switched off for the account in each of its regions: activate it in IAM, Account settings"
                .to_owned()
        }
        _ => return None,
    };
    Some(advice)
}

/// What a signature of another time asks for.
pub(in crate::adapters::ec2) const CLOCK: &str = "this machine's clock is wrong: set it";

/// Whether AWS refused a signature for its time alone ("Signature expired: …", "Signature not yet current: …").
pub(in crate::adapters::ec2) fn is_about_time(says: &str) -> bool {
    says.contains("Signature expired") || says.contains("Signature not yet current")
}

/// Which kind of policy allows nothing, in the words with which AWS tells it ("because no identity-based policy allows the
/// sts:AssumeRole action").
pub(in crate::adapters::ec2) fn lacking(says: &str) -> Option<&str> {
    let (_, rest) = says.split_once("because no ")?;
    let (kind, _) = rest.split_once(" allows")?;
    (kind.len() < 60).then_some(kind)
}

/// What a refusal by policy asks for.
fn of_policy(says: &str, role: &Role) -> String {
    if says.contains("explicit deny") {
        return "a policy denies it: change the one that AWS names".to_owned();
    }
    match lacking(says) {
        // A role's own policy is its trust policy.
        Some("resource-based policy") => {
            "the role's trust policy must name the identity that fleetsheet runs as: add it there".to_owned()
        }
        Some(kind) => format!("allow sts:AssumeRole on the role in the {kind} of the identity that fleetsheet runs as"),
        None => trust(role),
    }
}

/// STS tells neither which policy lacks a permission nor whether the external id is wrong.
fn trust(role: &Role) -> String {
    let external = match &role.external_id {
        Some(_) => "and ask for no other external_id than the configuration's",
        None => "and ask for no external id, or set external_id",
    };
    format!(
        "one of three is missing: the role must exist, its trust policy must name the identity that fleetsheet runs as \
         {external}, and that identity must be allowed sts:AssumeRole on it"
    )
}

/// What to do about a login that is over; `None` if the failure is about something else.
pub(super) fn of_login(error: &(dyn Error + 'static)) -> Option<String> {
    let mut said = root(error).to_ascii_lowercase();
    let mut cause = Some(error);
    while let Some(error) = cause {
        said.push_str(&error.to_string().to_ascii_lowercase());
        cause = error.source();
    }
    let over = ["expired", "cached sso token", "no such file"]
        .iter()
        .any(|word| said.contains(word));
    if !said.contains("sso") || !over {
        return None;
    }
    let profile = std::env::var("AWS_PROFILE").ok().filter(|name| fits(name));
    let profile = profile.map_or_else(String::new, |name| format!(" --profile {name}"));
    Some(format!("the login has expired: run aws sso login{profile}"))
}

/// Whether a profile's name can be shown as a word of a command.
fn fits(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(external_id: Option<&str>) -> Role {
        Role {
            arn: "arn:aws:iam::222222222222:role/fleetsheet".to_owned(),
            external_id: external_id.map(str::to_owned),
        }
    }

    #[test]
    fn the_trust_policy_is_named_only_where_it_may_be_the_cause() {
        let plain = "User: u is not authorized to perform: sts:AssumeRole on resource: r";
        let denied = format!("{plain} with an explicit deny in a service control policy");
        let of = |code: &str, says: &str, role: &Role| of_refusal(code, says, Some(role)).unwrap();
        assert!(of("AccessDenied", plain, &role(None)).contains("or set external_id"));
        assert!(of("AccessDenied", plain, &role(Some("x-1"))).contains("than the configuration's"));
        for (code, says, part) in [
            ("AccessDenied", denied.as_str(), "a policy denies it"),
            ("ExpiredToken", "The security token is expired", "renew them"),
            ("InvalidClientTokenId", "The security token is invalid", "replace them"),
            (
                "SignatureDoesNotMatch",
                "The signature does not match",
                "the secret key",
            ),
            (
                "SignatureDoesNotMatch",
                "Signature expired: 20261127T100000Z is now earlier than 20261127T101000Z",
                "clock is wrong: set it",
            ),
            (
                "AccessDenied",
                "User: u is not authorized to perform: sts:AssumeRole on resource: r because no identity-based policy allows the \
                 sts:AssumeRole action",
                "in the identity-based policy of the identity",
            ),
            (
                "AccessDenied",
                "User: u is not authorized to perform: sts:AssumeRole on resource: r because no permissions boundary allows the \
                 sts:AssumeRole action",
                "in the permissions boundary of the identity",
            ),
            (
                "RegionDisabledException",
                "STS is not activated in this region",
                "Account settings",
            ),
        ] {
            let advice = of(code, says, &role(None));
            assert!(
                advice.contains(part) && !advice.contains("trust policy"),
                "{code}: {advice}"
            );
        }
        let resource = format!("{plain} because no resource-based policy allows the sts:AssumeRole action");
        assert!(of("AccessDenied", &resource, &role(None)).contains("trust policy must name"));
        assert_eq!(of_refusal("PackedPolicyTooLarge", "words", Some(&role(None))), None);
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Said(&'static str, #[source] Option<Box<Said>>);

    #[test]
    fn a_login_that_is_over_names_the_command_and_nothing_else_does() {
        let expired = Said(
            "an error occurred while loading credentials",
            Some(Box::new(Said(
                "the SSO token has expired and cannot be refreshed",
                None,
            ))),
        );
        assert!(of_login(&expired).unwrap().contains("aws sso login"));
        assert_eq!(of_login(&Said("the web identity token has expired", None)), None);
        assert_eq!(of_login(&Said("connection refused by sso.example", None)), None);
    }
}
