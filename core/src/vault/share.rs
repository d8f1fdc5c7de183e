//! Sharing: a link to a frozen copy of a file or folder opens exactly what was shared and nothing beside it.
//!
//! ```text
//!   Share --> copy: directories and files written anew, edges of the data sealed anew --> all blocks safe
//!         --> share record kept here --> published --> the link
//! ```
//!
//! The record is found by a locator and opened by a key that both come from the link's secret. It also holds the secret and the path for
//! the vault's own devices: so every device lists, counts and withdraws every link, without a word about links in the tree.

pub mod contents;
mod copy;
mod cover;
mod known;
mod tour;

use std::sync::Arc;

pub use contents::{ShareContents, SharedKind};
pub(super) use copy::{Copying, Halt};
pub(super) use known::Shares;

use super::command::{CommandError, ListedShare, Reply};
use super::commit::{Outcome, Phase};
use super::machine::Vault;
use super::outbox::KeepFor;
use super::reader::Refused;
use super::reference::Reference;
use super::tree::{Entry, Node, Path, WalkError};
use super::{CommandId, Output, keys, notes};
use crate::codec;
use crate::id::{PeerId, RecordId, ShareId};
use crate::limits::LINK_NODES;
use crate::record::{Carrier, Rights, Share};
use crate::share_link::{ShareDigest, ShareLink, ShareSecret};
use crate::sort;
use contents::ShareOwner;

/// A link in the making.
pub(super) struct Sharing {
    path: Path,
    secret: Arc<ShareSecret>,
    kind: SharedKind,
    copying: Copying,
}

impl Vault {
    /// Begins to share what stands at a path.
    pub(super) fn begin_sharing(&mut self, path: &Path) -> Result<Sharing, Refused> {
        let tip = self.chain.tip();
        if !tip.may(&self.device(), Rights::WRITE) {
            return Err(CommandError::NoRight("it may not write in this vault".into()).into());
        }
        if tip.carriers.is_empty() {
            return Err(CommandError::NoCarriers.into());
        }
        let node = self.lookup(path)?;
        self.shared += 1;
        let context = codec::encode(&(self.id(), path, self.clock.now(), self.shared, self.view.vector().into_iter().collect::<Vec<_>>()));
        let secret = keys::fresh_secret(&self.identity, &self.entropy, &context);
        let (kind, pages, entry) = match node {
            Node::Dir { pages, .. } => (SharedKind::Folder, pages, None),
            node @ Node::File { .. } => {
                let name = path.name().cloned().ok_or(WalkError::NotAFile)?;
                (SharedKind::File, None, Some(Entry { name, node }))
            }
            Node::Unknown { kind, .. } => return Err(CommandError::Newer(kind).into()),
            Node::Symlink { .. } | Node::Mount { .. } => return Err(CommandError::NotAFile(path.to_string()).into()),
        };
        let copying = Copying::new(&secret, pages, entry);
        Ok(Sharing { path: path.clone(), secret, kind, copying })
    }

    /// Goes on with the copy as far as pages, content and the window of unsettled blocks allow; the signed record once all is written.
    pub(super) fn share_on(&mut self, command: CommandId, sharing: &mut Sharing) -> Result<Option<(Share, ShareLink)>, CommandError> {
        let mut placed = 0;
        loop {
            // What was just placed is heard of again, and then it goes on: nothing else waits for long meanwhile.
            if self.writing.in_flight() >= self.writing.window || placed >= STRIDE {
                return Ok(None);
            }
            let steps = sharing.copying.steps();
            let copied = sharing.copying.advance(&self.reader.pages, &mut self.reader.content);
            if sharing.copying.steps() != steps {
                self.reader.fetch.got_on(command);
            }
            let (blocks, reused) = sharing.copying.take();
            self.writing.confirm(reused, &mut self.out);
            for block in blocks {
                placed += block.bytes().len();
                self.out.push(Output::Cache(block.clone()));
                self.writing.place(block, &mut self.out);
            }
            match copied {
                Ok(None) => {}
                Ok(Some(copied)) => {
                    let contents = ShareContents {
                        root: copied.root,
                        kind: sharing.kind,
                        name: sharing.path.name().map(|name| name.as_bytes().to_vec()).unwrap_or_default(),
                        bytes: copied.bytes,
                        files: copied.files,
                        created: self.clock.now(),
                        replicas: 0,
                        carriers: Vec::new(),
                    };
                    let digest = contents.digest().ok_or(CommandError::SelfCheck)?;
                    let link = self.link(Arc::clone(&sharing.secret), digest);
                    let record = self.write_share(&sharing.secret, &sharing.path, 1, contents)?;
                    return Ok(Some((record, link)));
                }
                Err(Halt::Pages(keys)) => {
                    self.reader.fetch.want_pages(command, &keys, &mut self.out)?;
                    return Ok(None);
                }
                Err(Halt::Content(keys)) => {
                    self.reader.fetch.want_content(command, &keys, &mut self.out);
                    return Ok(None);
                }
                Err(Halt::Failed(error)) => return Err(error),
            }
        }
    }

    /// Keeps the record of a share or withdrawal before anybody else sees it.
    pub(super) fn keep_share(&mut self, share: Share, link: Option<ShareLink>) -> Phase {
        let id = share.fields.share;
        let note = (notes::share_key(&id), Some(share.bytes().to_vec()));
        self.out.keep(KeepFor::Share(share.id()), vec![note], true);
        self.answer = Some(link.map_or(Reply::Done, |link| Reply::Shared { id, link, copies: None }));
        Phase::KeepingShare(Box::new(share))
    }

