//! `after`: no channels may wait for each other, however many stand between. A channel that its own strategy names there waits for
//! none of itself, and the others of the strategy wait for it.

use std::collections::BTreeSet;

use crate::config::read::Reader;
use crate::rollout::Strategy;
use crate::tag::ChannelName;

/// Reports each circle once, at the strategy of its first channel. Only channels that others wait for can be in one; what they
/// wait for themselves is what the first strategy that names them says.
pub(super) fn refuse_circles(r: &mut Reader, strategies: &[Strategy]) {
    let of = |name: &ChannelName| strategies.iter().position(|it| it.channels.name(name.as_str()));
    let mut told: BTreeSet<&ChannelName> = BTreeSet::new();
    for start in strategies.iter().flat_map(|strategy| &strategy.after) {
        if told.contains(start) {
            continue;
        }
        let Some(circle) = circle(start, strategies, &of) else {
            continue;
        };
        told.extend(&circle);
        let Some(i) = of(start) else { continue };
        let shown = format!("strategy[{i}].after");
        let names: Vec<&str> = circle.iter().chain([&start]).map(|name| name.as_str()).collect();
        let message = format!(
            "{start} waits for {}, so none of them could ever start; take one of these names out",
            names[1..].join(", which waits for ")
        );
        r.fail_inside("strategy", &shown, message);
    }
}

/// The channels of the shortest circle from this one back to it.
fn circle<'s>(
    start: &'s ChannelName,
    strategies: &'s [Strategy],
    of: &impl Fn(&ChannelName) -> Option<usize>,
) -> Option<Vec<&'s ChannelName>> {
    let mut seen = BTreeSet::new();
    let mut paths = vec![vec![start]];
    while !paths.is_empty() {
        let mut longer = Vec::new();
        for path in paths {
            let last = path.last()?;
            let Some(i) = of(last) else { continue };
            for next in strategies[i].first(last) {
                if next == start {
                    return Some(path);
                }
                if seen.insert(next) {
                    longer.push([path.as_slice(), &[next]].concat());
                }
            }
        }
        paths = longer;
    }
    None
}
