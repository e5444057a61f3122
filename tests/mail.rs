//! Mail of whole passes: the real program, the emulated sheet and cloud, and an SMTP server that keeps what it is given.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod clock;
mod failing;
mod greeting;
mod outbox;
mod told;

use std::time::Duration;

use fleetsheet::adapters::sqlite::{Access, SqliteStore};
use fleetsheet::mail::Backlog;
use fleetsheet::memory::StoreReader as _;
use fleetsheet_mocks::smtp::{SmtpEmulator, SmtpOptions, StrictHello};

use crate::mailbox::Mail;
use crate::stage::{Ran, Stage};

const OPS: &str = "ops@example.com";

/// A stage whose mail goes to an emulated server.
struct Post {
    stage: Stage,
    smtp: SmtpEmulator,
    ids: Vec<String>,
}

impl Post {
    /// `count` servers of web-prod; nothing was mailed yet and no pass made.
    async fn new(count: usize) -> Self {
        let options = SmtpOptions {
            strict_hello: StrictHello::AtHello,
            ..SmtpOptions::default()
        };
        Self::with(count, options).await
    }

    /// The same with a server of these options.
    async fn with(count: usize, options: SmtpOptions) -> Self {
        let (mut stage, ids) = Stage::web(count).await;
        let smtp = SmtpEmulator::start(options).await.unwrap();
        stage.setting("FLEETSHEET_EMAIL__SMTP_URL", &smtp.url());
        stage.setting("FLEETSHEET_EMAIL__FROM", "fleetsheet <fleetsheet@example.com>");
        stage.setting("FLEETSHEET_EMAIL__TO", &format!("[{OPS:?}]"));
        Self { stage, smtp, ids }
    }

    /// The same after a first pass, whose mail is forgotten.
    async fn known(count: usize) -> Self {
        let post = Self::new(count).await;
        post.stage.settle().await;
        assert_eq!(post.take().len(), 1, "first contact is told");
        post
    }

    async fn pass(&self) -> Ran {
        self.stage.once().await
    }

    /// Mail that came in since it was last taken.
    fn take(&self) -> Vec<Mail> {
        let mails = self.smtp.messages().iter().map(|m| Mail::parse(&m.text())).collect();
        self.smtp.forget_messages();
        mails
    }

    /// Makes a pass and gives its only mail.
    async fn one(&self) -> Mail {
        let ran = self.pass().await;
        let mut mails = self.take();
        assert_eq!(mails.len(), 1, "{ran:?}");
        mails.remove(0)
    }

    /// Makes a pass that must send nothing.
    async fn none(&self) -> Ran {
        let ran = self.pass().await;
        assert_eq!(self.take(), [], "{ran:?}");
        ran
    }

    /// What waits in the outbox.
    async fn backlog(&self) -> Backlog {
        let url = format!("sqlite:{}", self.stage.path("state/fleetsheet.db").display());
        let store = SqliteStore::open(&url, Access::Read, fleetsheet::clock::now())
            .await
            .unwrap();
        store.load().await.unwrap().mail.backlog()
    }

    /// Makes passes until mail comes in: a server that was down is not tried in every pass.
    async fn passes_until_mail(&self) -> Vec<Mail> {
        for _ in 0..60 {
            self.pass().await;
            let mails = self.take();
            if !mails.is_empty() {
                return mails;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        panic!("no mail came");
    }
}
