//! The strict behaviours, seen over the wire.

mod access;
mod client;
mod notation;
mod structure;
mod values;
