//! The state store in PostgreSQL, for several instances of one service: the same rows, checksums and seal as in SQLite, in a schema of
//! their own, and the lease of a pass beside them.
//!
//! Nothing is believed of a session: each transaction sets its own timeouts and its own schema, so that a pooler may stand between,
//! and whatever did not answer in time is dropped with its connection.

mod address;
mod copy;
mod fence;
mod holder;
mod layout;
mod lease;
mod look;
mod probe;
mod rows;
mod session;
mod store;
mod trouble;

pub use self::address::{Address, Tls};
pub(in crate::adapters) use self::copy::Whole;
pub use self::holder::Holder;
pub use self::layout::LAYOUT;
pub(in crate::adapters) use self::lease::{Answer, take};
pub use self::lease::{Asked, Ended, Lease};
pub(in crate::adapters) use self::look::now;
pub use self::look::{Look, Standing, standing};
pub use self::probe::{Probed, is_there, probe};
pub use self::store::PostgresStore;
