//! Calls under way: a peer's addresses, tried one after the other, best first.

use std::collections::VecDeque;

use cachette_core::address::Address;
use cachette_core::id::PeerId;
use cachette_core::node::DialError;
use wasm_bindgen::JsValue;

use crate::js::field;

/// A call, and what is left to try.
pub(crate) struct Call {
    /// Who must answer.
    pub(crate) peer: PeerId,
    addresses: VecDeque<Address>,
    failure: DialError,
}

impl Call {
    /// Begins a call.
    pub(crate) fn new(peer: PeerId, addresses: &[String]) -> Self {
        let addresses =
            addresses.iter().filter_map(|text| Address::of(peer, text).ok()).filter(|address| is_allowed(page_is_secure(), address));
        Self { peer, addresses: addresses.collect(), failure: DialError::NoAddress }
    }

    /// Returns the next address to try.
    pub(crate) fn next(&mut self) -> Option<Address> {
        self.addresses.pop_front()
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
