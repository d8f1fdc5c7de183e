//! Bringing a vault back from its recovery words: drives the machine that does it, and the node that it stands on.

use std::rc::Rc;

use cachette_core::address::Address;
use cachette_core::identity::Identity;
use cachette_core::node::{self, Event, Node, Role};
use cachette_core::restorer::{Input, Output, Restored, Restorer, RestorerError};
use cachette_core::vault::keys::RestoreError;
use futures_channel::mpsc;
use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};

use super::opening::{begin, lead};
use super::unreached;
use crate::client::Client;
use crate::clock::Clock;
use crate::device::seed_of;
use crate::driver::{Driver, Machine, World};
use crate::entropy::fresh;
use crate::failure::Failure;
use crate::js::{Shape, field, list, number};
use crate::keeper::Keeper;
use crate::network::Network;
use crate::quota::Quota;
use crate::sealing::Sealing;
use crate::side::Side;
use crate::timer::within;

/// Finds the vault that the words open, enrols the device and keeps what it needs to open the vault.
pub(super) async fn restore(options: &JsValue) -> Result<JsValue, Failure> {
    let (device, paper) = (Identity::from_seed(&seed_of(options, "device")?), Rc::new(Identity::from_seed(&seed_of(options, "paper")?)));
    let addresses = field(options, "addresses").dyn_into::<Array>().unwrap_or_default();
    let addresses = addresses.iter().map(|text| address(&text.as_string().unwrap_or_default())).collect::<Result<Vec<_>, _>>()?;
    let store = Rc::new(lead(options).await?);
    let clock = Clock::start();
    let config = node::Config { me: paper.peer(), role: Role::Client, seed: fresh()? };
    let node = Node::new(clock.now(), config);
    let (told, events) = mpsc::unbounded();
    let quota = Quota::ask(Rc::clone(&store)).await;
    let (of_keeper, whose) = (Rc::clone(&store), Rc::clone(&paper));
    let driver = Driver::start(Some(Rc::clone(&store)), None, move |post| World {
        machine: Machine::Node(Box::new(node)),
        network: Network::new(whose, Some(quota), post.clone()),
        sealing: Sealing::new(post.clone(), Vec::new()),
        keeper: Keeper::new(Some(of_keeper), post),
        side: Side::followed(told),
        clock,
        heads: Vec::new(),
        full: None,
        leaving: None,
    });
    let client = Client::new(driver);
    let restored = drive(Restorer::new(&paper, &device, fresh()?, &addresses), &client, events).await;
    let kept = match restored {
        Ok(Restored { vault, notes, reached, of }) => {
            let found = Shape::new().with("vault", vault.to_string()).with("reached", number(reached)).with("of", number(of));
            begin(&store, &notes).await.map(|()| found.done())
        }
        Err(failure) => Err(failure),
    };
    client.close().await;
    kept
}

async fn drive(mut restorer: Restorer<'_>, client: &Client, mut events: mpsc::UnboundedReceiver<Event>) -> Result<Restored, Failure> {
    loop {
        while let Some(output) = restorer.poll() {
            match output {
                Output::Request(request) => client.request(request),
                Output::Ended(result) => return Ok(result?),
            }
        }
        let now = || client.look_at_world(|world| world.clock.now());
        let event = match restorer.deadline() {
            Some(deadline) => within(deadline.at.since(now()?).millis() as u32, events.recv()).await,
            None => Some(events.recv().await),
        };
        let input = match event {
            Some(event) => Input::Event(event.map_err(|_| Failure::closed())?),
            None => Input::Tick,
        };
        restorer.handle(now()?, input);
    }
}

fn address(text: &str) -> Result<Address, Failure> {
    let wrong =
        |why: String| Failure::new("unreachable", format!("{text}: {why}")).hint("copy the address from the recovery sheet to its end");
    let address = Address::parse(text).map_err(|error| wrong(error.to_string()))?;
    if address.peer.is_none() {
        return Err(wrong("the node's id is missing behind the #".to_owned()));
    }
    Ok(address)
}

impl From<RestorerError> for Failure {
    fn from(error: RestorerError) -> Self {
        let code = match &error {
            RestorerError::Unreachable(failures) => failures.first().map_or("unreachable", |(_, why)| unreached(*why)),
            RestorerError::NotFound | RestorerError::Several(_) | RestorerError::Records(RestoreError::NotLocated) => "not-found",
            RestorerError::Records(RestoreError::UnknownPhrase | RestoreError::Withdrawn) | RestorerError::Authority(_) => "no-right",
            RestorerError::Records(RestoreError::Keyring(_)) => "no-key",
            RestorerError::TooFew { .. } => "too-few-nodes",
            _ => "damaged",
        };
        let failure = Self::new(code, error.to_string());
        match error {
            RestorerError::Unreachable(failures) => failure
                .hint(
                    "nothing was changed; try another address of the recovery sheet, and look whether its node lets pages of this site in",
                )
                .details(list(failures.iter().map(|(address, trouble)| JsValue::from(format!("{address}: {trouble}"))))),
            RestorerError::TooFew { reached, of } => failure
                .hint("start more of the vault's nodes and try again")
                .details(Shape::new().with("reached", number(reached)).with("of", number(of)).done()),
            RestorerError::Authority(_) => failure.hint("nothing was changed"),
            _ => failure.hint("nothing was changed; compare the words with the sheet, and try another of its addresses"),
        }
    }
}
