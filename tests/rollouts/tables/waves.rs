//! Who is in a wave.

use std::collections::BTreeSet;

/// `to` of a wave as the config has it, the servers that count, how many of them are ticked `canary`, `to` of the next waves;
/// and the size of the wave. `all` is the last wave.
pub(crate) const SIZES: [(&str, usize, usize, &[&str], usize); 29] = [
    // A share is rounded down, and is at least 1.
    ("25%", 100, 0, &[], 25),
    ("25%", 7, 0, &[], 1),
    ("25%", 8, 0, &[], 2),
    ("25%", 3, 0, &[], 1),
    ("10%", 9, 0, &[], 1),
    ("10%", 19, 0, &[], 1),
    ("10%", 20, 0, &[], 2),
    ("50%", 3, 0, &[], 1),
    ("75%", 3, 0, &[], 2),
    ("1%", 199, 0, &[], 1),
    ("99%", 100, 0, &[], 99),
    ("10%", 1500, 0, &[], 150),
    ("25%", 1500, 0, &[], 375),
    ("50%", 1500, 0, &[], 750),
    ("75%", 1500, 0, &[], 1125),
    ("100%", 1500, 0, &[], 1500),
    // Ticked servers come first in a share; they do not make it larger.
    ("10%", 1500, 200, &[], 150),
    // A number is itself, as far as there are servers.
    ("5", 1500, 0, &[], 5),
    ("5", 3, 0, &[], 3),
    // Those ticked, at least 1, at most the next wave that has a number.
    ("canary", 100, 3, &["10%"], 3),
    ("canary", 100, 0, &["10%"], 1),
    ("canary", 100, 30, &["10%"], 10),
    ("canary", 100, 30, &["20"], 20),
    ("canary", 100, 30, &["region:eu", "25%"], 25),
    ("canary", 100, 30, &["region:eu", "all"], 30),
    ("canary", 100, 30, &["all"], 30),
    // The last is everybody.
    ("all", 7, 0, &[], 7),
    ("all", 1, 0, &[], 1),
    ("all", 0, 0, &[], 0),
];

/// A server as a wave sees it, in the channel's order: its name, where it is, and what keeps it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Is {
    Free,
    Canary,
    /// Held, out of sight, or in two rows that disagree.
    Apart,
}

pub(crate) type Who = (&'static str, &'static str, Is);

/// `to`, the servers, who is a member already; and who is one when the wave has taken.
pub(crate) type Take = (
    &'static str,
    &'static [Who],
    &'static [&'static str],
    &'static [&'static str],
);

pub(crate) const TAKEN: [Take; 11] = [
    ("50%", &FOUR, &[], &["a", "b"]),
    ("50%", &FOUR, &["a"], &["a", "b"]),
    // Whoever is a member stays one, wherever it stands in the order, and takes a place.
    ("50%", &FOUR, &["d"], &["a", "d"]),
    ("25%", &FOUR, &["c", "d"], &["c", "d"]),
    // Ticked ones come first, and shift nobody who is a member.
    ("25%", &TICKED, &[], &["c"]),
    ("50%", &TICKED, &["a"], &["a", "c"]),
    ("50%", &TICKED, &["a", "b"], &["a", "b"]),
    // One that is held or out of sight gives its place to the next, and stays a member.
    ("50%", &HELD, &["a"], &["a", "b"]),
    ("25%", &HELD, &[], &["b"]),
    // A place: earlier members and all servers there.
    ("region:us", &FOUR, &["a"], &["a", "c", "d"]),
    ("region:us", &HELD, &["a", "b"], &["a", "b", "c", "d"]),
];

const FOUR: [Who; 4] = [
    ("a", "eu", Is::Free),
    ("b", "eu", Is::Free),
    ("c", "us", Is::Free),
    ("d", "us", Is::Free),
];
const TICKED: [Who; 4] = [
    ("a", "eu", Is::Free),
    ("b", "eu", Is::Free),
    ("c", "us", Is::Canary),
    ("d", "us", Is::Free),
];
const HELD: [Who; 4] = [
    ("a", "eu", Is::Apart),
    ("b", "eu", Is::Free),
    ("c", "us", Is::Free),
    ("d", "us", Is::Free),
];

