//! The service of a carrier: what a storage node does for others, and a client does not.
//!
//! A node that is no carrier has none. In a browser's build there is none to have, so the compiler leaves out all that only a carrier does.

use super::admission::{Admission, Gate, refuse};
use super::hub::Hub;
use super::inspect::{self, Inspecting};
use super::receiving::Receiving;
use super::records::send_records;
use super::redeeming::Invitations;
use super::relaying::Relaying;
use super::storage::{Duty, Purpose};
use super::tabs::Tabs;
use super::{LinkId, Role, Trouble};
use crate::block::Block;
use crate::id::{PeerId, VaultId};
use crate::link::CloseReason;
use crate::message::{Ask, Denial, Ids, Plain};
use crate::record::{Record, RecordError};
use crate::store::{RecordQuery, StoreAnswer, StoreOp};

/// What a carrier does for others.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) invitations: Invitations,
    pub(super) receiving: Receiving,
    pub(super) relaying: Relaying,
    admission: Admission,
    inspecting: Inspecting,
    tabs: Tabs,
    /// No tab is a carrier.
    #[cfg(target_family = "wasm")]
    _never: std::convert::Infallible,
}

impl Service {
    /// Begins, if this is the role of a carrier.
    #[cfg(not(target_family = "wasm"))]
    pub(super) fn of(role: &Role) -> Option<Self> {
        matches!(role, Role::Carrier { .. }).then(|| Self {
            invitations: Invitations::default(),
            receiving: Receiving::default(),
            relaying: Relaying::default(),
            admission: Admission::default(),
            inspecting: Inspecting::default(),
            tabs: Tabs::default(),
        })
    }

    /// Begins nothing.
    #[cfg(target_family = "wasm")]
    pub(super) const fn of(_: &Role) -> Option<Self> {
        None
    }

    /// Takes in that a peer can be talked to.
    pub(super) fn linked(&mut self, hub: &mut Hub, peer: &PeerId) {
        self.receiving.linked(hub, &mut self.admission, peer);
    }

    /// Forgets a link.
    pub(super) fn unlinked(&mut self, hub: &mut Hub, peer: &PeerId, link: LinkId) {
        self.receiving.unlinked(hub, &mut self.admission, peer, link);
        self.inspecting.unlinked(link);
        self.tabs.unlinked(link);
        self.relaying.unlinked(hub, link);
    }

    /// Takes in that a peer cannot be reached.
    pub(super) fn down(&mut self, hub: &mut Hub, peer: &PeerId, trouble: Trouble) {
        self.receiving.down(hub, &mut self.admission, peer, trouble);
    }

    /// Looks whether another holder delivers what was fetched from it.
    pub(super) fn look_at_source(&mut self, hub: &mut Hub, peer: &PeerId) {
        self.receiving.look_at_source(hub, &mut self.admission, peer);
    }

    /// Takes a block in; returns `false` when it was not invited.
    pub(super) fn block(&mut self, hub: &mut Hub, link: LinkId, vault: VaultId, block: Block) -> bool {
        self.receiving.block(hub, &mut self.admission, link, vault, block)
    }

    /// Takes in that invited blocks cannot be delivered after all.
    pub(super) fn absent(&mut self, hub: &mut Hub, link: LinkId, absent: &Ids) {
        self.receiving.absent(hub, &mut self.admission, link, absent);
    }

    /// Tells a recovery phrase, and nobody else, which vaults it opens.
    pub(super) fn locate(&mut self, hub: &mut Hub, link: LinkId, peer: PeerId, (ask, paper): (Ask, PeerId)) {
        if peer == paper && self.inspecting.enter(link) {
            hub.store(StoreOp::Records(RecordQuery::located(paper)), Purpose::Duty(Duty::Located(link, ask)));
        } else {
            send_records(hub, link, ask, std::iter::empty());
        }
    }

