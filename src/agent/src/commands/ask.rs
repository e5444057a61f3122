//! Commands that only ask.

use std::path::Path;

use serde_json::json;

use super::answer::Answer;
use super::running::locked;
use super::shown;
use crate::action::Reason;
use crate::adapters::exec::Program;
use crate::config::{Config, Mode, Verify};
use crate::machine::Stop;
use crate::prepare::{self, Folder};
use crate::preview;
use crate::problem::{Problem, plain};
use crate::rules::Tags;
use crate::run;
use crate::tags;

/// What a run would do.
pub(super) fn plan(
    config: &Config,
    exit_code: bool,
    version: Option<&str>,
    dir: Option<&Path>,
) -> Result<Answer, Stop> {
    let _lock = match locked()? {
        Ok(lock) => lock,
        Err(busy) => return Ok(busy),
    };
    let mut observing = config.clone();
    observing.mode = Mode::Observe;
    let mut machine = run::open(&observing)?;
    let code = |changes: bool| if exit_code && changes { 3 } else { 0 };
    if let Some(dir) = dir {
        let channel = match tags::read(&mut machine, true) {
            Tags::Read {
                channel: Some(channel), ..
            } if fleetsheet_words::version(&channel).is_ok() => channel,
            _ => "web".to_owned(),
        };
        let local = run::local(&machine).map_err(Stop::Circumstances)?;
        let mut release = match preview::working_copy(&machine, dir, &channel, &local) {
            Ok(release) => release,
            Err(problems) => return Ok(Answer::of_problems(&problems, 1)),
        };
        let actions = preview::actions(&mut machine, &mut release, Reason::Release)?;
        let lines: String = actions
            .iter()
            .map(|action| {
                format!(
                    "  {}: {} → {}\n{}",
                    plain(&action.id),
                    plain(&action.before),
                    plain(&action.after),
                    shown::diff(action)
                )
            })
            .collect();
        let said = format!("{} changes for channel {channel}\n{lines}", actions.len());
        return Ok(Answer::new(
            said,
            json!({"actions": actions, "problems": machine.problems}),
            code(!actions.is_empty()),
        ));
    }
    let outcome = match version {
        None => run::run(&mut machine, true)?,
        Some(version) => run::run_version(&mut machine, version)?,
    };
    let changes = !outcome.actions.is_empty();
    let failed = matches!(outcome.outcome, "failed" | "refused" | "broken");
    let json = serde_json::to_value(&outcome).unwrap_or_default();
    Ok(Answer::new(
        shown::outcome(&outcome),
        json,
        if failed { outcome.code() } else { code(changes) },
    ))
}

/// Reads all cookbooks of a working copy: the files at its top and those below it that end in `.yaml` and name a cookbook's parts.
pub(super) fn lint(config: &Config, dir: &Path) -> Answer {
    let names: Vec<String> = match crate::adapters::machine::names(dir, ".yaml") {
        Ok(names) if names.is_empty() => {
            return Answer::of_problems(
                &[Problem::new(
                    "cookbook",
                    dir.display().to_string(),
                    "holds no .yaml file; name the folder of cookbooks",
                )],
                1,
            );
        }
        Ok(names) => names,
        Err(error) => {
            return Answer::of_problems(
                &[Problem::new("cookbook", dir.display().to_string(), error.to_string())],
                1,
            );
        }
    };
    // Channels share base cookbooks: what stands beside the channel's own is read with each, and told once.
    let shared: Vec<String> = config
        .source
        .cookbooks
        .iter()
        .filter(|name| !name.contains("{channel}") && names.contains(name))
        .cloned()
        .collect();
    let mut problems: Vec<Problem> = Vec::new();
    for name in &names {
        let mut together = shared.clone();
        if !together.contains(name) {
            together.push(name.clone());
        }
        let found = prepare::cookbooks(&Folder(dir), &together, prepare::allowed(config)).err();
        problems.extend(found.into_iter().flatten());
    }
    problems.sort();
    problems.dedup();
    if problems.is_empty() {
        let said = format!("{} cookbooks are well: {}\n", names.len(), names.join(", "));
        return Answer::new(said, json!({"problems": [], "cookbooks": names}), 0);
    }
    Answer::of_problems(&problems, 1)
}

/// Families of instances that are not Nitro: their IMDS shows a changed tag after stop and start only.
const XEN: [&str; 26] = [
    "c1", "c3", "c4", "cc2", "cr1", "d2", "f1", "g2", "g3", "g3s", "h1", "hs1", "i2", "i3", "m1", "m2", "m3", "m4",
    "p2", "p3", "r3", "r4", "t1", "t2", "x1", "x1e",
];

