//! The last words of a module that has failed: a bug of ours, told to whoever can throw the worker away and start another.

use std::cell::RefCell;
use std::panic;
use std::sync::Once;

use wasm_bindgen::JsValue;

type LastWords = Box<dyn Fn(&str)>;

thread_local! {
    static LAST_WORDS: RefCell<Vec<LastWords>> = const { RefCell::new(Vec::new()) };
}

/// Has this told of a panic, once. After that the module is not to be trusted: whatever was half changed stays so.
pub(crate) fn on_panic(tell: impl Fn(&str) + 'static) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| panic::set_hook(Box::new(|what| last_words(&what.to_string()))));
    LAST_WORDS.with_borrow_mut(|words| words.push(Box::new(tell)));
}

fn last_words(what: &str) {
    web_sys::console::error_1(&JsValue::from_str(what));
    // Taken first: what is told may panic too.
    let words = LAST_WORDS.with(|words| words.try_borrow_mut().map(|mut words| std::mem::take(&mut *words)).unwrap_or_default());
    words.iter().for_each(|tell| tell(what));
}
