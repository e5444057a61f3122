//! The configuration as a whole: the shipped file, every key from the environment, and every refusal with its fix.

mod advice;
mod mail;
mod refusals;
mod rollouts;
mod store;
mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fleetsheet::config::{Config, DEFAULT_PATH, Mode, Sandbox};
use fleetsheet::problem::Kind;
use proptest::prelude::*;

use refusals::REFUSALS;
use tables::OTHERS;

/// The least that loads.
const LEAST: &str = r#"
[sheets]
spreadsheet_id = "1AbC"
[[aws.account]]
name = "main"
regions = ["eu-west-1"]
[dual_key]
a_editors = ["sre@example.com"]
b_editors = ["releases@example.com"]
"#;

/// A mail section, to put after [`LEAST`].
const MAIL: &str = r#"
[email]
smtp_url = "smtps://user@smtp.example.com"
from = "fleetsheet <fleetsheet@example.com>"
to = ["ops@example.com"]
"#;

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn parse(text: &str, pairs: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    Config::parse(text, "test.toml", &variables(pairs))
        .map_err(|errors| errors.0.iter().map(ToString::to_string).collect())
}

fn loads(text: &str, pairs: &[(&str, &str)]) -> Config {
    parse(text, pairs).unwrap_or_else(|errors| panic!("{text}\n{pairs:?}\n{}", errors.join("\n")))
}

/// The least that loads, with one key set by its variable.
fn with(key: &str, value: &str) -> Result<Config, Vec<String>> {
    let info = Config::keys().find(|info| info.path == key);
    let variable = info.unwrap_or_else(|| panic!("{key} is no key")).variable;
    let beside = match key {
        "prometheus.user" => "[prometheus]\npassword_file = '/run/its'",
        "prometheus.password_file" => "[prometheus]\nuser = 'it'",
        "state.password" | "state.password_file" | "state.schema" => "[state]\nurl = 'postgres://u@db/x'",
        _ if key.starts_with("email.") => MAIL,
        _ => "",
    };
    parse(&format!("{LEAST}{beside}"), &[(&variable, value)])
}

#[track_caller]
fn refused(result: Result<Config, Vec<String>>, parts: &[&str]) {
    let Err(errors) = result else {
        panic!("must be refused, with {parts:?}")
    };
    let errors = errors.join("\n");
    for part in parts {
        assert!(errors.contains(part), "{part:?} is not in:\n{errors}");
    }
}

#[test]
fn a_file_that_is_not_there_is_told_with_what_names_it() {
    let path = Path::new("/nowhere/fleetsheet.toml");
    let said = |variable: Option<&str>| {
        let variable = variable.map(|path| ("FLEETSHEET_CONFIG".to_owned(), path.to_owned()));
        Config::load(path, &variable.into_iter().collect())
            .unwrap_err()
            .to_string()
    };
    let unset = "FLEETSHEET_CONFIG names it: unset that";
    assert!(said(Some("/nowhere/fleetsheet.toml")).contains(unset));
    // The option wins over the variable, which then has nothing to do with it.
    for variable in [None, Some("/elsewhere.toml")] {
        assert!(!said(variable).contains(unset), "{}", said(variable));
        assert!(said(variable).contains("--config"), "{}", said(variable));
    }
}

