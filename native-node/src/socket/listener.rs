//! The accept loop: from TCP connections to HTTP requests, within bounds of number and time.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::{debug, warn};

use super::Duplex;
use super::gate::Gate;
use super::tls::ServerTls;
use super::upgrade::Caller;
use crate::metrics::Metrics;

/// A port on which requests are answered.
pub struct Listener {
    /// The port.
    pub tcp: TcpListener,
    /// How to speak TLS on it, if so.
    pub tls: Option<Arc<ServerTls>>,
    /// Bounds on connections.
    pub gate: Arc<Gate>,
    /// Answers the requests; finds a [`Caller`] in each.
    pub router: Router,
    /// Counts what was refused.
    pub metrics: Arc<Metrics>,
}

impl Listener {
    /// Accepts connections until `stop` says true, then lets open requests finish for a moment.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        let mut stopped = pin!(wait_for(stop.clone()));
        loop {
            let accepted = tokio::select! {
                accepted = self.tcp.accept() => accepted,
                Some(_) = connections.join_next() => continue,
                () = &mut stopped => break,
            };
            match accepted {
                Ok((tcp, remote)) => self.admit(&mut connections, tcp, remote, stop.clone()),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    // Out of file descriptors or memory: the error stays until something is closed, so trying at once would only spin.
                    warn!(%error, "connections cannot be accepted; trying again in a moment");
                    self.metrics.accept_failures.inc();
                    tokio::select! { () = sleep(ACCEPT_PAUSE) => {} _ = stop.wait_for(|stop| *stop) => break }
                }
            }
        }
        drop(self.tcp);
        // Whoever is not done by then is cut off when the set is dropped.
        let _ = timeout(DRAIN, async { while connections.join_next().await.is_some() {} }).await;
    }

    fn admit(&self, connections: &mut JoinSet<()>, tcp: TcpStream, remote: SocketAddr, stop: watch::Receiver<bool>) {
        match self.gate.admit(remote.ip(), std::time::Instant::now()) {
            Ok(ticket) => {
                let caller = Caller { remote, ticket: Arc::new(ticket) };
                connections.spawn(serve_connection(tcp, self.tls.clone(), caller, self.router.clone(), stop));
            }
            Err(turned) => {
                debug!(%turned, "connection refused");
                self.metrics.refused(turned);
                if self.tls.is_none() {
                    // A fresh socket has room for this; if not, the caller learns from the close alone.
                    let _ = tcp.try_write(TURNED_AWAY);
                }
            }
        }
    }
}

async fn serve_connection(tcp: TcpStream, tls: Option<Arc<ServerTls>>, caller: Caller, router: Router, stop: watch::Receiver<bool>) {
    let deadline = Instant::now() + HEADER_TIMEOUT;
    // Without it a small frame may wait 40 ms for an acknowledgement; a socket that refuses the option works all the same.
    let _ = tcp.set_nodelay(true);
    let io: Box<dyn Duplex> = match tls {
        None => Box::new(tcp),
        Some(tls) => match timeout_at(deadline, tls.acceptor().accept(tcp)).await {
            Ok(Ok(stream)) => Box::new(stream),
            Ok(Err(error)) => return debug!(%error, "TLS handshake failed"),
            Err(_) => return debug!("TLS handshake took too long"),
        },
    };
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(caller.clone());
        let router = router.clone();
        async move { Ok::<_, Infallible>(tower_call(router, request.map(Body::new)).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)))
        .max_headers(HEADERS)
        .max_header_size(HEADER_BYTES)
        .max_buf_size(HEADER_BYTES.max(HYPER_BUFFER_MIN))
        .serve_connection(TokioIo::new(io), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = wait_for(stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "connection ended");
    }
}

async fn tower_call(router: Router, request: axum::http::Request<Body>) -> axum::response::Response {
    use hyper::service::Service;
    let service = hyper_util::service::TowerToHyperService::new(router);
    match service.call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

async fn wait_for(mut stop: watch::Receiver<bool>) {
    // The sender going away means the same.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Says whether an accept error concerns only the connection that was about to be accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// A request's head takes no longer than this, TLS included.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// Headers of a request: browsers send about 20.
const HEADERS: usize = 64;
/// Bytes of a request's head.
const HEADER_BYTES: usize = 8 << 10;
/// hyper takes no smaller buffer.
const HYPER_BUFFER_MIN: usize = 8 << 10;
/// How long to leave the port alone when connections cannot be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// How long open requests may go on after the end.
const DRAIN: Duration = Duration::from_secs(5);
/// What a connection too many gets, when it can be told before TLS.
const TURNED_AWAY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
