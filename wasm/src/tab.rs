//! The peer of a tab for JavaScript. Only the npm package's worker calls it.

mod keeping;
pub(crate) mod opening;
pub(crate) mod peers;
mod putting;
pub(crate) mod reading;
mod restoring;
pub(crate) mod values;
mod whereabouts;

use std::rc::Rc;

use cachette_core::invitation::Invitation;
use cachette_core::limits::CARRIERS_MAX;
use cachette_core::message::Denial;
use cachette_core::node::{Answer, DialError, Request, Trouble};
use cachette_core::record::{Carrier, Policy};
use cachette_core::store::{StoreAnswer, StoreOp};
use cachette_core::vault::{Change, Command, New, Reply};
use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::client::Client;
use crate::failure::{self, Failure};
use crate::js::{Shape, list, number};
use crate::promise::promise;
use crate::store::{Durability, Store};
use putting::Putting;
use reading::Reading;
use values::{entry, folder_meta, name_after, node_info, path, share_info};

/// An open vault, and the peer that this tab is.
#[wasm_bindgen]
pub struct Tab {
    client: Rc<Client>,
    store: Rc<Store>,
    vault: String,
    peer: String,
    limit: f64,
}

#[wasm_bindgen]
impl Tab {
    /// Makes a vault: writes its first notes into an empty store. `{ store, device, paper, fence }`.
    ///
    /// # Errors
    /// `exists`, or what keeps the store from being opened.
    pub fn found(options: JsValue) -> Promise {
        promise(async move { opening::found(&options).await.map(|()| JsValue::UNDEFINED) })
    }

    /// Brings a vault back from its recovery words, into an empty store: `{ store, device, paper, addresses, fence }`.
    ///
    /// # Errors
    /// `unreachable`, `refused`, `not-found`, `too-few-nodes`, `exists`, or what keeps the store from being opened.
    pub fn restore(options: JsValue) -> Promise {
        promise(async move { restoring::restore(&options).await })
    }

    /// Opens the vault of a store. `{ store, device, fence, limit, sealers, onEvent }`.
    ///
    /// # Errors
    /// `not-found`, `damaged`, `no-key`, `stale-leader`, or what keeps the store from being opened.
    #[wasm_bindgen(unchecked_return_type = "Promise<Tab>")]
    pub fn open(options: JsValue) -> Promise {
        promise(async move { Ok(opening::open(&options).await?.into()) })
    }

