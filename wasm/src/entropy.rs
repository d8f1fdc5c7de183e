//! Fresh entropy of the browser: core has none of its own.

use js_sys::{Function, Uint8Array};
use wasm_bindgen::JsCast;

use crate::failure::Failure;
use crate::js::field;

/// Returns 32 fresh bytes.
pub(crate) fn fresh() -> Result<[u8; 32], Failure> {
    let crypto = field(&js_sys::global(), "crypto");
    let fill: Option<Function> = field(&crypto, "getRandomValues").dyn_into().ok();
    let buffer = Uint8Array::new_with_length(32);
    let filled = fill.is_some_and(|fill| fill.call1(&crypto, &buffer).is_ok());
    let mut bytes = [0; 32];
    buffer.copy_to(&mut bytes);
    if filled { Ok(bytes) } else { Err(Failure::internal("this browser gives no random numbers")) }
}
