//! Buffers of JavaScript that hold bytes for a moment. Left to a collector they would pile up to tens of megabytes in every thread, so those
//! that go to another thread and come back are used again, and the others are given up at once.

use std::cell::RefCell;

use js_sys::{ArrayBuffer, Function, Uint8Array};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// Buffers that came back.
#[derive(Default)]
pub(crate) struct Buffers(Vec<ArrayBuffer>);

impl Buffers {
    /// Copies bytes out of the module's memory, into one of them if one is large enough.
    pub(crate) fn fill(&mut self, bytes: &[u8]) -> ArrayBuffer {
        let len = bytes.len() as u32;
        let fits = self.0.iter().position(|buffer| buffer.byte_length() >= len);
        let buffer = fits.map_or_else(|| ArrayBuffer::new(len.next_power_of_two()), |place| self.0.swap_remove(place));
        Uint8Array::new_with_byte_offset_and_length(&buffer, 0, len).copy_from(bytes);
        buffer
    }

    /// Copies that many bytes of a buffer into the module's memory and keeps the buffer.
    pub(crate) fn empty(&mut self, buffer: ArrayBuffer, len: u32) -> Vec<u8> {
        let bytes = Uint8Array::new_with_byte_offset_and_length(&buffer, 0, len.min(buffer.byte_length())).to_vec();
        if self.0.len() < KEPT {
            self.0.push(buffer);
        } else {
            free(&buffer);
        }
        bytes
    }
}

/// Copies a buffer into the module's memory and frees it.
pub(crate) fn take(buffer: &ArrayBuffer) -> Vec<u8> {
    let bytes = Uint8Array::new(buffer).to_vec();
    free(buffer);
    bytes
}

/// Takes what frees a buffer from here on: how that is done differs between browsers (`buffers.ts`).
#[wasm_bindgen(js_name = freeWith)]
pub fn free_with(free: Function) {
    FREE.set(Some(free));
}

fn free(buffer: &ArrayBuffer) {
    FREE.with_borrow(|free| {
        if let Some(free) = free {
            // One that is not freed is left to the collector.
            let _ = free.call1(&JsValue::NULL, buffer);
        }
    });
}

thread_local! {
    static FREE: RefCell<Option<Function>> = const { RefCell::new(None) };
}

/// As many as are on their way at once to and from a worker.
const KEPT: usize = 8;
