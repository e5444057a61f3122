//! Scripted faults, scripted edits and the log of calls, shared by all emulators.
//!
//! A [`Script`] is consulted once for each call that an emulator gets. It writes the call down, runs the closures that
//! a test planted around it, and says whether the call goes wrong and how. An emulator renders only what looks
//! different from service to service (a throttle, a refusal); everything that is alike on any wire is done here.

mod rule;
mod server;
mod traffic;

pub use rule::{Fault, Refusal, Rule, When};
pub use server::{Server, abort, serve, serve_on};
pub use traffic::Traffic;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use rule::names;

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
