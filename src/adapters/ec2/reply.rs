//! Refuses replies that say "done" and are incomplete.
//!
//! The SDK takes any 200 to `CreateTags` for success, and a truncated listing for a short one. Something between here and
//! EC2 may answer with an empty page. That must not make a server look missing, or a tag look written.

use aws_sdk_ec2::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_ec2::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ec2::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;

/// Checks that a successful reply is a complete document, and that it does not say `false`.
#[derive(Debug)]
pub(super) struct WholeReply {
    end: &'static str,
}

/// EC2 documents `true` here for `CreateTags` and errors otherwise; its model has no such element, so it may be absent.
const NOT_DONE: &[u8] = b"<return>false</return>";

impl WholeReply {
    /// For `CreateTags`.
    pub(super) fn create_tags() -> Self {
        Self {
            end: "</CreateTagsResponse>",
        }
    }

    /// For `DescribeInstances`.
    pub(super) fn describe_instances() -> Self {
        Self {
            end: "</DescribeInstancesResponse>",
        }
    }

    fn accepts(&self, body: &[u8]) -> bool {
        // Only a short reply says yes or no; a listing is not worth the search.
        let mut start = body.get(..1024).unwrap_or(body).windows(NOT_DONE.len());
        body.trim_ascii_end().ends_with(self.end.as_bytes()) && !start.any(|part| part == NOT_DONE)
    }
}

#[dyn_dispatch_hint]
impl Intercept for WholeReply {
    fn name(&self) -> &'static str {
        "WholeReply"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _runtime_components: &RuntimeComponents,
        _cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        if response.status().is_success() && !self.accepts(response.body().bytes().unwrap_or_default()) {
            return Err("the reply is incomplete".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::WholeReply;

    #[test]
    fn only_whole_replies_count() {
        let done = WholeReply::create_tags();
        assert!(done.accepts(b"<CreateTagsResponse><return>true</return></CreateTagsResponse>\n"));
        assert!(done.accepts(b"<CreateTagsResponse><requestId>1</requestId></CreateTagsResponse>"));
        for not in [
            "",
            "nonsense",
            "<CreateTagsResponse><return>true</return></CreateTags",
            "<CreateTagsResponse><return>false</return></CreateTagsResponse>",
        ] {
            assert!(!done.accepts(not.as_bytes()), "{not}");
        }
        let listed = WholeReply::describe_instances();
        assert!(listed.accepts(b"<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>"));
        assert!(!listed.accepts(b"<DescribeInstancesResponse><reservationSet>"));
    }
}
