//! What passes between a command and whoever waits for it: room for bytes, bytes, and how it ended.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use cachette_core::vault::{CommandError, Reply};

use crate::failure::Failure;

/// One command under way. Bounded by what the vault invites and the application pulls.
#[derive(Default)]
pub(crate) struct Flow {
    /// Bytes of a put that are invited and have not come.
    invited: Cell<usize>,
    /// Bytes of a read that came and were not taken.
    arrived: RefCell<VecDeque<Bytes>>,
    over: Cell<bool>,
    outcome: RefCell<Option<Result<Reply, CommandError>>>,
    waiting: RefCell<Vec<Waker>>,
}

impl Flow {
    /// Invites more bytes of a put.
    pub(crate) fn invite(&self, bytes: usize) {
        self.invited.set(self.invited.get().saturating_add(bytes));
        self.wake();
    }

    /// Gives bytes of a read.
    pub(crate) fn arrive(&self, bytes: Bytes) {
        self.arrived.borrow_mut().push_back(bytes);
        self.wake();
    }

    /// Ends the command; without an outcome when nobody is left who could tell.
    pub(crate) fn end(&self, outcome: Option<Result<Reply, CommandError>>) {
        self.over.set(true);
        *self.outcome.borrow_mut() = outcome;
        self.wake();
    }

    /// Waits until at least one byte of a put is invited; returns how many, 0 when the command is over.
    pub(crate) async fn room(&self) -> usize {
        self.until(|| (self.invited.get() > 0 || self.over.get()).then(|| if self.over.get() { 0 } else { self.invited.get() })).await
    }

    /// Uses up room, unless there is less.
    pub(crate) fn use_up(&self, bytes: usize) -> bool {
        let left = self.invited.get().checked_sub(bytes);
        left.map(|left| self.invited.set(left)).is_some()
    }

    /// Waits for the next bytes of a read; `None` when there are no more.
    pub(crate) async fn next(&self) -> Option<Bytes> {
        self.until(|| match self.arrived.borrow_mut().pop_front() {
            Some(bytes) => Some(Some(bytes)),
            None => self.over.get().then_some(None),
        })
        .await
    }

    /// Returns the end to wait for.
    pub(crate) fn outcome(self: &Rc<Self>) -> Outcome {
        Outcome(Rc::clone(self))
    }

    /// Says whether it has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.over.get()
    }

    async fn until<T>(&self, found: impl Fn() -> Option<T>) -> T {
        poll_fn(|context| match found() {
            Some(found) => Poll::Ready(found),
            None => {
                self.waiting.borrow_mut().push(context.waker().clone());
                Poll::Pending
            }
        })
        .await
    }

    fn wake(&self) {
        let waiting = std::mem::take(&mut *self.waiting.borrow_mut());
        waiting.into_iter().for_each(Waker::wake);
    }
}

/// How a command ends. A type, not an async function: whoever waits for it brings only a call of its code.
pub(crate) struct Outcome(Rc<Flow>);

impl Future for Outcome {
    type Output = Result<Reply, Failure>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.0.over.get() {
            self.0.waiting.borrow_mut().push(context.waker().clone());
            return Poll::Pending;
        }
        let outcome = self.0.outcome.borrow().clone();
        Poll::Ready(outcome.map_or_else(|| Err(Failure::closed()), |outcome| outcome.map_err(Failure::from)))
    }
}
