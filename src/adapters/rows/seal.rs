//! Checksums of rows, so that a store with a flipped byte or a lost row is refused instead of half believed.

/// The CRC-32 of each byte (polynomial 0xEDB88320, the one of zip and Ethernet).
const STEPS: [u32; 256] = steps();

const fn steps() -> [u32; 256] {
    let mut steps = [0; 256];
    let mut byte = 0;
    while byte < steps.len() {
        let mut step = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            step = (step >> 1) ^ (0xEDB8_8320 * (step & 1));
            bit += 1;
        }
        steps[byte] = step;
        byte += 1;
    }
    steps
}

/// The CRC-32 of the parts, each followed by a zero byte so that text cannot move from one to the next unnoticed.
pub(in crate::adapters) fn crc(parts: &[&str]) -> i64 {
    let mut sum = u32::MAX;
    for part in parts {
        for byte in part.as_bytes().iter().chain(&[0]) {
            sum = (sum >> 8) ^ STEPS[usize::from(sum.to_le_bytes()[0] ^ byte)];
        }
    }
    i64::from(!sum)
}

/// What all rows add up to: how many there are, and the sum of their checksums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::adapters) struct Seal {
    rows: i64,
    sum: i64,
}

impl Seal {
    /// Counts rows in, or out where both are negative, as the database adds them up. 32-bit checksums of 2³¹ rows do not
    /// overflow the sum.
    pub(in crate::adapters) fn add(&mut self, rows: i64, sum: i64) {
        self.rows = self.rows.wrapping_add(rows);
        self.sum = self.sum.wrapping_add(sum);
    }

    /// How many rows there are.
    pub(in crate::adapters) fn rows(self) -> i64 {
        self.rows
    }

    /// As it is stored.
    pub(in crate::adapters) fn text(self) -> String {
        format!("{} rows, {:x}", self.rows, self.sum)
    }

    /// What [`Self::text`] stands for; `None` for any other text.
    pub(in crate::adapters) fn of_text(text: &str) -> Option<Self> {
        let (rows, sum) = text.split_once(" rows, ")?;
        let seal = Self {
            rows: rows.parse().ok()?,
            sum: u64::from_str_radix(sum, 16).ok()?.cast_signed(),
        };
        (seal.text() == text).then_some(seal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_crc_32() {
        // The check value of the catalogue is that of "123456789" without our zero byte, so it is fed as all but the end.
        let mut sum = u32::MAX;
        for byte in b"123456789" {
            sum = (sum >> 8) ^ STEPS[usize::from(sum.to_le_bytes()[0] ^ byte)];
        }
        assert_eq!(!sum, 0xCBF4_3926);
    }

    #[test]
    fn a_seal_is_read_as_it_was_written_and_nothing_else_is_one() {
        for (rows, sum) in [(0, 0), (7, 0xCBF4_3926), (100_000, i64::MAX), (-1, -5)] {
            let seal = Seal { rows, sum };
            assert_eq!(Seal::of_text(&seal.text()), Some(seal));
        }
        for text in [
            "",
            "7",
            "7 rows, ",
            "7 rows, xyz",
            "07 rows, 1",
            "7 rows, 01",
            "7 rows, 1 ",
            "+7 rows, 1",
        ] {
            assert_eq!(Seal::of_text(text), None, "{text:?}");
        }
    }

    #[test]
    fn text_does_not_move_between_parts() {
        assert_ne!(crc(&["ab", "c"]), crc(&["a", "bc"]));
        assert_ne!(crc(&["a", ""]), crc(&["a"]));
    }
}
