//! Somebody who means harm: a node that says what no honest node says, and sockets that are tampered with.

use std::collections::VecDeque;

use bytes::Bytes;
use cachette_core::block::{Block, SizeLog};
use cachette_core::id::{BlockId, PeerId, VaultId};
use cachette_core::message::{Ask, Denial, Has, Ids, Message, Offer, Plain, RecordBytes, RecordsAre, Refused};
use cachette_core::node::{Input, LinkId, Output};

use super::rng::Rng;

/// What a hostile node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malice {
    /// Sends blocks that nobody invited.
    Uninvited,
    /// Invites everything that is offered, and answers every fetch and want with other blocks.
    WrongBlocks,
    /// Answers questions that nobody asked.
    Answers,
    /// Offers more than anybody may leave open, again and again.
    Offers,
    /// Fetches and wants what it was never told of, in floods.
    Fetches,
    /// Hands over records that are none.
    Records,
    /// Says nothing at all.
    Silence,
    /// Takes every offer up and never says that it is stored.
    Sink,
    /// Says that it has stored whatever it is offered, and never gives any of it away.
    Boast,
}

impl Malice {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Uninvited,
        Self::WrongBlocks,
        Self::Answers,
        Self::Offers,
        Self::Fetches,
        Self::Records,
        Self::Silence,
        Self::Sink,
        Self::Boast,
    ];

    /// Says whether an honest peer must close the link for it.
    #[must_use]
    pub const fn is_forbidden(self) -> bool {
        matches!(self, Self::Uninvited | Self::WrongBlocks)
    }
}

/// What happens to socket messages on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tamper {
    /// One bit of the n-th is another one.
    Flip(u64),
    /// The n-th is lost.
    Drop(u64),
    /// The n-th comes twice.
    Repeat(u64),
    /// The n-th comes after the next one.
    Swap(u64),
    /// The n-th is chance.
    Garbage(u64),
    /// The n-th is cut short.
    Cut(u64),
}

/// A node that means harm; it has the face of an honest one.
#[derive(Debug)]
pub struct Hostile {
    malice: Malice,
    rng: Rng,
    vault: VaultId,
    me: PeerId,
    outputs: VecDeque<Output>,
}

impl Hostile {
    /// Starts one that knows a vault.
    #[must_use]
    pub const fn new(malice: Malice, me: PeerId, vault: VaultId, rng: Rng) -> Self {
        Self { malice, rng, vault, me, outputs: VecDeque::new() }
    }

    /// Takes in what happened.
    pub fn handle(&mut self, input: Input) {
        match input {
            Input::Linked { link, .. } => self.greet(link),
            Input::Received(link, message) => self.reply(link, message),
            _ => {}
        }
    }

