//! Drives a peer: carries what happens to the machines, and does what they put out. Decides nothing of the protocol.
//!
//! ```text
//!   application, sockets, store --+                        +--- Dial, Send, Close, Store --> network
//!   sealing workers, notes, timer +--> Happened > machine > Output --- Job --> sealing, Keep --> keeper
//!                                                          +--- bytes, replies, events --> side
//! ```
//!
//! Everything runs in the one worker. What happens while something is being handled waits in the queue, so that every machine is drained
//! before it hears the next thing.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use cachette_core::id::RecordId;
use cachette_core::node::{self, Answer, AskId, LinkId, Node, Request};
use cachette_core::peer::{self, Peer};
use cachette_core::record::{Carrier, Head};
use cachette_core::time::{Span, Time};
use cachette_core::vault::{self, Command, CommandId, KeepId};
use cachette_core::visitor::Visitor;
use futures_channel::oneshot;
use js_sys::Function;
use wasm_bindgen::JsValue;

use crate::clock::Clock;
use crate::flow::Flow;
use crate::js::{Shape, number};
use crate::keeper::Keeper;
use crate::network::Network;
use crate::sealing::Sealing;
use crate::side::Side;
use crate::socket::Said;
use crate::store::{Store, Trouble};
use crate::timer::Alarm;

/// What happens to a peer.
pub(crate) enum Happened {
    /// Something for the node.
    Node(node::Input),
    /// Something for the vault.
    Vault(vault::Input),
    /// The application wants something of the vault.
    Command(CommandId, Command, Rc<Flow>),
    /// The application asks the node.
    Ask(AskId, Request, oneshot::Sender<Answer>),
    /// A socket said something.
    Socket(LinkId, Said),
    /// A sealing worker said something.
    Sealed(usize, JsValue),
    /// A job can be done here.
    Turn,
    /// Notes are kept, or not.
    Kept(Vec<KeepId>, bool),
    /// There is no room for something.
    Full,
    /// The store holds so many bytes.
    Measured(u64),
    /// So many copies were thrown away to make room.
    Thrown(usize),
    /// The store is in trouble.
    Trouble(Trouble),
    /// The timer rang.
    Rang,
    /// It is to end: every link says goodbye, then somebody is told.
    Leave(oneshot::Sender<()>),
}

/// The way to a driver for whatever waits on its behalf. It does not keep the driver alive.
#[derive(Clone)]
pub(crate) struct Post(Weak<Driver>);

/// A running peer.
pub(crate) struct Driver {
    queue: RefCell<VecDeque<Happened>>,
    running: Cell<bool>,
    world: RefCell<Option<World>>,
    alarm: RefCell<Alarm>,
    store: Option<Rc<Store>>,
    listener: Option<Function>,
}

/// The machines: a vault above a node; a node alone, which is how a vault is looked for; or the reader of a link.
pub(crate) enum Machine {
    /// A whole peer.
    Peer(Box<Peer>),
    /// A node without a vault.
    Node(Box<Node>),
    /// Somebody who has a link.
    Visitor(Box<Visitor>),
}

/// What a driver is made of.
pub(crate) struct World {
    pub(crate) machine: Machine,
    pub(crate) network: Network,
    pub(crate) sealing: Sealing,
    pub(crate) keeper: Keeper,
    pub(crate) side: Side,
    pub(crate) clock: Clock,
    /// The heads that make up the vault, as listeners know it.
    pub(crate) heads: Vec<RecordId>,
    /// When listeners were last told that there is no room.
    pub(crate) full: Option<Time>,
    /// Somebody waits for the goodbyes.
    pub(crate) leaving: Option<oneshot::Sender<()>>,
}

/// Why a peer ends by itself.
struct Fatal {
    code: &'static str,
    message: &'static str,
}

impl Post {
    /// Tells the driver, while there is one.
    pub(crate) fn tell(&self, what: Happened) {
        if let Some(driver) = self.0.upgrade() {
            driver.tell(what);
        }
    }

    /// Tells the driver when the store is in trouble.
    pub(crate) fn trouble(&self, store: &Store) {
        if let Some(trouble) = store.trouble() {
            self.tell(Happened::Trouble(trouble));
        }
    }
}

impl Driver {
    /// Starts a driver; its world gets the way back to it.
    pub(crate) fn start(store: Option<Rc<Store>>, listener: Option<Function>, world: impl FnOnce(Post) -> World) -> Rc<Self> {
        let driver = Rc::new_cyclic(|me| {
            let post = Post(Weak::clone(me));
            let rung = post.clone();
            Self {
                queue: RefCell::default(),
                running: Cell::new(false),
                world: RefCell::new(Some(world(post))),
                alarm: RefCell::new(Alarm::new(move || rung.tell(Happened::Rang))),
                store,
                listener,
            }
        });
        driver.tell(Happened::Turn);
        driver
    }

