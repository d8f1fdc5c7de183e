//! Making and opening a vault: the store, its lead and notes, and the machines above them.

use std::rc::Rc;

use cachette_core::identity::{Identity, Seed};
use cachette_core::node::{self, Node, Role};
use cachette_core::peer::Peer;
use cachette_core::record::{Head, Policy};
use cachette_core::vault::keys::found as found_vault;
use cachette_core::vault::{Note, Opening, Vault, notes};
use js_sys::{Array, Function};
use wasm_bindgen::{JsCast, JsValue};

use super::Tab;
use crate::client::Client;
use crate::clock::Clock;
use crate::device::seed_of;
use crate::driver::{Driver, Machine, World};
use crate::entropy::fresh;
use crate::failure::Failure;
use crate::js::{Shape, field};
use crate::keeper::Keeper;
use crate::network::Network;
use crate::panics::on_panic;
use crate::quota::Quota;
use crate::sealing::{JobPort, Sealing};
use crate::side::Side;
use crate::store::Store;

/// Makes a vault.
pub(super) async fn found(options: &JsValue) -> Result<(), Failure> {
    let (device, paper) = (seed_of(options, "device")?, seed_of(options, "paper")?);
    let founding = found_vault(&Identity::from_seed(&device), &Identity::from_seed(&paper), Policy::default(), &fresh()?)
        .map_err(|error| Failure::internal(error.to_string()))?;
    let certificate = founding.chain.tip();
    let notes =
        [(notes::certificate_key(0), Some(certificate.bytes().to_vec())), (notes::locate_key(), Some(founding.locate.bytes().to_vec()))];
    let store = lead(options).await?;
    let begun = begin(&store, &notes).await;
    store.close();
    begun
}

/// Writes a vault's first notes into an empty store.
pub(super) async fn begin(store: &Store, notes: &[Note]) -> Result<(), Failure> {
    if store.begin(notes).await? {
        return Ok(());
    }
    Err(Failure::new("exists", "this browser holds a vault under that name already").hint("open it, or choose another name for this one"))
}

/// Opens the vault of a store.
pub(super) async fn open(options: &JsValue) -> Result<Tab, Failure> {
    let seed = seed_of(options, "device")?;
    let listener = listener(options);
    let limit = field(options, "limit").as_f64().unwrap_or(DEFAULT_LIMIT);
    let sealers = sealers(options);

    let store = Rc::new(lead(options).await?);
    match start(&store, seed, limit, sealers, listener).await {
        Ok((driver, identity)) => {
            let client = Rc::new(Client::new(driver));
            let vault = client.look(|peer| peer.vault().id().to_string())?;
            Ok(Tab { client, store, vault, peer: identity.peer().to_string(), limit })
        }
        Err(failure) => {
            store.close();
            Err(failure)
        }
    }
}

async fn start(
    store: &Rc<Store>,
    seed: Seed,
    limit: f64,
    sealers: Vec<JobPort>,
    listener: Option<Function>,
) -> Result<(Rc<Driver>, Rc<Identity>), Failure> {
    let notes = store.notes().await?;
    let identity = Rc::new(Identity::from_seed(&seed));
    let clock = Clock::start();
    let vault = Vault::open(clock.now(), Opening { seed, notes, entropy: fresh()? })?.in_tab();
    let config = node::Config { me: identity.peer(), role: Role::Tab { limit: limit as u64 }, seed: fresh()? };
    let node = Node::new(clock.now(), config);
    let heads = vault.heads().map(Head::id).collect();
    tell_of_panics(listener.clone());
    let quota = Quota::ask(Rc::clone(store)).await;
    let (of_keeper, whose) = (Rc::clone(store), Rc::clone(&identity));
    let driver = Driver::start(Some(Rc::clone(store)), listener, move |post| World {
        machine: Machine::Peer(Box::new(Peer::new(vault, node))),
        network: Network::new(whose, Some(quota), post.clone()),
        sealing: Sealing::new(post.clone(), sealers),
        keeper: Keeper::new(Some(of_keeper), post),
        side: Side::default(),
        clock,
        heads,
        full: None,
        leaving: None,
    });
    let after = Rc::downgrade(&driver);
    store.remember(move || after.upgrade().and_then(|driver| driver.look_at_peer(|peer| peer.vault().notes())));
    Ok((driver, identity))
}

/// Reads who listens.
pub(crate) fn listener(options: &JsValue) -> Option<Function> {
    field(options, "onEvent").dyn_into().ok()
}

/// Reads the ports of the sealing workers.
pub(crate) fn sealers(options: &JsValue) -> Vec<JobPort> {
    let sealers = field(options, "sealers").dyn_into::<Array>().map(|ports| ports.to_vec()).unwrap_or_default();
    sealers.into_iter().map(JsCast::unchecked_into).collect()
}

/// Has a panic told to whoever listens.
pub(crate) fn tell_of_panics(listener: Option<Function>) {
    let Some(listener) = listener else { return };
    on_panic(move |what| {
        let event = Shape::event("fatal").with("code", "internal").with("message", what);
        // There is nobody left to tell that this failed too.
        let _ = listener.call1(&JsValue::NULL, &event.done());
    });
}

/// Opens the store and takes its lead.
pub(super) async fn lead(options: &JsValue) -> Result<Store, Failure> {
    let name = field(options, "store").as_string().ok_or_else(|| Failure::internal("the store has no name"))?;
    let number = field(options, "fence").as_f64().unwrap_or_default();
    let entropy = fresh()?;
    let token = entropy.first_chunk().copied().unwrap_or_default();
    let store = Store::open(&name).await?;
    match store.claim(number as u64, token).await {
        Ok(()) => Ok(store),
        Err(error) => {
            store.close();
            Err(error.into())
        }
    }
}

/// Bytes of copies that a tab keeps when nobody said otherwise.
const DEFAULT_LIMIT: f64 = (1u64 << 30) as f64;