    /// Takes a message about a vault that this node may or may not serve. The vault is looked up first, then the sender's right.
    pub(super) fn about_vault(&mut self, hub: &mut Hub, link: LinkId, peer: PeerId, (vault, plain): (VaultId, Plain)) {
        let Gate::Open(admitted, plain) = self.admission.enter(hub, vault, link, plain) else { return };
        match plain {
            Plain::Offer(offer) if admitted.may_store(&peer) => {
                let source = admitted.source(&hub.me, &peer, &offer.sources);
                self.receiving.offer(hub, link, offer, source);
            }
            // Records prove themselves, so anybody may hand them over: a restored device is no member before its certificate is in.
            Plain::Publish((ask, bytes)) => match Record::decode(bytes.0.into()) {
                Ok(record) => admitted.publish(hub, link, ask, record),
                // Nobody who means well hands over what it has not verified, and who does not may not have us verify without end.
                Err(RecordError::Signature) => hub.close(link, Trouble::Unlinked(CloseReason::Malformed)),
                Err(_) => hub.send(link, Plain::Denied((ask, Denial::Malformed))),
            },
            Plain::Records((ask, _)) if admitted.may_ask(&peer) => admitted.tell_records(hub, link, ask),
            // Whoever has the link knows the locator, and nobody else does.
            Plain::Share(sought) => admitted.tell_share(hub, link, sought.ask, &sought.share),
            // A carrier's copies are asked for by name, never by hearsay.
            Plain::Carries(carried) if admitted.is_member(&peer) && !admitted.is_carrier(&peer) => {
                self.tabs.carries(link, peer, carried);
            }
            Plain::Drops(dropped) => self.tabs.drops(link, &dropped),
            Plain::Open(open) => self.relaying.open(hub, admitted, link, &peer, &open),
            Plain::Where(question) if admitted.is_member(&peer) => {
                if self.inspecting.enter(link) {
                    let mut tabs = self.tabs.holders(hub, &peer, &vault, &question.ids);
                    tabs.retain(|(tab, _)| admitted.is_member(tab));
                    inspect::whereabouts(hub, link, question, tabs);
                } else {
                    refuse(hub, link, Plain::Where(question), Denial::Busy);
                }
            }
            Plain::Has(_) | Plain::Summarise(_) | Plain::Scan(_) | Plain::Status(_) if admitted.may_ask(&peer) => {
                if self.inspecting.enter(link) {
                    inspect::ask(hub, link, vault, admitted.limit, plain);
                } else {
                    refuse(hub, link, plain, Denial::Busy);
                }
            }
            plain => refuse(hub, link, plain, Denial::NoRight),
        }
    }

    /// Takes the store's answer in.
    pub(super) fn answered(&mut self, hub: &mut Hub, duty: Duty, answer: StoreAnswer) {
        match duty {
            Duty::LoadRecords(vault) | Duty::LoadUsage(vault) => {
                self.admission.learn(&vault, answer);
                self.loaded(hub, vault);
            }
            Duty::TotalUsage => {
                for vault in self.admission.counted(&answer) {
                    self.loaded(hub, vault);
                }
            }
            Duty::Offered(link, vault, blocks, source) => {
                self.receiving.checked(hub, &mut self.admission, (link, vault, blocks, source), answer);
            }
            Duty::Arrived(vault, arrived) => self.receiving.committed(hub, &mut self.admission, (vault, arrived), &answer),
            Duty::Inspect(link, ask, question) => {
                self.inspecting.leave(link);
                inspect::answer(hub, link, ask, question, answer);
            }
            Duty::Record(vault) => {
                if let Some(admitted) = self.admission.admitted(&vault) {
                    admitted.written(hub, &answer);
                }
            }
            Duty::Located(link, ask) => {
                self.inspecting.leave(link);
                let records = if let StoreAnswer::Records(records) = answer { records } else { Vec::new() };
                send_records(hub, link, ask, records.iter().map(|(_, bytes)| bytes));
            }
            Duty::Redeem(redeeming) => {
                if let Some(vault) = self.invitations.answered(hub, *redeeming, &answer) {
                    self.admission.forget(&vault);
                }
            }
            Duty::Invitation(ask) => Invitations::invited(hub, ask, &answer),
        }
    }

    /// Goes on with what waited for a vault to be loaded.
    fn loaded(&mut self, hub: &mut Hub, vault: VaultId) {
        let Some(loaded) = self.admission.loaded(hub, vault) else { return };
        for (link, plain) in loaded.parked {
            match hub.links.peer_of(link) {
                Some(peer) if loaded.admitted => self.about_vault(hub, link, peer, (vault, plain)),
                _ => refuse(hub, link, plain, Denial::NotAdmitted),
            }
        }
    }
}
