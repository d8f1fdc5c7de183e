//! Drives a node machine: one task that carries inputs to it and does what it puts out. Decides nothing of the protocol.
//!
//! ```text
//!   requests --------+                      +--- Dial, Send, Close, Store ---> network
//!   network.next() --+--> Input > node > Output
//!   clock -----------+                      +--- Event ---> events
//! ```
//!
//! Link tasks and requesters wait while the driver is busy; the driver waits for nobody. While events wait to be taken, no further
//! requests are taken. A client, whose node has a vault above it, has a driver of its own around the same [`Network`].

pub mod links;
pub mod network;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::time::Duration;

use cachette_core::node::{self, Event, Input, Node, Output, Request};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, error};

use self::network::Network;
use crate::clock::Clock;

/// A running driver, seen from outside.
pub struct Handle {
    /// Takes requests; waits while events are not taken.
    pub requests: mpsc::Sender<Request>,
    /// Gives events. While they wait, no request is taken; once the receiver is dropped, they are forgotten.
    pub events: mpsc::Receiver<Event>,
    /// Ends after a [`Request::Drain`], or when nobody can request anything any more, with every link closed.
    pub task: JoinHandle<()>,
}

struct Driver {
    config: node::Config,
    node: Node,
    clock: Clock,
    network: Network,
    untold: VecDeque<Event>,
}

impl Handle {
    /// Starts the task.
    #[must_use]
    pub fn spawn(config: node::Config, network: Network, clock: Clock) -> Self {
        let (requests, requested) = mpsc::channel(REQUESTS);
        let (told, events) = mpsc::channel(EVENTS);
        Self { requests, events, task: tokio::spawn(Driver::new(config, network, clock).run(requested, told)) }
    }
}

impl Driver {
    fn new(config: node::Config, network: Network, clock: Clock) -> Self {
        let node = Node::new(clock.now(), config.clone());
        Self { config, node, clock, network, untold: VecDeque::new() }
    }

    async fn run(mut self, mut requests: mpsc::Receiver<Request>, events: mpsc::Sender<Event>) {
        let mut deadline = pin!(sleep_until(Instant::now()));
        self.drain();
        loop {
            let due = self.node.deadline().map(|deadline| self.clock.instant(deadline.at));
            if let Some(due) = due
                && due != deadline.deadline()
            {
                deadline.as_mut().reset(due);
            }
            let quiet = self.untold.is_empty();
            tokio::select! {
                Some(input) = self.network.next() => self.handle(input),
                place = events.reserve(), if !quiet => match (place, self.untold.pop_front()) {
                    (Ok(place), Some(event)) => place.send(event),
                    _ => self.untold.clear(),
                },
                request = requests.recv(), if quiet => {
                    let request = request.unwrap_or(Request::Drain);
                    let draining = matches!(request, Request::Drain);
                    self.handle(Input::Request(request));
                    if draining {
                        break;
                    }
                }
                () = deadline.as_mut(), if due.is_some() => self.handle(Input::Tick),
            }
        }
        self.network.close();
        let goodbyes = async {
            while let Some(input) = self.network.next().await {
                self.handle(input);
            }
        };
        if timeout(DRAIN, goodbyes).await.is_err() {
            debug!("some links did not close in time");
        }
    }

    /// Mutates, then drains.
    fn handle(&mut self, input: Input) {
        self.contained(|driver| {
            let before = driver.node.relayed();
            driver.node.handle(driver.clock.now(), input);
            driver.network.relayed(before, driver.node.relayed());
            driver.drain();
        });
    }

    /// Works with the machine. A panic is a bug of ours, and a peer that found one must not end the node with it: the machine, which may
    /// be half changed, is thrown away with all links, and another one begins with what the store holds. Peers call again and say again
    /// what was not acknowledged.
    fn contained(&mut self, work: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| work(self))).is_err() {
            error!("the node failed while it handled something: all links are closed and it begins anew");
            self.node = Node::new(self.clock.now(), self.config.clone());
            self.network.begin_anew();
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.node.poll() {
            match output {
                Output::Event(event) => self.untold.push_back(event),
                output => self.network.execute(output),
            }
        }
    }
}

/// Requests that wait: a requester waits at once when the driver is busy.
const REQUESTS: usize = 16;
/// Events that wait to be taken.
const EVENTS: usize = 256;
/// How long links get for their goodbyes.
const DRAIN: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
