//! The share records that this device knows: kept before anybody acts on them, so that what was withdrawn stays withdrawn.

use super::contents::{ShareContents, ShareOwner};
use crate::id::{RecordId, ShareId};
use crate::limits::SHARES_MAX;
use crate::map::{Map, Set};
use crate::record::{Chain, Share};
use crate::share_link::ShareSecret;
use crate::vault::keys::{self, Keyring};
use crate::vault::{Note, notes};

/// Share records by locator, the one of each that counts.
#[derive(Default)]
pub(in crate::vault) struct Shares {
    known: Map<ShareId, Share>,
    /// Records that are being kept: not acted on, and not taken for older ones either.
    coming: Map<ShareId, Share>,
    /// Records that were brought to carriers which showed what they take the place of.
    brought: Set<RecordId>,
}

/// A record that is to be kept before anybody acts on it.
pub(in crate::vault) struct News {
    pub(in crate::vault) note: Note,
    /// Whether it takes the place of one that was seen: carriers that were asked before may have that one only.
    pub(in crate::vault) replaces: bool,
}

/// A share that this device can open.
pub(in crate::vault) struct OpenShare<'a> {
    pub(in crate::vault) record: &'a Share,
    pub(in crate::vault) owner: ShareOwner,
    pub(in crate::vault) secret: ShareSecret,
    pub(in crate::vault) contents: ShareContents,
}

impl Shares {
    /// Looks at a record that a carrier showed: news when it is to be kept before anybody acts on it.
    pub(in crate::vault) fn offer(&mut self, chain: &Chain, share: &Share) -> Option<News> {
        let id = share.fields.share;
        let seen = self.seen(&id);
        let counts = match seen {
            Some(seen) => share.outranks(seen) && !seen.is_withdrawn(),
            None => self.known.len() + self.coming.len() < SHARES_MAX,
        };
        if !counts || chain.check_share(share).is_err() {
            return None;
        }
        let replaces = seen.is_some();
        self.coming.insert(id, share.clone());
        Some(News { note: (notes::share_key(&id), Some(share.bytes().to_vec())), replaces })
    }

    /// Returns what a carrier lacks that showed this record, once: the one that takes its place here.
    pub(in crate::vault) fn overtakes(&mut self, share: &Share) -> Option<Share> {
        let newer = self.seen(&share.fields.share).filter(|seen| seen.outranks(share))?.clone();
        self.brought.insert(newer.id()).then_some(newer)
    }

    /// Acts on a record that is kept.
    pub(in crate::vault) fn adopt(&mut self, share: Share) {
        self.forget(&share);
        if self.known.get(&share.fields.share).is_none_or(|known| share.outranks(known)) {
            self.known.insert(share.fields.share, share);
        }
    }

    /// A record was not kept: it is news when it is shown again.
    pub(in crate::vault) fn forget(&mut self, share: &Share) {
        if self.coming.get(&share.fields.share).is_some_and(|coming| coming.id() == share.id()) {
            self.coming.remove(&share.fields.share);
        }
    }

    fn seen(&self, id: &ShareId) -> Option<&Share> {
        self.coming.get(id).or_else(|| self.known.get(id))
    }

    /// Returns a share by its name, whether or not it can be opened.
    pub(in crate::vault) fn record(&self, id: &ShareId) -> Option<&Share> {
        self.known.get(id)
    }

    /// Returns all records that stand, for carriers that lack them.
    pub(in crate::vault) fn standing<'a>(&'a self, chain: &'a Chain) -> impl Iterator<Item = &'a Share> {
        self.known.values().filter(|share| chain.check_share(share).is_ok())
    }

    /// Returns the shares that last and that this device can open, those of devices that were removed among them.
    pub(in crate::vault) fn open<'a>(&'a self, chain: &'a Chain, keyring: &'a Keyring) -> impl Iterator<Item = OpenShare<'a>> {
        self.known.values().filter_map(move |record| {
            let owner = ShareOwner::decode(&keys::open_owner(chain, keyring, record)?)?;
            let secret = ShareSecret::new(*owner.secret);
            let contents = keys::open_contents(&secret, record).filter(|_| secret.id() == record.fields.share)?;
            Some(OpenShare { record, owner, secret, contents: ShareContents::decode(&contents)? })
        })
    }
}
