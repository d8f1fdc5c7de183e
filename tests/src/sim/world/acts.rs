//! The driver: hands inputs to machines, drains them, and does what they want done. A page, and no protocol decision.

use bytes::Bytes;
use cachette_core::address::Address;
use cachette_core::id::PeerId;
use cachette_core::link::{self, CloseReason, Config, Link};
use cachette_core::message::{Message, Piece, Plain};
use cachette_core::node::{self, DialError, LinkId, TunnelId, TunnelInput, TunnelOutput};
use cachette_core::peer;
use cachette_core::vault;

use super::{Work, World};
use crate::sim::brief::Brief;
use crate::sim::broken::Broken;
use crate::sim::checked::Checked;
use crate::sim::host::{Ground, Line};
use crate::sim::network::{self, End};
use crate::sim::notes::JOB_MAX;
use crate::sim::{HostNo, Rule};

impl World {
    /// Hands everything that is on its way to its machine, and does what comes of it, until nothing is left.
    pub(super) fn pump(&mut self) {
        while let Some(work) = self.work.pop_front() {
            match work {
                Work::Brain(no, input) => {
                    let host = &mut self.hosts[no.0];
                    let now = host.local(self.now);
                    let Some(life) = &mut host.life else { continue };
                    life.brain.handle(now, input);
                    self.drain(no);
                }
                Work::Link(no, link, input) => {
                    let host = &mut self.hosts[no.0];
                    let now = host.local(self.now);
                    let Some(line) = host.life.as_mut().and_then(|life| life.lines.get_mut(&link)) else { continue };
                    line.link.handle(now, input);
                    self.drain_link(no, link);
                }
            }
        }
    }

    /// Drains the machine in the middle of a host.
    pub(super) fn drain(&mut self, no: HostNo) {
        // Rule 1 broken: the driver takes one output and leaves the rest for later.
        let hasty = self.settings.broken == Some(Rule::Drain);
        loop {
            let host = &mut self.hosts[no.0];
            let now = host.local(self.now);
            let Some(output) = host.life.as_mut().and_then(|life| life.brain.poll(now)) else { return };
            match output {
                peer::Output::Node(output) => self.act(no, output),
                peer::Output::Vault(output) => self.act_for_vault(no, output),
            }
            if hasty {
                return;
            }
        }
    }

    fn act(&mut self, no: HostNo, output: node::Output) {
        match output {
            node::Output::Dial(peer, addresses) => self.dial(no, peer, &addresses),
            node::Output::Send(link, message) => {
                let host = &self.hosts[no.0];
                let Some(line) = host.life.as_ref().and_then(|life| life.lines.get(&link)) else { return };
                let to = line.ready.and_then(|peer| self.hosts.iter().find(|host| host.peer == peer)).map(|host| host.no);
                let to = to.map_or_else(|| "?".to_owned(), |to| to.to_string());
                self.story.tell(self.now, Some(no), format_args!("→ {to}: {}", Brief(&message)));
                self.invariants.said(&self.hosts, no, &message);
                for message in self.meddled(no, message) {
                    self.work.push_back(Work::Link(no, link, link::Input::Send(message)));
                }
            }
            node::Output::Tunnel(tunnel, output) => self.act_in_tunnel(no, tunnel, output),
            node::Output::Close(link) => self.work.push_back(Work::Link(no, link, link::Input::Close)),
            node::Output::Store(request, op) => {
                let now = self.now;
                self.host_mut(no).disk.ask(now, request, op);
            }
            node::Output::Event(event) => {
                self.story.tell(self.now, Some(no), Brief(&event));
                self.invariants.told(&self.hosts, no, &event);
                self.host_mut(no).events.push(event);
            }
        }
    }

    /// What a relay that means harm makes of what passes through its tunnels.
    fn meddled(&mut self, no: HostNo, message: Message) -> Vec<Message> {
        match (message, &mut self.hosts[no.0].meddler) {
            (Message::Plain(Plain::Through((tunnel, Piece(bytes)))), Some(meddler)) => {
                let pieces = meddler.apply(bytes.into()).into_iter().filter(|piece| !piece.is_empty());
                pieces.map(|piece| Plain::Through((tunnel, Piece(piece.into()))).into()).collect()
            }
            (message, _) => vec![message],
        }
    }

