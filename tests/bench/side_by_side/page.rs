//! The figures as tables in Markdown, put between marks into `tests/README.md`.

use std::path::Path;

use crate::tools::Cost;
use crate::world::Shape;

const BEGINS: &str = "<!-- side by side begins: `cargo bench --bench side_by_side` writes it -->";
const ENDS: &str = "<!-- side by side ends -->";

/// One line of the second table.
pub(crate) struct Alone {
    pub(crate) shape: Shape,
    /// Whether the whole program ran, over emulators.
    pub(crate) whole: bool,
    pub(crate) cost: Cost,
}

/// The tools' table, and the table of fleetsheet alone.
pub(crate) fn tables(tools: &[(String, Cost)], alone: &[Alone]) -> String {
    let mut text = String::from(
        "| 1,500 servers, one region | time | calls | throttled | sent | received | peak memory |\n| --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for (name, cost) in tools {
        text.push_str(&format!("| {name} | {} |\n", cells(cost)));
    }
    text.push_str(
        "\n| servers | pairs | tag sets | 10 % throttled | time | calls | throttled | sent | received | peak memory | what ran |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for Alone { shape, whole, cost } in alone {
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} |\n",
            number(shape.servers as u64),
            shape.pairs,
            number(shape.sets as u64),
            if shape.throttled { "yes" } else { "" },
            cells(cost),
            if *whole {
                "the program"
            } else {
                "plan, check and tagging"
            },
        ));
    }
    text
}

fn cells(cost: &Cost) -> String {
    let bytes = |of: fn(&fleetsheet_mocks::faults::Traffic) -> u64| {
        cost.traffic
            .as_ref()
            .map_or_else(String::new, |traffic| size(of(traffic)))
    };
    format!(
        "{} | {} | {} | {} | {} | {}",
        time(cost.seconds),
        number(cost.calls),
        number(cost.throttled),
        bytes(|t| t.sent),
        bytes(|t| t.received),
        size(cost.peak_kb * 1024),
    )
}

pub(crate) fn time(seconds: f64) -> String {
    match seconds {
        s if s < 9.95 => format!("{s:.2} s"),
        s if s < 99.5 => format!("{s:.1} s"),
        s => format!("{s:.0} s"),
    }
}

pub(crate) fn number(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    groups.join(",")
}

fn size(bytes: u64) -> String {
    match bytes as f64 {
        // Not measured.
        0.0 => String::new(),
        b if b < 1024.0 * 1024.0 => format!("{:.0} kB", b / 1024.0),
        b => format!("{:.1} MB", b / 1024.0 / 1024.0),
    }
}

/// Puts the tables into the page.
pub(crate) fn write(tables: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/README.md");
    let page = std::fs::read_to_string(&path).expect("the page can be read");
    let (head, rest) = page.split_once(BEGINS).expect("the page has the first mark");
    let (_, tail) = rest.split_once(ENDS).expect("the page has the second mark");
    std::fs::write(path, format!("{head}{BEGINS}\n{tables}{ENDS}{tail}")).expect("the page can be written");
}
