//! The advice of each refusal is true: whoever does what it says is not refused again for the same.

use super::refusals::REFUSALS;
use super::{LEAST, parse, with};

/// What a message advises: what follows its last semicolon.
fn advice(message: &str) -> &str {
    message.rsplit_once("; ").map_or(message, |(_, advice)| advice)
}

/// The texts in quotes.
fn quoted(text: &str) -> Vec<&str> {
    text.split('"').skip(1).step_by(2).collect()
}

#[test]
fn a_value_that_follows_the_advice_is_taken() {
    for (key, value, part, follows) in REFUSALS {
        assert!(with(key, value).is_err(), "{key} takes {value:?}");
        let refused = with(key, follows).err();
        assert_eq!(
            refused, None,
            "{key} = {follows:?}, after {value:?} was refused with {part:?}"
        );
    }
}

/// Both ends of a range that a message names are taken, and so is each word or example that it quotes for a text.
#[test]
fn what_a_message_names_is_taken() {
    let (mut ends, mut words) = (0, 0);
    for (key, value, ..) in REFUSALS {
        let Err(errors) = with(key, value) else { continue };
        let own: Vec<&String> = errors.iter().filter(|error| error.starts_with(key)).collect();
        for message in own {
            let advice = advice(message);
            for start in ["use ", "from "] {
                let range = advice
                    .rsplit_once(start)
                    .and_then(|(_, range)| range.split_once(" to "));
                let Some((low, high)) = range.filter(|(low, _)| low.starts_with(|c: char| c.is_ascii_digit())) else {
                    continue;
                };
                for end in [low, high] {
                    let others: Vec<String> = with(key, end).err().unwrap_or_default();
                    assert!(
                        !others.iter().any(|error| error.contains("out of range")),
                        "{key}: {end} of {message}"
                    );
                    ends += 1;
                }
            }
            let is_text = !value.starts_with(['[', '{']) && !message.contains("must be a list");
            for word in quoted(advice).into_iter().filter(|_| is_text) {
                assert_eq!(with(key, word).err(), None, "{key}: {word:?} of {message}");
                words += 1;
            }
        }
    }
    assert!(ends > 30 && words > 20, "{ends} ends, {words} words");
}

#[test]
fn the_advice_on_a_file_that_is_not_toml_fits_the_mistake() {
    let rest = LEAST.trim_start();
    for (line, part, follows) in [
        ("mode = observe", "put text in quotes", "mode = 'observe'"),
        ("mode = 'observe", "put text in quotes", "mode = 'observe'"),
        (
            "mode = 'observe'\nmode = 'enforce'",
            "keep one of the two",
            "mode = 'enforce'",
        ),
        ("mode =", "write a value", ""),
        ("mode 'observe'", "name = value", "mode = 'observe'"),
        ("mode", "name = value", ""),
        ("[limits", "[section]", "[limits]"),
        ("limits.batch_size = [5", "correct", "limits.batch_size = 5"),
        ("// off", "# comment", "# off"),
    ] {
        let errors = parse(&format!("{line}\n{rest}"), &[]).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].starts_with("test.toml: is not TOML in line"), "{errors:?}");
        assert!(advice(&errors[0]).contains(part), "{line}: {errors:?}");
        assert_eq!(parse(&format!("{follows}\n{rest}"), &[]).err(), None, "{follows}");
    }
}

#[test]
fn a_key_in_the_wrong_place_is_sent_to_one_that_takes_it() {
    let rest = LEAST.trim_start();
    for (wrong, part, right) in [
        (
            format!("{rest}[limits]\nmode = 'observe'"),
            "above the first [section]",
            format!("mode = 'observe'\n{rest}"),
        ),
        (
            format!("batch_size = 5\n{rest}"),
            "under [limits]",
            format!("{rest}[limits]\nbatch_size = 5"),
        ),
        (
            format!("[aws]\nregions = ['eu-west-2']\n{rest}"),
            "under [[aws.account]]",
            rest.replace("eu-west-1", "eu-west-2"),
        ),
        (
            format!("{rest}[aws]\naccount = []")
                .replace("[[aws.account]]\nname = \"main\"\nregions = [\"eu-west-1\"]\n", ""),
            "write [[aws.account]]",
            rest.to_owned(),
        ),
        (
            rest.replace("[[aws.account]]", "[aws.account]"),
            "[[aws.account]] with two brackets",
            rest.to_owned(),
        ),
    ] {
        let errors = parse(&wrong, &[]).unwrap_err();
        assert!(errors.iter().any(|error| error.contains(part)), "{part}: {errors:?}");
        assert_eq!(parse(&right, &[]).err(), None, "{right}");
    }
}

#[test]
fn a_file_that_is_not_toml_is_one_error() {
    let errors = parse("[sheets\nspreadsheet_id = 'x'", &[]).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].starts_with("test.toml: is not TOML in line 1"), "{errors:?}");
    let errors = parse("\"a\\u001b[2J\" = 1\n\"a\\u001b[2J\" = 2", &[]).unwrap_err();
    assert!(!errors[0].contains(char::is_control), "{errors:?}");
}
