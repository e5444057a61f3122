//! What each commit looks for first: its own epoch, in the row of the lease.

use super::session::{Session, sql};
use crate::adapters::rows::Fault;
use crate::lease::Leave;

/// Whose commits count.
#[derive(Clone, Debug)]
pub(super) struct Fence {
    pub(super) epoch: i64,
    pub(super) leave: Leave,
}

/// Whether the row still has this epoch. The row stays as it is until the transaction ends.
pub(super) async fn holds(session: &mut Session, epoch: i64) -> Result<bool, Fault> {
    let ask = "SELECT epoch FROM lease WHERE name = 'pass' AND epoch = $1 AND NOT released FOR SHARE";
    Ok(session.first(sql(ask).bind(epoch)).await?.is_some())
}
