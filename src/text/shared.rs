//! Text that many hold, held once: a fleet has a few accounts, regions, states, keys and versions, and each of its servers names
//! them several times.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;

use serde::{Deserialize as _, Deserializer};

/// How many texts are kept at hand in each thread. One that is not at hand is merely held once more.
const AT_HAND: usize = 512;

/// Longer texts hardly ever come twice.
const LONGEST: usize = 64;

thread_local! {
    static TEXTS: RefCell<Vec<Option<Arc<str>>>> = RefCell::new(vec![None; AT_HAND]);
}

/// The text, held together with others that say the same, where they are at hand.
pub(crate) fn shared(text: &str) -> Arc<str> {
    if text.len() > LONGEST {
        return text.into();
    }
    TEXTS.with_borrow_mut(|texts| {
        let place = &mut texts[place(text)];
        match place {
            Some(known) if **known == *text => Arc::clone(known),
            _ => Arc::clone(place.insert(text.into())),
        }
    })
}

/// Reads a text that many hold.
pub(crate) fn shared_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    Ok(shared(&text))
}

/// Where a text is kept, by FNV-1a.
fn place(text: &str) -> usize {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    usize::try_from(hash >> 40).unwrap_or_default() % AT_HAND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_say_the_same_are_one() {
        let (one, other) = (shared("eu-west-1"), shared("eu-west-1"));
        assert!(Arc::ptr_eq(&one, &other));
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(*shared(&long), *long);
        for number in 0..10 * AT_HAND {
            let text = format!("i-{number}");
            assert_eq!(*shared(&text), *text);
        }
        assert_eq!(*shared(""), *"");
    }
}
