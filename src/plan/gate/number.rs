//! Numbers for people: few digits, but enough to tell two of them apart.

/// As few digits as a reader needs.
const FEW: usize = 3;
/// No number has more.
const ALL: usize = 17;

/// A number of few digits.
pub(super) fn short(value: f64) -> String {
    digits(value, FEW)
}

/// A comparison that shows itself to be right: `0.031 > 0.01`.
pub(super) fn compared(value: f64, sign: &str, limit: f64) -> String {
    let enough = |n: &usize| digits(value, *n) != digits(limit, *n);
    let n = (FEW..=ALL).find(enough).unwrap_or(ALL);
    format!("{} {sign} {}", digits(value, n), digits(limit, n))
}

/// The number rounded to so many digits.
fn digits(value: f64, most: usize) -> String {
    let rounded = format!("{value:.*e}", most.saturating_sub(1));
    let rounded: f64 = rounded.parse().unwrap_or(value);
    if rounded != 0.0 && !(1e-6..1e15).contains(&rounded.abs()) {
        return format!("{rounded:e}");
    }
    rounded.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_numbers_are_told_apart() {
        for (value, limit, shown) in [
            (0.031, 0.01, "0.031 > 0.01"),
            (0.1 + 0.2, 0.25, "0.3 > 0.25"),
            (0.010_001_23, 0.01, "0.010001 > 0.01"),
            (1234.0, 1000.0, "1230 > 1000"),
            (1e30, 2.0, "1e30 > 2"),
            (3.3e-9, 0.0, "3.3e-9 > 0"),
            (-0.5, -1.0, "-0.5 > -1"),
        ] {
            assert_eq!(compared(value, ">", limit), shown);
        }
        let next = f64::from_bits(1.0_f64.to_bits() + 1);
        assert_eq!(compared(next, ">", 1.0), "1.0000000000000002 > 1");
    }
}
