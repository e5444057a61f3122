//! A connection that is taken out for one piece of work, and put back when that succeeds.

use tokio::sync::MutexGuard;

/// A connection, taken out of its place. One whose work failed, or was given up half way, is dropped and replaced: nobody knows what
/// became of its transaction. (On some errors, such as a full disk, SQLite ends it by itself, and sqlx goes on to count it as open.)
pub(in crate::adapters) struct Taken<'a, C> {
    place: MutexGuard<'a, Option<C>>,
    pub(in crate::adapters) connection: C,
}

impl<'a, C> Taken<'a, C> {
    pub(in crate::adapters) fn new(place: MutexGuard<'a, Option<C>>, connection: C) -> Self {
        Self { place, connection }
    }

    /// Puts the connection back if its work was done.
    pub(in crate::adapters) fn end<T, E>(mut self, result: Result<T, E>) -> Result<T, E> {
        if result.is_ok() {
            *self.place = Some(self.connection);
        }
        result
    }
}
