//! Making, opening and withdrawing share records. What lies inside is opaque here.

use std::sync::Arc;

use thiserror::Error;
use zeroize::Zeroizing;

use super::keyring::Keyring;
use super::synthetic::SyntheticKey;
use crate::identity::Identity;
use crate::labels;
use crate::record::share::commitment;
use crate::record::{Chain, ChainError, RecordError, SealedShare, Share, ShareFields};
use crate::share_link::ShareSecret;

/// A share record was not made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ShareError {
    /// The device may not make one.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A field is out of bounds.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The keyring is older than the certificate.
    #[error("the key of epoch {0} is not open here")]
    NoKey(u32),
}

/// Makes the secret of a new link: `derive_key(SHARE_FRESH, device's X25519 secret ‖ entropy ‖ context)`.
///
/// Even with entropy that others know, only the device can compute it; `context` makes each one differ from those before.
#[must_use]
pub fn fresh_secret(device: &Identity, entropy: &[u8; 32], context: &[u8]) -> Arc<ShareSecret> {
    let mut hasher = blake3::Hasher::new_derive_key(labels::SHARE_FRESH);
    hasher.update(&*device.agree_secret()).update(entropy).update(context);
    Arc::new(ShareSecret::new(hasher.finalize().into()))
}

/// Seals `contents` for those who have the link and `owner` for the vault's devices, under the current epoch, and signs the record.
///
/// Both parts are synthetically sealed with all public fields as associated data; see [`ShareFields::associated`].
///
/// # Errors
/// [`ShareError`]; a device that may not write gets [`ChainError::NoAuthority`].
pub fn write_share(
    chain: &Chain,
    keyring: &Keyring,
    device: &Identity,
    secret: &ShareSecret,
    sequence: u64,
    (contents, owner): (&[u8], &[u8]),
) -> Result<Share, ShareError> {
    let tip = chain.tip();
    let epoch = keyring.epoch(tip.epoch).ok_or(ShareError::NoKey(tip.epoch))?;
    let share = secret.id();
    let fields = ShareFields {
        vault: chain.vault(),
        share,
        certificate_number: tip.number,
        certificate: tip.id(),
        device: device.peer(),
        sequence,
        withdrawal: commitment(&epoch.withdrawal(&share)),
    };
    let aad = fields.associated();
    let sealed =
        SealedShare { contents: contents_key(secret).seal(&aad, contents).into(), owner: epoch.share_key().seal(&aad, owner).into() };
    let record = Share::sign(fields, Some(sealed), device)?;
    chain.check_share(&record)?;
    Ok(record)
}

/// Signs that a share is withdrawn, with the proof that it committed to.
///
/// # Errors
/// [`ShareError`].
pub fn withdraw_share(chain: &Chain, keyring: &Keyring, device: &Identity, live: &Share) -> Result<Share, ShareError> {
    let made_under = chain.at(live.fields.certificate_number).ok_or(ChainError::Gap(live.fields.certificate_number))?;
    let epoch = keyring.epoch(made_under.epoch).ok_or(ShareError::NoKey(made_under.epoch))?;
    let tip = chain.tip();
    let fields = ShareFields {
        vault: chain.vault(),
        share: live.fields.share,
        certificate_number: tip.number,
        certificate: tip.id(),
        device: device.peer(),
        sequence: live.fields.sequence.saturating_add(1),
        withdrawal: epoch.withdrawal(&live.fields.share),
    };
    let record = Share::sign(fields, None, device)?;
    chain.check_share(&record)?;
    Ok(record)
}

/// Opens what a share holds for those who have its link; `None` when it was not sealed for this link, or was altered since.
#[must_use]
pub fn open_contents(secret: &ShareSecret, share: &Share) -> Option<Zeroizing<Vec<u8>>> {
    contents_key(secret).open(&share.fields.associated(), &share.sealed.as_ref()?.contents).ok()
}

/// Opens what a share holds for the vault's devices.
#[must_use]
pub fn open_owner(chain: &Chain, keyring: &Keyring, share: &Share) -> Option<Zeroizing<Vec<u8>>> {
    let made_under = chain.at(share.fields.certificate_number)?;
    let epoch = keyring.epoch(made_under.epoch)?;
    epoch.share_key().open(&share.fields.associated(), &share.sealed.as_ref()?.owner).ok()
}

fn contents_key(secret: &ShareSecret) -> SyntheticKey {
    SyntheticKey::derive(secret.expose(), labels::SHARE_CONTENTS, labels::SHARE_CONTENTS_NONCE)
}
