//! Which nodes are in trouble now, and why: what commands tell people of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use cachette_core::id::PeerId;
use cachette_core::message::Denial;
use cachette_core::node::{Event, Trouble};

/// What is wrong with the vault's nodes. Clones show the same.
#[derive(Debug, Clone, Default)]
pub struct Troubles(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    down: BTreeMap<PeerId, Trouble>,
    refused: BTreeMap<PeerId, Denial>,
}

impl Troubles {
    /// Takes in what the node tells. The driver calls this before anybody hears of what followed from it.
    pub(super) fn hear(&self, event: &Event) {
        match event {
            Event::Up(peer) => drop(self.lock().down.remove(peer)),
            Event::Down(peer, trouble) => drop(self.lock().down.insert(*peer, *trouble)),
            Event::Unplaced(_, peer, Trouble::Denied(why)) | Event::Unpublished(_, peer, Trouble::Denied(why)) => {
                self.lock().refused.insert(*peer, *why);
            }
            _ => {}
        }
    }

    /// Returns the nodes that could not be reached last time.
    #[must_use]
    pub fn down(&self) -> BTreeMap<PeerId, Trouble> {
        self.lock().down.clone()
    }

    /// Returns the nodes that did not take something that they should keep, and the last reason of each.
    #[must_use]
    pub fn refused(&self) -> BTreeMap<PeerId, Denial> {
        self.lock().refused.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
