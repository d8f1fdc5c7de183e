//! `/peer`: turns an HTTP request into a socket, or tells a page why it may not have one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CONNECTION, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::gate::Ticket;
use super::origin::{Host, Policy};
use super::{Duplex, Side, Socket, limits};
use crate::api::problem::Problem;

/// What is known of the connection that a request came over.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Its other end.
    pub remote: SocketAddr,
    /// Its place among all connections.
    pub ticket: Arc<Ticket>,
}

/// A socket that a peer opened.
pub struct Accepted {
    /// The socket; nobody has proven anything yet.
    pub socket: Socket,
    /// Who opened it.
    pub caller: Caller,
}

/// Where `/peer` gets its policy and leaves its sockets.
#[derive(Debug, Clone)]
pub struct Entrance {
    /// Which pages may come in.
    pub policy: Arc<Policy>,
    /// Takes the sockets.
    pub accepted: mpsc::Sender<Accepted>,
}

/// What a page learns that asks `/peer` without upgrading and may come in.
#[derive(Serialize)]
struct Explanation {
    protocol: &'static str,
    origin: Option<String>,
    allowed: bool,
}

/// Returns the route. The host must have been checked before.
pub fn routes(entrance: Entrance) -> Router {
    Router::new().route("/peer", routing::get(peer)).with_state(entrance)
}

async fn peer(
    State(entrance): State<Entrance>,
    Extension(host): Extension<Host>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let verdict = entrance.policy.origin(&host, request.headers());
    if let Err(error) = verdict {
        // A browser does not tell a page why its socket failed, so the page asks again without one. Any page may read the answer: it
        // says nothing that the page did not know, but for the reason.
        let anybody = HeaderValue::from_static("*");
        let problem = Problem::new(StatusCode::FORBIDDEN, "origin-refused", &error).hint(ORIGIN_HINT);
        return problem.header(ACCESS_CONTROL_ALLOW_ORIGIN, anybody).into_response();
    }
    if !is_upgrade(request.headers()) {
        return explain(request.headers());
    }
    match accept_key(&request) {
        Ok(key) => upgrade(&entrance, caller, key, request),
        Err(problem) => problem.into_response(),
    }
}

fn upgrade(entrance: &Entrance, caller: Caller, key: String, mut request: Request) -> Response {
    // A node that cannot keep up with new sockets says so now, instead of holding them.
    let Ok(place) = entrance.accepted.clone().try_reserve_owned() else {
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "too many peers connect at this moment").into_response();
    };
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(Ok(upgraded)) = timeout(UPGRADE_TIMEOUT, upgraded).await else { return };
        let io: Box<dyn Duplex> = Box::new(TokioIo::new(upgraded));
        let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(limits(Side::Listener))).await;
        place.send(Accepted { socket, caller });
    });
    let headers = [(CONNECTION, HeaderValue::from_static("upgrade")), (UPGRADE, HeaderValue::from_static("websocket"))];
    match HeaderValue::try_from(key) {
        Ok(key) => (StatusCode::SWITCHING_PROTOCOLS, headers, [(SEC_WEBSOCKET_ACCEPT, key)], Body::empty()).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Checks a WebSocket opening handshake (RFC 6455, section 4.2.1) and returns the answer to its key.
fn accept_key(request: &Request) -> Result<String, Problem> {
    let headers = request.headers();
    let wrong = |detail| Problem::new(StatusCode::BAD_REQUEST, "bad-handshake", detail);
    if request.method() != Method::GET || request.version() != Version::HTTP_11 {
        return Err(wrong("a WebSocket opens with GET over HTTP/1.1"));
    }
    if headers.get(SEC_WEBSOCKET_VERSION).map(HeaderValue::as_bytes) != Some(b"13") {
        return Err(Problem::new(StatusCode::UPGRADE_REQUIRED, "bad-handshake", "the WebSocket version must be 13")
            .header(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")));
    }
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    let (Some(key), None) = (keys.next(), keys.next()) else { return Err(wrong("one Sec-WebSocket-Key is needed")) };
    match data_encoding::BASE64.decode(key.as_bytes()) {
        Ok(nonce) if nonce.len() == 16 => Ok(derive_accept_key(key.as_bytes())),
        _ => Err(wrong("the Sec-WebSocket-Key is not 16 bytes in base64")),
    }
}

fn is_upgrade(headers: &HeaderMap) -> bool {
    has_token(headers, &CONNECTION, "upgrade") && has_token(headers, &UPGRADE, "websocket")
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(token))
}

fn explain(headers: &HeaderMap) -> Response {
    let origin = headers.get(ORIGIN).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let explanation = Explanation { protocol: "cachette", origin, allowed: true };
    ([(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"))], Json(explanation)).into_response()
}

const ORIGIN_HINT: &str = "the node's operator lets a page in with `serve --allow-origin ORIGIN` or `allow_origins` in the configuration";

/// An upgrade that takes longer has lost its connection.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(5);
