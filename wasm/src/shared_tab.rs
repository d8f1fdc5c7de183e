//! What a read link shows, for somebody without a vault. Nothing of it is kept in the browser.

use std::rc::Rc;

use cachette_core::identity::{Identity, Seed};
use cachette_core::node::{self, Node, Role};
use cachette_core::share_link::ShareLink;
use cachette_core::vault::Command;
use cachette_core::visitor::Visitor;
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::client::Client;
use crate::clock::Clock;
use crate::driver::{Driver, Machine, World};
use crate::entropy::fresh;
use crate::failure::Failure;
use crate::js::field;
use crate::keeper::Keeper;
use crate::network::Network;
use crate::promise::promise;
use crate::sealing::Sealing;
use crate::side::Side;
use crate::tab::opening::{listener, sealers, tell_of_panics};
use crate::tab::peers::list_of;
use crate::tab::reading::Reading;
use crate::tab::values::path;
use crate::tab::{closed, listed, looked_up};

/// An open link.
#[wasm_bindgen]
pub struct SharedTab {
    client: Rc<Client>,
}

#[wasm_bindgen]
impl SharedTab {
    /// Opens a link: `{ link, sealers, onEvent }`. Done when its record was found.
    ///
    /// # Errors
    /// `wrong-link`, `withdrawn`, `vanished`, `unreachable`, `damaged`.
    #[wasm_bindgen(unchecked_return_type = "Promise<SharedTab>")]
    pub fn open(options: JsValue) -> Promise {
        promise(async move { Ok(Self::start(&options).await?.into()) })
    }

    /// Lists a folder after a name, at most so many entries. A file that was shared stands alone in the root.
    ///
    /// # Errors
    /// As a vault has them.
    pub fn list(&self, folder: String, after: Option<String>, limit: u32) -> Promise {
        promise(listed(Rc::clone(&self.client), folder, after, limit))
    }

    /// Looks one entry up.
    ///
    /// # Errors
    /// As a vault has them.
    pub fn stat(&self, of: String) -> Promise {
        promise(looked_up(Rc::clone(&self.client), of))
    }

    /// Begins to read a file from a byte on, to its end or so many bytes.
    ///
    /// # Errors
    /// `wrong-path`.
    pub fn read(&self, of: &str, from: f64, len: Option<f64>) -> Result<Reading, JsValue> {
        Ok(Reading::begin(Rc::clone(&self.client), path(of)?, from, len))
    }

    /// Returns the nodes that it is read from.
    ///
    /// # Errors
    /// `closed`.
    pub fn peers(&self) -> Promise {
        let shown = self.client.look_at_world(|world| list_of(world, &cachette_core::map::Map::new()));
        promise(async { shown })
    }

    /// Says goodbye to every peer.
    pub fn close(&self) -> Promise {
        closed(Rc::clone(&self.client))
    }
}

impl SharedTab {
    async fn start(options: &JsValue) -> Result<Self, Failure> {
        let link = ShareLink::parse(&field(options, "link").as_string().unwrap_or_default())?;
        let (listener, sealers) = (listener(options), sealers(options));
        tell_of_panics(listener.clone());
        // Nobody knows this peer before, and nobody will know it again.
        let identity = Rc::new(Identity::from_seed(&Seed::new(fresh()?)));
        let clock = Clock::start();
        let node = Node::new(clock.now(), node::Config { me: identity.peer(), role: Role::Client, seed: fresh()? });
        let visitor = Visitor::new(clock.now(), link, node).in_tab();
        let driver = Driver::start(None, listener, move |post| World {
            machine: Machine::Visitor(Box::new(visitor)),
            network: Network::new(identity, None, post.clone()),
            sealing: Sealing::new(post.clone(), sealers),
            keeper: Keeper::new(None, post),
            side: Side::default(),
            clock,
            heads: Vec::new(),
            full: None,
            leaving: None,
        });
        let client = Rc::new(Client::new(driver));
        // Answered when the record was found, or when it is known why not.
        if let Err(failure) = client.run(Command::Stat(path("/")?)).await {
            client.close().await;
            return Err(failure);
        }
        Ok(Self { client })
    }
}