    /// The vault's id.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn vault(&self) -> String {
        self.vault.clone()
    }

    /// This peer's id.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn peer(&self) -> String {
        self.peer.clone()
    }

    /// Lists a folder after a name, at most so many entries.
    ///
    /// # Errors
    /// As the vault has them.
    pub fn list(&self, folder: String, after: Option<String>, limit: u32) -> Promise {
        promise(listed(Rc::clone(&self.client), folder, after, limit))
    }

    /// Looks one entry up.
    ///
    /// # Errors
    /// As the vault has them.
    pub fn stat(&self, of: String) -> Promise {
        promise(looked_up(Rc::clone(&self.client), of))
    }

    /// Stages a folder.
    ///
    /// # Errors
    /// As the vault has them.
    #[wasm_bindgen(js_name = makeFolder)]
    #[expect(clippy::needless_pass_by_value, reason = "what JavaScript gives comes as values")]
    pub fn make_folder(&self, at: &str, meta: JsValue) -> Promise {
        self.replied(path(at).map(|at| Command::Put(at, New::Dir(folder_meta(&meta)))))
    }

    /// Begins to put a file; it is staged when it has ended.
    ///
    /// # Errors
    /// `wrong-path`.
    #[expect(clippy::needless_pass_by_value, reason = "what JavaScript gives comes as values")]
    pub fn put(&self, at: &str, meta: JsValue) -> Result<Putting, JsValue> {
        Ok(Putting::begin(Rc::clone(&self.client), path(at)?, &meta))
    }

    /// Begins to read a file from a byte on, to its end or so many bytes.
    ///
    /// # Errors
    /// `wrong-path`.
    pub fn read(&self, of: &str, from: f64, len: Option<f64>) -> Result<Reading, JsValue> {
        Ok(Reading::begin(Rc::clone(&self.client), path(of)?, from, len))
    }

    /// Stages the removal of a file, or of a folder with everything in it.
    ///
    /// # Errors
    /// As the vault has them.
    pub fn remove(&self, at: &str) -> Promise {
        self.replied(path(at).map(Command::Remove))
    }

    /// Stages a move.
    ///
    /// # Errors
    /// As the vault has them.
    pub fn rename(&self, from: &str, to: &str) -> Promise {
        self.replied(path(from).and_then(|from| Ok(Command::Move(from, path(to)?))))
    }

    /// Makes everything that is staged the vault's next state; done when it is safe and published.
    ///
    /// # Errors
    /// As the vault has them.
    pub fn commit(&self, message: String) -> Promise {
        self.replied(Ok(Command::Commit(message)))
    }

    /// Asks all nodes for newer state.
    ///
    /// # Errors
    /// As the vault has them.
    pub fn refresh(&self) -> Promise {
        self.replied(Ok(Command::Refresh))
    }

    /// Redeems a node's invitation and makes the node one that keeps this vault's copies.
    ///
    /// # Errors
    /// `wrong-invitation`, `unreachable`, `refused`.
    pub fn join(&self, invitation: String) -> Promise {
        promise(join_node(Rc::clone(&self.client), invitation))
    }

    /// Brings everything to the vault's nodes.
    ///
    /// # Errors
    /// As the vault has them.
    pub fn spread(&self) -> Promise {
        self.replied(Ok(Command::Spread))
    }

    /// Returns the vault's nodes, as its certificate names them.
    ///
    /// # Errors
    /// `closed`.
    pub fn nodes(&self) -> Result<JsValue, JsValue> {
        Ok(self.client.look(|peer| list(peer.vault().chain().tip().carriers.iter().map(node_info)))?)
    }

    /// Returns every peer that this one works with, with what nodes say of themselves.
    ///
    /// # Errors
    /// `closed`.
    pub fn peers(&self) -> Promise {
        let client = Rc::clone(&self.client);
        promise(async move { peers::peers(&client).await })
    }

    /// Returns who holds a file's copies.
    ///
    /// # Errors
    /// As the vault has them.
    pub fn whereabouts(&self, of: String) -> Promise {
        let client = Rc::clone(&self.client);
        promise(async move { whereabouts::whereabouts(&client, path(&of)?).await })
    }

    /// Keeps a copy of a file in this browser; `onProgress` hears how many of its bytes are here so far.
    ///
    /// # Errors
    /// As the vault has them; `not-complete` when parts of it are not here in the end.
    pub fn keep(&self, of: String, on_progress: Option<Function>) -> Promise {
        let client = Rc::clone(&self.client);
        let tell = move |bytes: u64| {
            if let Some(tell) = &on_progress {
                // What a listener throws is its own affair.
                let _ = tell.call1(&JsValue::NULL, &number(bytes));
            }
        };
        promise(async move { keeping::keep(&client, path(&of)?, tell).await.map(|()| JsValue::UNDEFINED) })
    }

    /// Sets how many copies of everything are wanted, 1 to 64.
    ///
    /// # Errors
    /// As the vault has them.
    #[wasm_bindgen(js_name = setReplicas)]
    pub fn set_replicas(&self, replicas: u8) -> Promise {
        let replicas = replicas.clamp(1, CARRIERS_MAX as u8);
        let min_replicas = Policy::default().min_replicas.min(replicas);
        let policy = self.client.look(|peer| peer.vault().chain().tip().policy.clone());
        self.replied(policy.map(|policy| Command::Amend(Change::Policy(Policy { replicas, min_replicas, ..policy }))))
    }

    /// Returns what this browser stores.
    ///
    /// # Errors
    /// `storage-refused`.
    pub fn storage(&self) -> Promise {
        let (store, limit) = (Rc::clone(&self.store), self.limit);
        promise(async move {
            match store.perform(StoreOp::Usage(None), Durability::Relaxed).await {
                StoreAnswer::Usage(usage) => {
                    let shape = Shape::new().with("mine", number(usage.bytes)).with("others", 0).with("limit", limit);
                    Ok(shape.with("blocks", number(usage.blocks)).done())
                }
                StoreAnswer::Failed(fault) => Err(fault.into()),
                _ => Err(unexpected()),
            }
        })
    }

    /// Makes a link that shows a file or folder as it is now.
    ///
    /// # Errors
    /// As the vault has them.
    pub fn share(&self, of: &str) -> Promise {
        self.replied(path(of).map(Command::Share))
    }

    /// Lists the links that last.
    ///
    /// # Errors
    /// As the vault has them.
    pub fn shares(&self) -> Promise {
        self.replied(Ok(Command::Shares))
    }

    /// Makes a link lead nowhere.
    ///
    /// # Errors
    /// As the vault has them.
    pub fn withdraw(&self, id: &str) -> Promise {
        let unknown = |_| Failure::new("not-found", "there is no such link").hint("list the links to see which last");
        self.replied(id.parse().map_err(unknown).map(Command::Withdraw))
    }

    /// Says that this tab is hidden, or back: its peers give a hidden one no new work and keep its links.
    pub fn suspend(&self, suspended: bool) {
        self.client.request(Request::Suspend(suspended));
    }

    /// Says goodbye to every peer and closes the store.
    pub fn close(&self) -> Promise {
        closed(Rc::clone(&self.client))
    }
}

