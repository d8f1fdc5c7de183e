//! The secret of one epoch, the keys that come from it, and how it keeps the one before.

use bytes::Bytes;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::synthetic::SyntheticKey;
use crate::codec;
use crate::id::{RecordId, ShareId, VaultId};
use crate::identity::Identity;
use crate::labels;

/// The 32 bytes that everybody who may read an epoch shares. Never printed, never copied, wiped when dropped.
#[derive(ZeroizeOnDrop)]
pub struct EpochSecret([u8; 32]);

impl EpochSecret {
    /// Makes the secret of a new epoch: `derive_key(EPOCH_FRESH, signer's X25519 secret ‖ entropy ‖ context)`.
    ///
    /// Even with entropy that others know, only the signer can compute it; `context` makes each one differ from those before.
    #[must_use]
    pub(super) fn fresh(signer: &Identity, entropy: &[u8; 32], context: &RecordId) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(labels::EPOCH_FRESH);
        hasher.update(&*signer.agree_secret()).update(entropy).update(&context.0);
        Self(hasher.finalize().into())
    }

    pub(super) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the key that seals blocks written in this epoch: `derive_key(EPOCH_SEAL, E_n)`.
    #[must_use]
    pub fn seal_key(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(blake3::derive_key(labels::EPOCH_SEAL, &self.0))
    }

    /// Returns the key by which chunks are recognised, `derive_key(CHUNK, E_0)`: meant for epoch 0 only, so that rotation keeps deduplication.
    pub(super) fn chunk_key(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(blake3::derive_key(labels::CHUNK, &self.0))
    }

    /// Returns the keys of heads written in this epoch, from `EPOCH_HEAD` and `HEAD_NONCE`.
    pub(super) fn head_key(&self) -> SyntheticKey {
        SyntheticKey::derive(&self.0, labels::EPOCH_HEAD, labels::HEAD_NONCE)
    }

    /// Returns the keys of what share records hold for the vault's devices, from `EPOCH_SHARE` and `EPOCH_SHARE_NONCE`.
    pub(super) fn share_key(&self) -> SyntheticKey {
        SyntheticKey::derive(&self.0, labels::EPOCH_SHARE, labels::EPOCH_SHARE_NONCE)
    }

    /// Returns what proves that somebody who reads the vault withdrew a share: `derive_key(SHARE_WITHDRAWAL, E_n ‖ locator)`.
    pub(super) fn withdrawal(&self, share: &ShareId) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key(labels::SHARE_WITHDRAWAL);
        hasher.update(&self.0).update(share.as_bytes());
        hasher.finalize().into()
    }

    /// Seals the secret of the epoch before under this one's, bound to vault and epoch.
    pub(super) fn seal_previous(&self, vault: &VaultId, epoch: u32, previous: &Self) -> Bytes {
        self.previous_key().seal(&previous_aad(vault, epoch), &previous.0).into()
    }

    /// Opens the secret of the epoch before.
    pub(super) fn open_previous(&self, vault: &VaultId, epoch: u32, sealed: &[u8]) -> Option<Self> {
        let plaintext = self.previous_key().open(&previous_aad(vault, epoch), sealed).ok()?;
        plaintext.as_slice().try_into().ok().map(Self)
    }

    fn previous_key(&self) -> SyntheticKey {
        SyntheticKey::derive(&self.0, labels::EPOCH_PREVIOUS, labels::PREVIOUS_NONCE)
    }
}

/// `epoch` is the number of the epoch that seals, not of the one that is sealed.
fn previous_aad(vault: &VaultId, epoch: u32) -> Vec<u8> {
    codec::encode(&(vault, epoch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::PREVIOUS_EPOCH_SEALED;

    #[test]
    fn the_past_opens_from_the_present_in_its_own_place_only() {
        let (present, past) = (EpochSecret([2; 32]), EpochSecret([1; 32]));
        let vault = VaultId([3; 32]);
        let sealed = present.seal_previous(&vault, 5, &past);
        assert_eq!(sealed.len(), PREVIOUS_EPOCH_SEALED);
        assert_eq!(present.open_previous(&vault, 5, &sealed).map(|secret| secret.0), Some([1; 32]));
        assert!(present.open_previous(&vault, 6, &sealed).is_none());
        assert!(present.open_previous(&VaultId([4; 32]), 5, &sealed).is_none());
        assert!(past.open_previous(&vault, 5, &sealed).is_none());
    }

    #[test]
    fn every_use_has_its_own_key() {
        let secret = EpochSecret([1; 32]);
        assert_ne!(secret.seal_key(), secret.chunk_key());
        assert_ne!(*secret.seal_key(), secret.0);
    }
}
