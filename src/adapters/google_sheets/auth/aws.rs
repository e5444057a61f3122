//! Who we are to AWS, as a subject token: a signed request for GetCallerIdentity that Google's STS sends in our place.
//!
//! Form: <https://google.aip.dev/auth/4117>, "Determining the subject token in AWS". The keys are those that the AWS SDK finds:
//! environment, profile, container, instance. They sign here and never leave this machine.

use std::time::SystemTime;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::imds;
use aws_config::meta::region::ProvideRegion as _;
use aws_config::profile::region::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_credential_types::provider::error::CredentialsError;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;

use super::super::failure::{error, root_cause};
use super::fields::Fields;
use super::trust;
use super::wire::Wire;
use crate::adapters::ec2::http::CountingClient;
use crate::clock::now;
use crate::sheet::{SheetError, SheetErrorKind};

/// The header that binds the request to whom it is for, so that no other provider can use it.
const TARGET: &str = "x-goog-cloud-target-resource";

/// The metadata server's page that names the region, unless the file names one.
const REGION_PAGE: &str = "/latest/meta-data/placement/region";

/// The variable by which clients of AWS find the metadata server.
const SERVER_VARIABLE: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";

/// An AWS source.
#[derive(Debug)]
pub(super) struct Aws {
    /// With `{region}` in it, mostly.
    verification: String,
    /// The metadata server's page that names the region or one of its zones.
    region_url: Option<Url>,
    /// The metadata server, if the file names it.
    metadata: Option<String>,
}

impl Aws {
    pub(super) fn of(fields: Fields<'_>) -> Result<Self, String> {
        match fields.text("environment_id")? {
            "aws1" => {}
            _ => {
                return Err(
                    "credential_source.environment_id is not \"aws1\", the one that is known; make the \
                     credentials again with gcloud iam workload-identity-pools create-cred-config --aws"
                        .into(),
                );
            }
        }
        const VERIFICATION: &str = "regional_cred_verification_url";
        let verification = fields.text(VERIFICATION)?;
        trust::aws_identity(
            &format!("credential_source.{VERIFICATION}"),
            &verification.replace("{region}", "eu-west-1"),
        )?;
        let near = |field: &str| match fields.maybe(field)? {
            Some(text) => trust::aws_metadata(&format!("credential_source.{field}"), text).map(Some),
            None => Ok(None),
        };
        // The SDK asks for this token by itself.
        near("imdsv2_session_token_url")?;
        let region_url = near("region_url")?;
        let server = near("url")?.or_else(|| region_url.clone());
        Ok(Self {
            verification: verification.to_owned(),
            region_url,
            metadata: server.map(|url| url.origin().ascii_serialization()),
        })
    }

    pub(super) async fn token(&self, audience: &str, wire: &Wire) -> Result<SecretString, SheetError> {
        let config = ProviderConfig::without_region()
            .with_behavior_version(Some(BehaviorVersion::latest()))
            .with_http_client(CountingClient::new(wire.calls.clone(), true));
        let mut server = imds::Client::builder().configure(&config);
        // Who sets this variable has the metadata server elsewhere, as all clients of AWS are told.
        let moved = std::env::var_os(SERVER_VARIABLE).is_some_and(|value| !value.is_empty());
        if let Some(metadata) = self.metadata.as_ref().filter(|_| !moved) {
            let endpoint = server.endpoint(metadata);
            server = endpoint.map_err(|_| denied("credential_source.url is not an address"))?;
        }
        let server = server.build();
        let found = async {
            let region = self.region(&config, &server).await?;
            let chain = DefaultCredentialsChain::builder()
                .configure(config.clone())
                .imds_client(server.clone())
                .region(Region::new(region.clone()));
            let chain = chain.build().await;
            let keys = chain.provide_credentials().await.map_err(|e| no_keys(&e))?;
            Ok((region, keys))
        };
        let (region, keys) = match tokio::time::timeout(wire.timeout, found).await {
            Ok(found) => found?,
            Err(_) => {
                let why = "the AWS credentials that prove who this is do not come in time";
                return Err(error(SheetErrorKind::Transient, why));
            }
        };
        let url = self.verification.replace("{region}", &region);
        // A region is somebody's text until it was checked in its place.
        trust::aws_identity("credential_source.regional_cred_verification_url", &url).map_err(|why| denied(&why))?;
        signed(&url, &region, audience, &keys, now().into())
    }

