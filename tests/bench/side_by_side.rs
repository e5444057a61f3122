//! fleetsheet beside the tools that it replaces, over the same emulators, and fleetsheet alone over fleets of many shapes.
//!
//! `cargo bench --bench side_by_side` takes about half an hour, and writes tables into `tests/README.md` and the picture beside this
//! file. With `-- tools`, `-- program` or `-- alone` it measures that part anew, and with `-- draw` nothing; what was measured
//! before is kept for the tables.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "it prints figures, and stops where it cannot get them"
)]

#[path = "side_by_side/alone.rs"]
mod alone;
#[path = "side_by_side/kept.rs"]
mod kept;
#[path = "side_by_side/page.rs"]
mod page;
#[path = "../support/planned.rs"]
mod planned;
#[path = "side_by_side/plot.rs"]
mod plot;
#[expect(dead_code, reason = "most of it is for the suites over emulators")]
#[path = "../support/stage.rs"]
mod stage;
#[path = "side_by_side/tools.rs"]
mod tools;
#[expect(dead_code, reason = "no server is started here")]
#[path = "../support/venv.rs"]
mod venv;
#[path = "side_by_side/world.rs"]
mod world;

use kept::Kept;
use page::Alone;
use tools::{Cost, Tool, promote};
use world::Shape;

/// The fleet that all tools promote.
const FLEET: Shape = Shape::new(1_500, 1, 1);

const TOOLS: [Tool; 4] = [
    Tool::Fleetsheet,
    Tool::Custodian,
    Tool::OneByOne { threads: 32 },
    Tool::OneByOne { threads: 1 },
];

/// What the whole program is measured with.
const WHOLE: [Shape; 13] = [
    Shape::new(1_500, 1, 1),
    Shape::new(1_500, 8, 1),
    Shape::new(1_500, 64, 1),
    Shape::new(1_500, 1, 20),
    Shape::new(1_500, 1, 1_500),
    Shape::new(1_500, 8, 1_500),
    Shape::new(1_500, 1, 1).throttled(),
    Shape::new(1_500, 1, 20).throttled(),
    Shape::new(1_500, 8, 1_500).throttled(),
    Shape::new(15_000, 1, 1),
    Shape::new(15_000, 8, 1),
    Shape::new(15_000, 64, 1),
    Shape::new(15_000, 8, 20),
];

/// What would measure the emulators rather than the program.
const IN_PROCESS: [Shape; 12] = [
    Shape::new(100_000, 1, 1),
    Shape::new(100_000, 8, 1),
    Shape::new(100_000, 64, 1),
    Shape::new(100_000, 8, 20),
    Shape::new(100_000, 8, 1_500),
    Shape::new(100_000, 8, 1).throttled(),
    Shape::new(1_000_000, 1, 1),
    Shape::new(1_000_000, 8, 1),
    Shape::new(1_000_000, 64, 1),
    Shape::new(1_000_000, 8, 20),
    Shape::new(1_000_000, 8, 1_500),
    Shape::new(1_000_000, 8, 1).throttled(),
];

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let Some(said) = alone::serve(&arguments).await {
        println!("{said}");
        return;
    }
    let asked = |part: &str| arguments.is_empty() || arguments.iter().any(|word| word == part);
    let mut kept = Kept::load();
    if asked("tools") {
        for tool in TOOLS {
            note(&mut kept, &tool.name(), promote(tool, FLEET).await);
        }
    }
    if asked("program") {
        for shape in WHOLE {
            note(&mut kept, &shape.to_string(), promote(Tool::Fleetsheet, shape).await);
        }
    }
    if asked("alone") {
        for shape in IN_PROCESS {
            note(&mut kept, &shape.to_string(), alone::measure(shape));
        }
    }
    let tools = TOOLS.map(Tool::name).into_iter();
    let tools: Vec<_> = tools
        .filter_map(|name| Some((name.clone(), kept.get(&name)?.clone())))
        .collect();
    let whole = WHOLE.into_iter().map(|shape| (shape, true));
    let rows = whole.chain(IN_PROCESS.into_iter().map(|shape| (shape, false)));
    let row = |(shape, whole): (Shape, bool)| {
        let cost = kept.get(&shape.to_string())?.clone();
        Some(Alone { shape, whole, cost })
    };
    let rows: Vec<Alone> = rows.filter_map(row).collect();
    page::write(&page::tables(&tools, &rows));
    plot::write(&plot::picture(&tools, &rows));
}

/// Keeps what a run took, and says how far it is.
fn note(kept: &mut Kept, what: &str, cost: Cost) {
    println!(
        "{what}: {:.2} s, {} calls, {} throttled",
        cost.seconds, cost.calls, cost.throttled
    );
    kept.keep(what, cost);
}
