//! The conversation, line by line.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::*;
use crate::faults::{Fault, When};

struct Client(BufReader<TcpStream>);

impl Client {
    async fn connect(smtp: &SmtpEmulator) -> Result<Self> {
        Ok(Self(BufReader::new(TcpStream::connect(smtp.addr()).await?)))
    }

    /// Connects and says hello.
    async fn greet(smtp: &SmtpEmulator) -> Result<Self> {
        let mut client = Self::connect(smtp).await?;
        ensure!(client.hear().await? == 220);
        ensure!(client.say("EHLO client.invalid").await? == 250);
        Ok(client)
    }

    /// The code of the next answer; 0 once the connection is closed.
    async fn hear(&mut self) -> Result<u16> {
        loop {
            let mut line = String::new();
            if !matches!(self.0.read_line(&mut line).await, Ok(1..)) {
                return Ok(0);
            }
            if line.get(3..4) == Some(" ") {
                return Ok(line.get(..3).unwrap_or_default().parse()?);
            }
        }
    }

    async fn say(&mut self, line: &str) -> Result<u16> {
        self.raw(&format!("{line}\r\n")).await
    }

    async fn raw(&mut self, text: &str) -> Result<u16> {
        self.0.get_mut().write_all(text.as_bytes()).await?;
        self.hear().await
    }

    async fn talk(&mut self, lines: &[&str]) -> Result<Vec<u16>> {
        let mut codes = Vec::new();
        for line in lines {
            codes.push(self.say(line).await?);
        }
        Ok(codes)
    }
}

const MAIL: &str = "MAIL FROM:<a@x.invalid>";
const RCPT: &str = "RCPT TO:<b@x.invalid>";
const TEXT: &str = "Subject: x\r\n\r\n..dot\r\n.";

#[tokio::test]
async fn a_message_is_kept_with_its_envelope_and_unstuffed() -> Result<()> {
    let smtp = SmtpEmulator::start(SmtpOptions::default()).await?;
    let mut client = Client::greet(&smtp).await?;
    let mail = "MAIL FROM:<a@x.invalid> SIZE=20 BODY=8BITMIME";
    let codes = client
        .talk(&[mail, RCPT, "RCPT TO:<c@x.invalid>", "DATA", TEXT, "QUIT"])
        .await?;
    assert_eq!(codes, [250, 250, 250, 354, 250, 221]);
    let expected = Message {
        from: "a@x.invalid".to_owned(),
        to: vec!["b@x.invalid".to_owned(), "c@x.invalid".to_owned()],
        data: b"Subject: x\r\n\r\n.dot\r\n".to_vec(),
        user: None,
        hello: "client.invalid".to_owned(),
    };
    assert_eq!(smtp.messages(), [expected]);
    Ok(())
}

#[tokio::test]
async fn commands_must_come_in_order_and_in_form() -> Result<()> {
    let smtp = SmtpEmulator::start(SmtpOptions::default()).await?;
    let mut client = Client::connect(&smtp).await?;
    client.hear().await?;
    let lines = [
        MAIL,
        "HELO",
        "HELO x",
        RCPT,
        "DATA",
        "MAIL FROM: a@x",
        MAIL,
        MAIL,
        "DATA",
        "RCPT TO:<b>",
    ];
    assert_eq!(
        client.talk(&lines).await?,
        [503, 501, 250, 503, 503, 501, 250, 503, 554, 501]
    );
    let lines = [
        "RSET",
        RCPT,
        "MAIL FROM:<> SIZE=99999999",
        "MAIL FROM:<> X=1",
        "NOOP",
        "TURN",
        "AUTH PLAIN x",
    ];
    assert_eq!(client.talk(&lines).await?, [250, 503, 552, 555, 250, 500, 502]);
    assert_eq!(client.say(&format!("NOOP {}", "x".repeat(600))).await?, 500);
    Ok(())
}

#[tokio::test]
async fn lines_end_in_crlf_and_are_not_too_long() -> Result<()> {
    let smtp = SmtpEmulator::start(SmtpOptions::default()).await?;
    assert_eq!(Client::greet(&smtp).await?.raw("NOOP\n").await?, 500);
    let long = format!("{}\r\n.\r\n", "x".repeat(999));
    for text in ["Subject: x\n\r\n.\r\n", "a\rb\r\n.\r\n", &long] {
        let mut client = Client::greet(&smtp).await?;
        client.talk(&[MAIL, RCPT, "DATA"]).await?;
        assert_eq!(client.raw(text).await?, 500);
        assert_eq!(client.hear().await?, 0);
    }
    assert!(smtp.messages().is_empty());
    Ok(())
}

