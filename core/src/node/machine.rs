//! The node machine: hands every input to the part that it concerns, and notes from part to part.

use super::admission::refuse;
use super::asks::{Asks, Errand, Reply};
use super::audit::Audits;
use super::cache::Cache;
use super::carrying::Carrying;
use super::hub::{Followed, Hub, Note};
use super::placement::Placement;
use super::publishing::Publishing;
use super::reading::Reading;
use super::records::send_records;
use super::redeeming::Invitations;
use super::rounds::Rounds;
use super::service::Service;
use super::serving::Serving;
use super::stocking::Stocking;
use super::storage::Purpose;
use super::timers::Timer;
use super::tunnels::Tunnels;
use super::writing::Writing;
use super::{Answer, Config, Event, Input, LinkId, Output, Relayed, Request, Role, Trouble, local};
use crate::block::Block;
use crate::id::{BlockId, PeerId, VaultId};
use crate::link::CloseReason;
use crate::message::{Ask, Denial, Ids, Message, Plain, Sought};
use crate::record::{Chain, Record};
use crate::store::{Fetched, StoreAnswer, StoreOp};
use crate::time::{Deadline, Time};

/// A peer among peers. See the [module](super) for its story and the [crate] for the contract of machines.
#[derive(Debug)]
pub struct Node {
    hub: Hub,
    asks: Asks,
    // What a carrier does for others, and what everybody does.
    service: Option<Service>,
    serving: Serving,
    // What a client has done by carriers.
    writing: Writing,
    reading: Reading,
    publishing: Publishing,
    rounds: Rounds,
    audits: Audits,
    pub(super) cache: Cache,
    carrying: Carrying,
    stocking: Stocking,
    tunnels: Tunnels,
}

impl Node {
    /// Starts a node that knows nobody.
    #[must_use]
    pub fn new(now: Time, config: Config) -> Self {
        Self {
            cache: Cache::new(&config.role),
            service: Service::of(&config.role),
            hub: Hub::new(now, config),
            asks: Asks::default(),
            serving: Serving::default(),
            writing: Writing::default(),
            reading: Reading::default(),
            publishing: Publishing::default(),
            rounds: Rounds::default(),
            audits: Audits::default(),
            carrying: Carrying::default(),
            stocking: Stocking::default(),
            tunnels: Tunnels::default(),
        }
    }

    /// Takes in what happened.
    pub fn handle(&mut self, now: Time, input: Input) {
        self.hub.clock.advance(now);
        match input {
            // Nobody but members reaches a tab, and only through a tunnel.
            Input::Linked { link, peer, dialled: false } if !self.may_call(&peer) => self.hub.say(Output::Close(link)),
            Input::Linked { link, peer, dialled } => self.hub.linked(link, peer, dialled),
            Input::Received(link, message) => self.received(link, message),
            Input::Unlinked(link, reason) => self.hub.unlinked(link, reason),
            Input::Unreachable(peer, error) => self.hub.unreachable(peer, error),
            Input::Tunnel(tunnel, input) => self.tunnels.driven(&mut self.hub, tunnel, input),
            Input::Answer(request, answer) => {
                if let Some(purpose) = self.hub.answered(request) {
                    self.answered(purpose, answer);
                }
            }
            Input::Request(request) => self.request(request),
            Input::Tick => {
                while let Some(timer) = self.hub.due() {
                    self.wake(timer);
                }
            }
        }
        self.settle();
    }

    /// Returns the next thing to do, `None` when nothing is left.
    #[must_use]
    pub fn poll(&mut self) -> Option<Output> {
        self.hub.poll()
    }

