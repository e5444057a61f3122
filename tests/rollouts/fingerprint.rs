//! Tells states apart. What tells them apart is packed into a few words: states are met in millions, by code that nothing
//! has optimised.

/// Older than this is old: no decision looks at greater ages here.
const OLD: u32 = 5;

/// Packs small parts into words and mixes these.
pub(crate) struct Print {
    word: u64,
    bits: u32,
    mixed: u64,
}

/// The fingerprint of whatever is fed in. 64 bits: among ten million states, two that differ look alike in one search of
/// 300,000.
pub(crate) fn fingerprint(feed: impl FnOnce(&mut Print)) -> u64 {
    let mut print = Print {
        word: 0,
        bits: 0,
        mixed: 0,
    };
    feed(&mut print);
    print.mix();
    print.mixed
}

impl Print {
    /// A part of so many bits.
    pub(crate) fn part(&mut self, part: u8, bits: u32) {
        if self.bits + bits > 64 {
            self.mix();
        }
        self.word = self.word << bits | u64::from(part);
        self.bits += bits;
    }

    pub(crate) fn flags(&mut self, flags: &[bool]) {
        for flag in flags {
            self.part(u8::from(*flag), 1);
        }
    }

    /// How long ago something was.
    pub(crate) fn age(&mut self, at: Option<u32>, now: u32) {
        let age = at.map_or(0, |at| (now - at).min(OLD) + 1);
        self.part(u8::try_from(age).unwrap_or(u8::MAX), 3);
    }

    /// A whole word.
    pub(crate) fn word(&mut self, word: u64) {
        self.mix();
        self.word = word;
        self.mix();
    }

    /// The finisher of MurmurHash3, which is a bijection: one word alone is never mistaken.
    fn mix(&mut self) {
        let mut word = self.mixed.rotate_left(29) ^ self.word;
        for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
            word = (word ^ word >> 33).wrapping_mul(factor);
        }
        self.mixed = word ^ word >> 33;
        (self.word, self.bits) = (0, 0);
    }
}
