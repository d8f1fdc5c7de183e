//! A password over a device's seed, on that device only. Nothing on the network is ever protected by a password.
//!
//! ```text
//! stretched  = Argon2id(password, salt, cost)
//! commitment = derive_key(PASSWORD_COMMIT, stretched)
//! sealed     = synthetic(PASSWORD_SEAL, PASSWORD_NONCE of stretched; aad = every field before, seed)
//! file       = ["cachette seed", version, suite, peer id, memory KiB, passes, lanes, salt, commitment, sealed]
//! ```

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use super::synthetic::SyntheticKey;
use crate::codec;
use crate::id::PeerId;
use crate::identity::{Identity, Seed};
use crate::labels;

/// A seed under a password, as it lies on its device's disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    wire: Wire,
}

/// What a guess at the password costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes; computed one after another here, side by side by an attacker and by us elsewhere.
    pub lanes: u32,
}

/// A locked seed was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// A later release wrote the file.
    #[error("the key file was written by a later release (version {0})")]
    Version(u8),
    /// The password is wrong, or the file is damaged, another device's or of a cost outside the bounds; nobody is told which.
    #[error("wrong password, or the key file is damaged")]
    NotOpened,
    /// The machine lacks the memory that the file's cost asks for.
    #[error("not enough memory to check the password")]
    Memory,
}

impl Cost {
    /// What new files cost: the second recommendation of RFC 9106.
    pub const SHIPPED: Self = Self { memory: 64 << 10, passes: 3, lanes: 4 };
    /// What a file costs at least: below it a guess is too cheap to be called protection.
    pub const FLOOR: Self = Self { memory: 19 << 10, passes: 2, lanes: 1 };
    /// What a file costs at most: above it the file would be an attack on this machine. A wasm memory is smaller.
    pub const CEILING: Self = Self { memory: if cfg!(target_arch = "wasm32") { 256 << 10 } else { 1 << 20 }, passes: 16, lanes: 16 };

    /// Says whether the cost lies within [`Cost::FLOOR`] and [`Cost::CEILING`].
    #[must_use]
    pub const fn is_acceptable(&self) -> bool {
        let (floor, ceiling) = (Self::FLOOR, Self::CEILING);
        self.memory >= floor.memory
            && self.memory <= ceiling.memory
            && self.passes >= floor.passes
            && self.passes <= ceiling.passes
            && self.lanes >= floor.lanes
            && self.lanes <= ceiling.lanes
    }
}

impl Locked {
    /// Puts a seed under a password at [`Cost::SHIPPED`].
    ///
    /// # Errors
    /// [`PasswordError::Memory`].
    pub fn lock(seed: &Seed, password: &str, entropy: &[u8; 32]) -> Result<Self, PasswordError> {
        Self::lock_at(Cost::SHIPPED, seed, password, entropy)
    }

    /// Puts a seed under a password at another cost.
    ///
    /// # Errors
    /// [`PasswordError::Memory`], and [`PasswordError::NotOpened`] for a cost that would not be accepted when opening.
    pub fn lock_at(cost: Cost, seed: &Seed, password: &str, entropy: &[u8; 32]) -> Result<Self, PasswordError> {
        let mut salt = blake3::Hasher::new_derive_key(labels::PASSWORD_SALT);
        // With the seed in it, two devices never share a salt, whatever their entropy.
        salt.update(entropy).update(seed.expose());
        let mut wire = Wire {
            file: FILE.to_owned(),
            version: VERSION,
            suite: SUITE,
            peer: Identity::from_seed(seed).peer(),
            memory: cost.memory,
            passes: cost.passes,
            lanes: cost.lanes,
            salt: ByteArray::new(first_bytes(*salt.finalize().as_bytes())),
            commitment: ByteArray::new([0; 32]),
            sealed: ByteBuf::new(),
        };
        let stretched = stretch(password, &wire.salt, cost)?;
        wire.commitment = ByteArray::new(blake3::derive_key(labels::PASSWORD_COMMIT, &*stretched));
        wire.sealed = ByteBuf::from(seal_key(&stretched).seal(&wire.associated(), seed.expose()));
        Ok(Self { wire })
    }

