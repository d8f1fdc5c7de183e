//! The cipher that core uses in a browser, beside the one of `chacha20poly1305` with the plain stream that it has there.

use cachette_hot::cipher::{ChaChaPoly, TAG};
use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit};
use wasm_bindgen::prelude::{JsError, wasm_bindgen};

use crate::vectors::noise;

/// Seals and opens messages of every length up to several steps of the vectors, and of those of frames and packs, each with a key, a nonce
/// and associated data of its own drawn from a seed. Returns how many came out alike; fails with the first that did not.
#[wasm_bindgen(js_name = compareCiphers)]
pub fn compare_ciphers(seed: &str) -> Result<usize, JsError> {
    let lengths: Vec<usize> = (0..=SHORT).chain(LONG).collect();
    for len in &lengths {
        let drawn = noise(&format!("{seed} {len}"), 32 + 12 + ASSOCIATED + len);
        let (key, rest) = drawn.split_first_chunk::<32>().ok_or_else(|| JsError::new("no key"))?;
        let (nonce, rest) = rest.split_first_chunk::<12>().ok_or_else(|| JsError::new("no nonce"))?;
        let (associated, plain) = rest.split_at(ASSOCIATED);

        let mut expected = plain.to_vec();
        let expected_tag: [u8; TAG] = ChaCha20Poly1305::new(key.into())
            .encrypt_inout_detached(nonce.into(), associated, expected.as_mut_slice().into())
            .map_err(|_| JsError::new("too long"))?
            .into();

        let ours = ChaChaPoly::new(key);
        let (mut in_place, mut opened) = (plain.to_vec(), vec![0; *len]);
        let tag = ours.seal_in_place(nonce, associated, &mut in_place);
        let sealed_alike = (&in_place, tag) == (&expected, expected_tag);
        let opens = ours.open_into(nonce, associated, &expected, &expected_tag, &mut opened)
            && ours.open_in_place(nonce, associated, &mut in_place, &tag);
        if !sealed_alike || !opens || opened != plain || in_place != plain {
            return Err(JsError::new(&format!("{len} bytes of seed {seed} come out differently")));
        }
    }
    Ok(lengths.len())
}

/// Two steps of four blocks, with everything that can be left over.
const SHORT: usize = 2 * 256 + 255;
const LONG: [usize; 4] = [65_518, 65_519, (1 << 20) - 16, 1 << 20];
const ASSOCIATED: usize = 15;
