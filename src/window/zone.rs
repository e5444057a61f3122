//! Time zones: by their names in the IANA list, whose data is compiled in.

use std::str::FromStr as _;

use chrono_tz::{IANA_TZDB_VERSION, TZ_VARIANTS, Tz};

use crate::text::nearest;

/// The version of the zone data, such as `2025b`.
#[must_use]
pub const fn data_version() -> &'static str {
    IANA_TZDB_VERSION
}

/// Reads the name of a zone.
///
/// # Errors
/// Says which name may be meant.
pub fn zone(text: &str) -> Result<Tz, String> {
    if let Ok(zone) = Tz::from_str(text) {
        return Ok(zone);
    }
    if text.starts_with(['+', '-']) || text.starts_with("UTC+") || text.starts_with("UTC-") {
        return Err(format!(
            "{text:?} is an offset, which does not follow summer time; write a zone such as \"Europe/Berlin\""
        ));
    }
    match meant(text) {
        Some(name) => Err(format!("{text:?} is not a time zone; write {name:?}")),
        None => Err(format!(
            "{text:?} is not a time zone; write a name of the IANA list, such as \"Europe/Berlin\" or \"UTC\""
        )),
    }
}

/// The zone that is meant by a wrong name: by its city alone, or misspelt.
fn meant(text: &str) -> Option<&'static str> {
    let names = || TZ_VARIANTS.iter().map(|zone| zone.name());
    let city = |name: &&str| name.rsplit('/').next().unwrap_or(name).eq_ignore_ascii_case(text);
    names().find(city).or_else(|| nearest(text, names()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_zone_is_answered_with_the_right_one() {
        assert_eq!(zone("Europe/Berlin"), Ok(Tz::Europe__Berlin));
        assert_eq!(zone("UTC"), Ok(Tz::UTC));
        for (text, fix) in [
            ("Berlin", "write \"Europe/Berlin\""),
            ("europe/berlin", "write \"Europe/Berlin\""),
            ("Europe/Berln", "write \"Europe/Berlin\""),
            ("new_york", "write \"America/New_York\""),
            ("+01:00", "does not follow summer time; write a zone"),
            ("UTC+1", "does not follow summer time; write a zone"),
            ("", "IANA list"),
            ("Middle-earth/Shire", "IANA list"),
        ] {
            let said = zone(text).unwrap_err();
            assert!(
                said.starts_with(&format!("{text:?} is ")) && said.contains(fix),
                "{said}"
            );
        }
        assert_eq!(data_version().len(), 5);
    }
}
