//! Scripted faults, scripted edits and the log of calls, shared by all emulators.
//!
//! A [`Script`] is consulted once for each call that an emulator gets. It writes the call down, runs the closures that
//! a test planted around it, and says whether the call goes wrong and how. An emulator renders only what looks
//! different from service to service (a throttle, a refusal); everything that is alike on any wire is done here.

mod server;

pub use server::{Server, abort, serve, serve_on};

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// One way for a call to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The service says that it is asked too often, in its own words. Nothing is done.
    Throttle,
    /// The service answers this status in its own error shape. Nothing is done.
    Status(u16),
    /// A front end answers 503 with a page of HTML. Nothing is done.
    Html503,
    /// The credentials are not accepted. Nothing is done.
    Unauthorized,
    /// The credentials are good but do not suffice. Nothing is done.
    Forbidden,
    /// No answer comes, and the connection stays open. Nothing is done.
    Hang,
    /// The connection is closed without an answer. Nothing is done.
    ResetBefore,
    /// The call takes effect, then the connection is closed without an answer.
    ResetAfter,
    /// The call takes effect, then the answer breaks off half way through its declared length.
    Truncate,
    /// The call takes effect, then a 200 without a body is answered.
    Empty200,
    /// Something in between answers 200 and rubbish. Nothing is done.
    Nonsense,
}

impl Fault {
    /// The part of the fault that each service words for itself, if there is one.
    #[must_use]
    pub fn refusal(self) -> Option<Refusal> {
        match self {
            Self::Throttle => Some(Refusal::Throttle),
            Self::Status(code) => Some(Refusal::Status(code)),
            Self::Unauthorized => Some(Refusal::Unauthorized),
            Self::Forbidden => Some(Refusal::Forbidden),
            Self::Html503 | Self::Hang | Self::ResetBefore => None,
            Self::ResetAfter | Self::Truncate | Self::Empty200 | Self::Nonsense => None,
        }
    }
}

/// An answer that each service words for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Too many calls.
    Throttle,
    /// An error with this HTTP status.
    Status(u16),
    /// Credentials that are not accepted.
    Unauthorized,
    /// Credentials that do not suffice.
    Forbidden,
}

/// Which of the calls that match a rule it strikes. Calls are counted from one, from the moment the rule was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// The next one only.
    First,
    /// The nth one only.
    Nth(u64),
    /// The nth one and all that follow.
    From(u64),
    /// All of them.
    Every,
    /// Those in the range.
    Range(RangeInclusive<u64>),
}

impl When {
    fn strikes(&self, nth: u64) -> bool {
        match self {
            Self::First => nth == 1,
            Self::Nth(n) => nth == *n,
            Self::From(n) => nth >= *n,
            Self::Every => true,
            Self::Range(range) => range.contains(&nth),
        }
    }
}

/// A fault, and the calls that it strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// A method's name, or a beginning of names that ends in `*`.
    pub method: String,
    /// Which of the matching calls.
    pub when: When,
    /// What befalls them.
    pub fault: Fault,
}

impl Rule {
    /// A rule for `method`: a name, or a beginning of names that ends in `*`.
    pub fn new(method: impl Into<String>, when: When, fault: Fault) -> Self {
        Self {
            method: method.into(),
            when,
            fault,
        }
    }
}

fn names(pattern: &str, method: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => method.starts_with(start),
        None => pattern == method,
    }
}

/// One call in the log.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method's name, such as `ec2.CreateTags`.
    pub method: String,
    /// The place in the log, from one.
    pub seq: u64,
    /// The HTTP status (or SMTP code) of the answer; 0 while there is none, and where none was ever given.
    pub status: u16,
    /// The scripted fault that struck.
    pub fault: Option<Fault>,
    /// When it came in.
    pub at: Instant,
}

type Hook = Box<dyn FnOnce() + Send>;

struct Planted {
    method: String,
    after: bool,
    /// Matching calls still to come, the one that runs the hook included.
    left: u64,
    hook: Option<Hook>,
}

#[derive(Default)]
struct State {
    log: Vec<Call>,
    rules: Vec<(Rule, u64)>,
    hooks: Vec<Planted>,
    latency: Duration,
}

impl State {
    fn due(&mut self, method: &str, after: bool) -> Vec<Hook> {
        let mut due = Vec::new();
        for planted in &mut self.hooks {
            if planted.after == after && names(&planted.method, method) {
                planted.left = planted.left.saturating_sub(1);
                if planted.left == 0 {
                    due.extend(planted.hook.take());
                }
            }
        }
        self.hooks.retain(|planted| planted.hook.is_some());
        due
    }

    fn fault(&mut self, method: &str) -> Option<Fault> {
        let mut struck = None;
        for (rule, seen) in &mut self.rules {
            if names(&rule.method, method) {
                *seen += 1;
                if struck.is_none() && rule.when.strikes(*seen) {
                    struck = Some(rule.fault);
                }
            }
        }
        struck
    }
}

/// What is to happen to the calls of one emulator, and what did. A clone is the same script.
#[derive(Clone, Default)]
pub struct Script {
    state: Arc<Mutex<State>>,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Script")
            .field("calls", &self.calls())
            .finish_non_exhaustive()
    }
}

impl Script {
    /// A script without rules.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a rule. Where several strike the same call, the one added first wins.
    pub fn add(&self, rule: Rule) {
        self.state().rules.push((rule, 0));
    }

