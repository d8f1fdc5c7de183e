//! A read link: what a person sends so that others can open a frozen copy of a file or folder, as text for the fragment of a URL.
//!
//! `link/` ‖ base64url(version ‖ body ‖ checksum), where `body` is `[vault, secret, digest, [[peer, address], …]]` in the encoding of
//! [`crate::codec`] and the checksum the first 4 bytes of `derive_key(SHARE_TEXT, everything before it)`. A fragment reaches no server.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;
use thiserror::Error;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::address::Address;
use crate::base::{BASE64URL, shown};
use crate::codec::{self, DecodeError};
use crate::id::{PeerId, ShareId, VaultId};
use crate::labels;
use crate::limits::{ADDRESS_MAX, LINK_NODES, LINK_TEXT_MAX};

/// The 32 bytes in a link from which everything comes that it takes to find and open what was shared, and nothing else.
#[derive(ZeroizeOnDrop)]
pub struct ShareSecret([u8; 32]);

/// Names the frozen copy that a link leads to: 16 bytes, for whoever makes a link may choose what it shows, and nobody else can find a
/// second copy with the same name.
pub type ShareDigest = [u8; 16];

/// A read link. Whoever holds its text can read what was shared: `Debug` does not show the secret.
#[derive(Clone)]
pub struct ShareLink {
    /// The vault whose carriers keep the blocks.
    pub vault: VaultId,
    /// What opens it.
    pub secret: Arc<ShareSecret>,
    /// What it must be: everybody who has the link has the secret, and none of them may show the others something else.
    pub digest: ShareDigest,
    /// One to [`LINK_NODES`] places where the share record can be asked for, best first: who must answer, and its address without the id.
    pub nodes: Vec<(PeerId, String)>,
}

/// A text is not a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ShareLinkError {
    /// It looks like something else.
    #[error("this is no link to something shared")]
    NotALink,
    /// A later release made it.
    #[error("the link was made by a later release (version {0})")]
    Version(u8),
    /// A character that no link has.
    #[error("the link has a character that does not belong there: {}", shown(*.0))]
    Character(char),
    /// The end is missing.
    #[error("the link is cut short; copy it to its end")]
    Truncated,
    /// The checksum does not hold.
    #[error("the link is mistyped or altered")]
    Mistyped,
    /// The checksum holds and the contents are none.
    #[error("the link's contents are not valid")]
    Contents,
}

impl ShareSecret {
    /// Takes the secret of a link.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Shows the bytes, for the link and for the vault's own record of it.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns where the share record is found: `derive_key(SHARE_LOCATOR, secret)`. Carriers see it; it leads back to nothing.
    #[must_use]
    pub fn id(&self) -> ShareId {
        ShareId(*self.derive(labels::SHARE_LOCATOR))
    }

    /// Derives a further secret: `derive_key(label, secret)`.
    #[must_use]
    pub fn derive(&self, label: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(blake3::derive_key(label, &self.0))
    }
}

