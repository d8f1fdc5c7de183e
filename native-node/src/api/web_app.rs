//! The web app as it was when this binary was compiled: every file at its address, with the headers that keep a browser strict.

use axum::extract::Extension;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};

use super::problem::Problem;
use crate::socket::origin::Host;

/// A file of the app.
struct File {
    route: &'static str,
    kind: &'static str,
    etag: &'static str,
    /// The bytes are in gzip, which everything that runs the app understands.
    is_packed: bool,
    bytes: &'static [u8],
}

/// Returns the app's routes, or `None` if it was not built before this binary.
pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Option<Router<S>> {
    FILES.iter().any(|file| file.route == "/").then(|| {
        FILES.iter().fold(Router::new(), |routes, file| {
            routes.route(file.route, routing::get(move |host, headers: HeaderMap| async move { file.answer(&host, &headers) }))
        })
    })
}

impl File {
    fn answer(&'static self, Extension(host): &Extension<Host>, headers: &HeaderMap) -> Response {
        let caching = if self.route.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
        let policy = HeaderValue::from_str(&policy(host.is_loopback())).unwrap_or(HeaderValue::from_static("default-src 'none'"));
        let mut shared = HeaderMap::new();
        shared.insert(ETAG, HeaderValue::from_static(self.etag));
        shared.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
        shared.insert(VARY, HeaderValue::from_static("accept-encoding"));
        shared.insert(CONTENT_SECURITY_POLICY, policy);
        shared.insert(PERMISSIONS_POLICY, HeaderValue::from_static(PERMISSIONS));
        if lists(headers, &IF_NONE_MATCH, |tag| tag.trim_start_matches("W/") == self.etag || tag == "*") {
            return (StatusCode::NOT_MODIFIED, shared).into_response();
        }
        if self.is_packed {
            if !lists(headers, &ACCEPT_ENCODING, |coding| coding.eq_ignore_ascii_case("gzip") || coding == "*") {
                return Problem::new(StatusCode::NOT_ACCEPTABLE, "not-acceptable", "this is only kept compressed")
                    .hint("ask with `Accept-Encoding: gzip`")
                    .into_response();
            }
            shared.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        shared.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        (shared, self.bytes).into_response()
    }
}

/// What the app's pages and workers may do. Opened files are shown by the service worker under a policy of their own.
fn policy(is_loopback: bool) -> String {
    // A person who runs a node on their own machine has no certificate for it.
    let nearby = if is_loopback { " http://localhost:* ws://localhost:* http://127.0.0.1:* ws://127.0.0.1:*" } else { "" };
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; \
         frame-src 'self' blob:; worker-src 'self'; manifest-src 'self'; connect-src 'self' https: wss:{nearby}; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'"
    )
}

/// Says whether a header with a list has a matching element; parameters and their weights are left aside.
fn lists(headers: &HeaderMap, name: &HeaderName, matches: impl Fn(&str) -> bool) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|element| {
        let mut parts = element.split(';');
        let is_named = parts.next().is_some_and(|name| matches(name.trim()));
        is_named && !parts.any(|parameter| matches!(parameter.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

const FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/web_app.rs"));
/// Files below this have the hash of their content in their name.
const HASHED: &str = "/assets/";
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
/// The app needs none of these, so nothing that it shows gets them either.
const PERMISSIONS: &str = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";
