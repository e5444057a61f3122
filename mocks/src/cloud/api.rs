//! One request from its signature to its answer. Everything here is synchronous and happens under one lock, so a call
//! applies as a whole or not at all.

use chrono::{DateTime, Utc};

use super::alarms::{AlarmPages, Asked, describe_alarms, error_body};
use super::bucket::Buckets;
use super::call::{Call, request_id};
use super::describe::{Listings, describe_instances};
use super::error::ApiError;
use super::fleet::Fleet;
use super::instance::Tags;
use super::params::Params;
use super::settings::Rate;
use super::signature::{Flaw, Received};
use super::sts::{assume_role, get_caller_identity};
use super::tags::{create_tags, delete_tags, describe_tags, resources, tag_pairs};

/// The services of the emulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Ec2,
    Sts,
    CloudWatch,
}

impl Service {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::Sts => "sts",
            Self::CloudWatch => "cloudwatch",
        }
    }

    /// The name of the service in a signature.
    pub(crate) const fn signed_as(self) -> &'static str {
        match self {
            Self::CloudWatch => "monitoring",
            Self::Ec2 | Self::Sts => self.name(),
        }
    }

    const fn version(self) -> &'static str {
        match self {
            Self::Ec2 => "2016-11-15",
            Self::Sts => "2011-06-15",
            Self::CloudWatch => "2010-08-01",
        }
    }

    /// The body of an error reply.
    pub(crate) fn error_body(self, error: &ApiError, request: u64) -> Vec<u8> {
        match self {
            Self::Ec2 => error.ec2_body(&request_id(request)).into_bytes(),
            Self::Sts => error.sts_body(&request_id(request)).into_bytes(),
            Self::CloudWatch => error_body(error),
        }
    }

    /// The words for a signature that is not accepted.
    pub(crate) fn unsigned(self, flaw: Flaw) -> ApiError {
        let invalid = "AWS was not able to validate the provided access credentials";
        let json = |status, code: &str, message: &str| ApiError::new(status, code, message);
        match (self, flaw) {
            (Self::CloudWatch, Flaw::Absent) => json(
                403,
                "MissingAuthenticationTokenException",
                "Missing Authentication Token",
            ),
            (Self::CloudWatch, Flaw::UnknownKey) => json(
                403,
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            ),
            (Self::CloudWatch, Flaw::Expired) => json(
                403,
                "ExpiredTokenException",
                "The security token included in the request is expired",
            ),
            (Self::CloudWatch, Flaw::Stale) => json(403, "InvalidSignatureException", "Signature expired"),
            (Self::CloudWatch, Flaw::Wrong) => json(
                403,
                "InvalidSignatureException",
                "The request signature we calculated does not match the signature you provided.",
            ),
            (_, Flaw::Absent) => ApiError::new(
                403,
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            ),
            (Self::Ec2, Flaw::UnknownKey | Flaw::Wrong) => ApiError::new(401, "AuthFailure", invalid),
            (Self::Ec2, Flaw::Expired | Flaw::Stale) => ApiError::bad("RequestExpired", "Request has expired."),
            (Self::Sts, Flaw::UnknownKey) => ApiError::new(
                403,
                "InvalidClientTokenId",
                "The security token included in the request is invalid.",
            ),
            (Self::Sts, Flaw::Expired) => ApiError::new(
                403,
                "ExpiredToken",
                "The security token included in the request is expired",
            ),
            (Self::Sts, Flaw::Stale) => ApiError::new(403, "RequestExpired", "Request has expired."),
            (Self::Sts, Flaw::Wrong) => ApiError::new(
                403,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided.",
            ),
        }
    }
}

/// A request that reached the service, scripted faults aside.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Number, from one, over both services.
    pub number: u64,
    /// When, by the clock of the fleet.
    pub at: DateTime<Utc>,
    /// Method, such as `ec2.CreateTags`.
    pub method: String,
    /// Account of the keys.
    pub account: String,
    /// Region of the signature.
    pub region: String,
    /// How many resources, instances or alarms it names.
    pub ids: usize,
    /// The tags that it names.
    pub tags: Tags,
    /// Whether it only asks for permission.
    pub dry_run: bool,
    /// Error code of the reply, if it was one.
    pub error: Option<String>,
}

