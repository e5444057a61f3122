//! How releases pass to their servers: `[prometheus]`, `[[strategy]]`, `[[gate]]`, `[[window]]` and `[[freeze]]`.

mod colours;
mod gates;
mod hours;
mod order;
mod strategies;
mod waves;

use std::time::Duration;

use crate::config::model::{Aws, Prometheus, Tags};
use crate::config::read::Reader;
use crate::config::syntax::{self, SECOND};
use crate::endpoint::Endpoint;
use crate::rollout::Rollouts;

/// The sections. A sandbox brings its own accounts and its own Prometheus.
pub(super) fn rollouts(
    r: &mut Reader,
    aws: Option<&Aws>,
    tags: Option<&Tags>,
    in_sandbox: bool,
) -> (Option<Prometheus>, Option<Rollouts>) {
    let prometheus = prometheus(r);
    let accounts = aws.filter(|_| !in_sandbox).map(|aws| &*aws.accounts);
    let nowhere_to_ask = !in_sandbox && prometheus.as_ref().is_some_and(|it| it.url.is_none());
    let (names, gates) = gates::gates(r, accounts, nowhere_to_ask);
    let strategies = strategies::strategies(r, names.as_ref(), accounts, tags);
    if let Some(strategies) = &strategies {
        order::refuse_circles(r, strategies);
    }
    let windows = hours::windows(r);
    let freezes = hours::freezes(r);
    let together = || {
        Some(Rollouts {
            strategies: strategies?,
            gates: gates?.into_iter().map(|gate| (gate.name.clone(), gate)).collect(),
            windows: windows?,
            freezes: freezes?,
        })
    };
    (prometheus, together())
}

fn prometheus(r: &mut Reader) -> Option<Prometheus> {
    let allow_http = r.flag("prometheus.allow_http");
    let url = r.optional("prometheus.url", |text| {
        Endpoint::even_plain(text, allow_http.unwrap_or_default())
    });
    let token_file = r.optional("prometheus.token_file", syntax::path);
    let user = r.optional("prometheus.user", |user| Ok(user.to_owned()));
    let password_file = r.optional("prometheus.password_file", syntax::path);
    let ca_file = r.optional("prometheus.ca_file", syntax::path);
    let timeout = r.duration("prometheus.timeout", SECOND..=Duration::from_secs(120));
    let (has_user, has_password) = (matches!(user, Some(Some(_))), matches!(password_file, Some(Some(_))));
    if matches!(token_file, Some(Some(_))) && (has_user || has_password) {
        r.fail(
            "prometheus.token_file",
            "stands beside a user or a password, and only one login can be sent; keep one of them",
        );
    } else if has_user && !has_password {
        r.fail(
            "prometheus.user",
            "has no password; name a file that holds it alone in prometheus.password_file, or take the user out",
        );
    } else if has_password && !has_user {
        r.fail(
            "prometheus.password_file",
            "is the password of nobody; name the user in prometheus.user, or take this out",
        );
    }
    Some(Prometheus {
        url: url?,
        allow_http: allow_http?,
        token_file: token_file?,
        user: user?,
        password_file: password_file?,
        ca_file: ca_file?,
        timeout: timeout?,
    })
}
