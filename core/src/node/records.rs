//! A carrier's records of one vault: which stand, which are evidence, which are being written.

use std::collections::VecDeque;

use bytes::Bytes;

use super::LinkId;
use super::admission::Admitted;
use super::hub::Hub;
use super::storage::{Duty, Purpose};
use crate::id::{PeerId, ShareId, VaultId};
use crate::limits::{LIST_MAX, SHARES_LIVE_MAX, SHARES_MAX};
use crate::map::Map;
use crate::message::{Ask, Denial, Plain, RecordBytes, RecordsAre};
use crate::record::chain::Extended;
use crate::record::{Chain, Head, Record, Share, kind};
use crate::store::{Commit, RecordSlot, StoreAnswer, StoreFault, StoreOp};

/// The records of an admitted vault.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) chain: Chain,
    heads: Map<PeerId, Head>,
    /// Second heads of one device and sequence: proof that two devices share a key.
    evidence: Map<[u8; 32], Bytes>,
    locates: Map<PeerId, Bytes>,
    shares: Map<ShareId, Share>,
    /// Records handed over, the first being written: one at a time, so that what is judged is what is durable.
    waiting: VecDeque<(LinkId, Ask, Record)>,
    writing: Option<Writing>,
}

#[derive(Debug)]
struct Writing {
    link: LinkId,
    ask: Ask,
    becomes: Becomes,
}

/// What a record changes once it is durable.
#[derive(Debug)]
enum Becomes {
    Chain(Box<Chain>),
    Head(Box<Head>),
    /// The answer is that it conflicts.
    Evidence([u8; 32], Bytes),
    Locate(PeerId, Bytes),
    Share(Box<Share>),
}

/// What is to be done with a record.
enum Verdict {
    Write(RecordSlot, Becomes),
    Known,
    Deny(Denial),
}

impl Kept {
    /// Reads a vault's records; `None` without a certificate 0 that stands.
    pub(super) fn read(vault: VaultId, records: Vec<(RecordSlot, Bytes)>) -> Option<Self> {
        let (mut certificates, mut rest) = (Vec::new(), Vec::new());
        for (slot, bytes) in records {
            match Record::decode(bytes) {
                Ok(Record::Certificate(certificate)) => certificates.push(certificate),
                Ok(record) => rest.push((slot, record)),
                Err(_) => {}
            }
        }
        let chain = Chain::assemble(vault, certificates).ok()?;
        let mut kept = Self {
            chain,
            heads: Map::new(),
            evidence: Map::new(),
            locates: Map::new(),
            shares: Map::new(),
            waiting: VecDeque::new(),
            writing: None,
        };
        for (slot, record) in rest {
            match record {
                Record::Head(head) if slot.key == head.device.0 => drop(kept.heads.insert(head.device, head)),
                Record::Head(head) => drop(kept.evidence.insert(slot.key, head.bytes().clone())),
                Record::Locate(locate) => drop(kept.locates.insert(locate.paper, locate.bytes().clone())),
                Record::Share(share) => drop(kept.shares.insert(share.fields.share, share)),
                Record::Certificate(_) => {}
            }
        }
        Some(kept)
    }

    /// Says whether nothing is being written.
    pub(super) const fn is_idle(&self) -> bool {
        self.writing.is_none()
    }