fn is_nitro(kind: &str) -> bool {
    let (family, size) = kind.split_once('.').unwrap_or((kind, ""));
    !XEN.contains(&family) || size.contains("metal")
}

/// What the agent needs.
pub(super) fn check(config: &Config) -> Answer {
    let mut lines: Vec<(bool, String)> = Vec::new();
    let mut look = |well: bool, what: &str, fix: &str| {
        lines.push((
            well,
            if well {
                what.to_owned()
            } else {
                format!("{what}: {fix}")
            },
        ))
    };
    let second = std::time::Duration::from_secs(10);
    for (program, argument, package) in [
        ("git", "--version", "git"),
        ("apt-get", "--version", "apt"),
        ("systemctl", "--version", "systemd"),
        ("ssh", "-V", "openssh-client"),
    ] {
        look(
            Program::new(program, [argument], second).run().is_well(),
            program,
            &format!("apt-get install {package}"),
        );
    }
    look(
        !config.source.url.is_empty(),
        "source.url",
        "set it in the configuration",
    );
    let signed = config.source.verify == Verify::None
        || crate::adapters::disk::text(&config.source.allowed_signers).is_ok_and(|text| text.is_some());
    look(
        signed,
        "source.allowed_signers",
        "put the file of allowed signers there",
    );
    match run::open(config) {
        Ok(mut machine) => {
            look(
                machine.imds.is_some(),
                "IMDS",
                "it does not answer; see metadata options of the instance",
            );
            look(
                !machine.identity.instance_id.is_empty(),
                "instance identity",
                "IMDS does not say who this is",
            );
            let tags = tags::read(&mut machine, true);
            let why = if let Tags::Unreadable(why) = &tags {
                why.clone()
            } else {
                String::new()
            };
            look(why.is_empty(), "tags", &why);
            look(
                is_nitro(&machine.identity.instance_type) || config.tags.source == crate::config::TagSource::Api,
                "tags that change while it runs",
                "not a Nitro instance; set tags.source = \"api\"",
            );
            look(
                machine.imds.as_ref().is_some_and(|imds| imds.credentials().is_ok()),
                "role",
                "give the instance a profile with iam-policy.json",
            );
        }
        Err(stop) => look(false, "state.dir", stop.why()),
    }
    let code = u8::from(lines.iter().any(|(well, _)| !well));
    let text: String = lines
        .iter()
        .map(|(well, line)| format!("{} {}\n", if *well { "ok " } else { "FIX" }, plain(line)))
        .collect();
    let json =
        json!({"checks": lines.iter().map(|(well, line)| json!({"ok": well, "what": line})).collect::<Vec<_>>()});
    Answer::new(text, json, code)
}

/// The last runs.
pub(super) fn history(config: &Config, most: usize) -> Result<Answer, Stop> {
    let machine = run::open(config)?;
    let lines = machine.store.lines("history.jsonl", most);
    let text: String = lines
        .iter()
        .map(|line| {
            let word = |key: &str| plain(line.get(key).and_then(|value| value.as_str()).unwrap_or_default());
            let acts = line
                .get("actions")
                .and_then(|actions| actions.as_array())
                .map_or(0, Vec::len);
            format!(
                "{} {} {} {} ({acts} acts)\n",
                word("run"),
                word("outcome"),
                word("state"),
                word("detail")
            )
        })
        .collect();
    Ok(Answer::new(text, json!({ "history": lines }), 0))
}

/// What was corrected.
pub(super) fn drift(config: &Config, id: Option<&str>) -> Result<Answer, Stop> {
    use base64::Engine as _;
    let machine = run::open(config)?;
    let kept = crate::adapters::machine::folder(&machine.store.dir.join("drift"), ".json")?;
    let kept: Vec<serde_json::Value> = kept
        .values()
        .filter_map(|text| serde_json::from_str(text).ok())
        .collect();
    let kept: Vec<_> = kept
        .into_iter()
        .filter(|one| id.is_none_or(|id| one["id"] == id))
        .collect();
    let mut text = String::new();
    for one in &kept {
        text.push_str(&format!(
            "{} {}\n",
            one["at"].as_str().unwrap_or_default(),
            plain(one["id"].as_str().unwrap_or_default())
        ));
        let stood = base64::prelude::BASE64_STANDARD
            .decode(one["stood"]["content"].as_str().unwrap_or_default())
            .unwrap_or_default();
        for line in String::from_utf8_lossy(&stood).lines().filter(|_| id.is_some()) {
            text.push_str(&format!("    {}\n", plain(line)));
        }
    }
    Ok(Answer::new(text, json!({ "drift": kept }), 0))
}
