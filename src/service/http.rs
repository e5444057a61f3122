//! Health, metrics and the status page over HTTP, to be read only.
//!
//! Whoever reaches the port may ask; so each connection has one request, little time and a place among few, and no answer
//! takes long to make.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

use super::board::Board;
use super::page::page;
use crate::commands::now;
use crate::text::plain;

/// Connections at a time: a probe, a Prometheus or two, some people.
const CONNECTIONS: usize = 256;

/// How long a connection may last: Prometheus gives up after 10 seconds by default.
const LASTS: Duration = Duration::from_secs(10);

/// How long to wait when the system has no descriptor left for another connection.
const EXHAUSTED: Duration = Duration::from_millis(500);

/// Prometheus' text format.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// What goes with each answer: no script runs in the page, nothing keeps or embeds it, and the connection ends.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (header::CONNECTION, "close"),
];

/// Opens the port.
///
/// # Errors
/// When it is taken or may not be opened.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Answers for ever.
pub async fn serve(listener: TcpListener, board: Arc<Board>) {
    let listener = Door {
        listener,
        places: Arc::new(Semaphore::new(CONNECTIONS)),
    };
    if let Err(error) = axum::serve(listener, router(board)).await {
        tracing::error!(error = %error, "health and metrics are no longer served");
    }
}

fn router(board: Arc<Board>) -> Router {
    Router::new()
        .route("/", get(status))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .fallback(async || {
            answer(
                StatusCode::NOT_FOUND,
                TEXT,
                "there are /, /healthz, /readyz and /metrics\n",
            )
        })
        .with_state(board)
        .layer(map_response(async |mut response: Response| {
            for (name, value) in HEADERS {
                response.headers_mut().insert(name, HeaderValue::from_static(value));
            }
            response
        }))
}

fn answer(status: StatusCode, kind: &'static str, body: impl Into<axum::body::Body>) -> Response {
    (status, [(header::CONTENT_TYPE, kind)], body.into()).into_response()
}

async fn healthz(State(board): State<Arc<Board>>) -> Response {
    match board.alive() {
        Ok(()) => answer(StatusCode::OK, TEXT, "alive\n"),
        Err(why) => answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{why}\n")),
    }
}

async fn readyz(State(board): State<Arc<Board>>) -> Response {
    match board.look().ready(now()) {
        Ok(()) => answer(StatusCode::OK, TEXT, "ready\n"),
        Err(why) => answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{}\n", plain(&why))),
    }
}

async fn metrics(State(board): State<Arc<Board>>) -> Response {
    match board.text(now()) {
        Ok(text) => answer(StatusCode::OK, METRICS, text),
        Err(error) => answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{error}\n")),
    }
}

async fn status(State(board): State<Arc<Board>>) -> Response {
    answer(StatusCode::OK, HTML, page(&board.look(), now()))
}

/// Lets in no more than there are places.
struct Door {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

impl Listener for Door {
    type Io = Guest;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Guest, SocketAddr) {
        loop {
            // Who finds no place waits in the system's queue. Nobody closes the semaphore.
            let place = Arc::clone(&self.places).acquire_owned().await.ok();
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    let guest = Guest {
                        stream,
                        leaves: Box::pin(sleep(LASTS)),
                        _place: place,
                    };
                    return (guest, address);
                }
                // Of the caller, who left again, or of the system, which may find something to spare.
                Err(error) => {
                    tracing::debug!(error = %error, "a connection was not accepted");
                    sleep(EXHAUSTED).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends in time, however slowly its other end reads or writes.
struct Guest {
    stream: TcpStream,
    leaves: Pin<Box<Sleep>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Guest {
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.leaves.as_mut().poll(context) {
            Poll::Pending => Ok(()),
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl AsyncRead for Guest {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Guest {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
