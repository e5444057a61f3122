//! A small HTTP/1 server that can also misbehave: close a connection without an answer, break an answer off.
//!
//! axum's own server always answers, so connections are accepted here and handed to hyper one by one.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Sleep;

use super::traffic::{Meter, Metered, Traffic};

/// A running server. Dropping it closes the port and all connections.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    task: JoinHandle<()>,
    meter: Meter,
}

impl Server {
    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The bytes that crossed its connections so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.meter.read()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves the router on a free port of the loopback address.
pub async fn serve(router: Router) -> io::Result<Server> {
    serve_on(SocketAddr::from(([127, 0, 0, 1], 0)), router).await
}

/// Serves the router on the given address.
pub async fn serve_on(addr: SocketAddr, router: Router) -> io::Result<Server> {
    let listener = TcpListener::bind(addr).await?;
    let addr = listener.local_addr()?;
    let meter = Meter::default();
    let task = tokio::spawn(accept(listener, router, meter.clone()));
    Ok(Server { addr, task, meter })
}

async fn accept(listener: TcpListener, router: Router, meter: Meter) {
    // Dropped with this task when the server is, which ends the connections too.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(stream, router.clone(), meter.clone()));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn converse(stream: TcpStream, router: Router, meter: Meter) {
    // Small answers would otherwise wait for the peer's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let answer = router.call(request);
        async move {
            let response = answer.await.unwrap_or_else(|never: Infallible| match never {});
            if aborts(&response) {
                // hyper closes a connection whose service fails, without a word.
                return Err(io::Error::other("the script closes the connection"));
            }
            Ok(response)
        }
    });
    // A connection that ends badly is the client's to notice.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(Metered { stream, meter }), service)
        .await;
}

#[derive(Clone, Copy)]
struct Abort;

/// A response that is never sent: the connection is closed in its stead.
#[must_use]
pub fn abort() -> Response {
    let mut response = ().into_response();
    response.extensions_mut().insert(Abort);
    response
}

/// Whether the response stands for a connection to be closed.
pub(super) fn aborts(response: &Response) -> bool {
    response.extensions().get::<Abort>().is_some()
}

/// The same response, breaking off half way although its declared length is whole.
pub(super) async fn truncate(response: Response) -> Response {
    let (mut head, body) = response.into_parts();
    let Ok(whole) = to_bytes(body, usize::MAX).await else {
        return abort();
    };
    head.headers.insert(header::CONTENT_LENGTH, whole.len().into());
    let half = whole.slice(..whole.len() / 2);
    let body = Half {
        declared: whole.len() as u64,
        half: Some(half),
        pause: None,
    };
    Response::from_parts(head, Body::new(body))
}

struct Half {
    declared: u64,
    half: Option<Bytes>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl HttpBody for Half {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(half) = self.half.take() {
            return Poll::Ready(Some(Ok(Frame::data(half))));
        }
        // The pause lets the first half reach the wire: an error that follows at once would overtake it.
        let pause = self
            .pause
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(Duration::from_millis(20))));
        ready!(pause.as_mut().poll(cx));
        Poll::Ready(Some(Err(io::Error::other("the script breaks the answer off"))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.declared)
    }
}
