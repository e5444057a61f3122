//! The only modules that open sockets or files; each hides one owner-chosen crate behind a trait of the vocabulary.

pub mod ec2;
pub mod files;
pub mod google_sheets;
pub mod smtp;
pub mod sqlite;
