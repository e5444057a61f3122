//! EC2 and STS, as far as fleetsheet uses them.
