//! Tells where a listing goes on as soon as a page is here, before it is parsed, so that the next page can be asked for meanwhile.
//!
//! A page of 1,000 instances is more than a megabyte of XML. What is told here only brings the question forward: where the listing
//! goes on is what the parsed page says.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ec2::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_ec2::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ec2::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt as _;
use tokio::sync::oneshot;

/// So much of a page's end is looked at, in bytes. EC2's tokens have some hundred.
const END: usize = 8192;

/// What comes last in a page.
const LAST: &str = "</DescribeInstancesResponse>";

/// Who is told, once: of several tries the first whose page came whole.
type Tell = Arc<Mutex<Option<oneshot::Sender<String>>>>;

/// Looks at the end of a page while it comes in.
#[derive(Clone, Debug)]
pub(super) struct Ahead(Tell);

impl Ahead {
    /// One for all tries of a page, and where the token of the next page is told.
    pub(super) fn new() -> (Self, oneshot::Receiver<String>) {
        let (tell, told) = oneshot::channel();
        (Self(Arc::new(Mutex::new(Some(tell)))), told)
    }

    fn watch(&self, body: SdkBody) -> SdkBody {
        let (tell, mut end) = (Arc::clone(&self.0), Vec::new());
        SdkBody::from_body_1_x(body.map_frame(move |frame| {
            if let Some(data) = frame.data_ref() {
                keep_end(&mut end, data);
                if let Some(token) = token(&end) {
                    let tell = tell.lock().unwrap_or_else(PoisonError::into_inner).take();
                    // Whoever asked may not wait any more.
                    tell.map(|tell| tell.send(token));
                }
            }
            frame
        }))
    }
}

#[dyn_dispatch_hint]
impl Intercept for Ahead {
    fn name(&self) -> &'static str {
        "Ahead"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _runtime_components: &RuntimeComponents,
        _cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        if response.status().is_success() {
            let body = std::mem::replace(response.body_mut(), SdkBody::taken());
            *response.body_mut() = self.watch(body);
        }
        Ok(())
    }
}

/// Adds to what is kept of a page's end.
fn keep_end(end: &mut Vec<u8>, data: &[u8]) {
    let data = data.get(data.len().saturating_sub(END)..).unwrap_or_default();
    end.drain(..(end.len() + data.len()).saturating_sub(END).min(end.len()));
    end.extend_from_slice(data);
}

/// The token at the end of a whole page, if the listing goes on. A text in the page cannot look like one: its `<` is escaped.
fn token(end: &[u8]) -> Option<String> {
    let end = end.trim_ascii_end();
    let end = end.strip_suffix(LAST.as_bytes())?;
    let end = String::from_utf8_lossy(end);
    let (_, token) = end.rsplit_once("<nextToken>")?;
    let (token, _) = token.split_once("</nextToken>")?;
    let is_plain = !token.is_empty() && token.chars().all(|c| c.is_ascii_graphic() && !"<&".contains(c));
    is_plain.then(|| token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of a page that comes in pieces of this size, and whether all of it came through.
    async fn told(page: &str, piece: usize) -> Option<String> {
        let pieces: Vec<Result<_, std::convert::Infallible>> = page
            .as_bytes()
            .chunks(piece)
            .map(|piece| Ok(http_body::Frame::data(piece.to_vec().into())))
            .collect();
        let (ahead, mut told) = Ahead::new();
        let body = SdkBody::from_body_1_x(http_body_util::StreamBody::new(futures_util::stream::iter(pieces)));
        let all = ahead.watch(body).collect().await.unwrap().to_bytes();
        assert!(all == page.as_bytes(), "what is looked at comes through");
        told.try_recv().ok()
    }

    #[tokio::test]
    async fn the_token_of_a_whole_page_is_told_however_it_comes() {
        let filler = "<item>x</item>".repeat(2000);
        for piece in [1, 7, 28, 8191, 8192, 8193, 1 << 20] {
            for (page, token) in [
                (
                    format!(
                        "<DescribeInstancesResponse>{filler}<nextToken>abc+/=</nextToken></DescribeInstancesResponse>"
                    ),
                    Some("abc+/="),
                ),
                (
                    format!(
                        "<DescribeInstancesResponse>{filler}<nextToken>a</nextToken>\n</DescribeInstancesResponse>\n "
                    ),
                    Some("a"),
                ),
                (
                    format!("<DescribeInstancesResponse>{filler}<nextToken>a</nextToken></DescribeInstances"),
                    None,
                ),
                (
                    format!("<DescribeInstancesResponse>{filler}<nextToken></nextToken></DescribeInstancesResponse>"),
                    None,
                ),
                (
                    format!(
                        "<DescribeInstancesResponse>{filler}<nextToken>a&amp;b</nextToken></DescribeInstancesResponse>"
                    ),
                    None,
                ),
                (
                    format!("<DescribeInstancesResponse>{filler}<nextToken/></DescribeInstancesResponse>"),
                    None,
                ),
                (
                    format!("<DescribeInstancesResponse><nextToken>a</nextToken>{filler}</DescribeInstancesResponse>"),
                    None,
                ),
                ("nonsense".to_owned(), None),
            ] {
                assert_eq!(told(&page, piece).await.as_deref(), token, "{piece}");
            }
        }
    }

    #[test]
    fn no_more_is_kept_than_is_looked_at() {
        let mut end = Vec::new();
        for data in [vec![1; 10], vec![2; END - 1], vec![3; 5], vec![4; 3 * END]] {
            keep_end(&mut end, &data);
            assert!(end.len() <= END && end.ends_with(&data[data.len().saturating_sub(END)..]));
        }
    }
}
