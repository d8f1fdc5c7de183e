//! Changes of the certificate, one at a time: each is made of the certificate before it, so those that come meanwhile wait for their turn.
//!
//! ```text
//!   waiting --signed--> durable here --> on most carriers --> done; the next one
//! ```

use std::collections::VecDeque;

use super::command::{Change, CommandError, Reply};
use super::keys::{Amendment, AuthorityError};
use super::machine::{Vault, is_hopeless};
use super::outbox::KeepFor;
use super::{CommandId, Output, notes};
use crate::copies::Copies;
use crate::id::RecordId;
use crate::message::Denial;
use crate::record::{Certificate, Record};

/// The change under way, and those behind it.
#[derive(Default)]
pub(super) struct Amending {
    under_way: Option<UnderWay>,
    waiting: VecDeque<(CommandId, Change)>,
}

/// A signed certificate on its way to the carriers.
struct UnderWay {
    command: CommandId,
    certificate: Certificate,
    /// Carriers that will never take it.
    refused: usize,
}

impl Amending {
    /// Takes a change back that has not begun; returns whether there was one.
    pub(super) fn cancel(&mut self, command: CommandId) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|(waiting, _)| *waiting != command);
        self.waiting.len() < before
    }

    fn publishes(&mut self, id: RecordId) -> Option<&mut UnderWay> {
        self.under_way.as_mut().filter(|under_way| under_way.certificate.id() == id)
    }
}

impl Vault {
    /// Changes the certificate once all changes before this one are done.
    pub(super) fn amend(&mut self, command: CommandId, change: Change) {
        self.amending.waiting.push_back((command, change));
        self.amend_next();
    }

    /// The certificate under way is durable here: now it counts, and others may see it.
    pub(super) fn certificate_kept(&mut self, kept: bool) {
        let Some(UnderWay { certificate, .. }) = &self.amending.under_way else { return };
        if !kept {
            return self.end_amendment(Err(CommandError::NotKept));
        }
        let record = Record::Certificate(certificate.clone());
        // Should another admin's have come first, then the chain says which of the two stands.
        self.records(vec![record.clone()]);
        self.out.push(Output::Publish(record));
        if let Some(locate) = &self.locate {
            self.out.push(Output::Publish(Record::Locate(locate.clone())));
        }
    }

    /// A record is durable on a further carrier: perhaps the certificate under way, and on most of them.
    pub(super) fn certificate_published(&mut self, id: RecordId, copies: Copies) {
        if copies.is_safe() && self.amending.publishes(id).is_some() {
            self.end_amendment(Ok(Reply::Done));
        }
    }

    /// A carrier did not take a record: perhaps the certificate under way.
    pub(super) fn certificate_refused(&mut self, id: RecordId, refusal: Option<Denial>) {
        let carriers = self.chain.tip().carriers.len();
        let Some((under_way, denial)) = self.amending.publishes(id).zip(refusal) else { return };
        under_way.refused += 1;
        if is_hopeless(under_way.refused, carriers) {
            self.end_amendment(Err(CommandError::Refused(denial)));
        }
    }

    fn amend_next(&mut self) {
        while self.amending.under_way.is_none()
            && let Some((command, change)) = self.amending.waiting.pop_front()
        {
            match self.amendment(change) {
                Ok(certificate) => {
                    let note = (notes::certificate_key(certificate.number), Some(certificate.bytes().to_vec()));
                    self.amending.under_way = Some(UnderWay { command, certificate, refused: 0 });
                    self.out.keep(KeepFor::Certificate, vec![note], true);
                }
                Err(error) => self.out.reply(command, Err(error.into())),
            }
        }
    }

    fn end_amendment(&mut self, result: Result<Reply, CommandError>) {
        if let Some(UnderWay { command, .. }) = self.amending.under_way.take() {
            self.out.reply(command, result);
        }
        self.amend_next();
    }

    fn amendment(&self, change: Change) -> Result<Certificate, AuthorityError> {
        let amendment = Amendment::of(&self.chain);
        let amendment = match change {
            Change::Carrier(carrier) if self.chain.tip().carrier(&carrier.peer).is_some() => amendment.update_carrier(carrier)?,
            Change::Carrier(carrier) => amendment.add_carrier(carrier)?,
            Change::Policy(policy) => amendment.set_policy(policy),
        };
        // The number makes every use of the entropy another one.
        let entropy = *blake3::keyed_hash(&self.entropy, &self.chain.tip().number.to_be_bytes()).as_bytes();
        amendment.sign(&self.identity, &entropy)
    }
}