/// Servers, and the sizes of the waves 10, 25, 50, 75 and 100 %, without those that are skipped because they add nobody.
pub(crate) const STEPS: [(usize, &[usize]); 7] = [
    (1500, &[150, 375, 750, 1125, 1500]),
    (20, &[2, 5, 10, 15, 20]),
    (8, &[1, 2, 4, 6, 8]),
    (4, &[1, 2, 3, 4]),
    (3, &[1, 2, 3]),
    (2, &[1, 2]),
    // The last is never skipped.
    (1, &[1, 1]),
];

/// The size of a wave, worked out from the words of the table.
fn size(to: &str, servers: usize, ticked: usize, next: &[&str]) -> usize {
    let share = |text: &str| match text.strip_suffix('%') {
        Some(share) => share.parse().ok().map(|share: usize| (servers * share / 100).max(1)),
        None => text.parse().ok(),
    };
    let size = match to {
        "all" => servers,
        "canary" => {
            let most = next.iter().find_map(|to| share(to)).unwrap_or(servers);
            ticked.max(1).min(most)
        }
        to => share(to).unwrap_or_else(|| panic!("{to} is neither a share nor a number")),
    };
    size.min(servers)
}

/// Who is a member once the wave has taken.
fn taken<'a>(to: &str, servers: &[Who], members: &BTreeSet<&'a str>) -> BTreeSet<&'a str>
where
    'static: 'a,
{
    let free: Vec<&Who> = servers.iter().filter(|(_, _, is)| *is != Is::Apart).collect();
    let mut after = members.clone();
    if let Some((_, place)) = to.split_once(':') {
        after.extend(free.iter().filter(|(_, at, _)| *at == place).map(|(name, ..)| *name));
        return after;
    }
    let ticked = free.iter().filter(|(_, _, is)| *is == Is::Canary).count();
    let size = size(to, free.len(), ticked, &[]);
    let counted = free.iter().filter(|(name, ..)| members.contains(name)).count();
    let (first, then): (Vec<&&Who>, Vec<&&Who>) = free.iter().partition(|(_, _, is)| *is == Is::Canary);
    let next = first
        .into_iter()
        .chain(then)
        .filter(|(name, ..)| !members.contains(name));
    after.extend(next.take(size.saturating_sub(counted)).map(|(name, ..)| *name));
    after
}

#[test]
fn sizes_of_waves() {
    for (to, servers, ticked, next, expected) in SIZES {
        assert_eq!(
            size(to, servers, ticked, next),
            expected,
            "{to} of {servers}, {ticked} ticked, then {next:?}"
        );
    }
}

#[test]
fn the_searched_model_has_the_same_sizes() {
    for (to, servers, _, _, expected) in SIZES {
        if let Some(share) = to.strip_suffix('%') {
            let share = share.parse().expect("a share");
            assert_eq!(super::super::model::size(servers, share), expected, "{to} of {servers}");
        }
    }
}

#[test]
fn who_is_taken() {
    for (to, servers, members, expected) in TAKEN {
        let members = members.iter().copied().collect();
        let expected: BTreeSet<&str> = expected.iter().copied().collect();
        assert_eq!(
            taken(to, servers, &members),
            expected,
            "{to} of {servers:?}, members {members:?}"
        );
    }
}

#[test]
fn a_wave_that_would_add_nobody_is_skipped_but_for_the_last() {
    for (servers, expected) in STEPS {
        let mut members = 0;
        let mut sizes = Vec::new();
        for (at, to) in ["10%", "25%", "50%", "75%", "100%"].iter().enumerate() {
            let size = size(to, servers, 0, &[]);
            if at == 0 || at == 4 || size > members {
                members = members.max(size);
                sizes.push(size);
            }
        }
        assert_eq!(sizes, expected, "{servers} servers");
    }
}
