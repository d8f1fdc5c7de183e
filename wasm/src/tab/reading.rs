//! A file that is being read.

use std::rc::Rc;

use cachette_core::vault::Command;
use cachette_core::vault::tree::Path;
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::client::{Client, Underway};
use crate::js::bytes;
use crate::promise::promise;

/// Gives a file's bytes, as far as they are asked for.
#[wasm_bindgen]
pub struct Reading(Rc<Underway>);

impl Reading {
    pub(crate) fn begin(client: Rc<Client>, path: Path, from: f64, len: Option<f64>) -> Self {
        let read = Underway::begin(client, Command::Read { path, from: from as u64, len: len.map(|len| len as u64) });
        read.client.pull(read.id, AHEAD);
        Self(Rc::new(read))
    }
}

#[wasm_bindgen]
impl Reading {
    /// Waits for the next bytes, at most 1 MiB; `undefined` at the end of the file.
    ///
    /// # Errors
    /// As the vault has them.
    #[wasm_bindgen(unchecked_return_type = "Promise<Uint8Array | undefined>")]
    pub fn next(&self) -> Promise {
        let read = Rc::clone(&self.0);
        promise(async move {
            match read.flow.next().await {
                Some(piece) => {
                    read.client.pull(read.id, piece.len());
                    Ok(bytes(&piece).into())
                }
                None => {
                    read.flow.outcome().await?;
                    Ok(JsValue::UNDEFINED)
                }
            }
        })
    }

    /// Gives the read up.
    pub fn cancel(&self) {
        self.0.client.cancel(self.0.id);
    }
}

/// Bytes that are here before they are asked for.
const AHEAD: usize = 2 << 20;
