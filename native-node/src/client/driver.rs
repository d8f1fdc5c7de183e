//! Drives a client: one task that carries inputs to vault and node, and does what they put out. Decides nothing of the protocol.
//!
//! ```text
//!   application ---------+                      +--- Dial, Send, Close, Store ---> network
//!   jobs, notes ---------+--> Input > peer > Output --- Job, Keep, bytes, replies ---> side
//!   network.next(), clock+                      +--- Event ---> whoever listens
//! ```

use std::pin::pin;
use std::time::Duration;

use cachette_core::node;
use cachette_core::peer::{Input, Output};
use cachette_core::vault;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::machine::Machine;
use super::side::{Forward, FromApplication, Side};
use crate::clock::Clock;
use crate::driver::network::Network;

/// The task's own side.
pub(super) struct Driver {
    pub(super) machine: Machine,
    pub(super) network: Network,
    pub(super) clock: Clock,
    pub(super) side: Side,
}

impl Driver {
    /// Runs until nobody can want anything any more, then says goodbye to every peer.
    pub(super) async fn run(
        mut self,
        mut application: mpsc::UnboundedReceiver<FromApplication>,
        mut done: mpsc::UnboundedReceiver<vault::Input>,
    ) {
        let mut deadline = pin!(sleep_until(Instant::now()));
        self.drain();
        loop {
            let due = self.machine.deadline().map(|deadline| self.clock.instant(deadline.at));
            if let Some(due) = due
                && due != deadline.deadline()
            {
                deadline.as_mut().reset(due);
            }
            tokio::select! {
                Some(input) = self.network.next() => self.handle(Input::Node(input)),
                Some(input) = done.recv() => self.handle(Input::Vault(input)),
                from = application.recv() => match from {
                    Some(from) => match self.side.take(from) {
                        Forward::Vault(input) => self.handle(Input::Vault(input)),
                        Forward::Node(request) => self.handle(Input::Node(node::Input::Request(request))),
                        Forward::Look(look) => look(&self.machine),
                    },
                    None => break,
                },
                () = deadline.as_mut(), if due.is_some() => self.handle(Input::Tick),
            }
        }
        self.handle(Input::Node(node::Input::Request(node::Request::Drain)));
        self.network.close();
        let goodbyes = async {
            while let Some(input) = self.network.next().await {
                self.handle(Input::Node(input));
            }
        };
        // A peer that does not answer a goodbye is left alone: the command has its result.
        let _ = timeout(GOODBYE, goodbyes).await;
    }

    /// Mutates, then drains.
    fn handle(&mut self, input: Input) {
        self.machine.handle(self.clock.now(), input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.machine.poll(self.clock.now()) {
            match output {
                Output::Vault(output) => self.side.vault(output),
                Output::Node(node::Output::Event(event)) => self.side.event(event),
                Output::Node(output) => self.network.execute(output),
            }
        }
    }
}

/// How long links get for their goodbyes.
const GOODBYE: Duration = Duration::from_millis(500);
