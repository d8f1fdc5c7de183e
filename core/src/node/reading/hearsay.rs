//! Hearsay: where a block that no carrier delivers may be had from, by the word of carriers: tabs of other members, through a tunnel.
//!
//! What a carrier or tab says here costs a reader no more than time, and that is bounded: a block is asked about once, few tabs are tried
//! for it, each once through each relay, and what they deliver is verified like everything else.

use super::super::asks::{Asks, Errand};
use super::super::hub::Hub;
use super::super::links::Standing;
use super::super::timers::Timer;
use crate::id::{BlockId, PeerId, VaultId};
use crate::limits::{TUNNEL_IDLE, WHERE_MAX};
use crate::map::{Map, Set};
use crate::message::{Ask, Has, Plain};
use crate::time::Time;

/// What is known of tabs that may have one needed block.
#[derive(Debug, Default)]
pub(super) struct Hearsay {
    /// Carriers that were asked and have not answered; `None` until any was.
    open: Option<usize>,
    tabs: Vec<Way>,
}

/// A tab, through one of the carriers that name it.
#[derive(Debug)]
struct Way {
    tab: PeerId,
    relay: PeerId,
    called: bool,
}

/// What to do next for a block.
pub(super) enum Next {
    /// Ask the carriers.
    Look,
    /// Wait for their answers, or for a tab that is being called.
    Wait,
    /// Call a tab through a relay.
    Call(PeerId, PeerId),
    /// Ask a tab.
    Ask(PeerId),
    /// Nobody is left.
    End,
}

impl Hearsay {
    /// Chooses what to do next; `free` says whether a tab may be asked for this block now.
    pub(super) fn next(&mut self, hub: &Hub, free: impl Fn(&PeerId) -> Option<bool>) -> Next {
        match self.open {
            None => return Next::Look,
            Some(1..) => return Next::Wait,
            Some(0) => {}
        }
        let (mut busy, mut best) = (false, None);
        for (index, way) in self.tabs.iter().enumerate() {
            match (free(&way.tab), hub.standing(&way.tab)) {
                // It was asked already.
                (None, _) => {}
                (Some(true), Standing::Up) => return Next::Ask(way.tab),
                (Some(false), Standing::Up) | (_, Standing::Trying) => busy = true,
                (_, Standing::Down(_)) if !way.called && hub.links.link_of(&way.relay).is_some() => {
                    // A relay that says nothing may be dead, and a call through it a long wait.
                    let option = (hub.may_be_heard(&way.relay), index);
                    best = Some(best.map_or(option, |best| option.min(best)));
                }
                _ => {}
            }
        }
        match best.and_then(|(_, index)| self.tabs.get_mut(index)) {
            _ if busy => Next::Wait,
            Some(way) => {
                way.called = true;
                Next::Call(way.tab, way.relay)
            }
            None => Next::End,
        }
    }

    /// Says whether carriers were asked.
    pub(super) const fn is_asked(&self) -> bool {
        self.open.is_some()
    }

    /// Notes how many carriers were asked.
    pub(super) const fn asked(&mut self, carriers: usize) {
        self.open = Some(carriers);
    }

    /// Takes in what a carrier said.
    pub(super) fn told(&mut self, relay: PeerId, tabs: &[PeerId]) {
        self.open = self.open.map(|open| open.saturating_sub(1));
        for tab in tabs {
            if self.tabs.len() < WAYS_PER_BLOCK {
                self.tabs.push(Way { tab: *tab, relay, called: false });
            }
        }
    }
}

/// Questions that have not been sent, and tabs that were called.
#[derive(Debug, Default)]
pub(super) struct Lookups {
    outbox: Map<(PeerId, VaultId), Vec<BlockId>>,
    used: Map<PeerId, Time>,
}

impl Lookups {
    /// Asks all carriers that can be asked about a block; returns how many those are.
    pub(super) fn look(&mut self, hub: &Hub, vault: VaultId, id: BlockId) -> usize {
        // Strangers are told nothing of tabs.
        let able = |peer: &PeerId| !hub.is_visited(&vault) && matches!(hub.standing(peer), Standing::Up | Standing::Suspect);
        let carriers: Vec<_> = hub.carriers(&vault).into_iter().filter(able).collect();
        for carrier in &carriers {
            self.outbox.entry((*carrier, vault)).or_default().push(id);
        }
        carriers.len()
    }

    /// Sends the questions: those to one carrier leave in lists.
    pub(super) fn flush(&mut self, hub: &mut Hub, asks: &mut Asks) {
        for ((carrier, vault), ids) in std::mem::take(&mut self.outbox) {
            for ids in ids.chunks(WHERE_MAX) {
                let question = Has { ask: Ask(0), vault, ids: ids.to_vec() };
                asks.ask(hub, carrier, Plain::Where(question), Errand::Where(vault, ids.to_vec()));
            }
        }
    }

    /// Calls a tab.
    pub(super) fn call(&mut self, hub: &mut Hub, tab: PeerId, relay: PeerId, vault: VaultId) {
        hub.call_through(tab, relay, vault);
        self.touch(hub, tab);
    }

    /// Notes that a tab is of use.
    pub(super) fn touch(&mut self, hub: &mut Hub, tab: PeerId) {
        if self.used.insert(tab, hub.now()).is_none() {
            hub.arm(TUNNEL_IDLE, Timer::Tunnel(tab));
        }
    }

    /// Hangs up on a tab that was of no use lately.
    pub(super) fn look_at(&mut self, hub: &mut Hub, tab: PeerId, busy: bool) {
        let Some(used) = self.used.get_mut(&tab) else { return };
        if busy {
            *used = hub.now();
        }
        let idle = hub.now().since(*used);
        if idle >= TUNNEL_IDLE {
            self.used.remove(&tab);
            hub.hang_up(&tab);
        } else {
            hub.arm(crate::time::Span(TUNNEL_IDLE.millis() - idle.millis()), Timer::Tunnel(tab));
        }
    }
}

/// Returns the tabs that an answer names for each block: members of the vault, and neither carriers nor this peer itself.
pub(super) fn named(hub: &Hub, vault: &VaultId, rows: Vec<(PeerId, Vec<BlockId>)>) -> Map<BlockId, Set<PeerId>> {
    let carriers = hub.carriers(vault);
    let mut named: Map<BlockId, Set<PeerId>> = Map::new();
    for (tab, ids) in rows {
        if tab != hub.me && !carriers.contains(&tab) && hub.is_member(vault, &tab) {
            for id in ids {
                named.entry(id).or_default().insert(tab);
            }
        }
    }
    named
}

/// Tabs that are tried for one block, each through each of its relays.
const WAYS_PER_BLOCK: usize = 8;