    /// The record of the share under way is durable here: now others may see it.
    pub(super) fn share_kept(&mut self, id: RecordId, kept: bool) {
        let Some(phase) = self.commit.as_mut().map(|commit| &mut commit.phase) else { return };
        if !matches!(phase, Phase::KeepingShare(share) if share.id() == id) {
            return;
        }
        if !kept {
            return self.fail_commit(CommandError::NotKept);
        }
        let Phase::KeepingShare(share) = std::mem::replace(phase, Phase::Walking) else { return };
        *phase = Phase::Publishing(share.id(), Outcome::new(true));
        self.out.push(Output::Publish(crate::record::Record::Share((*share).clone())));
        self.shares.adopt(*share);
    }

    /// Signs that a share is over.
    pub(super) fn withdrawal(&self, id: &ShareId) -> Result<Share, CommandError> {
        let live = self.shares.record(id).filter(|share| !share.is_withdrawn());
        let live = live.ok_or_else(|| CommandError::NotFound(format!("a link {id}")))?;
        keys::withdraw_share(&self.chain, &self.keyring, &self.identity, live).map_err(|error| CommandError::NoRight(error.to_string()))
    }

    /// Brings all shares to carriers that lack them. One that names other carriers than there are now, or that a removed device made,
    /// is signed anew; so links outlive the devices that made them and the nodes that they were made on.
    pub(super) fn publish_shares(&mut self) {
        let renewed = if self.chain.tip().may(&self.device(), Rights::WRITE) { self.renewed_shares() } else { Vec::new() };
        let mut changes = Vec::new();
        for share in renewed {
            changes.push((notes::share_key(&share.fields.share), Some(share.bytes().to_vec())));
            self.shares.adopt(share);
        }
        if !changes.is_empty() {
            // Should they not be kept, the carriers have them and show them again.
            self.out.keep(KeepFor::Journal, changes, true);
        }
        for share in self.shares.standing(&self.chain) {
            self.out.push(Output::Publish(crate::record::Record::Share(share.clone())));
        }
    }

    /// Returns the shares of this vault, by the time at which they were made.
    pub(super) fn listed_shares(&self) -> Vec<ListedShare> {
        let mut listed: Vec<ListedShare> = self
            .shares
            .open(&self.chain, &self.keyring)
            .filter_map(|open| {
                Some(ListedShare {
                    id: open.record.fields.share,
                    path: open.owner.path,
                    kind: open.contents.kind,
                    bytes: open.contents.bytes,
                    created: open.contents.created,
                    link: self.link(Arc::new(open.secret), open.contents.digest()?),
                })
            })
            .collect();
        sort::by_key(&mut listed, |share| (share.created, share.id));
        listed
    }

    /// Returns the root pages of all shares: what the vault keeps alive beside its own tree.
    pub(super) fn shared_roots(&self) -> Vec<Reference> {
        self.shares.open(&self.chain, &self.keyring).filter_map(|open| open.contents.root).collect()
    }

    fn link(&self, secret: Arc<ShareSecret>, digest: ShareDigest) -> ShareLink {
        ShareLink { vault: self.id(), secret, digest, nodes: self.link_nodes() }
    }

    fn renewed_shares(&self) -> Vec<Share> {
        let carriers = ShareContents::carriers_of(self.chain.tip());
        let stale = self.shares.open(&self.chain, &self.keyring).filter(|open| {
            let fallen = self.chain.check_share(open.record).is_err();
            fallen || open.contents.carriers != carriers || open.contents.replicas != self.replicas()
        });
        let renewed = stale.filter_map(|open| {
            let sequence = open.record.fields.sequence.saturating_add(1);
            self.write_share(&open.secret, &open.owner.path, sequence, open.contents).ok()
        });
        renewed.collect()
    }

    /// Signs a share with the carriers that there are now.
    fn write_share(&self, secret: &ShareSecret, path: &Path, sequence: u64, contents: ShareContents) -> Result<Share, CommandError> {
        let carriers = ShareContents::carriers_of(self.chain.tip());
        let contents = ShareContents { replicas: self.replicas(), carriers, ..contents };
        let sealed = contents.encode().zip(ShareOwner::encode(secret, path)).ok_or(CommandError::SelfCheck)?;
        keys::write_share(&self.chain, &self.keyring, &self.identity, secret, sequence, (&sealed.0, &sealed.1))
            .map_err(|error| CommandError::NoRight(error.to_string()))
    }

    /// Returns the nodes that a link's text names: those that a browser can reach first, and none that is about to leave if others are there.
    fn link_nodes(&self) -> Vec<(PeerId, String)> {
        let address = |carrier: &Carrier| contents::addresses(carrier).into_iter().next().map(|address| (carrier.peer, address));
        let mut carriers: Vec<&Carrier> = self.chain.tip().carriers.iter().collect();
        sort::by_key(&mut carriers, |carrier| {
            (carrier.draining, !address(carrier).is_some_and(|(_, address)| address.starts_with("wss:")))
        });
        carriers.into_iter().filter_map(address).take(LINK_NODES).collect()
    }

    fn replicas(&self) -> u8 {
        let tip = self.chain.tip();
        tip.policy.wanted(tip.carriers.iter().filter(|carrier| !carrier.draining && carrier.weight > 0).count())
    }
}

/// Bytes of blocks that are sealed and placed in one go.
const STRIDE: usize = 4 << 20;