    fn act_in_tunnel(&mut self, no: HostNo, tunnel: TunnelId, output: TunnelOutput) {
        let input = match output {
            TunnelOutput::Begin { expected } => {
                self.open_line(no, Ground::Tunnel(tunnel), expected);
                return;
            }
            TunnelOutput::Received(bytes) => {
                self.tell_node(no, node::Input::Tunnel(tunnel, TunnelInput::Taken(bytes.len())));
                link::Input::Received(bytes)
            }
            TunnelOutput::Room(bytes) => link::Input::Room(bytes),
            TunnelOutput::Gone => link::Input::Gone,
        };
        self.tell_link(no, Ground::Tunnel(tunnel), input);
    }

    fn act_for_vault(&mut self, no: HostNo, output: vault::Output) {
        match output {
            vault::Output::Job(id, job) => {
                let outcome = job.run();
                self.invariants.sealed(&outcome);
                let host = &mut self.hosts[no.0];
                let at = self.now + host.rng.span(0, JOB_MAX.millis());
                self.jobs.put(at, (no, host.lives, peer::Input::Vault(vault::Input::Done(id, outcome))));
            }
            vault::Output::Keep(id, notes, durable) => {
                let now = self.now;
                self.host_mut(no).notes.keep(now, id, notes, durable);
            }
            output => {
                if let vault::Output::Reply(id, reply) = &output {
                    if let Ok(vault::Reply::Committed(committed)) = reply {
                        self.invariants.committed(&self.hosts, no, committed);
                    }
                    let text = match reply {
                        Ok(reply) => format!("{reply:?}").chars().take(100).collect(),
                        Err(error) => error.to_string(),
                    };
                    self.story.tell(self.now, Some(no), format_args!("command {} → {text}", id.0));
                }
                if let vault::Output::Alarm(alarm) = &output {
                    self.story.tell(self.now, Some(no), format_args!("alarm: {alarm}"));
                }
                let inputs = self.host_mut(no).app.take(output);
                self.tell_vault(no, inputs);
            }
        }
    }

    pub(super) fn tell_vault(&mut self, no: HostNo, inputs: Vec<vault::Input>) {
        self.work.extend(inputs.into_iter().map(|input| Work::Brain(no, peer::Input::Vault(input))));
    }

    fn tell_node(&mut self, no: HostNo, input: node::Input) {
        self.work.push_back(Work::Brain(no, peer::Input::Node(input)));
    }

    fn dial(&mut self, no: HostNo, peer: PeerId, addresses: &[String]) {
        let dialable =
            |host: &&crate::sim::host::Host| addresses.iter().any(|text| Address::of(peer, text).is_ok() && host.address() == *text);
        match self.hosts.iter().find(dialable).map(|host| host.no) {
            Some(to) => {
                let end = self.network.call(self.now, no, to);
                if let Some(life) = &mut self.hosts[no.0].life {
                    life.calls.insert(end, peer);
                }
            }
            None => self.tell_node(no, node::Input::Unreachable(peer, DialError::NoAddress)),
        }
    }

    /// Drains one link.
    fn drain_link(&mut self, no: HostNo, link: LinkId) {
        let hasty = self.settings.broken == Some(Rule::Drain);
        loop {
            let host = &mut self.hosts[no.0];
            let now = host.local(self.now);
            let Some(line) = host.life.as_mut().and_then(|life| life.lines.get_mut(&link)) else { return };
            let (ground, called) = (line.ground, line.called);
            match line.link.poll(now) {
                None => return,
                Some(link::Output::Transmit(bytes)) => match ground {
                    Ground::Wire(end) => self.transmit(no, end, bytes),
                    Ground::Tunnel(tunnel) => self.tell_node(no, node::Input::Tunnel(tunnel, TunnelInput::Send(bytes))),
                },
                Some(link::Output::Ready { peer, .. }) => {
                    line.ready = Some(peer);
                    self.tell_node(no, node::Input::Linked { link, peer, dialled: called.is_some() });
                }
                Some(link::Output::Message(message)) => self.tell_node(no, node::Input::Received(link, message)),
                Some(link::Output::Closed(reason)) => return self.closed(no, link, reason),
            }
            if hasty {
                return;
            }
        }
    }

    fn transmit(&mut self, no: HostNo, end: End, bytes: Bytes) {
        let parcels = match &mut self.hosts[no.0].saboteur {
            Some(saboteur) => saboteur.apply(bytes),
            None => vec![bytes],
        };
        for parcel in parcels {
            self.network.send(self.now, end, parcel);
        }
    }

