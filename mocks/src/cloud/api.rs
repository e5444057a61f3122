//! One request from its signature to its answer. Everything here is synchronous and happens under one lock, so a call
//! applies as a whole or not at all.

use chrono::{DateTime, Utc};

use super::bucket::Buckets;
use super::call::{Call, request_id};
use super::describe::{Listings, describe_instances};
use super::error::ApiError;
use super::fleet::Fleet;
use super::instance::Tags;
use super::params::Params;
use super::settings::Rate;
use super::signature::Flaw;
use super::sts::{assume_role, get_caller_identity};
use super::tags::{create_tags, delete_tags, resources, tag_pairs};

/// The two services of the emulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Ec2,
    Sts,
}

impl Service {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::Sts => "sts",
        }
    }

    const fn version(self) -> &'static str {
        match self {
            Self::Ec2 => "2016-11-15",
            Self::Sts => "2011-06-15",
        }
    }

    /// The body of an error reply.
    pub(crate) fn error_body(self, error: &ApiError, request: u64) -> String {
        match self {
            Self::Ec2 => error.ec2_body(&request_id(request)),
            Self::Sts => error.sts_body(&request_id(request)),
        }
    }

    /// The words for a signature that is not accepted.
    pub(crate) fn unsigned(self, flaw: Flaw) -> ApiError {
        let invalid = "AWS was not able to validate the provided access credentials";
        match (self, flaw) {
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
    /// How many resources or instances it names.
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
