//! Opening a link: a client without vault, data directory or store, as somebody whom nobody knows.

use std::path::Path;
use std::sync::{Arc, Weak};

use cachette_core::identity::{Identity, Seed};
use cachette_core::node::{self, Node, Role};
use cachette_core::share_link::ShareLink;
use cachette_core::vault::Input;
use cachette_core::visitor::Visitor;
use tokio::sync::mpsc;

use super::Client;
use super::driver::Driver;
use super::jobs::Jobs;
use super::machine::Machine;
use super::open::{OpenError, Opened, entropy};
use super::side::Side;
use super::troubles::Troubles;
use crate::clock::Clock;
use crate::driver::network::{Network, Parts};
use crate::metrics::Metrics;
use crate::socket::dialer::Dialer;

/// Begins to read what a link leads to. The keys of this visitor are made for it and forgotten with it: two visits are not told to be one's.
///
/// # Errors
/// [`OpenError`].
pub fn visit(link: ShareLink, ca_file: Option<&Path>) -> Result<Opened, OpenError> {
    let identity = Arc::new(Identity::from_seed(&Seed::new(entropy()?)));
    let clock = Clock::start();
    let config = node::Config { me: identity.peer(), role: Role::Client, seed: entropy()? };
    let visitor = Visitor::new(clock.now(), link, Node::new(clock.now(), config));
    let network =
        Network::new(Parts { identity, clock, store: None, dialer: Dialer::new(ca_file)?, metrics: Arc::new(Metrics::default()) });
    let links = network.links();
    let (inbox, application) = mpsc::unbounded_channel();
    let (done, outcomes) = mpsc::unbounded_channel();
    let troubles = Troubles::default();
    // The driver may be gone when a job ends: then nobody needs its outcome.
    let jobs = Jobs::start(move |id, outcome| drop(done.send(Input::Done(id, outcome))));
    let machine = Machine::Visitor(Box::new(visitor));
    let driver = Driver { machine, network, clock, side: Side::new(troubles.clone(), jobs, None) };
    let task = tokio::spawn(driver.run(application, outcomes));
    Ok(Opened { client: Client::new(inbox), links, troubles, store: Weak::new(), task })
}