    /// Takes in what happens; at once, unless it happens while something else is taken in.
    pub(crate) fn tell(&self, what: Happened) {
        self.queue.borrow_mut().push_back(what);
        if self.running.replace(true) {
            return;
        }
        let (mut told, mut fatal) = (Vec::new(), None);
        if let Some(world) = self.world.borrow_mut().as_mut() {
            while fatal.is_none()
                && let Some(what) = self.next()
            {
                fatal = world.take(what, &mut self.alarm.borrow_mut());
            }
            let now = world.clock.now();
            told = world.told(now);
            self.alarm.borrow_mut().set(now, world.deadline());
        } else {
            self.queue.borrow_mut().clear();
        }
        self.running.set(false);
        if let Some(Fatal { code, message }) = fatal {
            told.push(Shape::event("fatal").with("code", code).with("message", message).done());
            self.end();
        }
        for event in &told {
            self.inform(event);
        }
    }

    /// Looks at the peer as it is now; `None` once it has ended.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&World) -> T) -> Option<T> {
        self.world.borrow().as_ref().map(look)
    }

    /// Looks at the machines of a whole peer.
    pub(crate) fn look_at_peer<T>(&self, look: impl FnOnce(&Peer) -> T) -> Option<T> {
        self.world.borrow().as_ref().and_then(World::peer).map(look)
    }

    /// Ends everything at once: whoever waits hears that it is closed.
    pub(crate) fn end(&self) {
        let world = self.world.borrow_mut().take();
        self.queue.borrow_mut().clear();
        self.alarm.borrow_mut().set(Time(0), None);
        drop(world);
        if let Some(store) = &self.store {
            store.close();
        }
    }

    fn next(&self) -> Option<Happened> {
        self.queue.borrow_mut().pop_front()
    }

    fn inform(&self, event: &JsValue) {
        if let Some(listener) = &self.listener {
            // What a listener throws is its own affair.
            let _ = listener.call1(&JsValue::NULL, event);
        }
    }
}

impl World {
    /// Takes one thing in, mutates and drains.
    fn take(&mut self, what: Happened, alarm: &mut Alarm) -> Option<Fatal> {
        let now = self.clock.now();
        match what {
            Happened::Node(input) => self.handle(now, peer::Input::Node(input)),
            Happened::Vault(input) => self.handle(now, peer::Input::Vault(input)),
            Happened::Command(id, command, flow) => {
                self.side.command(id, flow);
                self.handle(now, peer::Input::Vault(vault::Input::Command(id, command)));
            }
            Happened::Ask(id, request, answer) => {
                self.side.ask(id, answer);
                self.handle(now, peer::Input::Node(node::Input::Request(request)));
            }
            Happened::Socket(link, said) => self.network.heard(now, link, said),
            Happened::Sealed(place, said) => {
                if let Some((id, outcome)) = self.sealing.heard(now, place, &said) {
                    self.handle(now, peer::Input::Vault(vault::Input::Done(id, outcome)));
                }
            }
            Happened::Turn => {
                if let Some((id, outcome)) = self.sealing.turn() {
                    self.handle(now, peer::Input::Vault(vault::Input::Done(id, outcome)));
                }
            }
            Happened::Kept(ids, kept) => {
                self.keeper.kept();
                for id in ids {
                    self.handle(now, peer::Input::Vault(vault::Input::Kept(id, kept)));
                }
                self.look_at_heads();
            }
            Happened::Trouble(Trouble::Stale) => {
                return Some(Fatal { code: "stale-leader", message: "another tab has taken over this vault; this one has stopped" });
            }
            Happened::Trouble(Trouble::Later) => {
                return Some(Fatal {
                    code: "later-release",
                    message: "a later release of this site is open in another tab; reload this one",
                });
            }
            Happened::Trouble(Trouble::Emptied) => {
                self.side.tell(Shape::event("evicted"));
                self.handle(now, peer::Input::Node(node::Input::Request(Request::Emptied)));
            }
            Happened::Thrown(blocks) => self.side.tell(Shape::event("evicted").with("blocks", number(blocks))),
            Happened::Full => self.full(now),
            Happened::Measured(bytes) => self.handle(now, peer::Input::Node(node::Input::Request(Request::Shrink(bytes / 2)))),
            Happened::Rang => {
                alarm.rang();
                self.sealing.tick(now);
                self.network.tick(now);
                self.handle(now, peer::Input::Tick);
            }
            Happened::Leave(told) => {
                self.leaving = Some(told);
                self.handle(now, peer::Input::Node(node::Input::Request(Request::Drain)));
                self.network.close();
            }
        }
        self.drain(now);
        if self.leaving.is_some() && self.network.is_quiet() {
            // Dropped: that is the word.
            self.leaving = None;
        }
        None
    }