    /// Says what a record is worth here. Who hands it over does not matter: records prove themselves.
    fn judge(&self, record: &Record) -> Verdict {
        match record {
            Record::Certificate(certificate) => {
                let mut chain = self.chain.clone();
                match chain.extend(certificate.clone()) {
                    Ok(Extended::Known) => Verdict::Known,
                    Ok(_) if chain.certificates().len() > LIST_MAX => Verdict::Deny(Denial::Limit),
                    Ok(_) => Verdict::Write(record.slot(), Becomes::Chain(Box::new(chain))),
                    Err(_) => Verdict::Deny(Denial::Conflict),
                }
            }
            Record::Head(head) => self.judge_head(head, record),
            Record::Locate(locate) => {
                let known = self.locates.get(&locate.paper).is_some_and(|bytes| bytes == locate.bytes());
                let member = self.chain.tip().member(&locate.paper).is_some_and(|member| member.paper);
                match (known, member) {
                    (true, _) => Verdict::Known,
                    (_, true) => Verdict::Write(record.slot(), Becomes::Locate(locate.paper, locate.bytes().clone())),
                    _ => Verdict::Deny(Denial::NoRight),
                }
            }
            Record::Share(share) => self.judge_share(share, record),
        }
    }

    /// One share to a locator, and what is withdrawn stays so, whoever shows up with what there was before.
    fn judge_share(&self, share: &Share, record: &Record) -> Verdict {
        if self.chain.check_share(share).is_err() {
            return Verdict::Deny(Denial::Conflict);
        }
        let live = |share: &&Share| !share.is_withdrawn();
        match self.shares.get(&share.fields.share) {
            Some(held) if held.id() == share.id() || held.is_withdrawn() && share.is_withdrawn() => Verdict::Known,
            // What is withdrawn stays so, whatever becomes of the device that withdrew it. Of the rest, one that its device may no longer
            // answer for makes way for any that stands.
            Some(held) if held.is_withdrawn() => Verdict::Deny(Denial::Conflict),
            Some(held) if !share.outranks(held) && self.chain.check_share(held).is_ok() => Verdict::Deny(Denial::Conflict),
            None if self.shares.len() >= SHARES_MAX => Verdict::Deny(Denial::Limit),
            None if !share.is_withdrawn() && self.shares.values().filter(live).count() >= SHARES_LIVE_MAX => Verdict::Deny(Denial::Limit),
            _ => Verdict::Write(record.slot(), Becomes::Share(Box::new(share.clone()))),
        }
    }

    fn judge_head(&self, head: &Head, record: &Record) -> Verdict {
        if self.chain.check_head(head).is_err() {
            return Verdict::Deny(Denial::Conflict);
        }
        match self.heads.get(&head.device) {
            Some(held) if held.bytes() == head.bytes() => Verdict::Known,
            Some(held) if held.sequence > head.sequence => Verdict::Deny(Denial::Conflict),
            Some(held) if held.sequence == head.sequence => {
                let name = record.id().0;
                if self.evidence.contains_key(&name) || self.evidence.len() >= EVIDENCE_MAX {
                    return Verdict::Deny(Denial::Conflict);
                }
                let slot = RecordSlot { vault: head.vault, kind: kind::HEAD, key: name };
                Verdict::Write(slot, Becomes::Evidence(name, head.bytes().clone()))
            }
            _ => Verdict::Write(record.slot(), Becomes::Head(Box::new(head.clone()))),
        }
    }

    /// Returns the records that members read, oldest certificates first.
    fn all(&self) -> impl Iterator<Item = &Bytes> {
        let certificates = self.chain.certificates().iter().chain(self.chain.evidence()).map(crate::record::Certificate::bytes);
        let heads = self.heads.values().map(Head::bytes).chain(self.evidence.values());
        certificates.chain(heads).chain(self.locates.values()).chain(self.shares.values().map(Share::bytes))
    }
}

impl Admitted {
    /// Takes a record that a peer hands over; answered when it is durable.
    pub(super) fn publish(&mut self, hub: &mut Hub, link: LinkId, ask: Ask, record: Record) {
        if self.kept.waiting.len() >= WAITING_MAX {
            hub.send(link, Plain::Denied((ask, Denial::Busy)));
            return;
        }
        self.kept.waiting.push_back((link, ask, record));
        self.write_next(hub);
    }

