//! Bringing a vault back from its recovery words: a node that speaks as the words' own key finds the vault, and enrols this device.

use std::rc::Rc;

use cachette_core::address::Address;
use cachette_core::id::{PeerId, VaultId};
use cachette_core::identity::Identity;
use cachette_core::node::{self, Answer, AskId, Event, Node, Request, Role, Trouble};
use cachette_core::record::Record;
use cachette_core::vault::Note;
use cachette_core::vault::keys::{self, AuthorityError, Enrolled, RestoreError};
use futures_channel::mpsc;
use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};

use super::opening::{begin, lead};
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
    let mut talk = Talk { client: Client::new(driver), events, asks: 0 };
    let restored = talk.restore(&paper, &device, &addresses).await;
    let kept = match restored {
        Ok((notes, found)) => begin(&store, &notes).await.map(|()| found),
        Err(failure) => Err(failure),
    };
    talk.client.close().await;
    kept
}

/// A node without a vault, to ask one thing after the other.
struct Talk {
    client: Client,
    events: mpsc::UnboundedReceiver<Event>,
    asks: u64,
}

impl Talk {
    async fn restore(&mut self, paper: &Identity, device: &Identity, addresses: &[Address]) -> Result<(Vec<Note>, JsValue), Failure> {
        let mut records: Vec<Record> = Vec::new();
        let mut failures = Vec::new();
        for address in addresses {
            let Some(peer) = address.peer else { continue };
            match self.find(paper, peer, address).await? {
                Ok(found) => records.extend(found),
                Err(trouble) => failures.push(format!("{}: {trouble}", address.url())),
            }
        }
        if records.is_empty() && failures.len() == addresses.len() {
            return Err(Failure::new("unreachable", "no node answered")
                .hint(
                    "nothing was changed; try another address of the recovery sheet, and look whether its node lets pages of this site in",
                )
                .details(list(failures.iter().map(JsValue::from))));
        }
        let mut vaults = keys::located(&paper.peer(), &records).into_iter();
        let (Some(vault), None) = (vaults.next(), vaults.next()) else {
            return Err(Failure::new("not-found", "the nodes that answered know no one vault that these words open")
                .hint("nothing was changed; compare the words with the sheet, and try another of its addresses"));
        };
        // The sheet's nodes may be behind: the vault's own carriers are asked too.
        let first = keys::restore(paper, vault, &records)?;
        self.client.request(Request::Follow(first.chain));
        records.extend(self.refresh(vault).await?);
        let restored = keys::restore(paper, vault, &records)?;
        let Enrolled { certificate, chain, notes } = restored.enrol(paper, device, &records, &fresh()?)?;
        let of = chain.tip().carriers.len();
        self.client.request(Request::Follow(chain));
        let reached = self.publish(Record::Certificate(certificate)).await?;
        if reached * 2 <= of {
            return Err(Failure::new(
                "too-few-nodes",
                format!("only {reached} of {of} nodes took this device in; that is too few to be sure"),
            )
            .hint("start more of the vault's nodes and try again")
            .details(Shape::new().with("reached", number(reached)).with("of", number(of)).done()));
        }
        let found = Shape::new().with("vault", vault.to_string()).with("reached", number(reached)).with("of", number(of)).done();
        Ok((notes, found))
    }

    /// Asks one node for everything that these words lead to.
    async fn find(&mut self, paper: &Identity, peer: PeerId, address: &Address) -> Result<Result<Vec<Record>, Trouble>, Failure> {
        let url = address.url();
        if let Answer::Failed(trouble) = self.ask(|ask| Request::Connect(ask, peer, vec![url])).await? {
            return Ok(Err(trouble));
        }
        let mut records = match self.ask(|ask| Request::FindVault(ask, peer, paper.peer())).await? {
            Answer::Records(records) => records,
            Answer::Failed(trouble) => return Ok(Err(trouble)),
            _ => Vec::new(),
        };
        for vault in keys::located(&paper.peer(), &records) {
            match self.ask(|ask| Request::RecordsFrom(ask, peer, vault)).await? {
                Answer::Records(more) => records.extend(more),
                Answer::Failed(trouble) => return Ok(Err(trouble)),
                _ => {}
            }
        }
        Ok(Ok(records))
    }

    /// Asks all carriers for the vault's records.
    async fn refresh(&mut self, vault: VaultId) -> Result<Vec<Record>, Failure> {
        let ask = self.number();
        self.client.request(Request::Refresh(ask, vault));
        let mut records = Vec::new();
        loop {
            match self.next().await? {
                Event::Records(of, _, more) if of == vault => records.extend(more),
                Event::Answered(answered, _) if answered == ask => return Ok(records),
                _ => {}
            }
        }
    }

    /// Publishes a record and returns on how many nodes it is, once it is on all or nothing more is heard.
    async fn publish(&mut self, record: Record) -> Result<usize, Failure> {
        let id = record.id();
        self.client.request(Request::Publish(record));
        let mut reached = 0;
        let counted = async {
            let (mut missed, mut of) = (0, usize::MAX);
            while reached + missed < of {
                match self.next().await? {
                    Event::Published(published, copies) if published == id => {
                        (reached, of) = (usize::from(copies.durable), usize::from(copies.wanted));
                    }
                    Event::Unpublished(unpublished, ..) if unpublished == id => missed += 1,
                    _ => {}
                }
            }
            Ok::<(), Failure>(())
        };
        within(PUBLISH, counted).await.transpose()?;
        Ok(reached)
    }

    async fn ask(&mut self, request: impl FnOnce(AskId) -> Request) -> Result<Answer, Failure> {
        let ask = self.number();
        self.client.request(request(ask));
        loop {
            if let Event::Answered(answered, answer) = self.next().await?
                && answered == ask
            {
                return Ok(answer);
            }
        }
    }

    async fn next(&mut self) -> Result<Event, Failure> {
        self.events.recv().await.map_err(|_| Failure::closed())
    }

    const fn number(&mut self) -> AskId {
        self.asks += 1;
        AskId(self.asks)
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

impl From<RestoreError> for Failure {
    fn from(error: RestoreError) -> Self {
        let code = match error {
            RestoreError::NotLocated => "not-found",
            RestoreError::UnknownPhrase | RestoreError::Withdrawn => "no-right",
            RestoreError::Keyring(_) => "no-key",
            _ => "damaged",
        };
        Self::new(code, error.to_string()).hint("nothing was changed; compare the words with the sheet, and try another of its addresses")
    }
}

impl From<AuthorityError> for Failure {
    fn from(error: AuthorityError) -> Self {
        Self::new("no-right", error.to_string()).hint("nothing was changed")
    }
}

/// Milliseconds that nodes get to take the certificate that enrols a device.
const PUBLISH: u32 = 10_000;
