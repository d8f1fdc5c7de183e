//! Stories of somebody with a link, and of nodes that tell the truth about it, or less.

use std::sync::Arc;

use super::*;
use crate::id::VaultId;
use crate::identity::Identity;
use crate::link::CloseReason;
use crate::message::{Message, Plain, RecordBytes, RecordsAre};
use crate::node::{Config, DialError, LinkId, Role};
use crate::record::testing::identity;
use crate::record::{Carrier, Chain, Policy};
use crate::share_link::ShareSecret;
use crate::vault::keys::{Amendment, Keyring, found, withdraw_share, write_share};
use crate::vault::tree::{Meta, Node as Entry, Path};
use crate::vault::{Command, CommandError, CommandId, Reply, SharedKind};

const NOW: Time = Time(1_000);

/// A vault with three carriers, and a link to an empty folder of it.
struct World {
    chain: Chain,
    keyring: Keyring,
    device: Identity,
    link: ShareLink,
}

/// What a node does when it is called and asked.
#[derive(Clone)]
enum Manner {
    Away,
    Shows(Vec<Share>),
    NotAdmitted,
    HangsUp,
}

impl World {
    fn new(secret: u8) -> Self {
        let device = identity(1);
        let founding = found(&device, &identity(9), Policy::default(), &[3; 32]).expect("founded");
        let mut chain = founding.chain;
        for number in 50..53 {
            let carrier = Carrier {
                peer: identity(number).peer(),
                name: String::new(),
                addresses: vec![format!("ws://node-{number}:1")],
                weight: 1,
                zone: number.to_string(),
                draining: false,
            };
            let amendment = Amendment::of(&chain).add_carrier(carrier).expect("added");
            let certificate = amendment.sign(&device, &[4; 32]).expect("signed");
            chain.extend(certificate).expect("it follows");
        }
        let keyring = Keyring::open(&chain, &device).expect("it opens");
        let nodes = (50..53).map(|number| (identity(number).peer(), format!("ws://node-{number}:1"))).collect();
        let digest = contents(&chain, 0).digest().expect("nothing is unsealed");
        let link = ShareLink { vault: chain.vault(), secret: Arc::new(ShareSecret::new([secret; 32])), digest, nodes };
        Self { chain, keyring, device, link }
    }

    fn record(&self, sequence: u64) -> Share {
        self.record_of(&contents(&self.chain, 0), sequence)
    }

    fn record_of(&self, contents: &ShareContents, sequence: u64) -> Share {
        let contents = contents.encode().expect("it fits");
        write_share(&self.chain, &self.keyring, &self.device, &self.link.secret, sequence, (&contents, &[0; 512])).expect("signed")
    }

    fn withdrawal(&self) -> Share {
        withdraw_share(&self.chain, &self.keyring, &self.device, &self.record(1)).expect("signed")
    }

    /// Visits the link at nodes of these manners; returns what looking at the root came to.
    #[expect(clippy::needless_pass_by_value, reason = "manners are written where they are used")]
    fn visit(&self, manners: [Manner; 3]) -> Result<Entry, CommandError> {
        let node = Node::new(NOW, Config { me: identity(99).peer(), role: Role::Client, seed: [0; 32] });
        let mut visitor = Visitor::new(NOW, self.link.clone(), node);
        visitor.handle(NOW, Input::Vault(vault::Input::Command(CommandId(1), Command::Stat(Path::root()))));
        let manner = |peer: &PeerId| (50..53).zip(&manners).find(|(number, _)| identity(*number).peer() == *peer).expect("a node").1;
        let (mut links, mut reply, mut now) = (Map::new(), None, NOW);
        for _ in 0..100 {
            while let Some(output) = visitor.poll(now) {
                match output {
                    Output::Vault(vault::Output::Reply(_, Ok(Reply::Stat(node)))) => reply = Some(Ok(node)),
                    Output::Vault(vault::Output::Reply(_, Err(error))) => reply = Some(Err(error)),
                    Output::Node(node::Output::Dial(peer, addresses)) => {
                        assert!(addresses[0].starts_with("ws://node-"));
                        let input = match manner(&peer) {
                            Manner::Away => node::Input::Unreachable(peer, DialError::Refused),
                            _ => {
                                let link = LinkId(links.len() as u64);
                                links.insert(link, peer);
                                node::Input::Linked { link, peer, dialled: true }
                            }
                        };
                        visitor.handle(now, Input::Node(input));
                    }
                    Output::Node(node::Output::Send(link, Message::Plain(Plain::Share(sought)))) => {
                        assert_eq!((sought.vault, sought.share), (self.link.vault, self.link.id()));
                        let answer = match manner(&links[&link]) {
                            Manner::Shows(shares) => {
                                let records = shares.iter().map(|share| RecordBytes(share.bytes().to_vec())).collect();
                                node::Input::Received(link, Plain::RecordsAre(RecordsAre { ask: sought.ask, records, last: true }).into())
                            }
                            Manner::NotAdmitted => node::Input::Received(link, Plain::Denied((sought.ask, Denial::NotAdmitted)).into()),
                            _ => node::Input::Unlinked(link, CloseReason::Gone),
                        };
                        visitor.handle(now, Input::Node(answer));
                    }
                    Output::Node(node::Output::Store(..)) => panic!("a visitor has no store"),
                    _ => {}
                }
            }
            if let Some(deadline) = visitor.deadline().filter(|_| reply.is_none()) {
                now = deadline.at;
                visitor.handle(now, Input::Tick);
            }
        }
        reply.expect("an answer")
    }
}

