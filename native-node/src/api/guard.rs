//! What every request passes: the host and origin checks, a time limit, and headers that keep a browser strict.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use super::problem::Problem;
use crate::socket::origin::{HostError, Policy};

/// The guard's knowledge.
#[derive(Debug, Clone)]
pub struct Guard {
    /// Names and origins.
    pub policy: Arc<Policy>,
}

/// Lets a request through, or answers it.
pub async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let mut response = checked(&guard.policy, request, next).await;
    let headers = response.headers_mut();
    for (name, value) in STRICT {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

async fn checked(policy: &Policy, mut request: Request, next: Next) -> Response {
    let host = match policy.host(request.uri(), request.headers()) {
        Ok(host) => host,
        Err(error @ HostError::Unclear) => return Problem::new(StatusCode::BAD_REQUEST, "bad-host", &error).into_response(),
        Err(error) => return Problem::new(StatusCode::MISDIRECTED_REQUEST, "unknown-host", &error).hint(HOST_HINT).into_response(),
    };
    // `/peer` checks the origin itself, because it tells a page why.
    if request.uri().path() != "/peer"
        && let Err(error) = policy.origin(&host, request.headers())
    {
        return Problem::new(StatusCode::FORBIDDEN, "origin-refused", &error).into_response();
    }
    request.extensions_mut().insert(host);
    match timeout(ANSWER_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the request took too long").into_response(),
    }
}

const HOST_HINT: &str = "the node's operator adds a name with `serve --public-address wss://NAME:PORT`";

/// An answer takes no longer than this, the reading of the body included.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

const STRICT: [(HeaderName, &str); 6] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];