    /// Has half of the copies thrown away, and says that there is no room: seldom, for everything that comes meets the same.
    fn full(&mut self, now: Time) {
        if self.full.is_none_or(|last| now >= last + FULL) {
            self.full = Some(now);
            self.side.tell(Shape::event("storage-full"));
            self.network.measure();
        }
    }

    /// Says that the vault has changed when it has: a head counts from when it is kept.
    fn look_at_heads(&mut self) {
        let heads = self.peer().map(|peer| peer.vault().heads().map(Head::id).collect()).unwrap_or_default();
        if heads != self.heads {
            self.heads = heads;
            self.side.tell(Shape::event("changed"));
        }
    }

    fn handle(&mut self, now: Time, input: peer::Input) {
        match (&mut self.machine, input) {
            (Machine::Peer(peer), input) => peer.handle(now, input),
            (Machine::Visitor(visitor), input) => visitor.handle(now, input),
            (Machine::Node(node), peer::Input::Node(input)) => node.handle(now, input),
            (Machine::Node(node), peer::Input::Tick) => node.handle(now, node::Input::Tick),
            // There is no vault that could have asked for it.
            (Machine::Node(_), peer::Input::Vault(_)) => {}
        }
        self.put_out(now);
    }

    /// Drains the machines, and lets them hear what came of it, until nothing more does.
    fn drain(&mut self, now: Time) {
        self.put_out(now);
        while let Some(input) = self.network.next() {
            self.handle(now, peer::Input::Node(input));
        }
    }

    fn put_out(&mut self, now: Time) {
        while let Some(output) = self.machine.poll(now) {
            match output {
                peer::Output::Vault(output) => self.of_vault(now, output),
                peer::Output::Node(node::Output::Event(event)) => self.side.event(event, self.machine.peer()),
                peer::Output::Node(output) => self.network.execute(now, output),
            }
        }
    }

    fn of_vault(&mut self, now: Time, output: vault::Output) {
        use vault::Output as O;
        match output {
            O::Job(id, job) => self.sealing.push(now, id, job),
            O::Keep(id, notes, must_last) => self.keeper.push(id, notes, must_last),
            O::More(id, bytes) => self.side.invite(id, bytes),
            O::Bytes(id, bytes) => self.side.arrive(id, bytes),
            O::Reply(id, reply) => self.side.reply(id, reply),
            O::Alarm(alarm) => self.side.tell(Shape::event("alarm").with("message", alarm.to_string())),
            // Routed to the node by the peer, so they never come here.
            O::Place(_)
            | O::Confirm(_)
            | O::Need(_)
            | O::NeedAgain(_)
            | O::Cache(_)
            | O::Forget(_)
            | O::Publish(_)
            | O::Refresh
            | O::Follow(_) => {}
        }
    }

    fn told(&mut self, now: Time) -> Vec<JsValue> {
        self.side.told(now, self.machine.peer())
    }

    fn deadline(&self) -> Option<Time> {
        let machine = match &self.machine {
            Machine::Peer(peer) => peer.deadline(),
            Machine::Node(node) => node.deadline(),
            Machine::Visitor(visitor) => visitor.deadline(),
        };
        machine.map(|deadline| deadline.at).into_iter().chain(self.network.deadline()).chain(self.sealing.deadline()).min()
    }

    /// Returns the machines of a whole peer.
    pub(crate) fn peer(&self) -> Option<&Peer> {
        self.machine.peer()
    }

    /// Returns the carriers that this peer knows by name, or by a link.
    pub(crate) fn carriers(&self) -> &[Carrier] {
        match &self.machine {
            Machine::Peer(peer) => &peer.vault().chain().tip().carriers,
            Machine::Node(_) => &[],
            Machine::Visitor(visitor) => visitor.contents().map(|contents| contents.carriers.as_slice()).unwrap_or_default(),
        }
    }

    /// Returns the node.
    pub(crate) fn node(&self) -> &Node {
        match &self.machine {
            Machine::Peer(peer) => peer.node(),
            Machine::Node(node) => node,
            Machine::Visitor(visitor) => visitor.node(),
        }
    }
}

impl Machine {
    fn poll(&mut self, now: Time) -> Option<peer::Output> {
        match self {
            Self::Peer(peer) => peer.poll(now),
            Self::Node(node) => node.poll().map(peer::Output::Node),
            Self::Visitor(visitor) => visitor.poll(now),
        }
    }

    fn peer(&self) -> Option<&Peer> {
        match self {
            Self::Peer(peer) => Some(peer),
            Self::Node(_) | Self::Visitor(_) => None,
        }
    }
}

/// How often copies are halved while there is no room.
const FULL: Span = Span::seconds(5);
