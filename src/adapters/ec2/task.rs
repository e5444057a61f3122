//! Work on a listing that goes on beside whoever started it, and ends when nobody waits for it any more.

use std::future::Future;

use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::fleet::{CloudError, CloudErrorKind};

/// Work that was started.
pub(super) struct Task<T>(JoinSet<Result<T, CloudError>>);

impl<T: Send + 'static> Task<T> {
    /// Starts it.
    pub(super) fn start(work: impl Future<Output = Result<T, CloudError>> + Send + 'static) -> Self {
        let mut task = JoinSet::new();
        task.spawn(work.in_current_span());
        Self(task)
    }

    /// Waits for its end.
    pub(super) async fn end(mut self) -> Result<T, CloudError> {
        match self.0.join_next().await {
            Some(Ok(ended)) => ended,
            Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Some(Err(_)) | None => Err(CloudError {
                kind: CloudErrorKind::Transient,
                code: "stopped".to_owned(),
                message: "the listing was stopped, because the program ends".to_owned(),
            }),
        }
    }
}
