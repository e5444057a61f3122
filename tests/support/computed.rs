//! How much a program has computed, as the system counts it.

use std::time::Duration;

/// The processor time of a process so far, to the tick of 10 ms that Linux counts in (proc(5), `stat`). None once it has ended.
pub(crate) fn computed(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields = stat.rsplit(')').next()?.split_whitespace();
    let ticks: u64 = fields
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum();
    Some(Duration::from_millis(ticks * 10))
}
