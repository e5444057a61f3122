//! The store in a database: where its password may come from, and what its address comes to.

use fleetsheet::config::StatePlace;
use secrecy::ExposeSecret as _;

use super::{LEAST, loads, parse};

fn database(text: &str, env: &[(&str, &str)]) -> fleetsheet::config::Postgres {
    match loads(&format!("{LEAST}[state]\n{text}"), env).state.place {
        StatePlace::Postgres(database) => database,
        StatePlace::Sqlite(path) => panic!("{}", path.display()),
    }
}

fn refused(text: &str) -> String {
    let errors = parse(&format!("{LEAST}[state]\n{text}"), &[]);
    errors.map_or_else(|errors| errors.join("\n"), |_| panic!("{text} is taken"))
}

#[test]
fn a_password_of_the_store_may_come_from_the_environment_and_not_from_the_file() {
    for text in [
        "url = 'postgres://u:hunter2@db.example.com/x'",
        "url = 'postgres://u@db.example.com/x'\npassword = 'hunter2'",
    ] {
        let errors = refused(text);
        assert!(
            errors.contains("state.password_file") && !errors.contains("hunter2"),
            "{errors}"
        );
    }
    let url = "url = 'postgres://u@db.example.com/x'";
    let by_variable = database(url, &[("FLEETSHEET_STATE__PASSWORD", "hunter2!")]);
    assert_eq!(by_variable.password.unwrap().expose_secret(), "hunter2!");
    let whole = ("FLEETSHEET_STATE__URL", "postgres://u:hunter%21@db.example.com/x");
    assert_eq!(database("", &[whole]).password.unwrap().expose_secret(), "hunter!");
    let by_file = database(&format!("{url}\npassword_file = '/run/it'"), &[]);
    assert_eq!(by_file.password_file.unwrap().to_str(), Some("/run/it"));
    assert!(by_file.password.is_none());
}

#[test]
fn an_address_is_verified_unless_the_server_is_on_this_machine() {
    let plain = database("url = 'postgres://u@db.example.com/x'", &[]);
    assert_eq!(
        (plain.port, plain.verified, plain.schema.as_str()),
        (5432, true, "fleetsheet")
    );
    let own = database(
        "url = 'postgres://u@db:6432/x?sslrootcert=/etc/ca.pem'\nschema = 'other'",
        &[],
    );
    assert_eq!((own.port, own.verified, own.schema.as_str()), (6432, true, "other"));
    assert_eq!(own.authorities.unwrap().to_str(), Some("/etc/ca.pem"));
    for local in ["127.0.0.1", "localhost", "[::1]"] {
        let here = database(&format!("url = 'postgres://u@{local}/x?sslmode=disable'"), &[]);
        assert!(!here.verified, "{local}");
        assert!(!here.host.contains('['), "{local}");
        assert!(
            database(&format!("url = 'postgres://u@{local}/x'"), &[]).verified,
            "{local}"
        );
    }
    for socket in [
        "postgres://u@%2Frun%2Fpostgresql/x",
        "postgres://u@localhost/x?host=/run/postgresql",
    ] {
        let socket = database(&format!("url = '{socket}'"), &[]);
        assert_eq!((socket.host.as_str(), socket.verified), ("/run/postgresql", false));
    }
}

#[test]
fn a_lease_has_room_for_a_call_and_its_answer_where_there_are_leases() {
    let slow = format!("{LEAST}[limits]\nrequest_timeout = '45s'\n");
    loads(&slow, &[]);
    let shared = format!("{slow}[state]\nurl = 'postgres://u@db/x'\n");
    let errors = parse(&shared, &[]).unwrap_err().join("\n");
    assert!(
        errors.contains("replicas.lease") && errors.contains("twice limits.request_timeout"),
        "{errors}"
    );
    loads(&format!("{shared}[replicas]\nlease = '90s'"), &[]);
}

#[test]
fn two_configurations_are_the_same_but_for_names_addresses_and_paths() {
    let print = |more: &str| loads(&format!("{LEAST}{more}"), &[]).fingerprint();
    let plain = print("");
    for same in [
        "[http]\nlisten = ''",
        "[log]\ndir = ''",
        "[replicas]\nname = 'b'",
        "[state]\nurl = 'postgres://u@db/x'",
    ] {
        assert_eq!(print(same), plain, "{same}");
    }
    for other in [
        "[belts]\nmax_row_drop = 0.5",
        "[schedule]\ncron = '0 * * * * *'",
        "[replicas]\nlease = '90s'",
        "[limits]\nbatch_size = 7",
    ] {
        assert_ne!(print(other), plain, "{other}");
    }
}
