//! The modules that open sockets and files. Most hide one crate each, behind a trait of the vocabulary.

pub mod cloudwatch;
pub mod ec2;
pub mod files;
pub mod google_sheets;
pub mod listen;
pub(crate) mod neighbour;
pub(crate) mod outbound;
pub mod postgres;
pub mod prometheus;
mod rows;
pub mod smtp;
pub mod sqlite;
pub mod stdout;
pub mod stores;
mod taken;
pub mod terminal;
