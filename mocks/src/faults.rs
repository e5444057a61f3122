//! Scripted faults, scripted edits and the log of calls, shared by all emulators.
