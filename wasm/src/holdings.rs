//! What this browser holds, for a page to show before any peer runs.

use cachette_core::store::{StoreAnswer, StoreOp};
use wasm_bindgen::prelude::{JsError, wasm_bindgen};

use crate::store::{Durability, Store};

/// Blocks in the store of this origin and their bytes.
#[wasm_bindgen]
#[derive(Debug, Clone, Copy)]
pub struct Holdings {
    /// How many blocks.
    pub blocks: f64,
    /// Their bytes.
    pub bytes: f64,
}

/// Looks into a store and closes it again.
///
/// # Errors
/// When the browser does not open the store or cannot read it; the message is for people.
#[wasm_bindgen]
pub async fn holdings(store: String) -> Result<Holdings, JsError> {
    let store = Store::open(&store).await?;
    let answer = store.perform(StoreOp::Usage(None), Durability::Relaxed).await;
    store.close();
    match answer {
        StoreAnswer::Usage(usage) => Ok(Holdings { blocks: usage.blocks as f64, bytes: usage.bytes as f64 }),
        _ => Err(JsError::new("the store could not be read")),
    }
}