#[test]
fn the_shipped_file_loads_and_says_the_defaults() {
    let shipped = std::fs::read_to_string(DEFAULT_PATH).unwrap();
    let config = Config::load(Path::new(DEFAULT_PATH), &BTreeMap::new()).unwrap();
    assert_eq!(config.mode, Mode::Observe, "the first week of a real fleet");
    assert!(config.email.is_none() && config.sandbox.is_none());
    // Everything that is commented out is an example of something that loads, too. A block may stand for a second one.
    let uncommented: String = shipped
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.starts_with('[') || is_setting(rest) => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    // A token stands instead of a user and a password.
    let without = |keys: &[&str]| -> String {
        let kept = |line: &&str| !keys.iter().any(|key| line.starts_with(&format!("{key} = ")));
        uncommented
            .lines()
            .filter(kept)
            .map(|line| format!("{line}\n"))
            .collect()
    };
    let by_token = loads(&without(&["user", "password_file"]), &[]);
    assert!(by_token.prometheus.token_file.is_some());
    let full = loads(&without(&["token_file"]), &[]);
    assert_eq!(
        (full.aws.accounts.len(), full.email.is_some(), full.sandbox.is_some()),
        (2, true, true)
    );
    let rollouts = &full.rollouts;
    assert!(!rollouts.strategies.is_empty() && rollouts.gates.len() > 1);
    assert!(!rollouts.windows.is_empty() && !rollouts.freezes.is_empty());
    for info in Config::keys() {
        let name = info.path.rsplit('.').next().unwrap();
        let named = |line: &str| line.starts_with(&format!("{name} = ")) || line == format!("[[{}]]", info.path);
        assert!(
            uncommented.lines().any(named),
            "{} is not in the shipped file",
            info.path
        );
    }
}

/// Whether a line is `key = value`, as opposed to a sentence.
fn is_setting(line: &str) -> bool {
    line.split_once(" = ")
        .is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
}

#[test]
fn what_the_shipped_file_says_is_what_the_program_does_without_it() {
    let shipped = format!("{:?}", Config::load(Path::new(DEFAULT_PATH), &BTreeMap::new()).unwrap());
    let least = "mode = 'observe'\n".to_owned()
        + &LEAST.replace("1AbC", "example-spreadsheet-id")
        + "owners = ['sheet-owner@example.com']\n[authority]\ntags = { Owner = 'sheet' }\n";
    assert_eq!(shipped, format!("{:?}", loads(&least, &[])));
}

#[test]
fn only_the_default_file_may_be_absent() {
    let dir = tempfile::tempdir().unwrap();
    let absent = dir.path().join("none.toml");
    let errors = Config::load(&absent, &BTreeMap::new()).unwrap_err().to_string();
    assert!(
        errors.contains("none.toml: cannot be read") && errors.contains("--config"),
        "{errors}"
    );
    std::fs::write(&absent, LEAST).unwrap();
    Config::load(&absent, &BTreeMap::new()).unwrap();
    std::fs::write(&absent, b"\xff\xfe").unwrap();
    assert!(
        Config::load(&absent, &BTreeMap::new())
            .unwrap_err()
            .to_string()
            .contains("cannot be read")
    );
}

