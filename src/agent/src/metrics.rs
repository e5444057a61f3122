//! Metrics, as the text that node_exporter reads. Counters go on from the file that is there.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Values by name with labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    values: BTreeMap<String, f64>,
}

const PREFIX: &str = "fleetsheet_agent_";

fn series(name: &str, labels: &[(&str, &str)]) -> String {
    let mut text = format!("{PREFIX}{name}");
    for (n, (label, value)) in labels.iter().enumerate() {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = write!(text, "{}{label}=\"{value}\"", if n == 0 { '{' } else { ',' });
    }
    if !labels.is_empty() {
        text.push('}');
    }
    text
}

impl Metrics {
    /// Takes the counters of an earlier text.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let mut values = BTreeMap::new();
        for line in text.lines().filter(|line| line.starts_with(PREFIX)) {
            if let Some((series, value)) = line.rsplit_once(' ')
                && let Ok(value) = value.parse()
                && series.split('{').next().is_some_and(|name| name.ends_with("_total"))
            {
                values.insert(series.to_owned(), value);
            }
        }
        Self { values }
    }

    /// Sets a value.
    pub fn set(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.values.insert(series(name, labels), value);
    }

    /// Counts up.
    pub fn add(&mut self, name: &str, labels: &[(&str, &str)], by: f64) {
        *self.values.entry(series(name, labels)).or_default() += by;
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> String {
        let (mut text, mut last) = (String::new(), "");
        for (series, value) in &self.values {
            let name = series.split('{').next().unwrap_or_default();
            if name != last {
                let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
                let _ = writeln!(text, "# TYPE {name} {kind}");
                last = name;
            }
            let _ = writeln!(text, "{series} {value}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_go_on() {
        let mut metrics = Metrics::default();
        metrics.add("runs_total", &[("outcome", "in_sync")], 1.0);
        metrics.set("info", &[("desired", "a\"b\\\n")], 1.0);
        let text = metrics.text();
        assert!(
            text.contains("fleetsheet_agent_info{desired=\"a\\\"b\\\\\\n\"} 1\n"),
            "{text}"
        );
        let mut again = Metrics::from_text(&text);
        again.add("runs_total", &[("outcome", "in_sync")], 1.0);
        assert_eq!(
            again.text(),
            "# TYPE fleetsheet_agent_runs_total counter\nfleetsheet_agent_runs_total{outcome=\"in_sync\"} 2\n"
        );
    }
}
