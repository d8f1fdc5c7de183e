//! Invitations: issued by an operator, redeemed once, by whom admits a vault with a limit.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::admission::{self, Limit};
use super::hub::Hub;
use super::storage::{Duty, Purpose};
use super::{Answer, AskId, Event, LinkId, Trouble};
use crate::id::VaultId;
use crate::map::{Map, Set};
use crate::message::{Ask, Denial, Plain, RecordBytes, Redeem};
use crate::record::{Chain, Record, kind};
use crate::store::{Commit, RecordQuery, RecordSlot, StoreAnswer, StoreFault, StoreOp};
use crate::{codec, labels};

/// Invitations that are being redeemed.
#[derive(Debug, Default)]
pub(super) struct Invitations {
    busy: Set<[u8; 32]>,
}

/// The value of an invitation's record. What is stored opens nothing: the name is a hash of the token.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Invitation {
    limit: u64,
    used_by: Option<VaultId>,
}

/// One redemption under way.
#[derive(Debug)]
pub(super) struct Redeeming {
    link: LinkId,
    ask: Ask,
    name: [u8; 32],
    step: Step,
}

#[derive(Debug)]
enum Step {
    /// The invitation is read, and the vault's certificates wait: whoever has none may not have us verify their signatures.
    Reading(Vec<RecordBytes>),
    /// The admission is written.
    Writing(VaultId),
}

impl Invitations {
    /// Issues an invitation.
    pub(super) fn invite(hub: &mut Hub, ask: AskId, token: &[u8; 16], limit: u64) {
        let value = codec::encode(&Invitation { limit, used_by: None });
        let records = vec![(slot(name(token)), Bytes::from(value))];
        hub.store(StoreOp::Commit(Commit { vault: NOBODY, blocks: Vec::new(), records }), Purpose::Duty(Duty::Invitation(ask)));
    }

    /// Takes in whether an invitation is durable.
    pub(super) fn invited(hub: &mut Hub, ask: AskId, answer: &StoreAnswer) {
        let answer = match answer {
            StoreAnswer::Committed => Answer::Done,
            StoreAnswer::Failed(StoreFault::Full) => Answer::Failed(Trouble::Denied(Denial::DiskFull)),
            _ => Answer::Failed(Trouble::Denied(Denial::DiskFailed)),
        };
        hub.tell(Event::Answered(ask, answer));
    }

    /// Begins to redeem an invitation.
    pub(super) fn redeem(&mut self, hub: &mut Hub, link: LinkId, redeem: Redeem) {
        let name = name(&redeem.token);
        let ask = redeem.ask;
        if self.busy.len() >= REDEEMING_MAX || !self.busy.insert(name) {
            return hub.send(link, Plain::Denied((ask, Denial::Busy)));
        }
        let query = RecordQuery::Named { kind: kind::INVITATION, key: name };
        let purpose = Purpose::Duty(Duty::Redeem(Box::new(Redeeming { link, ask, name, step: Step::Reading(redeem.certificates) })));
        hub.store(StoreOp::Records(query), purpose);
    }

    /// Takes the store's answer in; returns the vault once it is admitted.
    pub(super) fn answered(&mut self, hub: &mut Hub, redeeming: Redeeming, answer: &StoreAnswer) -> Option<VaultId> {
        let Redeeming { link, ask, name, step } = redeeming;
        let (result, admitted) = match (step, answer) {
            (Step::Reading(certificates), StoreAnswer::Records(records)) => match open(name, records, certificates) {
                Ok((chain, Some(limit))) => {
                    let step = Step::Writing(chain.vault());
                    let purpose = Purpose::Duty(Duty::Redeem(Box::new(Redeeming { link, ask, name, step })));
                    hub.store(StoreOp::Commit(admit(name, limit, &chain)), purpose);
                    return None;
                }
                Ok((chain, None)) => (Ok(()), Some(chain.vault())),
                Err(why) => (Err(why), None),
            },
            (Step::Writing(vault), StoreAnswer::Committed) => (Ok(()), Some(vault)),
            (_, StoreAnswer::Failed(StoreFault::Full)) => (Err(Denial::DiskFull), None),
            _ => (Err(Denial::DiskFailed), None),
        };
        self.busy.remove(&name);
        let plain = match result {
            Ok(()) => Plain::Done((ask, ())),
            Err(why) => Plain::Denied((ask, why)),
        };
        hub.send(link, plain);
        admitted
    }
}

/// Returns the vault's certificates and the limit of the invitation that it may use, without one when it used it already.
fn open(name: [u8; 32], records: &[(RecordSlot, Bytes)], certificates: Vec<RecordBytes>) -> Result<(Chain, Option<u64>), Denial> {
    let record = records.iter().find(|(at, _)| *at == slot(name)).ok_or(Denial::BadInvitation)?;
    let invitation: Invitation = codec::decode(&record.1).map_err(|_| Denial::BadInvitation)?;
    let chain = decode(certificates)?;
    match invitation.used_by {
        None => Ok((chain, Some(invitation.limit))),
        Some(user) if user == chain.vault() => Ok((chain, None)),
        Some(_) => Err(Denial::BadInvitation),
    }
}

/// Decodes the vault's certificates.
fn decode(all: Vec<RecordBytes>) -> Result<Chain, Denial> {
    let mut certificates = Map::new();
    for bytes in all {
        match Record::decode(Bytes::from(bytes.0)) {
            Ok(Record::Certificate(certificate)) => drop(certificates.insert(certificate.number, certificate)),
            _ => return Err(Denial::Malformed),
        }
    }
    let vault = certificates.get(&0).ok_or(Denial::Malformed)?.vault();
    Chain::assemble(vault, certificates.into_values()).map_err(|_| Denial::Malformed)
}

/// Everything that admits a vault, in one commit: the admission, the chain, and the invitation used up.
fn admit(name: [u8; 32], limit: u64, chain: &Chain) -> Commit {
    let vault = chain.vault();
    let used = codec::encode(&Invitation { limit, used_by: Some(vault) });
    let mut records = vec![(slot(name), Bytes::from(used)), (admission::slot(vault), Bytes::from(codec::encode(&Limit(limit))))];
    records.extend(chain.certificates().iter().map(|certificate| {
        let record = Record::Certificate(certificate.clone());
        (record.slot(), certificate.bytes().clone())
    }));
    Commit { vault, blocks: Vec::new(), records }
}

/// Names a token: `derive_key(INVITATION, token)`.
fn name(token: &[u8; 16]) -> [u8; 32] {
    blake3::derive_key(labels::INVITATION, token)
}

const fn slot(name: [u8; 32]) -> RecordSlot {
    RecordSlot { vault: NOBODY, kind: kind::INVITATION, key: name }
}

/// The owner of what belongs to the node itself.
const NOBODY: VaultId = VaultId([0; 32]);
/// Invitations that are redeemed at once.
const REDEEMING_MAX: usize = 64;
