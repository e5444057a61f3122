//! What opens files, sockets and processes.

pub mod apt;
pub mod disk;
pub mod dpkg;
pub mod ec2;
pub mod exec;
pub mod git;
pub mod http;
pub mod imds;
pub mod machine;
pub mod probe;
pub mod store;
pub mod systemd;
