//! A file that is being read.

use std::rc::Rc;

use cachette_core::vault::tree::Path;
use cachette_core::vault::{Command, CommandId};
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::client::Client;
use crate::flow::Flow;
use crate::js::bytes;
use crate::promise::promise;

/// Gives a file's bytes, as far as they are asked for.
#[wasm_bindgen]
pub struct Reading {
    client: Rc<Client>,
    id: CommandId,
    flow: Rc<Flow>,
}

impl Reading {
    pub(crate) fn begin(client: Rc<Client>, path: Path, from: f64, len: Option<f64>) -> Self {
        let (id, flow) = client.begin(Command::Read { path, from: from as u64, len: len.map(|len| len as u64) });
        client.pull(id, AHEAD);
        Self { client, id, flow }
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
        let (client, id, flow) = (Rc::clone(&self.client), self.id, Rc::clone(&self.flow));
        promise(async move {
            match flow.next().await {
                Some(piece) => {
                    client.pull(id, piece.len());
                    Ok(bytes(&piece).into())
                }
                None => {
                    flow.outcome().await?;
                    Ok(JsValue::UNDEFINED)
                }
            }
        })
    }

    /// Gives the read up.
    pub fn cancel(&self) {
        self.client.cancel(self.id);
    }
}

impl Drop for Reading {
    /// Whoever forgets a read has given it up.
    fn drop(&mut self) {
        if !self.flow.is_over() {
            self.client.cancel(self.id);
        }
    }
}

/// Bytes that are here before they are asked for.
const AHEAD: usize = 2 << 20;
