//! News: what carriers show when they are asked, kept before it is acted on, and what an honest vault would never show.

use super::command::Reply;
use super::keys::Keyring;
use super::machine::{Vault, seal_key};
use super::outbox::{KeepFor, Outbox};
use super::{Alarm, CommandId, KeepId, Output, notes};
use crate::map::Map;
use crate::record::{Head, Record, Share};
use crate::sort;

/// Questions to all carriers, and answers that are being kept.
#[derive(Default)]
pub(super) struct News {
    /// Commands that wait until all carriers were asked.
    refreshing: Vec<CommandId>,
    /// How many of how many answered, once all were asked.
    refreshed: Option<(usize, usize)>,
    /// Heads and shares that are being kept before they are acted on.
    floors: Map<KeepId, (Vec<Head>, Vec<Share>)>,
    alarms: Vec<Alarm>,
}

impl News {
    /// Asks all carriers, unless they are being asked.
    pub(super) fn refresh(&mut self, command: CommandId, out: &mut Outbox) {
        self.refreshing.push(command);
        if self.refreshing.len() == 1 {
            self.refreshed = None;
            out.push(Output::Refresh);
        }
    }

    /// Takes a command back that waits for the carriers; returns whether there was one.
    pub(super) fn cancel(&mut self, command: CommandId) -> bool {
        let before = self.refreshing.len();
        self.refreshing.retain(|waiting| *waiting != command);
        self.refreshing.len() < before
    }

    /// Takes in that all carriers were asked, and how many answered.
    pub(super) fn asked_all(&mut self, answered: usize, of: usize, out: &mut Outbox) {
        self.refreshed = Some((answered, of));
        self.finish(out);
    }

    /// Tells people, once, what should not be.
    pub(super) fn raise(&mut self, alarm: Alarm, out: &mut Outbox) {
        if !self.alarms.contains(&alarm) && self.alarms.len() < ALARMS {
            self.alarms.push(alarm.clone());
            out.push(Output::Alarm(alarm));
        }
    }

    /// Returns everything that was told.
    pub(super) fn alarms(&self) -> &[Alarm] {
        &self.alarms
    }

    /// Replies to refreshes once all carriers were asked and everything newer is kept.
    fn finish(&mut self, out: &mut Outbox) {
        if let Some((answered, of)) = self.refreshed
            && self.floors.is_empty()
        {
            self.refreshed = None;
            for id in std::mem::take(&mut self.refreshing) {
                out.reply(id, Ok(Reply::Refreshed(answered, of)));
            }
        }
    }
}

impl Vault {
    /// Takes in what a carrier showed, or this device made: what stands and is new is kept first, and acted on then.
    pub(super) fn records(&mut self, records: Vec<Record>) {
        let mut changes = Vec::new();
        let mut certificates: Vec<_> = Vec::new();
        let mut heads = Vec::new();
        let mut shares = Vec::new();
        for record in records.into_iter().filter(|record| record.vault() == self.chain.vault()) {
            match record {
                Record::Certificate(certificate) => certificates.push(certificate),
                Record::Head(head) => heads.push(head),
                Record::Share(share) => shares.push(share),
                Record::Locate(_) => {}
            }
        }
        sort::by_key(&mut certificates, |certificate| certificate.number);
        let tip = self.chain.tip().id();
        let forks = self.chain.evidence().len();
        for certificate in certificates {
            // What does not stand is the carrier's lie or a branch that is not known here; neither changes anything.
            let _ = self.chain.extend(certificate);
        }
        if self.chain.evidence().len() > forks {
            self.news.raise(Alarm::CertificateFork, &mut self.out);
        }
        if self.chain.tip().id() != tip {
            for certificate in self.chain.certificates() {
                changes.push((notes::certificate_key(certificate.number), Some(certificate.bytes().to_vec())));
            }
            if let Ok(keyring) = Keyring::open(&self.chain, &self.identity) {
                self.writing.seal_key = seal_key(&keyring);
                self.keyring = keyring;
            }
            self.out.push(Output::Follow(self.chain.clone()));
            self.view.follow(&self.chain);
        }
        let mut newer = Vec::new();
        for head in heads {
            match self.view.offer(&self.chain, &head) {
                Ok(Some(note)) => {
                    changes.push(note);
                    newer.push(head);
                }
                Ok(None) => {}
                Err(alarm) => self.news.raise(alarm, &mut self.out),
            }
        }
        let mut shown = Vec::new();
        for share in shares {
            if let Some(known) = self.shares.overtakes(&share) {
                self.out.push(Output::Publish(Record::Share(known)));
            } else if let Some(news) = self.shares.offer(&self.chain, &share) {
                changes.push(news.note);
                if news.replaces {
                    self.out.push(Output::Publish(Record::Share(share.clone())));
                }
                shown.push(share);
            }
        }
        if !changes.is_empty() {
            // The merge that may have to be done anew follows when they are kept.
            let keep = self.out.keep(KeepFor::Floor, changes, true);
            self.news.floors.insert(keep, (newer, shown));
        }
    }

    /// What carriers showed is durable here, or will not be.
    pub(super) fn floor_kept(&mut self, id: KeepId, kept: bool) {
        let (heads, shares) = self.news.floors.remove(&id).unwrap_or_default();
        if kept {
            heads.into_iter().for_each(|head| self.view.adopt(head));
            shares.into_iter().for_each(|share| self.shares.adopt(share));
            self.merge();
        } else {
            heads.iter().for_each(|head| self.view.forget(head));
            shares.iter().for_each(|share| self.shares.forget(share));
        }
        self.news.finish(&mut self.out);
    }
}

/// Different alarms that are told: whoever has not looked after these looks after no more.
const ALARMS: usize = 64;
