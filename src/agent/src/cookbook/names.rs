//! What may be a name of a package, a unit, a user, a path, a word of a command.

use super::fields::Problems;

type At = (usize, usize);

/// Paths that no cookbook writes: the kernel's, and the agent's own.
const FORBIDDEN: [&str; 8] = [
    "/proc",
    "/sys",
    "/dev",
    "/etc/fleetsheet-agent",
    "/var/lib/fleetsheet-agent",
    "/usr/local/bin/fleetsheet-agent",
    "/usr/bin/fleetsheet-agent",
    "/run/fleetsheet-agent.lock",
];

/// An absolute path in its plain form.
pub fn path(text: &str, at: At, problems: &mut Problems) {
    let parts_well = || {
        text.split('/')
            .skip(1)
            .all(|part| !part.is_empty() && part != "." && part != "..")
    };
    if !text.starts_with('/') || !parts_well() {
        problems.wrong(
            at,
            format!("{text:?} is no plain absolute path; write it from / without `..`, `.` and `//`"),
        );
    } else if text.chars().any(char::is_control) || text.len() > 4000 {
        problems.wrong(
            at,
            "a path with control characters, or of more than 4000 bytes; rename it",
        );
    } else if FORBIDDEN
        .iter()
        .any(|dir| text == *dir || text.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/')))
    {
        problems.wrong(
            at,
            format!("{text} is the kernel's or the agent's own; a cookbook may not write there"),
        );
    }
}

/// A path inside the repository.
pub fn source(text: &str, at: At, problems: &mut Problems) {
    let well = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.chars().any(char::is_control);
    if !text.split('/').all(well) || text.contains(':') {
        problems.wrong(
            at,
            format!("{text:?} is no path inside the repository; write it from the top of the repository"),
        );
    }
}

/// A package, maybe with its architecture.
pub fn package(text: &str, at: At, problems: &mut Problems) {
    let first = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let rest = text
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+.-:".contains(c));
    // apt-get takes a name that ends with + or - for an order, but g++ is a package.
    if !first || !rest || text.len() < 2 || text.ends_with('-') {
        problems.wrong(
            at,
            format!("{text:?} is no name of a Debian package; see `apt-cache search`"),
        );
    }
}

/// A version of a package, maybe with `*` at its end.
pub fn package_version(text: &str, at: At, problems: &mut Problems) {
    let body = text.strip_suffix('*').unwrap_or(text);
    let plain = body.chars().all(|c| c.is_ascii_alphanumeric() || ".+-~:".contains(c));
    if !plain || !body.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        problems.wrong(
            at,
            format!("{text:?} is no version of a package; write `latest`, 1.2-3 or 1.2*"),
        );
    }
}

/// A unit of the kind service, with its ending.
pub fn unit(text: &str, at: At, problems: &mut Problems) -> String {
    let name = text.strip_suffix(".service").unwrap_or(text);
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || ":-_.@".contains(c));
    if name.is_empty() || !plain || name.starts_with(['-', '.']) || name.len() > 200 {
        problems.wrong(
            at,
            format!("{text:?} is no name of a service; see `systemctl list-units`"),
        );
    }
    format!("{name}.service")
}

/// A user or a group.
pub fn user(text: &str, at: At, problems: &mut Problems) {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    if text.is_empty() || !plain || text.starts_with('-') || text.len() > 32 {
        problems.wrong(at, format!("{text:?} is no name of a user or group"));
    }
}

/// A mode: three or four octal digits.
pub fn mode(text: &str, at: At, problems: &mut Problems) -> u32 {
    let read = (3..=4)
        .contains(&text.len())
        .then(|| u32::from_str_radix(text, 8).ok())
        .flatten();
    read.unwrap_or_else(|| {
        problems.wrong(
            at,
            format!("{text:?} is no mode; write three or four octal digits in quotes, as \"0644\""),
        );
        0
    })
}

/// The words of a command. A shell only where both the cookbook and the machine say so.
pub fn argv(text: &str, shell: bool, shell_allowed: bool, at: At, problems: &mut Problems) -> Vec<String> {
    if shell && !shell_allowed {
        problems.wrong(
            at,
            "wants a shell, which `commands.shell` of this machine does not allow; write a plain command",
        );
    }
    if shell {
        return vec!["/bin/sh".into(), "-c".into(), text.into()];
    }
    if let Some(c) = text.chars().find(|c| "|;&$<>`\n".contains(*c)) {
        problems.wrong(
            at,
            format!("{c:?} is for a shell, and there is none; write a plain command, or a script as a file"),
        );
        return Vec::new();
    }
    let words = shlex::split(text).unwrap_or_default();
    match words.first() {
        Some(program) if program.starts_with('/') => path(program, at, problems),
        _ => problems.wrong(
            at,
            "a command whose program is no absolute path; write it from /, with its quotes closed",
        ),
    }
    words
}
