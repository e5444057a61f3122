//! What the shipped example configuration holds and nobody's installation does.

use super::{Finding, Item};
use crate::config::Config;

/// The spreadsheet id of the shipped file.
const SPREADSHEET: &str = "example-spreadsheet-id";
/// Domains that belong to nobody (RFC 2606).
const DOMAINS: [&str; 3] = ["example.com", "example.net", "example.org"];

/// What was copied from the example and not replaced. Addresses are wrong beside the example's spreadsheet, and worth a note
/// beside another.
#[must_use]
pub fn judge_placeholders(config: &Config) -> Vec<Finding> {
    if config.sandbox.is_some() || config.sheets.endpoint.is_some() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let untouched = config.sheets.spreadsheet_id == SPREADSHEET;
    if untouched {
        let message = format!("{SPREADSHEET} is the placeholder of the example file");
        let fix = "write the id of your spreadsheet: what is between /d/ and /edit in its address";
        findings.push(Finding::wrong(Item::Config, "sheets.spreadsheet_id", message).fix(fix));
    }
    let keys = &config.dual_key;
    let email = config.email.iter().flat_map(|email| &email.to);
    let lists: [(&str, Vec<&String>); 4] = [
        ("dual_key.a_editors", keys.a_editors.iter().collect()),
        ("dual_key.b_editors", keys.b_editors.iter().collect()),
        ("dual_key.owners", keys.owners.iter().collect()),
        ("email.to", email.collect()),
    ];
    for (key, addresses) in lists {
        let made_up: Vec<&str> = addresses
            .into_iter()
            .map(String::as_str)
            .filter(|a| is_made_up(a))
            .collect();
        if made_up.is_empty() {
            continue;
        }
        let message = format!("{} belongs to nobody: it is a placeholder", made_up.join(", "));
        findings.push(if untouched {
            Finding::wrong(Item::Config, key, message).fix("write the addresses of your own people or groups")
        } else {
            Finding::note(Item::Config, key, message)
        });
    }
    findings
}

fn is_made_up(address: &str) -> bool {
    let domain = address.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    DOMAINS.iter().any(|made_up| {
        domain
            .strip_suffix(made_up)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(env: &[(&str, &str)]) -> Vec<String> {
        let shipped = std::fs::read_to_string("config/fleetsheet.toml").unwrap();
        let env = env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let findings = judge_placeholders(&Config::parse(&shipped, "fleetsheet.toml", &env).unwrap());
        findings.iter().map(|f| format!("{} {}", f.is_ok(), f.place)).collect()
    }

    const ID: (&str, &str) = ("FLEETSHEET_SHEETS__SPREADSHEET_ID", "1AbC");

    #[test]
    fn the_untouched_example_is_wrong_in_each_place_and_a_filled_in_one_is_not() {
        let all = [
            "sheets.spreadsheet_id",
            "dual_key.a_editors",
            "dual_key.b_editors",
            "dual_key.owners",
        ];
        assert_eq!(judged(&[]), all.map(|place| format!("false {place}")));
        assert_eq!(
            judged(&[ID]),
            all[1..].iter().map(|place| format!("true {place}")).collect::<Vec<_>>()
        );
        let own = [
            ID,
            ("FLEETSHEET_DUAL_KEY__A_EDITORS", "[\"sre@notexample.com\"]"),
            ("FLEETSHEET_DUAL_KEY__B_EDITORS", "[\"group:releases@acme.test\"]"),
            ("FLEETSHEET_DUAL_KEY__OWNERS", "[]"),
        ];
        assert_eq!(judged(&own), [""; 0]);
        assert!(is_made_up("group:a@eu.Example.com"));
    }
}
