//! A file that is being put.

use std::rc::Rc;

use bytes::Bytes;
use cachette_core::vault::tree::Path;
use cachette_core::vault::{Command, CommandId, New};
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::shown;
use super::values::file_meta;
use crate::client::Client;
use crate::failure::Failure;
use crate::flow::Flow;
use crate::js::number;
use crate::promise::promise;

/// Takes a file's bytes, as far as the vault invites them.
#[wasm_bindgen]
pub struct Putting {
    client: Rc<Client>,
    id: CommandId,
    flow: Rc<Flow>,
}

impl Putting {
    pub(super) fn begin(client: Rc<Client>, path: Path, meta: &JsValue) -> Self {
        let (id, flow) = client.begin(Command::Put(path, New::File(file_meta(meta))));
        Self { client, id, flow }
    }
}

#[wasm_bindgen]
impl Putting {
    /// Waits until at least one byte is invited and returns how many are.
    ///
    /// # Errors
    /// Why the vault takes no more.
    #[wasm_bindgen(unchecked_return_type = "Promise<number>")]
    pub fn room(&self) -> Promise {
        let flow = Rc::clone(&self.flow);
        promise(async move {
            let room = flow.room().await;
            if room == 0 {
                flow.outcome().await?;
            }
            Ok(number(room))
        })
    }

    /// Gives bytes, no more than are invited.
    ///
    /// # Errors
    /// `internal` when there are more.
    pub fn write(&self, bytes: &[u8]) -> Result<(), JsValue> {
        if !self.flow.use_up(bytes.len()) {
            return Err(Failure::internal("more bytes were written than the vault has room for").into());
        }
        self.client.bytes(self.id, Bytes::copy_from_slice(bytes));
        Ok(())
    }

    /// Ends the file and waits until it is staged.
    ///
    /// # Errors
    /// As the vault has them.
    pub fn end(&self) -> Promise {
        self.client.end_of(self.id);
        let flow = Rc::clone(&self.flow);
        promise(async move { shown(flow.outcome().await?) })
    }

    /// Gives the put up.
    pub fn cancel(&self) {
        self.client.cancel(self.id);
    }
}

impl Drop for Putting {
    /// Whoever forgets a put has given it up.
    fn drop(&mut self) {
        if !self.flow.is_over() {
            self.client.cancel(self.id);
        }
    }
}
