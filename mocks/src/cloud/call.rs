//! What an action knows of the request that it answers, and the frame of its reply.
//!
//! It stands below the actions, so that each of them can use it without knowing how requests are dispatched.

use super::credentials::Principal;
use super::error::ApiError;
use super::fleet::Fleet;
use super::instance::Instance;
use super::params::Params;
use super::policies::Asked;
use super::xml::{self, Xml};

/// The id of a request as replies give it.
pub(crate) fn request_id(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

/// What an action knows of the request besides its parameters.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) number: u64,
    pub(crate) action: String,
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) principal: Principal,
}

impl Call {
    /// Whether the instance is within the account and the region of the request.
    pub(crate) fn reaches(&self, instance: &Instance) -> bool {
        instance.account == self.account && instance.region == self.region
    }

    /// Checks the permission, and ends the request here if it only asks for that.
    pub(crate) fn permitted(&self, fleet: &Fleet, params: &Params, ids: &[&str]) -> Result<(), ApiError> {
        if !fleet.permits(&self.account, &format!("ec2:{}", self.action)) {
            return Err(ApiError::unauthorized());
        }
        let asked = Asked {
            who: &self.principal.arn,
            action: &self.action,
            account: &self.account,
            region: &self.region,
        };
        let named = ids.iter().filter_map(|id| fleet.instance(id));
        if let Some(denied) = fleet.policies.refuse(asked, named) {
            return Err(denied);
        }
        if params.flag("DryRun")? {
            let message = "Request would have succeeded, but DryRun flag is set.";
            return Err(ApiError::new(412, "DryRunOperation", message));
        }
        Ok(())
    }

    /// A reply of EC2.
    pub(crate) fn reply(&self, root: &str, fill: impl FnOnce(&mut Xml)) -> String {
        Xml::document(root, xml::EC2_NAMESPACE, |xml| {
            xml.leaf("requestId", request_id(self.number));
            fill(xml);
        })
    }

    /// A reply of STS.
    pub(crate) fn sts_reply(&self, action: &str, fill: impl FnOnce(&mut Xml)) -> String {
        Xml::document(&format!("{action}Response"), xml::STS_NAMESPACE, |xml| {
            xml.nest(&format!("{action}Result"), fill);
            xml.nest("ResponseMetadata", |xml| {
                xml.leaf("RequestId", request_id(self.number));
            });
        })
    }
}
