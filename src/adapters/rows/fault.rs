//! Why a step on a store failed, before it is known to people by its place.

/// Why a step failed.
#[derive(Debug)]
pub(in crate::adapters) enum Fault {
    /// The database said so.
    Sql(sqlx::Error),
    /// It answered, but not with what a store holds.
    Damaged(String),
    /// It is whole, but not for us: what is wrong, and the fix.
    Refused(String, &'static str),
    /// It was copied there, and closed.
    Moved(String),
    /// Another one holds the lease, or this one's ran out.
    Fenced,
    /// It gave no answer in time.
    Silent,
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl Fault {
    /// The seal does not hold.
    pub(super) fn broken_seal() -> Self {
        Self::Damaged("rows were lost or added".into())
    }
}
