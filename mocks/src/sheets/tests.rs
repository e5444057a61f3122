//! The strict behaviours, seen over the wire.

mod access;
mod client;
mod structure;
mod values;
