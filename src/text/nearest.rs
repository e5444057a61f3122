//! Which of some names was meant by one that is not among them: for "did you mean …".

use std::cmp::Reverse;

/// The name that is most like another one: the same but for letter case, spaces and punctuation, else with few letters changed.
#[must_use]
pub(crate) fn nearest<'a>(name: &str, among: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = folded(name);
    let least = |other: &str| distance(&wanted, &folded(other));
    let close = among.into_iter().filter(|other| *other != name);
    let close = close.filter_map(|other| Some((least(other)?, Reverse(alike(name, other)), other)));
    close.min().map(|(_, _, other)| other)
}

/// The advice about a name that nothing has: the one that may be meant, or what else helps.
#[must_use]
pub(crate) fn did_you_mean(meant: Option<&str>, otherwise: &str) -> String {
    meant.map_or_else(|| otherwise.to_owned(), |meant| format!("did you mean {meant}?"))
}

/// Letters and digits alone, in lower case.
fn folded(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// How many letters differ, where so few do that one name may be meant by the other.
fn distance(one: &str, other: &str) -> Option<usize> {
    let shorter = one.chars().count().min(other.chars().count());
    let differ = strsim::osa_distance(one, other);
    (shorter > 0 && differ <= (shorter / 3).min(3)).then_some(differ)
}

/// How many characters two names have in common at their beginning.
fn alike(one: &str, other: &str) -> usize {
    one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_name_is_found_by_case_spaces_and_few_letters() {
        let among = ["web-prod", "Web Staging", "api-prod", "worker-prod", "db"];
        for (name, meant) in [
            ("Web-Prod", Some("web-prod")),
            ("web_prod", Some("web-prod")),
            ("web-staging", Some("Web Staging")),
            ("wbe-prod", Some("web-prod")),
            ("web-prd", Some("web-prod")),
            ("web-pord", Some("web-prod")),
            ("workr-prod", Some("worker-prod")),
            ("apiprod", Some("api-prod")),
            ("DB", Some("db")),
            ("dc", None),
            ("mail-prod", None),
            ("billing", None),
            ("", None),
            ("web-prod", None),
        ] {
            assert_eq!(nearest(name, among), meant, "{name}");
        }
    }
}
