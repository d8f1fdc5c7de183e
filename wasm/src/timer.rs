//! Waiting in a browser, on a page as in a worker.

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// Waits at least so long; a hidden tab waits longer.
pub(crate) async fn sleep(milliseconds: u32) {
    let scope = js_sys::global();
    let wait = Promise::new(&mut |resolve, _| {
        if let Ok(set) = Reflect::get(&scope, &"setTimeout".into()).and_then(JsCast::dyn_into::<Function>) {
            let _ = set.call2(&scope, &resolve, &JsValue::from(milliseconds));
        }
    });
    let _ = JsFuture::from(wait).await;
}
