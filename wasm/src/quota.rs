//! How much this site may store: the store stops at four fifths of what the browser allows, before the browser refuses or clears everything.

use std::cell::Cell;
use std::rc::Rc;

use cachette_core::store::{Commit, StoreAnswer, StoreOp};
use js_sys::{Function, Promise};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::js::field;
use crate::store::{Durability, Store};

/// What may still be stored, as far as is known.
#[derive(Clone)]
pub(crate) struct Quota(Rc<State>);

struct State {
    store: Rc<Store>,
    /// Bytes until the limit, when the browser was last asked; none when it does not say.
    room: Cell<Option<f64>>,
    /// Bytes stored since.
    since: Cell<f64>,
    /// Bytes on their way, which the browser may not have counted.
    under_way: Cell<f64>,
    asking: Cell<bool>,
}

impl Quota {
    /// Asks the browser for the first time.
    pub(crate) async fn ask(store: Rc<Store>) -> Self {
        let quota = Self(Rc::new(State {
            store,
            room: Cell::new(None),
            since: Cell::new(0.0),
            under_way: Cell::new(0.0),
            asking: Cell::new(false),
        }));
        quota.0.look().await;
        quota
    }

    /// Returns the store whose room it is.
    pub(crate) fn store(&self) -> Rc<Store> {
        Rc::clone(&self.0.store)
    }

    /// Counts what an operation would store; `false` when there is no room for it.
    pub(crate) fn admits(&self, op: &StoreOp) -> bool {
        let bytes = match op {
            StoreOp::Commit(commit) => weight(commit),
            StoreOp::Cache(_, block) => block.bytes().len() as f64,
            _ => 0.0,
        };
        if bytes == 0.0 {
            return true;
        }
        let State { room, since, under_way, .. } = &*self.0;
        let stored = since.get() + under_way.get();
        let fits = room.get().is_none_or(|room| stored + bytes <= room);
        if fits {
            under_way.set(under_way.get() + bytes);
        }
        let near = room.get().is_some_and(|room| stored > room / 2.0);
        if !fits || near || since.get() > ASK_EVERY {
            self.ask_again();
        }
        fits
    }

    /// Counts an operation of so much weight as stored.
    pub(crate) fn landed(&self, bytes: f64) {
        let State { since, under_way, .. } = &*self.0;
        under_way.set(under_way.get() - bytes);
        since.set(since.get() + bytes);
    }

    /// Asks the browser anew, in its own time.
    pub(crate) fn ask_again(&self) {
        if !self.0.asking.replace(true) {
            let state = Rc::clone(&self.0);
            spawn_local(async move {
                state.look().await;
                state.asking.set(false);
            });
        }
    }
}

impl State {
    async fn look(&self) {
        let before = self.since.get();
        let storage = field(&field(&js_sys::global(), "navigator"), "storage");
        let asked = field(&storage, "estimate").dyn_into::<Function>().ok().and_then(|ask| ask.call0(&storage).ok());
        let Some(promise) = asked.and_then(|asked| asked.dyn_into::<Promise>().ok()) else { return };
        let Ok(said) = JsFuture::from(promise).await else { return };
        if let (Some(quota), Some(usage)) = (field(&said, "quota").as_f64(), field(&said, "usage").as_f64()) {
            // The browser counts late; what lies in the store is known.
            let held = match self.store.perform(StoreOp::Usage(None), Durability::Relaxed).await {
                StoreAnswer::Usage(held) => held.bytes as f64,
                _ => 0.0,
            };
            self.room.set(Some((quota * SHARE - usage.max(held)).max(0.0)));
            self.since.set(self.since.get() - before);
        }
    }
}

/// Returns the bytes of blocks that a commit stores.
pub(crate) fn weight(commit: &Commit) -> f64 {
    commit.blocks.iter().map(|block| block.bytes().len()).sum::<usize>() as f64
}

/// The part of what the browser allows that is used.
const SHARE: f64 = 0.8;
/// Bytes after which the browser is asked anew.
const ASK_EVERY: f64 = (64 << 20) as f64;
