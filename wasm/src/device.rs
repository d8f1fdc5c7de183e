//! Devices for JavaScript: a seed, its recovery words, and its form under a password.

use cachette_core::identity::Seed;
use cachette_core::vault::keys::{Locked, PasswordError, PhraseError, parse_phrase, phrase};
use js_sys::{Function, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use zeroize::Zeroizing;

use crate::entropy;
use crate::failure::Failure;
use crate::js::{Shape, field, list, number};

/// A device, or the recovery words as a device on paper.
#[wasm_bindgen]
pub struct Device(Seed);

#[wasm_bindgen]
impl Device {
    /// Makes a new device.
    ///
    /// # Errors
    /// When the browser has no entropy.
    pub fn fresh() -> Result<Self, JsValue> {
        Ok(Self(Seed::new(entropy::fresh()?)))
    }

    /// Takes a stored seed of 32 bytes.
    ///
    /// # Errors
    /// `damaged` when it has another length.
    #[wasm_bindgen(js_name = fromSeed)]
    pub fn from_seed(seed: &[u8]) -> Result<Self, JsValue> {
        let damaged = || {
            Failure::new("damaged", "what this browser stores of the device is damaged")
                .hint("the vault itself is safe on its nodes: bring it back from its recovery words")
        };
        Ok(Self(Seed::new(seed.try_into().map_err(|_| damaged())?)))
    }

    /// Returns the seed. Whoever has it is the device.
    #[must_use]
    pub fn seed(&self) -> Vec<u8> {
        self.0.expose().to_vec()
    }

    /// Puts the seed under a password. Takes the better part of a second.
    ///
    /// # Errors
    /// `internal` when there is no entropy or memory for it.
    pub fn lock(&self, password: &str) -> Result<Vec<u8>, JsValue> {
        let locked = Locked::lock(&self.0, password, &entropy::fresh()?);
        Ok(locked.map_err(|error| Failure::internal(error.to_string()))?.encode())
    }

    /// Opens a seed that is under a password. Takes the better part of a second.
    ///
    /// # Errors
    /// `wrong-password`, `later-release`, or `internal` without memory for it.
    pub fn unlock(locked: &[u8], password: &str) -> Result<Self, JsValue> {
        let opened = Locked::decode(locked).and_then(|locked| locked.open(&Zeroizing::new(password.to_owned())));
        Ok(Self(opened.map_err(|error| {
            match error {
                PasswordError::Version(_) => {
                    Failure::new("later-release", error.to_string()).hint("reload the page to get the newest release")
                }
                PasswordError::Memory => Failure::internal(error.to_string()),
                _ => Failure::new("wrong-password", "the password is wrong, or what this browser stores of the device is damaged")
                    .hint("nothing was changed; if the password is lost, the 24 recovery words still open the vault"),
            }
        })?))
    }

    /// Returns the seed as 24 words.
    #[must_use]
    pub fn words(&self) -> String {
        phrase(&self.0).to_string()
    }

    /// Reads a seed from its words, as people paste and type them.
    ///
    /// # Errors
    /// `wrong-words`; its details name the word that is unknown, and what it may have been.
    #[wasm_bindgen(js_name = fromWords)]
    pub fn from_words(words: &str) -> Result<Self, JsValue> {
        let seed = parse_phrase(words).map_err(|error| {
            let failure = Failure::new("wrong-words", error.to_string()).hint("nothing was changed; compare them with the recovery sheet");
            match error {
                PhraseError::UnknownWord { position, nearest } => {
                    let nearest = list(nearest.into_iter().map(JsValue::from));
                    failure.details(Shape::new().with("position", number(position)).with("nearest", nearest).done())
                }
                PhraseError::Count(count) => failure.details(Shape::new().with("count", number(count)).done()),
                _ => failure,
            }
        })?;
        Ok(Self(seed))
    }
}

/// Reads the seed of a device that stands in an object, and leaves the device as it is.
pub(crate) fn seed_of(object: &JsValue, name: &str) -> Result<Seed, Failure> {
    let device = field(object, name);
    let asked: Option<Function> = field(&device, "seed").dyn_into().ok();
    let seed = asked.and_then(|asked| asked.call0(&device).ok()).and_then(|seed| seed.dyn_into::<Uint8Array>().ok());
    let bytes = Zeroizing::new(seed.map(|seed| seed.to_vec()).unwrap_or_default());
    let seed = bytes.as_slice().try_into().map_err(|_| Failure::internal(format!("`{name}` is no device")))?;
    Ok(Seed::new(seed))
}