    /// Returns when to call [`Node::handle`] with [`Input::Tick`], and why.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        self.hub.deadline()
    }

    /// Returns how every peer stands that this node works with, or that called it.
    pub fn peers(&self) -> impl Iterator<Item = super::PeerStanding> {
        self.hub.links.standings()
    }

    /// Says whether this tab keeps a copy of a block; carriers tell it of other tabs only.
    #[must_use]
    pub fn carries(&self, vault: &VaultId, id: &BlockId) -> bool {
        self.carrying.holds(vault, id)
    }

    /// Returns what was relayed so far.
    #[must_use]
    pub fn relayed(&self) -> Relayed {
        match &self.service {
            Some(service) => service.relaying.counts,
            None => Relayed::default(),
        }
    }

    /// Returns the link to a peer.
    #[cfg(test)]
    pub(super) fn link_of(&self, peer: &PeerId) -> Option<LinkId> {
        self.hub.links.link_of(peer)
    }

    /// Says whether a peer may call this one.
    fn may_call(&self, peer: &PeerId) -> bool {
        let member = |vault| self.hub.is_member(vault, peer);
        !matches!(self.hub.role, Role::Tab { .. }) || self.hub.followed.keys().any(member)
    }

    /// Lets every part act on what the others noted, until nobody has anything to add.
    fn settle(&mut self) {
        loop {
            while let Some(note) = self.hub.next_note() {
                self.noted(note);
            }
            self.stocking.go_on(&mut self.hub, &mut self.reading, &self.cache);
            self.reading.flush(&mut self.hub);
            self.reading.look(&mut self.hub, &mut self.asks);
            self.audits.go_on(&mut self.hub, &mut self.writing);
            self.writing.flush(&mut self.hub, &mut self.reading);
            self.carrying.flush(&mut self.hub);
            if self.hub.is_quiet() {
                return;
            }
        }
    }

    fn noted(&mut self, note: Note) {
        let hub = &mut self.hub;
        match note {
            Note::Linked(peer) => {
                self.asks.linked(hub, &peer);
                self.rounds.linked(hub, &peer);
                self.publishing.again(hub, &mut self.asks, peer);
                self.writing.linked(hub, peer);
                self.reading.linked(hub, peer);
                if let Some(service) = &mut self.service {
                    service.linked(hub, &peer);
                }
                self.carrying.linked();
            }
            Note::Unlinked(peer, link, trouble) => {
                if let Some(service) = &mut self.service {
                    service.unlinked(hub, &peer, link);
                }
                self.serving.unlinked(link);
                self.carrying.unlinked(link);
                self.tunnels.unlinked(hub, link);
                self.asks.unlinked(hub, peer, link);
                self.writing.unlinked(peer);
                self.reading.unlinked(hub, peer, trouble);
            }
            Note::Down(peer, trouble) => {
                self.asks.down(hub, peer, trouble);
                self.rounds.down(hub, &peer, trouble);
                self.writing.down(hub, peer, trouble);
                if let Some(service) = &mut self.service {
                    service.down(hub, &peer, trouble);
                }
                self.reading.changed(hub);
            }
            Note::Suspect(peer) => {
                self.writing.suspect(hub, peer);
                self.reading.changed(hub);
            }
            Note::Suspended(peer) => {
                self.writing.suspect(hub, peer);
                self.reading.suspended(hub, peer);
            }
            Note::Replied(peer, errand, result) => match errand {
                Errand::Publish(id) => self.publishing.replied(hub, &mut self.asks, peer, id, &result),
                Errand::Tunnel(other) => self.tunnels.answered(hub, &peer, other, result),
                Errand::Where(vault, ids) => self.reading.told(hub, peer, &vault, &ids, result),
                Errand::Summaries(_) | Errand::Audit(_) => self.audits.replied(hub, &mut self.asks, peer, &errand, result),
                errand => self.rounds.replied(hub, &mut self.asks, peer, errand, result),
            },
            Note::CallThrough(peer, via) => Tunnels::call(hub, &mut self.asks, peer, via.relay, via.vault),
            Note::Body(block) => self.writing.body(hub, block),
            Note::Fetched(vault, block, true) => self.cache.keep(hub, vault, block),
            Note::Fetched(vault, block, false) => self.cache.glean(hub, vault, &block),
            Note::Thrown(ids) => self.thrown(&ids),
            Note::Copy(vault, block) => self.stocking.fetched(hub, &mut self.cache, vault, block),
            Note::NoCopy(id) => self.stocking.ended(id, false),
            Note::NoBody(id, without) => self.writing.no_body(hub, id, &without),
            Note::Give(vault, block, peer) => self.writing.give(hub, vault, block.id(), Some(block), peer),
            Note::Given(id, peer, durable) => self.audits.given(id, peer, durable),
        }
    }

    fn wake(&mut self, timer: Timer) {
        let hub = &mut self.hub;
        match timer {
            Timer::Beat(link) => hub.beat(link),
            Timer::Resumed => hub.resumed(),
            Timer::Redial(peer) => hub.redial(peer),
            Timer::Fetch(id) => self.reading.late(hub, id),
            Timer::Ask(link, ask) => self.asks.expired(hub, link, ask),
            Timer::Offers(peer) => self.writing.look(hub, peer),
            Timer::Pulls => self.writing.look_at_pulls(hub),
            Timer::Bodies => self.writing.seek_bodies(hub),
            Timer::Retry(peer) => self.writing.retry(hub, peer),
            Timer::Publish(peer) => self.publishing.again(hub, &mut self.asks, peer),
            Timer::Invited(link) => {
                if let Some(service) = &mut self.service {
                    service.receiving.look(hub, link);
                }
            }
            Timer::Tunnel(peer) => self.reading.look_at_tab(hub, peer),
            Timer::Source(peer) => {
                if let Some(service) = &mut self.service {
                    service.look_at_source(hub, &peer);
                }
            }
        }
    }

    fn request(&mut self, request: Request) {
        let hub = &mut self.hub;
        match request {
            Request::Follow(chain) => self.follow(chain),
            Request::Visit { vault, carriers, replicas } => {
                let placement = Placement::of(vault, carriers, replicas);
                self.work_for(vault, Followed { chain: None, placement });
            }
            Request::Place(vault, block) if hub.lives_here(&vault) => local::place(hub, vault, block),
            Request::Place(vault, block) => {
                self.cache.carry(hub, vault, &block);
                self.writing.place(hub, vault, block);
            }
            Request::Confirm(vault, ids) if hub.lives_here(&vault) => local::confirm(hub, vault, &ids),
            Request::Confirm(vault, ids) => self.writing.confirm(hub, vault, ids),
            Request::Need(vault, ids) => self.reading.need(hub, &self.carrying, vault, ids, false),
            Request::NeedAgain(vault, ids) => self.reading.need(hub, &self.carrying, vault, ids, true),
            Request::Cache(vault, block) => self.cache.keep(hub, vault, block),
            Request::Keep(ask, vault, ids) => self.stocking.keep(hub, ask, vault, ids),
            Request::Evicted(ids) => self.thrown(&ids),
            Request::Emptied => {
                self.carrying.emptied();
                self.stocking.emptied();
                self.cache.emptied();
            }
            Request::Shrink(limit) => self.cache.shrink(hub, limit),
            Request::Forget(ids) => self.reading.forget(hub, &ids),
            Request::Publish(record) if hub.lives_here(&record.vault()) => local::publish(hub, &record),
            Request::Publish(record) => self.publishing.publish(hub, &mut self.asks, record),
            Request::Refresh(ask, vault) if hub.lives_here(&vault) => local::refresh(hub, ask, vault),
            Request::Refresh(ask, vault) => self.rounds.refresh(hub, &mut self.asks, ask, vault),
            Request::Locate(ask, vault, ids) if hub.lives_here(&vault) => {
                hub.store(StoreOp::Has(vault, ids.clone()), Purpose::LocalLocate(ask, ids));
            }
            Request::Locate(ask, vault, ids) => self.rounds.locate(hub, &mut self.asks, ask, vault, &ids),
            Request::Connect(ask, peer, addresses) => self.rounds.connect(hub, ask, peer, &addresses),
            Request::Redeem(ask, peer, token, chain) => self.rounds.redeem(hub, &mut self.asks, ask, peer, token, &chain),
            Request::FindVault(ask, peer, paper) => self.asks.ask(hub, peer, Plain::Locate((Ask(0), paper)), Errand::Records(ask)),
            Request::RecordsFrom(ask, peer, vault) => {
                self.asks.ask(hub, peer, Plain::Records((Ask(0), vault)), Errand::Records(ask));
            }
            Request::FindShare(ask, peer, vault, share) => {
                self.asks.ask(hub, peer, Plain::Share(Sought { ask: Ask(0), vault, share }), Errand::Records(ask));
            }
            Request::Survey(ask, vault) => self.rounds.survey(hub, &mut self.asks, ask, vault),
            Request::Audit { ask, vault, live, .. } if hub.lives_here(&vault) => {
                hub.store(StoreOp::Has(vault, live.clone()), Purpose::LocalAudit(ask, live));
            }
            Request::Audit { ask, vault, live, mend } => self.audits.start(hub, &mut self.asks, ask, vault, live, mend),
            Request::Invite { ask, token, limit } => match self.service {
                Some(_) => Invitations::invite(hub, ask, &token, limit),
                None => hub.tell(Event::Answered(ask, Answer::Failed(Trouble::Denied(Denial::NoRight)))),
            },
            Request::Suspend(suspended) => hub.suspend(suspended),
            Request::Drain => hub.drain(),
        }
    }

    /// Takes in that copies are no more.
    fn thrown(&mut self, ids: &[BlockId]) {
        self.carrying.lost(ids);
        self.stocking.thrown(ids);
    }

    /// Works for a vault with the carriers of its chain's tip: calls them, and no longer calls those that are gone from all vaults.
    fn follow(&mut self, chain: Chain) {
        let (vault, placement) = (chain.vault(), Placement::new(chain.tip()));
        self.work_for(vault, Followed { chain: Some(chain), placement });
    }

    fn work_for(&mut self, vault: VaultId, followed: Followed) {
        let before = self.hub.carriers(&vault);
        let carriers: Vec<_> = followed.placement.carriers().iter().map(|carrier| (carrier.peer, carrier.addresses.clone())).collect();
        self.hub.followed.insert(vault, followed);
        for peer in before {
            let kept = self.hub.followed.keys().any(|vault| self.hub.carriers(vault).contains(&peer));
            if !kept {
                self.hub.release(&peer);
            }
        }
        for (peer, addresses) in carriers {
            self.hub.call(peer, &addresses, true);
        }
        self.writing.followed(&mut self.hub, vault);
        self.reading.changed(&mut self.hub);
        self.carrying.followed(&mut self.hub, vault);
    }

    fn received(&mut self, link: LinkId, message: Message) {
        let Some(peer) = self.hub.heard(link) else { return };
        match message {
            Message::Block(vault, block) => self.block(link, peer, vault, block),
            Message::Plain(plain) => self.plain(link, peer, plain),
        }
    }

    /// Takes a block that was fetched or invited; whoever sends another one is not talked to any longer.
    fn block(&mut self, link: LinkId, peer: PeerId, vault: VaultId, block: Block) {
        if self.reading.block(&mut self.hub, peer, &block) {
            return;
        }
        let invited = match &mut self.service {
            Some(service) => service.block(&mut self.hub, link, vault, block),
            None => false,
        };
        if !invited {
            self.hub.close(link, Trouble::Unlinked(CloseReason::Malformed));
        }
    }

    fn plain(&mut self, link: LinkId, peer: PeerId, plain: Plain) {
        let hub = &mut self.hub;
        match plain {
            Plain::Ping(nonce) => hub.send(link, Plain::Pong(nonce)),
            Plain::Pong(_) => hub.pong(link),
            Plain::Suspended(suspended) => hub.peer_suspends(link, suspended),
            // To a writer.
            Plain::Want(want) => self.writing.want(hub, peer, want),
            Plain::Stored(stored) => self.writing.stored(hub, peer, &stored),
            Plain::Refused(refused) => self.writing.refused(hub, peer, &refused.ids, refused.why),
            // To a reader, or to a carrier about what it wanted.
            Plain::Absent(absent) => self.absent(link, peer, &absent),
            // To a carrier.
            Plain::Fetch(fetch) => {
                if let Some(service) = &mut self.service {
                    service.receiving.source_used(hub, &peer);
                }
                self.serving.fetch(hub, link, fetch);
            }
            Plain::Redeem(redeem) => match &mut self.service {
                Some(service) => service.invitations.redeem(hub, link, redeem),
                None => refuse(hub, link, Plain::Redeem(redeem), Denial::BadInvitation),
            },
            Plain::Locate(question) => match &mut self.service {
                Some(service) => service.locate(hub, link, peer, question),
                None => send_records(hub, link, question.0, std::iter::empty()),
            },
            Plain::Offer(_) | Plain::Has(_) | Plain::Summarise(_) | Plain::Scan(_) => self.about_vault(link, peer, plain),
            Plain::Publish(_) | Plain::Records(_) | Plain::Status(_) | Plain::Share(_) => self.about_vault(link, peer, plain),
            Plain::Carries(_) | Plain::Drops(_) | Plain::Where(_) | Plain::Open(_) => self.about_vault(link, peer, plain),
            // Through a carrier, or to the end of a tunnel: each ignores what is not its own.
            Plain::Incoming((tunnel, vault, from)) => self.tunnels.incoming(hub, link, &peer, tunnel, &vault, &from),
            Plain::Through((tunnel, piece)) => match &mut self.service {
                Some(service) => service.relaying.through(hub, link, tunnel, piece),
                None => self.tunnels.through(hub, link, tunnel, piece),
            },
            Plain::Credit((tunnel, bytes)) => match &mut self.service {
                Some(service) => service.relaying.credit(hub, link, tunnel, bytes),
                None => self.tunnels.credit(hub, link, tunnel, bytes),
            },
            Plain::Shut(tunnel) => match &mut self.service {
                Some(service) => service.relaying.shut(hub, link, tunnel),
                None => self.tunnels.shut(hub, link, tunnel),
            },
            // To whoever asked.
            Plain::Have((ask, ids)) => self.asks.answer(hub, link, ask, Ok(Reply::Have(ids))),
            Plain::Opened((ask, tunnel)) => self.asks.answer(hub, link, ask, Ok(Reply::Opened(tunnel))),
            Plain::Held((ask, rows)) => self.asks.answer(hub, link, ask, Ok(Reply::Held(rows))),
            Plain::Summaries((ask, rows)) => self.asks.answer(hub, link, ask, Ok(Reply::Summaries(rows))),
            Plain::RecordsAre(part) => self.asks.records(hub, link, part),
            Plain::StatusIs((ask, status)) => self.asks.answer(hub, link, ask, Ok(Reply::Status(status))),
            Plain::Done((ask, ())) => self.asks.answer(hub, link, ask, Ok(Reply::Done)),
            Plain::Denied((ask, denial)) => self.asks.answer(hub, link, ask, Err(denial)),
            // Nobody here scans others yet, so an answer was not asked for.
            Plain::Scanned(_) => {}
            Plain::Bye(_) => hub.close(link, Trouble::Unlinked(CloseReason::Bye)),
            // A link never passes on a header without its bytes.
            Plain::Block(_) => hub.close(link, Trouble::Unlinked(CloseReason::Malformed)),
        }
    }

    fn absent(&mut self, link: LinkId, peer: PeerId, absent: &Ids) {
        self.reading.absent(&mut self.hub, peer, &absent.ids);
        if let Some(service) = &mut self.service {
            service.absent(&mut self.hub, link, absent);
        }
    }

    /// Takes a message about a vault that this node may or may not serve. The vault is looked up first, then the sender's right.
    fn about_vault(&mut self, link: LinkId, peer: PeerId, plain: Plain) {
        let vault = match &plain {
            Plain::Offer(offer) => Some(offer.vault),
            Plain::Has(has) | Plain::Where(has) => Some(has.vault),
            Plain::Carries(ids) | Plain::Drops(ids) => Some(ids.vault),
            Plain::Open(open) => Some(open.vault),
            Plain::Summarise(summarise) => Some(summarise.vault),
            Plain::Scan(scan) => Some(scan.vault),
            Plain::Records((_, vault)) | Plain::Status((_, vault)) => Some(*vault),
            Plain::Share(sought) => Some(sought.vault),
            Plain::Publish((_, bytes)) => Record::vault_named_in(&bytes.0).ok(),
            _ => None,
        };
        let Some(vault) = vault else { return refuse(&mut self.hub, link, plain, Denial::Malformed) };
        match &mut self.service {
            Some(service) => service.about_vault(&mut self.hub, link, peer, (vault, plain)),
            None => refuse(&mut self.hub, link, plain, Denial::NotAdmitted),
        }
    }

    fn answered(&mut self, purpose: Purpose, answer: StoreAnswer) {
        let hub = &mut self.hub;
        match purpose {
            Purpose::Duty(duty) => {
                if let Some(service) = &mut self.service {
                    service.answered(hub, duty, answer);
                }
            }
            Purpose::Serve(link, vault, id) => {
                if !matches!(answer, StoreAnswer::Block(Fetched::Found(_))) {
                    self.carrying.lost(&[id]);
                }
                self.serving.answered(hub, link, vault, id, answer);
            }
            Purpose::LocalMend => {}
            Purpose::Kept(vault, id, bytes) => {
                let kept = answer == StoreAnswer::Committed;
                if kept {
                    self.carrying.kept(vault, id);
                }
                self.stocking.ended(id, kept);
                self.cache.kept(hub, vault, bytes, kept);
            }
            Purpose::Stock => self.stocking.counted(&mut self.carrying, answer),
            Purpose::Cached(vault) => self.cache.answered(hub, vault, answer),
            Purpose::Inventory(vault, owner) => self.carrying.counted(hub, vault, owner, answer),
            Purpose::LocalGet(id) => self.reading.looked(hub, id, answer),
            Purpose::LocalPlace(ids) => local::placed(hub, ids, &answer),
            Purpose::LocalConfirm(ids) => local::confirmed(hub, ids, answer),
            Purpose::LocalPublish(record) => local::published(hub, record, &answer),
            Purpose::LocalRefresh(ask, vault) => local::refreshed(hub, ask, vault, answer),
            Purpose::LocalLocate(ask, ids) => local::located(hub, ask, ids, answer),
            Purpose::LocalAudit(ask, live) => local::audited(hub, ask, live, answer),
        }
    }
}
