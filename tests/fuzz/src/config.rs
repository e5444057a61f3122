//! Any configuration: it is read or refused in words that are printable and never hold a password.

use std::collections::BTreeMap;

use fleetsheet::config::{Config, LogFormat};

use crate::judge;

/// A password that nothing but a leak would print.
const PASSWORD: &str = "correct-horse-7Q";

/// Lines before `---` are `NAME=VALUE` variables, the rest is the file. `PASSWORD` in a mail server's address becomes one.
pub fn config(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (variables, file) = text.split_once("---\n").unwrap_or(("", &text));
    let mut env: BTreeMap<String, String> = BTreeMap::new();
    for line in variables.lines() {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        env.insert(format!("FLEETSHEET_{name}"), value.to_owned());
    }
    let parsed = read(file, &env);
    if data.len().is_multiple_of(8) {
        let again = read(file, &env);
        assert_eq!(
            format!("{again:?}"),
            format!("{parsed:?}"),
            "the same text means the same"
        );
    }
    // The same with a password where passwords are, where people put them all the same, and under a name that is misspelt. One
    // of these for each input, since reading a configuration is slow.
    let near: String = file
        .chars()
        .filter(|c| *c != '\'' && !c.is_control())
        .take(30)
        .collect();
    let address = match data.len() % 3 {
        0 => format!("smtps://user:{PASSWORD}@{near}"),
        1 => format!("smtp{near}://user:{PASSWORD}@mail.example.com"),
        _ => format!("smtp://{near}:{PASSWORD}@mail.example.com"),
    };
    match data.len() % 4 {
        0 => hides(&read(&format!("email.smtp_url = '{address}'\n{file}"), &env)),
        1 => hides(&read(&format!("email.smtp_url = {address}'\n{file}"), &env)),
        2 => {
            env.insert("FLEETSHEET_EMAIL__SMTP_URL".into(), address);
            hides(&read(file, &env));
        }
        _ => {
            env.insert("FLEETSHEET_EMAIL_SMTP_URL".into(), address);
            hides(&read(file, &env));
        }
    }
}

fn read(file: &str, env: &BTreeMap<String, String>) -> Result<Config, String> {
    Config::parse(file, "test.toml", env).map_err(|errors| {
        assert!(!errors.0.is_empty(), "a refusal without a reason");
        let text = errors.to_string();
        assert_eq!(
            text.lines().count(),
            errors.0.len(),
            "one line for each mistake: {text}"
        );
        judge::visible("what is wrong with a configuration", &text);
        text
    })
}

fn hides(read: &Result<Config, String>) {
    let shown = match read {
        Ok(config) => {
            assert!(matches!(config.log.format, LogFormat::Text | LogFormat::Json));
            format!("{config:?}")
        }
        Err(text) => text.clone(),
    };
    assert!(!shown.contains(PASSWORD), "a password is shown: {shown}");
}
