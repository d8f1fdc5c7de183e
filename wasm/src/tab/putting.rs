//! A file that is being put.

use std::rc::Rc;

use bytes::Bytes;
use cachette_core::vault::tree::Path;
use cachette_core::vault::{Command, New};
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::shown;
use super::values::file_meta;
use crate::client::{Client, Underway};
use crate::failure::Failure;
use crate::js::number;
use crate::promise::promise;

/// Takes a file's bytes, as far as the vault invites them.
#[wasm_bindgen]
pub struct Putting(Rc<Underway>);

impl Putting {
    pub(super) fn begin(client: Rc<Client>, path: Path, meta: &JsValue) -> Self {
        Self(Rc::new(Underway::begin(client, Command::Put(path, New::File(file_meta(meta))))))
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
        let put = Rc::clone(&self.0);
        promise(async move {
            let room = put.flow.room().await;
            if room == 0 {
                put.flow.outcome().await?;
            }
            Ok(number(room))
        })
    }

    /// Gives bytes, no more than are invited.
    ///
    /// # Errors
    /// `internal` when there are more.
    pub fn write(&self, bytes: &[u8]) -> Result<(), JsValue> {
        if !self.0.flow.use_up(bytes.len()) {
            return Err(Failure::internal("more bytes were written than the vault has room for").into());
        }
        self.0.client.bytes(self.0.id, Bytes::copy_from_slice(bytes));
        Ok(())
    }

    /// Ends the file and waits until it is staged.
    ///
    /// # Errors
    /// As the vault has them.
    pub fn end(&self) -> Promise {
        let put = Rc::clone(&self.0);
        put.client.end_of(put.id);
        promise(async move { shown(put.flow.outcome().await?) })
    }

    /// Gives the put up.
    pub fn cancel(&self) {
        self.0.client.cancel(self.0.id);
    }
}
