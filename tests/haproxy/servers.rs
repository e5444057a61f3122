//! Simulated servers, which make their version tag true as an agent does: one that carries a new version restarts and answers
//! nobody for a while, but where it takes traffic by its role, where it changes without.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use fleetsheet_mocks::cloud::Editor;
use fleetsheet_mocks::faults::{self, serve};
use tokio::task::JoinSet;

/// How long a restart takes.
const RESTART: Duration = Duration::from_millis(700);
/// How often a server looks at its tags.
const LOOK: Duration = Duration::from_millis(30);

struct State {
    version: String,
    /// Until when it restarts.
    down: Option<Instant>,
}

/// All servers of a channel, until they are dropped.
pub(crate) struct Servers {
    pub(crate) all: Vec<(String, SocketAddr)>,
    changed_in_traffic: Arc<Mutex<Vec<String>>>,
    _listeners: Vec<faults::Server>,
    _looks: JoinSet<()>,
}

impl Servers {
    /// Starts one for each instance.
    pub(crate) async fn start(editor: &Editor, ids: &[String]) -> Self {
        let changed_in_traffic = Arc::<Mutex<Vec<String>>>::default();
        let (mut all, mut listeners, mut looks) = (Vec::new(), Vec::new(), JoinSet::new());
        for id in ids {
            let (version, _) = tags(editor, id);
            let state = Arc::new(Mutex::new(State { version, down: None }));
            let seen = Arc::clone(&state);
            let page = get(async move || {
                let state = seen.lock().expect("state");
                let down = state.down.is_some_and(|until| Instant::now() < until);
                let status = if down {
                    StatusCode::SERVICE_UNAVAILABLE
                } else {
                    StatusCode::OK
                };
                (status, state.version.clone())
            });
            let listener = serve(Router::new().route("/", page)).await.expect("a server");
            all.push((id.clone(), listener.addr()));
            listeners.push(listener);
            let (editor, id, changed) = (editor.clone(), id.clone(), Arc::clone(&changed_in_traffic));
            looks.spawn(async move {
                loop {
                    look(&editor, &id, &state, &changed);
                    tokio::time::sleep(LOOK).await;
                }
            });
        }
        Self {
            all,
            changed_in_traffic,
            _listeners: listeners,
            _looks: looks,
        }
    }

    /// Which changed their version while they took traffic, since the last look.
    pub(crate) fn changed_in_traffic(&self) -> Vec<String> {
        let mut changed = std::mem::take(&mut *self.changed_in_traffic.lock().expect("changes"));
        changed.sort();
        changed
    }
}

/// The version and the role that a server carries.
fn tags(editor: &Editor, id: &str) -> (String, String) {
    editor.edit(|fleet| {
        let tags = fleet.tags(id);
        let tag = |key: &str| tags.get(key).cloned().unwrap_or_default();
        (tag("ReleaseVersion"), tag("ReleaseRole"))
    })
}

fn look(editor: &Editor, id: &str, state: &Mutex<State>, changed: &Mutex<Vec<String>>) {
    let (version, role) = tags(editor, id);
    let mut state = state.lock().expect("state");
    if state.version == version {
        return;
    }
    state.version = version;
    if role == "active" {
        changed.lock().expect("changes").push(id.to_owned());
    } else {
        state.down = Some(Instant::now() + RESTART);
    }
}
