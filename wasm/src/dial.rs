//! Calls under way: a peer's addresses, tried one after the other, best first; and why one came to nothing.

use std::collections::VecDeque;

use cachette_core::address::Address;
use cachette_core::id::PeerId;
use cachette_core::node::DialError;
use js_sys::{Function, Promise};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::js::{Shape, call_global, field};
use crate::timer::within;

/// A call, and what is left to try.
pub(crate) struct Call {
    /// Who must answer.
    pub(crate) peer: PeerId,
    addresses: VecDeque<Address>,
    tried: Option<Address>,
    failure: DialError,
}

impl Call {
    /// Begins a call.
    pub(crate) fn new(peer: PeerId, addresses: &[String]) -> Self {
        let addresses =
            addresses.iter().filter_map(|text| Address::of(peer, text).ok()).filter(|address| is_allowed(page_is_secure(), address));
        Self { peer, addresses: addresses.collect(), tried: None, failure: DialError::NoAddress }
    }

    /// Returns the next address to try.
    pub(crate) fn next(&mut self) -> Option<&Address> {
        self.tried = self.addresses.pop_front();
        self.tried.as_ref()
    }

    /// Returns the last one that was tried.
    pub(crate) fn tried(&self) -> Option<&Address> {
        self.tried.as_ref()
    }

    /// Notes why the last one came to nothing.
    pub(crate) fn failed(&mut self, why: DialError) {
        self.failure = why;
    }

    /// Returns why the last one came to nothing.
    pub(crate) fn failure(&self) -> DialError {
        self.failure
    }
}

/// Asks a place over HTTP why it opened no socket, for a browser does not say.
pub(crate) async fn reason(address: &Address) -> DialError {
    let place = address.url();
    let place = format!("http{}/peer", place.strip_prefix("ws").unwrap_or(&place));
    within(PATIENCE, asked(&place)).await.unwrap_or(DialError::TimedOut)
}

async fn asked(place: &str) -> DialError {
    let Some(answer) = fetched(place, "cors").await else {
        // What is no node lets no page of another site read what it answers, and answers all the same.
        return if fetched(place, "no-cors").await.is_some() { DialError::NotANode } else { DialError::NoRoute };
    };
    let said = |name: &str| field(&answer, name).as_string();
    if said("code").as_deref() == Some("origin-refused") {
        DialError::Origin
    } else if said("protocol").as_deref() == Some("cachette") {
        DialError::Refused
    } else {
        DialError::NotANode
    }
}

/// Returns what a place answers, as far as it can be read; nothing when it does not answer this page.
async fn fetched(place: &str, mode: &str) -> Option<JsValue> {
    let options = Shape::new().with("mode", mode).with("credentials", "omit").with("cache", "no-store").done();
    let answer = JsFuture::from(call_global("fetch", &[place.into(), options])?.dyn_into::<Promise>().ok()?).await.ok()?;
    let read = field(&answer, "json").dyn_into::<Function>().ok()?.call0(&answer).ok()?;
    Some(JsFuture::from(read.dyn_into::<Promise>().ok()?).await.unwrap_or_default())
}

/// Says whether the browser would open a socket there: a page from https speaks without TLS to this machine only. Without TLS elsewhere, it
/// is the peer id in every address that says who answers.
fn is_allowed(secure_page: bool, address: &Address) -> bool {
    address.secure || address.is_loopback() || (!secure_page && address.peer.is_some())
}

/// Says whether this page came over TLS.
fn page_is_secure() -> bool {
    let scope: JsValue = js_sys::global().into();
    field(&scope, "origin").as_string().is_some_and(|origin| origin.starts_with("https:"))
}

/// Milliseconds that a place gets to say why.
const PATIENCE: u32 = 5_000;