    /// Adds a rule; the same as [`Script::add`] in fewer words.
    pub fn fail(&self, method: &str, when: When, fault: Fault) {
        self.add(Rule::new(method, when, fault));
    }

    /// Forgets rules, hooks and latency. The log stays.
    pub fn clear(&self) {
        let mut state = self.state();
        state.rules.clear();
        state.hooks.clear();
        state.latency = Duration::ZERO;
    }

    /// Empties the log.
    pub fn forget_calls(&self) {
        self.state().log.clear();
    }

    /// Runs `hook` just before the nth call of `method` from now (1: the next) is handled.
    pub fn before(&self, method: &str, nth: u64, hook: impl FnOnce() + Send + 'static) {
        self.plant(method, nth, false, Box::new(hook));
    }

    /// Runs `hook` when the nth call of `method` from now (1: the next) was handled, before its answer leaves.
    pub fn after(&self, method: &str, nth: u64, hook: impl FnOnce() + Send + 'static) {
        self.plant(method, nth, true, Box::new(hook));
    }

    fn plant(&self, method: &str, nth: u64, after: bool, hook: Hook) {
        self.state().hooks.push(Planted {
            method: method.to_owned(),
            after,
            left: nth.max(1),
            hook: Some(hook),
        });
    }

    /// Lets each call take at least this long.
    pub fn set_latency(&self, latency: Duration) {
        self.state().latency = latency;
    }

    /// All calls, in the order in which they came.
    #[must_use]
    pub fn log(&self) -> Vec<Call> {
        self.state().log.clone()
    }

    /// How many calls `method` (a name, or a beginning that ends in `*`) has had, failed ones included.
    #[must_use]
    pub fn count(&self, method: &str) -> u64 {
        self.state()
            .log
            .iter()
            .filter(|call| names(method, &call.method))
            .count() as u64
    }

    /// How many calls each method has had.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<String, u64> {
        let mut calls = BTreeMap::new();
        for call in &self.state().log {
            *calls.entry(call.method.clone()).or_default() += 1;
        }
        calls
    }

    /// Writes the call down, runs its hooks, waits out the latency and says what befalls it. For emulators that do
    /// not speak HTTP; the others use [`Script::run`].
    pub async fn begin(&self, method: &str) -> Ticket {
        let (hooks, ticket, latency) = {
            let mut state = self.state();
            let fault = state.fault(method);
            let seq = state.log.len() as u64 + 1;
            state.log.push(Call {
                method: method.to_owned(),
                seq,
                status: 0,
                fault,
                at: Instant::now(),
            });
            let ticket = Ticket {
                script: self.clone(),
                method: method.to_owned(),
                seq,
                fault,
            };
            (state.due(method, false), ticket, state.latency)
        };
        // Outside the lock: a hook may well use the script.
        for hook in hooks {
            hook();
        }
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        ticket
    }

    /// Answers one HTTP call: with what `handle` makes of it, or as a rule has it. `refuse` words the refusals that
    /// look different from service to service.
    pub async fn run<F>(&self, method: &str, refuse: impl Fn(Refusal) -> Response, handle: F) -> Response
    where
        F: Future<Output = Response>,
    {
        let ticket = self.begin(method).await;
        let response = match ticket.fault {
            None => handle.await,
            Some(Fault::ResetBefore) => abort(),
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Html503) => html_503(),
            Some(Fault::Nonsense) => (StatusCode::OK, "\u{1}nonsense{{{").into_response(),
            Some(Fault::ResetAfter) => {
                handle.await;
                abort()
            }
            Some(Fault::Truncate) => server::truncate(handle.await).await,
            Some(Fault::Empty200) => {
                handle.await;
                StatusCode::OK.into_response()
            }
            Some(Fault::Throttle) => refuse(Refusal::Throttle),
            Some(Fault::Status(code)) => refuse(Refusal::Status(code)),
            Some(Fault::Unauthorized) => refuse(Refusal::Unauthorized),
            Some(Fault::Forbidden) => refuse(Refusal::Forbidden),
        };
        let status = if server::aborts(&response) {
            0
        } else {
            response.status().as_u16()
        };
        ticket.finish(status);
        response
    }
}

fn html_503() -> Response {
    let page = "<!DOCTYPE html><html><head><title>Error 503 (Service Unavailable)</title></head>\
                <body><p><b>503.</b> The service is temporarily unavailable.</p></body></html>";
    (
        StatusCode::SERVICE_UNAVAILABLE,
        [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
        page,
    )
        .into_response()
}

/// A call that has been written down and not answered yet.
#[derive(Debug)]
pub struct Ticket {
    script: Script,
    method: String,
    seq: u64,
    /// What befalls the call, if anything.
    pub fault: Option<Fault>,
}

impl Ticket {
    /// Notes the answer's status (0: none was given) and runs the hooks that wait for the call to be handled.
    pub fn finish(self, status: u16) {
        let hooks = {
            let mut state = self.script.state();
            // The log may have been emptied in between, so the place in it is no index.
            if let Some(call) = state
                .log
                .iter_mut()
                .find(|call| call.seq == self.seq && call.method == self.method)
            {
                call.status = status;
            }
            state.due(&self.method, true)
        };
        for hook in hooks {
            hook();
        }
    }
}

#[cfg(test)]
mod tests;
