//! The memory that the files for systemd and Kubernetes allow is what the page says that a pass takes, twice.

use super::{CONTAINERS, UNITS, read, values};

/// The number before each of these words, in order.
fn before<'a>(text: &str, words: impl IntoIterator<Item = &'a str>) -> Vec<f64> {
    let mut rest = text;
    let mut numbers = Vec::new();
    for word in words {
        let (number, after) = rest.split_once(word).unwrap_or_else(|| panic!("no {word:?} in {rest}"));
        let number = number.split_ascii_whitespace().next_back().unwrap();
        numbers.push(number.replace(',', "").parse().unwrap());
        rest = after;
    }
    numbers
}

#[test]
fn the_limits_follow_from_the_measured_line() {
    let page = read("README.md");
    let (_, section) = page.split_once("\n## Memory\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let section = section.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    let (_, line) = section.split_once("That is ").unwrap();
    let [least, each] = before(line, [" MiB, and", " MiB for each 1,000 servers"])[..] else {
        unreachable!("two were asked for")
    };
    let (_, limits) = section.split_once("are twice that: ").unwrap();
    let [containers, units] = before(limits, [" servers, `MemoryMax", ". Whoever has more"])[..] else {
        unreachable!("two were asked for")
    };
    let needed = |servers: f64| 2.0 * (least + each * servers / 1000.0);
    for file in CONTAINERS {
        assert_eq!(values(&read(file), "limits: "), ["{memory: 512Mi}"], "{file}");
    }
    for file in UNITS.iter().chain(&["fleetsheet-allow@.service"]) {
        assert_eq!(values(&read(file), "MemoryMax="), ["1G"], "{file}");
    }
    for (servers, limit) in [(containers, 512.0), (units, 1024.0)] {
        let share = needed(servers) / limit;
        assert!(
            (0.9..=1.0).contains(&share),
            "{servers} servers need {} MiB of {limit}",
            needed(servers)
        );
    }
    // The line holds for the rows of the table above it.
    let rows = section
        .split(" | ")
        .map(|cell| cell.trim_matches(|c| c == '|' || c == ' '));
    let cells: Vec<f64> = rows.filter_map(|cell| cell.replace(',', "").parse().ok()).collect();
    assert!(cells.len() >= 12, "{section}");
    for row in cells.chunks_exact(4) {
        let most = row[1..].iter().copied().fold(0.0, f64::max);
        assert!(most <= 1.05 * (least + each * row[0] / 1000.0), "{row:?}");
    }
}
