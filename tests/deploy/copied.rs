//! Commands that people copy from the pages: the program takes each of them, and what they make of the policies is a policy.

use std::ffi::OsString;
use std::process::Command;

use fleetsheet::cli::Invocation;
use serde_json::Value;

use super::read;

/// The lines of a page that are to be typed into a shell, those that go on on the next one joined.
fn lines(page: &str) -> Vec<String> {
    let text = read(page);
    let blocks = text
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    let joined = blocks.map(|block| block.replace("\\\n", " "));
    joined
        .flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// The words of a line, as a shell reads them.
fn words(line: &str) -> Vec<String> {
    let script = format!("for word in {line}; do printf '%s\\0' \"$word\"; done");
    let output = Command::new("sh").args(["-fc", &script]).output().unwrap();
    assert!(output.status.success(), "{line}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_terminator('\0').map(str::to_owned).collect()
}

#[test]
fn the_program_takes_every_command_that_is_to_be_copied() {
    let mut taken = 0;
    for page in ["README.md", "NIGHT.md"] {
        for line in lines(page) {
            let call = line
                .strip_prefix("fleetsheet ")
                .or_else(|| Some(line.split_once(" /fleetsheet ")?.1));
            let Some(call) = call else { continue };
            let arguments = std::iter::once("fleetsheet".to_owned())
                .chain(words(call))
                .map(OsString::from);
            let parsed = Invocation::parse(arguments, None, |_| false);
            parsed.unwrap_or_else(|error| panic!("{page}: {line}: {error}"));
            taken += 1;
        }
    }
    assert!(taken > 25, "{taken}");
}

/// The steps with `sed` are run as they stand, and what they leave is read.
#[test]
fn policies_made_by_the_steps_name_ones_own_accounts_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut made = 0;
    for line in lines("README.md").iter().filter(|line| line.starts_with("sed ")) {
        let output = Command::new("sh")
            .args(["-euc", &line.replace('>', &format!(">{}/", dir.path().display()))])
            .env("ACCOUNT", "444455556666")
            .env("HOST", "777788889999")
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
        let (_, file) = line.split_once('>').unwrap();
        let text = std::fs::read_to_string(dir.path().join(file)).unwrap();
        serde_json::from_str::<Value>(&text).unwrap();
        assert!(
            text.contains("444455556666") || text.contains("777788889999:role/fleetsheet\""),
            "{line}: {text}"
        );
        for other in ["123456789012", "111122223333", "fleetsheet-host"] {
            assert!(!text.contains(other), "{line}: {text}");
        }
        made += 1;
    }
    assert_eq!(made, 4);
}

#[test]
fn what_is_given_to_aws_inline_is_a_policy() {
    let inline: Vec<String> = lines("README.md")
        .into_iter()
        .filter(|line| line.contains("'{\"Version\""))
        .collect();
    assert_eq!(inline.len(), 1);
    let policy: Value = serde_json::from_str(inline[0].split('\'').nth(1).unwrap()).unwrap();
    assert_eq!(policy["Statement"][0]["Principal"]["Service"], "ec2.amazonaws.com");
}