impl Tab {
    /// Runs a command, and shows what it replied.
    fn replied(&self, command: Result<Command, Failure>) -> Promise {
        let client = Rc::clone(&self.client);
        promise(async move { shown(client.run(command?).await?) })
    }
}

async fn join_node(client: Rc<Client>, text: String) -> Result<JsValue, Failure> {
    let invitation = Invitation::parse(&text).map_err(|error| {
        Failure::new("wrong-invitation", error.to_string()).hint("copy the whole line that `cachette serve` or `cachette invite` printed")
    })?;
    let Invitation { peer, addresses, token, name, zone, .. } = invitation;
    let reached = addresses.clone();
    if let Answer::Failed(why) = client.ask(|ask| Request::Connect(ask, peer, reached)).await? {
        return Err(Failure::new(unreached(why), format!("the node cannot be reached: {why}")).hint(
            "the vault is as it was; look whether the node runs, and whether its operator lets pages of this site in, then try again",
        ));
    }
    let chain = client.look(|peer| peer.vault().chain().clone())?;
    if let Answer::Failed(why) = client.ask(|ask| Request::Redeem(ask, peer, token, chain)).await? {
        let code = if why == Trouble::Denied(Denial::BadInvitation) { "wrong-invitation" } else { "refused" };
        return Err(Failure::new(code, format!("the node does not take this vault: {why}"))
            .hint("the vault is as it was; ask the node's operator for a new invitation"));
    }
    let carrier = Carrier { peer, name: name.clone(), addresses, weight: 1, zone, draining: false };
    client.run(Command::Amend(Change::Carrier(carrier))).await?;
    Ok(Shape::new().with("peer", peer.to_string()).with("name", name).done())
}

/// Returns the code of a call that came to nothing.
fn unreached(why: Trouble) -> &'static str {
    if why == Trouble::Unreachable(DialError::Origin) { "refused" } else { "unreachable" }
}

/// Shows what a command replied that says all of it by itself.
fn shown(reply: Reply) -> Result<JsValue, Failure> {
    Ok(match reply {
        Reply::Committed(committed) => {
            let shape = Shape::new().with("changed", committed.changed);
            shape.with_some("copies", committed.copies.map(failure::copies)).done()
        }
        Reply::Refreshed(answered, of) => Shape::new().with("answered", number(answered)).with("of", number(of)).done(),
        Reply::Shared { id, link, .. } => Shape::new().with("id", id.to_string()).with("link", link.to_string()).done(),
        Reply::Shares(shares) => list(shares.iter().map(share_info)),
        Reply::Staged { len, new } => Shape::new().with("size", number(len)).with("newBytes", number(new)).done(),
        Reply::Done => JsValue::UNDEFINED,
        _ => return Err(unexpected()),
    })
}

/// Says goodbye to every peer and ends.
pub(crate) fn closed(client: Rc<Client>) -> Promise {
    promise(async move {
        client.close().await;
        Ok(JsValue::UNDEFINED)
    })
}

/// Lists a folder of whatever can be read.
pub(crate) async fn listed(client: Rc<Client>, folder: String, after: Option<String>, limit: u32) -> Result<JsValue, Failure> {
    let after = after.map(|name| name_after(&name)).transpose()?;
    match client.run(Command::List { path: path(&folder)?, after, limit: limit as usize }).await? {
        Reply::List(entries) => Ok(list(entries.iter().map(|entry_of| entry(entry_of.name.as_bytes(), &entry_of.node)))),
        _ => Err(unexpected()),
    }
}

/// Looks one entry up in whatever can be read.
pub(crate) async fn looked_up(client: Rc<Client>, of: String) -> Result<JsValue, Failure> {
    let path = path(&of)?;
    match client.run(Command::Stat(path.clone())).await? {
        Reply::Stat(node) => Ok(entry(path.name().map_or(&[], |name| name.as_bytes()), &node)),
        _ => Err(unexpected()),
    }
}

/// A reply that does not fit its command: a bug of ours.
fn unexpected() -> Failure {
    Failure::internal("the vault answered something else than was asked")
}
