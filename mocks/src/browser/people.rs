//! Who somebody at the page can be.

use crate::sandbox::{EDITOR, OWNER, RELEASE_MANAGER, SRE};

/// The roles, with whom each is: one of each group of key holders, somebody in neither, and the owner of the file.
pub(super) const PEOPLE: [(&str, &str); 4] = [
    ("sre", SRE),
    ("manager", RELEASE_MANAGER),
    ("editor", EDITOR),
    ("owner", OWNER),
];

/// The person of a role.
pub(super) fn person(role: &str) -> Option<&'static str> {
    PEOPLE.iter().find(|(name, _)| *name == role).map(|(_, person)| *person)
}
