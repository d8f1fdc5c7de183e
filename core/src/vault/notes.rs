//! The keys of a device's durable notes: one letter for the kind, then what tells notes of that kind apart.

use crate::id::{PeerId, ShareId};

/// A certificate by its number, encoded as received.
pub const CERTIFICATE: u8 = b'c';
/// The highest head seen of a device, as received.
pub const HEAD: u8 = b'h';
/// A segment of the chunk index.
pub const SEGMENT: u8 = b'i';
/// The locate record of the vault's recovery phrase.
pub const LOCATE: u8 = b'l';

/// The share record of a locator that counts, as received.
pub const SHARE: u8 = b's';

/// Returns the key of a certificate.
#[must_use]
pub fn certificate_key(number: u64) -> Vec<u8> {
    numbered(CERTIFICATE, number)
}

/// Returns the key of a device's head.
#[must_use]
pub fn head_key(device: &PeerId) -> Vec<u8> {
    [&[HEAD], device.as_bytes().as_slice()].concat()
}

/// Returns the key of the locate record.
#[must_use]
pub fn locate_key() -> Vec<u8> {
    vec![LOCATE]
}

/// Returns the key of a share record.
#[must_use]
pub fn share_key(share: &ShareId) -> Vec<u8> {
    [&[SHARE], share.as_bytes().as_slice()].concat()
}

/// Returns the key of a segment of the chunk index.
pub(super) fn segment_key(number: u64) -> Vec<u8> {
    numbered(SEGMENT, number)
}

/// Reads the number of a key that has one.
pub(super) fn number(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.get(1..)?.try_into().ok()?))
}

fn numbered(kind: u8, number: u64) -> Vec<u8> {
    [&[kind], number.to_be_bytes().as_slice()].concat()
}
