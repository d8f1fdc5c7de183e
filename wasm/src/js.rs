//! Plain JavaScript objects: made for callers, read from them.

use js_sys::{Array, Function, Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};

/// An object on its way out.
pub(crate) struct Shape(Object);

impl Shape {
    pub(crate) fn new() -> Self {
        Self(Object::new())
    }

    /// Begins an event of a type.
    pub(crate) fn event(kind: &str) -> Self {
        Self::new().with("type", kind)
    }

    pub(crate) fn with(self, name: &str, value: impl Into<JsValue>) -> Self {
        // A fresh object takes every property.
        let _ = Reflect::set(&self.0, &name.into(), &value.into());
        self
    }

    /// Leaves the property out when there is nothing to say.
    pub(crate) fn with_some(self, name: &str, value: Option<impl Into<JsValue>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    pub(crate) fn done(self) -> JsValue {
        self.0.into()
    }
}

/// Makes an array.
pub(crate) fn list(values: impl IntoIterator<Item = JsValue>) -> JsValue {
    values.into_iter().collect::<Array>().into()
}

/// Makes an array of texts.
pub(crate) fn texts<'t>(values: impl IntoIterator<Item = &'t String>) -> JsValue {
    list(values.into_iter().map(|text| text.as_str().into()))
}

/// A count or a length as JavaScript has it: exact up to 2^53.
pub(crate) fn number(value: impl TryInto<u64>) -> JsValue {
    JsValue::from(value.try_into().unwrap_or(u64::MAX) as f64)
}

/// Copies bytes out of the module's memory.
pub(crate) fn bytes(bytes: &[u8]) -> Uint8Array {
    Uint8Array::from(bytes)
}

/// Reads a property; `undefined` when there is none.
pub(crate) fn field(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap_or_default()
}

/// Calls a function of the worker's or page's global scope.
pub(crate) fn call_global(name: &str, arguments: &[JsValue]) -> Option<JsValue> {
    let scope: JsValue = js_sys::global().into();
    let function: Function = field(&scope, name).dyn_into().ok()?;
    function.apply(&scope, &arguments.iter().collect()).ok()
}
