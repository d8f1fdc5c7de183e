//! What the vectors of `core/docs/vectors` speak of, so that JavaScript can read them and compare.

use cachette_core::block::Block;
use cachette_core::id::BlockId;
use cachette_core::vault::chunk::{ChunkKey, Chunker};
use cachette_core::vault::compress::decompress;
use cachette_core::vault::seal::{self, BlockKey, SealKey};
use wasm_bindgen::prelude::{JsError, wasm_bindgen};

/// A sealed block with its name and key.
#[wasm_bindgen(getter_with_clone)]
#[derive(Debug, Clone)]
pub struct Sealed {
    /// The suite.
    pub suite: u8,
    /// The block's name.
    pub id: Vec<u8>,
    /// The key of this block alone.
    pub key: Vec<u8>,
    /// The block.
    pub block: Vec<u8>,
}

/// Seals a pack.
#[wasm_bindgen]
pub fn seal(secret: &[u8], pack: Vec<u8>) -> Result<Sealed, JsError> {
    let (block, key) = seal::seal(&SealKey::new(secret.try_into()?), pack)?;
    Ok(Sealed { suite: key.suite, id: key.id.0.to_vec(), key: key.key.to_vec(), block: block.bytes().to_vec() })
}

/// Opens a block.
#[wasm_bindgen]
pub fn open(suite: u8, id: &[u8], key: &[u8], block: Vec<u8>) -> Result<Vec<u8>, JsError> {
    let key = BlockKey { suite, id: BlockId(id.try_into()?), key: key.try_into()? };
    Ok(seal::open(Block::new(block.into())?, &key)?.to_vec())
}

/// Names a chunk.
#[wasm_bindgen(js_name = chunkId)]
pub fn chunk_id(secret: &[u8], content: &[u8]) -> Result<Vec<u8>, JsError> {
    Ok(ChunkKey::new(secret.try_into()?).id(content).0.to_vec())
}

/// Cuts a stream that arrives in pieces of `step` bytes, and returns the lengths of its chunks.
#[wasm_bindgen]
pub fn cuts(content: &[u8], step: usize) -> Vec<u32> {
    let mut chunker = Chunker::new();
    let mut cuts = Vec::new();
    for piece in content.chunks(step.max(1)) {
        chunker.push(piece.to_vec().into());
        cuts.extend(std::iter::from_fn(|| chunker.next()).map(|chunk| chunk.len() as u32));
    }
    cuts.extend(std::iter::from_fn(|| chunker.finish()).map(|chunk| chunk.len() as u32));
    cuts
}

/// Unpacks a compressed chunk.
#[wasm_bindgen]
pub fn unpack(stored: &[u8], len: usize) -> Result<Vec<u8>, JsError> {
    Ok(decompress(stored, len)?)
}

/// Returns the bytes that vectors call the noise of a name.
#[wasm_bindgen]
pub fn noise(name: &str, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(name.as_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}
