//! Shows how far a pass is: a bar on a terminal, plain lines where there is none; and on a terminal, after a while without a word,
//! what is waited for. On standard error only.

pub mod patience;

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::PoisonError;

use indicatif::{ProgressBar, ProgressStyle};

use crate::apply::Progress;

/// A bar for servers tagged.
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar that shows nothing until something is planned.
    #[must_use]
    pub fn new() -> Self {
        let bar = ProgressBar::hidden();
        let style = ProgressStyle::with_template("  tagging {bar:30} {pos}/{len} servers {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self(bar)
    }
}

impl Default for Bar {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress for Bar {
    fn planned(&self, servers: usize) {
        self.0.set_length(servers as u64);
        self.0.set_draw_target(indicatif::ProgressDrawTarget::stderr());
    }

    fn done(&self, servers: usize, failed: usize) {
        self.0.inc(servers as u64);
        if failed > 0 {
            self.0.set_message(format!("(last: {failed} failed)"));
        }
        if self.0.length() == Some(self.0.position()) {
            self.0.finish_and_clear();
        }
    }

    fn waiting(&self, what: &str) {
        self.0.set_message(crate::text::plain(what));
    }
}

/// A line at the start, at each tenth and for each new reason to wait.
#[derive(Default)]
pub struct Lines(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    planned: usize,
    done: usize,
    failed: usize,
    waiting: String,
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

impl Progress for Lines {
    fn planned(&self, servers: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).planned = servers;
        if servers > 0 {
            say(&format!("tagging {servers} servers"));
        }
    }

    fn done(&self, servers: usize, failed: usize) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tenth = |done: usize, of: usize| (done * 10).checked_div(of).unwrap_or(10);
        let before = tenth(counts.done, counts.planned);
        counts.done += servers;
        counts.failed += failed;
        if tenth(counts.done, counts.planned) > before {
            say(&format!(
                "tagged {}/{} servers, {} failed",
                counts.done, counts.planned, counts.failed
            ));
        }
    }

    fn waiting(&self, what: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.waiting != what {
            what.clone_into(&mut counts.waiting);
            say(&format!("waiting: {}", crate::text::plain(what)));
        }
    }
}
