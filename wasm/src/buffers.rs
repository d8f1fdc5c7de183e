//! Buffers that go to another thread and come back. Left to a collector they would pile up to tens of megabytes on either side.

use js_sys::{ArrayBuffer, Uint8Array};

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
        }
        bytes
    }
}

/// As many as are on their way at once to and from a worker.
const KEPT: usize = 8;
