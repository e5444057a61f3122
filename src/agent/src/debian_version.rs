//! The order of Debian's versions, as dpkg has it, and patterns of them.

use std::cmp::Ordering;

/// Compares two versions.
#[must_use]
pub fn compare(a: &str, b: &str) -> Ordering {
    let split = |text: &str| {
        let (epoch, rest) = text.split_once(':').map_or((0, text.to_owned()), |(epoch, rest)| {
            (epoch.parse::<u64>().unwrap_or(0), rest.to_owned())
        });
        let (upstream, revision) = rest
            .rsplit_once('-')
            .map_or((rest.clone(), String::new()), |(upstream, revision)| {
                (upstream.to_owned(), revision.to_owned())
            });
        (epoch, upstream, revision)
    };
    let (a, b) = (split(a), split(b));
    a.0.cmp(&b.0)
        .then_with(|| part(&a.1, &b.1))
        .then_with(|| part(&a.2, &b.2))
}

/// The rank of a character that is no digit: `~` before the end, the end before letters, letters before the rest.
fn rank(c: Option<&u8>) -> i32 {
    match c {
        Some(b'~') => -1,
        None => 0,
        Some(c) if c.is_ascii_digit() => 0,
        Some(c) if c.is_ascii_alphabetic() => i32::from(*c),
        Some(c) => i32::from(*c) + 256,
    }
}

fn part(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while !a.is_empty() || !b.is_empty() {
        let text = |c: Option<&u8>| c.is_some_and(|c| !c.is_ascii_digit());
        while text(a.first()) || text(b.first()) {
            match rank(a.first()).cmp(&rank(b.first())) {
                Ordering::Equal => {}
                other => return other,
            }
            a = a.get(1..).unwrap_or_default();
            b = b.get(1..).unwrap_or_default();
        }
        let number = |text: &[u8]| text.iter().take_while(|c| c.is_ascii_digit()).count();
        let (n, m) = (number(a), number(b));
        let (x, y) = (strip(&a[..n]), strip(&b[..m]));
        match x.len().cmp(&y.len()).then_with(|| x.cmp(y)) {
            Ordering::Equal => {}
            other => return other,
        }
        (a, b) = (&a[n..], &b[m..]);
    }
    Ordering::Equal
}

fn strip(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|c| **c == b'0').count();
    &digits[zeros..]
}

/// Whether a version is the one that is asked: to the letter, or up to a `*` at its end.
#[must_use]
pub fn fits(asked: &str, version: &str) -> bool {
    asked
        .strip_suffix('*')
        .map_or(asked == version, |start| version.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_dpkg_orders_them() {
        let order = [
            "0",
            "1.0~rc1-1",
            "1.0-1",
            "1.0-1+deb12u1",
            "1.0-2",
            "1.0a-1",
            "1.0+b-1",
            "1.9-1",
            "1.10-1",
            "1:0.1-1",
            "2:0",
        ];
        for (i, a) in order.iter().enumerate() {
            for (j, b) in order.iter().enumerate() {
                assert_eq!(compare(a, b), i.cmp(&j), "{a} {b}");
            }
        }
        assert_eq!(compare("1.00-1", "1.0-1"), Ordering::Equal);
        assert!(fits("1.2*", "1.2.3-1") && !fits("1.2", "1.2-1") && fits("1.2-1", "1.2-1"));
    }
}