    fn closed(&mut self, no: HostNo, link: LinkId, reason: CloseReason) {
        let Some(life) = &mut self.hosts[no.0].life else { return };
        let Some(mut line) = life.lines.remove(&link) else { return };
        self.violation = self.violation.take().or_else(|| line.link.violation());
        self.story.tell(self.now, Some(no), format_args!("link {} closed: {reason}", link.0));
        self.invariants.closed(no, line.ready, reason);
        match line.ground {
            Ground::Wire(end) => self.network.close(self.now, end),
            Ground::Tunnel(tunnel) => self.tell_node(no, node::Input::Tunnel(tunnel, TunnelInput::Closed)),
        }
        match (line.ready, line.called) {
            (Some(_), _) => self.tell_node(no, node::Input::Unlinked(link, reason)),
            (None, Some(peer)) => self.tell_node(no, node::Input::Unreachable(peer, DialError::Handshake(reason))),
            (None, None) => {}
        }
    }

    /// What the network brings to a host.
    pub(super) fn arrived(&mut self, output: network::Output) {
        let end = output.end();
        let Some(no) = self.network.host_at(end).or_else(|| self.waiting_at(end)) else { return };
        if let Some(inbox) = &mut self.hosts[no.0].frozen {
            inbox.push_back(output);
            return;
        }
        match output {
            network::Output::Knock(..) => {
                let host = self.host(no);
                let taken = if host.is_up() { Some(true) } else { (!host.silent).then_some(false) };
                self.network.answer(self.now, end, taken);
                if taken == Some(true) {
                    self.open_line(no, Ground::Wire(end), None);
                    self.tell_link(no, Ground::Wire(end), link::Input::Room(SOCKET_BUFFER));
                }
            }
            network::Output::Opened(_) => {
                let called = self.hosts[no.0].life.as_mut().and_then(|life| life.calls.remove(&end));
                if called.is_some() {
                    self.open_line(no, Ground::Wire(end), called);
                    self.tell_link(no, Ground::Wire(end), link::Input::Room(SOCKET_BUFFER));
                }
            }
            network::Output::Failed(_, true) => self.call_failed(no, end, DialError::Refused),
            network::Output::Failed(_, false) => self.call_failed(no, end, DialError::TimedOut),
            network::Output::Delivered(_, bytes) => {
                self.network.take(self.now, end, bytes.len());
                self.tell_link(no, Ground::Wire(end), link::Input::Received(bytes));
            }
            network::Output::Taken(_, bytes) => self.tell_link(no, Ground::Wire(end), link::Input::Room(bytes)),
            network::Output::Gone(_) => {
                // A connection may break before its caller knows that it was open.
                self.call_failed(no, end, DialError::Refused);
                self.tell_link(no, Ground::Wire(end), link::Input::Gone);
            }
        }
    }

    fn call_failed(&mut self, no: HostNo, end: End, error: DialError) {
        let called = self.hosts[no.0].life.as_mut().and_then(|life| life.calls.remove(&end));
        if let Some(peer) = called {
            self.tell_node(no, node::Input::Unreachable(peer, error));
        }
    }

    /// The host whose call to a vanished connection is still open.
    fn waiting_at(&self, end: End) -> Option<HostNo> {
        let waits = |host: &&crate::sim::host::Host| {
            host.life.as_ref().is_some_and(|life| life.calls.contains_key(&end) || life.link_at(end).is_some())
        };
        self.hosts.iter().find(waits).map(|host| host.no)
    }

    fn tell_link(&mut self, no: HostNo, ground: Ground, input: link::Input) {
        if let Some(link) = self.hosts[no.0].life.as_ref().and_then(|life| life.link_on(ground)) {
            self.work.push_back(Work::Link(no, link, input));
        }
    }

    fn open_line(&mut self, no: HostNo, ground: Ground, called: Option<PeerId>) {
        let id = LinkId(self.next_link);
        self.next_link += 1;
        let host = &mut self.hosts[no.0];
        let now = host.local(self.now);
        let role = match called {
            Some(peer) => link::Role::Dialer { expected: Some(peer) },
            None => link::Role::Listener,
        };
        let identity = host.identity();
        let link = Link::new(now, Config { identity: &identity, role, entropy: host.rng.bytes32() });
        let who = format!("{no} link {}", id.0);
        let link = Checked::new(Broken::new(link, self.settings.broken), who, self.settings.watch, host.rng.fork());
        let Some(life) = &mut host.life else { return };
        life.lines.insert(id, Line { link, ground, called, ready: None });
        self.drain_link(no, id);
    }
}

/// Bytes that a socket takes before its reader does.
const SOCKET_BUFFER: usize = 512 << 10;
