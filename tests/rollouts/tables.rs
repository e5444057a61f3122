//! The tables of the contract as cases to read, apart from any search: each is a constant, so that whatever else computes the
//! same can be held against it.

pub(crate) mod gates;
pub(crate) mod waves;
