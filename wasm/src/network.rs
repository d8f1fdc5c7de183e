//! What stands between a node machine and the world: sockets, calls, tunnels and the store. Does what the machine puts out, and knows what
//! happens next.

use std::collections::VecDeque;
use std::rc::Rc;

use cachette_core::id::PeerId;
use cachette_core::identity::Identity;
use cachette_core::link::{self, CloseReason, Link};
use cachette_core::map::Map;
use cachette_core::node::{DialError, Input, LinkId, Output, TunnelId, TunnelInput, TunnelOutput};
use cachette_core::store::{Commit, RequestId, StoreAnswer, StoreFault, StoreOp};
use cachette_core::time::Time;
use cachette_core::tunnels::Tunnels;
use wasm_bindgen_futures::spawn_local;

use crate::committing::Committing;
use crate::dial::{self, Call};
use crate::driver::{Happened, Post};
use crate::entropy;
use crate::quota::Quota;
use crate::socket::{Said, Socket};
use crate::store::Durability;

/// The world of one node machine. Dropping it cuts every link off.
pub(crate) struct Network {
    identity: Rc<Identity>,
    /// The store, and what it may take; somebody who has a link stores nothing.
    quota: Option<Quota>,
    committing: Committing,
    post: Post,
    sockets: Map<LinkId, Socket>,
    /// Calls by the socket that is being tried.
    calls: Map<LinkId, Call>,
    tunnels: Tunnels,
    /// What happened and the machine has not been told.
    inputs: VecDeque<Input>,
    next: u64,
    closing: bool,
}

impl Network {
    /// Begins without any link.
    pub(crate) fn new(identity: Rc<Identity>, quota: Option<Quota>, post: Post) -> Self {
        Self {
            identity,
            quota,
            committing: Committing::default(),
            post,
            sockets: Map::new(),
            calls: Map::new(),
            tunnels: Tunnels::new(),
            inputs: VecDeque::new(),
            next: 0,
            closing: false,
        }
    }

    /// Returns what happened next.
    pub(crate) fn next(&mut self) -> Option<Input> {
        self.inputs.pop_front()
    }

    /// Takes in what a socket said.
    pub(crate) fn heard(&mut self, now: Time, number: LinkId, said: Said) {
        if let Said::Why(why) = said {
            return self.go_on(now, number, why);
        }
        let Some(socket) = self.sockets.get_mut(&number) else { return };
        match said {
            Said::Open => {
                let expected = self.calls.get(&number).map(|call| call.peer);
                match machine(now, &self.identity, link::Role::Dialer { expected }) {
                    Some(link) => socket.begin(now, link),
                    None => return self.over(now, number, CloseReason::Gone),
                }
            }
            Said::Message(message) => socket.received(now, &message),
            Said::Closed if socket.has_begun() => socket.gone(now),
            Said::Closed | Said::Why(_) => return self.over(now, number, CloseReason::Gone),
        }
        self.drain(now, number);
    }

    /// Does what the machine wants done; events are not the network's.
    pub(crate) fn execute(&mut self, now: Time, output: Output) {
        match output {
            Output::Send(number, message) => {
                if let Err(message) = self.tunnels.send(now, number, message, &mut self.inputs)
                    && let Some(socket) = self.sockets.get_mut(&number)
                {
                    socket.send(now, message);
                    self.drain(now, number);
                }
            }
            Output::Close(number) => {
                self.tunnels.close(now, number, &mut self.inputs);
                if let Some(socket) = self.sockets.get_mut(&number) {
                    socket.close(now);
                    self.drain(now, number);
                }
            }
            Output::Tunnel(tunnel, TunnelOutput::Begin { expected }) => self.begin_in(now, tunnel, expected),
            Output::Tunnel(tunnel, output) => self.tunnels.execute(now, tunnel, output, &mut self.inputs),
            Output::Dial(peer, _) if self.closing => self.inputs.push_back(Input::Unreachable(peer, DialError::NoRoute)),
            Output::Dial(peer, addresses) => self.call(now, Call::new(peer, &addresses)),
            Output::Store(request, op) if self.quota.as_ref().is_some_and(|quota| !quota.admits(&op)) => {
                self.post.tell(Happened::Full);
                self.inputs.push_back(Input::Answer(request, StoreAnswer::Failed(StoreFault::Full)));
            }
            Output::Store(request, op) => match (self.quota.clone(), op) {
                // What others count on must last, and so must what nobody could fetch again.
                (Some(quota), StoreOp::Commit(commit)) => self.committing.push(quota, &self.post, request, commit, Durability::Strict),
                (Some(quota), StoreOp::Cache(owner, block)) => {
                    self.committing.push(quota, &self.post, request, Commit::block(owner, block), Durability::Relaxed);
                }
                (Some(quota), op) => self.submit(quota, request, op),
                (None, _) => self.inputs.push_back(Input::Answer(request, StoreAnswer::Failed(StoreFault::Failed))),
            },
            Output::Event(event) => debug_assert!(false, "an event has nothing to do here: {event:?}"),
        }
    }

