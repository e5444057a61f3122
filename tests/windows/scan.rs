//! An independent calculation of windows: it walks over the minutes and looks at a clock.
//!
//! When each clock is changed stands in `offsets.txt`, which was made from another copy of the zone data (Python's zoneinfo): a
//! line for each change with the zone, the moment in seconds since 1970, and the minutes that the clock is ahead of UTC from
//! then on.

use std::ops::Add;

const OFFSETS: &str = include_str!("offsets.txt");
const DAY: i64 = 24 * 60;
/// 2024 to 2027, from noon to noon, in minutes.
const YEARS: (i64, i64) = (28_401_120 - DAY / 2, 30_504_960 + DAY / 2);

/// A clock of a zone.
pub struct Clock {
    pub zone: String,
    /// From when on, in minutes, it is how far ahead.
    changes: Vec<(i64, i64)>,
}

/// What became of windows by changes of clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    pub openings: usize,
    pub shortened: usize,
    pub left_out: usize,
    /// Would have been longer without the rule.
    pub kept_short: usize,
}

impl Add for Seen {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            openings: self.openings + other.openings,
            shortened: self.shortened + other.shortened,
            left_out: self.left_out + other.left_out,
            kept_short: self.kept_short + other.kept_short,
        }
    }
}

fn minutes(time: &str) -> i64 {
    let (hour, minute) = time.split_once(':').unwrap();
    hour.parse::<i64>().unwrap() * 60 + minute.parse::<i64>().unwrap()
}

impl Clock {
    pub fn all() -> Vec<Self> {
        let mut clocks: Vec<Self> = Vec::new();
        for line in OFFSETS.lines() {
            let parts: Vec<&str> = line.split(' ').collect();
            let change = (parts[1].parse::<i64>().unwrap() / 60, parts[2].parse().unwrap());
            match clocks.last_mut().filter(|clock| clock.zone == parts[0]) {
                Some(clock) => clock.changes.push(change),
                None => clocks.push(Self {
                    zone: parts[0].to_owned(),
                    changes: vec![change],
                }),
            }
        }
        clocks
    }

    /// Whether it is changed within two days.
    pub fn changes_near(&self, seconds: i64) -> bool {
        let near = |(at, _): &(i64, i64)| (at * 60 - seconds).abs() < 2 * 86_400;
        self.changes.iter().any(near)
    }

    /// What it shows at each step, in minutes since 1970 on its own dial.
    fn shown(&self, step: i64) -> Vec<(i64, i64)> {
        let mut shown = Vec::new();
        let mut changes = self.changes.iter().peekable();
        let (mut at, mut ahead) = (self.changes[0].0, 0);
        while at < YEARS.1 + 3 * DAY {
            while let Some((_, offset)) = changes.next_if(|(from, _)| *from <= at) {
                ahead = *offset;
            }
            shown.push((at, at + ahead));
            at += step;
        }
        shown
    }

    /// The openings that begin in 2024 to 2027, each with its end for starts and its end, in seconds since 1970.
    pub fn openings(
        &self,
        days: &[&str],
        start: &str,
        end: &str,
        cutoff: u64,
        step: i64,
    ) -> (Vec<(i64, i64, i64)>, Seen) {
        let (start, mut end) = (minutes(start), minutes(end));
        if end < start {
            end += DAY;
        }
        let shown = self.shown(step);
        let (mut opening, mut closing) = (0, 0);
        let (mut spans, mut seen) = (Vec::new(), Seen::default());
        for day in shown[0].1 / DAY + 1..shown[shown.len() - 1].1 / DAY - 1 {
            // The first minute that shows it or more: no earlier one does, because none showed what was looked for before.
            while shown[opening].1 < day * DAY + start {
                opening += 1;
            }
            while shown[closing].1 < day * DAY + end {
                closing += 1;
            }
            // 1 January 1970 was a Thursday.
            let name = super::WEEK[((day + 3) % 7) as usize];
            let (opens, natural) = (shown[opening].0, shown[closing].0);
            if !days.contains(&name) || opens <= YEARS.0 || opens >= YEARS.1 {
                continue;
            }
            let closes = natural.min(opens + end - start);
            seen.kept_short += usize::from(natural > closes);
            let until = closes - cutoff as i64;
            if opens >= until {
                seen.left_out += 1;
                continue;
            }
            seen.openings += 1;
            seen.shortened += usize::from(closes - opens < end - start);
            spans.push((opens * 60, until * 60, closes * 60));
        }
        (spans, seen)
    }
}