fn contents(chain: &Chain, files: u64) -> ShareContents {
    ShareContents {
        root: None,
        kind: SharedKind::Folder,
        name: b"album".to_vec(),
        bytes: 0,
        files,
        created: NOW,
        replicas: 3,
        carriers: chain.tip().carriers.iter().map(|carrier| Carrier { zone: "0".into(), ..carrier.clone() }).collect(),
    }
}

fn shows<const N: usize>(shares: [Share; N]) -> Manner {
    Manner::Shows(shares.into())
}

fn failure(result: Result<Entry, CommandError>) -> LinkError {
    match result {
        Err(CommandError::Link(error)) => error,
        other => panic!("it leads somewhere: {other:?}"),
    }
}

#[test]
fn one_node_that_has_the_record_is_enough() {
    let world = World::new(1);
    let empty = Ok(Entry::Dir { meta: Meta::default(), pages: None });
    for place in 0..3 {
        let mut manners = [Manner::Away, Manner::NotAdmitted, Manner::HangsUp];
        manners[place] = shows([world.record(1)]);
        assert_eq!(world.visit(manners), empty, "node {place}");
    }
}

#[test]
fn a_link_that_leads_nowhere_says_why() {
    let world = World::new(1);
    let all = |manner: Manner| [manner.clone(), manner.clone(), manner];
    assert_eq!(failure(world.visit(all(Manner::Away))), LinkError::Unreachable);
    assert_eq!(failure(world.visit(all(Manner::HangsUp))), LinkError::Unreachable);
    assert_eq!(failure(world.visit(all(Manner::NotAdmitted))), LinkError::Vanished);
    assert_eq!(failure(world.visit(all(shows([])))), LinkError::Vanished);
    assert_eq!(failure(world.visit([Manner::Away, shows([]), Manner::Away])), LinkError::Vanished);
    assert_eq!(failure(world.visit(all(shows([world.withdrawal()])))), LinkError::Withdrawn);
}

#[test]
fn m27_altered_swapped_and_foreign_records_open_nothing_and_hide_nothing() {
    let (world, other) = (World::new(1), World::new(2));
    let good = world.record(1);
    // Another link's record under this one's locator, signed by a device of the vault.
    let swapped = Share::sign(good.fields, other.record(1).sealed, &world.device).expect("signed");
    // Another device takes the sealed parts over.
    let fields = crate::record::ShareFields { device: identity(7).peer(), ..good.fields };
    let taken = Share::sign(fields, good.sealed.clone(), &identity(7)).expect("signed");
    // Another vault shows them under its own name.
    let fields = crate::record::ShareFields { vault: VaultId([5; 32]), ..good.fields };
    let foreign = Share::sign(fields, good.sealed.clone(), &world.device).expect("signed");
    // Somebody who has the link, and so its secret, shows others something else.
    let replaced = world.record_of(&contents(&world.chain, 7), 3);
    for hostile in [&swapped, &taken, &foreign, &other.record(1), &replaced] {
        assert_eq!(failure(world.visit([shows([hostile.clone()]), Manner::Away, Manner::Away])), LinkError::NotOpened);
        let beside = [shows([hostile.clone()]), shows([hostile.clone(), good.clone()]), Manner::Away];
        assert!(world.visit(beside).is_ok());
    }
}

#[test]
fn m28_a_withdrawal_counts_against_a_carrier_that_missed_it_and_a_made_up_one_does_not() {
    let world = World::new(1);
    let (live, proven) = (world.record(1), world.withdrawal());
    let orders = [[shows([live.clone()]), shows([proven.clone()]), Manner::Away], [shows([proven]), shows([live.clone()]), Manner::Away]];
    // Asked at once, the one that missed it may be the first to answer: what was begun ends then.
    assert_eq!(failure(world.visit(orders[1].clone())), LinkError::Withdrawn);
    let _ = world.visit(orders[0].clone());
    // A node signs a withdrawal with a key of its own; it has no proof.
    let fields = crate::record::ShareFields { device: identity(50).peer(), sequence: 9, ..live.fields };
    let made_up = Share::sign(fields, None, &identity(50)).expect("signed");
    assert!(world.visit([shows([made_up.clone()]), shows([live]), Manner::Away]).is_ok());
    assert_eq!(failure(world.visit([shows([made_up]), Manner::Away, Manner::Away])), LinkError::Withdrawn);
}
