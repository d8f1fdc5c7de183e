//! Liveness: who is alive, judged by silence. It says whom to use now and never where data belongs.
//!
//! A peer that says that it is suspended is not judged by its silence for a long time, and given no work meanwhile; one that is suspended
//! itself judges nobody.

use super::hub::{Hub, Note};
use super::links::Standing;
use super::timers::Timer;
use super::{LinkId, Trouble};
use crate::id::PeerId;
use crate::limits::{ASK_TIMEOUT, HEARTBEAT, IDLE_CLOSE, RESUME_PATIENCE, SUSPECT_AFTER, SUSPENDED_CLOSE};
use crate::message::Plain;
use crate::time::Span;

impl Hub {
    /// Notes a sign of life; returns who gave it, `None` for a link that is over.
    pub(super) fn heard(&mut self, link: LinkId) -> Option<PeerId> {
        let now = self.now();
        let (peer, entry) = self.links.of(link)?;
        let link = entry.link.as_mut()?;
        link.heard = now;
        if std::mem::take(&mut link.suspect) {
            self.note(Note::Linked(peer));
        }
        Some(peer)
    }

    /// Asks for a sign of life.
    pub(super) fn ping(&mut self, id: LinkId) {
        let now = self.now();
        if let Some(link) = self.links.of(id).and_then(|(_, entry)| entry.link.as_mut()) {
            link.pinged = Some(now);
            self.send(id, Plain::Ping(now.0));
        }
    }

    /// Looks at a link: asks for a sign of life, suspects, closes.
    pub(super) fn beat(&mut self, id: LinkId) {
        let now = self.now();
        let Some((peer, entry)) = self.links.of(id) else { return };
        let Some(link) = entry.link.as_mut() else { return };
        let silent = now.since(link.heard);
        if self.suspended || link.suspended && silent < SUSPENDED_CLOSE {
            self.arm(HEARTBEAT, Timer::Beat(id));
            return;
        }
        let next = if silent >= IDLE_CLOSE {
            self.close(id, Trouble::Silent);
            return;
        } else if silent >= SUSPECT_AFTER {
            if !std::mem::replace(&mut link.suspect, true) {
                self.note(Note::Suspect(peer));
                self.call_beside(peer);
            }
            IDLE_CLOSE
        } else if silent >= HEARTBEAT {
            self.ping(id);
            SUSPECT_AFTER
        } else {
            HEARTBEAT
        };
        self.arm(Span(next.millis() - silent.millis()), Timer::Beat(id));
    }

    /// Takes in that a peer is suspended, or back.
    pub(super) fn peer_suspends(&mut self, id: LinkId, suspended: bool) {
        let Some((peer, entry)) = self.links.of(id) else { return };
        let Some(link) = entry.link.as_mut() else { return };
        if std::mem::replace(&mut link.suspended, suspended) != suspended {
            self.note(if suspended { Note::Suspended(peer) } else { Note::Linked(peer) });
        }
    }

    /// Tells all peers that this one is suspended, or back. Who comes back starts to judge the others' silence anew.
    pub(super) fn suspend(&mut self, suspended: bool) {
        if std::mem::replace(&mut self.suspended, suspended) == suspended {
            return;
        }
        let now = self.now();
        for id in self.links.all() {
            self.send(id, Plain::Suspended(suspended));
            if suspended {
                continue;
            }
            if let Some(link) = self.links.of(id).and_then(|(_, entry)| entry.link.as_mut()) {
                link.heard = now;
            }
            self.ping(id);
        }
        if !suspended {
            self.arm(RESUME_PATIENCE, Timer::Resumed);
        }
    }

    /// Looks who has answered since this peer is back; the others are called beside their links, which may be dead.
    pub(super) fn resumed(&mut self) {
        for id in self.links.all() {
            let Some((peer, entry)) = self.links.of(id) else { continue };
            let Some(link) = entry.link.as_mut() else { continue };
            if link.pinged.is_some_and(|asked| link.heard <= asked) && !std::mem::replace(&mut link.suspect, true) {
                self.note(Note::Suspect(peer));
                self.call_beside(peer);
            }
        }
    }

    /// Says whether a peer that did not answer has said nothing else either, so that it will soon be heard of or down.
    pub(super) fn may_be_heard(&self, peer: &PeerId) -> bool {
        let silent = |heard| self.now().since(heard) >= ASK_TIMEOUT;
        match self.standing(peer) {
            Standing::Suspect | Standing::Trying => true,
            Standing::Up => self.links.peers.get(peer).and_then(|entry| entry.link.as_ref()).is_some_and(|link| silent(link.heard)),
            Standing::Down(_) => false,
        }
    }

    /// Says whether nothing has been heard of a peer for so long.
    pub(super) fn is_silent(&self, peer: &PeerId, span: Span) -> bool {
        let link = self.links.peers.get(peer).and_then(|entry| entry.link.as_ref());
        link.is_none_or(|link| self.now().since(link.heard) >= span)
    }

    /// Takes the answer to a heartbeat: a round trip.
    pub(super) fn pong(&mut self, id: LinkId) {
        let now = self.now();
        let Some((_, entry)) = self.links.of(id) else { return };
        if let Some(asked) = entry.link.as_mut().and_then(|link| link.pinged.take()) {
            entry.round_trip = Some(now.since(asked));
        }
    }
}
