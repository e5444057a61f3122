//! EC2, STS and CloudWatch, as far as fleetsheet uses them: one endpoint for all accounts and regions.
//!
//! The account follows from the access key and the region from the scope of the signature, which is checked in full.
//! The [`Fleet`] behind the API can be edited at any time, as other people and the cloud itself would.
//! It knows `DescribeInstances`, `CreateTags`, `DeleteTags`, `AssumeRole`, `GetCallerIdentity` and `DescribeAlarms`, and must
//! never be kinder than the real services are.

mod alarm;
mod alarms;
mod api;
mod bucket;
mod call;
mod cbor;
mod credentials;
mod describe;
mod error;
mod fleet;
mod instance;
mod params;
mod policies;
mod settings;
pub(crate) mod signature;
mod sts;
mod tags;
#[cfg(test)]
mod tests;
mod xml;

pub use alarm::{Alarm, AlarmKind};
pub use api::Request;
pub use credentials::{ACCESS_KEY, SECRET_KEY};
pub use fleet::{Fleet, TagWrite};
pub use instance::{Instance, State, Tags};
pub use policies::Denial;
pub use settings::{Limits, Rate, Settings};

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::faults::{Fault, Refusal, Rule, Script, Server, Traffic, When, serve_on};
use api::{Api, Service, throttled};
use call::{Call, request_id};
use error::ApiError;
use params::Params;
use signature::{Claim, Flaw, Received, verify};

/// The emulator, running until it is dropped.
#[derive(Debug)]
pub struct CloudEmulator {
    server: Server,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    api: Mutex<Api>,
    script: Script,
    scoped: Script,
    requests: AtomicU64,
}

impl Shared {
    fn api(&self) -> MutexGuard<'_, Api> {
        self.api.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CloudEmulator {
    /// Starts on a free port of the loopback address.
    pub async fn start(fleet: Fleet) -> io::Result<Self> {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0)), fleet).await
    }

    /// Starts on the given address.
    pub async fn start_on(addr: SocketAddr, fleet: Fleet) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            api: Mutex::new(Api::new(fleet)),
            script: Script::new(),
            scoped: Script::new(),
            requests: AtomicU64::new(0),
        });
        let served = Arc::clone(&shared);
        let router = Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let shared = Arc::clone(&served);
            async move {
                let request = Received {
                    method: method.as_str(),
                    path: uri.path(),
                    query: uri.query().unwrap_or_default(),
                    headers: &headers,
                    body: &body,
                };
                respond(&shared, request).await
            }
        });
        let server = serve_on(addr, router).await?;
        Ok(Self { server, shared })
    }

    /// The URL to give to clients as their endpoint.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.addr())
    }

    /// The bytes that crossed its connections so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.server.traffic()
    }

    /// Looks at the world or changes it, between requests.
    pub fn edit<R>(&self, change: impl FnOnce(&mut Fleet) -> R) -> R {
        let mut api = self.shared.api();
        api.fleet.settle();
        change(&mut api.fleet)
    }

    /// Looks at the world, unless a request is being answered just now.
    pub fn look_if_free<R>(&self, look: impl FnOnce(&Fleet) -> R) -> Option<R> {
        let mut api = self.shared.api.try_lock().ok()?;
        api.fleet.settle();
        Some(look(&api.fleet))
    }

    /// A handle that can edit the world from a hook, and lives on its own.
    #[must_use]
    pub fn editor(&self) -> Editor {
        Editor(Arc::clone(&self.shared))
    }

    /// The true tags of an instance; empty if there is no such instance.
    #[must_use]
    pub fn tags(&self, id: &str) -> Tags {
        self.edit(|fleet| fleet.tags(id))
    }

    /// Every tag written or deleted so far, in order.
    #[must_use]
    pub fn audit(&self) -> Vec<TagWrite> {
        self.shared.api().fleet.audit.clone()
    }

    /// Every signed request that reached the service so far, in order. Requests that a rule kept from it are in the
    /// log of [`CloudEmulator::script`] only.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.api().requests.clone()
    }

    /// Forgets the requests so far.
    pub fn forget_requests(&self) {
        self.shared.api().requests.clear();
    }

    /// Rules, hooks and log by method, such as `ec2.CreateTags` or `sts.AssumeRole`.
    #[must_use]
    pub fn script(&self) -> Script {
        self.shared.script.clone()
    }

    /// Rules, hooks and log by method and place, such as `ec2.CreateTags@111111111111/eu-west-1`. It is another script
    /// than [`CloudEmulator::script`] so that each log holds a call once.
    #[must_use]
    pub fn scoped_script(&self) -> Script {
        self.shared.scoped.clone()
    }

    /// Adds a rule for one method in one region of an account; `*` as the region means all of them.
    pub fn fail_in(&self, account: &str, region: &str, method: &str, when: When, fault: Fault) {
        let method = scoped(method, account, region);
        self.shared.scoped.add(Rule::new(method, when, fault));
    }

    /// Lets everything that EC2 is asked in a region of an account (`*`: in all of them) end in the fault.
    pub fn switch_off(&self, account: &str, region: &str, fault: Fault) {
        for action in ["DescribeInstances", "CreateTags", "DeleteTags"] {
            self.fail_in(account, region, &format!("ec2.{action}"), When::Every, fault);
        }
    }
}

