//! fleetsheet-agent: makes a server what its release tags say.