    /// Opens the seed. Runs for the better part of a second: call it on a thread or in a worker.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub fn open(&self, password: &str) -> Result<Seed, PasswordError> {
        self.open_with(|salt, cost| stretch(password, salt, cost))
    }

    /// Returns the device whose seed it is, as far as the file can be believed before it was opened.
    #[must_use]
    pub const fn peer(&self) -> PeerId {
        self.wire.peer
    }

    /// Returns what a guess costs.
    #[must_use]
    pub const fn cost(&self) -> Cost {
        Cost { memory: self.wire.memory, passes: self.wire.passes, lanes: self.wire.lanes }
    }

    /// Encodes the file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(&self.wire)
    }

    /// Decodes the file; whether it is what it claims shows only when it is opened.
    ///
    /// # Errors
    /// [`PasswordError::Version`], else [`PasswordError::NotOpened`].
    pub fn decode(bytes: &[u8]) -> Result<Self, PasswordError> {
        if bytes.len() > FILE_MAX {
            return Err(PasswordError::NotOpened);
        }
        if let Some([version, ..]) = bytes.strip_prefix(&lead()[..])
            && *version != VERSION
            && *version < 0x80
        {
            return Err(PasswordError::Version(*version));
        }
        let wire: Wire = codec::decode(bytes).map_err(|_| PasswordError::NotOpened)?;
        if wire.file != FILE || (wire.version, wire.suite) != (VERSION, SUITE) {
            return Err(PasswordError::NotOpened);
        }
        Ok(Self { wire })
    }

    /// The cost is checked before `stretch` allocates anything.
    fn open_with(
        &self,
        stretch: impl FnOnce(&[u8; 16], Cost) -> Result<Zeroizing<[u8; 32]>, PasswordError>,
    ) -> Result<Seed, PasswordError> {
        if !self.cost().is_acceptable() {
            return Err(PasswordError::NotOpened);
        }
        let stretched = stretch(&self.wire.salt, self.cost())?;
        let commitment = blake3::derive_key(labels::PASSWORD_COMMIT, &*stretched);
        if !bool::from(commitment.ct_eq(&*self.wire.commitment)) {
            return Err(PasswordError::NotOpened);
        }
        let seed = seal_key(&stretched).open(&self.wire.associated(), &self.wire.sealed).map_err(|_| PasswordError::NotOpened)?;
        seed.as_slice().try_into().map(Seed::new).map_err(|_| PasswordError::NotOpened)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Wire {
    file: String,
    version: u8,
    suite: u8,
    peer: PeerId,
    memory: u32,
    passes: u32,
    lanes: u32,
    salt: ByteArray<16>,
    commitment: ByteArray<32>,
    sealed: ByteBuf,
}

impl Wire {
    /// Every field before `sealed`.
    fn associated(&self) -> Vec<u8> {
        let head = (&self.file, self.version, self.suite, self.peer);
        codec::encode(&(head, (self.memory, self.passes, self.lanes), self.salt, self.commitment))
    }
}

fn stretch(password: &str, salt: &[u8; 16], cost: Cost) -> Result<Zeroizing<[u8; 32]>, PasswordError> {
    if !cost.is_acceptable() {
        return Err(PasswordError::NotOpened);
    }
    let mut stretched = Zeroizing::new([0; 32]);
    let params = Params::new(cost.memory, cost.passes, cost.lanes, Some(32)).map_err(|_| PasswordError::NotOpened)?;
    match Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(password.as_bytes(), salt, &mut *stretched) {
        Ok(()) => Ok(stretched),
        Err(argon2::Error::OutOfMemory) => Err(PasswordError::Memory),
        Err(_) => Err(PasswordError::NotOpened),
    }
}

fn seal_key(stretched: &[u8; 32]) -> SyntheticKey {
    SyntheticKey::derive(stretched, labels::PASSWORD_SEAL, labels::PASSWORD_NONCE)
}

fn first_bytes(hash: [u8; 32]) -> [u8; 16] {
    std::array::from_fn(|i| hash[i])
}

/// How every version of the file begins: an array of ten, and the word that says what it is.
fn lead() -> Vec<u8> {
    [&[0x9a], codec::encode(FILE).as_slice()].concat()
}

const FILE: &str = "cachette seed";
const VERSION: u8 = 1;
const SUITE: u8 = 1;
/// Bytes of a file at most: far above what it takes, far below what costs.
const FILE_MAX: usize = 1024;

#[cfg(test)]
mod tests;