    /// Takes the store's answer to a record.
    pub(super) fn written(&mut self, hub: &mut Hub, answer: &StoreAnswer) {
        let Some(Writing { link, ask, becomes }) = self.kept.writing.take() else { return };
        let plain = match (answer, becomes) {
            (StoreAnswer::Committed, becomes) => match self.keep(becomes) {
                Ok(()) => Plain::Done((ask, ())),
                Err(why) => Plain::Denied((ask, why)),
            },
            (StoreAnswer::Failed(StoreFault::Full), _) => Plain::Denied((ask, Denial::DiskFull)),
            _ => Plain::Denied((ask, Denial::DiskFailed)),
        };
        hub.send(link, plain);
        self.write_next(hub);
    }

    /// Answers with all records of the vault, in as many messages as they need.
    pub(super) fn tell_records(&self, hub: &mut Hub, link: LinkId, ask: Ask) {
        send_records(hub, link, ask, self.kept.all());
    }

    /// Answers with the share record of this locator, if it stands, or with none.
    pub(super) fn tell_share(&self, hub: &mut Hub, link: LinkId, ask: Ask, share: &ShareId) {
        let found = self.kept.shares.get(share).filter(|share| share.is_withdrawn() || self.kept.chain.check_share(share).is_ok());
        send_records(hub, link, ask, found.map(Share::bytes).into_iter());
    }

    fn keep(&mut self, becomes: Becomes) -> Result<(), Denial> {
        match becomes {
            Becomes::Chain(chain) => self.kept.chain = *chain,
            Becomes::Head(head) => drop(self.kept.heads.insert(head.device, *head)),
            Becomes::Locate(paper, bytes) => drop(self.kept.locates.insert(paper, bytes)),
            Becomes::Share(share) => drop(self.kept.shares.insert(share.fields.share, *share)),
            Becomes::Evidence(name, bytes) => {
                self.kept.evidence.insert(name, bytes);
                return Err(Denial::Conflict);
            }
        }
        Ok(())
    }

    fn write_next(&mut self, hub: &mut Hub) {
        while self.kept.writing.is_none()
            && let Some((link, ask, record)) = self.kept.waiting.pop_front()
        {
            match self.kept.judge(&record) {
                Verdict::Known => hub.send(link, Plain::Done((ask, ()))),
                Verdict::Deny(why) => hub.send(link, Plain::Denied((ask, why))),
                Verdict::Write(slot, becomes) => {
                    let vault = record.vault();
                    let commit = Commit { vault, blocks: Vec::new(), records: vec![(slot, record.bytes().clone())] };
                    self.kept.writing = Some(Writing { link, ask, becomes });
                    hub.store(StoreOp::Commit(commit), Purpose::Duty(Duty::Record(vault)));
                }
            }
        }
    }
}

/// Sends records in messages that fit a header each; the last one says so, even when there are none.
pub(super) fn send_records<'a>(hub: &mut Hub, link: LinkId, ask: Ask, all: impl Iterator<Item = &'a Bytes>) {
    let (mut records, mut bytes) = (Vec::new(), 0);
    for record in all {
        if !records.is_empty() && (bytes + record.len() > ANSWER_BYTES || records.len() == LIST_MAX) {
            hub.send(link, Plain::RecordsAre(RecordsAre { ask, records: std::mem::take(&mut records), last: false }));
            bytes = 0;
        }
        bytes += record.len() + RECORD_OVERHEAD;
        records.push(RecordBytes(record.to_vec()));
    }
    hub.send(link, Plain::RecordsAre(RecordsAre { ask, records, last: true }));
}

/// Bytes of records in one message: room for one more record of any size below a header's limit.
pub(super) const ANSWER_BYTES: usize = 160 << 10;
/// Bytes that a record takes in a message beside its own.
pub(super) const RECORD_OVERHEAD: usize = 5;
/// Records of one vault that wait to be written.
const WAITING_MAX: usize = 256;
/// Heads kept as evidence for one vault: one is proof enough, a few show how it goes on.
const EVIDENCE_MAX: usize = 16;