    async fn region(&self, config: &ProviderConfig, server: &imds::Client) -> Result<String, SheetError> {
        let set = ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| {
            let value = std::env::var(name).ok()?.trim().to_owned();
            (!value.is_empty()).then_some(value)
        });
        if let Some(region) = set {
            return Ok(region);
        }
        // Then as the SDK does: the profile, and the metadata server.
        let profile = ProfileFileRegionProvider::builder().configure(config).build();
        if let Some(region) = profile.region().await {
            return Ok(region.as_ref().to_owned());
        }
        let page = self.region_url.as_ref().map_or(REGION_PAGE, |url| url.path());
        let place = server.get(page).await.map_err(|e| unknown(&root_cause(&e)))?;
        region_of(place.as_ref()).ok_or_else(|| unknown("the metadata server names none"))
    }
}

fn no_keys(failure: &CredentialsError) -> SheetError {
    let kind = match failure {
        CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_) => SheetErrorKind::Denied,
        // The metadata server, or whoever else has them, may answer in a second.
        _ => SheetErrorKind::Transient,
    };
    let why = format!(
        "there are no AWS credentials to prove who this is ({}); attach a role to the instance, or set AWS_PROFILE or \
         AWS_ACCESS_KEY_ID",
        root_cause(failure)
    );
    error(kind, &why)
}

fn unknown(why: &str) -> SheetError {
    denied(&format!("the AWS region is not known ({why}); set AWS_REGION"))
}

fn denied(why: &str) -> SheetError {
    error(SheetErrorKind::Denied, why)
}

/// The region of what the metadata server answers, which is a region or one of its zones: `eu-west-1`, `eu-west-1b`.
fn region_of(place: &str) -> Option<String> {
    let place = place.trim();
    let known = place
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let region = place.trim_end_matches(|c: char| c.is_ascii_lowercase());
    (known && region.ends_with(|c: char| c.is_ascii_digit())).then(|| region.to_owned())
}

/// The signed request in the form that Google takes: JSON, percent-encoded.
fn signed(
    url: &str,
    region: &str,
    audience: &str,
    keys: &Credentials,
    time: SystemTime,
) -> Result<SecretString, SheetError> {
    let failed = |_| denied("the request to AWS STS cannot be signed; check the AWS region and credentials");
    let identity = keys.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("sts")
        .time(time)
        .settings(SigningSettings::default())
        .build()
        .map_err(|_| failed(()))?;
    let host = Url::parse(url)
        .ok()
        .map(|url| url[url::Position::BeforeHost..url::Position::AfterPort].to_owned());
    let host = host.ok_or_else(|| failed(()))?;
    let bound = [("host", host.as_str()), (TARGET, audience)];
    let request = SignableRequest::new("POST", url, bound.into_iter(), SignableBody::Bytes(&[]));
    let request = request.map_err(|_| failed(()))?;
    let (signature, _) = sign(request, &params.into()).map_err(|_| failed(()))?.into_parts();
    let headers = bound.into_iter().chain(signature.headers());
    let headers: Vec<Value> = headers
        .map(
            |(key, value)| json!({ "key": if key == "authorization" { "Authorization" } else { key }, "value": value }),
        )
        .collect();
    let whole = json!({ "url": url, "method": "POST", "headers": headers }).to_string();
    Ok(utf8_percent_encode(&whole, NON_ALPHANUMERIC).to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_names_its_region() {
        for (place, region) in [
            ("us-east-1d\n", Some("us-east-1")),
            ("eu-west-1", Some("eu-west-1")),
            ("us-gov-west-1b", Some("us-gov-west-1")),
            ("<html>", None),
            ("evil.example/1", None),
            ("", None),
        ] {
            assert_eq!(region_of(place).as_deref(), region, "{place}");
        }
    }
}
