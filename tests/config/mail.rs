//! Mail: where its password may come from, how the connection is made safe, who gets what.

use std::path::PathBuf;

use fleetsheet::config::{SmtpSecurity, TagAuthority};
use fleetsheet::problem::Kind;
use secrecy::ExposeSecret;

use super::{LEAST, MAIL, loads, parse, refused, with};

#[test]
fn a_password_may_come_from_the_environment_and_not_from_the_file() {
    let url = "smtps://us%40er:hunter2%21@smtp.example.com:2465";
    let in_file = format!("{LEAST}{}", MAIL.replace("smtps://user@smtp.example.com", url));
    refused(
        parse(&in_file, &[]),
        &[
            "email.smtp_url (test.toml)",
            "smtp_password_file",
            "FLEETSHEET_EMAIL__SMTP_URL",
        ],
    );
    assert!(!parse(&in_file, &[]).unwrap_err().join("").contains("hunter2"));

    let config = with("email.smtp_url", url).unwrap();
    let smtp = &config.email.as_ref().unwrap().smtp;
    assert_eq!(
        (smtp.security, smtp.host.as_str(), smtp.port),
        (SmtpSecurity::Tls, "smtp.example.com", 2465)
    );
    assert_eq!(smtp.user.as_deref(), Some("us@er"));
    assert_eq!(smtp.password.as_ref().unwrap().expose_secret(), "hunter2!");
    assert!(!format!("{config:?}{config:#?}").contains("hunter2"));

    let two = format!("{LEAST}{MAIL}smtp_password_file = '/run/x'");
    refused(
        parse(&two, &[("FLEETSHEET_EMAIL__SMTP_URL", url)]),
        &["keep one of them"],
    );
    refused(
        parse(&two, &[("FLEETSHEET_EMAIL__SMTP_URL", "smtps://h.example.com")]),
        &["names no user"],
    );
    assert_eq!(
        loads(&two, &[]).email.unwrap().smtp_password_file,
        Some(PathBuf::from("/run/x"))
    );
}

#[test]
fn mail_is_plain_only_to_this_machine() {
    for (url, security, port) in [
        ("smtp://mail.example.com", SmtpSecurity::StartTls, 587),
        ("smtp://mail.example.com:25", SmtpSecurity::StartTls, 25),
        ("smtp://10.0.0.1", SmtpSecurity::StartTls, 587),
        ("smtps://mail.example.com", SmtpSecurity::Tls, 465),
        ("smtp://127.0.0.1", SmtpSecurity::Plain, 25),
        ("smtp://localhost:2525/", SmtpSecurity::Plain, 2525),
        ("smtp://[::1]:2525", SmtpSecurity::Plain, 2525),
    ] {
        let smtp = with("email.smtp_url", url).unwrap().email.unwrap().smtp;
        assert_eq!((smtp.security, smtp.port), (security, port), "{url}");
        assert!(!smtp.host.contains('['), "{url}");
    }
}

#[test]
fn routes_and_authority_answer_for_what_they_do_not_name() {
    let text = format!("{LEAST}[tags]\nmanaged = ['Owner', 'Team']\n[authority]\ntags = {{ Team = 'server' }}\n{MAIL}");
    let config = loads(&format!("{text}routes = {{ belt = ['sre@example.com'] }}"), &[]);
    assert_eq!(config.authority.of("Team"), TagAuthority::Server);
    assert_eq!(config.authority.of("Owner"), TagAuthority::Sheet);
    let email = config.email.unwrap();
    assert_eq!(email.recipients(Kind::Belt), ["sre@example.com"]);
    assert_eq!(email.recipients(Kind::Release), ["ops@example.com"]);
}
