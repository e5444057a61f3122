//! How the program greets a mail server, what it says where the server does not like that, and where it offers no login for us.

use fleetsheet_mocks::smtp::{SmtpOptions, Stage, StrictHello};

use super::Post;

/// A server that refuses a name without a dot at this point.
fn strict(strict_hello: StrictHello) -> SmtpOptions {
    SmtpOptions {
        strict_hello,
        ..SmtpOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_leaves_through_a_server_that_wants_a_full_name_whatever_this_machine_is_called() {
    for at in [StrictHello::AtHello, StrictHello::AtRecipient] {
        let post = Post::with(3, strict(at)).await;
        post.pass().await;
        let messages = post.smtp.messages();
        assert_eq!(messages.len(), 1, "{at:?}");
        let hello = &messages[0].hello;
        let is_address = hello == "[127.0.0.1]";
        assert!(is_address || hello.contains('.') && !hello.contains('['), "{hello}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_the_configuration_is_said_as_it_stands() {
    for name in ["fleetsheet.example.com", "[192.0.2.7]", "[IPv6:2001:db8::7]"] {
        let mut post = Post::new(3).await;
        post.stage.setting("FLEETSHEET_EMAIL__HELLO_NAME", name);
        post.pass().await;
        assert_eq!(post.smtp.messages()[0].hello, name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_the_server_does_not_take_is_named_with_its_key_and_no_recipient_is_given_up() {
    for at in [StrictHello::AtHello, StrictHello::AtRecipient] {
        let mut post = Post::with(3, strict(at)).await;
        post.stage.setting("FLEETSHEET_EMAIL__HELLO_NAME", "web");
        post.pass().await;
        let backlog = post.backlog().await;
        assert!(backlog.trouble.contains("<web>: Helo command rejected"), "{backlog:?}");
        assert!(backlog.trouble.contains("email.hello_name"), "{backlog:?}");
        assert!(!backlog.trouble.contains("the network"), "{backlog:?}");
        assert!(backlog.refused.is_empty(), "{backlog:?}");
        post.stage.setting("FLEETSHEET_EMAIL__HELLO_NAME", "web.example.com");
        assert_eq!(post.passes_until_mail().await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_about_us_gives_up_no_recipient_whatever_its_code() {
    for text in [
        "5.7.1 <web>: Helo command rejected: Access denied",
        "5.7.1 <unknown[192.0.2.7]>: Client host rejected: Access denied",
    ] {
        let post = Post::new(3).await;
        post.smtp.answer(Stage::Rcpt, None, Some(1), 554, text);
        post.pass().await;
        let backlog = post.backlog().await;
        assert!(
            backlog.refused.is_empty() && backlog.trouble.contains(text),
            "{backlog:?}"
        );
        assert_eq!(post.passes_until_mail().await.len(), 1);
    }
}

/// What a pass says of a server that offers these ways to log in.
async fn trouble(mechanisms: &'static str, plant: Option<(u16, &str)>) -> String {
    let options = SmtpOptions {
        login: Some(("fleet".into(), "hunter2-hunter3".into())),
        auth_required: true,
        mechanisms,
        ..SmtpOptions::default()
    };
    let mut post = Post::with(3, options).await;
    if let Some((code, text)) = plant {
        post.smtp.answer(Stage::Auth, None, None, code, text);
    }
    let url = format!("smtp://fleet:hunter2-hunter3@{}", post.smtp.addr());
    post.stage.setting("FLEETSHEET_EMAIL__SMTP_URL", &url);
    let ran = post.none().await;
    let trouble = post.backlog().await.trouble;
    assert!(!ran.stderr.contains("hunter") && !trouble.contains("hunter"), "{ran:?}");
    trouble
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_login_for_us_is_told_as_what_it_is() {
    for (mechanisms, says) in [
        ("XOAUTH2", ["it offers only XOAUTH2;", "takes a token"]),
        (
            "OAUTHBEARER XOAUTH2",
            ["it offers only OAUTHBEARER, XOAUTH2;", "takes a token"],
        ),
        ("CRAM-MD5", ["it offers only CRAM-MD5;", "offers PLAIN or LOGIN"]),
    ] {
        let trouble = trouble(mechanisms, None).await;
        for part in says {
            assert!(trouble.contains(part), "{trouble}");
        }
        assert!(!trouble.contains("check the user"), "{trouble}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_words_of_a_login_are_shown_with_a_fix_that_fits_and_never_the_password() {
    let disabled = "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant";
    let app = "5.7.9 Application-specific password required";
    for (code, text, shown, fix) in [
        (535, disabled, disabled, "allow logins with a password (SMTP AUTH)"),
        (534, app, app, "app password"),
        (454, "4.7.0 Temporary failure", "4.7.0 Temporary failure", "it may pass"),
        (
            535,
            "5.7.8 no hunter2-hunter3 here",
            "its words are not shown",
            "check the user",
        ),
        (
            535,
            "5.7.8 AGZsZWV0AGh1bnRlcjItaHVudGVyMw==",
            "its words are not shown",
            "check the user",
        ),
    ] {
        let trouble = trouble("PLAIN LOGIN", Some((code, text))).await;
        let begin = format!("did not accept the login ({code}): ");
        for part in [begin.as_str(), shown, fix] {
            assert!(trouble.contains(part), "{part}: {trouble}");
        }
    }
}