/// Changes the world of an emulator; made for hooks, which must own what they use.
#[derive(Debug, Clone)]
pub struct Editor(Arc<Shared>);

impl Editor {
    /// Looks at the world or changes it, between requests.
    pub fn edit<R>(&self, change: impl FnOnce(&mut Fleet) -> R) -> R {
        let mut api = self.0.api();
        api.fleet.settle();
        change(&mut api.fleet)
    }
}

fn scoped(method: &str, account: &str, region: &str) -> String {
    format!("{method}@{account}/{region}")
}

/// What is before the action in the address of a request to CloudWatch.
const CLOUDWATCH: &str = "/service/GraniteServiceVersion20100801/operation/";

async fn respond(shared: &Shared, request: Received<'_>) -> Response {
    let params = Params::parse(request.body);
    let claim = Claim::read(request.headers);
    let operation = request.path.strip_prefix(CLOUDWATCH);
    let service = match claim.as_ref().map(|claim| claim.service.as_str()) {
        _ if operation.is_some() => Service::CloudWatch,
        Some("sts") => Service::Sts,
        Some(_) => Service::Ec2,
        None if params.get("Version") == Some("2011-06-15") => Service::Sts,
        None => Service::Ec2,
    };
    let number = shared.requests.fetch_add(1, Ordering::Relaxed) + 1;
    let action = operation
        .or_else(|| params.get("Action"))
        .unwrap_or("Unknown")
        .to_owned();
    let name = format!("{}.{action}", service.name());
    let (account, region) = place(shared, claim.as_ref());
    let refuse = |refusal| error_response(service, &worded(service, refusal), number);
    let handle = async {
        match handle(shared, service, number, action, claim, &params, request) {
            Ok(body) => response(service, StatusCode::OK, body, number),
            Err(error) => error_response(service, &error, number),
        }
    };
    let scope = scoped(&name, &account, &region);
    let local = shared.scoped.run(&scope, refuse, handle);
    shared.script.run(&name, refuse, local).await
}

/// The account and region of a request, as far as its signature tells.
fn place(shared: &Shared, claim: Option<&Claim>) -> (String, String) {
    let Some(claim) = claim else {
        return ("unknown".to_owned(), "unknown".to_owned());
    };
    let api = shared.api();
    let account = api
        .fleet
        .credentials
        .find(&claim.access_key)
        .map_or("unknown", |key| &key.principal.account);
    (account.to_owned(), claim.region.clone())
}

fn handle(
    shared: &Shared,
    service: Service,
    number: u64,
    action: String,
    claim: Option<Claim>,
    params: &Params,
    request: Received<'_>,
) -> Result<Vec<u8>, ApiError> {
    let mut api = shared.api();
    let claim = claim.ok_or_else(|| service.unsigned(Flaw::Absent))?;
    let principal = verify(&api.fleet, &claim, request)
        .and_then(|principal| {
            let same = claim.service == service.signed_as();
            if same { Ok(principal) } else { Err(Flaw::Wrong) }
        })
        .map_err(|flaw| service.unsigned(flaw))?;
    let call = Call {
        number,
        action,
        account: principal.account.clone(),
        region: claim.region,
        principal,
    };
    match service {
        Service::CloudWatch => api.answer_cloudwatch(&call, request),
        Service::Ec2 | Service::Sts => api.answer(service, &call, params).map(String::into_bytes),
    }
}

/// A scripted refusal in the words of the service.
fn worded(service: Service, refusal: Refusal) -> ApiError {
    match (refusal, service) {
        (Refusal::Throttle, Service::Ec2) => throttled(),
        (Refusal::Throttle, Service::Sts | Service::CloudWatch) => ApiError::bad("Throttling", "Rate exceeded"),
        (Refusal::Unauthorized, _) => service.unsigned(Flaw::UnknownKey),
        (Refusal::Forbidden, Service::Ec2) => ApiError::unauthorized(),
        (Refusal::Forbidden, Service::Sts | Service::CloudWatch) => ApiError::new(403, "AccessDenied", "Access denied"),
        (Refusal::Status(503), _) => ApiError::new(503, "Unavailable", "The service is unavailable. Please try again."),
        (Refusal::Status(code @ 500..), _) => ApiError::new(code, "InternalError", "An internal error has occurred"),
        (Refusal::Status(code), _) => ApiError::new(code, "InvalidRequest", "The request received was invalid."),
    }
}

fn error_response(service: Service, error: &ApiError, number: u64) -> Response {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = response(service, status, service.error_body(error, number), number);
    // For clients that knew the codes of the protocol before.
    let fault = if error.status < 500 { "Sender" } else { "Receiver" };
    if service == Service::CloudWatch
        && let Ok(code) = format!("{};{fault}", error.code).parse()
    {
        response.headers_mut().insert("x-amzn-query-error", code);
    }
    response
}

fn response(service: Service, status: StatusCode, body: Vec<u8>, number: u64) -> Response {
    let kind = match service {
        Service::CloudWatch => "application/cbor",
        Service::Ec2 | Service::Sts => "text/xml;charset=UTF-8",
    };
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::HeaderName::from_static("x-amzn-requestid"), request_id(number)),
    ];
    let mut response = (status, headers, body).into_response();
    if service == Service::CloudWatch {
        let protocol = header::HeaderValue::from_static("rpc-v2-cbor");
        response.headers_mut().insert("smithy-protocol", protocol);
    }
    response
}