#[tokio::test]
async fn a_login_can_be_asked_for() -> Result<()> {
    let options = SmtpOptions {
        login: Some(("user".to_owned(), "pass".to_owned())),
        auth_required: true,
        ..SmtpOptions::default()
    };
    let smtp = SmtpEmulator::start(options).await?;
    let wrong = "AUTH PLAIN AHVzZXIAd3Jvbmc=";
    let cases: [(&[&str], &[u16]); 3] = [
        (
            &[MAIL, wrong, "AUTH PLAIN AHVzZXIAcGFzcw==", MAIL],
            &[530, 535, 235, 250],
        ),
        (&["AUTH LOGIN", "dXNlcg==", "cGFzcw==", MAIL], &[334, 334, 235, 250]),
        (&["AUTH PLAIN", "*", "AUTH CRAM-MD5"], &[334, 501, 504]),
    ];
    for (lines, codes) in cases {
        assert_eq!(Client::greet(&smtp).await?.talk(lines).await?, codes);
    }
    Ok(())
}

#[tokio::test]
async fn a_strict_server_wants_a_full_name_or_an_address() -> Result<()> {
    let full = [
        ("EHLO web", 504),
        ("EHLO 192.0.2.7", 504),
        ("EHLO [192.0.2]", 504),
        ("HELO localhost", 504),
        ("EHLO web.example.com", 250),
        ("EHLO [192.0.2.7]", 250),
        ("EHLO [IPv6:2001:db8::7]", 250),
    ];
    for (hello, code) in full {
        let at = |strict_hello| SmtpOptions {
            strict_hello,
            ..SmtpOptions::default()
        };
        let smtp = SmtpEmulator::start(at(StrictHello::AtHello)).await?;
        let mut client = Client::connect(&smtp).await?;
        client.hear().await?;
        assert_eq!(client.say(hello).await?, code, "{hello}");
        let smtp = SmtpEmulator::start(at(StrictHello::AtRecipient)).await?;
        let mut client = Client::connect(&smtp).await?;
        client.hear().await?;
        assert_eq!(client.talk(&[hello, MAIL, RCPT]).await?, [250, 250, code], "{hello}");
    }
    Ok(())
}

#[tokio::test]
async fn recipients_can_be_refused_for_good_or_for_now() -> Result<()> {
    let smtp = SmtpEmulator::start(SmtpOptions::default()).await?;
    smtp.answer(Stage::Rcpt, Some("gone@x.invalid"), None, 550, "5.1.1 No such user");
    smtp.answer(Stage::Rcpt, Some("full@x.invalid"), Some(1), 451, "4.2.2 Mailbox full");
    let (gone, full) = ("RCPT TO:<gone@x.invalid>", "RCPT TO:<full@x.invalid>");
    let mut client = Client::greet(&smtp).await?;
    let codes = client.talk(&[MAIL, RCPT, gone, full, gone, full, "DATA", TEXT]).await?;
    assert_eq!(codes, [250, 250, 550, 451, 550, 250, 354, 250]);
    assert_eq!(smtp.messages()[0].to, ["b@x.invalid", "full@x.invalid"]);
    smtp.answer(Stage::Dot, None, Some(1), 451, "4.3.0 Later");
    assert_eq!(client.talk(&[MAIL, RCPT, "DATA", TEXT]).await?, [250, 250, 354, 451]);
    assert_eq!(smtp.messages().len(), 1);
    Ok(())
}

#[tokio::test]
async fn the_wire_can_fail_at_each_stage() -> Result<()> {
    let mut smtp = SmtpEmulator::start(SmtpOptions::default()).await?;
    let script = smtp.script();
    script.fail("smtp.CONNECT", When::First, Fault::Throttle);
    let mut client = Client::connect(&smtp).await?;
    assert_eq!((client.hear().await?, client.hear().await?), (421, 0));

    script.fail("smtp.DOT", When::First, Fault::ResetAfter);
    let codes = Client::greet(&smtp).await?.talk(&[MAIL, RCPT, "DATA", TEXT]).await?;
    assert_eq!(
        (codes.as_slice(), smtp.messages().len()),
        ([250, 250, 354, 0].as_slice(), 1)
    );

    script.fail("smtp.DOT", When::First, Fault::ResetBefore);
    let codes = Client::greet(&smtp).await?.talk(&[MAIL, RCPT, "DATA", TEXT]).await?;
    assert_eq!(
        (codes.as_slice(), smtp.messages().len()),
        ([250, 250, 354, 0].as_slice(), 1)
    );

    script.fail("smtp.MAIL", When::First, Fault::Hang);
    let mut client = Client::greet(&smtp).await?;
    let answer = tokio::time::timeout(Duration::from_millis(50), client.say(MAIL)).await;
    assert!(answer.is_err());

    smtp.refuse_connections().await;
    assert!(Client::connect(&smtp).await.is_err());
    smtp.resume().await?;
    assert_eq!(Client::connect(&smtp).await?.hear().await?, 220);
    Ok(())
}
