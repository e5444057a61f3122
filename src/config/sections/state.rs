//! `[state]` and `[replicas]`: where the store is, and how several instances share it.

use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::Url;

use super::super::model::{Access, Limits, Postgres, Replicas, State, StatePlace};
use super::super::read::Reader;
use super::super::syntax::{self, DAY, SECOND};
use crate::endpoint::is_loopback;

const URL: &str = "state.url";

/// How an address is written.
const FORM: &str = "write postgres://USER@HOST:PORT/DATABASE, or sqlite:PATH for one instance alone";

pub(super) fn state(r: &mut Reader) -> Option<State> {
    let history_keep = r.duration("state.history_keep", DAY..=DAY * 36_500);
    let password = r.optional("state.password", |text| Ok(SecretString::from(text.to_owned())));
    let password_file = r.optional("state.password_file", syntax::path);
    let schema = r.text("state.schema", schema);
    let place = r.text(URL, |text| Ok((place(text)?, text.to_owned())));
    if matches!(password, Some(Some(_))) && r.is_from_file("state.password") {
        let message = "does not belong in this file; name a file that holds it in state.password_file, or set \
                       FLEETSHEET_STATE__PASSWORD";
        r.fail("state.password", message);
        return None;
    }
    let (password, password_file, schema) = (password?, password_file?, schema?);
    let (place, mut url) = place?;
    let access = Access {
        password,
        password_file,
        schema,
    };
    let place = match place {
        StatePlace::Postgres(address) => {
            if address.password.is_some() && r.is_from_file(URL) {
                let message = "holds a password, which does not belong in this file; name a file that holds it in \
                               state.password_file, or set FLEETSHEET_STATE__PASSWORD";
                r.fail(URL, message);
                return None;
            }
            if address.password.is_some() {
                url = "(from the environment, with a password)".to_owned();
            }
            StatePlace::Postgres(access.of(address))
        }
        file @ StatePlace::Sqlite(_) => file,
    };
    Some(State {
        place,
        url,
        access,
        history_keep: history_keep?,
    })
}

/// The place of a store at another address, which is reached as this configuration says.
pub(in crate::config) fn another(state: &State, text: &str) -> Result<StatePlace, String> {
    match place(text)? {
        StatePlace::Postgres(address) if address.password.is_some() => Err(
            "holds a password, which others could read; name a file that holds it in state.password_file, or set \
             FLEETSHEET_STATE__PASSWORD"
                .to_owned(),
        ),
        StatePlace::Postgres(address) => Ok(StatePlace::Postgres(state.access.of(address))),
        file @ StatePlace::Sqlite(_) => Ok(file),
    }
}

impl Access {
    /// A database that is reached so.
    fn of(&self, address: Postgres) -> Postgres {
        Postgres {
            password: self.password.clone().or(address.password),
            password_file: self.password_file.clone(),
            schema: self.schema.clone(),
            ..address
        }
    }
}

pub(super) fn replicas(r: &mut Reader, limits: Option<&Limits>, state: Option<&State>) -> Option<Replicas> {
    let shared = state.is_some_and(|state| matches!(state.place, StatePlace::Postgres(_)));
    let lease = r.duration("replicas.lease", SECOND..=SECOND * 3600);
    let standby_after = r.duration("replicas.standby_after", Duration::ZERO..=DAY);
    let name = r.optional("replicas.name", |text| {
        let fits = |c: char| c.is_ascii_alphanumeric() || ".-_/".contains(c);
        if text.len() <= 100 && text.chars().all(fits) {
            return Ok(text.to_owned());
        }
        Err(format!(
            "{text:?} is not a name; use up to 100 letters, digits, and . - _ /"
        ))
    });
    if let (Some(lease), Some(limits)) = (lease, limits)
        && lease < limits.request_timeout * 2
        && (shared || r.mentions("replicas"))
    {
        r.fail(
            "replicas.lease",
            "is shorter than twice limits.request_timeout, so that a call could outlive it; raise it, or lower the timeout",
        );
        return None;
    }
    Some(Replicas {
        lease: lease?,
        standby_after: standby_after?,
        name: name?,
    })
}

fn schema(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if text.len() <= 63
        && text.chars().all(fits)
        && !text.starts_with("pg_")
        && !text.starts_with(|c: char| c.is_ascii_digit())
    {
        return Ok(text.to_owned());
    }
    Err(format!(
        "{text:?} is not the name of a schema; use up to 63 small letters, digits and _, and none that begins with pg_"
    ))
}

/// The address of a store. It may hold a password, so messages never repeat it.
fn place(text: &str) -> Result<StatePlace, String> {
    if !["postgres:", "postgresql:"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
    {
        return syntax::sqlite(text).map(StatePlace::Sqlite);
    }
    let url = Url::parse(text).map_err(|error| format!("is not an address ({error}); {FORM}"))?;
    let decode = |part: &str| match percent_decode_str(part).decode_utf8() {
        Ok(text) if !text.chars().any(char::is_control) => Ok(text.into_owned()),
        _ => Err(format!("holds what is not text; {FORM}")),
    };
    let mut host = decode(url.host_str().unwrap_or_default())?;
    let database = decode(url.path().trim_start_matches('/'))?;
    if database.is_empty() {
        return Err(format!("names no database; {FORM}"));
    }
    if database.contains('/') {
        return Err(format!("goes on after the database; {FORM}"));
    }
    let user = decode(url.username())?;
    if user.is_empty() {
        return Err(format!("names no user; {FORM}"));
    }
    let password = url.password().map(decode).transpose()?.map(SecretString::from);
    let (mut mode, mut authorities) = ("verify-full".to_owned(), None);
    for (key, value) in url.query_pairs() {
        match &*key {
            "sslmode" => mode = value.into_owned(),
            "sslrootcert" => authorities = Some(PathBuf::from(value.into_owned())),
            "host" if value.starts_with('/') => host = value.into_owned(),
            _ => {
                return Err(format!(
                    "holds the option {key}, which is not read; use sslmode, sslrootcert or host=/DIRECTORY"
                ));
            }
        }
    }
    if host.is_empty() {
        return Err(format!("names no host; {FORM}"));
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let socket = host.starts_with('/');
    let verified = match mode.as_str() {
        _ if socket => false,
        "verify-full" => true,
        "disable" | "allow" | "prefer" | "require" | "verify-ca" if is_loopback(&host) => false,
        "disable" | "allow" | "prefer" | "require" | "verify-ca" => {
            return Err(format!(
                "sends the state to another host with sslmode={mode}, where anybody on the way could read and change it; use \
                 sslmode=verify-full, with sslrootcert=FILE for an authority of your own"
            ));
        }
        _ => return Err("holds an sslmode that is not known; use verify-full".to_owned()),
    };
    Ok(StatePlace::Postgres(Postgres {
        host: bare,
        port: url.port().unwrap_or(5432),
        user,
        database,
        verified,
        authorities,
        password,
        password_file: None,
        schema: String::new(),
    }))
}
