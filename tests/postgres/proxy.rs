//! A TCP proxy between the program and PostgreSQL, which disturbs what goes through it from a certain message on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of what goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Connections are closed, and new ones too.
    Cut,
    /// Nothing gets through in either direction, and no connection ends.
    BlackHole,
    /// What the program sends arrives, and no answer comes.
    Deaf,
    /// All of it comes late.
    Late(Duration),
}

/// A proxy, for as long as this is kept.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    shared: Arc<Shared>,
    accepting: tokio::task::JoinHandle<()>,
}

struct Shared {
    trouble: Trouble,
    /// The message of the program with which the trouble begins; 0: never.
    from: u64,
    seen: AtomicU64,
    healed: AtomicBool,
}

impl Shared {
    fn disturbs(&self) -> bool {
        let (seen, healed) = (self.seen.load(Ordering::SeqCst), self.healed.load(Ordering::SeqCst));
        self.from > 0 && seen >= self.from && !healed
    }
}

impl Proxy {
    /// Leads to the server at this port of this machine; `trouble` begins with the program's message number `from`.
    pub(crate) async fn start(server: u16, trouble: Trouble, from: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            trouble,
            from,
            seen: AtomicU64::new(0),
            healed: AtomicBool::new(false),
        });
        let kept = Arc::clone(&shared);
        let accepting = tokio::spawn(async move {
            while let Ok((program, _)) = listener.accept().await {
                if kept.disturbs() && kept.trouble == Trouble::Cut {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else {
                    continue;
                };
                let (from_program, to_program) = program.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(pump(from_program, to_server, true, Arc::clone(&kept)));
                tokio::spawn(pump(from_server, to_program, false, Arc::clone(&kept)));
            }
        });
        Self {
            port,
            shared,
            accepting,
        }
    }

    /// How many messages the program sent.
    pub(crate) fn seen(&self) -> u64 {
        self.shared.seen.load(Ordering::SeqCst)
    }

    /// Lets new connections through.
    pub(crate) fn heal(&self) {
        self.shared.healed.store(true, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, asks: bool, shared: Arc<Shared>) {
    let mut bytes = vec![0; 64 << 10];
    loop {
        let read = match from.read(&mut bytes).await {
            Ok(0) | Err(_) => return,
            Ok(read) => read,
        };
        if asks {
            shared.seen.fetch_add(1, Ordering::SeqCst);
        }
        if shared.disturbs() {
            match shared.trouble {
                Trouble::Cut => return,
                // Whoever waits for an answer has to give up by itself.
                Trouble::BlackHole => std::future::pending().await,
                Trouble::Deaf if asks => {}
                Trouble::Deaf => continue,
                Trouble::Late(by) => tokio::time::sleep(by).await,
            }
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