    /// Has the store do something that is no commit.
    fn submit(&self, quota: Quota, request: RequestId, op: StoreOp) {
        let (store, post) = (quota.store(), self.post.clone());
        spawn_local(async move {
            let thrown = if let StoreOp::Delete(_, ids) = &op { ids.len() } else { 0 };
            let answer = store.perform(op, Durability::Strict).await;
            post.trouble(&store);
            if thrown > 0 && matches!(answer, StoreAnswer::Deleted) {
                quota.ask_again();
                post.tell(Happened::Thrown(thrown));
            }
            post.tell(Happened::Node(Input::Answer(request, answer)));
        });
    }

    /// Counts what the store holds; the answer is told.
    pub(crate) fn measure(&self) {
        let Some(store) = self.quota.as_ref().map(Quota::store) else { return };
        let post = self.post.clone();
        spawn_local(async move {
            if let StoreAnswer::Usage(usage) = store.perform(StoreOp::Usage(None), Durability::Relaxed).await {
                post.tell(Happened::Measured(usage.bytes));
            }
        });
    }

    /// Wakes whoever wanted to be woken.
    pub(crate) fn tick(&mut self, now: Time) {
        let due = |socket: &Socket| socket.deadline().is_some_and(|at| at <= now);
        let due: Vec<LinkId> = self.sockets.iter().filter(|(_, socket)| due(socket)).map(|(number, _)| *number).collect();
        for number in due {
            let Some(socket) = self.sockets.get_mut(&number) else { continue };
            if socket.is_late(now) {
                self.over(now, number, CloseReason::HandshakeTimeout);
                continue;
            }
            socket.tick(now);
            self.drain(now, number);
        }
        self.tunnels.tick(now, &mut self.inputs);
    }

    /// Returns when to be woken.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.sockets.values().filter_map(Socket::deadline).chain(self.tunnels.deadline()).min()
    }

    /// Opens no more links.
    pub(crate) fn close(&mut self) {
        self.closing = true;
    }

    /// Says whether there is no link any more.
    pub(crate) fn is_quiet(&self) -> bool {
        self.sockets.is_empty()
    }

    /// Returns the bytes that passed over a link, out and in.
    pub(crate) fn traffic(&self, link: LinkId) -> (u64, u64) {
        let direct = || self.sockets.get(&link).map(Socket::traffic);
        self.tunnels.traffic(link).or_else(direct).unwrap_or_default()
    }

    /// Says whether a link leads through a carrier.
    pub(crate) fn is_relayed(&self, link: LinkId) -> bool {
        self.tunnels.traffic(link).is_some()
    }

    /// Tries the next address of a call.
    fn call(&mut self, now: Time, mut call: Call) {
        while let Some(address) = call.next() {
            let number = self.number();
            match Socket::open(now, &format!("{}/peer", address.url()), number, &self.post) {
                Ok(socket) => {
                    self.sockets.insert(number, socket);
                    self.calls.insert(number, call);
                    return;
                }
                Err(error) => call.failed(error),
            }
        }
        self.inputs.push_back(Input::Unreachable(call.peer, call.failure()));
    }

    /// Starts a link inside a tunnel.
    fn begin_in(&mut self, now: Time, tunnel: TunnelId, expected: Option<PeerId>) {
        let role = match expected {
            Some(_) => link::Role::Dialer { expected },
            None => link::Role::Listener,
        };
        match machine(now, &self.identity, role) {
            Some(link) => {
                let number = self.number();
                self.tunnels.begin(tunnel, number, link, expected, &mut self.inputs);
            }
            None => {
                self.inputs.push_back(Input::Tunnel(tunnel, TunnelInput::Closed));
                self.inputs.extend(expected.map(|peer| Input::Unreachable(peer, DialError::NoRoute)));
            }
        }
    }

    fn drain(&mut self, now: Time, number: LinkId) {
        let Some(socket) = self.sockets.get_mut(&number) else { return };
        let over = socket.drain(now, &mut self.inputs);
        if socket.peer().is_some() {
            self.calls.remove(&number);
        }
        if let Some(reason) = over {
            self.over(now, number, reason);
        }
    }

    /// Forgets a socket; a call goes on with the next address, once it is known why this one came to nothing.
    fn over(&mut self, now: Time, number: LinkId, reason: CloseReason) {
        let Some(socket) = self.sockets.remove(&number) else { return };
        let Some(call) = self.calls.get(&number) else { return self.inputs.push_back(Input::Unlinked(number, reason)) };
        match (socket.has_begun(), reason, call.tried().cloned()) {
            (true, reason, _) => self.go_on(now, number, DialError::Handshake(reason)),
            (false, CloseReason::HandshakeTimeout, _) => self.go_on(now, number, DialError::TimedOut),
            (false, _, Some(address)) if !self.closing => {
                let post = self.post.clone();
                spawn_local(async move { post.tell(Happened::Socket(number, Said::Why(dial::reason(&address).await))) });
            }
            _ => self.go_on(now, number, DialError::NoRoute),
        }
    }

    /// Goes on with the next address of a call.
    fn go_on(&mut self, now: Time, number: LinkId, why: DialError) {
        if let Some(mut call) = self.calls.remove(&number) {
            call.failed(why);
            self.call(now, call);
        }
    }

    fn number(&mut self) -> LinkId {
        self.next += 1;
        LinkId(self.next)
    }
}

/// Makes a link machine; nothing comes of it when the browser has no entropy.
fn machine(now: Time, identity: &Identity, role: link::Role) -> Option<Link> {
    let entropy = entropy::fresh().ok()?;
    Some(Link::new(now, link::Config { identity, role, entropy }))
}
