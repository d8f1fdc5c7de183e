//! Publishing: brings records to all carriers, and to those that were away when they come back.

use std::collections::VecDeque;

use super::asks::{Asks, Errand, Reply};
use super::hub::Hub;
use super::timers::Timer;
use super::{Event, Trouble};
use crate::copies::Copies;
use crate::id::{PeerId, RecordId};
use crate::limits::{MEMBERS_MAX, SHARES_MAX};
use crate::map::Map;
use crate::message::{Ask, Denial, Plain, RecordBytes};
use crate::record::{Certificate, Record};
use crate::time::Span;

/// Records that not every carrier has, oldest first: a head comes after the certificate that it was written under.
#[derive(Debug, Default)]
pub(super) struct Publishing(VecDeque<Public>);

#[derive(Debug)]
struct Public {
    id: RecordId,
    record: Record,
    carriers: Map<PeerId, State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Asked,
    /// Asked once more, after it was given all certificates.
    CaughtUp,
    /// Asked once more, after it could not be reached or had no room.
    AskedAgain,
    Durable,
    /// Could not be reached or had no room; asked again when that may have changed.
    Lost,
    Refused,
}

impl Publishing {
    /// Brings a record to all carriers of its vault. One in the same slot that is still on its way is overtaken.
    pub(super) fn publish(&mut self, hub: &mut Hub, asks: &mut Asks, record: Record) {
        let slot = record.slot();
        self.0.retain(|public| public.record.slot() != slot);
        if self.0.len() >= PUBLISHING_MAX {
            self.0.pop_front();
        }
        let carriers = hub.carriers(&record.vault());
        let id = record.id();
        for peer in &carriers {
            ask(hub, asks, *peer, id, &record);
        }
        let carriers = carriers.into_iter().map(|peer| (peer, State::Asked)).collect();
        self.0.push_back(Public { id, record, carriers });
    }

    /// Takes a carrier's answer in. One that lacks certificates between is given all of them, once.
    pub(super) fn replied(&mut self, hub: &mut Hub, asks: &mut Asks, peer: PeerId, id: RecordId, result: &Result<Reply, Trouble>) {
        let Some(public) = self.0.iter_mut().find(|public| public.id == id) else { return };
        let Some(state) = public.carriers.get_mut(&peer) else { return };
        match result {
            Ok(_) => *state = State::Durable,
            Err(Trouble::Denied(Denial::Conflict)) if matches!(state, State::Asked | State::AskedAgain) => {
                *state = State::CaughtUp;
                catch_up(hub, asks, peer, &public.record);
                return ask(hub, asks, peer, id, &public.record);
            }
            Err(trouble) => {
                let next = if trouble.refusal().is_some() { State::Refused } else { State::Lost };
                let before = std::mem::replace(state, next);
                // A disk that failed or was full once may not be the next time, and a head is small.
                if next == State::Lost && matches!(trouble, Trouble::Denied(_)) {
                    let pause = Span(1 + hub.chance.below(RETRY_MAX.millis()));
                    hub.arm(pause, Timer::Publish(peer));
                }
                // Each says once that it could not, and once that it never will.
                if before != State::AskedAgain || next == State::Refused {
                    hub.tell(Event::Unpublished(id, peer, *trouble));
                }
            }
        }
        if result.is_ok() {
            hub.tell(Event::Published(id, public.copies()));
        }
        if public.carriers.values().all(|state| matches!(state, State::Durable | State::Refused)) {
            self.0.retain(|public| public.id != id);
        }
    }

    /// Asks a carrier again that came back, or had no room some time ago.
    pub(super) fn again(&mut self, hub: &mut Hub, asks: &mut Asks, peer: PeerId) {
        for public in &mut self.0 {
            if let Some(state) = public.carriers.get_mut(&peer).filter(|state| **state == State::Lost) {
                *state = State::AskedAgain;
                ask(hub, asks, peer, public.id, &public.record);
            }
        }
    }
}

impl Public {
    /// Published means durable on a majority of the carriers.
    fn copies(&self) -> Copies {
        let count = |number: usize| u8::try_from(number).unwrap_or(u8::MAX);
        let durable = self.carriers.values().filter(|state| **state == State::Durable).count();
        Copies { durable: count(durable), safe_at: count(self.carriers.len() / 2 + 1), wanted: count(self.carriers.len()) }
    }
}

fn ask(hub: &mut Hub, asks: &mut Asks, peer: PeerId, id: RecordId, record: &Record) {
    let plain = Plain::Publish((Ask(0), RecordBytes(record.bytes().to_vec())));
    asks.ask(hub, peer, plain, Errand::Publish(id));
}

/// Gives a carrier every certificate of a record's vault; what it knows already costs a message each.
fn catch_up(hub: &mut Hub, asks: &mut Asks, peer: PeerId, record: &Record) {
    let Some(chain) = hub.followed.get(&record.vault()).and_then(|followed| followed.chain.as_ref()) else { return };
    let certificates: Vec<Vec<u8>> = chain.certificates().iter().map(|one: &Certificate| one.bytes().to_vec()).collect();
    for bytes in certificates {
        asks.ask(hub, peer, Plain::Publish((Ask(0), RecordBytes(bytes))), Errand::CatchUp);
    }
}

/// The longest pause before a carrier that had no room for a record is asked again.
const RETRY_MAX: Span = Span::seconds(10);
/// Records that are on their way at once: all heads and links of a vault, and its newest certificates.
const PUBLISHING_MAX: usize = MEMBERS_MAX + SHARES_MAX + 256;
