//! Failures of PostgreSQL in words for people: which store, what is wrong, and what to do about it.

use std::fmt::Display;

use super::address::Address;
use super::layout;
use crate::adapters::outbound::untrusted;
use crate::adapters::rows::Fault;
use crate::adapters::sqlite::moved;
use crate::memory::StoreError;
use crate::text::{plain, short};

/// What to do about a store that cannot be believed.
const RESTORE: &str = "do not put a backup back, which is older than the servers, but name another schema in state.schema and let a new \
                       store take the sheet over with `fleetsheet --once --takeover`";

/// Longest account of what is wrong, in characters.
const WHAT_MAX: usize = 500;

/// Whether a statement waited too long for a row that somebody else holds.
pub(super) fn is_lock_timeout(fault: &Fault) -> bool {
    matches!(fault, Fault::Sql(error) if code(error).as_deref() == Some("55P03"))
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

/// The failure as the caller sees it.
pub(super) fn at(fault: Fault, address: &Address) -> StoreError {
    match fault {
        Fault::Sql(error) => match of_sql(&error) {
            Ok((what, fix)) => said(address, what, &fix, Some(error)),
            Err(fault) => at(fault, address),
        },
        Fault::Damaged(what) => said(address, format_args!("it is damaged: {what}"), RESTORE, None),
        Fault::Refused(what, fix) => said(address, what, fix, None),
        Fault::Moved(to) => moved(address, &to),
        Fault::Silent => said(
            address,
            "it does not answer in time",
            "check the server and the network; the next pass tries again",
            None,
        ),
        Fault::Fenced => StoreError::Fenced(plain(&format!(
            "state store {address}: the lease of this pass ran out, or another instance took over; nothing was written"
        ))),
    }
}

fn said(address: &Address, what: impl Display, fix: &str, cause: Option<sqlx::Error>) -> StoreError {
    let what = short(&what.to_string(), WHAT_MAX);
    StoreError::Broken {
        message: plain(&format!(
            "state store {address} (schema {}): {what}; {fix}",
            address.schema
        )),
        cause: cause.map(Into::into),
    }
}

/// What the server or the connection says, told apart by what a person can do about it
/// (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn of_sql(error: &sqlx::Error) -> Result<(String, String), Fault> {
    let Some(database) = error.as_database_error() else {
        return Ok(of_connection(error));
    };
    let (message, code) = (database.message(), code(error).unwrap_or_default());
    let (what, fix) = match code.as_str() {
        "42501" => return Err(layout::not_allowed()),
        "28000" | "28P01" => (
            "the server refuses the login",
            "check the user of state.url, the password in state.password_file or FLEETSHEET_STATE__PASSWORD, and pg_hba.conf",
        ),
        "3D000" => (
            "the database is not there",
            "create it, or name another one in state.url",
        ),
        "25006" => (
            "the server takes no writes: it is a standby, or read-only",
            "let state.url lead to the primary",
        ),
        "53100" => (
            "the server's disk is full; nothing was changed",
            "free some space there",
        ),
        "53300" => (
            "the server takes no more connections",
            "raise max_connections, or use a pooler",
        ),
        "57P01" | "57P02" | "57P03" => ("the server stops or starts", "the next pass tries again"),
        "57014" | "55P03" | "25P03" | "40001" | "40P01" => (
            "a statement waited too long for others",
            "the next pass tries again; look for long transactions on its tables",
        ),
        _ if code.starts_with("08") => ("the connection is lost", "the next pass tries again"),
        _ if code.starts_with("42") || code.starts_with("22") || code.starts_with("XX") => ("it is damaged", RESTORE),
        _ => ("the server reports an error", "check its log"),
    };
    Ok((format!("{what} ({message}, SQLSTATE {code})"), fix.to_owned()))
}

fn of_connection(error: &sqlx::Error) -> (String, String) {
    let network = "check host and port of state.url, and that the server runs";
    match error {
        sqlx::Error::Io(error) => (format!("it cannot be reached: {error}"), network.to_owned()),
        sqlx::Error::Tls(error) => {
            let why = error.to_string();
            let fix = untrusted(&why).unwrap_or(
                "name the authority of its certificate with sslrootcert=FILE in state.url; the certificate must name the host",
            );
            (format!("the connection is not safe: {why}"), fix.to_owned())
        }
        sqlx::Error::Protocol(why) => (format!("the connection is lost: {why}"), network.to_owned()),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_) => {
            (format!("it is damaged: {error}"), RESTORE.to_owned())
        }
        _ => (format!("it cannot be used: {error}"), network.to_owned()),
    }
}
