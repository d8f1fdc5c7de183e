//! What all records have in common: kind, version and suite in front, the signature behind, and everything between covered by it.

use bytes::Bytes;
use serde::Serialize;

use super::RecordError;
use crate::codec::{self, DecodeError};
use crate::id::{PeerId, VaultId};
use crate::identity::{self, Identity};
use crate::limits::RECORD_MAX;

/// The version of all record layouts in this release.
pub(super) const VERSION: u8 = 1;
/// The suite of ciphers, hashes and signatures in this release.
pub(super) const SUITE: u8 = 1;

/// What a signature is before it was made, and how long it always is.
pub(super) const UNSIGNED: [u8; SIGNATURE] = [0; SIGNATURE];

/// Checks that `bytes` are one encoded array of this kind in a version and suite that this release knows.
pub(super) fn check(bytes: &[u8], kind: u8) -> Result<(), RecordError> {
    let (found, version, suite) = preamble(bytes)?;
    if (found, version, suite) == (kind, VERSION, SUITE) { Ok(()) } else { Err(RecordError::Unknown { kind: found, version, suite }) }
}

/// Reads the first three fields, the only ones that every version of every record shares.
pub(super) fn preamble(bytes: &[u8]) -> Result<(u8, u8, u8), RecordError> {
    let (kind, version, suite, _) = split(bytes)?;
    Ok((kind, version, suite))
}

/// Reads which vault a record of a version that this release knows says that it belongs to; verifies nothing.
pub(super) fn vault(bytes: &[u8]) -> Result<VaultId, RecordError> {
    let (kind, version, suite, rest) = split(bytes)?;
    match rest {
        _ if (version, suite) != (VERSION, SUITE) => Err(RecordError::Unknown { kind, version, suite }),
        [BIN8, 32, rest @ ..] => Ok(VaultId(*rest.first_chunk().ok_or(DecodeError::Truncated)?)),
        // A first certificate cannot name what it begins.
        [NIL, ..] => Ok(VaultId(*blake3::hash(bytes).as_bytes())),
        _ => Err(DecodeError::Shape("a vault as a record's fourth field").into()),
    }
}

/// Splits kind, version and suite from what follows them.
fn split(bytes: &[u8]) -> Result<(u8, u8, u8, &[u8]), RecordError> {
    if bytes.len() > RECORD_MAX {
        return Err(RecordError::TooLong(bytes.len()));
    }
    if codec::scan(bytes)? != bytes.len() {
        return Err(DecodeError::Trailing.into());
    }
    let mut rest = match bytes {
        [0x93..=0x9f, rest @ ..] => rest,
        [0xdc, _, _, rest @ ..] => rest,
        _ => return Err(DecodeError::Shape("an array as a record").into()),
    };
    let mut number = || match rest {
        [number @ 0..=0x7f, tail @ ..] | [0xcc, number, tail @ ..] => {
            rest = tail;
            Ok(*number)
        }
        _ => Err(DecodeError::Shape("three numbers as a record's beginning")),
    };
    let (kind, version, suite) = (number()?, number()?, number()?);
    Ok((kind, version, suite, rest))
}

/// Verifies the signature that ends `bytes`: `Ed25519(signer, label ‖ everything before the signature)`.
pub(super) fn verify(bytes: &[u8], signature: &[u8; SIGNATURE], signer: &PeerId, label: &[u8]) -> Result<(), RecordError> {
    let signed = bytes.len().checked_sub(TAIL).and_then(|end| bytes.get(..end)).ok_or(DecodeError::Truncated)?;
    if identity::verify(signer, label, signed, signature) { Ok(()) } else { Err(RecordError::Signature) }
}

/// Encodes fields whose last one is [`UNSIGNED`] and signs everything before it.
pub(super) fn sign<T: Serialize>(fields: &T, identity: &Identity, label: &[u8]) -> Bytes {
    let mut bytes = codec::encode(fields);
    let signed = bytes.len() - TAIL;
    let signature = identity.sign(label, &bytes[..signed]);
    let tail = bytes.len() - SIGNATURE;
    bytes[tail..].copy_from_slice(&signature);
    bytes.into()
}

/// Bytes of an Ed25519 signature.
const SIGNATURE: usize = 64;
/// Bytes of a signature as an encoded item: marker, length, signature.
const TAIL: usize = 2 + SIGNATURE;
/// The marker of bytes of up to 255.
const BIN8: u8 = 0xc4;
/// The marker of nothing.
const NIL: u8 = 0xc0;