#[test]
fn the_environment_alone_can_be_enough() {
    let config = loads(
        "",
        &[
            ("FLEETSHEET_SHEETS__SPREADSHEET_ID", "123"),
            (
                "FLEETSHEET_AWS__ACCOUNT",
                r#"[{"name": "007", "regions": ["eu-west-1"]}]"#,
            ),
            ("FLEETSHEET_DUAL_KEY__A_EDITORS", r#"["A@Example.com"]"#),
            ("FLEETSHEET_DUAL_KEY__B_EDITORS", "['b@example.com']"),
            ("FLEETSHEET_CONFIG", "elsewhere.toml"),
            ("PATH", "/bin"),
        ],
    );
    assert_eq!(
        config.sheets.spreadsheet_id, "123",
        "text that looks like a number stays text"
    );
    assert_eq!(config.aws.accounts[0].name, "007");
    assert_eq!(
        config.dual_key.a_editors,
        ["a@example.com"],
        "addresses are kept in lower case"
    );
    for text in ["true", "1e5", "0x10", "null"] {
        assert_eq!(with("sheets.server_tab", text).unwrap().sheets.server_tab, text);
    }
}

#[test]
fn every_key_can_be_set_from_the_environment_and_from_the_file() {
    let all: BTreeSet<&str> = Config::keys().map(|info| info.path).collect();
    let tried: BTreeSet<&str> = OTHERS.iter().map(|(key, ..)| *key).collect();
    assert_eq!(all, tried);
    for (key, value, shown) in OTHERS {
        let before = format!("{:?}", loads(&format!("{LEAST}{MAIL}"), &[]));
        assert!(!before.contains(shown), "{key}: {shown} is shown already");
        let after = format!(
            "{:?}",
            with(key, value).unwrap_or_else(|errors| panic!("{key}: {errors:?}"))
        );
        assert!(after.contains(shown), "{key}: {shown} is not in {after}");
    }
}

#[test]
fn every_default_is_the_one_it_says() {
    let before = format!("{:?}", loads(LEAST, &[]));
    for info in Config::keys() {
        let (Some(default), false) = (
            info.default,
            info.path.starts_with("email.") || info.path.starts_with("sandbox."),
        ) else {
            continue;
        };
        // Two lists have no default that may stay, and a file has no schema.
        if !matches!(info.path, "dual_key.a_editors" | "dual_key.b_editors" | "state.schema") {
            assert_eq!(
                format!("{:?}", with(info.path, default).unwrap()),
                before,
                "{}",
                info.path
            );
        }
    }
}

#[test]
fn a_value_of_another_type_is_refused_for_every_key() {
    for info in Config::keys() {
        // No key holds a date.
        let (section, name) = info.path.rsplit_once('.').unwrap_or(("", info.path));
        let header = if section.is_empty() {
            String::new()
        } else {
            format!("[{section}]\n")
        };
        let errors = parse(&format!("{header}{name} = [[1979-05-27]]\n"), &[]).unwrap_err();
        assert!(
            errors
                .iter()
                .any(|error| error.starts_with(info.path) && error.contains("test.toml")),
            "{errors:?}"
        );
    }
    refused(
        parse("[limits]\nbatch_size = 'many'", &[]),
        &["limits.batch_size (test.toml): holds text; it must be a whole number"],
    );
    refused(parse("[limits]\nbatch_size = 1.5", &[]), &["a number with a fraction"]);
    refused(
        parse("[sheets]\nspreadsheet_id = 123", &[]),
        &["holds a number; it must be text in quotes"],
    );
    refused(
        with("limits.batch_size", "many"),
        &["environment variable FLEETSHEET_LIMITS__BATCH_SIZE", "a whole number"],
    );
    refused(with("schedule.run_at_start", "yes"), &["true or false"]);
    refused(
        with("dual_key.a_editors", "a@example.com"),
        &["a list of texts, such as"],
    );
}

#[test]
fn all_errors_come_at_once_with_key_place_and_fix() {
    let text = "mode = 'dry'\nnonsense = 1\n[limits]\nbatch_size = 0\n[belts]\nmax_row_drop = 2\n[aws]\naccount = []";
    let errors = parse(
        text,
        &[("FLEETSHEET_HTTP__LISTEN", "localhost"), ("FLEETSHEET_MO__OD", "x")],
    )
    .unwrap_err();
    let expected = [
        "nonsense (test.toml): is not a key",
        "FLEETSHEET_MO__OD (environment variable FLEETSHEET_MO__OD): sets no key",
        "mode (test.toml): \"dry\" is not known; use \"enforce\" or \"observe\"",
        "limits.batch_size (test.toml): 0 is out of range; use 1 to 1000",
        "sheets.spreadsheet_id: is missing; set spreadsheet_id under [sheets] in test.toml, or set FLEETSHEET_SHEETS__",
        "aws.account (test.toml): is empty; write [[aws.account]] with its keys below instead of this line",
        "belts.max_row_drop (test.toml): 2 is out of range",
        "dual_key.a_editors: is empty",
        "dual_key.b_editors: is empty",
        "http.listen (environment variable FLEETSHEET_HTTP__LISTEN): \"localhost\" is not an address and a port",
    ];
    assert_eq!(errors.len(), expected.len(), "{errors:#?}");
    for (error, start) in errors.iter().zip(expected) {
        assert!(error.starts_with(start), "{error}\nshould start with {start}");
    }
}

#[test]
fn every_refusal_names_the_key_and_the_fix_and_no_secret() {
    for (key, value, part, _) in REFUSALS {
        let errors = with(key, value)
            .err()
            .unwrap_or_else(|| panic!("{key} takes {value:?}"))
            .join("\n");
        assert!(
            errors.contains(part),
            "{key} = {value:?}: {part:?} is not in:\n{errors}"
        );
        let section = key.split('.').next().unwrap();
        assert!(errors.contains(section), "{key} = {value:?}:\n{errors}");
        assert!(!errors.contains("hunter2"), "{key} = {value:?}:\n{errors}");
    }
}

#[test]
fn long_names_are_refused() {
    refused(with("tags.channel", &"k".repeat(128)), &["at most 127"]);
    with("tags.channel", &"k".repeat(127)).unwrap();
    refused(with("sheets.server_tab", &"t".repeat(101)), &["at most 100"]);
}

#[test]
fn keys_held_by_one_hand_are_refused_even_where_nothing_is_protected() {
    let text = LEAST.replace("releases@", "SRE@") + "require_protection = false";
    refused(
        parse(&text, &[]),
        &["dual_key.b_editors", "sre@example.com is in a_editors too"],
    );
    let text = LEAST.replace("[\"sre@example.com\"]", "[]") + "require_protection = false";
    assert!(loads(&text, &[]).dual_key.a_editors.is_empty());
}

#[test]
fn a_table_from_the_environment_replaces_the_files() {
    let text = format!("{LEAST}{MAIL}routes = {{ belt = ['sre@example.com'] }}");
    let config = loads(
        &text,
        &[("FLEETSHEET_EMAIL__ROUTES", "{ release = ['x@example.com'] }")],
    );
    let kinds: Vec<Kind> = config.email.unwrap().routes.into_keys().collect();
    assert_eq!(kinds, [Kind::Release]);
}

#[test]
fn a_sandbox_needs_nothing_else() {
    for (text, pairs) in [("[sandbox]", &[][..]), ("", &[("FLEETSHEET_SANDBOX__SERVERS", "1600")])] {
        let config = loads(text, pairs);
        assert_eq!(config.sandbox, Some(Sandbox::default()));
        assert!(config.aws.accounts.is_empty() && config.dual_key.a_editors.is_empty());
        assert_eq!(config.sheets.spreadsheet_id, "sandbox");
    }
}

#[test]
fn what_is_empty_is_off() {
    let config = loads(
        LEAST,
        &[
            ("FLEETSHEET_LOG__DIR", ""),
            ("FLEETSHEET_HTTP__LISTEN", ""),
            ("FLEETSHEET_AWS__ENDPOINT_URL", ""),
            ("FLEETSHEET_SHEETS__CREDENTIALS_FILE", " \n"),
        ],
    );
    assert_eq!(
        (config.log.dir, config.http.listen, config.aws.endpoint_url),
        (None, None, None)
    );
    assert_eq!(config.sheets.credentials_file, None);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&text, &[]);
        let _ = parse(&String::from_utf8_lossy(&bytes), &[]);
    }

    #[test]
    fn no_value_of_any_key_makes_it_panic(i in 0..OTHERS.len(), text in any::<String>(), shape in "[\\[\\]{}'\"=,:a-z0-9. @/-]{0,40}") {
        let (key, ..) = OTHERS[i];
        let _ = with(key, &text);
        let _ = with(key, &shape);
        let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
        let header = if section.is_empty() { String::new() } else { format!("[{section}]\n") };
        let _ = parse(&format!("{header}{name} = {shape}"), &[]);
    }
}