/// The world and all that the API remembers between requests.
#[derive(Debug, Default)]
pub(crate) struct Api {
    pub(crate) fleet: Fleet,
    pub(crate) requests: Vec<Request>,
    buckets: Buckets,
    listings: Listings,
    alarm_pages: AlarmPages,
}

impl Api {
    /// An API over a world.
    pub(crate) fn new(fleet: Fleet) -> Self {
        Self {
            fleet,
            ..Self::default()
        }
    }

    /// Does what a request with a good signature asks for.
    pub(crate) fn answer(&mut self, service: Service, call: &Call, params: &Params) -> Result<String, ApiError> {
        self.fleet.settle();
        let result = self.act(service, call, params);
        self.requests.push(Request {
            number: call.number,
            at: self.fleet.now(),
            method: format!("{}.{}", service.name(), call.action),
            account: call.account.clone(),
            region: call.region.clone(),
            ids: resources(params).len() + params.list("InstanceId").len(),
            tags: tag_pairs(params)
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value.unwrap_or_default().to_owned()))
                .collect(),
            dry_run: params.get("DryRun") == Some("true"),
            error: result.as_ref().err().map(|error| error.code.clone()),
        });
        result
    }

    /// The same of a request to CloudWatch, whose protocol is another one.
    pub(crate) fn answer_cloudwatch(&mut self, call: &Call, request: Received<'_>) -> Result<Vec<u8>, ApiError> {
        self.fleet.settle();
        let asked = Asked::of(&call.action, request);
        let names = asked.as_ref().map_or(0, |asked| asked.names.len());
        let result = asked.and_then(|asked| describe_alarms(&self.fleet, &mut self.alarm_pages, call, &asked));
        self.requests.push(Request {
            number: call.number,
            at: self.fleet.now(),
            method: format!("cloudwatch.{}", call.action),
            account: call.account.clone(),
            region: call.region.clone(),
            ids: names,
            tags: Tags::new(),
            dry_run: false,
            error: result.as_ref().err().map(|error| error.code.clone()),
        });
        result
    }

    fn act(&mut self, service: Service, call: &Call, params: &Params) -> Result<String, ApiError> {
        if params.get("Version") != Some(service.version()) {
            return Err(ApiError::bad("NoSuchVersion", "The requested version is not known"));
        }
        if service == Service::Ec2 && self.fleet.is_closed(&call.account, &call.region) {
            return Err(service.unsigned(Flaw::UnknownKey));
        }
        let limits = self.fleet.settings.limits;
        match (service, call.action.as_str()) {
            (Service::Ec2, "DescribeInstances") => {
                let paged = !params.indices("Filter").is_empty() || params.get("MaxResults").is_some();
                if paged || !params.list("InstanceId").is_empty() {
                    self.draw(call, "DescribeInstances", limits.describe)?;
                } else {
                    self.draw(call, "DescribeInstances, unpaginated", limits.describe_unpaginated)?;
                }
                describe_instances(&mut self.fleet, &mut self.listings, call, params)
            }
            (Service::Ec2, "CreateTags") => {
                self.draw(call, "CreateTags", limits.create_tags)?;
                create_tags(&mut self.fleet, call, params)
            }
            (Service::Ec2, "DescribeTags") => {
                self.draw(call, "DescribeTags", limits.describe)?;
                describe_tags(&self.fleet, call, params)
            }
            (Service::Ec2, "DeleteTags") => {
                self.draw(call, "DeleteTags", limits.delete_tags)?;
                delete_tags(&mut self.fleet, call, params)
            }
            (Service::Sts, "AssumeRole") => assume_role(&mut self.fleet, call, params),
            (Service::Sts, "GetCallerIdentity") => get_caller_identity(call, params),
            (_, action) => {
                let message = format!("The action {action} is not valid for this web service.");
                Err(ApiError::bad("InvalidAction", message))
            }
        }
    }

    fn draw(&mut self, call: &Call, action: &'static str, rate: Option<Rate>) -> Result<(), ApiError> {
        let now = self.fleet.now();
        if self.buckets.take(&call.account, &call.region, action, rate, now) {
            Ok(())
        } else {
            Err(throttled())
        }
    }
}

/// EC2's word for a bucket that is empty.
pub(crate) fn throttled() -> ApiError {
    ApiError::new(503, "RequestLimitExceeded", "Request limit exceeded.")
}
