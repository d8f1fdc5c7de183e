//! Keeps a vault's notes in the order in which they were given. While some are being kept, those that come meanwhile gather, and are kept
//! in one transaction.

use std::collections::VecDeque;
use std::rc::Rc;

use cachette_core::vault::{KeepId, Note};
use wasm_bindgen_futures::spawn_local;

use crate::driver::{Happened, Post};
use crate::store::{Durability, Store};

/// Notes on their way to the store.
pub(crate) struct Keeper {
    store: Option<Rc<Store>>,
    post: Post,
    waiting: VecDeque<(KeepId, Vec<Note>, bool)>,
    busy: bool,
}

impl Keeper {
    /// Begins with nothing to keep.
    pub(crate) fn new(store: Option<Rc<Store>>, post: Post) -> Self {
        Self { store, post, waiting: VecDeque::new(), busy: false }
    }

    /// Has notes kept.
    pub(crate) fn push(&mut self, id: KeepId, notes: Vec<Note>, must_last: bool) {
        self.waiting.push_back((id, notes, must_last));
        self.begin();
    }

    /// Goes on after notes were kept, or not.
    pub(crate) fn kept(&mut self) {
        self.busy = false;
        self.begin();
    }

    fn begin(&mut self) {
        if self.busy || self.waiting.is_empty() {
            return;
        }
        self.busy = true;
        let (mut ids, mut notes, mut durability) = (Vec::new(), Vec::new(), Durability::Relaxed);
        for (id, more, must_last) in self.waiting.drain(..) {
            ids.push(id);
            notes.extend(more);
            if must_last {
                durability = Durability::Strict;
            }
        }
        let (store, post) = (self.store.clone(), self.post.clone());
        spawn_local(async move {
            // Who has no store has nothing to remember.
            let Some(store) = store else { return };
            let kept = store.keep(&notes, durability).await.is_ok();
            post.trouble(&store);
            post.tell(Happened::Kept(ids, kept));
        });
    }
}
