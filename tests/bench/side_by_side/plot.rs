//! The figures as a picture: the tools beside each other, and fleetsheet alone over the size of the fleet. Both scales are
//! logarithmic.

use std::fmt::Write as _;
use std::path::Path;

use crate::page::{Alone, number, time};
use crate::tools::Cost;

const WIDTH: f64 = 920.0;
const HEIGHT: f64 = 350.0;
const INK: &str = "#24292f";
const FAINT: &str = "#d0d7de";
const GREY: &str = "#8c959f";
const COLOURS: [&str; 3] = ["#0969da", "#1a7f37", "#bc4c00"];

/// Where values lie on an axis.
struct Axis {
    least: f64,
    most: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn at(&self, value: f64) -> f64 {
        let part = (value / self.least).log10() / (self.most / self.least).log10();
        self.from + part * (self.to - self.from)
    }

    /// The powers of ten on it.
    fn ticks(&self) -> impl Iterator<Item = f64> {
        let (first, last) = (self.least.log10().ceil() as i32, self.most.log10().floor() as i32);
        (first..=last).map(|power| 10_f64.powi(power))
    }
}

/// The picture as SVG.
pub(crate) fn picture(tools: &[(String, Cost)], alone: &[Alone]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\" \
         fill=\"{INK}\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n"
    );
    bars(&mut svg, tools);
    lines(&mut svg, alone);
    svg.push_str("</svg>\n");
    svg
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, what: &str) {
    let what = what.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{what}</text>"
    );
}

fn title(svg: &mut String, x: f64, what: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"24\" font-size=\"14\" font-weight=\"bold\">{what}</text>"
    );
}

fn line(svg: &mut String, (x1, y1): (f64, f64), (x2, y2): (f64, f64), colour: &str) {
    let _ = writeln!(
        svg,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\"/>"
    );
}

/// The time that each tool takes.
fn bars(svg: &mut String, tools: &[(String, Cost)]) {
    title(svg, 16.0, "A promotion of 1,500 servers");
    let axis = Axis {
        least: 0.1,
        most: 1000.0,
        from: 20.0,
        to: 400.0,
    };
    for tick in axis.ticks() {
        let x = axis.at(tick);
        line(svg, (x, 40.0), (x, 300.0), FAINT);
        text(svg, (x, 318.0), "middle", &format!("{tick} s"));
    }
    for (n, (name, cost)) in tools.iter().enumerate() {
        let y = 72.0 + 62.0 * n as f64;
        let colour = if n == 0 { COLOURS[0] } else { GREY };
        let wide = axis.at(cost.seconds) - axis.from;
        text(svg, (axis.from + 4.0, y - 7.0), "start", name);
        let _ = writeln!(
            svg,
            "<rect x=\"{:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"22\" fill=\"{colour}\"/>",
            axis.from
        );
        let calls = format!("{}, {} calls", time(cost.seconds), number(cost.calls));
        text(svg, (axis.from + wide + 6.0, y + 16.0), "start", &calls);
    }
}

/// How fleetsheet's time grows with the fleet, for each number of accounts' regions.
fn lines(svg: &mut String, alone: &[Alone]) {
    title(svg, 500.0, "fleetsheet, one set of tags");
    let across = Axis {
        least: 1000.0,
        most: 1_500_000.0,
        from: 550.0,
        to: 890.0,
    };
    let up = Axis {
        least: 0.1,
        most: 1000.0,
        from: 300.0,
        to: 50.0,
    };
    for tick in up.ticks() {
        line(svg, (across.from, up.at(tick)), (across.to, up.at(tick)), FAINT);
        text(svg, (across.from - 8.0, up.at(tick) + 4.0), "end", &format!("{tick} s"));
    }
    for tick in across.ticks() {
        line(svg, (across.at(tick), up.from), (across.at(tick), up.to), FAINT);
        text(svg, (across.at(tick), 318.0), "middle", &number(tick as u64));
    }
    text(
        svg,
        ((across.from + across.to) / 2.0, 338.0),
        "middle",
        "servers (hollow: plan, check and tagging alone)",
    );
    for (n, (pairs, colour)) in [1, 8, 64].into_iter().zip(COLOURS).enumerate() {
        let of = |it: &&Alone| it.shape.pairs == pairs && it.shape.sets == 1 && !it.shape.throttled;
        let place = |it: &Alone| (across.at(it.shape.servers as f64), up.at(it.cost.seconds.max(up.least)));
        // The program and its parts alone are two things: no line joins them.
        for whole in [true, false] {
            let points = alone
                .iter()
                .filter(of)
                .filter(|it| it.whole == whole)
                .map(place)
                .collect();
            series(svg, points, colour, if whole { colour } else { "#ffffff" });
        }
        let y = 62.0 + 18.0 * n as f64;
        line(svg, (across.from + 12.0, y), (across.from + 34.0, y), colour);
        let what = match pairs {
            1 => "1 account and region".to_owned(),
            more => format!("{more} accounts and regions"),
        };
        text(svg, (across.from + 40.0, y + 4.0), "start", &what);
    }
}

/// Points of one kind and the line through them.
fn series(svg: &mut String, points: Vec<(f64, f64)>, colour: &str, fill: &str) {
    let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let path = path.join(" ");
    let _ = writeln!(
        svg,
        "<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>"
    );
    for (x, y) in points {
        let _ = writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{fill}\" stroke=\"{colour}\" stroke-width=\"2\"/>"
        );
    }
}

/// Writes the picture beside this file.
pub(crate) fn write(svg: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/side_by_side.svg");
    std::fs::write(path, svg).expect("the picture can be written");
}
