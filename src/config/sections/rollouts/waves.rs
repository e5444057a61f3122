//! The waves of a `[[strategy]]`: each a size, or a table of a size and how long it is watched.

use std::ops::RangeInclusive;
use std::time::Duration;

use figment::value::Value;

use crate::config::model::Account;
use crate::config::read::text_of;
use crate::config::syntax::DAY;
use crate::config::table::Table;
use crate::rollout::{Size, Wave};

/// The waves of a strategy that names none.
const USUAL: [&str; 5] = ["10%", "25%", "50%", "75%", "100%"];
/// How long a wave may be watched.
pub(super) const BAKES: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(365 * DAY.as_secs());

/// The waves, the last of which takes everybody.
pub(super) fn waves(table: &mut Table<'_>, accounts: Option<&[Account]>) -> Option<Vec<Wave>> {
    let listed = match table.value("waves") {
        None => USUAL.map(Value::from).into(),
        Some(Value::Array(_, listed)) => listed,
        Some(_) => {
            table.fail(
                "waves",
                "is not a list; write the sizes of the waves: [\"10%\", \"50%\", \"100%\"]",
            );
            return None;
        }
    };
    let count = listed.len();
    let read: Vec<Option<Wave>> = listed
        .into_iter()
        .enumerate()
        .map(|(i, value)| wave(table, &format!("waves[{i}]"), value))
        .collect();
    let known: Vec<(usize, &Wave)> = read
        .iter()
        .enumerate()
        .filter_map(|(i, wave)| Some((i, wave.as_ref()?)))
        .collect();
    let wrongs: Vec<(usize, String)> = known
        .iter()
        .enumerate()
        .filter_map(|(at, (i, wave))| {
            let earlier: Vec<&Size> = known[..at].iter().map(|(_, wave)| &wave.to).collect();
            let why = misplaced(&wave.to, &earlier).or_else(|| nowhere(&wave.to, accounts?))?;
            Some((*i, why))
        })
        .collect();
    let fine = wrongs.is_empty() && known.len() == count;
    for (i, why) in wrongs {
        table.fail(&format!("waves[{i}]"), why);
    }
    let mut waves: Vec<Wave> = read.into_iter().collect::<Option<_>>()?;
    if waves.last().is_none_or(|wave| wave.to != Size::ALL) {
        waves.push(Wave {
            to: Size::ALL,
            bake: None,
            manual: false,
        });
    }
    fine.then_some(waves)
}

fn wave(table: &mut Table<'_>, name: &str, value: Value) -> Option<Wave> {
    let Value::Dict(_, fields) = value else {
        let to = text_of(&value).and_then(str::parse).map_err(|message| match value {
            Value::Num(..) => "holds a number; write it in quotes, such as \"5\" or \"25%\"".to_owned(),
            _ => message,
        });
        return match to {
            Ok(to) => Some(Wave {
                to,
                bake: None,
                manual: false,
            }),
            Err(message) => {
                table.fail(name, message);
                None
            }
        };
    };
    let mut inner = table.inner(name, fields);
    let known = ["to", "bake", "manual"];
    inner.refuse_unknown(&known, |_| {
        Some(format!("is not a key; a wave knows {}", known.join(", ")))
    });
    let to = inner.required("to", "write how far the wave goes, such as to = \"10%\"", str::parse);
    let bake = inner
        .has("bake")
        .then(|| inner.duration("bake", Duration::ZERO, &BAKES));
    let manual = inner.flag("manual");
    Some(Wave {
        to: to?,
        bake: match bake {
            None => None,
            Some(bake) => Some(bake?),
        },
        manual: manual?,
    })
}

/// What is wrong with a wave that follows these.
fn misplaced(to: &Size, earlier: &[&Size]) -> Option<String> {
    if earlier.contains(&&Size::ALL) {
        return Some(format!(
            "{to} follows 100%, which is everybody; make 100% the last wave"
        ));
    }
    let number = |size: &Size| match size {
        Size::Share(share) => Some((true, *share)),
        Size::Count(count) => Some((false, *count)),
        _ => None,
    };
    let Some((is_share, size)) = number(to) else {
        let twice = earlier.contains(&to);
        return twice.then(|| format!("{to} is a wave already, so this one would add nobody; take one out"));
    };
    let before = earlier
        .iter()
        .rev()
        .find(|before| number(before).is_some_and(|(share, _)| share == is_share))?;
    let grows = number(before).is_some_and(|(_, before)| size > before);
    (!grows).then(|| format!("{to} is not more than the {before} before it; let each wave be larger"))
}

/// What is wrong with a place where no server can be.
fn nowhere(to: &Size, accounts: &[Account]) -> Option<String> {
    let regions = || accounts.iter().flat_map(|account| &account.regions);
    let (there, known) = match to {
        Size::Account(name) => (
            accounts.iter().any(|account| account.name == *name),
            accounts.iter().map(|account| account.name.as_str()).collect(),
        ),
        Size::Region(name) => (regions().any(|region| region == name), listed(regions())),
        Size::Zone(name) => (
            regions().any(|region| name.len() > region.len() && name.starts_with(region.as_str())),
            listed(regions()),
        ),
        _ => return None,
    };
    let what = if matches!(to, Size::Account(_)) {
        "accounts"
    } else {
        "regions"
    };
    (!there).then(|| {
        format!(
            "{to} is nowhere in [[aws.account]], whose {what} are {}; write one of them",
            known.join(", ")
        )
    })
}

fn listed<'a>(regions: impl Iterator<Item = &'a String>) -> Vec<&'a str> {
    let mut listed: Vec<&str> = regions.map(String::as_str).collect();
    listed.sort_unstable();
    listed.dedup();
    listed
}
