//! The HTTP side of a node: health for supervisors, an API for its operator, figures for Prometheus, a page for who looks.
//!
//! Everybody may ask whether the node is well and which version it is. Everything else needs the bearer token, which lies in the data
//! directory where only the node's owner can read it.

pub mod client;
pub mod guard;
pub mod model;
mod page;
pub mod problem;
pub mod token;
mod web_app;

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, middleware, routing};
use cachette_core::node::Trouble;

use self::guard::Guard;
use self::model::{InvitationRequest, VersionAnswer};
use self::problem::Problem;
use crate::serve::desk::{Desk, DeskError};
use crate::socket::origin::Policy;
use crate::socket::upgrade::{self, Entrance};

/// Returns what the port for peers and the web answers.
pub fn public_routes(desk: Arc<Desk>, entrance: Entrance) -> Router {
    let policy = Arc::clone(&entrance.policy);
    let front = web_app::routes().unwrap_or_else(plain_page);
    guarded(upgrade::routes(entrance).merge(front).merge(routes(desk)), policy)
}

/// Returns what the loopback port answers: the same without peers, and the metrics.
pub fn local_routes(desk: Arc<Desk>, policy: Arc<Policy>) -> Router {
    let metrics = Router::new().route("/metrics", routing::get(metrics)).with_state(Arc::clone(&desk));
    guarded(plain_page().merge(routes(desk)).merge(metrics), policy)
}

/// What stands at `/` where the app does not: on the loopback port, and in a binary that was compiled without it.
fn plain_page<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/", routing::get(page::page))
}

fn routes(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/healthz", routing::get(|| async { "ok\n" }))
        .route("/readyz", routing::get(ready))
        .route("/version", routing::get(version))
        .route("/api/v1/status", routing::get(status))
        .route("/api/v1/peers", routing::get(peers))
        .route("/api/v1/invitations", routing::post(invite))
        .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "not-found", "there is nothing here") })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "this is not done with that method")
        })
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(desk)
}

fn guarded(routes: Router, policy: Arc<Policy>) -> Router {
    routes.layer(middleware::from_fn_with_state(Guard { policy }, guard::guard))
}

async fn ready(State(desk): State<Arc<Desk>>) -> Response {
    match desk.ready().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", &error).into_response(),
    }
}

async fn version() -> Json<VersionAnswer> {
    Json(VersionAnswer { name: "cachette".into(), version: env!("CARGO_PKG_VERSION").into() })
}

async fn status(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Result<Response, Problem> {
    desk.token.check(&headers)?;
    Ok(Json(desk.status().await?).into_response())
}

async fn peers(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Result<Response, Problem> {
    desk.token.check(&headers)?;
    Ok(Json(desk.peers()).into_response())
}

async fn invite(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    request: Result<Json<InvitationRequest>, JsonRejection>,
) -> Result<Response, Problem> {
    desk.token.check(&headers)?;
    let Json(request) = request.map_err(|error| Problem::new(error.status(), "bad-request", &error.body_text()))?;
    let limit = request.limit.unwrap_or(desk.store_limit);
    Ok((StatusCode::CREATED, Json(desk.invite(limit).await?)).into_response())
}

async fn metrics(State(desk): State<Arc<Desk>>) -> Response {
    ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], desk.metrics_text().await).into_response()
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        match &error {
            DeskError::Limit { .. } => Self::new(StatusCode::BAD_REQUEST, "limit", &error),
            DeskError::Store(_) | DeskError::NoRoom | DeskError::Invitation(Trouble::Denied(_)) => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "store", &error)
            }
            _ => Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", &error),
        }
    }
}

/// Bytes of a request's body: requests are a few words.
const BODY: usize = 16 << 10;