impl ShareLink {
    /// Reads a link: the whole URL or what stands behind its `#`, with or without `link/`, broken over lines or not.
    ///
    /// # Errors
    /// [`ShareLinkError`].
    pub fn parse(text: &str) -> Result<Self, ShareLinkError> {
        if text.len() > LINK_TEXT_MAX {
            return Err(ShareLinkError::NotALink);
        }
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let fragment = text.rsplit_once('#').map_or(text.as_str(), |(_, fragment)| fragment);
        let fragment = fragment.strip_prefix('/').unwrap_or(fragment);
        let (named, symbols) = fragment.strip_prefix(PREFIX).map_or((false, fragment), |symbols| (true, symbols));
        if symbols.as_bytes().windows(3).any(|three| three == b"://") || symbols.is_empty() && !named {
            return Err(ShareLinkError::NotALink);
        }
        if let Some(foreign) = symbols.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_')) {
            return Err(if named { ShareLinkError::Character(foreign) } else { ShareLinkError::NotALink });
        }
        // The spare bits of a last symbol that was cut off are whatever they were: the checksum is asked, not the decoder.
        let whole = symbols.len() - usize::from(symbols.len() % 4 == 1);
        let bytes = BASE64URL.decode_lenient(&symbols.as_bytes()[..whole]).ok_or(ShareLinkError::Mistyped)?;
        let bytes = Zeroizing::new(bytes);
        let Some((version, rest)) = bytes.split_first() else { return Err(ShareLinkError::Truncated) };
        let sum = rest.len().checked_sub(CHECKSUM).map(|end| rest.split_at(end));
        let Some((body, _)) = sum.filter(|(_, sum)| *sum == checksum_of(&bytes[..bytes.len() - CHECKSUM])) else {
            return Err(match codec::scan(rest) {
                _ if *version != VERSION && !named => ShareLinkError::NotALink,
                Err(DecodeError::Truncated) if *version == VERSION => ShareLinkError::Truncated,
                Ok(len) if *version == VERSION && rest.len() < len + CHECKSUM => ShareLinkError::Truncated,
                _ => ShareLinkError::Mistyped,
            });
        };
        if *version != VERSION {
            return Err(ShareLinkError::Version(*version));
        }
        if BASE64URL.encode(&bytes) != symbols {
            return Err(ShareLinkError::Mistyped);
        }
        let Body(vault, secret, digest, nodes) = codec::decode(body).map_err(|_| ShareLinkError::Contents)?;
        let link = Self { vault, secret: Arc::new(ShareSecret::new(secret.into_array())), digest: digest.into_array(), nodes };
        if link.is_valid() { Ok(link) } else { Err(ShareLinkError::Contents) }
    }

    /// Returns the name of the share.
    #[must_use]
    pub fn id(&self) -> ShareId {
        self.secret.id()
    }

    /// Returns the link as a URL that a browser opens: at its first node that serves the web app over TLS, or on this machine. None
    /// when no node does; then there is only the fragment, for `cachette get` and for an app of the reader's own.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        let addresses = self.nodes.iter().filter_map(|(peer, address)| Address::of(*peer, address).ok());
        let address = addresses.into_iter().find(|address| address.secure || address.is_loopback())?;
        let place = address.url();
        let place = place.strip_prefix("ws").map(|rest| format!("http{rest}"))?;
        let place = if address.secure { place.strip_suffix(":443").unwrap_or(&place) } else { &place };
        Some(format!("{place}/#{self}"))
    }

    fn is_valid(&self) -> bool {
        let valid = |(peer, address): &(PeerId, String)| address.len() <= ADDRESS_MAX && Address::of(*peer, address).is_ok();
        (1..=LINK_NODES).contains(&self.nodes.len()) && self.nodes.iter().all(valid)
    }
}

impl fmt::Display for ShareLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = codec::encode(&Body(self.vault, ByteArray::new(*self.secret.expose()), ByteArray::new(self.digest), self.nodes.clone()));
        let mut bytes = Zeroizing::new([&[VERSION], body.as_slice()].concat());
        let checksum = checksum_of(&bytes);
        bytes.extend(checksum);
        write!(f, "{PREFIX}{}", BASE64URL.encode(&bytes))
    }
}

impl FromStr for ShareLink {
    type Err = ShareLinkError;

    fn from_str(text: &str) -> Result<Self, ShareLinkError> {
        Self::parse(text)
    }
}

impl fmt::Debug for ShareLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShareLink").field("vault", &self.vault).field("nodes", &self.nodes).finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct Body(VaultId, ByteArray<32>, ByteArray<16>, Vec<(PeerId, String)>);

fn checksum_of(bytes: &[u8]) -> [u8; CHECKSUM] {
    let hash = blake3::derive_key(labels::SHARE_TEXT, bytes);
    std::array::from_fn(|i| hash[i])
}

const PREFIX: &str = "link/";
const VERSION: u8 = 1;
/// Bytes of the checksum: links are copied, seldom typed, and one slip in 2^32 goes unnoticed.
const CHECKSUM: usize = 4;

#[cfg(test)]
mod tests;