    /// Returns the next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn greet(&mut self, link: LinkId) {
        let vault = self.vault;
        match self.malice {
            Malice::Uninvited => {
                let block = self.block();
                self.say(link, Message::Block(vault, block));
            }
            Malice::Answers => {
                let ids = self.ids(3);
                let stored = Ids { vault, ids: ids.clone() };
                self.say(link, Plain::Stored(stored.clone()));
                self.say(link, Plain::Absent(stored));
                self.say(link, Plain::Refused(Refused { vault, ids: ids.clone(), why: Denial::Limit }));
                for ask in [0, 1, 7, u32::MAX] {
                    self.say(link, Plain::Have((Ask(ask), ids.clone())));
                    self.say(link, Plain::Done((Ask(ask), ())));
                    self.say(link, Plain::Denied((Ask(ask), Denial::Busy)));
                }
                self.say(link, Plain::Pong(7));
            }
            Malice::Offers => {
                for _ in 0..6 {
                    let blocks = self.ids(2000).into_iter().map(|id| (id, SizeLog::MAX)).collect();
                    self.say(link, Plain::Offer(Offer { vault, blocks, sources: vec![self.me; 64] }));
                }
            }
            Malice::Fetches => {
                for ask in 0..300 {
                    let ids = self.ids(20);
                    self.say(link, Plain::Fetch(Ids { vault, ids: ids.clone() }));
                    self.say(link, Plain::Want(Ids { vault, ids: ids.clone() }));
                    self.say(link, Plain::Has(Has { ask: Ask(ask), vault, ids }));
                }
            }
            Malice::Records => {
                for len in [0, 1, 100, 60_000] {
                    let mut bytes = vec![0x99; len];
                    self.rng.fill(bytes.get_mut(3..).unwrap_or_default());
                    self.say(link, Plain::Publish((Ask(len as u32), RecordBytes(bytes))));
                }
            }
            Malice::WrongBlocks | Malice::Silence | Malice::Sink | Malice::Boast => {}
        }
    }

    fn reply(&mut self, link: LinkId, message: Message) {
        let vault = self.vault;
        match (self.malice, message) {
            (Malice::Silence, _) => {}
            (_, Message::Plain(Plain::Ping(number))) => self.say(link, Plain::Pong(number)),
            (Malice::WrongBlocks, Message::Plain(Plain::Fetch(_) | Plain::Want(_) | Plain::Offer(_))) => {
                let block = self.block();
                self.say(link, Message::Block(vault, block));
            }
            (Malice::Sink, Message::Plain(Plain::Offer(offer))) => {
                let ids = offer.blocks.into_iter().map(|(id, _)| id).collect();
                self.say(link, Plain::Want(Ids { vault, ids }));
            }
            (Malice::Boast, Message::Plain(Plain::Offer(offer))) => {
                let ids = offer.blocks.into_iter().map(|(id, _)| id).collect();
                self.say(link, Plain::Stored(Ids { vault: offer.vault, ids }));
            }
            (Malice::Records, Message::Plain(Plain::Records((ask, _)))) => {
                let mut bytes = vec![0x99; 500];
                self.rng.fill(&mut bytes[3..]);
                let records = vec![RecordBytes(bytes), RecordBytes(Vec::new())];
                self.say(link, Plain::RecordsAre(RecordsAre { ask, records, last: true }));
            }
            _ => {}
        }
    }

    fn say(&mut self, link: LinkId, message: impl Into<Message>) {
        self.outputs.push_back(Output::Send(link, message.into()));
    }

    fn block(&mut self) -> Block {
        let mut bytes = vec![0; 4096];
        self.rng.fill(&mut bytes);
        Block::new(bytes.into()).expect("4 KiB is a block's size")
    }

    fn ids(&mut self, count: usize) -> Vec<BlockId> {
        (0..count).map(|_| BlockId(self.rng.bytes32())).collect()
    }
}

impl Tamper {
    /// Draws one.
    pub fn draw(rng: &mut Rng) -> Self {
        let at = rng.below(12);
        [Self::Flip(at), Self::Drop(at), Self::Repeat(at), Self::Swap(at), Self::Garbage(at), Self::Cut(at)][rng.index(6)]
    }
}

/// Tampers with the socket messages of one host, once.
#[derive(Debug)]
pub struct Saboteur {
    tamper: Tamper,
    seen: u64,
    held: Option<Bytes>,
    rng: Rng,
}

impl Saboteur {
    /// Lies in wait.
    #[must_use]
    pub const fn new(tamper: Tamper, rng: Rng) -> Self {
        Self { tamper, seen: 0, held: None, rng }
    }

    /// Returns what becomes of one socket message.
    pub fn apply(&mut self, bytes: Bytes) -> Vec<Bytes> {
        let turn = self.seen;
        self.seen += 1;
        if let Some(first) = self.held.take() {
            return vec![bytes, first];
        }
        match self.tamper {
            Tamper::Drop(at) if at == turn => Vec::new(),
            Tamper::Repeat(at) if at == turn => vec![bytes.clone(), bytes],
            Tamper::Swap(at) if at == turn => {
                self.held = Some(bytes);
                Vec::new()
            }
            Tamper::Cut(at) if at == turn => vec![bytes.slice(..self.rng.index(bytes.len()))],
            Tamper::Garbage(at) if at == turn => {
                let mut garbage = vec![0; self.rng.index(5000)];
                self.rng.fill(&mut garbage);
                vec![garbage.into()]
            }
            Tamper::Flip(at) if at == turn => {
                let mut bytes = bytes.to_vec();
                let bit = self.rng.index(bytes.len().max(1) * 8);
                if let Some(byte) = bytes.get_mut(bit / 8) {
                    *byte ^= 1 << (bit % 8);
                }
                vec![bytes.into()]
            }
            _ => vec![bytes],
        }
    }
}
