//! The errors of EC2 and STS: a status, a code and a text, in each service's own XML.

use super::xml::{STS_NAMESPACE, Xml};

/// An error reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl ApiError {
    /// An error with a status of its own.
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
        }
    }

    /// A 400, which most errors are.
    pub(crate) fn bad(code: &str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    /// A parameter with a value that cannot be.
    pub(crate) fn value(message: impl Into<String>) -> Self {
        Self::bad("InvalidParameterValue", message)
    }

    /// A parameter that is not there.
    pub(crate) fn missing(name: &str) -> Self {
        Self::bad(
            "MissingParameter",
            format!("The request must contain the parameter {name}"),
        )
    }

    /// A permission that is not there.
    pub(crate) fn unauthorized() -> Self {
        Self::new(
            403,
            "UnauthorizedOperation",
            "You are not authorized to perform this operation.",
        )
    }

    /// Instances that are not there, in the singular or the plural.
    pub(crate) fn no_instances(ids: &[&str]) -> Self {
        let message = match ids {
            [id] => format!("The instance ID '{id}' does not exist"),
            ids => format!("The instance IDs '{}' do not exist", ids.join(", ")),
        };
        Self::bad("InvalidInstanceID.NotFound", message)
    }

    /// The body in EC2's shape.
    pub(crate) fn ec2_body(&self, request_id: &str) -> String {
        Xml::document("Response", "", |xml| {
            xml.nest("Errors", |xml| {
                xml.nest("Error", |xml| {
                    xml.leaf("Code", &self.code);
                    xml.leaf("Message", &self.message);
                });
            });
            xml.leaf("RequestID", request_id);
        })
    }

    /// The body in the shape of STS.
    pub(crate) fn sts_body(&self, request_id: &str) -> String {
        Xml::document("ErrorResponse", STS_NAMESPACE, |xml| {
            xml.nest("Error", |xml| {
                xml.leaf("Type", if self.status < 500 { "Sender" } else { "Receiver" });
                xml.leaf("Code", &self.code);
                xml.leaf("Message", &self.message);
            });
            xml.leaf("RequestId", request_id);
        })
    }
}
