//! An epoch's secret sealed to one member: HPKE base mode (RFC 9180) with X25519, HKDF-SHA256 and ChaCha20-Poly1305.
//!
//! `enc, sealed = SealBase(member's X25519 key, info = WRAP ‖ encode(context), aad = "", E_n)`. HPKE's `info` enters the key schedule,
//! so under any other context the key is another one. Certificate 0 cannot bind the vault's name, which is the hash of that very
//! certificate; its number, epoch and the member's number and keys stand in for it, and the certificate's signature ties the wraps to it.

use std::convert::Infallible;

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::{Kem, X25519HkdfSha256};
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable, OpModeR, OpModeS, Serializable};
use thiserror::Error;
use zeroize::Zeroizing;

use super::epoch::EpochSecret;
use crate::codec;
use crate::id::{PeerId, VaultId};
use crate::identity::Identity;
use crate::labels;
use crate::record::{Certificate, Member, Wrap};

/// What a wrap is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrapContext {
    /// The vault; none in certificate 0, whose hash is the vault's name.
    pub vault: Option<VaultId>,
    /// The certificate's number.
    pub number: u64,
    /// The epoch.
    pub epoch: u32,
    /// The member's number.
    pub member: u16,
    /// The member's Ed25519 key.
    pub peer: PeerId,
    /// The member's X25519 key.
    pub agree: [u8; 32],
}

/// A member's key is of small order: what is sealed to it is open to everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the member's key cannot be sealed to")]
pub struct UnusableKey;

/// A wrap does not open: another device's, another place's or altered, and nobody is told which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("this device cannot open the epoch's secret")]
pub struct NotUnwrapped;

impl WrapContext {
    /// Returns the context of a member's wrap in a certificate that has been signed.
    #[must_use]
    pub fn of(certificate: &Certificate, member: &Member) -> Self {
        let vault = (certificate.number > 0).then(|| certificate.vault());
        Self::new(vault, certificate.number, certificate.epoch, member)
    }

    /// Returns the context of a member's wrap in a certificate to be.
    #[must_use]
    pub const fn new(vault: Option<VaultId>, number: u64, epoch: u32, member: &Member) -> Self {
        Self { vault, number, epoch, member: member.number, peer: member.peer, agree: member.agree }
    }

    fn info(&self) -> Vec<u8> {
        let fields = (SUITE, self.vault, self.number, self.epoch, self.member, self.peer, serde_bytes::Bytes::new(&self.agree));
        [labels::WRAP, &codec::encode(&fields)].concat()
    }
}

/// Seals an epoch's secret to one member.
///
/// HPKE's randomness is `derive_key(WRAP_FRESH, signer's X25519 secret ‖ entropy ‖ E_n ‖ info)`: with bad entropy it is still secret,
/// and it repeats only where everything that is sealed repeats.
///
/// # Errors
/// [`UnusableKey`].
pub fn wrap(secret: &EpochSecret, context: &WrapContext, signer: &Identity, entropy: &[u8; 32]) -> Result<Wrap, UnusableKey> {
    let info = context.info();
    let member = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&context.agree).map_err(|_| UnusableKey)?;
    let mut hasher = blake3::Hasher::new_derive_key(labels::WRAP_FRESH);
    hasher.update(&*signer.agree_secret()).update(entropy).update(secret.expose()).update(&info);
    let mut randomness = Randomness(Some(Zeroizing::new(hasher.finalize().into())));
    let (encapsulated, sealed) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &member,
        &info,
        secret.expose(),
        b"",
        &mut randomness,
    )
    .map_err(|_| UnusableKey)?;
    Ok(Wrap { member: context.member, encapsulated: encapsulated.to_bytes().into(), sealed })
}

/// Opens an epoch's secret that was sealed to `identity`.
///
/// # Errors
/// [`NotUnwrapped`].
pub fn unwrap(wrap: &Wrap, context: &WrapContext, identity: &Identity) -> Result<EpochSecret, NotUnwrapped> {
    let own = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&*identity.agree_secret()).map_err(|_| NotUnwrapped)?;
    let encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&wrap.encapsulated).map_err(|_| NotUnwrapped)?;
    let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &own,
        &encapsulated,
        &context.info(),
        &wrap.sealed,
        b"",
    );
    let opened = Zeroizing::new(opened.map_err(|_| NotUnwrapped)?);
    opened.as_slice().try_into().map(EpochSecret::from_bytes).map_err(|_| NotUnwrapped)
}

const SUITE: u8 = 1;

/// The derived bytes of which an ephemeral key is made, in the shape of the generator that HPKE asks for. They serve once: a stream of any
/// length would be 2 KiB of a browser's download.
struct Randomness(Option<Zeroizing<[u8; 32]>>);

impl TryRng for Randomness {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("HPKE asks for whole keys")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("HPKE asks for whole keys")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        let all = self.0.take().expect("invariant: HPKE makes one ephemeral key");
        bytes.copy_from_slice(&*all);
        Ok(())
    }
}

impl TryCryptoRng for Randomness {}

#[cfg(test)]
mod tests;
