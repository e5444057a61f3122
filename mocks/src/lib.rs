//! Strict emulators of the far ends that fleetsheet talks to: the Sheets API with its token endpoint,
//! EC2, STS and CloudWatch, Prometheus, SMTP.
//!
//! Each listens on loopback and speaks the real protocol. None shares a type with the program: what they know of the
//! real services comes from the vendors' documents, so a misreading on one side cannot hide on the other.

pub mod browser;
mod clock;
pub mod cloud;
pub mod faults;
pub mod imds;
pub mod prometheus;
pub mod sandbox;
pub mod sheets;
pub mod smtp;
