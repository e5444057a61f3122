//! fleetsheet.
