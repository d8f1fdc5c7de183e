//! Commits on their way into the store. While some are being stored, those that come meanwhile gather and share one transaction: a browser
//! does one after the other anyway, and waits for the disk at the end of each.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use cachette_core::node::Input;
use cachette_core::store::{Commit, RequestId, StoreAnswer, StoreFault};
use wasm_bindgen_futures::spawn_local;

use crate::driver::{Happened, Post};
use crate::quota::{Quota, weight};
use crate::store::Durability;

/// Commits that wait; bounded by the windows of the machines.
#[derive(Clone, Default)]
pub(crate) struct Committing(Rc<State>);

#[derive(Default)]
struct State {
    waiting: RefCell<VecDeque<(RequestId, Commit, Durability)>>,
    busy: Cell<bool>,
}

impl Committing {
    /// Has a commit stored and answered.
    pub(crate) fn push(&self, quota: Quota, post: &Post, request: RequestId, commit: Commit, durability: Durability) {
        self.0.waiting.borrow_mut().push_back((request, commit, durability));
        if self.0.busy.replace(true) {
            return;
        }
        let (committing, post) = (self.clone(), post.clone());
        spawn_local(async move {
            while let Some((requests, commits, durability)) = committing.next() {
                let answer = quota.store().commit(&commits, durability).await;
                if requests.len() == 1 || !matches!(answer, StoreAnswer::Failed(_)) {
                    requests.iter().zip(&commits).for_each(|(request, commit)| answered(&quota, &post, *request, commit, &answer));
                    continue;
                }
                // One of them may be to blame, and the others are not to suffer for it.
                for (request, commit) in requests.iter().zip(&commits) {
                    let answer = quota.store().commit(std::slice::from_ref(commit), durability).await;
                    answered(&quota, &post, *request, commit, &answer);
                }
            }
            committing.0.busy.set(false);
        });
    }

    /// Takes what is stored next: commits that follow one another and must survive the same.
    fn next(&self) -> Option<(Vec<RequestId>, Vec<Commit>, Durability)> {
        let mut waiting = self.0.waiting.borrow_mut();
        let durability = waiting.front()?.2;
        let (mut requests, mut commits, mut bytes) = (Vec::new(), Vec::new(), 0.0);
        while bytes < TOGETHER
            && let Some((request, commit, _)) = waiting.pop_front_if(|(.., of)| *of == durability)
        {
            bytes += weight(&commit);
            requests.push(request);
            commits.push(commit);
        }
        Some((requests, commits, durability))
    }
}

fn answered(quota: &Quota, post: &Post, request: RequestId, commit: &Commit, answer: &StoreAnswer) {
    quota.landed(weight(commit));
    post.trouble(&quota.store());
    if matches!(answer, StoreAnswer::Failed(StoreFault::Full)) {
        post.tell(Happened::Full);
    }
    post.tell(Happened::Node(Input::Answer(request, answer.clone())));
}

/// Bytes of one transaction: a browser holds them in its memory until it ends.
const TOGETHER: f64 = (4 << 20) as f64;
