//! A running peer as its users see it: commands and questions that can be waited for.

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;
use cachette_core::node::{Answer, AskId, Request};
use cachette_core::peer::Peer;
use cachette_core::vault::{Command, CommandId, Input, Reply};
use futures_channel::oneshot;

use crate::driver::{Driver, Happened, World};
use crate::failure::Failure;
use crate::flow::Flow;
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
    pub(crate) async fn run(&self, command: Command) -> Result<Reply, Failure> {
        self.begin(command).1.outcome().await
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
    pub(crate) async fn ask(&self, request: impl FnOnce(AskId) -> Request) -> Result<Answer, Failure> {
        let (answer, waiting) = oneshot::channel();
        let ask = AskId(self.number());
        self.driver.tell(Happened::Ask(ask, request(ask), answer));
        waiting.await.map_err(|_| Failure::closed())
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

/// Milliseconds that links get for their goodbyes.
const GOODBYE: u32 = 500;
