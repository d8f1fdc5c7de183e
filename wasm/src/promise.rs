//! What JavaScript waits for: work behind one pointer, so that a call brings its own steps to the module and no way of its own to a promise.

use std::pin::Pin;

use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::future_to_promise;

use crate::failure::Failure;

/// Begins work and promises its outcome.
pub(crate) fn promise(work: impl Future<Output = Result<JsValue, Failure>> + 'static) -> Promise {
    begin(Box::pin(work))
}

fn begin(work: Pin<Box<dyn Future<Output = Result<JsValue, Failure>>>>) -> Promise {
    future_to_promise(async move { Ok(work.await?) })
}
