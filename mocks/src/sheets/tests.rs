//! The strict behaviours, seen over the wire.

mod access;
mod client;
mod notation;
mod protection;
mod structure;
mod values;
