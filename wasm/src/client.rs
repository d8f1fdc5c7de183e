//! A running peer as its users see it: commands and questions that can be waited for.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use cachette_core::node::{Answer, AskId, Request};
use cachette_core::peer::Peer;
use cachette_core::vault::{Command, CommandId, Input};
use futures_channel::oneshot;

use crate::driver::{Driver, Happened, World};
use crate::failure::Failure;
use crate::flow::{Flow, Outcome};
use crate::timer::within;

/// A running peer.
pub(crate) struct Client {
    driver: Rc<Driver>,
    numbers: Cell<u64>,
}

impl Client {
    pub(crate) const fn new(driver: Rc<Driver>) -> Self {
        Self { driver, numbers: Cell::new(0) }
    }

    /// Runs a command that moves no file bytes.
    pub(crate) fn run(&self, command: Command) -> Outcome {
        self.begin(command).1.outcome()
    }

    /// Begins a command.
    pub(crate) fn begin(&self, command: Command) -> (CommandId, Rc<Flow>) {
        let (id, flow) = (CommandId(self.number()), Rc::new(Flow::default()));
        if self.is_over() {
            flow.end(None);
        } else {
            self.driver.tell(Happened::Command(id, command, Rc::clone(&flow)));
        }
        (id, flow)
    }

    /// Asks the node something.
    pub(crate) fn ask(&self, request: impl FnOnce(AskId) -> Request) -> Asking {
        let (answer, waiting) = oneshot::channel();
        let ask = AskId(self.number());
        self.driver.tell(Happened::Ask(ask, request(ask), answer));
        Asking(waiting)
    }

    /// Gives bytes of a put.
    pub(crate) fn bytes(&self, id: CommandId, bytes: Bytes) {
        self.driver.tell(Happened::Vault(Input::Bytes(id, bytes)));
    }

    /// Ends the bytes of a put.
    pub(crate) fn end_of(&self, id: CommandId) {
        self.driver.tell(Happened::Vault(Input::End(id)));
    }

    /// Takes more bytes of a read.
    pub(crate) fn pull(&self, id: CommandId, bytes: usize) {
        self.driver.tell(Happened::Vault(Input::Pull(id, bytes)));
    }

    /// Gives a put or a read up.
    pub(crate) fn cancel(&self, id: CommandId) {
        self.driver.tell(Happened::Vault(Input::Cancel(id)));
    }

    /// Tells the node something that has no answer.
    pub(crate) fn request(&self, request: Request) {
        self.driver.tell(Happened::Node(cachette_core::node::Input::Request(request)));
    }

    /// Looks at the vault and its node as they are now.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Peer) -> T) -> Result<T, Failure> {
        self.driver.look_at_peer(look).ok_or_else(Failure::closed)
    }

    /// Looks at everything.
    pub(crate) fn look_at_world<T>(&self, look: impl FnOnce(&World) -> T) -> Result<T, Failure> {
        self.driver.look(look).ok_or_else(Failure::closed)
    }

    /// Says goodbye to every peer and ends.
    pub(crate) async fn close(&self) {
        if self.is_over() {
            return;
        }
        let (told, left) = oneshot::channel();
        self.driver.tell(Happened::Leave(told));
        // A peer that does not answer a goodbye is left alone.
        let _ = within(GOODBYE, left).await;
        self.driver.end();
    }

    fn is_over(&self) -> bool {
        self.driver.look(|_| ()).is_none()
    }

    fn number(&self) -> u64 {
        let number = self.numbers.get();
        self.numbers.set(number + 1);
        number
    }
}

/// A put or a read. What JavaScript holds of it and what JavaScript waits for share it: it is given up when neither is left.
pub(crate) struct Underway {
    pub(crate) client: Rc<Client>,
    pub(crate) id: CommandId,
    pub(crate) flow: Rc<Flow>,
}

impl Underway {
    pub(crate) fn begin(client: Rc<Client>, command: Command) -> Self {
        let (id, flow) = client.begin(command);
        Self { client, id, flow }
    }
}

impl Drop for Underway {
    /// Whoever forgets a put or a read has given it up.
    fn drop(&mut self) {
        if !self.flow.is_over() {
            self.client.cancel(self.id);
        }
    }
}

/// An answer of the node. A type, not an async function: whoever waits for it brings only a call of its code.
pub(crate) struct Asking(oneshot::Receiver<Answer>);

impl Future for Asking {
    type Output = Result<Answer, Failure>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map_err(|_| Failure::closed())
    }
}

/// Milliseconds that links get for their goodbyes.
const GOODBYE: u32 = 500;
